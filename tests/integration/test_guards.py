"""The guards against a real API server: what others may do to a sandbox's pod and to what the operator made around it,
what goes on all the same, and what an outage of the webhook blocks."""

import copy
import json

import pytest

from cluster import eventually
from stockade import ADMISSION_POLICIES, GUARDS, NAMESPACE, OPERATOR_USER, condition, sandbox
from workloads import TEMPLATED, workload

SANDBOX = sandbox(
    service={"ports": [{"name": "http", "port": 8080}]},
    ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "harness"}}}], "ports": [{"port": 8080}]}],
    volumeClaimTemplates=[
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    ],
    mounts=[
        {"name": "data", "mountPath": "/workspace", "access": "Persistent", "volumeClaimTemplate": {"name": "data"}}
    ],
)
SANDBOX["spec"]["podTemplate"]["metadata"] = {"labels": {"app": "agent"}}


class Space:
    """A namespace with Stockade at work, and kubectl for it: an administrator's unless another user is named."""

    def __init__(self, stockade, name):
        self.stockade = stockade
        self.name = name

    def kubectl(self, *args, user=None, **options):
        return (user or self.stockade.cluster).kubectl("-n", self.name, *args, **options)

    def must(self, *args, user=None, **options):
        return (user or self.stockade.cluster).must("-n", self.name, *args, **options)

    def create(self, obj, *options, user=None):
        return self.kubectl("create", "-f", "-", *options, user=user, input=obj)

    def patch(self, kind, name, patch, *options, user=None):
        return self.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(patch), *options, user=user)

    def post(self, path, obj, user=None):
        """A request that kubectl has no command for."""
        path = f"/api/v1/namespaces/{self.name}/{path}"
        return self.kubectl("create", "--raw", path, "-f", "-", user=user, input=json.dumps(obj))

    def open(self, path, user=None):
        """Opens a stream, or what the API server takes for the beginning of one."""
        return self.kubectl("get", "--raw", f"/api/v1/namespaces/{self.name}/{path}", user=user)

    def find(self, kind, name):
        found = self.must("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(found) if found else None

    def wait_ready(self, name="agent", timeout=60):
        eventually(lambda: condition(self.find("asb", name) or {}, "Ready").get("status") == "True", timeout=timeout)


@pytest.fixture(scope="module")
def space(stockade):
    """Guarded by the webhook alone, so that its answers are seen and not those of the admission policies, and with a
    sandbox of everything that the operator makes, which the tests fail to change."""
    stockade.remove(*ADMISSION_POLICIES)
    with stockade.cluster.new_namespace("guards") as name:
        running = Space(stockade, name)
        running.must("create", "-f", "-", input=SANDBOX)
        running.wait_ready()
        for other, access in (
            ("closed", {"exec": "Deny", "attach": "Deny"}), ("open", {"portForward": "Allow"}),
        ):  # fmt: skip
            running.must("create", "-f", "-", input=sandbox(other, access=access))
            running.wait_ready(other)
        eventually(lambda: [layer for layer, effective in stockade.layers().items() if effective] == ["guards"])
        yield running
    stockade.install_webhook()
    eventually(lambda: all(stockade.layers().values()))


def denied(done, code):
    assert done.returncode != 0, done.stdout
    assert ".guards.stockade.dev" in done.stderr and "denied the request" in done.stderr, done.stderr
    assert f": [{code}] " in done.stderr, done.stderr


def not_denied(done):
    """Admitted, whatever a cluster without containers makes of it then."""
    assert "denied the request" not in done.stderr and "failed calling webhook" not in done.stderr, done.stderr


def pod_manifest(space):
    """A pod of the operator's as if it were to be created."""
    pod = space.find("pod", "asb-open")
    for key in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
        pod["metadata"].pop(key, None)
    pod.pop("status")
    pod["spec"].pop("nodeName")
    return pod


def another(pod, name):
    """For another sandbox, so that nothing of that name is there."""
    pod = copy.deepcopy(pod)
    pod["metadata"]["name"] = f"asb-{name}"
    pod["metadata"]["labels"]["stockade.dev/sandbox"] = name
    return pod


# Pods


LOOK_ALIKES = {
    "an administrator": ("kubernetes-admin",),
    "the operator of another namespace": ("system:serviceaccount:evil:stockade-operator",),
    "an account that begins like the operator": (f"{OPERATOR_USER}2",),
    "the operator with a dot": (f"{OPERATOR_USER}.",),
    "another account of its namespace": (f"system:serviceaccount:{NAMESPACE}:stockade-webhook",),
    "the operator in capitals": (OPERATOR_USER.upper(),),
    "a member of the operator's groups": (
        "eve", "system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:masters",
    ),
    "the operator of kube-system": (
        "system:serviceaccount:kube-system:stockade-operator", "system:serviceaccounts:kube-system", "system:masters",
    ),
    "a controller": ("system:serviceaccount:kube-system:replicaset-controller",),
    "a node": ("system:node:node-1", "system:nodes", "system:masters"),
}  # fmt: skip


@pytest.mark.parametrize("who", LOOK_ALIKES)
def test_only_the_operator_creates_sandbox_pods(space, who):
    user = space.stockade.as_user(*LOOK_ALIKES[who])
    pod = another(pod_manifest(space), "forged")
    denied(space.create(pod, user=user), "ForgedSandboxPod")
    denied(space.create(pod, "--dry-run=server", user=user), "ForgedSandboxPod")
    generated = copy.deepcopy(pod)
    generated["metadata"].pop("name")
    generated["metadata"]["generateName"] = "forged-"
    denied(space.create(generated, user=user), "ForgedSandboxPod")
    unlabelled = copy.deepcopy(pod)
    del unlabelled["metadata"]["labels"]
    denied(space.create(unlabelled, user=user), "ForgedSandboxPod")
    assert space.find("pod", "asb-forged") is None


def test_what_the_operator_creates_is_judged_too(space):
    operator = space.stockade.as_operator()
    good = another(pod_manifest(space), "other")
    done = space.create(good, "--dry-run=server", user=operator)
    assert done.returncode == 0, done.stderr
    weaker = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "weaker"}, "handler": "runc"}
    space.must("create", "-f", "-", input=weaker)
    for code, change in {
        "HostNamespace": {"hostPID": True},
        "ServiceAccountToken": {"automountServiceAccountToken": True},
        "RuntimeClassOverride": {"runtimeClassName": "weaker"},
        "DNSOverride": {"dnsPolicy": "Default"},
    }.items():
        bad = copy.deepcopy(good)
        bad["spec"] |= change
        denied(space.create(bad, "--dry-run=server", user=operator), code)
    space.must("delete", "runtimeclass", "weaker")
    bad = copy.deepcopy(good)
    bad["metadata"]["name"] = "other"
    denied(space.create(bad, "--dry-run=server", user=operator), "ForgedSandboxPod")
    del bad["metadata"]["labels"]
    denied(space.create(bad, "--dry-run=server", user=operator), "ForgedSandboxPod")
    del bad["metadata"]["ownerReferences"]
    denied(space.create(bad, "--dry-run=server", user=operator), "ForgedSandboxPod")


