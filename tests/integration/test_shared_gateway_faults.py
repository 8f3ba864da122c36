"""The fault table of shared egress gateways: wherever the operator dies while several sandboxes come to one, or while
it goes after the last of them, all that is left is what should be."""

import pytest

from cluster import eventually
from stockade import sandbox
from test_gateway_faults import (  # noqa: F401
    FAULTS, REPEATED, assert_nothing_was_open, backstage, kth_write, names, space,
)  # fmt: skip
from test_gateways import left
from test_operator import Space
from test_shared_gateways import SHARED, uids

from fault_proxy import Fault, cut_after_commit, fail_after_commit, refuse  # isort: skip

TOGETHER = ("agent", "second")
# Those that every run has: two deny-alls, the gateway's objects and Secrets, and each sandbox's identity and pod. Two
# sandboxes that begin at once may both try to create a deny-all, so that there can be some more.
WRITES = 15
# Of the gateway itself: its Deployment, Service, policies and ConfigMaps.
OBJECTS = 7


def come(space, *sandboxes):  # noqa: F811
    space.apply([sandbox(name, egress=SHARED) for name in sandboxes])


def wait_for(space, *sandboxes):  # noqa: F811
    """Waits until each is ready and proven, by one gateway that is whole; returns its name."""
    gateways = set()
    for name in sandboxes:
        space.wait_condition(name, "EgressIsolated", "True", "ProvenByCanary", timeout=120)
        gateways.add(space.wait_ready(name, timeout=120)["status"]["egress"]["gateway"])
    (gateway,) = gateways
    eventually(lambda: len(uids(space, gateway)) == OBJECTS, timeout=60)
    address = space.get("service", gateway)["spec"]["clusterIP"]
    for name in sandboxes:
        assert space.get("asb", name)["status"]["egress"]["address"] == address
    return gateway


def go(space, *sandboxes):  # noqa: F811
    space.must("delete", "asb", *sandboxes, "--wait=false")


def judge(stockade, space, expected, *sandboxes):  # noqa: F811
    wait_for(space, *sandboxes)
    eventually(lambda: names(space) == expected, timeout=60)
    assert_nothing_was_open(stockade, space)
    go(space, *sandboxes)
    eventually(lambda: left(space) == [], timeout=90)


@pytest.fixture(scope="module")
def undisturbed(stockade, backstage):  # noqa: F811
    """What there is in the end, and what it took to be created."""
    proxy, _ = backstage
    with stockade.cluster.new_namespace("undisturbed") as name:
        found = Space(stockade.cluster, name)
        proxy.clear()
        come(found, *TOGETHER)
        wait_for(found, *TOGETHER)
        creations = [
            (w["resource"], w["name"])
            for w in stockade.operator_writes(name)
            if w["verb"] == "create" and w["code"] == 201 and w["resource"] not in (*REPEATED, "events")
        ]
        return names(found), creations


@pytest.mark.parametrize("k", range(1, WRITES + 1))
def test_crash_after_the_kth_write(stockade, backstage, space, undisturbed, k):  # noqa: F811
    proxy, operator = backstage
    proxy.add(Fault(kth_write(space, k), cut_after_commit(then=operator.kill)))
    come(space, *TOGETHER)
    eventually(lambda: operator.process is None, timeout=60)
    operator.start()
    judge(stockade, space, undisturbed[0], *TOGETHER)


def test_every_write_has_a_row(undisturbed):
    assert len(undisturbed[1]) == WRITES, undisturbed[1]


@pytest.mark.parametrize("resource", ["secrets", "configmaps", "deployments", "services", "networkpolicies"])
@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_a_write(stockade, backstage, space, undisturbed, name, resource):  # noqa: F811
    proxy, _ = backstage
    fault = Fault(lambda request: request.is_write and request.resource == resource, FAULTS[name](), times=2)
    proxy.add(fault)
    come(space, *TOGETHER)
    judge(stockade, space, undisturbed[0], *TOGETHER)
    assert fault.played > 0, "the fault was never played"


def is_removal(request):
    return request.method == "DELETE" and "/asg--" in request.path


@pytest.mark.parametrize("newcomer", [False, True], ids=["and nobody comes", "and another comes"])
@pytest.mark.parametrize("k", range(1, OBJECTS + 1))
def test_crash_while_it_is_removed(stockade, backstage, space, undisturbed, k, newcomer):  # noqa: F811
    proxy, operator = backstage
    come(space, "agent")
    wait_for(space, "agent")
    removed = 0

    def is_kth(request):
        nonlocal removed
        removed += is_removal(request)
        return is_removal(request) and removed == k

    proxy.add(Fault(is_kth, cut_after_commit(then=operator.kill)))
    go(space, "agent")
    eventually(lambda: operator.process is None, timeout=60)
    if newcomer:
        come(space, *TOGETHER)
    operator.start()
    if newcomer:
        judge(stockade, space, undisturbed[0], *TOGETHER)
    else:
        eventually(lambda: left(space) == [], timeout=90)


@pytest.mark.parametrize("name", ["server error", "failed after the commit"])
def test_fault_of_the_removal(stockade, backstage, space, undisturbed, name):  # noqa: F811
    """One that comes while it is tried again and again has what it needs in the end."""
    proxy, _ = backstage
    come(space, "agent")
    wait_for(space, "agent")
    play = {"server error": lambda: refuse(500, "InternalError"), "failed after the commit": fail_after_commit}
    fault = Fault(is_removal, play[name](), times=3)
    proxy.add(fault)
    go(space, "agent")
    eventually(lambda: fault.played > 0, timeout=60)
    come(space, *TOGETHER)
    judge(stockade, space, undisturbed[0], *TOGETHER)


def test_a_gateway_without_sandboxes_is_removed_at_the_start(stockade, backstage, space):  # noqa: F811
    """Also by an operator that finds it in the midst of being made: nobody else would."""
    proxy, operator = backstage
    proxy.add(
        Fault(
            lambda request: request.is_write and request.resource == "deployments",
            cut_after_commit(then=operator.kill),
        )
    )
    come(space, *TOGETHER)
    eventually(lambda: operator.process is None, timeout=60)
    go(space, *TOGETHER)
    for name in TOGETHER:
        space.wait_gone("asb", name)
    operator.start()
    eventually(lambda: left(space) == [], timeout=90)
