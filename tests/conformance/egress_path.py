"""The egress path as real processes: a sandbox's sidecar and gateway as the library renders them, and a client that
speaks to the sidecar byte by byte, as an agent could."""

import collections
import json
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import time

import certificates

ENVOY = os.environ.get("STOCKADE_TEST_ENVOY", "")
RENDER = os.environ.get("STOCKADE_TEST_RENDER_ENVOY", "")
DEADLINE = 30

Answer = collections.namedtuple("Answer", "connect tls status headers body", defaults=(None, None, {}, b""))


def described(answer):
    """What an answer is called in the table of attacks."""
    if answer.connect != 200:
        return "cut off at CONNECT" if answer.connect is None else f"{answer.connect} at CONNECT"
    if not answer.tls:
        return "cut off in the TLS handshake"
    return "cut off" if answer.status is None else f"{answer.status} within TLS"


def render(sandbox, facts=None, directory=None):
    """What the library makes of the sandbox in that file."""
    arguments = [RENDER, str(sandbox)]
    if facts is not None:
        path = pathlib.Path(directory) / "facts.json"
        path.write_text(json.dumps(facts))
        arguments.append(str(path))
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_for(what, condition):
    """Asks again until the condition holds."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {DEADLINE} s: {what}")


class Root:
    """A directory that stands for / in a proxy's container: rendered paths are moved below it."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory)
        for name in ("proxy", "identity", "leaves", "credentials"):
            (self.path / "etc/stockade" / name).mkdir(parents=True)
        (self.path / "run/stockade/credentials").mkdir(parents=True)

    def file(self, path):
        return self.path / path.lstrip("/")

    def write(self, files):
        for name, contents in files.items():
            text = json.dumps(contents)
            for prefix in ("/etc/stockade/", "/run/stockade/", "/var/run/secrets/stockade/"):
                text = text.replace(f'"{prefix}', f'"{self.path}{prefix}')
            self.file(f"/etc/stockade/proxy/{name}").write_text(text)

    def mount(self, directory, values):
        """Puts files where the kubelet would mount a Secret, and in the way it does: a change is one rename."""
        base = self.file(directory)
        base.mkdir(parents=True, exist_ok=True)
        version = base / f"..{time.monotonic_ns()}"
        version.mkdir()
        for name, value in values.items():
            (version / name).write_text(value)
            link = base / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        new = base / "..data_tmp"
        new.symlink_to(version.name)
        new.rename(base / "..data")


class Process:
    """An Envoy on a Root, with its audit log."""

    def __init__(self, root, base_id, concurrency=1):
        self.log_path = root.path / "stdout"
        self._errors = root.path / "stderr"
        with self.log_path.open("a") as out, self._errors.open("a") as errors:
            self._process = subprocess.Popen(
                [ENVOY, "--config-path", str(root.file("/etc/stockade/proxy/envoy.json")), "--disable-hot-restart",
                 "--base-id", str(base_id), "--concurrency", str(concurrency), "--log-level", "warning",
                 "--file-flush-interval-msec", "20"],
                stdout=out, stderr=errors)

    @property
    def pid(self):
        return self._process.pid

    def terminate(self):
        self._process.terminate()
        self._process.wait()

    def close(self):
        self._process.kill()
        self._process.wait()

    def lines(self):
        text = self.log_path.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def errors(self):
        return self._errors.read_text()


class Load:
    """50 requests a second, each by a call of `ask`, from the beginning to the end of a with statement. `answers` counts
    what it returned, or what it raised as text; `times` has each as (begun, ended, answer)."""

    def __init__(self, ask):
        self.answers, self.times = collections.Counter(), []
        self._ask, self._over = ask, threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(5)]

    def _run(self, number):
        due = time.monotonic() + number * 0.02
        while not self._over.wait(max(0, due - time.monotonic())):
            due = max(due + 0.1, time.monotonic())
            begun = time.monotonic()
            try:
                key = self._ask()
            except (OSError, AssertionError) as error:
                key = repr(error)
            self.times.append((begun, time.monotonic(), key))
            self.answers[key] += 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, key, more=20):
        target = self.answers[key] + more
        wait_for(f"{more} more answers with {key}", lambda: self.answers[key] >= target)