def test_the_operator_makes_no_other_pod_a_sandboxs(space):
    operator = space.stockade.as_operator()
    owned = another(pod_manifest(space), "stray")
    plain = copy.deepcopy(owned)
    del plain["metadata"]["labels"]
    owners = plain["metadata"].pop("ownerReferences")
    done = space.create(plain)
    assert done.returncode == 0, done.stderr
    label = {"labels": {"stockade.dev/sandbox": "stray"}}
    denied(space.kubectl(*merge_patch("pod", "asb-stray", {"metadata": label}), user=operator), "SandboxLabelChanged")
    adopt = {"metadata": {"ownerReferences": owners}}
    denied(space.kubectl(*merge_patch("pod", "asb-stray", adopt), user=operator), "ManagedObjectChanged")
    denied(space.kubectl(*merge_patch("pod", "asb-agent", {"metadata": {"labels": {"stockade.dev/sandbox": "x"}}}),
                         user=operator), "SandboxLabelChanged")  # fmt: skip
    space.must("delete", "pod", "asb-stray", "--grace-period=1")


def test_workload_with_the_label_makes_no_pods(space):
    labels = {"stockade.dev/sandbox": "forged"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "registry.example/c:1"}]},
    }
    done = space.create({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "forged"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    })  # fmt: skip
    assert done.returncode == 0, done.stderr

    def is_refused():
        found = space.find("replicaset", "forged").get("status", {}).get("conditions", [])
        return any("[ForgedSandboxPod]" in c["message"] for c in found)

    eventually(is_refused)
    space.must("delete", "replicaset", "forged")


def merge_patch(kind, name, patch, *options):
    return ("patch", kind, name, "--type=merge", "-p", json.dumps(patch), *options)


POD_CHANGES = {
    "label taken off": ("SandboxLabelChanged", ("label", "pod", "asb-agent", "stockade.dev/sandbox-")),
    "label changed": ("SandboxLabelChanged", ("label", "pod", "asb-agent", "--overwrite", "stockade.dev/sandbox=x")),
    "label taken off by way of the status": (
        "SandboxLabelChanged",
        merge_patch("pod", "asb-agent", {"metadata": {"labels": {"stockade.dev/sandbox": None}}}, "--subresource=status"),
    ),
    "label of the template": ("ManagedObjectChanged", ("label", "pod", "asb-agent", "--overwrite", "app=web")),
    "label that selects": ("ManagedObjectChanged", ("label", "pod", "asb-agent", "role=frontend")),
    "digest": ("ManagedObjectChanged", ("annotate", "pod", "asb-agent", "--overwrite", "stockade.dev/spec-hash=x")),
    "runtime's annotation": ("ManagedObjectChanged", ("annotate", "pod", "asb-agent", "dev.gvisor.internal.x=y")),
    "owner": ("ManagedObjectChanged", merge_patch("pod", "asb-agent", {"metadata": {"ownerReferences": None}})),
    "image": ("ImageChanged", ("set", "image", "pod/asb-agent", "agent=registry.example/evil:1")),
    "deadline": ("ManagedObjectChanged", merge_patch("pod", "asb-agent", {"spec": {"activeDeadlineSeconds": 60}})),
    "ephemeral container": (
        "EphemeralContainer",
        ("patch", "pod", "asb-agent", "--subresource=ephemeralcontainers", "--type=strategic", "-p",
         json.dumps({"spec": {"ephemeralContainers": [{"name": "debug", "image": "registry.example/shell:1"}]}})),
    ),
    "resize": (
        "PodResize",
        ("patch", "pod", "asb-agent", "--subresource=resize", "--type=strategic", "-p",
         json.dumps({"spec": {"containers": [{"name": "agent", "resources": {"limits": {"cpu": "3"}}}]}})),
    ),
    "status": ("StatusForged", merge_patch("pod", "asb-agent", {"status": {"phase": "Failed"}}, "--subresource=status")),
    "deletion by force": ("ForcedDeletion", ("delete", "pod", "asb-agent", "--force", "--grace-period=0")),
    "deletion of all by force": ("ForcedDeletion", ("delete", "pod", "--all", "--force", "--grace-period=0")),
}  # fmt: skip


@pytest.mark.parametrize("change", POD_CHANGES)
def test_pod_stays_as_the_operator_made_it(space, change):
    code, args = POD_CHANGES[change]
    before = space.find("pod", "asb-agent")
    denied(space.kubectl(*args), code)
    assert space.find("pod", "asb-agent") == before


