"""stockade-credentials as the process that it is in a gateway's pod. The namespace's name server and the authorities of
the outside stand where the pod's and its image's would."""

import json
import os
import subprocess

PROGRAM = os.environ.get("STOCKADE_TEST_CREDENTIALS", "")
# $0 and the next argument are bound over those of the machine, in a mount namespace that nobody else sees.
BOUND = ('mount --bind "$0" /etc/resolv.conf && mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && shift && '
         'exec "$@"')


class Program:
    """One mode of the program on a Root, whose credentials.json is written."""

    def __init__(self, root, roots, mode, *options):
        self._errors, self._message = root.path / f"{mode}.stderr", root.path / f"{mode}.message"
        resolver = root.path / "resolv.conf"
        resolver.write_text("nameserver 127.0.0.1\n")
        self._message.unlink(missing_ok=True)
        with self._errors.open("a") as errors:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", BOUND, str(resolver), str(roots), PROGRAM, mode, "--config",
                 str(root.file("/etc/stockade/proxy/credentials.json")), "--message", str(self._message), *options],
                stdout=subprocess.DEVNULL, stderr=errors)

    def wait(self, timeout=60):
        return self._process.wait(timeout)

    def running(self):
        return self._process.poll() is None

    def close(self):
        """Ends it as a kubelet does, and returns its exit code."""
        self._process.terminate()
        return self.wait()

    def errors(self):
        return self._errors.read_text()

    def message(self):
        return self._message.read_text() if self._message.exists() else ""

    def lines(self):
        """Its log. What is no JSON is the sentence with which it ends."""
        text = self.errors()
        lines = text[: text.rfind("\n") + 1].splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def logged(self, event):
        return [line for line in self.lines() if line["event"] == event]
