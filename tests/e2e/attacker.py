"""The attacker: what code that has taken over an agent tries from within its container, by the standard library alone.

Read from standard input by python3 - FACTS ATTACK...: FACTS is a JSON object of what the attacker is taken to know,
each ATTACK the name of a function below, with its argument after a colon. Prints a JSON object, ATTACK -> what came of
it in a few words. An attack whose own trial of its tools fails says so, and so agrees with no expectation.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import platform
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

FACTS = {}
SECONDS = 3  # for an answer

libc = ctypes.CDLL(None, use_errno=True)
# By architecture, where the numbers differ.
SYSTEM_CALLS = {
    "x86_64": {"bpf": 321, "perf_event_open": 298, "init_module": 175, "kexec_load": 246, "userfaultfd": 323,
               "open_by_handle_at": 304, "keyctl": 250, "reboot": 169, "setns": 308},
    "aarch64": {"bpf": 280, "perf_event_open": 241, "init_module": 105, "kexec_load": 104, "userfaultfd": 282,
                "open_by_handle_at": 265, "keyctl": 219, "reboot": 142, "setns": 268},
}[platform.machine()]  # fmt: skip
REFUSALS = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EROFS}
TUNSETIFF = 0x400454CA
CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWUTS = 0x10000000, 0x20000, 0x40000000, 0x4000000
FOREIGN = re.compile("envoy|stockade|kubelet|containerd|runsc|kube-")  # programs of others than the agent


def call(function, *arguments):
    """The error number of a function of libc; 0 where it succeeds."""
    ctypes.set_errno(0)
    return 0 if function(*arguments) >= 0 else ctypes.get_errno()


def in_child(work):
    """What work() returns in a process of its own, which may end any way."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, str(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


def need(condition, what):
    if not condition:
        raise RuntimeError(what)


# ---- The network


def tcp(address, port, interface=""):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(SECONDS)
        target = (address, int(port), 0, socket.if_nametoindex(interface)) if interface else (address, int(port))
        try:
            connection.connect(target)
        except OSError:
            return "no connection"
    return "connected"


def connect(where):
    """A fact that is ADDRESS:PORT."""
    address, _, port = FACTS[where].rpartition(":")
    return tcp(address, port)


def ask(where):
    """A name server, by UDP, twice."""
    address, _, port = FACTS[where].rpartition(":")
    query = b"\0\1\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1"
    for _ in range(2):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
            connection.settimeout(1)
            try:
                connection.sendto(query, (address, int(port)))
                connection.recv(512)
                return "answered"
            except OSError:
                pass
    return "no answer"


def resolve(_):
    try:
        return socket.getaddrinfo(FACTS["host"], 443) and "resolved"
    except OSError:
        return "no name server"


def ping(_):
    """By the socket for it, else by a raw one."""
    message = struct.pack("!BBHHH", 8, 0, 0xF7FE, 0, 1)
    allowed = False
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            with socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP) as connection:
                connection.settimeout(1)
                allowed = True
                connection.sendto(message, (FACTS["internet"].partition(":")[0], 0))
                connection.recv(512)
                return "answered"
        except OSError:
            pass
    return "no answer" if allowed else "refused"


def raw_sockets(_):
    opened = []
    for name, arguments in {
        "IP": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
        "ICMP": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        "packets": (socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)),
    }.items():
        try:
            socket.socket(*arguments).close()
            opened.append(name)
        except OSError:
            pass
    return f"opened: {', '.join(opened)}" if opened else "refused"


def link_local(where):
    """A fact that is [ADDRESS]:PORT, with an address that every interface has by itself."""
    address, _, port = FACTS[where].rpartition(":")
    interfaces = [name for _, name in socket.if_nameindex() if name != "lo"]
    need(interfaces, "there is no interface")
    outcomes = {tcp(address.strip("[]"), port, name) for name in interfaces}
    return "connected" if "connected" in outcomes else "no connection"


def gateway_without_identity(_):
    """Its own gateway, past the sidecar: it can be connected to, and wants a certificate."""
    address, _, port = FACTS["gateway"].rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = socket.create_connection((address, int(port)), SECONDS)
    try:
        with context.wrap_socket(connection) as tls:
            tls.sendall(f"CONNECT {FACTS['host']}:443 HTTP/1.1\r\nHost: {FACTS['host']}\r\n\r\n".encode())
            return "answered" if tls.recv(64) else "refused"
    except OSError:
        return "refused"


