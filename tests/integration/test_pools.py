"""AgentSandboxPools: how they are filled, who gets what is in them, and how they follow their template."""

import json

import pytest
import yaml

from binding_space import IMAGE, BindingSpace, claim, obj, pool, template
from cluster import EXAMPLES, eventually
from stockade import condition


@pytest.fixture
def space(stockade):
    with stockade.cluster.new_namespace("pool") as name:
        yield BindingSpace(stockade.cluster, name)


def uids(sandboxes):
    return {each["metadata"]["uid"] for each in sandboxes.values()}


# Filling


def test_a_pool_keeps_as_many_sandboxes_ready_as_it_says(space):
    space.apply(template())
    space.apply(pool(replicas=3))
    full = space.wait_pool("warm", 3, replicas=3, updatedReplicas=3, selector="stockade.dev/pool=warm")
    assert condition(full, "Ready")["reason"] == "Full"
    members = space.owned_by("AgentSandboxPool", full["metadata"]["uid"])
    assert len(members) == 3
    for name, member in members.items():
        assert name.startswith("warm-") and member["metadata"]["labels"] == {"stockade.dev/pool": "warm"}
    header = space.must("get", "asbpool").splitlines()[0].split()
    assert header == ["NAME", "TEMPLATE", "REPLICAS", "READY", "UPDATED", "REASON", "AGE"]


def test_a_pool_is_scaled_by_its_subresource(space):
    space.apply(template())
    space.apply(pool(replicas=1))
    space.wait_pool("warm", 1)
    space.must("scale", "asbpool", "warm", "--replicas=3")
    space.wait_pool("warm", 3, replicas=3)
    # What an autoscaler looks at: the pods of those that are kept ready.
    assert len(space.list_selected("pods", space.get("asbpool", "warm")["status"]["selector"])) == 3
    space.must("scale", "asbpool", "warm", "--replicas=0")
    space.wait_pool("warm", 0, replicas=0)
    eventually(lambda: not space.list("asb"))
    scale = json.loads(
        space.must("get", "--raw", f"/apis/stockade.dev/v1alpha1/namespaces/{space.name}/agentsandboxpools/warm/scale")
    )
    assert scale["status"] == {"replicas": 0, "selector": "stockade.dev/pool=warm"}


def test_a_pool_goes_with_its_sandboxes_but_for_those_that_are_claimed(space):
    space.apply(template())
    space.apply(pool(replicas=2))
    space.wait_pool("warm", 2)
    space.apply(claim("mine", pool="warm"))
    mine = space.wait_claim("mine", "Ready", "True")["status"]["sandbox"]["name"]
    space.must("delete", "asbpool", "warm")
    eventually(lambda: [each["metadata"]["name"] for each in space.list("asb")] == [mine])
    gone = space.wait_claim("mine", "TemplateResolved", "False", "PoolNotFound")
    assert condition(gone, "Ready")["status"] == "True"


def test_a_pool_makes_no_more_at_once_than_it_says(space):
    space.apply(template(isolation="MicroVM"))  # no RuntimeClass, so that none gets ready
    space.apply(pool(replicas=5, refill={"maxStarting": 2}))
    space.wait_for("asbpool", "warm", lambda found: found.get("status", {}).get("replicas") == 2)
    waits = space.wait_for("asbpool", "warm", lambda f: "RuntimeClassMissing" in condition(f, "Ready")["message"])
    assert waits["status"]["replicas"] == 2 and len(space.list("asb")) == 2


def test_a_pool_says_what_is_wrong_with_its_template(space):
    space.apply(pool())
    found = space.wait_for("asbpool", "warm", lambda f: condition(f, "Ready").get("reason") == "TemplateNotFound")
    assert condition(found, "TemplateResolved")["status"] == "False"
    space.apply(template())
    space.wait_pool("warm", 2)


# Claiming