def test_pods_are_neither_evicted_by_force_nor_bound_by_others(space):
    eviction = {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "asb-agent", "namespace": space.name},
        "deleteOptions": {"gracePeriodSeconds": 0},
    }  # fmt: skip
    denied(space.post("pods/asb-agent/eviction", eviction), "ForcedDeletion")
    binding = {
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": "asb-agent"},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "node-1"},
    }  # fmt: skip
    denied(space.post("pods/asb-agent/binding", binding), "ManagedObjectChanged")
    denied(space.post("bindings", binding), "ManagedObjectChanged")


@pytest.mark.parametrize("label,code", [("sandbox", "SandboxLabelChanged"), ("gateway", "GatewayLabelForged")])
def test_no_binding_makes_a_pod_one_of_ours(space, label, code):
    binding = {
        "apiVersion": "v1", "kind": "Binding",
        "metadata": {"name": "web", "labels": {f"stockade.dev/{label}": "asg-agent"}},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "node-1"},
    }  # fmt: skip
    denied(space.post("pods/web/binding", binding), code)
    denied(space.post("bindings", binding), code)


def test_harmless_annotations_and_finalizers_are_everybodys(space):
    for args in (
        ("annotate", "pod", "asb-agent", "note=x"),
        ("annotate", "pod", "asb-agent", "note-"),
        merge_patch("pod", "asb-agent", {"metadata": {"finalizers": ["example.com/x"]}}),
        merge_patch("pod", "asb-agent", {"metadata": {"finalizers": None}}),
    ):
        done = space.kubectl(*args)
        assert done.returncode == 0, done.stderr


# Streams


def stream(pod, part, container="", **query):
    words = {"command": "true", "stdout": "true", **({"container": container} if container else {}), **query}
    return f"pods/{pod}/{part}?" + "&".join(f"{key}={value}" for key, value in words.items())


@pytest.mark.parametrize("part", ["exec", "attach"])
def test_streams_into_containers(space, part):
    denied(space.open(stream("asb-agent", part, "stockade-proxy")), "ExecIntoProxy")
    denied(space.open(stream("asb-closed", part, "agent")), "ExecForbidden")
    for container in ("agent", ""):
        not_denied(space.open(stream("asb-agent", part, container)))
    # Not a sandbox's: the API server itself finds no such pod.
    done = space.open(stream("web", part, "stockade-proxy"))
    assert 'pods "web" not found' in done.stderr, done.stderr


def test_kubectl_exec_says_why(space):
    done = space.kubectl("exec", "asb-closed", "-c", "agent", "--", "true")
    denied(done, "ExecForbidden")
    assert 'pods/exec "' in done.stderr and "spec.access" in done.stderr


def test_policies_shut_doors_for_everybody(space):
    doors = {
        "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxPolicy", "metadata": {"name": "shut-doors"},
        "spec": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space.name}},
            "access": {"forbidExec": True, "forbidAttach": True, "forbidPortForward": True},
        },
    }  # fmt: skip
    paths = [stream("asb-open", "exec", "agent"), stream("asb-open", "attach", "agent"), "pods/asb-open/portforward?ports=1"]
    assert space.create(doors).returncode == 0
    try:
        eventually(lambda: all('(policy "shut-doors")' in space.open(path).stderr for path in paths))
        denied(space.open(paths[0]), "ExecForbidden")
        denied(space.open(paths[2]), "PortForward")
    finally:
        space.must("delete", "agentsandboxpolicy", "shut-doors")
    eventually(lambda: all("denied the request" not in space.open(path).stderr for path in paths))


def test_port_forward_is_for_each_sandbox_to_allow(space):
    denied(space.open("pods/asb-agent/portforward?ports=8080"), "PortForward")
    not_denied(space.open("pods/asb-open/portforward?ports=8080"))


def test_nobody_uses_the_api_servers_proxy(space):
    for path in (
        "pods/asb-agent/proxy/", "pods/asb-agent:8080/proxy/", "pods/http:asb-agent:8080/proxy/x",
        "services/asb-agent/proxy/", "services/asb-agent:http/proxy/", "services/https:asb-agent:http/proxy/",
    ):  # fmt: skip
        denied(space.open(path), "ProxySubresource")
    done = space.open("pods/http:web:8080/proxy/")
    assert 'pods "web" not found' in done.stderr, done.stderr


# What is around the pod


