"""spec.lifecycle against a real API server: the end of a sandbox, what is left of it, and pods that are run again."""

import datetime
import json
import os
import subprocess

import pytest

import binding_space
from binding_space import BindingSpace
from cluster import ROOT, eventually
from stockade import condition, sandbox
from test_operator import claim, set_pod_status, space  # noqa: F401

MOUNT = {"name": "work", "mountPath": "/work", "access": "Persistent", "volumeClaimTemplate": {"name": "work"}}
INGRESS = [{"from": [{"podSelector": {"matchLabels": {"role": "harness"}}}]}]
SERVICE = {"ports": [{"name": "http", "port": 8080}]}


def with_claim(name="agent", **lifecycle):
    return sandbox(name, volumeClaimTemplates=claim("1Gi"), mounts=[MOUNT], lifecycle=lifecycle)


def time_in(seconds):
    then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def end_now(space, name="agent", **lifecycle):  # noqa: F811
    space.patch("asb", name, {"spec": {"lifecycle": lifecycle | {"shutdownTime": time_in(-1)}}})


def events(space, reason):  # noqa: F811
    """The operator's Events of that reason, by type."""
    found = json.loads(space.must("get", "events.events.k8s.io", "-o", "json"))["items"]
    return [e["type"] for e in found if e["reason"] == reason and e["reportingController"] == "stockade.dev/operator"]


def moved(space, pod, timeout=60):  # noqa: F811
    """Waits until the sandbox has another pod than that, and returns it."""
    return space.wait_for(
        "pod", "asb-agent", lambda found: found and found["metadata"]["uid"] != pod["metadata"]["uid"], timeout
    )


# The end


def test_a_sandbox_that_ends_is_kept_without_what_it_needs_to_run(space, stockade):  # noqa: F811
    obj = with_claim(maxLifetimeSeconds=3600)
    obj["spec"] |= {"service": SERVICE, "ingress": INGRESS}
    pod = space.ready_pod(obj)
    asb = space.get("asb", "agent")
    created = datetime.datetime.fromisoformat(asb["metadata"]["creationTimestamp"])
    ends = datetime.datetime.fromisoformat(asb["status"]["expiresAt"])
    assert (ends - created).total_seconds() == 3600
    assert not condition(asb, "ExpiresSoon") and not condition(asb, "Finished")

    end_now(space)
    asb = space.wait_condition("agent", "Finished", "True", "Expired", timeout=60)
    assert condition(asb, "Ready")["reason"] == "Expired"
    assert asb["status"]["observedGeneration"] == asb["metadata"]["generation"]
    for kind, name in (("pod", "asb-agent"), ("service", "asb-agent"), ("networkpolicy", "asb-agent-ingress")):
        assert space.find(kind, name) is None, name
    volume = space.get("pvc", "asb-agent-work")
    space.get("networkpolicy", "stockade-deny-all")
    eventually(lambda: events(space, "Expired") == ["Normal"])
    # The pod was gone before what it was behind.
    order = [w["name"] for w in stockade.audit() if w["namespace"] == space.name and w["verb"] == "delete"]
    assert order.index("asb-agent") < order.index("asb-agent-ingress")

    writes = len(stockade.operator_writes(space.name))
    space.patch("asb", "agent", {"metadata": {"annotations": {"example.com/touched": "yes"}}})
    space.patch("asb", "agent", {"spec": {"lifecycle": {"shutdownTime": None}}})
    again = space.wait_ready("agent", timeout=60)
    assert len(stockade.operator_writes(space.name)) > writes
    assert not condition(again, "Finished") and "Expired" != condition(again, "Ready")["reason"]
    assert space.get("pod", "asb-agent")["metadata"]["uid"] != pod["metadata"]["uid"]
    assert space.get("pvc", "asb-agent-work")["metadata"]["uid"] == volume["metadata"]["uid"]


def test_the_end_is_warned_of_and_then_told(space):  # noqa: F811
    space.apply(sandbox(lifecycle={"maxLifetimeSeconds": 10}))
    space.wait_condition("agent", "Finished", "True", "Expired", timeout=60)
    eventually(lambda: events(space, "ExpiresSoon") == ["Warning"])
    eventually(lambda: events(space, "Expired") == ["Normal"])


