"""spec.lifecycle.idle against a real API server: sandboxes that nothing uses are suspended, and deleted. No program runs
in the pods: what the sidecar stockade-activity would tell by its end the tests write into the pod's status, and what was
long ago into that of the sandbox."""

import datetime
import json
import time

import pytest

from binding_space import BindingSpace, claim, pool, template
from cluster import eventually
from stockade import condition, sandbox
from test_gateways import gateways  # noqa: F401
from test_operator import Space, set_pod_status
from test_operator import space as plain  # noqa: F401

IDLE = {"idle": {"suspendAfterSeconds": 60}}
FIELD_MANAGER = "stockade-idle"


def ago(seconds):
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text):
    return datetime.datetime.fromisoformat(text)


def kubelet(space, status):
    """Says that of the pod as a node does, whom the guards let."""
    node = space.stockade.as_user("system:node:node-1", "system:nodes", "system:masters")
    set_pod_status(Space(node, space.name), status)


def tell_idle(space, seconds_ago=0):
    """What the kubelet says when the sidecar has found the pod idle, and the agent runs for ten minutes."""
    own = {"name": "stockade-activity", "image": "stockade-canary", "imageID": "", "ready": False, "restartCount": 1}
    ended = {"exitCode": 10, "startedAt": ago(seconds_ago + 600), "finishedAt": ago(seconds_ago)}
    agent = {"name": "agent", "image": "agent", "imageID": "", "ready": True, "restartCount": 0, "started": True}
    kubelet(
        space,
        {
            "initContainerStatuses": [own | {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}}],
            "containerStatuses": [agent | {"state": {"running": {"startedAt": ago(600 + seconds_ago)}}}],
        },
    )


def last_used(space, seconds_ago, name="agent"):
    """Has the status say so, as if it had been written then."""
    space.patch("asb", name, {"status": {"lastActivityTime": ago(seconds_ago)}}, "--subresource=status")


def events(space, reason, controller="stockade.dev/operator"):
    found = json.loads(space.must("get", "events.events.k8s.io", "-o", "json"))["items"]
    return [e for e in found if e["reason"] == reason and e["reportingController"] == controller]


def enter(stockade, space, pod="asb-agent"):
    """An exec, as far as it comes without a kubelet: through admission."""
    stockade.enter(pod, space.name, "exec?command=true&container=agent")


def mode(asb):
    return asb["spec"].get("operatingMode", "Running")


def wait_mode(space, wanted, name="agent", timeout=30):
    return space.wait_for("asb", name, lambda asb: asb and mode(asb) == wanted, timeout)


