"""What ends on a node while an agent works: a program of Stockade, one of the node, or all at once. The sandbox is there
again by itself, and no way is open meanwhile but the one through its gateway (which test_egress.py kills)."""

import subprocess

import internet as outside
import pytest
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
