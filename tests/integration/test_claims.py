"""AgentSandboxTemplates and AgentSandboxClaims: what a claim gets, what it may add, when it ends, and what it is told."""

import datetime
import json
import time

import pytest

from binding_space import BindingSpace, claim, obj, pool, template
from cluster import eventually
from stockade import OPERATOR_USER, condition, sandbox


@pytest.fixture
def space(stockade):
    with stockade.cluster.new_namespace("claim") as name:
        yield BindingSpace(stockade.cluster, name)


# What it gets


def test_a_claim_gets_a_sandbox_of_its_own(space):
    space.apply(template(service={"ports": [{"port": 80}]}))
    space.apply(claim("mine"))
    mine = space.wait_claim("mine", "Ready", "True", "SandboxReady")
    made = space.get("asb", "mine")
    assert made["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxClaim", "name": "mine",
            "uid": mine["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
        }
    ]  # fmt: skip
    assert made["metadata"]["labels"] == {"stockade.dev/claim": "mine"}
    pod = space.get("pod", "asb-mine")
    assert mine["status"]["sandbox"] == {
        "name": "mine", "uid": made["metadata"]["uid"], "podName": "asb-mine",
        "podIPs": pod["status"]["podIPs"], "serviceFQDN": f"asb-mine.{space.name}.svc.cluster.local",
    }  # fmt: skip
    assert condition(mine, "Bound")["status"] == "True"
    assert condition(mine, "TemplateResolved")["status"] == "True"
    assert mine["status"]["warm"] is False
    assert mine["status"]["observedGeneration"] == mine["metadata"]["generation"]
    header = space.must("get", "asbc").splitlines()[0].split()
    assert header == ["NAME", "SANDBOX", "READY", "REASON", "AGE"]


def test_the_sandbox_goes_with_its_claim(space):
    space.apply(template())
    space.apply(claim("mine"))
    space.wait_claim("mine", "Ready", "True")
    space.must("delete", "asbc", "mine")
    space.wait_gone("asb", "mine")
    space.wait_gone("pod", "asb-mine")


def test_the_sandbox_goes_though_something_holds_the_claim_up(space):
    held = claim("mine")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    space.apply(template())
    space.apply(held)
    space.wait_claim("mine", "Ready", "True")
    space.must("delete", "asbc", "mine", "--wait=false")
    space.wait_gone("asb", "mine")
    space.patch("asbc", "mine", {"metadata": {"finalizers": None}})
    space.wait_gone("asbc", "mine")


def test_a_claim_of_the_same_name_gets_another_sandbox(space):
    space.apply(template())
    space.apply(claim("mine"))
    first = space.wait_claim("mine", "Ready", "True")["status"]["sandbox"]["uid"]
    space.must("delete", "asbc", "mine")
    space.apply(claim("mine"))
    second = space.wait_claim("mine", "Ready", "True")["status"]["sandbox"]["uid"]
    assert second != first
    assert space.get("asb", "mine")["metadata"]["uid"] == second


def test_a_sandbox_that_somebody_deletes_is_made_anew(space):
    space.apply(template())
    space.apply(claim("mine"))
    first = space.wait_claim("mine", "Ready", "True")
    space.must("delete", "asb", "mine")
    again = space.wait_for(
        "asbc", "mine",
        lambda found: found["status"].get("sandbox", {}).get("uid") not in (None, first["status"]["sandbox"]["uid"])
        and condition(found, "Ready").get("status") == "True",
    )  # fmt: skip
    assert again["status"]["boundAt"] == first["status"]["boundAt"]


def test_another_sandbox_of_the_name_is_left_alone(space):
    space.apply(sandbox("mine"))
    space.apply(template())
    space.apply(claim("mine"))
    refused = space.wait_claim("mine", "Stalled", "True", "NameConflict")
    assert "create the claim under another name" in condition(refused, "Stalled")["message"]
    assert "ownerReferences" not in space.get("asb", "mine")["metadata"]


# What it may add


def test_a_claim_sets_the_variables_that_the_template_names(space):
    space.apply(template(env=["TASK", "MODE"], labels=["team"], annotations=["note"]))
    space.apply(claim("mine", env=[{"name": "TASK", "value": "$(HOME) costs $5"}],
                      podMetadata={"labels": {"team": "a"}, "annotations": {"note": "x"}}))  # fmt: skip
    space.wait_claim("mine", "Ready", "True")
    pod = space.get("pod", "asb-mine")
    assert {"name": "TASK", "value": "$$(HOME) costs $$5"} in pod["spec"]["containers"][0]["env"]
    assert pod["metadata"]["labels"]["team"] == "a"
    assert pod["metadata"]["annotations"]["note"] == "x"


