"""The fault table of pools and claims: wherever the operator dies, each claim has one sandbox, the pool is full again,
and nothing is lost or left over.

The story: a pool of two is filled, a claim takes one of it, another claim has one made from the template, and all of it
is deleted. Another one: a claim's lifetime ends and it goes, the pool's template changes, the pool is scaled down.
"""

import os
import sys

import pytest

from binding_space import BindingSpace, claim, pool, template
from cluster import ROOT, eventually
from fault_stage import assert_boundary_was_never_open, disturbed_namespace, proxied_operator
from stockade import condition

sys.path.insert(0, str(ROOT / "tests" / "fakes"))
from fault_proxy import Fault, cut_after_commit, fail_after_commit, refuse  # noqa: E402

# The most writes of sandboxes, pools and claims that the story takes, and how many of them are of status that a busier
# machine writes in one.
MOST_WRITES, VARYING = 48, 12
MOST_WRITES_OF_CHANGES, VARYING_OF_CHANGES = 60, 20
# Many are like the one before: every third of them in the short form, of which conftest.py takes half.
STEP = 1 if os.environ.get("STOCKADE_FAULT_ROWS") == "all" else 3
ROWS = range(1, MOST_WRITES + 1, STEP)
ROWS_OF_CHANGES = range(1, MOST_WRITES_OF_CHANGES + 1, STEP)
RESOURCES = ("agentsandboxes", "agentsandboxpools", "agentsandboxclaims")


@pytest.fixture(scope="module")
def backstage(stockade):
    with proxied_operator(stockade, "proxied-binding-operator") as stage:
        yield stage


@pytest.fixture
def space(stockade, backstage):
    with disturbed_namespace(stockade, backstage, "bindfault") as name:
        space = BindingSpace(stockade.cluster, name)
        space.namespace, space.stockade = name, stockade
        yield space


def is_binding(request, namespace):
    return request.is_write and request.resource in RESOURCES and f"/namespaces/{namespace}/" in request.path


def is_settled(space, replicas=2):
    """The pool is full, each claim has one sandbox, and there is no other."""
    if condition(space.find("asbpool", "warm") or {}, "Ready").get("status") != "True":
        return False
    claims = space.list("asbc")
    if any(condition(each, "Ready").get("status") != "True" for each in claims):
        return False
    # One that was taken from the pool keeps its name there, and its claim says so, whoever wrote that.
    if any(each["status"]["warm"] != (each["status"]["sandbox"]["name"] != each["metadata"]["name"]) for each in claims):
        return False
    held = {each["metadata"]["uid"]: each["status"]["sandbox"]["uid"] for each in claims}
    sandboxes = space.list("asb")
    owners = [(each["metadata"]["ownerReferences"][0]["uid"], each["metadata"]["uid"]) for each in sandboxes]
    pool_uid = space.get("asbpool", "warm")["metadata"]["uid"]
    in_store = [sandbox for owner, sandbox in owners if owner == pool_uid]
    return (
        len(in_store) == replicas
        and sorted(owners) == sorted([*held.items(), *((pool_uid, sandbox) for sandbox in in_store)])
        and not any(each["metadata"].get("deletionTimestamp") for each in sandboxes)
    )


def play(space, revive):
    """The story. `revive()` starts the operator again if it was killed."""
    space.apply(template())
    space.apply(pool(replicas=2))
    eventually(lambda: revive() or is_settled(space), timeout=90)
    space.apply(claim("warm-one", pool="warm"))
    eventually(lambda: revive() or is_settled(space), timeout=90)
    space.apply(claim("cold-one"))
    eventually(lambda: revive() or is_settled(space), timeout=90)
    assert len(space.list("asb")) == 4
    space.must("delete", "asbc/warm-one", "asbc/cold-one", "asbpool/warm", "--wait=false")
    wait_until_empty(space, revive)