OWNED_CHANGES = {
    "deny-all opened": merge_patch("networkpolicy", "stockade-deny-all", {"spec": {"egress": [{}]}}),
    "deny-all with another selector": merge_patch("networkpolicy", "stockade-deny-all", {"spec": {"podSelector": None}}),
    "finalizer": merge_patch("networkpolicy", "stockade-deny-all", {"metadata": {"finalizers": None}}),
    "owner of the deny-all": merge_patch(
        "networkpolicy", "stockade-deny-all",
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "1"}]}},
    ),
    "deny-all deleted": ("delete", "networkpolicy", "stockade-deny-all", "--wait=false"),
    "all policies deleted": ("delete", "networkpolicy", "--all", "--wait=false"),
    "allowance": merge_patch("networkpolicy", "asb-agent-ingress", {"spec": {"ingress": [{}]}}),
    "mark of the allowance": ("label", "networkpolicy", "asb-agent-ingress", "app.kubernetes.io/managed-by-"),
    "Service": merge_patch("service", "asb-agent", {"spec": {"selector": {"stockade.dev/sandbox": "other"}}}),
    "owner of the Service": merge_patch("service", "asb-agent", {"metadata": {"ownerReferences": None}}),
    "size of a claim": merge_patch(
        "pvc", "asb-agent-data", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    ),
    "label of a claim": ("label", "pvc", "asb-agent-data", "--overwrite", "stockade.dev/sandbox=other"),
    "mark of a claim through its status": merge_patch(
        "pvc", "asb-agent-data", {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
        "--subresource=status",
    ),
    "owner of a claim through its status": merge_patch(
        "pvc", "asb-agent-data", {"metadata": {"ownerReferences": None}}, "--subresource=status"
    ),
    "owner of the Service through its status": merge_patch(
        "service", "asb-agent", {"metadata": {"ownerReferences": None}}, "--subresource=status"
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", OWNED_CHANGES)
def test_what_the_operator_made_is_its_own(space, change):
    for user in (space.stockade.cluster, space.stockade.as_user("alice", "system:masters")):
        denied(space.kubectl(*OWNED_CHANGES[change], user=user), "ManagedObjectChanged")
    # What "--all" was allowed to take is made again.
    eventually(lambda: space.find("networkpolicy", "asb-agent-ingress"))
    assert space.find("networkpolicy", "stockade-deny-all")["metadata"].get("deletionTimestamp") is None


def test_nobody_else_makes_what_looks_like_the_operators(space):
    owner = space.find("service", "asb-agent")["metadata"]["ownerReferences"]
    for kind, body in (
        ("Secret", {"stringData": {"a": "b"}}),
        ("ConfigMap", {"data": {"a": "b"}}),
        ("Service", {"spec": {"ports": [{"port": 1}]}}),
    ):
        obj = {"apiVersion": "v1", "kind": kind, **body}
        label = {"app.kubernetes.io/managed-by": "stockade"}
        denied(space.create(obj | {"metadata": {"name": "x", "labels": label}}), "ManagedObjectChanged")
        denied(space.create(obj | {"metadata": {"name": "x", "ownerReferences": owner}}), "ManagedObjectChanged")
        dependent = [{key: value for key, value in owner[0].items() if key not in ("controller", "blockOwnerDeletion")}]
        done = space.create(obj | {"metadata": {"name": "x", "ownerReferences": dependent}}, "--dry-run=server")
        assert done.returncode == 0, done.stderr


def test_status_of_a_claim_is_no_way_to_forge_one(space):
    owner = space.find("service", "asb-agent")["metadata"]["ownerReferences"]
    space.must("create", "-f", "-", input={
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "theirs"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    })
    label = {"labels": {"app.kubernetes.io/managed-by": "stockade", "stockade.dev/sandbox": "agent"}}
    for metadata in (label, {"ownerReferences": owner}):
        forged = {"metadata": metadata}
        denied(space.patch("pvc", "theirs", forged, "--subresource=status"), "ManagedObjectChanged")
    # Whoever provides volumes goes on.
    for name in ("theirs", "asb-agent-data"):
        state = {"status": {"conditions": [{"type": "Resizing", "status": "True"}]}}
        done = space.patch("pvc", name, state, "--subresource=status")
        assert done.returncode == 0, done.stderr
    space.must("delete", "pvc", "theirs")


def test_operators_service_can_be_deleted_and_comes_again(space):
    before = space.find("service", "asb-agent")["metadata"]["uid"]
    space.must("delete", "service", "asb-agent")
    eventually(lambda: (space.find("service", "asb-agent") or {"metadata": {"uid": before}})["metadata"]["uid"] != before)


def test_runtime_class_in_use_stays(space):
    denied(space.kubectl("delete", "runtimeclass", "gvisor"), "RuntimeClassInUse")
    denied(
        space.patch("runtimeclass", "gvisor", {"scheduling": {"nodeSelector": {"a": "b"}}}), "RuntimeClassInUse"
    )
    assert space.patch("runtimeclass", "gvisor", {"metadata": {"labels": {"note": "x"}}}).returncode == 0
    unused = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "unused"}, "handler": "x"}
    assert space.create(unused).returncode == 0
    assert space.kubectl("delete", "runtimeclass", "unused").returncode == 0


# Policies of others


def policy(name, selector, **spec):
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name},
        "spec": {"podSelector": selector, "policyTypes": ["Egress"], "egress": [{}]} | spec,
    }  # fmt: skip


def excluding(*keys):
    return {"matchExpressions": [{"key": key, "operator": "DoesNotExist"} for key in keys]}


EXCLUDED = excluding("stockade.dev/sandbox", "stockade.dev/gateway")


def test_policies_that_widen_a_sandbox_are_refused(space):
    for selector in (
        {},
        {"matchLabels": {"app": "agent"}},
        {"matchLabels": {"stockade.dev/sandbox": "agent"}},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
    ):
        done = space.create(policy("theirs", selector))
        denied(done, "EgressWidened")
        assert "operator: DoesNotExist" in done.stderr
        denied(space.kubectl("apply", "-f", "-", input=policy("theirs", selector)), "EgressWidened")
    for good in (
        policy("excluded", EXCLUDED),
        policy("others", {"matchLabels": {"app": "web"}}),
        policy("shut", {}, egress=[]),
        policy("shut-in", {}, policyTypes=["Ingress"], egress=[]),
    ):
        done = space.create(good)
        assert done.returncode == 0, done.stderr
    denied(space.patch("networkpolicy", "excluded", {"spec": {"podSelector": None}}), "EgressWidened")
    space.must("delete", "networkpolicy", "excluded", "others", "shut", "shut-in")


def test_policies_may_not_select_by_labels_that_only_the_pod_has(space):
    """The cluster labels pods as well, from Kubernetes 1.35 on with their node's zone."""
    zone = "topology.kubernetes.io/zone"
    space.must("label", "nodes", "--all", f"{zone}=z1")
    space.must("create", "-f", "-", input=sandbox("zoned"))
    space.wait_ready("zoned")
    assert space.find("pod", "asb-zoned")["metadata"]["labels"][zone] == "z1"
    zoned = policy("zoned", {"matchExpressions": [{"key": zone, "operator": "Exists"}]})
    # Until the webhook has seen the label.
    eventually(lambda: "EgressWidened" in space.create(zoned, "--dry-run=server").stderr)
    denied(space.create(zoned), "EgressWidened")
    space.must("delete", "asb", "zoned")
    space.must("label", "nodes", "--all", f"{zone}-")


