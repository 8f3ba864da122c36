"""Shared egress gateways: which sandboxes have one, that it is theirs alone, and that it goes with the last of them.

Beside test_gateways.py, which has what a Shared gateway and a Dedicated one have in common.
"""

import json

import pytest

from cluster import eventually
from stockade import OPERATOR_USER, condition, sandbox
from test_gateways import EGRESS, gateways, left, letting_through, openssl, secret_of  # noqa: F401
from test_operator import Space

SHARED = EGRESS | {"gateway": "Shared"}
OTHER = {"gateway": "Shared", "allow": [{"host": "other.example.com"}]}


@pytest.fixture
def space(stockade, gateways):  # noqa: F811
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    with stockade.cluster.new_namespace("shared", labels) as name:
        yield Space(stockade.cluster, name)


def ready(space, *names, egress=SHARED, **spec):
    """Applies sandboxes of one profile at once, and returns the name of their gateway."""
    space.apply([sandbox(name, egress=egress, **spec) for name in names])
    return {space.wait_ready(name, 60)["status"]["egress"]["gateway"] for name in names}.pop()


def deployments(space):
    return {d["metadata"]["name"]: d for d in json.loads(space.must("get", "deployments", "-o", "json"))["items"]}


def uids(space, gateway):
    """Of every object of the gateway itself that the operator makes."""
    kinds = "deployments,services,configmaps,networkpolicies"
    found = json.loads(space.must("get", kinds, "-l", f"stockade.dev/gateway={gateway}", "-o", "json"))["items"]
    return {f"{i['kind']}/{i['metadata']['name']}": i["metadata"]["uid"] for i in found}


def moved(space, name, pod):
    """Waits until the sandbox has another pod than that."""
    space.wait_for("pod", f"asb-{name}", lambda found: found and found["metadata"]["uid"] != pod["metadata"]["uid"], 90)


# Who shares


def test_sandboxes_of_one_profile_share_a_gateway_and_no_other_does(space):
    gateway = ready(space, "one", "two")
    other = ready(space, "third", egress=OTHER)
    own = ready(space, "own", egress=EGRESS)
    asb = space.get("asb", "one")
    assert gateway == "asg--" + asb["status"]["egress"]["profileHash"][:32]
    assert own == "asg-own" and len({gateway, other, own}) == 3
    assert deployments(space).keys() == {gateway, other, own}
    for name in ("one", "two"):
        labels = space.get("pod", f"asb-{name}")["metadata"]["labels"]
        assert labels["stockade.dev/egress"] == gateway
        found = space.wait_condition(name, "EgressIsolated", "True", "ProvenByCanary")
        assert found["status"]["egress"]["address"] == space.get("service", gateway)["spec"]["clusterIP"]
    # What the gateway takes in, and what it is led to by, are the pods of its own sandboxes.
    peer = space.get("networkpolicy", f"{gateway}-gateway")["spec"]["ingress"][0]["from"]
    assert [p["podSelector"]["matchLabels"] for p in peer] == [{"stockade.dev/egress": gateway}]
    configuration = space.get("configmap", f"{gateway}-gateway")["data"]["envoy.json"]
    assert f"/ns/{space.name}/profile/{asb['status']['egress']['profileHash']}/sandbox/" in configuration
    assert "other.example.com" not in configuration


def test_nothing_of_a_shared_gateway_is_of_one_sandbox(space):
    gateway = ready(space, "one", "two")
    expected = {f"{kind}/{gateway}" for kind in ("Deployment", "Service")}
    expected |= {f"NetworkPolicy/{gateway}-{part}" for part in ("gateway", "sandboxes")}
    expected |= {f"ConfigMap/{gateway}-{part}" for part in ("gateway", "sandboxes", "authorities")}
    assert uids(space, gateway).keys() == expected
    for entry in expected:
        metadata = space.get(*entry.split("/"))["metadata"]
        assert "ownerReferences" not in metadata, entry
        assert "stockade.dev/sandbox" not in metadata["labels"], entry