def test_a_claim_gets_a_ready_sandbox_at_once_and_another_takes_its_place(space):
    space.apply(template(labels=["team"], annotations=["note"]))
    space.apply(pool(replicas=2))
    full = space.wait_pool("warm", 2)
    before = space.owned_by("AgentSandboxPool")
    pods = {pod["metadata"]["uid"] for pod in space.list("pods")}
    space.apply(claim("mine", pool="warm", podMetadata={"labels": {"team": "a"}, "annotations": {"note": "x"}}))
    mine = space.wait_claim("mine", "Ready", "True")
    name = mine["status"]["sandbox"]["name"]
    assert mine["status"]["warm"] is True and name in before
    made = space.get("asb", name)
    assert made["metadata"]["uid"] == before[name]["metadata"]["uid"]
    assert [(o["kind"], o["uid"]) for o in made["metadata"]["ownerReferences"]] == [
        ("AgentSandboxClaim", mine["metadata"]["uid"])
    ]
    assert made["metadata"]["labels"] == {"stockade.dev/claim": "mine"}
    pod = space.wait_for("pod", f"asb-{name}", lambda found: found["metadata"]["labels"].get("team") == "a")
    assert "stockade.dev/pool" not in pod["metadata"]["labels"]
    assert pod["metadata"]["uid"] in pods, "the pod was made anew"
    assert pod["metadata"]["annotations"]["note"] == "x"
    space.wait_pool("warm", 2, replicas=2)
    after = space.owned_by("AgentSandboxPool", full["metadata"]["uid"])
    assert name not in after and len(after) == 2


def test_a_claim_that_sets_variables_gets_a_sandbox_of_its_own(space):
    space.apply(template(env=["TASK"]))
    space.apply(pool(replicas=1))
    space.wait_pool("warm", 1)
    space.apply(claim("mine", pool="warm", env=[{"name": "TASK", "value": "x"}]))
    mine = space.wait_claim("mine", "Ready", "True")
    assert mine["status"]["warm"] is False and mine["status"]["sandbox"]["name"] == "mine"


def test_an_empty_pool_makes_sandboxes_for_claims(space):
    space.apply(template())
    space.apply(pool(replicas=0))
    space.wait_pool("warm", 0)
    space.apply(claim("mine", pool="warm"))
    assert space.wait_claim("mine", "Ready", "True")["status"]["warm"] is False


def test_claims_that_cannot_have_a_sandbox_keep_no_pool_from_filling(space):
    space.apply(template())
    space.apply([claim(f"c-{i}", pool="warm", env=[{"name": "OTHER", "value": "x"}]) for i in range(10)])
    space.apply(pool(replicas=2))
    space.wait_claim("c-9", "Ready", "False", "EnvNotAllowed")
    space.wait_pool("warm", 2)


def test_a_claim_that_no_sandbox_of_the_pool_can_be_given_to_says_why(space, stockade):
    """With the labels of both it has more than a pod may have."""
    own = {f"own-{i}": "x" for i in range(40)}
    added = {f"added-{i}": "x" for i in range(30)}
    made = template(labels=list(added))
    made["spec"]["template"]["spec"]["podTemplate"]["metadata"] = {"labels": own}
    space.apply(made)
    space.apply(pool(replicas=5))
    space.wait_pool("warm", 5)
    space.apply(claim("mine", pool="warm", podMetadata={"labels": added}))
    refused = space.wait_claim("mine", "Ready", "False", "SandboxRefused")
    assert "labels" in condition(refused, "Ready")["message"]
    space.wait_pool("warm", 5)
    # What is refused of three is not tried with all the others.
    tries = [w for w in stockade.operator_writes(space.name)
             if (w["verb"], w["resource"]) == ("patch", "agentsandboxes") and w["code"] >= 400]  # fmt: skip
    assert 3 <= len(tries) and len(tries) % 3 == 0, tries


