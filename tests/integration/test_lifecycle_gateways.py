"""What becomes of egress gateways when sandboxes end: one of its own goes with its sandbox's pod, a shared one with the
last that has not ended."""

import pytest

from cluster import eventually
from stockade import sandbox
from test_gateways import EGRESS, gateways, left  # noqa: F401
from test_lifecycle import end_now
from test_operator import Space
from test_shared_gateways import SHARED, deployments, ready


@pytest.fixture
def space(stockade, gateways):  # noqa: F811
    with stockade.cluster.new_namespace("ending", {"pod-security.kubernetes.io/enforce": "restricted"}) as name:
        yield Space(stockade.cluster, name)


def ended(space, name):
    asb = space.wait_condition(name, "Finished", "True", "Expired", timeout=90)
    assert "egress" not in asb["status"] and "podName" not in asb["status"]
    assert space.find("pod", f"asb-{name}") is None


def only_deny_alls(space):
    """Nothing else is left, but for identities under a shared gateway, which go with their sandboxes."""
    kept = {"NetworkPolicy/stockade-deny-all", "NetworkPolicy/stockade-gateway-deny-all",
            "ServiceAccount/stockade-gateway"}  # fmt: skip
    return {each for each in left(space) if not each.startswith("Secret/asg-")} <= kept


def test_a_gateway_of_its_own_goes_after_the_pod_and_comes_back_with_a_later_end(space, stockade):
    ready(space, "agent", egress=EGRESS, lifecycle={"maxLifetimeSeconds": 3600})
    end_now(space)
    ended(space, "agent")
    eventually(lambda: only_deny_alls(space), timeout=90)
    deleted = [w["name"] for w in stockade.operator_writes(space.name) if w["verb"] == "delete"]
    assert deleted[0] == "asb-agent" and "asg-agent" in deleted, deleted
    space.patch("asb", "agent", {"spec": {"lifecycle": {"shutdownTime": None}}})
    assert space.wait_ready("agent", 90)["status"]["egress"]["gateway"] == "asg-agent"


def test_a_shared_gateway_goes_with_the_last_sandbox_that_has_not_ended(space, gateways):  # noqa: F811
    gateway = ready(space, "one", "two", lifecycle={"maxLifetimeSeconds": 3600})
    end_now(space, "one")
    ended(space, "one")
    assert deployments(space).keys() == {gateway}
    assert space.wait_ready("two")["status"]["egress"]["gateway"] == gateway
    end_now(space, "two")
    ended(space, "two")
    eventually(lambda: only_deny_alls(space), timeout=90)
    gateways.restart()
    assert only_deny_alls(space), left(space)
    space.patch("asb", "one", {"spec": {"lifecycle": None}})
    assert space.wait_ready("one", 90)["status"]["egress"]["gateway"] == gateway
    ended(space, "two")


def test_a_shared_gateway_rests_when_those_that_have_not_ended_are_suspended(space):
    gateway = ready(space, "one", lifecycle={"maxLifetimeSeconds": 3600})
    space.apply(sandbox("two", egress=SHARED, operatingMode="Suspended"))
    space.wait_condition("two", "Suspended", "True")
    assert deployments(space)[gateway]["spec"]["replicas"] > 0
    end_now(space, "one")
    ended(space, "one")
    eventually(lambda: deployments(space)[gateway]["spec"]["replicas"] == 0, timeout=60)
    space.patch("asb", "two", {"spec": {"operatingMode": "Running"}})
    space.wait_ready("two", 90)


def test_a_sandbox_that_is_to_go_at_its_end_leaves_nothing(space):
    ready(space, "agent", egress=EGRESS, lifecycle={"maxLifetimeSeconds": 3600})
    end_now(space, shutdownPolicy="Delete")
    space.wait_gone("asb", "agent", timeout=90)
    eventually(lambda: left(space) in ([], ["ServiceAccount/stockade-gateway"]), timeout=90)
