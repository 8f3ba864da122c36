"""The operator against a real API server: what a user applies, what comes of it, and what happens to it.

Where a test changes what the operator owns, it asks for `unguarded`: the operator must make good what happened while
the guards were away.
"""

import json
import time

import pytest
import yaml

from cluster import EXAMPLES, eventually
from stockade import NAMESPACE, condition, sandbox

IMAGE = "registry.example/agent:1"


class Space:
    """One namespace and what the tests ask about it."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name

    def kubectl(self, *args, **options):
        return self.cluster.kubectl("-n", self.name, *args, **options)

    def must(self, *args, **options):
        return self.cluster.must("-n", self.name, *args, **options)

    def apply(self, obj):
        self.must("apply", "-f", "-", input=obj)

    def find(self, kind, name):
        """The object, or None."""
        found = self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found")
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout) if found.stdout else None

    def get(self, kind, name):
        found = self.find(kind, name)
        assert found, f"no {kind} {name}"
        return found

    def wait_for(self, kind, name, check, timeout=30):
        """Waits until check(object) is true of the object, which may be None, and returns the object."""
        last = {}

        def became_true():
            last["object"] = self.find(kind, name)
            return check(last["object"])

        try:
            eventually(became_true, timeout=timeout)
        except AssertionError as error:
            raise AssertionError(f"{kind} {name} stayed {json.dumps(last.get('object'), indent=1)}") from error
        return last["object"]

    def wait_condition(self, name, kind, status, reason=None, timeout=30):
        def has_it(asb):
            found = condition(asb or {}, kind)
            return found.get("status") == status and reason in (None, found.get("reason"))

        return self.wait_for("asb", name, has_it, timeout)

    def wait_ready(self, name, timeout=30):
        return self.wait_condition(name, "Ready", "True", timeout=timeout)

    def wait_gone(self, kind, name, timeout=30):
        self.wait_for(kind, name, lambda found: found is None, timeout)

    def patch(self, kind, name, patch, *args):
        self.must("patch", kind, name, "--type=merge", "-p", json.dumps(patch), *args)

    def ready_pod(self, obj):
        """Applies a sandbox and returns its pod, once that is ready."""
        self.apply(obj)
        name = obj["metadata"]["name"]
        self.wait_ready(name)
        return self.get("pod", f"asb-{name}")


@pytest.fixture
def space(stockade):
    """A namespace that enforces the strictest Pod Security level."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    with stockade.cluster.new_namespace("op", labels) as name:
        yield Space(stockade.cluster, name)


# What is made