def test_other_variables_are_said_to_be_wrong_until_the_template_allows_them(space):
    space.apply(template(env=["MODE"]))
    space.apply(claim("mine", env=[{"name": "TASK", "value": "x"}]))
    refused = space.wait_claim("mine", "Ready", "False", "EnvNotAllowed")
    assert "TASK" in condition(refused, "Ready")["message"]
    assert space.find("asb", "mine") is None
    space.apply(template(env=["MODE", "TASK"]))
    space.wait_claim("mine", "Ready", "True")


@pytest.mark.parametrize("kind, key", [("labels", "app"), ("annotations", "note")])
def test_a_claim_labels_its_pod_only_as_its_template_lets_it(space, kind, key):
    space.apply(template(**{kind: ["team"]}))
    space.apply(claim("mine", podMetadata={kind: {key: "x"}}))
    refused = space.wait_claim("mine", "Ready", "False", "MetadataNotAllowed")
    assert f"spec.podMetadata.{kind}" in condition(refused, "Ready")["message"]
    assert space.find("asb", "mine") is None
    space.apply(template(**{kind: ["team", key]}))
    space.wait_claim("mine", "Ready", "True")


@pytest.mark.parametrize(
    "lifecycle, field",
    [
        ({"volumePolicy": "Retain"}, "volumePolicy"),
        ({"shutdownPolicy": "Delete"}, "shutdownPolicy"),
        ({"shutdownTime": "2030-01-01T00:00:00Z"}, "shutdownTime"),
    ],
)
def test_a_template_makes_nothing_that_outlives_its_claim(space, lifecycle, field):
    refused = space.kubectl("apply", "-f", "-", input=template(lifecycle=lifecycle))
    assert refused.returncode != 0 and f"spec.template.spec.lifecycle.{field}" in refused.stderr


def test_a_template_may_have_a_name_that_no_sandbox_has(space):
    name = "python-3.13.with-more-than-fifty-characters.of-a-dns-name"
    space.apply(template(name))
    space.apply(claim("mine", of=name))
    space.wait_claim("mine", "Ready", "True")


@pytest.mark.parametrize(
    "added, code, field",
    [
        ({"env": [{"name": "LD_PRELOAD", "value": "/x.so"}]}, "DynamicLinkerEnv", "spec.env[0].name"),
        ({"env": [{"name": "HTTPS_PROXY", "value": "x"}]}, "ProxyEnv", "spec.env[0].name"),
        (
            {"podMetadata": {"labels": {"stockade.dev/sandbox": "other"}}},
            "ReservedLabel", "spec.podMetadata.labels[stockade.dev/sandbox]",
        ),
        (
            {"podMetadata": {"annotations": {"dev.gvisor.internal.nvproxy": "true"}}},
            "PodMetadata", "spec.podMetadata.annotations[dev.gvisor.internal.nvproxy]",
        ),
    ],
    ids=["linker", "proxy", "label", "annotation"],
)  # fmt: skip
def test_the_floor_holds_for_what_a_claim_adds(space, api, added, code, field):
    done = space.kubectl("create", "-f", "-", input=claim("mine", **added))
    assert done.returncode != 0
    assert f"{field}: [{code}]" in done.stderr, done.stderr


def test_what_a_claim_asks_for_stays(space):
    space.apply(template(env=["A"]))
    space.apply(template("other"))
    space.apply(claim("mine", env=[{"name": "A", "value": "1"}]))
    for change in ({"templateRef": {"name": "other"}}, {"templateRef": None, "poolRef": {"name": "other"}},
                   {"env": None}, {"podMetadata": {"labels": {"a": "b"}}}):  # fmt: skip
        done = space.kubectl("patch", "asbc", "mine", "--type=merge", "-p", json.dumps({"spec": change}))
        assert done.returncode != 0 and "create another claim" in done.stderr, done.stderr
    space.patch("asbc", "mine", {"spec": {"lifecycle": {"maxLifetimeSeconds": 3600}}})


def test_a_claim_names_one_source(space):
    for spec in ({}, {"templateRef": {"name": "a"}, "poolRef": {"name": "b"}}):
        done = space.kubectl("create", "-f", "-", input=obj("AgentSandboxClaim", "mine", spec))
        assert done.returncode != 0 and "exactly one of templateRef and poolRef" in done.stderr, done.stderr


# The template


def test_a_template_is_judged_as_the_sandbox_that_it_makes(space, api):
    done = space.kubectl("create", "-f", "-", input=template(isolation="Container"))
    assert done.returncode != 0
    assert "spec.template.spec.isolation: [UntrustedInputIsolation]" in done.stderr, done.stderr
    done = space.kubectl("create", "-f", "-", input=template(operatingMode="Suspended"))
    assert done.returncode != 0 and "leave operatingMode out" in done.stderr, done.stderr


