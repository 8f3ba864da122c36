"""From apply to Ready, stage by stage, as a property of the suite. No time is judged; that a sandbox's pod comes after
its gateway's answer, and its agent after the canary's verdict and once the sidecar listens, is."""

import time

import pytest
from attack_stage import sandbox
from stages import Watches, stages

from cluster import eventually
from pods import RESTRICTED, Pods

ORDER = [
    "admission", "gateway's objects", "gateway's pod", "gateway answers", "pod is created", "pod's sandbox", "canary",
    "sidecar answers", "agent runs", "Ready",
]  # fmt: skip


@pytest.fixture(scope="module")
def agents(installed, internet):
    with installed.new_namespace("startup", RESTRICTED) as name:
        pods = Pods(installed, name)
        pods.must("create", "secret", "generic", "api", "--from-literal=token=x")
        yield pods


@pytest.mark.parametrize("tier", ["GVisor", "Container"])
@pytest.mark.parametrize("name, gateway, runs", [
    ("dedicated", "Dedicated", False), ("first", "Shared", False), ("second", "Shared", True),
])  # fmt: skip
def test_start(agents, record_testsuite_property, tier, name, gateway, runs):
    name = f"{name}-{tier.lower()}"
    wanted = sandbox(name, tier)
    wanted["spec"]["egress"]["gateway"] = gateway
    # Sandboxes of one tier share a gateway, those of the other have another.
    wanted["spec"]["egress"]["allow"][0]["paths"] = [f"/{tier.lower()}"]
    with Watches(agents.cluster, agents.namespace) as watches:
        begun = time.monotonic()
        agents.must("apply", "-f", "-", input=wanted)
        found = eventually(lambda: stages(watches, begun, name), timeout=120)
    names = [stage for stage, _ in found]
    assert names == [stage for stage in ORDER if not (runs and stage.startswith("gateway"))]
    shares = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in found)
    title = f"start of a sandbox, {tier}, {gateway} gateway{' that runs' if runs else ''}"
    record_testsuite_property(title, f"{sum(seconds for _, seconds in found):.1f} s: {shares}")


# The first thing that the agent does is to look whether the sidecar listens.
FIRST = "(exec 3<>/dev/tcp/127.0.0.1/3128) && echo listens >/tmp/first; exec sleep infinity"


@pytest.fixture
def slow_proxy(install):
    """Envoy takes three seconds longer to begin."""
    install(images={"proxy": "localhost/stockade-slow-envoy:test"})
    yield
    install()


@pytest.mark.parametrize("tier", ["GVisor", "Container"])
def test_the_agent_waits_for_its_sidecar(agents, slow_proxy, tier):
    name = f"waits-{tier.lower()}"
    wanted = sandbox(name, tier)
    wanted["spec"]["podTemplate"]["spec"]["containers"][0]["command"] = ["bash", "-c", FIRST]
    agents.must("apply", "-f", "-", input=wanted)
    agents.must("wait", "--for=condition=Ready", f"agentsandbox/{name}", "--timeout=120s", timeout=150)
    assert agents.output(f"asb-{name}", "cat", "/tmp/first") == "listens\n"