def test_each_sandbox_has_an_identity_of_its_own(space):
    gateway = ready(space, "one", "two")
    seen = set()
    for name in ("one", "two"):
        asb, secret = space.get("asb", name), secret_of(space, space.get("pod", f"asb-{name}"))
        profile = asb["status"]["egress"]["profileHash"]
        uri = openssl(secret, "tls.crt", "-ext", "subjectAltName")
        assert f"/ns/{space.name}/profile/{profile}/sandbox/{name}/{asb['metadata']['uid']}\n" in uri
        assert secret["metadata"]["ownerReferences"][0]["uid"] == asb["metadata"]["uid"], "it goes with its sandbox"
        seen.add(secret["metadata"]["name"])
    assert len(seen) == 2
    service = space.get("service", gateway)["metadata"]["uid"]
    for volume in deployments(space)[gateway]["spec"]["template"]["spec"]["volumes"]:
        if "secret" in volume:
            secret = space.get("secret", volume["secret"]["secretName"])
            assert secret["metadata"]["ownerReferences"][0]["uid"] == service


def test_many_at_once_agree_on_one_gateway(space, stockade):
    names = [f"box{i}" for i in range(8)]
    gateway = ready(space, *names)
    made = [
        (w["resource"], w["name"])
        for w in stockade.operator_writes(space.name)
        if w["verb"] == "create" and w["code"] == 201 and w["name"].startswith(gateway)
    ]
    assert len(made) == len(set(made)) == 9, made
    assert not any(w["verb"] == "delete" for w in stockade.operator_writes(space.name))


def test_a_sandbox_more_takes_few_writes_and_leaves_the_gateway_alone(space, stockade):
    gateway = ready(space, "first")
    space.wait_condition("first", "EgressIsolated", "True", "ProvenByCanary")
    before = len(stockade.operator_writes(space.name))
    versions = uids(space, gateway), deployments(space)[gateway]["metadata"]["generation"]
    ready(space, "second")
    space.wait_condition("second", "EgressIsolated", "True", "ProvenByCanary")
    # A third goes through the same hands, so that the writes for the second have been made by now.
    ready(space, "third")
    writes = stockade.operator_writes(space.name)[before:]
    of_second = [w for w in writes if "second" in w["name"]]
    assert len(of_second) <= 5, of_second
    assert {w["resource"] for w in of_second} == {"secrets", "pods", "agentsandboxes/status"}
    assert [w for w in writes if w["name"].startswith(gateway)] == []
    assert versions == (uids(space, gateway), deployments(space)[gateway]["metadata"]["generation"])


def test_a_policy_that_widens_a_shared_gateway_is_reported_by_each_that_shares_it(space, unguarded):
    gateway = ready(space, "one", "two")
    ready(space, "own", egress=EGRESS)
    for name in ("one", "two", "own"):
        space.wait_condition(name, "EgressIsolated", "True", "ProvenByCanary")
    space.apply(letting_through({"matchLabels": {"stockade.dev/gateway": gateway}}))
    for name in ("one", "two"):
        asb = space.wait_condition(name, "EgressIsolated", "False", "WidenedBy")
        assert f'selects pods of its egress gateway "{gateway}"' in condition(asb, "EgressIsolated")["message"]
    assert condition(space.get("asb", "own"), "EgressIsolated")["status"] == "True"
    space.must("delete", "networkpolicy", "let-everything-through")
    for name in ("one", "two"):
        space.wait_condition(name, "EgressIsolated", "True", "ProvenByCanary")


# What becomes of changes


def test_another_profile_leads_elsewhere_and_leaves_the_others_what_they_had(space):
    gateway = ready(space, "one", "two")
    before, pod = uids(space, gateway), space.get("pod", "asb-one")
    stays = space.get("pod", "asb-two")
    space.patch("asb", "one", {"spec": {"egress": {"allow": [{"host": "new.example.com"}]}}})
    moved(space, "one", pod)
    asb = space.wait_ready("one")
    assert asb["status"]["egress"]["gateway"] != gateway
    assert uids(space, gateway) == before
    assert space.get("pod", "asb-two")["metadata"]["uid"] == stays["metadata"]["uid"]
    space.patch("asb", "two", {"spec": {"egress": {"allow": [{"host": "new.example.com"}]}}})
    moved(space, "two", stays)
    assert space.wait_ready("two")["status"]["egress"]["gateway"] == asb["status"]["egress"]["gateway"]
    eventually(lambda: uids(space, gateway) == {}, timeout=60)