def wait_until_empty(space, revive):
    def is_empty():
        revive()
        return not space.list("asb") and not space.list("pods") and not space.list("networkpolicies")

    eventually(is_empty, timeout=120)
    assert_boundary_was_never_open(space)


def play_changes(space, revive):
    """The other story."""

    def settles(replicas=2):
        eventually(lambda: revive() or is_settled(space, replicas), timeout=90)

    space.apply(template())
    space.apply(pool(replicas=2, updateStrategy={"type": "Recreate"}))
    settles()
    space.apply(claim("brief", pool="warm", lifecycle={"maxLifetimeSeconds": 2, "ttlSecondsAfterFinished": 0}))
    eventually(lambda: revive() or not space.list("asbc"), timeout=90)
    settles()
    space.apply(template(image="registry.example/agent:2"))

    def is_of_the_new_template():
        images = {each["spec"]["podTemplate"]["spec"]["containers"][0]["image"] for each in space.list("asb")}
        return images == {"registry.example/agent:2"}

    eventually(lambda: revive() or is_of_the_new_template() and is_settled(space), timeout=90)
    space.patch("asbpool", "warm", {"spec": {"replicas": 1}})
    settles(replicas=1)
    space.must("delete", "asbpool/warm", "--wait=false")
    wait_until_empty(space, revive)


def writes_of(story, stockade, backstage):
    """How many of these writes a story takes."""
    proxy, _ = backstage
    with stockade.cluster.new_namespace("undisturbed") as name:
        space = BindingSpace(stockade.cluster, name)
        space.namespace, space.stockade = name, stockade
        proxy.clear()
        story(space, lambda: None)
        return sum(is_binding(request, name) for request in proxy.requests)


@pytest.fixture(scope="module")
def undisturbed(stockade, backstage):
    return writes_of(play, stockade, backstage)


@pytest.fixture(scope="module")
def undisturbed_changes(stockade, backstage):
    return writes_of(play_changes, stockade, backstage)


def test_every_write_has_a_row(undisturbed, undisturbed_changes):
    assert undisturbed <= MOST_WRITES, f"it takes {undisturbed} writes: raise MOST_WRITES"
    assert undisturbed_changes <= MOST_WRITES_OF_CHANGES, f"{undisturbed_changes} writes: raise MOST_WRITES_OF_CHANGES"


@pytest.mark.parametrize("k", ROWS)
def test_crash_after_the_kth_write(backstage, space, undisturbed, k):
    crash_after(k, play, backstage, space, undisturbed - VARYING)


@pytest.mark.parametrize("k", ROWS_OF_CHANGES)
def test_crash_after_the_kth_write_of_changes(backstage, space, undisturbed_changes, k):
    crash_after(k, play_changes, backstage, space, undisturbed_changes - VARYING_OF_CHANGES)


def crash_after(k, story, backstage, space, certain):
    """The operator is killed after the k-th write of the story, which has at least `certain` of them."""
    proxy, operator = backstage
    written = 0

    def is_kth(request):
        nonlocal written
        written += is_binding(request, space.name)
        return is_binding(request, space.name) and written == k

    fault = Fault(is_kth, cut_after_commit(then=operator.kill))
    proxy.add(fault)

    def revive():
        if operator.process is None:
            operator.start()

    story(space, revive)
    # How many writes of status there are depends on how long things take, so that a run may end before its row.
    assert fault.played > 0 or written < k and k > certain, f"{written} writes, {certain} for certain"


FAULTS = {
    "server error": lambda: refuse(500, "InternalError"),
    "conflict": lambda: refuse(409, "Conflict"),
    "failed after the commit": lambda: fail_after_commit(),
}


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_a_write(backstage, space, name, resource):
    proxy, _ = backstage
    fault = Fault(
        lambda request: is_binding(request, space.name) and request.resource == resource, FAULTS[name](), times=3
    )
    proxy.add(fault)
    play(space, lambda: None)
    assert fault.played > 0, "the fault was never played"