def test_minimal_example_becomes_a_hardened_pod_behind_a_deny_all(space, stockade):
    space.must("apply", "-f", str(EXAMPLES / "minimal.yaml"))
    asb = space.wait_ready("minimal")
    pod = space.get("pod", "asb-minimal")
    assert pod["spec"]["runtimeClassName"] == "gvisor"
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["metadata"]["labels"]["stockade.dev/sandbox"] == "minimal"
    assert pod["metadata"]["ownerReferences"][0]["uid"] == asb["metadata"]["uid"]
    for kind in ("RuntimeHardened", "EgressIsolated", "PolicyCompliant", "PodScheduled"):
        assert condition(asb, kind)["status"] == "True", kind
    assert asb["status"]["observedGeneration"] == asb["metadata"]["generation"]
    assert asb["status"]["podName"] == "asb-minimal"
    assert asb["status"]["isolation"] == {"tier": "GVisor", "runtimeClassName": "gvisor"}

    deny_all = space.get("networkpolicy", "stockade-deny-all")
    assert deny_all["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in deny_all["spec"] and "ingress" not in deny_all["spec"]
    assert deny_all["metadata"]["finalizers"] == ["stockade.dev/pods-gone"]
    assert "ownerReferences" not in deny_all["metadata"]
    created = [w["resource"] for w in stockade.operator_writes(space.name) if w["verb"] == "create"]
    assert created == ["networkpolicies", "pods"], "the network is shut before the pod exists"


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_come_true(space, example):
    space.must("apply", "-f", str(example))
    for obj in yaml.safe_load_all(example.read_text()):
        if obj["kind"] != "AgentSandbox":
            continue
        suspended = obj["spec"].get("operatingMode") == "Suspended"
        space.wait_condition(obj["metadata"]["name"], "Suspended" if suspended else "Ready", "True")


def test_few_writes_for_each_sandbox(space, stockade):
    space.ready_pod(sandbox("first"))
    before = len(stockade.operator_writes(space.name))
    space.ready_pod(sandbox("second"))
    time.sleep(1)
    writes = stockade.operator_writes(space.name)[before:]
    assert [w["resource"] for w in writes if w["resource"] == "pods"] == ["pods"]
    assert len(writes) <= 3, writes


def test_service_and_ingress_are_made_repaired_and_removed(space, unguarded):
    ingress = [{"from": [{"podSelector": {"matchLabels": {"role": "harness"}}}], "ports": [{"port": 8080}]}]
    space.ready_pod(sandbox(service={"ports": [{"name": "http", "port": 8080}]}, ingress=ingress))
    service = space.get("service", "asb-agent")
    assert service["spec"]["clusterIP"] == "None"
    policy = space.get("networkpolicy", "asb-agent-ingress")
    asb = space.wait_for("asb", "agent", lambda asb: asb["status"].get("serviceFQDN"))
    assert asb["status"]["serviceFQDN"] == f"asb-agent.{space.name}.svc.cluster.local"

    space.patch("service", "asb-agent", {"spec": {"selector": {"stockade.dev/sandbox": "other"}}})
    space.wait_for("service", "asb-agent", lambda s: s["spec"]["selector"] == service["spec"]["selector"])
    space.patch("networkpolicy", "asb-agent-ingress", {"spec": {"ingress": [{}]}})
    space.wait_for("networkpolicy", "asb-agent-ingress", lambda p: p["spec"] == policy["spec"])
    space.must("delete", "networkpolicy", "asb-agent-ingress")
    space.wait_for("networkpolicy", "asb-agent-ingress", lambda p: p and p["spec"] == policy["spec"])
    # Labels by which the operator watches its own.
    space.must("label", "service", "asb-agent", "app.kubernetes.io/managed-by-")
    space.wait_for("service", "asb-agent", lambda s: "app.kubernetes.io/managed-by" in s["metadata"]["labels"])

    space.patch("asb", "agent", {"spec": {"service": None, "ingress": None}})
    space.wait_gone("service", "asb-agent")
    space.wait_gone("networkpolicy", "asb-agent-ingress")
    space.wait_ready("agent")


def test_a_service_that_is_watched_no_more_is_removed_all_the_same(space, stockade, unguarded):
    space.ready_pod(sandbox(service={"ports": [{"name": "http", "port": 8080}]}))
    space.wait_for("asb", "agent", lambda asb: asb["status"].get("serviceFQDN"))
    stockade.operator.stop()
    try:
        space.must("label", "service", "asb-agent", "app.kubernetes.io/managed-by-")
        space.patch("asb", "agent", {"spec": {"service": None}})
    finally:
        stockade.operator.start()
    space.wait_gone("service", "asb-agent")


def claim(size, **spec):
    request = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return [{"metadata": {"name": "work"}, "spec": request | spec}]


def test_claims_are_kept_while_suspended_and_grow_only(space):
    mounts = [{"name": "work", "mountPath": "/work", "access": "Persistent", "volumeClaimTemplate": {"name": "work"}}]
    first = space.ready_pod(sandbox(volumeClaimTemplates=claim("1Gi"), mounts=mounts))
    volume = space.get("pvc", "asb-agent-work")

    space.patch("asb", "agent", {"spec": {"operatingMode": "Suspended"}})
    space.wait_condition("agent", "Suspended", "True")
    assert space.find("pod", "asb-agent") is None
    assert space.get("pvc", "asb-agent-work")["metadata"]["uid"] == volume["metadata"]["uid"]
    space.get("networkpolicy", "stockade-deny-all")

    space.patch("asb", "agent", {"spec": {"operatingMode": "Running"}})
    space.wait_ready("agent")
    assert space.get("pod", "asb-agent")["metadata"]["uid"] != first["metadata"]["uid"]

    space.patch("asb", "agent", {"spec": {"volumeClaimTemplates": claim("500Mi")}})
    stalled = space.wait_condition("agent", "Stalled", "True", "ClaimImmutable")
    assert "only grows" in condition(stalled, "Stalled")["message"]
    space.patch("asb", "agent", {"spec": {"volumeClaimTemplates": claim("1Gi", storageClassName="other")}})
    stalled = space.wait_for(
        "asb", "agent", lambda asb: "storageClassName" in condition(asb, "Stalled").get("message", "")
    )
    space.patch("asb", "agent", {"spec": {"volumeClaimTemplates": claim("1Gi")}})
    space.wait_ready("agent")

    space.must("delete", "asb", "agent")
    space.wait_gone("pvc", "asb-agent-work")


def test_a_bound_claim_grows(space):
    name = f"growing-{space.name}"
    volume_class = {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
        "provisioner": "kubernetes.io/no-provisioner", "allowVolumeExpansion": True,
    }
    volume = {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": name,
            "hostPath": {"path": "/var/empty"},
        },
    }
    space.apply(volume_class)
    space.apply(volume)
    mounts = [{"name": "work", "mountPath": "/work", "access": "Persistent", "volumeClaimTemplate": {"name": "work"}}]
    space.ready_pod(sandbox(volumeClaimTemplates=claim("1Gi", storageClassName=name), mounts=mounts))
    space.wait_for("pvc", "asb-agent-work", lambda pvc: pvc["status"].get("phase") == "Bound")

    space.patch("asb", "agent", {"spec": {"volumeClaimTemplates": claim("2Gi", storageClassName=name)}})
    space.wait_for("pvc", "asb-agent-work", lambda pvc: pvc["spec"]["resources"]["requests"]["storage"] == "2Gi")
    space.wait_ready("agent")

    space.must("delete", "asb", "agent")
    space.wait_gone("pvc", "asb-agent-work")
    space.must("delete", "pv", name)
    space.must("delete", "storageclass", name)