class EgressPath:
    """Sidecar and gateway of the sandbox in a file. `secrets` is {credential: {key: value}}, `derived` the same of what
    stockade-credentials would write, `helper` what starts it instead, of this path, before the gateway begins."""

    def __init__(self, sandbox, directory, ports, roots, secrets=None, derived=None, facts=None, helper=None):
        self.directory = pathlib.Path(directory)
        self.sidecar_port, self.gateway_port = ports
        self.sandbox = sandbox
        self.facts = {"gatewayAddress": "127.0.0.1", "gatewayPort": self.gateway_port,
                      "sidecarPort": self.sidecar_port, "resolvers": ["127.0.0.1:53"], "trustedRoots": str(roots),
                      **(facts or {})}
        rendered = render(sandbox, self.facts, directory)
        self.hash, self.server_name = rendered["hash"], rendered["serverName"]
        self.uri = f"spiffe://stockade.local/ns/team-a/profile/{self.hash}/sandbox/case/uid-1"
        self.identity = certificates.Authority(self.directory / "authorities", "identity")
        self.interception = certificates.Authority(self.directory / "authorities", "interception")
        self.sidecar_root, self.gateway_root = Root(self.directory / "sidecar"), Root(self.directory / "gateway")
        self.identify(self.sidecar_root, f"URI:{self.uri}")
        self.identify(self.gateway_root, f"DNS:{self.server_name}")
        self._leaves = [name for name in rendered["gateway"] if name.startswith("leaf-")]
        self.make_leaves(self.interception)
        for name, values in (secrets or {}).items():
            self.gateway_root.mount(f"/etc/stockade/credentials/{name}", values)
        for name, values in (derived or {}).items():
            self.gateway_root.mount(f"/run/stockade/credentials/{name}", values)
        self.sidecar_root.write(rendered["sidecar"])
        self.gateway_root.write({**rendered["gateway"], "credentials.json": rendered["credentials"]})
        self.helper = helper(self) if helper else None
        self.start_gateway()
        self.sidecar = Process(self.sidecar_root, self.sidecar_port)
        try:
            self.wait_until_it_answers()
        except AssertionError:
            print("gateway:", self.gateway.errors(), self.gateway.lines()[-3:], "sidecar:", self.sidecar.errors())
            raise

    def close(self):
        self.sidecar.close()
        self.gateway.close()
        if self.helper:
            self.helper.close()

    def start_gateway(self):
        self.gateway = Process(self.gateway_root, self.gateway_port)

    # ---- What the operator would do

    def identify(self, root, name, authority=None, trusted=()):
        """Gives a proxy an identity. It trusts the identity authority, or those that are given."""
        work = self.directory / "authorities"
        certificate, key = work / "leaf.crt", work / "leaf.key"
        (authority or self.identity).issue(certificate, key, name)
        bundle = "".join(one.certificate.read_text() for one in trusted or (self.identity,))
        root.mount("/etc/stockade/identity",
                   {"tls.crt": certificate.read_text(), "tls.key": key.read_text(), "ca.crt": bundle})

    def make_leaves(self, authority):
        """Gives the gateway a leaf for each Terminate host."""
        leaves, work = {}, self.directory / "authorities"
        for name in self._leaves:
            host = name.removeprefix("leaf-").removesuffix(".json")
            certificate, key = work / "leaf.crt", work / "leaf.key"
            authority.issue(certificate, key, f"DNS:{host.replace('_', '*', 1) if host[0] == '_' else host}")
            leaves[f"{host}.crt"], leaves[f"{host}.key"] = certificate.read_text(), key.read_text()
        self.gateway_root.mount("/etc/stockade/leaves", leaves)

    def wait_until_it_answers(self):
        wait_for("an answer of the gateway through the sidecar", self._answers)

    def _answers(self):
        try:
            return self.connect("nobody.example.test:1")[0] == 403
        except OSError:
            return False

    # ---- The agent

    def connect(self, authority, extra=b""):
        """Sends a CONNECT and returns (status, the socket, what came after the head). Status None: cut off."""
        agent = socket.create_connection(("127.0.0.1", self.sidecar_port), timeout=DEADLINE)
        text = authority if isinstance(authority, bytes) else authority.encode()
        agent.sendall(b"CONNECT " + text + b" HTTP/1.1\r\nHost: " + text + b"\r\n" + extra + b"\r\n")
        status, _, rest = read_head(agent)
        return status, agent, rest

    def open(self, authority, trust=None, server_name=None, protocols=()):
        """A TLS connection through the path to what stands behind a CONNECT; raises when there is none."""
        status, agent, _ = self.connect(authority)
        assert status == 200, status
        context = ssl.create_default_context(cafile=trust or self.interception.certificate)
        if protocols:
            context.set_alpn_protocols(protocols)
        return context.wrap_socket(agent, server_hostname=server_name or authority.rsplit(":", 1)[0])

    def ask(self, authority, server_name=None, host=None, request=None, trust=None, method="GET", path="/",
            headers=(), body=b""):
        """One exchange through the path; what is not told is what an honest client would send."""
        name = authority.rsplit(":", 1)[0]
        status, agent, _ = self.connect(authority)
        with agent:
            if status != 200:
                return Answer(status)
            context = ssl.create_default_context(cafile=trust or self.interception.certificate)
            context.check_hostname = False
            # Judged by hand, so that a name that differs can be sent.
            try:
                tls = context.wrap_socket(agent, server_hostname=(name if server_name is None else server_name) or None)
            except (ssl.SSLError, OSError):
                return Answer(status, False)
            with tls:
                if request is None:
                    lines = [f"{method} {path} HTTP/1.1", f"Host: {name if host is None else host}",
                             *(f"{key}: {value}" for key, value in headers)]
                    if body:
                        lines.append(f"Content-Length: {len(body)}")
                    request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
                try:
                    tls.sendall(request)
                    code, fields, rest = read_answer(tls)
                except (ssl.SSLError, OSError):
                    return Answer(status, True)
                return Answer(status, True, code, fields, rest)

    # ---- The audit log

    def logged(self, **wanted):
        """Waits for a line of the gateway that has these values, and returns it."""
        def find():
            lines = self.gateway.lines()
            return next((line for line in reversed(lines)
                         if all(line.get(key) == value for key, value in wanted.items())), None)
        return wait_for(f"a log line with {wanted}", find)