def test_a_claim_waits_for_its_template_and_is_told_when_that_goes(space):
    space.apply(claim("mine"))
    waits = space.wait_claim("mine", "Ready", "False", "TemplateNotFound")
    assert condition(waits, "TemplateResolved")["status"] == "False"
    assert "AgentSandboxTemplate \"agents\"" in condition(waits, "Ready")["message"]
    space.apply(template())
    space.wait_claim("mine", "Ready", "True")
    space.must("delete", "asbt", "agents")
    told = space.wait_claim("mine", "TemplateResolved", "False", "TemplateNotFound")
    assert condition(told, "Ready")["status"] == "True"
    space.get("asb", "mine")


def test_a_template_that_makes_nothing_that_may_run_is_said_on_the_claim(space, stockade):
    """One that was stored while nobody asked the webhook."""
    stockade.uninstall_webhook()
    try:
        wrong = template()
        wrong["spec"]["template"]["spec"]["podTemplate"]["spec"]["hostNetwork"] = True
        eventually(lambda: space.kubectl("create", "-f", "-", input=wrong).returncode == 0)
    finally:
        stockade.install_webhook()
    space.apply(claim("mine"))
    refused = space.wait_claim("mine", "TemplateResolved", "False", "TemplateInvalid")
    message = condition(refused, "Ready")["message"]
    assert "spec.template.spec.podTemplate.spec.hostNetwork: [HostNamespace]" in message
    assert space.find("asb", "mine") is None


def test_what_the_api_server_refuses_is_said_on_the_claim(space):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"},
             "spec": {"hard": {"count/agentsandboxes.stockade.dev": "0"}}}  # fmt: skip
    space.apply(quota)
    space.wait_for("resourcequota", "none", lambda found: found.get("status", {}).get("hard"))
    space.apply(template())
    space.apply(claim("mine"))
    refused = space.wait_claim("mine", "Ready", "False", "SandboxRefused")
    assert "exceeded quota" in condition(refused, "Ready")["message"]
    space.must("delete", "resourcequota", "none")
    space.wait_claim("mine", "Ready", "True", timeout=60)


# Its end


def test_a_claim_leaves_no_sandbox_behind_however_it_is_deleted(space):
    space.apply(template())
    space.apply(claim("mine"))
    space.wait_claim("mine", "Ready", "True")
    space.must("delete", "asbc", "mine", "--cascade=orphan")
    space.wait_gone("asb", "mine")


@pytest.mark.parametrize("kind", ["asbc", "asbpool"])
def test_in_the_foreground_it_is_there_for_as_long_as_its_pod(space, kind):
    space.apply(template())
    space.apply(claim("mine") if kind == "asbc" else pool("mine", replicas=1))
    if kind == "asbc":
        space.wait_claim("mine", "Ready", "True")
    else:
        space.wait_pool("mine", 1)
    (sandbox,) = space.list("asb")
    pod = f"asb-{sandbox['metadata']['name']}"
    space.patch("pod", pod, {"metadata": {"finalizers": ["example.com/held"]}})
    space.must("delete", kind, "mine", "--cascade=foreground", "--wait=false")
    space.wait_for("pod", pod, lambda found: "deletionTimestamp" in found["metadata"])
    space.wait_for("asb", sandbox["metadata"]["name"], lambda found: "deletionTimestamp" in found["metadata"])
    # The garbage collector has had its time.
    time.sleep(2)
    for held, name in (("asb", sandbox["metadata"]["name"]), (kind, "mine")):
        assert space.get(held, name)["metadata"]["finalizers"] == ["foregroundDeletion"]
    space.patch("pod", pod, {"metadata": {"finalizers": None}})
    space.wait_gone("pod", pod)
    space.wait_gone("asb", sandbox["metadata"]["name"])
    space.wait_gone(kind, "mine")


def test_a_claim_ends_with_the_lifetime_of_its_template(space):
    space.apply(template(lifecycle={"maxLifetimeSeconds": 5}))
    space.apply(claim("mine"))
    space.wait_claim("mine", "Finished", "True", "Expired")
    space.wait_gone("asb", "mine")


def test_a_claim_ends_when_its_lifetime_is_over(space):
    space.apply(template())
    space.apply(claim("mine", lifecycle={"maxLifetimeSeconds": 5}))
    soon = space.wait_claim("mine", "ExpiresSoon", "True", "MaxLifetime")
    assert soon["status"]["expiresAt"] in condition(soon, "ExpiresSoon")["message"]
    ended = space.wait_claim("mine", "Finished", "True", "Expired")
    assert ended["status"]["finishedAt"] and condition(ended, "Ready")["reason"] == "Expired"
    space.wait_gone("asb", "mine")
    assert "sandbox" not in space.get("asbc", "mine")["status"]

    def told():
        events = space.cluster.get("events.events.k8s.io", "-n", space.name)["items"]
        of_claim = [each for each in events if each["regarding"]["kind"] == "AgentSandboxClaim"]
        return len(of_claim) == 2 and {(each["type"], each["reason"]) for each in of_claim}

    assert eventually(told) == {("Warning", "ExpiresSoon"), ("Normal", "Expired")}


