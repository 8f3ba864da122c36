"""Sandboxes for a harness that runs outside of them: claim one, run commands in it, copy files in and out, release it.

    with Sandbox.claim("agents", pool="python") as sandbox:
        sandbox.write("/workspace/job.py", b"print(6 * 7)")
        print(sandbox.run("python3", "/workspace/job.py").stdout)

Needs the official client, `pip install kubernetes`, and in the sandbox's image `sh`, `head`, `base64` and `tar`. The
caller may do what docs/brain-and-hands.md lists, and nothing else; what runs in the sandbox gets none of it.
"""

import base64
import dataclasses
import io
import pathlib
import tarfile
import time
import zlib

import kubernetes
import kubernetes.stream

GROUP, VERSION, PLURAL = "stockade.dev", "v1alpha1", "agentsandboxclaims"
CHUNK = 64 << 10  # characters of one message to a command
# What runs in the sandbox is not trusted with the caller's memory, disk and time: seconds, and bytes.
TIMEOUT, LIMIT = 300, 64 << 20


class ClaimFailed(Exception):
    """No sandbox was got; says why, as the claim's condition Ready does."""


class CommandFailed(Exception):
    """A command ended otherwise than well, or said more than it may."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What a command printed, and how it ended."""

    stdout: str
    stderr: str
    exit_code: int


def _ready(claim):
    conditions = claim.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == "Ready"), {"status": "Unknown", "reason": "", "message": ""})