def stays_running(space, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert mode(space.get("asb", "agent")) == "Running"
        time.sleep(0.5)


def test_without_the_canarys_image_it_says_so(plain):  # noqa: F811
    """As the first of these tests: the others have an operator with images."""
    plain.apply(sandbox(lifecycle=IDLE))
    asb = plain.wait_condition("agent", "Ready", "False", "CanaryImageMissing")
    assert "egress.images" in condition(asb, "Ready")["message"]
    assert plain.find("pod", "asb-agent") is None
    plain.patch("asb", "agent", {"spec": {"lifecycle": None}})
    plain.wait_ready("agent")


@pytest.fixture
def space(stockade, gateways):  # noqa: F811
    with stockade.cluster.new_namespace("idle", {"pod-security.kubernetes.io/enforce": "restricted"}) as name:
        found = Space(stockade.cluster, name)
        found.stockade = stockade
        yield found


@pytest.fixture
def idle(space):
    """A namespace with a sandbox that has been there for some time, unused."""
    space.ready_pod(sandbox(lifecycle=IDLE))
    last_used(space, 600)
    return space


def test_the_pod_has_one_more_container_of_the_operators(space):
    pod = space.ready_pod(sandbox(lifecycle=IDLE))
    (own,) = pod["spec"]["initContainers"]
    assert own["name"] == "stockade-activity" and own["restartPolicy"] == "Always"
    assert own["args"] == ["idle", "--after", "60"]
    assert own["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "volumeMounts" not in own or not own["volumeMounts"]
    assert space.get("asb", "agent")["status"]["lastActivityTime"]


def test_a_sandbox_that_nothing_uses_is_suspended_and_can_be_resumed(idle):
    tell_idle(idle)
    wait_mode(idle, "Suspended")
    asb = idle.wait_condition("agent", "Suspended", "True", "PodGone")
    ready = condition(asb, "Ready")
    assert ready["reason"] == "Idle" and "operatingMode to Running" in ready["message"]
    assert moment(asb["status"]["lastActivityTime"]) < moment(ago(55))
    (told,) = eventually(lambda: events(idle, "Idle"))
    assert told["type"] == "Normal" and told["action"] == "Suspend"
    assert "expiresAt" not in asb["status"]
    owners = json.loads(idle.must("get", "asb", "agent", "-o", "json", "--show-managed-fields"))["metadata"]["managedFields"]
    assert [o["manager"] for o in owners if "f:operatingMode" in o["fieldsV1"].get("f:spec", {})] == [FIELD_MANAGER]

    idle.patch("asb", "agent", {"spec": {"operatingMode": "Running"}})
    asb = idle.wait_ready("agent")
    assert moment(asb["status"]["lastActivityTime"]) > moment(ago(30))
    # Who suspends it himself is not taken for the operator.
    idle.patch("asb", "agent", {"spec": {"operatingMode": "Suspended"}})
    asb = idle.wait_condition("agent", "Suspended", "True", "PodGone")
    assert condition(asb, "Ready")["reason"] == "Suspended"


def test_it_is_as_ready_as_its_agent_meanwhile(space):
    space.ready_pod(sandbox(lifecycle=IDLE))
    unready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}
    tell_idle(space)
    kubelet(space, {"conditions": [unready | {"message": "containers with unready status: [stockade-activity]"}]})
    eventually(lambda: condition(space.get("pod", "asb-agent"), "Ready")["status"] == "False")
    time.sleep(2)
    assert condition(space.get("asb", "agent"), "Ready")["status"] == "True"


def test_what_was_told_long_ago_counts_no_more(idle, gateways):  # noqa: F811
    gateways.stop()
    try:
        tell_idle(idle, seconds_ago=100)
    finally:
        gateways.start()
    stays_running(idle)
    tell_idle(idle)
    wait_mode(idle, "Suspended")


def test_what_is_told_while_no_operator_runs_counts_when_it_is_news(idle, gateways):  # noqa: F811
    gateways.stop()
    try:
        tell_idle(idle)
    finally:
        gateways.start()
    wait_mode(idle, "Suspended")


def test_who_enters_uses_it(idle, stockade):
    enter(stockade, idle)
    (told,) = eventually(lambda: events(idle, "Connected", "stockade.dev/webhook"))
    assert told["regarding"]["name"] == "agent" and told["note"].startswith("an exec by ")
    asb = idle.wait_for("asb", "agent", lambda asb: moment(asb["status"]["lastActivityTime"]) > moment(ago(60)))
    tell_idle(idle)
    stays_running(idle)
    # More of it is no news, until some time has passed.
    enter(stockade, idle)
    time.sleep(31)
    enter(stockade, idle)
    (again,) = eventually(lambda: [e for e in events(idle, "Connected", "stockade.dev/webhook") if e.get("series")])
    assert again["series"]["count"] == 2
    later = moment(asb["status"]["lastActivityTime"]) + datetime.timedelta(seconds=25)
    idle.wait_for("asb", "agent", lambda asb: moment(asb["status"]["lastActivityTime"]) > later)


def test_who_entered_while_no_operator_ran_used_it(idle, stockade, gateways):  # noqa: F811
    gateways.stop()
    try:
        enter(stockade, idle)
        eventually(lambda: events(idle, "Connected", "stockade.dev/webhook"))
        tell_idle(idle)
    finally:
        gateways.start()
    idle.wait_for("asb", "agent", lambda asb: moment(asb["status"]["lastActivityTime"]) > moment(ago(60)))
    stays_running(idle)


def test_of_other_sandboxes_nobody_tells_who_enters(space, stockade):
    space.ready_pod(sandbox())
    enter(stockade, space)
    time.sleep(2)
    assert events(space, "Connected", "stockade.dev/webhook") == []


def test_it_is_warned_of_and_deleted(space):
    space.ready_pod(sandbox(lifecycle={"idle": {"suspendAfterSeconds": 60, "deleteAfterSeconds": 100}}))
    last_used(space, 60)
    tell_idle(space)
    asb = space.wait_condition("agent", "Suspended", "True", "PodGone")
    ends = moment(asb["status"]["expiresAt"])
    assert ends == moment(asb["status"]["lastActivityTime"]) + datetime.timedelta(seconds=100)
    assert not condition(asb, "ExpiresSoon")
    asb = space.wait_condition("agent", "ExpiresSoon", "True", "Idle", timeout=60)
    assert "operatingMode to Running" in condition(asb, "ExpiresSoon")["message"]
    space.wait_gone("asb", "agent", timeout=60)
    assert datetime.datetime.now(datetime.timezone.utc) >= ends
    eventually(lambda: [e["type"] for e in events(space, "ExpiresSoon")] == ["Warning"])
    eventually(lambda: [e["type"] for e in events(space, "Expired")] == ["Normal"])


def test_deletion_alone_suspends_first_and_resuming_keeps_it(space):
    pod = space.ready_pod(sandbox(lifecycle={"idle": {"deleteAfterSeconds": 600}}))
    assert pod["spec"]["initContainers"][0]["args"] == ["idle", "--after", "540"]
    last_used(space, 545)
    tell_idle(space)
    asb = space.wait_condition("agent", "ExpiresSoon", "True", "Idle")
    assert mode(asb) == "Suspended"
    space.patch("asb", "agent", {"spec": {"operatingMode": "Running"}})
    asb = space.wait_ready("agent")
    assert not condition(asb, "ExpiresSoon") and "expiresAt" not in asb["status"]


def test_an_end_that_came_while_no_operator_ran_is_warned_of_first(space, gateways):  # noqa: F811
    space.apply(sandbox(operatingMode="Suspended", lifecycle={"idle": {"deleteAfterSeconds": 100}}))
    space.wait_condition("agent", "Suspended", "True")
    gateways.stop()
    try:
        last_used(space, 1000)
    finally:
        gateways.start()
    started = time.monotonic()
    space.wait_condition("agent", "ExpiresSoon", "True", "Idle")
    space.wait_gone("asb", "agent", timeout=60)
    assert time.monotonic() - started > 7


@pytest.fixture
def bindings(stockade, gateways):  # noqa: F811
    with stockade.cluster.new_namespace("idlebind") as name:
        yield BindingSpace(stockade.cluster, name)


def test_a_pools_is_never_idle_and_a_claims_counts_from_the_claim(bindings):
    bindings.apply(template(lifecycle={"idle": {"suspendAfterSeconds": 60, "deleteAfterSeconds": 100}}))
    bindings.apply(pool(replicas=1))
    bindings.wait_pool("warm", 1)
    (member,) = bindings.owned_by("AgentSandboxPool")
    status = bindings.get("asb", member)["status"]
    assert "lastActivityTime" not in status

    bindings.apply(claim("user", pool="warm"))
    bindings.wait_claim("user", "Ready", "True")
    bound = bindings.get("asbc", "user")["status"]["sandbox"]["name"]
    assert bound == member
    asb = bindings.wait_for("asb", bound, lambda asb: "lastActivityTime" in asb["status"])
    assert moment(asb["status"]["lastActivityTime"]) > moment(ago(30))

    bindings.patch("asb", bound, {"spec": {"operatingMode": "Suspended"}})
    bindings.wait_claim("user", "Ready", "False", "Suspended")
    last_used(bindings, 1000, bound)
    bindings.wait_claim("user", "Finished", "True", "Expired", timeout=60)
    bindings.wait_gone("asb", bound, timeout=60)
    assert not bindings.owned_by("AgentSandboxClaim"), "it gets no other one"


@pytest.mark.parametrize(
    "idle_field,field",
    [
        ({}, "spec.lifecycle.idle"),
        ({"suspendAfterSeconds": 59}, "spec.lifecycle.idle.suspendAfterSeconds"),
        ({"suspendAfterSeconds": 60, "deleteAfterSeconds": 60}, "spec.lifecycle.idle.deleteAfterSeconds"),
        ({"suspendAfterSeconds": 60, "stopAfterSeconds": 60}, "stopAfterSeconds"),
    ],
)
def test_a_mistake_is_named(space, idle_field, field):
    answer = space.kubectl("create", "-f", "-", input=sandbox(lifecycle={"idle": idle_field}))
    assert answer.returncode != 0 and field in answer.stderr, answer.stderr