def test_collections_are_deleted_object_by_object(space):
    """The API server asks about each object without its name."""
    path = f"/apis/networking.k8s.io/v1/namespaces/{space.name}/networkpolicies"
    denied(space.kubectl("delete", "--raw", path), "ManagedObjectChanged")
    assert space.find("networkpolicy", "stockade-deny-all")["metadata"].get("deletionTimestamp") is None
    denied(space.kubectl("delete", "--raw", "/apis/node.k8s.io/v1/runtimeclasses"), "RuntimeClassInUse")


def test_a_pod_that_outlives_its_sandbox_stays_closed(space):
    space.must("create", "-f", "-", input=sandbox("short", image="ignores-sigterm.invalid/agent:1"))
    space.wait_ready("short")
    space.must("delete", "asb/short", "--wait=false")
    eventually(lambda: space.find("asb", "short") is None)
    assert space.find("pod", "asb-short")
    eventually(lambda: "ExecForbidden" in space.open("pods/asb-short/exec?command=sh&container=agent").stderr)
    selector = {"matchLabels": {"stockade.dev/sandbox": "short"}}
    denied(space.create(policy("theirs", selector)), "EgressWidened")


def test_policies_where_there_is_no_sandbox_are_free(space):
    with space.stockade.cluster.new_namespace("free") as name:
        done = Space(space.stockade, name).create(policy("all", {}))
        assert done.returncode == 0, done.stderr