class Neighbour(EgressPath):
    """Another sandbox that shares the gateway of a path, with a sidecar of its own."""

    def __init__(self, path, directory, sidecar_port):
        self.directory, self.sidecar_port = pathlib.Path(directory), sidecar_port
        self.identity, self.interception = path.identity, path.interception
        (self.directory / "authorities").mkdir()
        self.sidecar_root = Root(self.directory / "sidecar")
        uri = f"spiffe://stockade.local/ns/team-a/profile/{path.hash}/sandbox/neighbour/uid-2"
        self.identify(self.sidecar_root, f"URI:{uri}")
        self.sidecar_root.write(render(path.sandbox, path.facts | {"sidecarPort": sidecar_port}, directory)["sidecar"])
        self.sidecar = Process(self.sidecar_root, sidecar_port)
        wait_for("an answer to the neighbour", self._answers)

    def close(self):
        self.sidecar.close()


def read_answer(connection):
    """(status, headers, body) of a response with a length; the body is short when the connection ends before."""
    status, fields, body = read_head(connection)
    wanted = int(fields.get("content-length", 0))
    while len(body) < wanted:
        more = connection.recv(65536)
        if not more:
            break
        body += more
    return status, fields, body


def read_head(connection):
    """(status, headers, what follows) of a response; (None, {}, ...) when the connection ends before."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = connection.recv(65536)
        except ConnectionError:
            more = b""
        if not more:
            return None, {}, data
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), fields, rest
