"""The cluster that the integration tests run against, and kubectl for it."""

import contextlib
import dataclasses
import os
import pathlib
import secrets
import subprocess
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CRDS = ROOT / "crds"
EXAMPLES = ROOT / "examples"


def crd_name(path):
    """Of the CRD in a file of crds/, which is called GROUP_PLURAL.yaml."""
    return ".".join(reversed(path.stem.split("_")))


def eventually(check, timeout=30, interval=0.1):
    """The first true result of check(). Fails the test when there is none within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < deadline, f"{check.__name__} was not true within {timeout} s"
        time.sleep(interval)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A running cluster. Safe to share: it holds no state but two paths."""

    kubeconfig: str
    kubectl_path: str

    def kubectl(self, *args, input=None, timeout=60):
        """Runs kubectl and returns its CompletedProcess, whatever the exit code.

        `input` is text for standard input, or an object (or a list of objects) to be sent as YAML.
        """
        if isinstance(input, list):
            input = yaml.safe_dump_all(input)
        elif isinstance(input, dict):
            input = yaml.safe_dump(input)
        return subprocess.run(
            [self.kubectl_path, "--kubeconfig", self.kubeconfig, *args],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout,
            check=False,
        )

    def must(self, *args, input=None, timeout=60):
        """Like kubectl(), but returns standard output and fails the test on any error."""
        done = self.kubectl(*args, input=input, timeout=timeout)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr or done.stdout}"
        return done.stdout

    def get(self, *args):
        """The object (or list) that `kubectl get ARGS` names, decoded."""
        return yaml.safe_load(self.must("get", *args, "-o", "yaml"))

    def install_crds(self):
        self.must("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
        # kubectl wait is an error as long as a new CRD has no conditions at all.
        eventually(self._crds_are_established)

    def _crds_are_established(self):
        # stockade.dev_PLURAL.yaml has PLURAL.stockade.dev. The objects are large, and nothing else of them is asked for.
        names = [crd_name(path) for path in CRDS.glob("*.yaml")]
        template = '{range .items[*]}{.status.conditions[?(@.type=="Established")].status} {end}'
        # jsonpath fails on a status that has no conditions yet.
        done = self.kubectl("get", "crd", *names, "-o", f"jsonpath={template}")
        return done.returncode == 0 and done.stdout.split() == ["True"] * len(names)

    @contextlib.contextmanager
    def new_namespace(self, prefix="test", labels=None):
        """A namespace with a name of its own, deleted afterwards without waiting for its end."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        metadata = {"name": name, "labels": labels or {}}
        self.must("create", "-f", "-", input={"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        try:
            yield name
        finally:
            self.must("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@contextlib.contextmanager
def running_cluster(directory):
    """The cluster named by STOCKADE_TEST_KUBECONFIG, or else one of our own while the context lasts.

    STOCKADE_TEST_KUBECTL names the kubectl to use; without it, the one on the PATH.
    """
    if "STOCKADE_TEST_KUBECONFIG" in os.environ:
        kubectl = os.environ.get("STOCKADE_TEST_KUBECTL", "kubectl")
        yield Cluster(os.environ["STOCKADE_TEST_KUBECONFIG"], kubectl)
        return
    directory = pathlib.Path(directory)
    script = str(ROOT / "hack" / "cluster")
    subprocess.run([script, "up", "--dir", str(directory)], check=True)
    try:
        yield Cluster(str(directory / "kubeconfig"), str(directory / "bin" / "kubectl"))
    finally:
        subprocess.run([script, "down", "--dir", str(directory)], check=True)