def plugin_crd(group, kind, plural, scope="Cluster"):
    """A kind of a network plugin whose objects keep whatever is written into them."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # What the API server asks for of a group of Kubernetes' own.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": group, "scope": scope, "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }  # fmt: skip


def plugin_policy(group, kind, spec):
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "theirs"}, "spec": spec}


def test_policies_of_network_plugins_are_judged_where_they_exist(space):
    def cilium(selector):
        spec = {"endpointSelector": selector, "egress": [{"toEntities": ["world"]}]}
        return plugin_policy("cilium.io", "CiliumNetworkPolicy", spec)

    assert space.create(plugin_crd("cilium.io", "CiliumNetworkPolicy", "ciliumnetworkpolicies", "Namespaced")).returncode == 0
    try:
        eventually(lambda: space.create(cilium(EXCLUDED), "--dry-run=server").returncode == 0)
        denied(space.create(cilium({})), "OtherPolicyKinds")
        denied(space.create(cilium({"matchLabels": {"k8s:app": "agent"}})), "OtherPolicyKinds")
        done = space.create(cilium({"matchLabels": {"k8s:app": "web"}}), "--dry-run=server")
        assert done.returncode == 0, done.stderr
    finally:
        space.must("delete", "crd", "ciliumnetworkpolicies.cilium.io")


ALL_PODS, OTHER_PODS = ({"pods": {"podSelector": selector}} for selector in ({}, EXCLUDED))
ALLOW, ACCEPT = ({"egress": [{"action": action}]} for action in ("Allow", "Accept"))
WITHOUT_SANDBOXES = "app == 'x' && !has(stockade.dev/sandbox)"
# group, plural, kind: a policy that opens sandboxes, and one that does not.
PLUGINS = {
    "Calico": (
        "projectcalico.org", "globalnetworkpolicies", "GlobalNetworkPolicy",
        {"selector": "all()"} | ALLOW, {"selector": WITHOUT_SANDBOXES} | ALLOW,
    ),
    "Calico's store": (
        "crd.projectcalico.org", "globalnetworkpolicies", "GlobalNetworkPolicy",
        {"selector": "all()"} | ALLOW, {"selector": WITHOUT_SANDBOXES} | ALLOW,
    ),
    "AdminNetworkPolicy": (
        "policy.networking.k8s.io", "adminnetworkpolicies", "AdminNetworkPolicy",
        {"subject": ALL_PODS, "tier": "Baseline"} | ALLOW, {"subject": OTHER_PODS} | ALLOW,
    ),
    "ClusterNetworkPolicy": (
        "policy.networking.k8s.io", "clusternetworkpolicies", "ClusterNetworkPolicy",
        {"subject": ALL_PODS, "tier": "Admin"} | ACCEPT, {"subject": OTHER_PODS, "tier": "Admin"} | ACCEPT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_field_of_another_kind_excuses_no_policy(space, plugin):
    group, plural, kind, wide, narrow = PLUGINS[plugin]
    assert space.create(plugin_crd(group, kind, plural)).returncode == 0
    try:
        eventually(lambda: space.create(plugin_policy(group, kind, narrow), "--dry-run=server").returncode == 0)
        for foreign in ({}, {"endpointSelector": EXCLUDED}, {"podSelector": EXCLUDED}):
            denied(space.create(plugin_policy(group, kind, wide | foreign)), "OtherPolicyKinds")
    finally:
        space.must("delete", "crd", f"{plural}.{group}")


# What goes on


def controller(space, name):
    return space.stockade.as_user(
        f"system:serviceaccount:kube-system:{name}", "system:serviceaccounts:kube-system", "system:masters"
    )


def test_control_plane_goes_on(space):
    """What its parts do was done to get here: binding, status, claims, deletion. These remain."""
    pod = another(pod_manifest(space), "goes-on")
    space.must("create", "-f", "-", input=pod, user=space.stockade.as_operator())
    space.must("wait", "pod", "asb-goes-on", "--for=condition=Ready", "--timeout=30s")
    disruption = {"status": {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}}
    done = space.patch(
        "pod", "asb-goes-on", disruption, "--subresource=status", user=controller(space, "taint-eviction-controller")
    )
    assert done.returncode == 0, done.stderr
    done = space.kubectl(
        "delete", "pod", "asb-goes-on", "--force", "--grace-period=0", user=controller(space, "pod-garbage-collector")
    )
    assert done.returncode == 0, done.stderr
    # The operator ends one that nobody owns any more.
    space.must("create", "-f", "-", input=another(pod_manifest(space), "orphaned"), user=space.stockade.as_operator())
    done = space.patch(
        "pod", "asb-orphaned", {"metadata": {"ownerReferences": None}},
        user=controller(space, "generic-garbage-collector"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    eventually(lambda: space.find("pod", "asb-orphaned") is None)
    # Other accounts of kube-system ask the webhook, which knows what they may do.
    denied(
        space.kubectl("label", "pod", "asb-agent", "stockade.dev/sandbox-", user=controller(space, "some-addon")),
        "SandboxLabelChanged",
    )


def test_evicted_pod_comes_again(space):
    before = space.find("pod", "asb-open")["metadata"]["uid"]
    eviction = {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "asb-open", "namespace": space.name},
    }  # fmt: skip
    done = space.post("pods/asb-open/eviction", eviction)
    assert done.returncode == 0, done.stderr
    eventually(
        lambda: (space.find("pod", "asb-open") or {"metadata": {"uid": before}})["metadata"]["uid"] != before, timeout=60
    )
    space.wait_ready("open")


@pytest.mark.parametrize("cascade", ["background", "foreground", "orphan"])
def test_sandbox_is_deleted_in_every_way(space, cascade):
    with space.stockade.cluster.new_namespace("cascade") as name:
        own = Space(space.stockade, name)
        own.must("create", "-f", "-", input=SANDBOX)
        own.wait_ready()
        own.must("delete", "asb", "agent", f"--cascade={cascade}", "--timeout=60s", timeout=90)
        if cascade == "orphan":
            eventually(lambda: "ownerReferences" not in own.find("service", "asb-agent")["metadata"])
        eventually(lambda: own.find("networkpolicy", "stockade-deny-all") is None, timeout=60)


def test_namespace_is_deleted(space):
    with space.stockade.cluster.new_namespace("ending") as name:
        own = Space(space.stockade, name)
        own.must("create", "-f", "-", input=SANDBOX)
        own.wait_ready()
        space.stockade.cluster.must("delete", "namespace", name, "--timeout=90s", timeout=120)


# Gateways


GATEWAY_LABELS = {"app.kubernetes.io/managed-by": "stockade", "stockade.dev/gateway": "asg-out"}
GATEWAY_CONTAINER = {
    "name": "stockade-gateway", "image": "registry.example/envoy:1",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def gateway(space):
    """A Deployment as the operator makes a gateway's, whose pod the cluster's controllers then make."""
    made = workload("apps/v1", "Deployment", "asg-out", GATEWAY_LABELS, GATEWAY_CONTAINER)
    made["metadata"]["labels"] = GATEWAY_LABELS
    # With an administrator's rights under the operator's name: what its role lacks is no matter of the guards.
    operator = space.stockade.as_user(OPERATOR_USER, "system:masters")
    done = space.create(made, user=operator)
    assert done.returncode == 0, done.stderr

    def pod():
        found = json.loads(space.must("get", "pods", "-l", "stockade.dev/gateway=asg-out", "-o", "json"))["items"]
        return found and found[0]["spec"].get("nodeName") and found[0]["metadata"]["name"]

    yield eventually(pod)
    space.must("delete", "deployment", "asg-out")


def test_only_the_operators_deployment_makes_pods_of_gateways(space, gateway):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "relay", "labels": GATEWAY_LABELS},
           "spec": {"containers": [GATEWAY_CONTAINER]}}  # fmt: skip
    unlabelled = {"app": "relay"}
    for user in (None, space.stockade.as_user("eve", "system:masters", "system:serviceaccounts:kube-system")):
        denied(space.create(pod, user=user), "GatewayLabelForged")
        for version, kind in TEMPLATED:
            labelled = workload(version, kind, "relay", GATEWAY_LABELS, GATEWAY_CONTAINER)
            denied(space.create(labelled, user=user), "GatewayLabelForged")
            if kind != "PodTemplate":
                named = workload(version, kind, "asg-relay", unlabelled, GATEWAY_CONTAINER)
                denied(space.create(named, user=user), "GatewayLabelForged")
        for named in (
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "asg-out-gateway"}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"generateName": "asg-"}, "spec": {"ports": [{"port": 1}]}},
            policy("asg-out-gateway", EXCLUDED),
            pod | {"metadata": {"name": "asg-relay"}},
        ):
            denied(space.create(named, user=user), "GatewayLabelForged")
    space.must("create", "-f", "-", input=pod | {"metadata": {"name": "relay"}})
    denied(space.kubectl("label", "pod", "relay", "stockade.dev/gateway=asg-out"), "GatewayLabelForged")
    space.must("delete", "pod", "relay", "--force", "--grace-period=0")
    space.must("create", "-f", "-", input=workload("apps/v1", "Deployment", "web", unlabelled, GATEWAY_CONTAINER))
    turned = {"spec": {"template": {"metadata": {"labels": {"stockade.dev/gateway": "asg-out"}}}}}
    denied(space.patch("deployment", "web", turned), "GatewayLabelForged")
    space.must("delete", "deployment", "web")


def test_nobody_changes_or_enters_a_gateway(space, gateway):
    image = {"spec": {"template": {"spec": {"containers": [GATEWAY_CONTAINER | {"image": "evil.example/envoy:1"}]}}}}
    denied(space.patch("deployment", "asg-out", image), "ManagedObjectChanged")
    replica_set = space.must("get", "replicasets", "-l", "stockade.dev/gateway", "-o", "name").split()[0]
    denied(space.patch(*replica_set.split("/"), image), "ManagedObjectChanged")
    changed = {"spec": {"containers": [{"name": "stockade-gateway", "image": "evil.example/envoy:1"}]}}
    done = space.kubectl("patch", "pod", gateway, "--type=strategic", "-p", json.dumps(changed))
    denied(done, "ImageChanged")
    denied(space.kubectl("label", "pod", gateway, "stockade.dev/gateway-"), "GatewayLabelForged")
    denied(space.kubectl("label", "pod", gateway, "app=web"), "ManagedObjectChanged")
    denied(space.patch("pod", gateway, {"status": {"podIP": "192.0.2.1"}}, "--subresource=status"), "StatusForged")
    debug = [{"name": "debug", "image": "registry.example/debug:1"}]
    done = space.patch("pod", gateway, {"spec": {"ephemeralContainers": debug}}, "--subresource=ephemeralcontainers")
    denied(done, "EphemeralContainer")
    larger = {"containers": [{"name": "stockade-gateway", "resources": {"limits": {"memory": "1Ti"}}}]}
    done = space.kubectl(
        "patch", "pod", gateway, "--subresource=resize", "--type=strategic", "-p", json.dumps({"spec": larger})
    )
    denied(done, "PodResize")
    denied(space.kubectl("delete", "pod", gateway, "--force", "--grace-period=0"), "ForcedDeletion")
    for part in ("exec", "attach"):
        denied(space.open(f"pods/{gateway}/{part}?container=stockade-gateway&command=sh"), "ExecIntoProxy")
    denied(space.open(f"pods/{gateway}/portforward?ports=15443"), "PortForward")
    for path in (f"pods/https:{gateway}:15443/proxy/", "services/asg-out:tls/proxy/"):
        denied(space.open(path), "ProxySubresource")
    space.must("annotate", "pod", gateway, "note=x")


def test_gateways_deny_all_is_the_operators(space):
    denied(space.create(policy("stockade-gateway-deny-all", EXCLUDED)), "ManagedObjectChanged")


def test_policies_that_widen_a_gateway_are_refused(space):
    with space.stockade.cluster.new_namespace("gateways") as name:
        out = Space(space.stockade, name)
        sandboxes_alone = excluding("stockade.dev/sandbox")
        assert out.create(policy("before", sandboxes_alone), "--dry-run=server").returncode == 0
        out.must("create", "-f", "-", input=sandbox("out", egress={"allow": [{"host": "api.example.com"}]}))
        # As soon as the webhook has seen the sandbox.
        eventually(lambda: "EgressWidened" in out.create(policy("all", sandboxes_alone), "--dry-run=server").stderr)
        selectors = ({}, {"matchLabels": {"stockade.dev/gateway": "asg-out"}}, {"matchLabels": {"pod-template-hash": "x"}})
        for selector in selectors:
            done = out.create(policy("theirs", selector))
            denied(done, "EgressWidened")
            assert "{key: stockade.dev/gateway, operator: DoesNotExist}" in done.stderr
        assert out.create(policy("excluded", EXCLUDED)).returncode == 0
        denied(out.patch("networkpolicy", "excluded", {"spec": {"podSelector": sandboxes_alone}}), "EgressWidened")


def test_who_names_a_secret_must_be_allowed_to_read_it(space):
    """The API server itself is asked, about the user as it knows him."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "authors"},
        "rules": [{"apiGroups": ["stockade.dev"], "resources": ["agentsandboxes"], "verbs": ["*"]}],
    }  # fmt: skip
    reader = copy.deepcopy(role) | {"metadata": {"name": "readers"}}
    reader["rules"] = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["forge"], "verbs": ["get"]}]
    space.must("create", "-f", "-", input=role)
    space.must("create", "-f", "-", input=reader)
    space.must("create", "rolebinding", "authors", "--role=authors", "--user=mallory", "--user=bob")
    space.must("create", "rolebinding", "readers", "--role=readers", "--group=forge-readers")
    mallory = space.stockade.as_user("mallory", "developers")
    bob = space.stockade.as_user("bob", "forge-readers")

    def credential(secret):
        reference = {"secretKeyRef": {"name": secret, "key": "token"}}
        return [{"name": "forge", "header": {"name": "Authorization", "prefix": "Bearer "} | reference}]

    allow = [{"host": "forge.example.com", "credential": "forge"}]
    wanted = sandbox("deputy", egress={"allow": allow}, credentials=credential("forge"))
    # As soon as the API server's authorizer has seen the bindings.
    eventually(lambda: space.create(wanted, "--dry-run=server", user=bob).returncode == 0)
    done = space.create(wanted, user=mallory)
    assert done.returncode != 0, done.stdout
    assert "spec.credentials[0].header.secretKeyRef.name: [CredentialNotReadable]" in done.stderr, done.stderr
    done = space.create(wanted, user=bob)
    assert done.returncode == 0, done.stderr
    # Nor is there a way through a gateway of others that has the credential already.
    shared = {"allow": allow, "gateway": "Shared"}
    done = space.create(sandbox("sharer", egress=shared, credentials=credential("forge")), user=bob)
    assert done.returncode == 0, done.stderr
    joined = sandbox("joiner", egress=shared, credentials=credential("forge"))
    assert "[CredentialNotReadable]" in space.create(joined, user=mallory).stderr
    other = sandbox("other", egress={"allow": allow}, credentials=credential("another"))
    assert "[CredentialNotReadable]" in space.create(other, user=bob).stderr
    # Nor may he who cannot read it send it elsewhere. What does not touch it he may change.
    moved = {"spec": {"egress": {"allow": [{"host": "mallory.example.net", "credential": "forge"}]}}}
    assert "[CredentialNotReadable]" in space.patch("asb", "deputy", moved, user=mallory).stderr
    done = space.kubectl("label", "asb", "deputy", "team=blue", user=mallory)
    assert done.returncode == 0, done.stderr
    done = space.patch("asb", "deputy", moved, user=bob)
    assert done.returncode == 0, done.stderr
    space.must("delete", "asb", "deputy")


