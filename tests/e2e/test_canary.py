"""The canary in a pod, against policies that a real plugin enforces."""

import json

import pytest

from attack_stage import sandbox

from cluster import eventually
from pods import PORT, RESTRICTED, Pods, enforces

CANARY = "localhost/stockade-canary:test"


def verdict(pods, name, *args, **kwargs):
    """Runs the canary to its end: its termination message and its exit code."""
    pods.create(name, image=CANARY, args=list(args), **kwargs)

    def terminated():
        status = pods.cluster.get("-n", pods.namespace, "pod", name)["status"]
        states = [container["state"] for container in status.get("containerStatuses") or []]
        return states and states[0].get("terminated")

    end = eventually(terminated, timeout=60)
    return json.loads(end["message"]), end["exitCode"]


def only_to_the_gateway():
    """A policy for pods of the role agent."""
    peers = [{"podSelector": {"matchLabels": {"name": "gateway"}}}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "agent"},
        "spec": {
            "podSelector": {"matchLabels": {"role": "agent"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": peers, "ports": [{"port": PORT}]}],
        },
    }


def flags_for(gateway, shut):
    return ["--shut", ",".join(shut), "--open", f"tcp://{gateway}:{PORT}"]


@pytest.mark.parametrize("runtime_class", ["gvisor", None])
def test_canary(pods, runtime_class):
    """Without a policy it finds the network open; with one it finds all shut but the gateway."""
    gateway, other = pods.serve("gateway"), pods.serve("other")
    shut = [f"tcp://{other}:{PORT}", "tcp://10.96.0.1:443"]
    flags = flags_for(gateway, shut)
    found, code = verdict(pods, "before", *flags, "--deadline", "1000", runtime_class=runtime_class)
    assert (found["verdict"], code) == ("Open", 1)
    assert sorted(found["open"]) == sorted(shut)

    pods.must("apply", "-f", "-", input=only_to_the_gateway())
    found, code = verdict(pods, "after", *flags, runtime_class=runtime_class, labels={"role": "agent"})
    assert (found["verdict"], code) == ("Shut", 0), found


@pytest.fixture
def unenforced_until(hack_node):
    """Until it is called, or the test ends, the policy controller is not running: policies are stored, and that is
    all."""

    def start():
        hack_node("start", "kube-router")
        eventually(lambda: enforces(hack_node), timeout=60)

    hack_node("stop", "kube-router")
    try:
        yield start
    finally:
        start()


def test_policies_that_nobody_enforces(pods, unenforced_until):
    gateway, other = pods.serve("gateway"), pods.serve("other")
    pods.must("apply", "-f", "-", input=only_to_the_gateway())
    flags = flags_for(gateway, [f"tcp://{other}:{PORT}"])
    found, code = verdict(pods, "agent", *flags, "--deadline", "5000", labels={"role": "agent"})
    assert (found["verdict"], found["open"], code) == ("Open", [f"tcp://{other}:{PORT}"], 1)


def test_an_agent_does_not_start_where_nobody_enforces(installed, internet, unenforced_until):
    """The status says what is open. The agent starts by itself once the policies hold."""
    with installed.new_namespace("canary", RESTRICTED) as name:
        agents = Pods(installed, name)
        agents.must("create", "secret", "generic", "api", "--from-literal=token=x")
        agents.must("apply", "-f", "-", input=sandbox("unbounded", "GVisor"))

        def isolated():
            found = installed.get("-n", name, "agentsandbox", "unbounded").get("status", {}).get("conditions") or []
            return next((each for each in found if each["type"] == "EgressIsolated"), {"reason": "", "status": ""})

        eventually(lambda: isolated()["reason"] == "NetworkOpen", timeout=120, interval=0.5)
        assert '"tcp://[10.96.0.1]:443"' in isolated()["message"], isolated()
        (agent,) = installed.get("-n", name, "pod", "asb-unbounded")["status"]["containerStatuses"]
        assert "waiting" in agent["state"], agent
        unenforced_until()
        eventually(lambda: isolated()["status"] == "True", timeout=120, interval=0.5)
