"""The fault table of spec.lifecycle: wherever the operator dies while a sandbox ends, or while a pod that failed is run
again, it comes to the same, and the network of a pod is never open."""

import sys

import pytest

from cluster import ROOT, eventually
from fault_stage import assert_boundary_was_never_open, disturbed_namespace, proxied_operator
from stockade import condition, sandbox
from test_lifecycle import INGRESS, SERVICE, end_now, failing, moved, with_claim
from test_operator import Space, set_pod_status

sys.path.insert(0, str(ROOT / "tests" / "fakes"))
from fault_proxy import Fault, cut_after_commit, cut_before, fail_after_commit, refuse  # noqa: E402


class LifecycleSpace(Space):
    def __init__(self, stockade, name):
        super().__init__(stockade.cluster, name)
        self.stockade = stockade
        self.namespace = name


@pytest.fixture(scope="module")
def backstage(stockade):
    with proxied_operator(stockade, "proxied-lifecycle-operator") as stage:
        yield stage


@pytest.fixture
def space(stockade, backstage):
    with disturbed_namespace(stockade, backstage, "lifefault") as name:
        yield LifecycleSpace(stockade, name)


def begin(space, **lifecycle):
    obj = with_claim(maxLifetimeSeconds=3600, **lifecycle)
    obj["spec"] |= {"service": SERVICE, "ingress": INGRESS}
    space.ready_pod(obj)
    return space.get("pvc", "asb-agent-work")["metadata"]["uid"]


def has_ended(space):
    """What is true of a sandbox that was retained, when all is done."""
    space.wait_condition("agent", "Finished", "True", "Expired", timeout=90)
    for kind, name in (("pod", "asb-agent"), ("service", "asb-agent"), ("networkpolicy", "asb-agent-ingress")):
        assert space.find(kind, name) is None, name
    space.get("networkpolicy", "stockade-deny-all")


def is_write(verb, resource, subresource=""):
    def matches(request):
        return (
            request.is_write
            and request.method == verb
            and request.resource == resource
            and (f"/{subresource}" in request.path if subresource else "/status" not in request.path)
        )

    return matches


# Every write of an end: the pod, the Service, the allowance, the status; then, where it is to be so, the sandbox itself.
ENDING = {
    "the pod's deletion": is_write("DELETE", "pods"),
    "the Service's deletion": is_write("DELETE", "services"),
    "the allowance's deletion": is_write("DELETE", "networkpolicies"),
    "the status": is_write("PATCH", "agentsandboxes", "status"),
}
DELETING = ENDING | {
    "the claim's release": is_write("PUT", "persistentvolumeclaims"),
    "the sandbox's deletion": is_write("DELETE", "agentsandboxes"),
}


def crash(backstage, matches, act, play=cut_after_commit):
    """Has the operator die at that write, once `act` has been done, and starts it again."""
    proxy, operator = backstage
    fault = Fault(matches, play(then=operator.kill))
    proxy.add(fault)
    act()
    eventually(lambda: operator.process is None, timeout=60)
    assert fault.played == 1
    proxy.clear()
    operator.start()


@pytest.mark.parametrize("write", ENDING)
def test_crash_while_a_sandbox_ends_that_is_retained(backstage, space, write):
    volume = begin(space)
    crash(backstage, ENDING[write], lambda: end_now(space))
    has_ended(space)
    assert space.get("pvc", "asb-agent-work")["metadata"]["uid"] == volume
    assert_boundary_was_never_open(space)


@pytest.mark.parametrize("write", DELETING)
def test_crash_while_a_sandbox_ends_that_is_deleted(backstage, space, write):
    """Its volume is kept, as was decided together with the end."""
    volume = begin(space)
    crash(backstage, DELETING[write], lambda: end_now(space, shutdownPolicy="Delete", volumePolicy="Retain"))
    space.wait_gone("asb", "agent", timeout=90)
    for kind, name in (("pod", "asb-agent"), ("service", "asb-agent"), ("networkpolicy", "asb-agent-ingress")):
        space.wait_gone(kind, name, timeout=60)
    kept = space.get("pvc", "asb-agent-work")["metadata"]
    assert kept["uid"] == volume and not kept.get("ownerReferences")
    assert_boundary_was_never_open(space)