# What changes


def test_user_part_recreates_the_pod_and_labels_are_patched_in_place(space):
    obj = sandbox()
    obj["spec"]["podTemplate"]["metadata"] = {"labels": {"team": "a", "stage": "one"}}
    first = space.ready_pod(obj)

    obj["spec"]["podTemplate"]["metadata"] = {"labels": {"team": "b"}, "annotations": {"note": "new"}}
    space.apply(obj)
    pod = space.wait_for("pod", "asb-agent", lambda pod: pod["metadata"]["labels"].get("team") == "b")
    assert pod["metadata"]["uid"] == first["metadata"]["uid"]
    assert "stage" not in pod["metadata"]["labels"]
    assert pod["metadata"]["annotations"]["note"] == "new"
    assert pod["metadata"]["labels"]["stockade.dev/sandbox"] == "agent"

    obj["spec"]["podTemplate"]["spec"]["containers"][0]["image"] = "registry.example/agent:2"
    space.apply(obj)
    pod = space.wait_for(
        "pod", "asb-agent", lambda pod: pod and pod["metadata"]["uid"] != first["metadata"]["uid"]
    )
    assert pod["spec"]["containers"][0]["image"] == "registry.example/agent:2"
    space.wait_ready("agent")


def test_operator_part_waits_for_the_next_start(space, stockade, unguarded):
    first = space.ready_pod(sandbox())
    stockade.operator.stop()
    stockade.operator.config["defaults"] = {"limits": {"memory": "3Gi"}}
    try:
        stockade.operator.start()
        space.wait_condition("agent", "PodOutdated", "True")
        assert space.get("pod", "asb-agent")["metadata"]["uid"] == first["metadata"]["uid"]
        # Drift is seen all the same.
        space.must("set", "image", "pod/asb-agent", "agent=registry.example/evil:1")
        pod = space.wait_for(
            "pod", "asb-agent", lambda pod: pod and pod["metadata"]["uid"] != first["metadata"]["uid"]
        )
        assert pod["spec"]["containers"][0]["resources"]["limits"]["memory"] == "3Gi"
        asb = space.wait_ready("agent")
        assert not condition(asb, "PodOutdated")
    finally:
        stockade.operator.stop()
        del stockade.operator.config["defaults"]
        stockade.operator.start()


