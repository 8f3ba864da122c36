"""What ends on a node while an agent works: a program of Stockade, one of the node, or all at once. The sandbox is there
again by itself, and no way is open meanwhile but the one through its gateway (which test_egress.py kills)."""

import os
import shutil
import subprocess

import internet as outside
import pytest
import yaml
from attack_stage import run, sandbox

from cluster import ROOT, eventually
from pods import RESTRICTED, Pods, enforces, ready

SYSTEM = "stockade-system"
NODE_PROGRAMS = ("containerd", "kubelet", "kube-proxy", "kube-router")
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
FACTS = {"host": outside.HOSTS[0], "internet": f"{outside.HOST_ADDRESS}:443", "api": "10.96.0.1:443"}


class Drill:
    def __init__(self, agents, hack_node):
        self.agents, self.hack_node = agents, hack_node
        self.cluster = agents.cluster

    def pod(self):
        return self.cluster.get("-n", self.agents.namespace, "pod", "asb-worker")

    def identity(self):
        pod = self.pod()
        return pod["metadata"]["uid"], [each["restartCount"] for each in pod["status"]["containerStatuses"]]

    def outcomes(self):
        """By its gateway, and past it."""
        return run(self.agents, "asb-worker", FACTS, ["sidecar:api.example.com", "connect:internet", "connect:api"])

    def works(self):
        """Whether the agent is led to its host. Nothing else may be open, whether or not it is."""
        try:
            seen = self.outcomes()
        except AssertionError:  # there is nobody to ask yet
            return False
        way = seen.pop("sidecar:api.example.com")
        assert set(seen.values()) == {"no connection"}, seen
        return way == "200"

    def is_ready(self):
        done = self.cluster.kubectl(
            "-n", self.agents.namespace, "get", "agentsandbox", "worker",
            "-o", 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')
        return done.stdout == "True"

    def has_pressure(self):
        conditions = self.cluster.get("node", "node-1")["status"]["conditions"]
        return next(each["status"] for each in conditions if each["type"] == "DiskPressure") == "True"

    def runs(self):
        """Whether any container of the sandbox does."""
        pods = self.cluster.get("-n", self.agents.namespace, "pods", "-l", "stockade.dev/sandbox=worker")["items"]
        return any(
            "running" in each["state"]
            for pod in pods
            for part in ("initContainerStatuses", "containerStatuses")
            for each in pod["status"].get(part, [])
        )

    def containers(self, namespace, selector):
        """{pod/container: (identifier, restarts)} of pods that run."""
        pods = self.cluster.get("-n", namespace, "pods", "-l", selector)["items"]
        return {
            f"{pod['metadata']['name']}/{each['name']}": (each["containerID"].rpartition("/")[2], each["restartCount"])
            for pod in pods
            for each in pod["status"].get("containerStatuses", [])
        }

    def kill_containers(self, namespace, selector):
        """Kills every container of these pods and waits until each is there again."""
        before = self.containers(namespace, selector)
        assert before
        for identifier, _ in before.values():
            self.hack_node("exec", "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", identifier)

        def again():
            now = self.containers(namespace, selector)
            pods = self.cluster.get("-n", namespace, "pods", "-l", selector)["items"]
            return all(map(ready, pods)) and now.keys() == before.keys() and all(
                now[name][1] > before[name][1] for name in before)

        eventually(again, timeout=90, interval=0.5)


@pytest.fixture(scope="module")
def drill(installed, internet, hack_node):
    with installed.new_namespace("drills", RESTRICTED) as name:
        agents = Pods(installed, name)
        agents.must("create", "secret", "generic", "api", "--from-literal=token=x")
        agents.must("apply", "-f", "-", input=sandbox("worker", "GVisor"))
        found = Drill(agents, hack_node)
        eventually(found.is_ready, timeout=120)
        yield found


@pytest.mark.parametrize("program", ["operator", "webhook"])
def test_a_program_of_ours_is_killed(drill, program):
    """The agent works on, and is the same afterwards."""
    before = drill.identity()
    drill.kill_containers(SYSTEM, f"app.kubernetes.io/component={program}")
    eventually(drill.works, timeout=60)
    eventually(drill.is_ready, timeout=60)
    assert drill.identity() == before


@pytest.mark.parametrize("program", ["kubelet", "containerd"])
def test_a_program_of_the_node_is_killed(drill, program):
    before = drill.identity()
    drill.hack_node("kill", program)
    drill.hack_node("start", program)
    eventually(drill.works, timeout=60)
    eventually(drill.is_ready, timeout=60)
    assert drill.identity() == before


def test_all_is_killed_at_once(drill, node_directory):
    """The control plane, the node's programs, and every container on it."""
    before = drill.identity()
    drill.hack_node("exec", "bash", "-c", KILL_ALL_TASKS)
    drill.hack_node("kill", *NODE_PROGRAMS, *CONTROL_PLANE)
    up = [str(ROOT / "hack" / "node"), "up", "--dir", str(node_directory)]
    subprocess.run(up, check=True, capture_output=True, timeout=180)
    assert enforces(drill.hack_node)
    eventually(drill.works, timeout=120, interval=0.5)
    eventually(drill.is_ready, timeout=120)
    assert drill.identity() != before


KILL_ALL_TASKS = """
for task in $(ctr --namespace k8s.io tasks list --quiet); do
  ctr --namespace k8s.io tasks kill --signal SIGKILL "$task" || true
done
"""


GIB = 1 << 30


class Disk:
    """The disk of the node, which its kubelet calls full once 2 GiB more are used than now. The kubelet keeps the
    images, which a node without a registry cannot get back."""

    def __init__(self, hack_node, directory):
        self._hack_node, self._directory = hack_node, directory
        self._file = directory / "config" / "kubelet.yaml"
        self._usual = self._file.read_text()
        self._full = self._available() - 2 * GIB
        self._filler = directory / "filler"

    def _available(self):
        return shutil.disk_usage(self._directory).free

    def _restart(self, text):
        self._hack_node("stop", "kubelet")
        self._file.write_text(text)
        self._hack_node("start", "kubelet")

    def __enter__(self):
        full = {
            "evictionHard": {"nodefs.available": str(self._full)},
            "evictionPressureTransitionPeriod": "1s",
            "imageMinimumGCAge": "24h",
        }
        self._restart(yaml.safe_dump(yaml.safe_load(self._usual) | full))
        return self

    def fill(self):
        """Again where others of the machine have freed some meanwhile."""
        more = self._available() - self._full + GIB
        if more > GIB // 2:
            with self._filler.open("ab") as file:
                os.posix_fallocate(file.fileno(), file.tell(), more)

    def free(self):
        self._filler.unlink(missing_ok=True)

    def __exit__(self, *_):
        self.free()
        self._restart(self._usual)


@pytest.fixture
def disk(drill, node_directory):
    with Disk(drill.hack_node, node_directory) as found:
        yield found
    eventually(lambda: not drill.has_pressure(), timeout=60)
    ended = ["--field-selector", "status.phase!=Running,status.phase!=Pending"]
    drill.cluster.must("-n", SYSTEM, "delete", "pods", *ended)
    drill.cluster.must(
        "-n", SYSTEM, "wait", "--for=condition=Available", "deployment", "--all", "--timeout=120s", timeout=150)


def test_a_full_disk(drill, disk):
    """The kubelet evicts the sandbox, which stays shut as long as the disk is full: nothing of it runs."""
    eventually(drill.works, timeout=60)  # the kubelet is back
    before = drill.identity()

    def is_full():
        disk.fill()
        return drill.has_pressure()

    eventually(is_full, timeout=60, interval=0.5)
    eventually(lambda: not drill.runs(), timeout=180, interval=0.5)
    assert drill.has_pressure()
    disk.free()
    eventually(drill.works, timeout=180, interval=0.5)
    eventually(drill.is_ready, timeout=60)
    assert drill.identity()[0] != before[0]