def test_what_a_policy_forbids_now_is_handed_out_no_more(space):
    space.apply(template())
    space.apply(pool(replicas=1))
    space.wait_pool("warm", 1)
    (before,) = space.owned_by("AgentSandboxPool")
    selector = {"matchLabels": {"kubernetes.io/metadata.name": space.name}}
    strict = obj("AgentSandboxPolicy", space.name, {
        "namespaceSelector": selector, "enforcement": "Enforce",
        "images": {"allowedRegistries": ["registry.example/approved"]},
    })  # fmt: skip
    space.cluster.must("apply", "-f", "-", input=strict)
    try:
        space.wait_gone("asb", before)
        refused = space.wait_for("asbpool", "warm", lambda it: condition(it, "Ready")["reason"] == "SandboxRefused")
        assert "ImageRegistry" in condition(refused, "Ready")["message"]
    finally:
        space.cluster.must("delete", "asbp", space.name)
    # After the pause that what was refused brings with it.
    space.wait_pool("warm", 1)


def test_claims_at_once_lose_none(space, stockade):
    """Twice as many claims as sandboxes: each sandbox has one owner, and each claim one sandbox."""
    count = 100
    space.apply(template())
    space.apply(pool(replicas=count, refill={"maxStarting": count}))
    space.wait_pool("warm", count, timeout=300)
    claims = [claim(f"c-{i}", pool="warm") for i in range(2 * count)]
    space.must("create", "-f", "-", input=claims, timeout=180)

    def all_ready():
        found = space.list("asbc")
        return found if all(condition(each, "Ready").get("status") == "True" for each in found) else None

    ready = eventually(all_ready, timeout=240)
    assert len(ready) == 2 * count
    by_claim = {each["metadata"]["uid"]: each["status"]["sandbox"]["uid"] for each in ready}
    assert len(set(by_claim.values())) == 2 * count, "two claims have one sandbox"
    owned = space.owned_by("AgentSandboxClaim")
    owners = {
        each["metadata"]["uid"]: each["metadata"]["ownerReferences"][0]["uid"] for each in owned.values()
    }  # fmt: skip
    assert owners == {sandbox: holder for holder, sandbox in by_claim.items()}
    assert sum(each["status"]["warm"] for each in ready) >= count


def test_a_sandbox_of_a_pool_that_somebody_changed_is_replaced(space):
    space.apply(template())
    space.apply(pool(replicas=1))
    space.wait_pool("warm", 1)
    (name,) = space.owned_by("AgentSandboxPool")
    changed = {"spec": {"podTemplate": {"spec": {"containers": [{"name": "agent", "image": "registry.example/own:1"}]}}}}
    space.patch("asb", name, changed)
    space.wait_gone("asb", name)
    space.wait_pool("warm", 1, replicas=1)
    space.apply(claim("mine", pool="warm"))
    mine = space.wait_claim("mine", "Ready", "True")["status"]["sandbox"]["name"]
    containers = space.get("asb", mine)["spec"]["podTemplate"]["spec"]["containers"]
    assert containers[0]["image"] == "registry.example/agent:1"


# Following the template


def test_recreate_replaces_what_nobody_has_claimed(space):
    space.apply(template())
    space.apply(pool(replicas=2, updateStrategy={"type": "Recreate"}))
    space.wait_pool("warm", 2)
    space.apply(claim("mine", pool="warm"))
    mine = space.wait_claim("mine", "Ready", "True")["status"]["sandbox"]["name"]
    before = uids(space.owned_by("AgentSandboxPool"))
    first = space.wait_pool("warm", 2)["status"]["templateRevision"]
    space.apply(template(image="registry.example/agent:2"))
    space.wait_for("asbpool", "warm", lambda found: found["status"]["templateRevision"] != first)
    space.wait_pool("warm", 2, replicas=2, updatedReplicas=2)
    members = space.owned_by("AgentSandboxPool")
    assert not uids(members) & before
    for member in members.values():
        assert member["spec"]["podTemplate"]["spec"]["containers"][0]["image"] == "registry.example/agent:2"
    kept = space.get("asb", mine)["spec"]["podTemplate"]["spec"]["containers"][0]["image"]
    assert kept == "registry.example/agent:1"