REFUSALS = {
    "refused": lambda: refuse(500, "InternalError"),
    "conflict": lambda: refuse(409, "Conflict"),
    "failed after the commit": fail_after_commit,
    "cut before": cut_before,
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("write", DELETING)
def test_fault_of_a_write_while_a_sandbox_ends(backstage, space, write, name):
    proxy, _ = backstage
    begin(space)
    fault = Fault(DELETING[write], REFUSALS[name]())
    proxy.add(fault)
    end_now(space, shutdownPolicy="Delete", volumePolicy="Retain")
    space.wait_gone("asb", "agent", timeout=90)
    space.wait_gone("pod", "asb-agent", timeout=60)
    assert not space.get("pvc", "asb-agent-work")["metadata"].get("ownerReferences")
    assert fault.played == 1, "the fault was never played"
    assert_boundary_was_never_open(space)


def test_a_sandbox_that_is_given_a_later_end_at_the_last_moment_is_not_deleted(backstage, space):
    """The deletion names the version that was seen."""
    proxy, _ = backstage
    begin(space)
    later = {"spec": {"lifecycle": {"shutdownTime": None}}}

    async def change_first(exchange):
        space.patch("asb", "agent", later)
        await exchange.forward()
        return True

    fault = Fault(DELETING["the sandbox's deletion"], change_first)
    proxy.add(fault)
    end_now(space, shutdownPolicy="Delete")
    eventually(lambda: fault.played == 1, timeout=60)
    space.wait_ready("agent", timeout=90)


RESTARTING = {
    "the count": is_write("PATCH", "agentsandboxes", "status"),
    "the pod's deletion": is_write("DELETE", "pods"),
    "the pod's creation": is_write("POST", "pods"),
}


@pytest.mark.parametrize("write", RESTARTING)
def test_crash_while_a_pod_is_run_again(backstage, space, unguarded, write):
    pod = space.ready_pod(failing(1))
    crash(backstage, RESTARTING[write], lambda: set_pod_status(space, {"phase": "Failed"}))
    second = moved(space, pod)
    asb = space.wait_ready("agent", timeout=90)
    assert asb["status"]["restarts"]["count"] == 1
    set_pod_status(space, {"phase": "Failed"})
    asb = space.wait_condition("agent", "Finished", "True", "RestartsExhausted", timeout=60)
    assert space.get("pod", "asb-agent")["metadata"]["uid"] == second["metadata"]["uid"], "one failure counts once"
    assert condition(asb, "Ready")["reason"] == "RestartsExhausted"
    assert_boundary_was_never_open(space)


def test_every_write_of_an_end_has_a_row(backstage, space):
    proxy, _ = backstage
    begin(space)
    proxy.clear()
    end_now(space, shutdownPolicy="Delete", volumePolicy="Retain")
    space.wait_gone("asb", "agent", timeout=90)
    path = f"/namespaces/{space.name}/"
    writes = [r for r in proxy.requests if r.is_write and path in r.path and r.resource != "events"]
    for request in writes:
        # The deny-all of a namespace without sandboxes is released in rows of its own.
        if "stockade-deny-all" not in request.path:
            assert any(matches(request) for matches in DELETING.values()), request


def test_a_sandbox_without_an_end_is_written_no_more_than_before(backstage, space):
    proxy, _ = backstage
    space.ready_pod(sandbox())
    proxy.clear()
    space.patch("asb", "agent", {"metadata": {"annotations": {"example.com/touched": "yes"}}})
    space.apply(sandbox("second"))
    space.wait_ready("second")
    first = [r for r in proxy.requests if r.is_write and r.path.split("?")[0].endswith(("/agent/status", "/asb-agent"))]
    assert first == []