def test_a_pod_does_not_go_on_by_the_rules_that_its_sandbox_left(space):
    """Not even where what it asks for now cannot be made, and others still share what it had."""
    gateway = ready(space, "one", "two")
    space.apply({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"},
        "spec": {"hard": {"services": "1"}},
    })  # fmt: skip
    eventually(lambda: space.get("resourcequota", "none").get("status", {}).get("used"))
    space.patch("asb", "one", {"spec": {"egress": {"allow": [{"host": "new.example.com"}]}}})
    space.wait_condition("one", "Ready", "False", "QuotaExceeded")
    space.wait_gone("pod", "asb-one")
    assert condition(space.get("asb", "one"), "EgressIsolated")["status"] != "False"
    assert space.get("pod", "asb-two")["metadata"]["labels"]["stockade.dev/egress"] == gateway
    space.must("delete", "resourcequota", "none")
    space.wait_ready("one", 90)


def test_from_dedicated_to_shared_and_back(space):
    ready(space, "one", egress=EGRESS)
    pod = space.get("pod", "asb-one")
    space.patch("asb", "one", {"spec": {"egress": {"gateway": "Shared"}}})
    moved(space, "one", pod)
    gateway = space.wait_ready("one", 60)["status"]["egress"]["gateway"]
    assert gateway.startswith("asg--")
    eventually(lambda: uids(space, "asg-one") == {}, timeout=60)
    pod = space.get("pod", "asb-one")
    space.patch("asb", "one", {"spec": {"egress": {"gateway": "Dedicated"}}})
    moved(space, "one", pod)
    assert space.wait_ready("one", 60)["status"]["egress"]["gateway"] == "asg-one"
    eventually(lambda: uids(space, gateway) == {}, timeout=60)


def test_what_somebody_changed_is_made_good(space, unguarded):
    gateway = ready(space, "one", "two")
    good = {
        (kind, name): space.get(kind, name).get("data") or space.get(kind, name)["spec"]
        for kind, name in (
            ("configmap", f"{gateway}-gateway"), ("networkpolicy", f"{gateway}-sandboxes"),
            ("networkpolicy", f"{gateway}-gateway"), ("deployment", gateway),
        )
    }  # fmt: skip
    space.patch("configmap", f"{gateway}-gateway", {"data": {"envoy.json": "{}"}})
    space.patch("networkpolicy", f"{gateway}-sandboxes", {"spec": {"egress": [{}], "podSelector": None}})
    space.patch("networkpolicy", f"{gateway}-gateway", {"spec": {"egress": [{}]}})
    space.patch("deployment", gateway, {"spec": {"replicas": 3}})
    for (kind, name), wanted in good.items():
        space.wait_for(kind, name, lambda found, wanted=wanted: (found.get("data") or found["spec"]) == wanted)


def test_a_gateway_that_is_lost_comes_back_for_all(space, unguarded):
    gateway = ready(space, "one", "two")
    pods = [space.get("pod", f"asb-{name}") for name in ("one", "two")]
    space.must("delete", "deployment", gateway)
    space.wait_for("deployment", gateway, lambda d: d and d.get("status", {}).get("availableReplicas") == 1, 60)
    assert [space.get("pod", p["metadata"]["name"])["metadata"]["uid"] for p in pods] == [
        p["metadata"]["uid"] for p in pods
    ]
    before = space.get("service", gateway)["metadata"]["uid"]
    space.must("delete", "service", gateway)
    service = space.wait_for("service", gateway, lambda found: found and found["metadata"]["uid"] != before, 60)
    for name in ("one", "two"):
        space.wait_for(
            "asb", name, lambda asb: asb["status"]["egress"]["address"] == service["spec"]["clusterIP"], 60
        )
        space.wait_ready(name, 60)


def test_a_strangers_object_is_never_taken_over(space, unguarded):
    gateway = ready(space, "one")
    space.must("delete", "asb", "one")
    eventually(lambda: left(space) == [], timeout=60)
    stranger = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": gateway}, "spec": {"ports": [{"port": 80}]}}
    space.must("create", "-f", "-", input=stranger)
    space.apply(sandbox("one", egress=SHARED))
    asb = space.wait_condition("one", "Ready", "False", "NameConflict")
    assert gateway in condition(asb, "Stalled")["message"]
    assert space.get("service", gateway)["spec"]["ports"][0]["port"] == 80
    assert space.find("pod", "asb-one") is None
    space.must("delete", "service", gateway)
    space.patch("asb", "one", {"metadata": {"labels": {"looked": "at"}}})
    space.wait_ready("one", 60)