# The registration


def test_registration_leaves_no_gap(space):
    for name in (*GUARDS, "validatingwebhookconfiguration/stockade"):
        for webhook in space.stockade.cluster.get(name)["webhooks"]:
            assert webhook["failurePolicy"] == "Fail", webhook["name"]
            assert webhook["matchPolicy"] == "Equivalent", webhook["name"]
            tells = webhook["name"] == "connections.guards.stockade.dev"
            assert webhook["sideEffects"] == ("NoneOnDryRun" if tells else "None"), webhook["name"]
            assert webhook["timeoutSeconds"] == 5, webhook["name"]
            assert webhook["namespaceSelector"] == {}, webhook["name"]


def test_an_outage_blocks_nothing_else(space):
    """And what it blocks can be named."""
    running = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {
        "containers": [{"name": "web", "image": "registry.example/web:1"}]}}  # fmt: skip
    space.stockade.webhook.stop()
    try:
        assert space.create(running).returncode == 0
        space.must("wait", "pod", "web", "--for=condition=Ready", "--timeout=30s")
        for args in (
            ("label", "pod", "web", "--overwrite", "app=site"),
            ("set", "image", "pod/web", "web=registry.example/web:2"),
            ("create", "secret", "generic", "theirs", "--from-literal=a=b"),
            ("create", "service", "clusterip", "theirs", "--tcp=80"),
            ("create", "-f", "-"),
            ("annotate", "networkpolicy", "excluded", "note=x"),
            ("delete", "networkpolicy", "excluded"),
            ("delete", "secret/theirs", "service/theirs"),
        ):
            options = {"input": policy("excluded", EXCLUDED)} if args[0] == "create" and "-f" in args else {}
            done = space.kubectl(*args, **options)
            assert done.returncode == 0, done.stderr
        for path in ("pods/web/exec?command=true&container=web", "pods/web/portforward?ports=80"):
            not_denied(space.open(path))
        assert space.kubectl("delete", "pod", "web", "--force", "--grace-period=0").returncode == 0

        # The kubelet, the operator and their like go on.
        space.must("delete", "pod", "asb-closed", timeout=60)
        done = space.kubectl("delete", "pod", "asb-agent", "--force", "--grace-period=0")
        assert "failed calling webhook" in done.stderr, done.stderr
        for path in (stream("asb-agent", "exec", "agent"), "pods/http:asb-agent:80/proxy/"):
            assert "failed calling webhook" in space.open(path).stderr
        assert "failed calling webhook" in space.create(policy("all", {})).stderr
    finally:
        space.stockade.webhook.start()
    # Its pod was waiting for the webhook.
    space.wait_ready("closed")
    assert space.find("pod", "asb-closed")