def test_the_end_within_the_hour_stands_in_the_status(space):  # noqa: F811
    """Of a sandbox whose whole life is longer than ten hours."""
    space.apply(sandbox(lifecycle={"shutdownTime": time_in(24 * 3600)}))
    asb = space.wait_ready("agent")
    assert not condition(asb, "ExpiresSoon")
    when = time_in(60)
    space.patch("asb", "agent", {"spec": {"lifecycle": {"shutdownTime": when}}})
    asb = space.wait_for("asb", "agent", lambda asb: asb["status"].get("expiresAt") == when)
    assert condition(asb, "Ready")["status"] == "True"
    space.patch("asb", "agent", {"spec": {"lifecycle": None}})
    space.wait_for("asb", "agent", lambda asb: "expiresAt" not in asb["status"])


def test_a_sandbox_that_is_to_go_at_its_end_goes(space):  # noqa: F811
    space.ready_pod(with_claim(maxLifetimeSeconds=3600, shutdownPolicy="Delete"))
    end_now(space)
    space.wait_gone("asb", "agent", timeout=60)
    space.wait_gone("pod", "asb-agent", timeout=60)
    space.wait_gone("pvc", "asb-agent-work", timeout=60)
    eventually(lambda: events(space, "Expired") == ["Normal"])


def test_an_end_that_came_while_no_operator_ran_is_made_good(space, stockade):  # noqa: F811
    space.ready_pod(sandbox(lifecycle={"maxLifetimeSeconds": 3600}))
    stockade.operator.stop()
    try:
        end_now(space)
    finally:
        stockade.operator.start()
    space.wait_condition("agent", "Finished", "True", "Expired", timeout=60)
    assert space.find("pod", "asb-agent") is None
    stockade.operator.restart()
    assert condition(space.get("asb", "agent"), "Finished")["status"] == "True"
    assert space.find("pod", "asb-agent") is None


def test_a_suspended_sandbox_ends_too_and_one_of_bad_form(space, stockade):  # noqa: F811
    space.apply(sandbox(operatingMode="Suspended", lifecycle={"maxLifetimeSeconds": 3600}))
    space.wait_condition("agent", "Suspended", "True")
    end_now(space)
    space.wait_condition("agent", "Finished", "True", "Expired")
    stockade.uninstall_webhook()
    try:
        obj = sandbox("bad", lifecycle={"shutdownTime": time_in(-1)})
        obj["spec"]["podTemplate"]["spec"]["hostNetwork"] = True
        space.apply(obj)
        asb = space.wait_condition("bad", "Finished", "True", "Expired")
        assert not condition(asb, "Stalled")
    finally:
        stockade.install_webhook()
        eventually(lambda: all(stockade.layers().values()))


@pytest.mark.parametrize(
    "lifecycle,field",
    [
        ({"maxLifetimeSeconds": 0}, "spec.lifecycle.maxLifetimeSeconds"),
        ({"maxLifetimeSeconds": 315360001}, "spec.lifecycle.maxLifetimeSeconds"),
        ({"shutdownTime": "tomorrow"}, "spec.lifecycle.shutdownTime"),
        ({"shutdownTime": "2026-11-24 04:15:20Z"}, "spec.lifecycle.shutdownTime"),
        ({"shutdownTime": "2026-11-24T04:15:60Z"}, "spec.lifecycle.shutdownTime"),
        ({"shutdownPolicy": "Keep"}, "spec.lifecycle.shutdownPolicy"),
        ({"volumePolicy": "Keep"}, "spec.lifecycle.volumePolicy"),
        ({"restart": {"maxAttempts": 0}}, "spec.lifecycle.restart.maxAttempts"),
        ({"restart": {"backoff": {"initialSeconds": 301}}}, "spec.lifecycle.restart.backoff.maxSeconds"),
    ],
)
def test_a_mistake_is_named(space, lifecycle, field):  # noqa: F811
    answer = space.kubectl("create", "-f", "-", input=sandbox(lifecycle=lifecycle))
    assert answer.returncode != 0 and field in answer.stderr, answer.stderr