@pytest.mark.parametrize(
    "tamper",
    [
        ("set", "image", "pod/asb-agent", "agent=registry.example/evil:1"),
        ("patch", "pod", "asb-agent", "--subresource=resize", "--type=strategic", "-p",
         '{"spec":{"containers":[{"name":"agent","resources":{"limits":{"cpu":"3"}}}]}}'),
        ("patch", "pod", "asb-agent", "--subresource=ephemeralcontainers", "--type=strategic", "-p",
         json.dumps({"spec": {"ephemeralContainers": [{
             "name": "debugger", "image": "registry.example/shell:1",
             "resources": {}, "terminationMessagePolicy": "File",
             "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}]}})),
        ("annotate", "pod", "asb-agent", "--overwrite", "stockade.dev/spec-hash=forged"),
        ("annotate", "pod", "asb-agent", "stockade.dev/profile-hash-"),
    ],
    ids=["image", "resize", "ephemeral-container", "spec-hash", "profile-hash"],
)  # fmt: skip
def test_changed_pod_is_replaced(space, tamper, unguarded):
    first = space.ready_pod(sandbox())
    space.must(*tamper)
    pod = space.wait_for(
        "pod", "asb-agent", lambda pod: pod and pod["metadata"]["uid"] != first["metadata"]["uid"]
    )
    assert pod["spec"]["containers"][0]["image"] == IMAGE
    assert "ephemeralContainers" not in pod["spec"]
    space.wait_ready("agent")


def test_label_that_was_taken_off_is_put_back(space, unguarded):
    first = space.ready_pod(sandbox())
    space.must("label", "pod", "asb-agent", "stockade.dev/sandbox-")
    pod = space.wait_for("pod", "asb-agent", lambda pod: "stockade.dev/sandbox" in pod["metadata"]["labels"])
    assert pod["metadata"]["uid"] == first["metadata"]["uid"]
    space.must("label", "pod", "asb-agent", "--overwrite", "stockade.dev/sandbox=other")
    space.wait_for("pod", "asb-agent", lambda pod: pod["metadata"]["labels"]["stockade.dev/sandbox"] == "agent")


def test_deleted_pod_is_made_again(space):
    first = space.ready_pod(sandbox())
    space.must("delete", "pod", "asb-agent", "--wait=false")
    space.wait_for("pod", "asb-agent", lambda pod: pod and pod["metadata"]["uid"] != first["metadata"]["uid"])
    space.wait_ready("agent")


# The boundary


def test_deny_all_widened_by_another_manager_is_shut_again(space, unguarded):
    space.ready_pod(sandbox())
    wide = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "stockade-deny-all"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
    }
    space.must("apply", "--server-side", "--force-conflicts", "--field-manager=somebody", "-f", "-", input=wide)
    shut = space.wait_for("networkpolicy", "stockade-deny-all", lambda p: "egress" not in p["spec"])
    assert shut["spec"] == {
        "podSelector": {"matchExpressions": [{"key": "stockade.dev/sandbox", "operator": "Exists"}]},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_deny_all_outlives_a_pod_that_ignores_sigterm(space):
    obj = sandbox(image="ignores-sigterm.invalid/agent:1")
    obj["spec"]["podTemplate"]["spec"]["terminationGracePeriodSeconds"] = 5
    space.ready_pod(obj)
    space.must("delete", "asb", "agent", "--wait=false")
    space.wait_for("pod", "asb-agent", lambda pod: pod is None or "deletionTimestamp" in pod["metadata"])
    seen_terminating = False
    while space.find("pod", "asb-agent"):
        # The policy is read after the pod: when it is missing, the pod must have gone in between.
        policy = space.find("networkpolicy", "stockade-deny-all")
        if policy is None:
            assert space.find("pod", "asb-agent") is None, "the network opened while the pod was there"
            break
        seen_terminating = True
        time.sleep(0.1)
    assert seen_terminating
    space.wait_gone("networkpolicy", "stockade-deny-all")


def test_deleting_the_deny_all_changes_nothing_while_a_pod_runs(space, unguarded):
    space.ready_pod(sandbox("a"))
    space.must("delete", "networkpolicy", "stockade-deny-all", "--wait=false")
    time.sleep(1)
    assert space.get("networkpolicy", "stockade-deny-all")["metadata"]["deletionTimestamp"]
    space.ready_pod(sandbox("b"))
    space.get("networkpolicy", "stockade-deny-all")
    space.must("delete", "asb", "a", "b")
    space.wait_gone("networkpolicy", "stockade-deny-all")


def test_finalizer_that_was_taken_off_is_put_back(space, unguarded):
    space.ready_pod(sandbox())
    space.patch("networkpolicy", "stockade-deny-all", {"metadata": {"finalizers": None}})
    space.wait_for("networkpolicy", "stockade-deny-all", lambda p: p["metadata"].get("finalizers"))


def test_owner_given_to_the_deny_all_is_taken_off(space, unguarded):
    space.ready_pod(sandbox())
    asb = space.get("asb", "agent")
    owner = {"apiVersion": asb["apiVersion"], "kind": asb["kind"], "name": "agent", "uid": asb["metadata"]["uid"]}
    space.patch("networkpolicy", "stockade-deny-all", {"metadata": {"ownerReferences": [owner]}})
    space.wait_for(
        "networkpolicy", "stockade-deny-all", lambda found: found and "ownerReferences" not in found["metadata"]
    )


def letting_out(pod_selector):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "let-everything-out"},
        "spec": {"podSelector": pod_selector, "policyTypes": ["Egress"], "egress": [{}]},
    }


@pytest.mark.parametrize("selector", [{}, {"matchLabels": {"topology.kubernetes.io/zone": "z1"}}],
                         ids=["everything", "a-zone"])  # fmt: skip
def test_no_pod_is_started_where_a_policy_widens(space, selector):
    space.apply(letting_out(selector))
    space.apply(sandbox())
    asb = space.wait_condition("agent", "Ready", "False", "WidenedBy")
    assert '"let-everything-out"' in condition(asb, "Ready")["message"]
    assert condition(asb, "EgressIsolated")["reason"] == "WidenedBy"
    assert space.find("pod", "asb-agent") is None
    space.must("delete", "networkpolicy", "let-everything-out")
    space.wait_ready("agent")


def test_a_pod_with_the_sandboxs_uid_alone_is_a_strangers(space):
    space.apply(sandbox(operatingMode="Suspended"))
    uid = space.get("asb", "agent")["metadata"]["uid"]
    owner = {"apiVersion": "example.com/v1", "kind": "Stranger", "name": "agent", "uid": uid, "controller": True}
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asb-agent", "ownerReferences": [owner]},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "agent", "image": "example.com/agent:1",
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }  # fmt: skip
    space.must("create", "-f", "-", input=pod)
    space.patch("asb", "agent", {"spec": {"operatingMode": "Running"}})
    space.wait_condition("agent", "Ready", "False", "NameConflict")
    space.must("delete", "pod", "asb-agent", "--grace-period=0", "--force")
    space.must("annotate", "asb", "agent", "look=again")
    space.wait_ready("agent")


def test_a_pod_gets_no_label_by_which_a_policy_widens_it(space):
    first = space.ready_pod(sandbox())
    space.apply(letting_out({"matchLabels": {"network": "open"}}))
    labelled = sandbox()
    labelled["spec"]["podTemplate"]["metadata"] = {"labels": {"network": "open"}}
    space.apply(labelled)
    space.wait_condition("agent", "Ready", "False", "WidenedBy")
    pod = space.get("pod", "asb-agent")
    assert pod["metadata"]["uid"] == first["metadata"]["uid"]
    assert "network" not in pod["metadata"]["labels"]
    space.must("delete", "networkpolicy", "let-everything-out")
    space.wait_ready("agent")
    space.wait_for("pod", "asb-agent", lambda found: found["metadata"]["labels"].get("network") == "open")


def test_policy_of_a_stranger_that_widens_is_reported_by_name(space, unguarded):
    space.ready_pod(sandbox())
    space.apply(letting_out({}))
    asb = space.wait_condition("agent", "EgressIsolated", "False", "WidenedBy")
    assert "let-everything-out" in condition(asb, "EgressIsolated")["message"]
    space.must("delete", "networkpolicy", "let-everything-out")
    space.wait_condition("agent", "EgressIsolated", "True")


def test_namespace_with_a_sandbox_can_be_deleted(space):
    space.ready_pod(sandbox())
    space.cluster.must("delete", "namespace", space.name, "--timeout=60s", timeout=90)


def test_sandbox_deleted_and_created_at_once_gets_a_pod_of_its_own(space):
    first = space.ready_pod(sandbox())
    space.must("delete", "asb", "agent", "--wait=false")
    space.apply(sandbox())
    pod = space.wait_for(
        "pod", "asb-agent", lambda pod: pod and pod["metadata"]["uid"] != first["metadata"]["uid"]
    )
    asb = space.wait_ready("agent")
    assert pod["metadata"]["ownerReferences"][0]["uid"] == asb["metadata"]["uid"]


def test_pod_whose_owner_reference_was_taken_off_is_replaced(space, unguarded):
    first = space.ready_pod(sandbox())
    space.patch("pod", "asb-agent", {"metadata": {"ownerReferences": None}})
    pod = space.wait_for(
        "pod", "asb-agent", lambda pod: pod and pod["metadata"]["uid"] != first["metadata"]["uid"]
    )
    assert pod["metadata"]["ownerReferences"][0]["name"] == "agent"
    space.wait_ready("agent")


def test_disowned_pod_goes_with_a_suspension(space, stockade, unguarded):
    space.ready_pod(sandbox())
    stockade.operator.stop()
    space.patch("pod", "asb-agent", {"metadata": {"ownerReferences": None}})
    space.must("label", "pod", "asb-agent", "stockade.dev/sandbox-")
    space.patch("asb", "agent", {"spec": {"operatingMode": "Suspended"}})
    stockade.operator.start()
    space.wait_gone("pod", "asb-agent")
    space.wait_condition("agent", "Suspended", "True")


def test_orphaned_pod_goes_though_the_garbage_collector_was_first(space, stockade):
    space.ready_pod(sandbox())
    stockade.operator.stop()
    space.must("delete", "asb", "agent", "--cascade=orphan")
    assert "ownerReferences" not in space.find("pod", "asb-agent")["metadata"]
    stockade.operator.start()
    space.wait_gone("pod", "asb-agent")
    space.wait_gone("networkpolicy", "stockade-deny-all")


def test_label_taken_off_a_pod_that_is_ending_is_put_back_though_its_sandbox_is_gone(space, unguarded):
    obj = sandbox(image="ignores-sigterm.invalid/agent:1")
    obj["spec"]["podTemplate"]["spec"]["terminationGracePeriodSeconds"] = 15
    space.ready_pod(obj)
    space.must("delete", "asb", "agent", "--wait=false")
    space.wait_for("pod", "asb-agent", lambda pod: pod and "deletionTimestamp" in pod["metadata"])
    space.must("label", "pod", "asb-agent", "stockade.dev/sandbox-")
    space.wait_for("pod", "asb-agent", lambda pod: pod and "stockade.dev/sandbox" in pod["metadata"]["labels"])
    assert space.find("networkpolicy", "stockade-deny-all")
    space.wait_gone("pod", "asb-agent")
    space.wait_gone("networkpolicy", "stockade-deny-all")


def test_suspends_though_something_around_the_pod_is_blocked(space):
    obj = sandbox()
    obj["spec"]["service"] = {"ports": [{"name": "http", "port": 8080}]}
    stranger = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "asb-agent"},
        "spec": {"ports": [{"port": 1}], "selector": {"app": "stranger"}},
    }  # fmt: skip
    space.ready_pod(sandbox())
    space.apply(stranger)
    space.apply(obj | {"spec": obj["spec"] | {"operatingMode": "Suspended"}})
    space.wait_gone("pod", "asb-agent")
    space.wait_condition("agent", "Stalled", "True", "NameConflict")


# What goes wrong


def test_missing_runtime_class_is_waited_for_and_never_replaced_by_a_weaker_one(space):
    space.apply(sandbox(isolation="MicroVM"))
    asb = space.wait_condition("agent", "Ready", "False", "RuntimeClassMissing")
    assert '"kata"' in condition(asb, "Ready")["message"]
    assert not condition(asb, "Stalled")
    assert space.find("pod", "asb-agent") is None
    runtime_class = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "kata"},
        "handler": "kata",
    }
    space.apply(runtime_class)
    try:
        space.wait_ready("agent")
        assert space.get("pod", "asb-agent")["spec"]["runtimeClassName"] == "kata"
    finally:
        # Nobody takes it away as long as the webhook knows of a sandbox that runs by it.
        space.must("delete", "asb", "agent")
        eventually(lambda: space.kubectl("delete", "runtimeclass", "kata").returncode == 0)