def sidecar(host):
    """What the sidecar answers to a CONNECT."""
    with socket.create_connection(("127.0.0.1", 3128), SECONDS) as connection:
        connection.settimeout(10)
        connection.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
        return connection.recv(64).split(b" ")[1].decode()


def listeners(_):
    """The ports at which others of the pod listen, but for the proxy's. A listener of its own has to be seen."""
    own = socket.create_server(("127.0.0.1", 0))
    ports = set()
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}") as lines:
            fields = [line.split() for line in lines][1:]
        ports |= {int(each[1].rpartition(":")[2], 16) for each in fields if each[3] == "0A"}
    need(own.getsockname()[1] in ports, "its own listener is not seen")
    others = sorted(ports - {own.getsockname()[1], 3128, *map(int, FACTS.get("own_ports", []))})
    return ", ".join(map(str, others)) or "none"


def abstract_sockets(_):
    """Those of others. One of its own has to be seen."""
    own = socket.socket(socket.AF_UNIX)
    own.bind("\0own")
    own.listen()
    with open("/proc/net/unix") as lines:
        names = {line.split()[-1] for line in lines if "@" in line}
    need("@own" in names, "its own socket is not seen")
    return ", ".join(sorted(names - {"@own"})) or "none"


# ---- Processes and secrets