class Sandbox:
    """A sandbox that a claim has got. It goes with its claim."""

    def __init__(self, api_client, claim, container):
        self._core = kubernetes.client.CoreV1Api(api_client)
        self._objects = kubernetes.client.CustomObjectsApi(api_client)
        self.namespace, self.claim_name = claim["metadata"]["namespace"], claim["metadata"]["name"]
        self.name, self.pod = claim["status"]["sandbox"]["name"], claim["status"]["sandbox"]["podName"]
        self.warm = claim["status"].get("warm", False)
        # The name of its Service, where its template has one.
        self.service = claim["status"]["sandbox"].get("serviceFQDN", "")
        self._container = container

    @classmethod
    def claim(cls, namespace, pool=None, template=None, env=None, timeout=120, lifetime=3600, container="agent",
              api_client=None):  # fmt: skip
        """Claims a sandbox of a pool, or one that is made from a template, and waits up to `timeout` seconds until it is
        ready. After `lifetime` seconds it goes, whatever becomes of the caller. `container` is where commands run.

        Raises ClaimFailed, or what the API server says: a rule that the claim breaks is an ApiException with status 422
        or 403, whose body names the field.
        """
        if api_client is None:
            kubernetes.config.load_config()
            api_client = kubernetes.client.ApiClient()
        source = {"poolRef": {"name": pool}} if pool is not None else {"templateRef": {"name": template}}
        wanted = {
            "apiVersion": f"{GROUP}/{VERSION}", "kind": "AgentSandboxClaim", "metadata": {"generateName": "claim-"},
            "spec": {
                **source, "timeoutSeconds": timeout,
                "env": [{"name": name, "value": value} for name, value in (env or {}).items()],
                # Nothing of a caller that crashed stays.
                "lifecycle": {"maxLifetimeSeconds": lifetime, "ttlSecondsAfterFinished": 60},
            },
        }  # fmt: skip
        objects = kubernetes.client.CustomObjectsApi(api_client)
        claim = objects.create_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, wanted)
        try:
            return cls(api_client, cls._wait(objects, claim, timeout), container)
        except BaseException:
            cls._delete(objects, namespace, claim["metadata"]["name"])
            raise

    @staticmethod
    def _wait(objects, claim, timeout):
        namespace, name = claim["metadata"]["namespace"], claim["metadata"]["name"]
        deadline = time.monotonic() + timeout
        ready = _ready(claim)
        while (left := deadline - time.monotonic()) > 0:
            events = kubernetes.watch.Watch().stream(
                objects.list_namespaced_custom_object, GROUP, VERSION, namespace, PLURAL,
                field_selector=f"metadata.name={name}", timeout_seconds=max(1, round(left)),
            )  # fmt: skip
            for event in events:
                found = event["object"]
                if event["type"] == "DELETED":
                    raise ClaimFailed(f"claim {namespace}/{name} was deleted")
                ready = _ready(found)
                if ready["status"] == "True":
                    return found
                if found.get("status", {}).get("finishedAt"):
                    raise ClaimFailed(f"{ready['reason']}: {ready['message']}")
        raise ClaimFailed(f"not ready within {timeout} s: {ready['reason']}: {ready['message']}")

    @staticmethod
    def _delete(objects, namespace, name):
        try:
            objects.delete_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, name)
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise

    def release(self):
        """Gives the sandbox up; its pod and its volumes go."""
        self._delete(self._objects, self.namespace, self.claim_name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def run(self, *command, stdin="", timeout=TIMEOUT, limit=LIMIT):
        """Runs a command and returns its Result, whatever its exit code. A command that reads its input to the end has
        to know where that is: the API cannot close it. Raises TimeoutError after `timeout` seconds, and CommandFailed
        when it prints more than `limit` characters or the connection breaks off; the command may go on then."""
        connection = kubernetes.stream.stream(
            self._core.connect_get_namespaced_pod_exec, self.pod, self.namespace, container=self._container,
            command=list(command), stdin=bool(stdin), stdout=True, stderr=True, tty=False, _preload_content=False,
        )  # fmt: skip
        deadline = time.monotonic() + timeout
        out, errors, size = [], [], 0
        try:
            for begin in range(0, len(stdin), CHUNK):
                connection.write_stdin(stdin[begin : begin + CHUNK])
            while connection.is_open():
                connection.update(timeout=1)
                if connection.peek_stdout():
                    out.append(connection.read_stdout())
                    size += len(out[-1])
                if connection.peek_stderr():
                    errors.append(connection.read_stderr())
                    size += len(errors[-1])
                if size > limit:
                    raise CommandFailed(f"{command[0]} printed more than {limit} characters")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{command[0]} did not end within {timeout} s")
            out.append(connection.read_stdout(timeout=0) or "")
            errors.append(connection.read_stderr(timeout=0) or "")
            return Result("".join(out), "".join(errors), self._exit_code(connection, command[0]))
        finally:
            connection.close()

    @staticmethod
    def _exit_code(connection, command):
        """What the API server says at the end of a stream: nothing, where that broke off, and no number of a program that
        is not there."""
        try:
            code = connection.returncode
        except (IndexError, KeyError, TypeError, ValueError):
            code = None
        if code is None:
            raise CommandFailed(f"{command} could not be started, or the connection to it broke off")
        return code

    def _must(self, *command, stdin="", timeout=TIMEOUT, limit=LIMIT):
        done = self.run(*command, stdin=stdin, timeout=timeout, limit=limit)
        if done.exit_code != 0:
            raise CommandFailed(f"{command[-1]}: {done.stderr.strip() or done.exit_code}")
        return done.stdout

    def write(self, path, data):
        """Makes a file of the sandbox, whose directory is there, of bytes."""
        text = base64.b64encode(data).decode()
        self._must("sh", "-c", 'head -c "$1" | base64 -d >"$2"', "sh", str(len(text)), str(path), stdin=text)

    def read(self, path, limit=LIMIT):
        """The bytes of a file of the sandbox, which has at most three quarters of `limit`."""
        return base64.b64decode(self._must("sh", "-c", 'base64 "$1"', "sh", str(path), limit=limit))

    def copy_in(self, source, directory):
        """Copies a file or a directory of ours into a directory of the sandbox."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            tar.add(source, arcname=pathlib.Path(source).name)
        text = base64.b64encode(archive.getvalue()).decode()
        script = 'head -c "$1" | base64 -d | tar -xzf - -C "$2"'
        self._must("sh", "-c", script, "sh", str(len(text)), str(directory), stdin=text)

    def copy_out(self, source, directory, limit=LIMIT):
        """Copies a file or a directory of the sandbox into a directory of ours. What comes is the agent's: nothing of it
        is put outside of that directory, no link, device or mode beyond reading and writing is taken over, and its
        files have at most `limit` bytes together."""
        script = 'tar -czf - -C "$(dirname "$1")" "$(basename "$1")" | base64'
        data = base64.b64decode(self._must("sh", "-c", script, "sh", str(source), limit=limit))
        unpacked = zlib.decompressobj(wbits=31)  # of gzip
        archive = unpacked.decompress(data, max_length=limit)
        if unpacked.unconsumed_tail:
            raise CommandFailed(f"{source} has more than {limit} bytes")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                _extract(tar, member, pathlib.Path(directory))


def _extract(tar, member, directory):
    parts = pathlib.PurePosixPath(member.name).parts
    if not parts or member.name.startswith("/") or ".." in parts:
        raise CommandFailed(f"the sandbox's archive names {member.name!r}")
    target = directory.joinpath(*parts)
    if target.parent.resolve() != directory.resolve().joinpath(*parts[:-1]):
        raise CommandFailed(f"{member.name!r} would go through a link")
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.isfile() and not member.issparse():  # a file of holes says itself how long it is
        if target.is_symlink():
            raise CommandFailed(f"{member.name!r} is a link of ours")
        target.write_bytes(tar.extractfile(member).read())
