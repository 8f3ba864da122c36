"""The fault table of egress gateways: wherever the operator dies while it makes one, the same objects come out of it,
and no pod is there before what shuts it."""

import base64
import json
import sys

import pytest

from cluster import ROOT, eventually
from fault_stage import disturbed_namespace, proxied_operator
from stockade import NAMESPACE, sandbox
from test_gateways import EGRESS, GATEWAY_SETTINGS, IMAGES, left
from test_operator import Space

sys.path.insert(0, str(ROOT / "tests" / "fakes"))
from fault_proxy import Fault, cut_after_commit, fail_after_commit, refuse  # noqa: E402

# The most writes that a sandbox with a gateway takes, with some to spare.
MOST_WRITES = 24
AUTHORITIES = "stockade-authorities"


@pytest.fixture(scope="module")
def backstage(stockade):
    """The proxy, and an operator behind it that makes gateways."""
    stockade.settings = GATEWAY_SETTINGS
    stockade.install_webhook()
    election = {"enabled": False, "namespace": NAMESPACE}
    with proxied_operator(
        stockade, "proxied-gateway-operator", egress={"images": IMAGES}, leaderElection=election
    ) as stage:
        yield stage


@pytest.fixture
def space(stockade, backstage):
    with disturbed_namespace(stockade, backstage, "gwfault") as name:
        yield Space(stockade.cluster, name)


# How often these are written depends on how long things take: the state in between, and the account as long as no pod of
# the gateway answers. Each has a row of its own.
REPEATED = ("agentsandboxes", "serviceaccounts")


def is_making(request, namespace):
    """Whether it is one of the writes that every run in that namespace has. Events are told by a thread of their own,
    whenever it comes to it, and other namespaces may still be on their way out."""
    return (
        request.is_write
        and request.resource not in (*REPEATED, "events")
        and f"/namespaces/{namespace}/" in request.path
    )


def kth_write(space, k):
    written = 0

    def is_it(request):
        nonlocal written
        written += is_making(request, space.name)
        return is_making(request, space.name) and written == k

    return is_it


@pytest.fixture(scope="module")
def undisturbed(stockade, backstage):
    """What there is in the end, and how many writes it took."""
    proxy, _ = backstage
    with stockade.cluster.new_namespace("undisturbed") as name:
        space = Space(stockade.cluster, name)
        proxy.clear()
        made(space)
        return names(space), sum(is_making(request, name) for request in proxy.requests)


def made(space):
    """Waits for a sandbox whose pod is ready and proven, and for the gateway's one pod."""
    if space.find("asb", "agent") is None:
        space.apply(sandbox(egress=EGRESS))
    space.wait_condition("agent", "EgressIsolated", "True", "ProvenByCanary", timeout=120)
    space.wait_ready("agent", timeout=120)


def names(space):
    """What is there, with neither the names that the ReplicaSet's controller chose nor those of uids."""
    kinds = ("ReplicaSet/", "Pod/asg-")
    found = [name for name in left(space) if not name.startswith(kinds)]
    return sorted(name.rsplit("-", 1)[0] if name.startswith("Secret/") else name for name in found)


def assert_nothing_was_open(stockade, space):
    """From the audit log: no pod, of the sandbox or of the gateway, was created before the policies that shut it."""
    before = {
        "asb-agent": {"stockade-deny-all"},
        "asg-agent": {"stockade-gateway-deny-all"},
    }
    policies = set()
    for write in stockade.audit():
        if write["namespace"] != space.name or write["verb"] != "create" or not 200 <= write["code"] < 300:
            continue
        if write["resource"] == "networkpolicies":
            policies.add(write["name"])
        for prefix, needed in before.items():
            if write["resource"] in ("pods", "deployments") and write["name"].startswith(prefix):
                assert needed <= policies, f"{write['resource']}/{write['name']} came with {policies} alone"


def judge(stockade, space, undisturbed):
    made(space)
    eventually(lambda: names(space) == undisturbed[0], timeout=60)
    assert_nothing_was_open(stockade, space)
    space.must("delete", "asb", "agent", "--wait=false")
    eventually(lambda: left(space) == [], timeout=90)


def crash_after(is_it, stockade, backstage, space, undisturbed):
    proxy, operator = backstage
    proxy.add(Fault(is_it, cut_after_commit(then=operator.kill)))
    space.apply(sandbox(egress=EGRESS))
    eventually(lambda: operator.process is None, timeout=60)
    operator.start()
    judge(stockade, space, undisturbed)


@pytest.mark.parametrize("k", range(1, MOST_WRITES + 1))
def test_crash_after_the_kth_write(stockade, backstage, space, undisturbed, k):
    if k > undisturbed[1]:
        return  # an undisturbed run has no such write; MOST_WRITES is checked below
    crash_after(kth_write(space, k), stockade, backstage, space, undisturbed)


@pytest.mark.parametrize("resource", REPEATED)
def test_crash_after_the_first_write(stockade, backstage, space, undisturbed, resource):
    def is_first(request):
        return request.is_write and request.resource == resource

    crash_after(is_first, stockade, backstage, space, undisturbed)


def test_every_write_has_a_row(undisturbed):
    assert undisturbed[1] <= MOST_WRITES, f"it takes {undisturbed[1]} writes: raise MOST_WRITES"


FAULTS = {
    "server error": lambda: refuse(500, "InternalError"),
    "conflict": lambda: refuse(409, "Conflict"),
    "failed after the commit": lambda: fail_after_commit(),
}


@pytest.mark.parametrize("resource", ["secrets", "configmaps", "deployments", "services", "networkpolicies"])
@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_a_write(stockade, backstage, space, undisturbed, name, resource):
    proxy, _ = backstage
    fault = Fault(lambda request: request.is_write and request.resource == resource, FAULTS[name](), times=2)
    proxy.add(fault)
    space.apply(sandbox(egress=EGRESS))
    judge(stockade, space, undisturbed)
    assert fault.played > 0, "the fault was never played"


def test_crash_after_the_authorities_are_stored(stockade, backstage, space):
    """Who comes next goes on with those that were stored."""
    proxy, operator = backstage
    operator.stop()
    system = Space(stockade.cluster, NAMESPACE)
    with stockade.without_guards():
        system.must("delete", "secret", AUTHORITIES)
    proxy.add(
        Fault(
            lambda request: request.is_write and request.resource == "secrets",
            cut_after_commit(then=operator.kill),
        )
    )
    operator.start(wait_ready=False)
    eventually(lambda: operator.process is None, timeout=60)
    stored = system.get("secret", AUTHORITIES)["data"]
    operator.start()
    made(space)
    assert system.get("secret", AUTHORITIES)["data"] == stored
    kept = json.loads(base64.b64decode(stored["interception"]))["authorities"]
    assert space.get("configmap", "asg-agent-authorities")["data"]["ca.crt"] == kept[0]["certificate"]