# Clocks


@pytest.fixture
def clock(stockade):
    """Sets the operator's wall clock, by a call with the seconds that it leads from now on."""
    library, lead = stockade.directory / "shifted_clock.so", stockade.directory / "shifted_clock"
    source = ROOT / "tests" / "fakes" / "shifted_clock.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    lead.write_text("0")
    stockade.operator.stop()
    stockade.operator.environment = {"LD_PRELOAD": str(library), "SHIFTED_CLOCK": str(lead)}
    stockade.operator.start()

    def set_to(seconds):
        noticed = stockade.operator.log_path.read_text().count("the wall clock was set")
        # In one step: the operator never reads half of it.
        (stockade.directory / "next").write_text(str(seconds))
        os.replace(stockade.directory / "next", lead)
        eventually(lambda: stockade.operator.log_path.read_text().count("the wall clock was set") > noticed)

    yield set_to
    stockade.operator.environment = {}
    stockade.operator.restart()


def test_a_clock_that_is_set_forwards_is_noticed_and_one_set_back_undoes_nothing(space, stockade, clock):  # noqa: F811
    space.ready_pod(sandbox(lifecycle={"maxLifetimeSeconds": 36000}))
    clock(-36000)
    space.apply(sandbox("other", lifecycle={"maxLifetimeSeconds": 36000}))
    space.wait_ready("other")
    assert condition(space.get("asb", "agent"), "Ready")["status"] == "True"
    clock(36001)
    for name in ("agent", "other"):
        space.wait_condition(name, "Finished", "True", "Expired", timeout=60)
    clock(0)
    stockade.operator.restart()
    for name in ("agent", "other"):
        assert condition(space.get("asb", name), "Finished")["reason"] == "Expired"
        assert space.find("pod", f"asb-{name}") is None
    space.patch("asb", "agent", {"spec": {"lifecycle": {"maxLifetimeSeconds": 36001}}})
    space.wait_ready("agent", timeout=60)


def test_the_end_of_a_claim_follows_a_clock_that_is_set_and_is_for_good(space, stockade, clock):  # noqa: F811
    claims = BindingSpace(space.cluster, space.name)
    claims.apply(binding_space.template())
    claims.apply(binding_space.claim("mine", lifecycle={"maxLifetimeSeconds": 36000}))
    claims.wait_claim("mine", "Ready", "True")
    clock(-36000)
    assert condition(claims.get("asbc", "mine"), "Ready")["status"] == "True"
    clock(36001)
    claims.wait_claim("mine", "Finished", "True", "Expired")
    claims.wait_gone("asb", "mine")
    clock(0)
    stockade.operator.restart()
    claims.apply(binding_space.claim("another"))
    claims.wait_claim("another", "Ready", "True")
    assert condition(claims.get("asbc", "mine"), "Finished")["reason"] == "Expired"
    assert claims.find("asb", "mine") is None


# What is kept


def test_claims_that_are_to_be_kept_outlive_their_sandbox_and_are_taken_again(space):  # noqa: F811
    space.ready_pod(with_claim(volumePolicy="Retain"))
    first = space.get("asb", "agent")["metadata"]["uid"]
    volume = space.get("pvc", "asb-agent-work")["metadata"]
    assert not volume.get("ownerReferences")
    assert volume["labels"]["stockade.dev/retained-for"] == first
    space.must("delete", "asb", "agent", "--cascade=foreground")
    space.wait_gone("pod", "asb-agent", timeout=60)
    assert space.get("pvc", "asb-agent-work")["metadata"]["uid"] == volume["uid"]

    # One that would take it along when it goes does not get it.
    space.apply(with_claim())
    stalled = space.wait_condition("agent", "Stalled", "True", "NameConflict")
    assert "asb-agent-work" in condition(stalled, "Stalled")["message"]
    space.must("delete", "asb", "agent")
    assert not space.get("pvc", "asb-agent-work")["metadata"].get("ownerReferences")

    space.ready_pod(with_claim(volumePolicy="Retain"))
    second = space.get("asb", "agent")["metadata"]["uid"]
    taken = space.get("pvc", "asb-agent-work")["metadata"]
    assert taken["uid"] == volume["uid"] and taken["labels"]["stockade.dev/retained-for"] == second

    space.patch("asb", "agent", {"spec": {"lifecycle": {"volumePolicy": "Delete"}}})
    space.wait_for("pvc", "asb-agent-work", lambda pvc: pvc["metadata"].get("ownerReferences"))
    space.must("delete", "asb", "agent")
    space.wait_gone("pvc", "asb-agent-work", timeout=60)


