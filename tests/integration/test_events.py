"""What the operator tells users as Events, as the API server keeps them and kubectl shows them."""

import json

import pytest

from cluster import eventually
from stockade import OPERATOR_USER, condition, sandbox

STRANGER = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "asb-agent"},
    "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 80}]},
}  # fmt: skip
WIDE = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "let-everything-out"},
    "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
}


class Space:
    """One namespace and the events in it."""

    def __init__(self, stockade, name):
        self.stockade = stockade
        self.name = name

    def must(self, *args, **options):
        return self.stockade.cluster.must("-n", self.name, *args, **options)

    def get(self, kind, name):
        return json.loads(self.must("get", kind, name, "-o", "json"))

    def apply(self, obj):
        self.must("apply", "-f", "-", input=obj)

    def wait_condition(self, kind, status, reason=None, name="agent"):
        def has_it():
            found = condition(self.get("asb", name), kind)
            return found.get("status") == status and reason in (None, found["reason"])

        eventually(has_it)

    def events(self, **fields):
        """Those of the operator whose fields are these."""
        listed = json.loads(self.must("get", "events.events.k8s.io", "-o", "json"))["items"]
        return [
            event
            for event in listed
            if event["reportingController"] == "stockade.dev/operator"
            and all(event.get(field) == value for field, value in fields.items())
        ]

    def wait_event(self, check=lambda event: True, **fields):
        """Waits for the one event with these fields of which check() is true, and returns it."""
        found = eventually(lambda: [event for event in self.events(**fields) if check(event)])
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def space(stockade):
    with stockade.cluster.new_namespace("events") as name:
        yield Space(stockade, name)


def has_repeated(times):
    return lambda event: event.get("series", {}).get("count") == times


def test_sandbox_that_becomes_ready_and_goes_has_no_event(space):
    space.apply(sandbox())
    space.wait_condition("Ready", "True")
    space.must("patch", "asb", "agent", "--type=merge", "-p", '{"spec":{"operatingMode":"Suspended"}}')
    space.wait_condition("Suspended", "True")
    # Told after all that, and by one thread, so nothing before it can be on its way yet.
    space.apply(STRANGER)
    space.apply(sandbox(service={"ports": [{"port": 8080}]}))
    space.wait_event(reason="NameConflict")
    assert [event["reason"] for event in space.events()] == ["NameConflict"]
    wrote = [w["resource"] for w in space.stockade.operator_writes(space.name)]
    assert wrote.count("events") == 1


def test_stalled_sandbox_has_a_warning_that_kubectl_shows(space):
    space.apply(STRANGER)
    space.apply(sandbox(service={"ports": [{"port": 8080}]}))
    event = space.wait_event(reason="NameConflict")
    asb = space.get("asb", "agent")
    assert event["type"] == "Warning"
    assert event["action"] == "Reconcile"
    assert event["note"] == condition(asb, "Stalled")["message"]
    assert event["regarding"]["kind"] == "AgentSandbox"
    assert event["regarding"]["uid"] == asb["metadata"]["uid"]
    assert event["metadata"]["name"].startswith("agent.")
    assert event["reportingInstance"]
    assert "series" not in event

    described = space.must("describe", "asb", "agent")
    shown = described[described.index("Events:") :]
    assert "Warning" in shown and "NameConflict" in shown and "stockade.dev/operator" in shown
    assert 'Service "asb-agent" exists' in shown
    listed = space.must("events", "--for", "agentsandbox/agent")
    assert "NameConflict" in listed


def test_reason_that_comes_again_is_one_event_with_a_series(space, unguarded):
    space.apply(sandbox())
    space.wait_condition("Ready", "True")
    for _ in range(2):
        space.apply(WIDE)
        space.wait_condition("EgressIsolated", "False", "WidenedBy")
        space.must("delete", "networkpolicy", "let-everything-out")
        space.wait_condition("EgressIsolated", "True")
    event = space.wait_event(has_repeated(2), reason="WidenedBy")
    assert event["series"]["lastObservedTime"] > event["eventTime"]
    assert event["action"] == "Isolate"
    assert "let-everything-out" in event["note"]
    assert len(space.events()) == 1
    assert "(x2 over" in space.must("describe", "asb", "agent")


def test_deny_all_that_is_fought_over_is_one_event_of_the_policy(space, unguarded):
    space.apply(sandbox())
    space.wait_condition("Ready", "True")

    def is_shut():
        return "egress" not in space.get("networkpolicy", "stockade-deny-all")["spec"]

    for _ in range(2):
        space.must("patch", "networkpolicy", "stockade-deny-all", "--type=merge", "-p", '{"spec":{"egress":[{}]}}')
        eventually(is_shut)
    event = space.wait_event(has_repeated(2), reason="Repaired")
    assert event["type"] == "Normal"
    assert event["regarding"]["kind"] == "NetworkPolicy"
    assert event["regarding"]["name"] == "stockade-deny-all"
    assert "Repaired" in space.must("events", "--for", "networkpolicy/stockade-deny-all")


def test_pod_that_somebody_changed_is_told_and_one_whose_spec_changed_is_not(space, unguarded):
    space.apply(sandbox())
    space.wait_condition("Ready", "True")

    def replace(how):
        before = space.get("pod", "asb-agent")["metadata"]["uid"]
        how()

        def is_another():
            pods = json.loads(space.must("get", "pods", "-o", "json"))["items"]
            return any(pod["metadata"]["uid"] != before for pod in pods)

        eventually(is_another)
        space.wait_condition("Ready", "True")

    replace(lambda: space.apply(sandbox(image="registry.example/agent:2")))
    replace(lambda: space.must("set", "image", "pod/asb-agent", "agent=registry.example/evil:1"))
    event = space.wait_event(reason="Repaired")
    assert event["regarding"]["kind"] == "AgentSandbox"
    assert event["note"] == 'pod "asb-agent" is created anew: somebody changed it'
    assert len(space.events()) == 1


def test_event_that_was_deleted_is_created_again_when_it_repeats(space, unguarded):
    space.apply(sandbox())
    space.wait_condition("Ready", "True")
    space.apply(WIDE)
    first = space.wait_event(reason="WidenedBy")
    space.must("delete", "events.events.k8s.io", first["metadata"]["name"])
    space.must("delete", "networkpolicy", "let-everything-out")
    space.wait_condition("EgressIsolated", "True")
    space.apply(WIDE)
    again = space.wait_event(has_repeated(2), reason="WidenedBy")
    assert again["metadata"]["uid"] != first["metadata"]["uid"]


def test_events_are_counted(space):
    def written():
        return space.stockade.operator.metrics()['stockade_events_total{outcome="written"}']

    before = written()
    space.apply(sandbox(isolation="MicroVM"))
    space.wait_event(reason="RuntimeClassMissing")
    eventually(lambda: written() > before)


def test_events_are_under_the_operators_own_account(space):
    space.apply(sandbox(isolation="MicroVM"))
    space.wait_event(reason="RuntimeClassMissing")
    writers = [w for w in space.stockade.audit() if w["resource"] == "events" and w["namespace"] == space.name]
    assert {w["user"] for w in writers if w["name"].startswith("agent.")} == {OPERATOR_USER}