def test_unschedulable_pod_says_why(space):
    obj = sandbox()
    obj["spec"]["podTemplate"]["spec"]["nodeSelector"] = {"example.com/pool": "none"}
    space.apply(obj)
    asb = space.wait_condition("agent", "Ready", "False", "Unschedulable")
    assert "nodes are available" in condition(asb, "Ready")["message"]
    assert condition(asb, "PodScheduled")["status"] == "False"


@pytest.mark.parametrize(
    "image,reason,part",
    [
        ("unpullable.invalid/agent:1", "ImagePullFailed", "unpullable.invalid/agent:1"),
        ("crashing.invalid/agent:1", "CrashLoop", "4 restarts so far, last exit code 1"),
    ],
)
def test_container_that_does_not_run_says_why(space, image, reason, part):
    space.apply(sandbox(image=image))
    asb = space.wait_condition("agent", "Ready", "False", reason)
    assert part in condition(asb, "Ready")["message"]


def test_pod_that_admission_changes_is_removed_and_reported_without_a_storm(space, stockade):
    """As a registry mirror or an injector would change it."""
    binding = {"policyName": "mirror", "matchResources": {"namespaceSelector": {
        "matchLabels": {"kubernetes.io/metadata.name": space.name}}}}  # fmt: skip
    policy = {
        "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]},
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression":
            '[JSONPatch{op: "replace", path: "/spec/containers/0/image", value: "mirror.example/agent:1"}]'}}],
    }  # fmt: skip
    kinds = {"MutatingAdmissionPolicy": policy, "MutatingAdmissionPolicyBinding": binding}
    for kind, spec in kinds.items():
        space.must("apply", "-f", "-", input={
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "mirror"}, "spec": spec,
        })  # fmt: skip

    def is_changed_by_admission():
        tried = space.must("create", "--dry-run=server", "-o", "json", "-f", "-", input={
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"},
            "spec": {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                     "containers": [{"name": "probe", "image": "registry.example/probe:1", "securityContext": {
                         "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}]},
        })  # fmt: skip
        return json.loads(tried)["spec"]["containers"][0]["image"] == "mirror.example/agent:1"

    try:
        eventually(is_changed_by_admission)
        space.apply(sandbox())
        asb = space.wait_condition("agent", "Ready", "False", "PodMutated")
        assert 'the image of "agent" became "mirror.example/agent:1"' in condition(asb, "Ready")["message"]
        space.wait_gone("pod", "asb-agent")
        time.sleep(5)
        created = [
            w for w in stockade.operator_writes(space.name) if w["verb"] == "create" and w["resource"] == "pods"
        ]
        assert len(created) <= 2, created
    finally:
        for kind in kinds:
            space.must("delete", kind, "mirror")
    # Another spec is tried at once.
    space.apply(sandbox(image="registry.example/agent:2"))
    space.wait_ready("agent")


def test_exhausted_quota_is_a_condition_and_passes(space):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small"},
        "spec": {"hard": {"pods": "0"}},
    }
    space.apply(quota)
    space.wait_for("resourcequota", "small", lambda q: q.get("status", {}).get("hard"))
    space.apply(sandbox())
    asb = space.wait_condition("agent", "Ready", "False", "QuotaExceeded")
    assert "small" in condition(asb, "Ready")["message"]
    assert not condition(asb, "Stalled")
    space.must("delete", "resourcequota", "small")
    space.wait_ready("agent", timeout=40)


@pytest.mark.parametrize("kind", ["service", "pod", "networkpolicy", "persistentvolumeclaim"])
def test_object_of_a_stranger_is_never_taken_over(space, kind):
    volumes = claim("1Gi")
    mounts = [{"name": "data", "mountPath": "/data", "access": "Persistent",
               "volumeClaimTemplate": {"name": volumes[0]["metadata"]["name"]}}]  # fmt: skip
    suffixes = {"networkpolicy": "-ingress", "persistentvolumeclaim": f"-{volumes[0]['metadata']['name']}"}
    meta = {"name": "asb-agent" + suffixes.get(kind, "")}
    strangers = {
        "persistentvolumeclaim": {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": volumes[0]["spec"],
        },
        "service": {
            "apiVersion": "v1", "kind": "Service", "metadata": meta,
            "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 80}]},
        },
        "networkpolicy": {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta,
            "spec": {"podSelector": {"matchLabels": {"app": "theirs"}}, "policyTypes": ["Ingress"]},
        },
        "pod": {
            "apiVersion": "v1", "kind": "Pod", "metadata": meta,
            "spec": {
                "securityContext": {"runAsNonRoot": True, "runAsUser": 1000,
                                    "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{"name": "c", "image": "registry.example/theirs:1", "securityContext": {
                    "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
            },
        },
    }  # fmt: skip
    space.apply(strangers[kind])
    before = space.get(kind, meta["name"])
    ingress = [{"from": [{"podSelector": {}}], "ports": [{"port": 1}]}]
    space.apply(sandbox(service={"ports": [{"port": 8080}]}, ingress=ingress, mounts=mounts,
                        volumeClaimTemplates=volumes))  # fmt: skip
    asb = space.wait_condition("agent", "Stalled", "True", "NameConflict")
    assert meta["name"] in condition(asb, "Stalled")["message"]
    assert space.get(kind, meta["name"])["spec"] == before["spec"]
    assert "ownerReferences" not in space.get(kind, meta["name"])["metadata"]
    space.must("delete", kind, meta["name"])
    space.must("annotate", "asb", "agent", "look=again")
    space.wait_ready("agent")


def set_pod_status(space, status):
    space.patch("pod", "asb-agent", {"status": status}, "--subresource=status")


def test_evicted_pod_is_made_again_after_a_pause(space, unguarded):
    first = space.ready_pod(sandbox())
    set_pod_status(space, {"phase": "Failed", "reason": "Evicted", "message": "low on memory"})
    space.wait_condition("agent", "Ready", "False", "PodLost")
    space.wait_for(
        "pod", "asb-agent", lambda pod: pod and pod["metadata"]["uid"] != first["metadata"]["uid"], timeout=40
    )
    space.wait_ready("agent")


def test_pod_that_ran_to_its_end_is_finished_and_left_alone(space, unguarded):
    obj = sandbox()
    obj["spec"]["podTemplate"]["spec"]["restartPolicy"] = "Never"
    first = space.ready_pod(obj)
    set_pod_status(space, {"phase": "Succeeded"})
    space.wait_condition("agent", "Finished", "True", "PodSucceeded")
    assert space.get("pod", "asb-agent")["metadata"]["uid"] == first["metadata"]["uid"]


def test_floor_holds_without_the_webhook(space, stockade):
    stockade.uninstall_webhook()
    try:
        expected = {}
        for path in sorted((EXAMPLES / "rejected").glob("*.yaml")):
            obj = yaml.safe_load(path.read_text())
            obj["metadata"]["name"] = path.stem
            _, _, code, field = path.read_text().splitlines()[0].split()
            if space.kubectl("apply", "-f", "-", input=obj).returncode == 0:
                expected[path.stem] = (code, field)
        assert len(expected) >= 12, "the schema alone refuses only few of them"
        for name, (code, field) in expected.items():
            asb = space.wait_condition(name, "Stalled", "True")
            message = condition(asb, "Stalled")["message"]
            assert f"[{code}]" in message and field in message, message
            assert condition(asb, "PolicyCompliant")["status"] == "False"
        assert space.must("get", "pods", "-o", "name") == ""

        # A sandbox that was good and is edited to be bad loses its pod.
        space.ready_pod(sandbox())
        space.patch("asb", "agent", {"spec": {"podTemplate": {"spec": {"hostNetwork": True}}}})
        space.wait_gone("pod", "asb-agent")
        space.wait_condition("agent", "Stalled", "True", "HostNamespace")
        space.patch("asb", "agent", {"spec": {"podTemplate": {"spec": {"hostNetwork": None}}}})
        space.wait_ready("agent")
    finally:
        stockade.install_webhook()


# Restarts


def test_metrics_tell_of_sandboxes_queues_requests_and_the_lead(space, stockade):
    space.ready_pod(sandbox())
    metrics = stockade.operator.metrics()
    assert metrics['stockade_sandboxes{isolation="GVisor",state="Ready"}'] >= 1
    assert metrics['stockade_sandbox_ready_seconds_count{isolation="GVisor"}'] >= 1
    assert metrics['leader_election_master_status{name="stockade-operator"}'] == 1
    assert metrics['workqueue_adds_total{controller="sandbox",name="sandbox"}'] >= 1
    assert metrics['controller_runtime_reconcile_total{controller="sandbox",result="success"}'] >= 1
    created = [value for name, value in metrics.items() if "rest_client_requests_total" in name and "POST" in name]
    assert sum(created) >= 2
    assert metrics["process_resident_memory_bytes"] > 0


def test_restarted_operator_writes_nothing(space, stockade):
    for example in sorted(EXAMPLES.glob("*.yaml")):
        space.must("apply", "-f", str(example))
    for name in ("minimal", "workspace", "service"):
        space.wait_ready(name)
    time.sleep(2)
    before = len(stockade.operator_writes(space.name))
    stockade.operator.restart()
    time.sleep(3)
    assert stockade.operator_writes(space.name)[before:] == []


def test_what_happened_while_the_operator_was_away_is_made_good(space, stockade, unguarded):
    first = space.ready_pod(sandbox("edited"))
    space.ready_pod(sandbox("deleted"))
    stockade.operator.kill()
    try:
        space.apply(sandbox("created"))
        space.apply(sandbox("edited", image="registry.example/agent:2"))
        space.must("delete", "asb", "deleted", "--wait=false")
        space.patch(
            "networkpolicy", "stockade-deny-all", {"spec": {"egress": [{}]}}
        )
    finally:
        stockade.operator.start()
    space.wait_ready("created")
    pod = space.wait_for(
        "pod", "asb-edited", lambda pod: pod and pod["metadata"]["uid"] != first["metadata"]["uid"]
    )
    assert pod["spec"]["containers"][0]["image"] == "registry.example/agent:2"
    space.wait_gone("pod", "asb-deleted")
    space.wait_for("networkpolicy", "stockade-deny-all", lambda p: "egress" not in p["spec"])


def test_namespace_emptied_while_the_operator_was_away_is_released(space, stockade):
    space.ready_pod(sandbox())
    stockade.operator.kill()
    try:
        space.must("delete", "asb", "agent")
        space.wait_gone("pod", "asb-agent")
        space.get("networkpolicy", "stockade-deny-all")
    finally:
        stockade.operator.start()
    space.wait_gone("networkpolicy", "stockade-deny-all")


def renew_time(stockade):
    found = stockade.cluster.kubectl("-n", NAMESPACE, "get", "lease", "stockade-operator", "-o", "json")
    return json.loads(found.stdout)["spec"]["renewTime"] if found.returncode == 0 else None


def test_api_server_restarted_under_the_operator(space, stockade):
    space.ready_pod(sandbox("before"))
    before = renew_time(stockade)
    stockade.hack_cluster("stop", "kube-apiserver")
    time.sleep(1)
    stockade.hack_cluster("start", "kube-apiserver")

    def leads():
        # On a busy machine the API server may be away for longer than the Lease lasts.
        stockade.operator.revive()
        return renew_time(stockade) not in (None, before)

    eventually(leads, timeout=60)
    space.ready_pod(sandbox("after"))
    space.must("delete", "pod", "asb-before")
    space.wait_for("pod", "asb-before", lambda pod: pod and "deletionTimestamp" not in pod["metadata"])
    space.wait_ready("before")


def test_at_rest_nothing_is_written_for_a_minute(space, stockade):
    for index in range(3):
        space.ready_pod(sandbox(f"agent-{index}"))

    def namespaces_of_other_tests_are_gone():
        return "Terminating" not in space.cluster.must("get", "namespaces", "--no-headers")

    eventually(namespaces_of_other_tests_are_gone, timeout=120)
    before = len(stockade.operator_writes())
    time.sleep(60)
    assert stockade.operator_writes()[before:] == []