def test_claims_are_kept_though_that_was_decided_at_the_end(space):  # noqa: F811
    space.ready_pod(with_claim(maxLifetimeSeconds=3600))
    volume = space.get("pvc", "asb-agent-work")["metadata"]
    assert volume["ownerReferences"]
    end_now(space, shutdownPolicy="Delete", volumePolicy="Retain")
    space.wait_gone("asb", "agent", timeout=60)
    kept = space.get("pvc", "asb-agent-work")["metadata"]
    assert kept["uid"] == volume["uid"] and not kept.get("ownerReferences")


# Pods that are run again


def failing(attempts):
    restart = {"maxAttempts": attempts, "backoff": {"initialSeconds": 1, "maxSeconds": 1}}
    obj = sandbox(lifecycle={"restart": restart})
    obj["spec"]["podTemplate"]["spec"]["restartPolicy"] = "Never"
    return obj


def test_a_pod_that_failed_is_run_again_up_to_the_limit(space, stockade, unguarded):  # noqa: F811
    pod = space.ready_pod(failing(2))
    for attempt in (1, 2):
        set_pod_status(space, {"phase": "Failed"})
        pod = moved(space, pod)
        asb = space.wait_ready("agent", timeout=60)
        assert asb["status"]["restarts"]["count"] == attempt
    set_pod_status(space, {"phase": "Failed"})
    asb = space.wait_condition("agent", "Finished", "True", "RestartsExhausted")
    assert "2 times" in condition(asb, "Ready")["message"]
    stockade.operator.restart()
    assert space.get("pod", "asb-agent")["metadata"]["uid"] == pod["metadata"]["uid"]

    space.patch("asb", "agent", {"spec": failing(3)["spec"]})
    pod = moved(space, pod)
    asb = space.wait_ready("agent", timeout=60)
    assert asb["status"]["restarts"]["count"] == 1, "another spec starts the count anew"


def test_a_pod_that_is_lost_is_not_counted(space, unguarded):  # noqa: F811
    pod = space.ready_pod(failing(1))
    set_pod_status(space, {"phase": "Failed", "reason": "Evicted", "message": "low on memory"})
    space.wait_condition("agent", "Ready", "False", "PodLost")
    moved(space, pod)
    assert "restarts" not in space.wait_ready("agent")["status"]


def test_without_the_field_a_pod_that_failed_stays(space, unguarded):  # noqa: F811
    obj = failing(1)
    del obj["spec"]["lifecycle"]
    pod = space.ready_pod(obj)
    set_pod_status(space, {"phase": "Failed"})
    space.wait_condition("agent", "Finished", "True", "PodFailed")
    assert space.get("pod", "asb-agent")["metadata"]["uid"] == pod["metadata"]["uid"]


def test_the_field_restarts_no_pod_that_runs(space):  # noqa: F811
    pod = space.ready_pod(sandbox())
    lifecycle = {"maxLifetimeSeconds": 3600, "volumePolicy": "Retain", "restart": {"maxAttempts": 2}}
    space.patch("asb", "agent", {"spec": {"lifecycle": lifecycle}})
    space.wait_for("asb", "agent", lambda asb: "expiresAt" in asb["status"])
    assert space.get("pod", "asb-agent")["metadata"]["uid"] == pod["metadata"]["uid"]