def other_processes():
    """Process id -> command line, of all that are seen but this one."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        if int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as line:
                found[int(name)] = line.read().replace(b"\0", b" ").decode().strip()
        except OSError:
            pass
    return found


def processes(_):
    """Those of the sidecar and of other pods. A child of its own has to be seen."""
    child = subprocess.Popen(["sleep", "30"])
    try:
        seen = other_processes()
    finally:
        child.kill()
        child.wait()
    need(child.pid in seen, "its own child is not seen")
    found = sorted({line.split(" ")[0] for line in seen.values() if line and FOREIGN.search(line)})
    return ", ".join(found) or "none but its own"


def ptrace(_):
    """Attaches to every process of others that is seen, to every one that there may be and is not, and to a child of
    its own, which has to work."""
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    attach, detach = 16, 17
    child = subprocess.Popen(["sleep", "30"])
    try:
        need(call(libc.ptrace, attach, child.pid, None, None) == 0, "its own child cannot be traced")
        os.waitpid(child.pid, os.WUNTRACED)
        libc.ptrace(detach, child.pid, None, None)
    finally:
        child.kill()
        child.wait()
    own = {pid for pid, line in other_processes().items() if not FOREIGN.search(line)} | {os.getpid()}
    reached = [pid for pid in range(1, 2000) if pid not in own and call(libc.ptrace, attach, pid, None, None) == 0]
    for pid in reached:
        os.waitpid(pid, os.WUNTRACED)
        libc.ptrace(detach, pid, None, None)
    return f"attached: to {len(reached)}" if reached else "no such process"


def search(needles):
    """Where one of these texts is found in what a container can read beside its image: its mounts, and what /proc shows
    of the processes, with the files of those that have another root. A file of its own with the first one has to be
    found."""
    wanted = [each.encode() for each in json.loads(needles)]
    decoy = "/dev/shm/decoy"
    with open(decoy, "wb") as file:
        file.write(b"-" * 70000 + wanted[0])
    with open("/proc/mounts") as lines:
        mounts = [line.split()[1:3] for line in lines]
    hollow = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue"}
    paths = [f"/proc/{pid}/{name}" for pid in other_processes() for name in ("environ", "cmdline")]
    for directory, kind in mounts:
        if directory == "/" or kind in hollow or directory.startswith(("/proc", "/sys")):
            continue
        if os.path.isfile(directory):
            paths.append(directory)
        for parent, _, names in os.walk(directory):
            paths += [os.path.join(parent, name) for name in names]
    for pid in other_processes():
        paths += files_of(pid)
    found = set()
    for path in paths:
        try:
            if os.path.isfile(path) or path.startswith("/proc/"):
                with open(path, "rb") as file:
                    content = file.read(64 << 20)
                if any(each in content for each in wanted):
                    found.add(path)
        except OSError:
            pass
    os.unlink(decoy)
    need(decoy in found, "its own file is not found")
    return ", ".join(sorted(found - {decoy})) or "not found"


def files_of(pid):
    """What a process has open and where it keeps what is its own, if its root is another one."""
    root = f"/proc/{pid}/root"
    try:
        if os.path.samefile(root, "/"):
            return []
        paths = [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return []
    for directory in ("/etc/stockade", "/var/run", "/tmp"):
        for parent, _, names in os.walk(root + directory):
            paths += [os.path.join(parent, name) for name in names]
    return [path for path in paths if os.path.isfile(path)]


CREDENTIAL_PATHS = (
    "/var/run/secrets/kubernetes.io/serviceaccount/token", "/run/secrets", "/var/run/secrets/eks.amazonaws.com",
    "/etc/stockade/identity", "/etc/stockade/proxy", "/opt/stockade", "/etc/kubernetes", "/var/lib/kubelet",
    "/run/containerd/containerd.sock", "/var/run/docker.sock", "/root/.ssh", "/root/.aws", "~/.aws", "~/.ssh",
    "~/.kube", "~/.docker", "~/.config/gcloud", "~/.azure", "~/.netrc", "~/.git-credentials", "~/.npmrc",
)  # fmt: skip


def credential_paths(_):
    found = [path for path in CREDENTIAL_PATHS if os.path.exists(os.path.expanduser(path))]
    pattern = re.compile("TOKEN|SECRET|PASSWORD|API_?KEY|CREDENTIAL")
    found += sorted(filter(pattern.search, os.environ))
    return f"found: {', '.join(found)}" if found else "none"


# ---- Files, mounts and devices


def write_to_root(_):
    outcomes = set()
    for directory in ("/", "/etc", "/usr/bin", "/usr/local/bin", "/opt", "/var/tmp", "/run/lock", "/etc/stockade/ca"):
        path = f"{directory}/planted"
        try:
            with open(path, "w"):
                outcomes.add(0)
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            outcomes.add(error.errno)
    # Where everybody may write, only a read-only file system refuses.
    return "read-only" if errno.EROFS in outcomes and outcomes <= REFUSALS else "written"


def mounts(_):
    os.makedirs("/tmp/place", exist_ok=True)
    bind, remount = 0x1000, 0x20
    tried = {
        "a file system": lambda: call(libc.mount, b"none", b"/tmp/place", b"tmpfs", 0, None),
        "over a directory": lambda: call(libc.mount, b"/tmp", b"/tmp/place", None, bind, None),
        "root, to be written": lambda: call(libc.mount, None, b"/", None, bind | remount, None),
        "proc": lambda: call(libc.mount, b"proc", b"/tmp/place", b"proc", 0, None),
    }

    def attempt():
        # What privileged pods mount is gone with this namespace.
        call(libc.unshare, CLONE_NEWNS)
        return ", ".join(name for name, one in tried.items() if one() == 0)

    done = in_child(attempt)
    return f"mounted: {done}" if done else "refused"


KERNEL_FILES = (
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname",
    "/proc/sys/vm/drop_caches", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/fs/binfmt_misc/register",
    "/proc/sysrq-trigger",
    "/sys/kernel/uevent_helper", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/release_agent",
    "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids/pids.max",
)  # fmt: skip


def kernel_files(_):
    """Opens them for writing, and writes nothing."""
    opened = []
    for path in KERNEL_FILES:
        try:
            os.close(os.open(path, os.O_WRONLY))
            opened.append(path)
        except OSError:
            pass
    return "opened" if opened else "refused"


MASKED_FILES = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats",
                "/proc/scsi/scsi", "/proc/acpi/wakeup", "/sys/firmware/dmi/tables/DMI")  # fmt: skip


def masked_files(_):
    found = []
    for path in MASKED_FILES:
        try:
            with open(path, "rb") as file:
                if file.read(16):
                    found.append(path)
        except OSError:
            pass
    return "read" if found else "nothing to read"


def devices(_):
    reached = []
    for name, kind, number in (("disk", 0o060000, os.makedev(8, 0)), ("memory", 0o020000, os.makedev(1, 1))):
        path = f"/tmp/{name}"
        try:
            os.mknod(path, kind | 0o600, number)
            reached.append(f"made {name}")
            os.unlink(path)
        except OSError:
            pass
    for path in ("/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/sda", "/dev/vda", "/dev/loop-control", "/dev/net/tun"):
        try:
            with open(path, "rb+", buffering=0) as file:
                if path == "/dev/net/tun":  # anybody may open it; an interface is what counts
                    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", b"attacker", 1))
            reached.append(path)
        except OSError:
            pass
    return "reached" if reached else "refused"


def run_what_it_wrote(_):
    ran = []
    for directory in ("/tmp", os.path.expanduser("~"), "/dev/shm"):
        path = f"{directory}/written"
        try:
            with open(path, "w") as file:
                file.write("#!/bin/sh\necho ran\n")
            os.chmod(path, 0o700)
            ran += [directory] if subprocess.run([path], capture_output=True).stdout == b"ran\n" else []
        except OSError:
            pass
    return "runs" if ran else "refused"


# ---- Rights


def capabilities(_):
    """Asks for all of them, and for those that children would have."""

    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    class Data(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]

    def attempt():
        some = 1 << 21  # CAP_SYS_ADMIN
        data = (Data * 2)(Data(some, some, some), Data(0, 0, 0))
        gained = call(libc.capset, ctypes.byref(Header(0x20080522, 0)), data) == 0
        return "gained" if gained else "refused"

    with open("/proc/self/status") as lines:
        sets = dict(line.split(":\t") for line in lines if line.startswith("Cap"))
    if in_child(attempt) == "gained":
        return "gained"
    need("CapEff" in sets, "/proc tells nothing of capabilities")
    return "none" if not any(int(sets[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")) else "held"


def become_root(_):
    def attempt():
        outcomes = [call(libc.setresuid, 0, 0, 0), call(libc.setgid, 0), call(libc.setgroups, 1, (ctypes.c_int * 1)(0))]
        return "root" if 0 in outcomes else "refused"

    return in_child(attempt)


def set_user_id(_):
    """By a program of root's with the bit set-user-ID. root himself tries it as somebody else."""
    person = {"user": 10001, "group": 10001, "extra_groups": []} if os.getuid() == 0 else {}
    done = subprocess.run(["/usr/local/bin/id-of-root", "-u"], capture_output=True, text=True, **person)
    return "root" if done.stdout == "0\n" else f"user {done.stdout.strip()}"