# How long it stays


def test_the_last_sandbox_takes_the_gateway_along(space, stockade):
    gateway = ready(space, "one", "two")
    before = uids(space, gateway)
    space.must("delete", "asb", "one")
    space.wait_gone("pod", "asb-one")
    # Another profile's comes and goes through the same hands.
    ready(space, "third", egress=OTHER)
    space.must("delete", "asb", "third")
    eventually(lambda: len(deployments(space)) == 1)
    assert uids(space, gateway) == before
    space.wait_ready("two")
    space.must("delete", "asb", "two")
    eventually(lambda: left(space) == [], timeout=60)
    ends = [
        (w["user"] == OPERATOR_USER, w["resource"], w["name"])
        for w in stockade.audit()
        if w["namespace"] == space.name and w["verb"] == "delete"
    ]
    assert ends.index((False, "agentsandboxes", "two")) < ends.index((True, "deployments", gateway))
    assert ends.index((True, "deployments", gateway)) < ends.index((True, "services", gateway))


def test_the_last_goes_while_another_comes(space):
    """In every order that time brings about, the newcomer ends up with a gateway that is there."""
    for turn in range(6):
        old, new = (("one", "two"), ("two", "one"))[turn % 2]
        if turn == 0:
            ready(space, old)
        space.must("delete", "asb", old, "--wait=false")
        gateway = ready(space, new)
        space.wait_gone("pod", f"asb-{old}", 60)
        address = space.get("service", gateway)["spec"]["clusterIP"]
        assert address in space.get("configmap", f"{gateway}-sandboxes")["data"]["envoy.json"]
        space.wait_for("asb", new, lambda asb: asb["status"]["egress"]["address"] == address)
        eventually(lambda: len(uids(space, gateway)) == 7)
        assert space.find("networkpolicy", "stockade-gateway-deny-all"), "it outlives the pods that it shuts"
    space.must("delete", "asb", new)
    eventually(lambda: left(space) == [], timeout=60)


def test_it_runs_as_long_as_one_of_its_sandboxes_does(space):
    gateway = ready(space, "one", "two", "three")

    def replicas(count):
        space.wait_for("deployment", gateway, lambda found: found["spec"]["replicas"] == count)

    space.patch("asb", "one", {"spec": {"operatingMode": "Suspended"}})
    space.wait_condition("one", "Suspended", "True")
    replicas(1)
    space.patch("asb", "two", {"spec": {"operatingMode": "Suspended"}})
    space.wait_condition("two", "Suspended", "True")
    replicas(1)
    space.must("delete", "asb", "three")
    replicas(0)
    space.patch("asb", "one", {"spec": {"operatingMode": "Running"}})
    replicas(1)
    space.wait_ready("one", 60)


def test_without_egress_the_gateway_goes_with_the_last(space):
    gateway = ready(space, "one", "two")
    for name in ("one", "two"):
        pod = space.get("pod", f"asb-{name}")
        assert uids(space, gateway)
        space.patch("asb", name, {"spec": {"egress": None}})
        moved(space, name, pod)
        space.wait_condition(name, "EgressIsolated", "True", "DenyAll")
    expected = ["NetworkPolicy/stockade-deny-all", "Pod/asb-one", "Pod/asb-two"]
    # The identities go with their sandboxes.
    eventually(lambda: [each for each in left(space) if not each.startswith("Secret/asg-")] == expected, timeout=60)


def test_what_is_left_from_before_its_start_is_removed(space, gateways):  # noqa: F811
    ready(space, "one")
    ready(space, "two", egress=OTHER)
    gateways.stop()
    space.must("delete", "asb", "one", "--wait=false")
    space.wait_gone("asb", "one")
    gateways.start()
    eventually(lambda: len(deployments(space)) == 1, timeout=60)
    space.wait_ready("two")
    space.must("delete", "asb", "two")
    eventually(lambda: left(space) == [], timeout=60)