@pytest.mark.parametrize("kind", ["asb", "asbc"])
def test_only_the_operator_and_only_metadata_pass_without_a_review(space, kind):
    claim = {"apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxClaim", "metadata": {"name": "agent"},
             "spec": {"poolRef": {"name": "none"}}}  # fmt: skip
    space.must("apply", "-f", "-", input=SANDBOX if kind == "asb" else claim)
    operator = space.stockade.as_user(OPERATOR_USER, "system:masters")
    changed = {"operatingMode": "Suspended"} if kind == "asb" else {"lifecycle": {"ttlSecondsAfterFinished": 60}}
    space.stockade.webhook.stop()
    try:
        done = space.patch(kind, "agent", {"metadata": {"labels": {"note": "x"}}}, user=operator)
        assert done.returncode == 0, done.stderr
        both = {"metadata": {"labels": {"note": "y"}}, "spec": changed}
        for forged in (None, space.find(kind, "agent")["metadata"]["generation"]):
            if forged:
                both["metadata"]["generation"] = forged
            assert "failed calling webhook" in space.patch(kind, "agent", both, user=operator).stderr
        assert "failed calling webhook" in space.patch(kind, "agent", {"metadata": {"labels": {"note": "z"}}}).stderr
    finally:
        space.stockade.webhook.start()
    if kind == "asbc":
        space.must("delete", kind, "agent")


def test_policy_from_before_is_reported_and_can_be_narrowed(space):
    """A policy that was made while nobody guarded: the operator tells its name."""
    space.stockade.uninstall_webhook()
    try:
        eventually(lambda: space.create(policy("from-before", {}), "--dry-run=server").returncode == 0)
        space.must("create", "-f", "-", input=policy("from-before", {}))
    finally:
        space.stockade.install_webhook()
    eventually(lambda: all(space.stockade.layers().values()))
    space.stockade.remove(*ADMISSION_POLICIES)

    def isolated():
        return condition(space.find("asb", "agent"), "EgressIsolated")

    eventually(lambda: isolated().get("reason") == "WidenedBy")
    assert '"from-before"' in isolated()["message"]
    # What leaves its rules alone passes, and what narrows it.
    assert space.kubectl("annotate", "networkpolicy", "from-before", "note=x").returncode == 0
    denied(space.patch("networkpolicy", "from-before", {"spec": {"ingress": [{}]}}), "EgressWidened")
    done = space.patch("networkpolicy", "from-before", {"spec": {"podSelector": EXCLUDED}})
    assert done.returncode == 0, done.stderr
    eventually(lambda: isolated().get("status") == "True")