def user_namespace(_):
    """Root in a user namespace of its own, with a network, mounts and a name of its own: and what that gives."""
    user, group = os.getuid(), os.getgid()
    os.makedirs("/tmp/place", exist_ok=True)
    with open("/proc/mounts") as lines:
        mounts = [line.split()[1:4] for line in lines]
    read_only = [place for place, kind, options in mounts if kind not in ("proc", "sysfs") and "ro" in options.split(",")]

    def is_written_to(directory):
        """Though it was mounted to be read alone."""
        if call(libc.mount, None, directory.encode(), None, 0x1020, None) != 0 or not os.path.isdir(directory):
            return False
        path = os.path.join(directory, "planted")
        try:
            with open(path, "w"):
                pass
            os.unlink(path)
        except OSError:
            return False
        return True

    def attempt():
        if call(libc.unshare, CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS) != 0:
            return "refused"
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with contextlib.suppress(OSError), open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        tried = {
            "raw sockets": lambda: raw_sockets("") != "refused",
            "a file system": lambda: call(libc.mount, b"none", b"/tmp/place", b"tmpfs", 0, None) == 0,
            "a name": lambda: call(libc.sethostname, b"x", 1) == 0,
        }
        gained = [name for name, one in tried.items() if one()]
        gained += [f"{place} to write to" for place in sorted({"/", *read_only}) if is_written_to(place)]
        return f"its own: {', '.join(gained) or 'nothing'}"

    return in_child(attempt)


