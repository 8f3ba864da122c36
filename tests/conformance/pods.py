"""Pods as the operator renders them, run as processes without a kubelet: each container has the command, environment,
user and mounts that the pod gives it, in a root of its own, which is read-only. What the machine lends it stands for
its image."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile

from egress_path import DEADLINE, wait_for

# What an image has of the machine: TARGET -> source. Libraries for a program of ours or Envoy, everything for an agent.
LIBRARIES = {path: path for path in ("/usr/lib", "/usr/lib64") if os.path.isdir(path)}
SYSTEM = {path: path for path in ("/usr", "/etc/alternatives") if os.path.isdir(path)}
LINKS = ("bin", "sbin", "lib", "lib64")  # into /usr
# What the kubelet tells each container of the API server's Service.
SERVICE = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
DEVICES = ("null", "zero", "full", "random", "urandom")


def can_run():
    """Users of containers are users of the machine."""
    return os.geteuid() == 0 and int(pathlib.Path("/proc/self/uid_map").read_text().split()[2]) > 65536


class Pod:
    """`images` is {container: {TARGET: source}}, `objects` are the cluster's ConfigMaps and Secrets:
    {(kind, name): {key: text}}. `network` is the process whose network the pod has; without one it has the caller's."""

    def __init__(self, spec, directory, images, objects, network=None):
        self.spec = spec
        self._directory, self._images, self._network = pathlib.Path(directory), images, network
        self._directory.mkdir(parents=True)
        self._group = spec.get("securityContext", {}).get("fsGroup", 0)
        self._versions = itertools.count(1)
        self._volumes = {volume["name"]: self._make(volume, objects) for volume in spec["volumes"]}
        self._containers = {each["name"]: each for each in [*spec.get("initContainers", []), *spec["containers"]]}
        self._running = {}

    def start(self, *names):
        """Those containers one after the other, as a kubelet does: one that ends has to end well, a sidecar and what is
        among `containers` runs on; the next one begins when a postStart hook has ended and a startupProbe succeeds."""
        for name in names:
            container = self._containers[name]
            if container in self.spec["containers"] or container.get("restartPolicy") == "Always":
                self._running[name] = self._process(name, self._command(container))
                if hook := container.get("lifecycle", {}).get("postStart"):
                    done = self.run(name, *hook["exec"]["command"])
                    assert done.returncode == 0, (done.stdout, done.stderr, self.log(name))
                if probe := container.get("startupProbe"):
                    wait_for(f"the startup of {name}", lambda: self.probe(name, probe))
            else:
                done = self.run(name, *self._command(container))
                assert done.returncode == 0, (done.stdout, done.stderr, self.message(name))

    def close(self):
        for process in reversed(self._running.values()):
            _end(process)

    def restart(self, name):
        """Kills the container, and starts it again."""
        _end(self._running.pop(name))
        self.start(name)

    def update(self, secret, values):
        """Brings a changed Secret into every volume that has it."""
        for volume in self.spec["volumes"]:
            if volume.get("secret", {}).get("secretName") == secret:
                self._fill(self._volumes[volume["name"]], volume["secret"], values)

    @contextlib.contextmanager
    def running(self, name, *command):
        """A command in that container, beside what else runs; its input ends with the with statement. `output` of the
        process is then what it printed."""
        process = self._process(name, command, stdin=subprocess.PIPE, output=subprocess.PIPE)
        try:
            yield process
            process.output, errors = process.communicate(timeout=DEADLINE)
            assert process.returncode == 0, errors
        finally:
            _end(process)

    def probe(self, name, probe):
        # What is escaped the kubelet leaves to the program.
        command = [word.replace("$$(", "$(") for word in probe["exec"]["command"]]
        return self.run(name, *command).returncode == 0

    def run(self, name, *command, image=None, extra=None, text=None):
        """A command in that container to its end; `image` instead of the container's own, `extra` variables."""
        process = self._process(name, command, image, extra, subprocess.PIPE, subprocess.PIPE)
        try:
            out, errors = process.communicate(text, timeout=4 * DEADLINE)
        finally:
            _end(process)
        return subprocess.CompletedProcess(command, process.returncode, out, errors)

    def message(self, name):
        """The termination message."""
        return self._file(name, "message").read_text()

    def log(self, name):
        return self._file(name, "log").read_text()

    def volume(self, name):
        """Where the volume lies on the machine."""
        return self._volumes[name]

    def mounts(self, name):
        """{path in the container: volume}"""
        return {mount["mountPath"]: mount["name"] for mount in self._containers[name]["volumeMounts"]}

    # ---- Volumes

    def _make(self, volume, objects):
        where = self._directory / "volumes" / volume["name"]
        where.mkdir(parents=True)
        os.chown(where, 0, self._group)
        if "emptyDir" in volume:
            where.chmod(0o2777)
            return where
        kind = next(kind for kind in ("configMap", "secret") if kind in volume)
        source = volume[kind]
        values = objects.get((kind, source.get("name") or source["secretName"]))
        assert values is not None or source.get("optional"), volume
        self._fill(where, source, values or {})
        return where

    def _fill(self, where, source, values):
        """As the kubelet does: all files of a version appear by one rename."""
        version = where / f"..{next(self._versions)}"
        version.mkdir()
        chosen = {item["key"]: item["path"] for item in source["items"]} if "items" in source else None
        for key, value in values.items():
            if chosen is not None and key not in chosen:
                continue
            path = chosen[key] if chosen else key
            (version / path).write_text(value)
            (version / path).chmod(source["defaultMode"])
            os.chown(version / path, 0, self._group)
            if not (where / path).is_symlink():
                (where / path).symlink_to(f"..data/{path}")
        (where / "..data_tmp").symlink_to(version.name)
        (where / "..data_tmp").rename(where / "..data")

    # ---- Containers

    def _file(self, name, kind):
        path = self._directory / f"{name}.{kind}"
        if not path.exists():
            path.touch()
            path.chmod(0o666)
        return path

    @staticmethod
    def _variables(container):
        return {**{each["name"]: each["value"] for each in container.get("env", [])}, **SERVICE}

    def _command(self, container):
        """With the values of variables, which the kubelet puts into the command of a container and of nothing else."""
        variables = self._variables(container)
        return [re.sub(r"\$\((\w+)\)", lambda match: variables.get(match[1], match[0]), word)
                for word in container["command"] + container["args"]]

    def _process(self, name, command, image=None, extra=None, stdin=None, output=None):
        container = self._containers[name]
        context = {**self.spec["securityContext"], **container["securityContext"]}
        assert context["readOnlyRootFilesystem"] and context["runAsNonRoot"], name
        variables = self._variables(container)
        root = pathlib.Path(tempfile.mkdtemp(dir=self._directory, prefix=f"{name}-"))
        script = self._root(container, root, self._images[name] if image is None else image)
        user, group = context["runAsUser"], context["runAsGroup"]
        script.append(shlex.join(
            ["exec", "setpriv", "--no-new-privs", "chroot", f"--userspec=+{user}:+{group}", f"--groups={self._group}",
             str(root), "/usr/bin/env", "--ignore-environment", "PATH=/usr/local/bin:/usr/bin:/bin",
             *(f"{key}={value}" for key, value in {**variables, **(extra or {})}.items()), *command]))
        entered = ["nsenter", f"--net=/proc/{self._network}/ns/net"] if self._network else []
        with self._file(name, "log").open("a") as log:
            return subprocess.Popen(
                [*entered, "unshare", "--mount", "--pid", "--fork", "sh", "-c", "\n".join(script)],
                stdin=stdin or subprocess.DEVNULL, stdout=output or log, stderr=output or log, text=True)

    def _root(self, container, root, image):
        """The commands that make its root, in a mount namespace of its own."""
        quoted = shlex.quote(str(root))
        script = ["set -e", f"mount -t tmpfs -o mode=0755 container {quoted}", f"cd {quoted}",
                  "mkdir -p dev etc proc usr/bin", *(f"ln -s usr/{name} {name}" for name in LINKS)]
        # An image of ours has no `env`; it is how the container gets its environment and nothing of ours.
        binds = {**image, "/usr/bin/env": "/usr/bin/env"} if "/usr" not in image else dict(image)
        binds |= {f"/dev/{name}": f"/dev/{name}" for name in DEVICES}
        binds[container["terminationMessagePath"]] = str(self._file(container["name"], "message"))
        writable = {f"/dev/{name}" for name in DEVICES} | {container["terminationMessagePath"]}
        for mount in container["volumeMounts"]:
            assert "subPath" not in mount, mount
            binds[mount["mountPath"]] = str(self._volumes[mount["name"]])
            if not mount.get("readOnly"):
                writable.add(mount["mountPath"])
        for target in sorted(binds):
            source, inside = binds[target], target.lstrip("/")
            make = "mkdir -p {0}" if os.path.isdir(source) else "mkdir -p $(dirname {0}) && : >>{0}"
            script.append(make.format(shlex.quote(inside)))
            script.append(shlex.join(["mount", "--rbind", source, inside]))
            if target not in writable:
                script.append(shlex.join(["mount", "-o", "remount,bind,ro", inside]))
        lines = "".join(f"nameserver {address}\n" for address in
                        self.spec.get("dnsConfig", {}).get("nameservers", ["127.0.0.1"]))
        return [*script, f"printf %s {shlex.quote(lines)} >etc/resolv.conf",
                "printf 'root:x:0:0::/:/bin/sh\n' >etc/passwd",
                "mount -t proc proc proc", f"mount -o remount,ro {quoted}", "cd /"]