def test_a_lifetime_ends_though_the_operator_died_when_it_began(space, stockade):
    """Right after it has given the claim its sandbox: the next one tells it, and nothing happens to either any more."""
    space.apply(template())
    space.apply(pool(replicas=1))
    space.wait_pool("warm", 1)
    (name,) = space.owned_by("AgentSandboxPool")
    stockade.operator.stop()
    try:
        space.apply(claim("brief", pool="warm", lifecycle={"maxLifetimeSeconds": 2}))
        owner = {
            "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxClaim", "name": "brief", "controller": True,
            "uid": space.get("asbc", "brief")["metadata"]["uid"],
        }  # fmt: skip
        labels = {"stockade.dev/pool": None, "stockade.dev/claim": "brief"}
        given = {"metadata": {"labels": labels, "ownerReferences": [owner]}}
        operator = stockade.as_user(OPERATOR_USER, "system:masters")
        operator.must("-n", space.name, "patch", "asb", name, "--type=merge", "-p", json.dumps(given))
    finally:
        stockade.operator.start()
    space.wait_claim("brief", "Finished", "True", "Expired")
    space.wait_gone("asb", name)


def test_a_claim_ends_at_the_moment_that_it_names(space):
    space.apply(template())
    in_a_while = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    space.apply(claim("mine", lifecycle={"shutdownTime": f"{in_a_while:%Y-%m-%dT%H:%M:%SZ}"}))
    space.wait_claim("mine", "Ready", "True")
    # As long as it is needed, its user puts it off; in the end he does not.
    space.patch("asbc", "mine", {"spec": {"lifecycle": {"shutdownTime": "2026-01-01T00:00:00Z"}}})
    space.wait_claim("mine", "Finished", "True", "Expired")
    space.wait_gone("asb", "mine")


def test_a_finished_claim_is_deleted_when_its_time_is_over(space):
    space.apply(template())
    space.apply(claim("mine", lifecycle={"maxLifetimeSeconds": 1, "ttlSecondsAfterFinished": 1}))
    space.wait_gone("asbc", "mine")
    space.wait_gone("asb", "mine")


def test_a_claim_ends_when_it_waits_for_too_long(space):
    space.apply(template(image="registry.example/agent:1", isolation="MicroVM"))  # no RuntimeClass
    space.apply(claim("mine", timeoutSeconds=2))
    space.wait_claim("mine", "Finished", "True", "TimedOut")
    said = condition(space.get("asbc", "mine"), "Finished")["message"]
    assert "waited for at last: RuntimeClassMissing: " in said
    space.wait_gone("asb", "mine")


# Who may bind


def test_nobody_else_gives_a_sandbox_to_a_claim_or_a_pool(space, stockade):
    space.apply(template())
    space.apply(claim("mine"))
    owner = space.wait_claim("mine", "Ready", "True")["metadata"]
    reference = {"apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxClaim", "name": "mine",
                 "uid": owner["uid"], "controller": True}  # fmt: skip
    forged = [
        {"labels": {"stockade.dev/pool": "warm"}},
        {"labels": {"stockade.dev/claim": "mine"}},
        {"annotations": {"stockade.dev/template-revision": "x"}},
        {"ownerReferences": [reference]},
        {"ownerReferences": [reference | {"kind": "AgentSandboxPool", "controller": False}]},
    ]
    space.apply(sandbox("own"))
    for metadata in forged:
        own = sandbox("forged")
        own["metadata"] |= metadata
        done = space.kubectl("create", "-f", "-", input=own)
        assert "stockade-sandbox-bindings" in done.stderr and "[ManagedObjectChanged]" in done.stderr, done.stderr
        done = space.kubectl("patch", "asb", "own", "--type=merge", "-p", json.dumps({"metadata": metadata}))
        assert "stockade-sandbox-bindings" in done.stderr, done.stderr
    for metadata in ({"labels": {"stockade.dev/claim": None}}, {"ownerReferences": None},
                     {"annotations": {"stockade.dev/template-revision": None}}):  # fmt: skip
        done = space.kubectl("patch", "asb", "mine", "--type=merge", "-p", json.dumps({"metadata": metadata}))
        assert "stockade-sandbox-bindings" in done.stderr, done.stderr
    # Everything else of it is open to whoever may change sandboxes.
    space.patch("asb", "mine", {"metadata": {"labels": {"mine": "yes"}}})