def system_calls(_):
    """Those by which kernels were taken over, with arguments that do nothing. A kernel that looks at these has let the
    call in."""
    libc.syscall.restype = ctypes.c_long
    arguments = {"reboot": (1, 2, 3, 4), "setns": (-1, 0), "keyctl": (0, -3, 0), "bpf": (-1, None, 0)}
    let_in = []
    for name, number in SYSTEM_CALLS.items():
        if call(libc.syscall, number, *arguments.get(name, (None, 0, 0, 0))) not in REFUSALS:
            let_in.append(name)
    return f"answered: {', '.join(let_in)}" if let_in else "refused"


def kernel(_):
    return "the node's" if os.uname().release == FACTS["kernel"] else "another"


def kernel_log(_):
    buffer = ctypes.create_string_buffer(1 << 16)
    size = libc.klogctl(3, buffer, len(buffer))
    if size <= 0:
        return "refused"
    return "gVisor's" if b"Starting gVisor" in buffer.raw else "the node's"


# ---- Exhaustion


def memory(mebibytes):
    """Takes so much, and holds it."""

    def attempt():
        held = []
        for taken in range(int(mebibytes) // 16):
            held.append(bytearray(os.urandom(1 << 20) * 16))
            print(f"# {16 * (taken + 1)}", flush=True)
        return "taken"

    return in_child(attempt) or "killed"


def threads(count):
    """So many at once; to the kernel they are as processes, and they take less memory."""
    threading.stack_size(1 << 16)
    end, started = threading.Event(), []
    try:
        for _ in range(int(count)):
            started.append(threading.Thread(target=end.wait))
            started[-1].start()
    except RuntimeError:
        started.pop()
    end.set()
    for each in started:
        each.join()
    return "all" if len(started) == int(count) else "stopped"


def fill(mebibytes):
    """Fills its home, and waits."""
    with open(os.path.expanduser("~/filling"), "wb") as file:
        block = os.urandom(1 << 20)
        for _ in range(int(mebibytes)):
            file.write(block)
    print("# filled", flush=True)
    time.sleep(600)


# ---- What is kept


def begin_again(_):
    """Ends the container's first process, which does so upon SIGHUP."""
    os.kill(1, signal.SIGHUP)
    return "ended"


def plant(_):
    for directory in ("/tmp", os.path.expanduser("~"), "/dev/shm"):
        with open(f"{directory}/planted", "w") as file:
            file.write("kept")
    return "planted"


def kept(_):
    found = [name for name in ("/tmp", os.path.expanduser("~"), "/dev/shm") if os.path.exists(f"{name}/planted")]
    return f"kept: {', '.join(found)}" if found else "gone"


def hold(_):
    """A connection to a host, for as long as this process lives, and whatever it is told. Says each second whether the
    host still answers, and whether anything else can be reached."""
    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    connection = socket.create_connection(("127.0.0.1", 3128), SECONDS)
    connection.settimeout(SECONDS)
    connection.sendall(f"CONNECT {FACTS['host']}:443 HTTP/1.1\r\nHost: {FACTS['host']}:443\r\n\r\n".encode())
    need(b" 200 " in connection.recv(4096), "there is no way to the host")
    tls = ssl.create_default_context().wrap_socket(connection, server_hostname=FACTS["host"])
    while True:
        try:
            tls.sendall(f"GET / HTTP/1.1\r\nHost: {FACTS['host']}\r\n\r\n".encode())
            answer = "answered" if b" 200 " in tls.recv(4096) else "silent"
        except OSError:
            answer = "silent"
        print(f"# {answer}, {connect('api')}, {connect('internet')}", flush=True)
        time.sleep(1)


def write_labels(_):
    """What the downward API shows it of its own pod."""
    with open("/etc/labels/labels") as file:
        need("stockade.dev/sandbox" in file.read(), "its labels are not shown")
    try:
        with open("/etc/labels/labels", "a"):
            return "written"
    except OSError:
        return "refused"


def main():
    FACTS.update(json.loads(sys.argv[1]))
    outcomes = {}
    for attack in sys.argv[2:]:
        name, _, argument = attack.partition(":")
        try:
            outcomes[attack] = globals()[name](argument)
        except Exception as error:  # noqa: BLE001  # it is told, and agrees with nothing
            outcomes[attack] = f"not tried: {error}"
    print(json.dumps(outcomes), flush=True)


main()