def _end(process):
    """Kills the container's first process, with which all others of it end, and waits until they have."""
    if process.poll() is None:
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        if not children:
            process.kill()
    process.wait(DEADLINE)


class Network:
    """The network of a sandbox's pod: loopback, and of everything else the address of its gateway alone, as the
    policies have it."""

    def __init__(self, gateway):
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.process = self._holder.pid
        own = os.readlink("/proc/self/ns/net")
        wait_for("a network namespace", lambda: os.readlink(f"/proc/{self.process}/ns/net") != own)
        self._ip("link", "add", "pod0", "type", "veth", "peer", "name", "eth0", "netns", str(self.process))
        self._ip("address", "add", gateway, "peer", "192.0.2.2/32", "dev", "pod0")
        self._ip("link", "set", "pod0", "up")
        self._ip("link", "set", "lo", "up", inside=True)
        self._ip("address", "add", "192.0.2.2", "peer", f"{gateway}/32", "dev", "eth0", inside=True)
        self._ip("link", "set", "eth0", "up", inside=True)

    def close(self):
        self._holder.kill()
        self._holder.wait()

    def _ip(self, *arguments, inside=False):
        entered = ["nsenter", f"--net=/proc/{self.process}/ns/net"] if inside else []
        subprocess.run([*entered, "ip", *arguments], check=True)


def rendered(program, sandbox, configuration):
    """What the operator would make of the sandbox, {(kind, name): object}."""
    done = subprocess.run([program, "render", "-o", "json", "--config", str(configuration), str(sandbox)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    items = json.loads(done.stdout)["items"]
    return {(item["kind"], item["metadata"]["name"]): item for item in items}

