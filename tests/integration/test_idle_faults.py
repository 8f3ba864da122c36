"""The fault table of spec.lifecycle.idle: wherever the operator dies while a sandbox is suspended because nothing uses
it, or whatever comes of that write, it comes to the same, and the network of a pod is never open."""

import sys

import pytest

from cluster import ROOT, eventually
from fault_stage import assert_boundary_was_never_open, disturbed_namespace, proxied_operator
from stockade import NAMESPACE, condition, sandbox
from test_gateways import GATEWAY_SETTINGS, IMAGES
from test_idle import IDLE, last_used, mode, stays_running, tell_idle
from test_lifecycle_faults import REFUSALS, LifecycleSpace, crash, is_write

sys.path.insert(0, str(ROOT / "tests" / "fakes"))
from fault_proxy import Fault  # noqa: E402

SUSPENSION = is_write("PATCH", "agentsandboxes")
WRITES = {
    "the suspension": SUSPENSION,
    "the pod's deletion": is_write("DELETE", "pods"),
    "the status": is_write("PATCH", "agentsandboxes", "status"),
}


@pytest.fixture(scope="module")
def backstage(stockade):
    """The proxy, and an operator behind it that has the canary's image."""
    stockade.settings = GATEWAY_SETTINGS
    stockade.install_webhook()
    election = {"enabled": False, "namespace": NAMESPACE}
    with proxied_operator(stockade, "proxied-idle-operator", egress={"images": IMAGES}, leaderElection=election) as stage:
        yield stage


@pytest.fixture
def space(stockade, backstage):
    with disturbed_namespace(stockade, backstage, "idlefault") as name:
        yield LifecycleSpace(stockade, name)


def begin(space):
    space.ready_pod(sandbox(lifecycle=IDLE))
    last_used(space, 600)


def is_suspended(space):
    asb = space.wait_condition("agent", "Suspended", "True", "PodGone", timeout=90)
    assert mode(asb) == "Suspended"
    space.wait_condition("agent", "Ready", "False", "Idle")
    assert_boundary_was_never_open(space)


@pytest.mark.parametrize("write", WRITES)
def test_crash_while_a_sandbox_is_suspended(backstage, space, write):
    begin(space)
    crash(backstage, WRITES[write], lambda: tell_idle(space))
    is_suspended(space)


@pytest.mark.parametrize("name", REFUSALS)
def test_fault_of_the_suspension(backstage, space, name):
    proxy, _ = backstage
    begin(space)
    fault = Fault(SUSPENSION, REFUSALS[name]())
    proxy.add(fault)
    tell_idle(space)
    is_suspended(space)
    assert fault.played == 1, "the fault was never played"


def test_a_sandbox_that_is_changed_at_the_last_moment_is_looked_at_again(backstage, space):
    """The suspension names the version that was seen."""
    proxy, _ = backstage
    begin(space)

    async def change_first(exchange):
        space.patch("asb", "agent", {"spec": {"lifecycle": {"idle": None}}})
        await exchange.forward()
        return True

    fault = Fault(SUSPENSION, change_first)
    proxy.add(fault)
    tell_idle(space)
    eventually(lambda: fault.played == 1, timeout=60)
    stays_running(space)
    assert not condition(space.get("asb", "agent"), "Suspended").get("status") == "True"