def test_on_replenish_hands_out_what_there_is_first(space):
    space.apply(template())
    space.apply(pool(replicas=1))
    space.wait_pool("warm", 1, updatedReplicas=1)
    before = uids(space.owned_by("AgentSandboxPool"))
    space.apply(template(image="registry.example/agent:2"))
    space.wait_pool("warm", 1, updatedReplicas=0)
    assert uids(space.owned_by("AgentSandboxPool")) == before
    space.apply(claim("mine", pool="warm"))
    mine = space.wait_claim("mine", "Ready", "True")
    assert mine["status"]["sandbox"]["uid"] in before
    space.wait_pool("warm", 1, updatedReplicas=1)


# Trouble


def test_a_sandbox_that_does_not_come_up_is_replaced_after_a_pause(space):
    space.apply(template(isolation="MicroVM"))  # no RuntimeClass
    space.apply(pool(replicas=1, refill={"startupTimeoutSeconds": 10}))
    space.wait_for("asbpool", "warm", lambda found: found.get("status", {}).get("replicas") == 1)
    (name,) = space.owned_by("AgentSandboxPool")
    space.wait_gone("asb", name, timeout=60)
    space.wait_for("asbpool", "warm", lambda found: condition(found, "Ready")["reason"] == "BackingOff")
    space.apply(template())
    space.wait_pool("warm", 1, timeout=60)


def test_one_that_finds_no_node_is_replaced_and_told_of(space):
    nowhere = {"containers": [{"name": "agent", "image": IMAGE}], "nodeSelector": {"kept-for": "nobody"}}
    space.apply(template(podTemplate={"spec": nowhere}))
    space.apply(pool(replicas=1, refill={"startupTimeoutSeconds": 10}))
    found = space.wait_for("asbpool", "warm", lambda found: "Unschedulable" in condition(found, "Ready")["message"])
    (name,) = space.owned_by("AgentSandboxPool")
    assert f'"{name}"' in condition(found, "Ready")["message"]
    space.wait_gone("asb", name, timeout=60)
    space.wait_for("asbpool", "warm", lambda found: condition(found, "Ready")["reason"] == "BackingOff")

    def told():
        events = space.cluster.get("events.events.k8s.io", "-n", space.name)["items"]
        return [each for each in events if each["regarding"]["kind"] == "AgentSandboxPool"]

    (event,) = eventually(told)
    assert (event["type"], event["reason"], event["action"]) == ("Warning", "BackingOff", "Fill")
    space.apply(template())
    space.wait_pool("warm", 1, timeout=60)


def test_an_operator_that_starts_removes_what_was_left_meanwhile(space, stockade):
    space.apply(template())
    space.apply(pool(replicas=1))
    space.apply(claim("mine"))
    space.wait_pool("warm", 1)
    space.wait_claim("mine", "Ready", "True")
    stockade.operator.stop()
    try:
        space.must("delete", "asbpool/warm", "asbc/mine")
    finally:
        stockade.operator.start()
    eventually(lambda: not space.list("asb"))


@pytest.mark.parametrize("path", sorted((EXAMPLES / "profiles").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_profile_makes_sandboxes(space, path):
    """What docs/risk-profiles.md has its readers begin with; without what takes images of gateways and canaries, of which this operator has none."""
    objects = [each for each in yaml.safe_load_all(path.read_text()) if each]
    (profile,) = [each for each in objects if each["kind"] == "AgentSandboxTemplate"]
    for each in objects:
        done = space.kubectl("create", "--dry-run=server", "-f", "-", input=each)
        assert done.returncode == 0, done.stderr
    spec = profile["spec"]["template"]["spec"]
    spec = {key: value for key, value in spec.items() if key not in ("egress", "credentials")}
    spec.get("lifecycle", {}).pop("idle", None)
    spec["mounts"] = [each for each in spec.get("mounts", []) if "persistentVolumeClaim" not in each]
    profile["spec"]["template"]["spec"] = spec
    space.apply(profile)
    space.apply(claim("mine", of=path.stem))
    space.wait_claim("mine", "Ready", "True")
