"""What the API server judges by itself about the pods of egress gateways, with no webhook registered at all."""

import contextlib
import json

import pytest

from api_client import PODS, ApiClient
from cluster import ROOT, eventually
from hardened_pods import merged
from stockade import OPERATOR_USER, install_policies, policies_alone
from workloads import TEMPLATED, workload

GATEWAY = "asg-box"
POLICIES = ("stockade-gateway-pods", "stockade-gateway-workloads", "stockade-gateway-connections")
CONTROLLERS = "system:serviceaccount:kube-system"


@pytest.fixture(scope="module")
def stockade(cluster, tmp_path_factory):
    with policies_alone(cluster, tmp_path_factory.mktemp("gateway-policies")) as running:
        yield running


def rendered(kind, namespace):
    """The first object of that kind that a sandbox's gateway is made of, as tests/golden/gateway has it."""
    golden = json.loads((ROOT / "tests" / "golden" / "gateway" / "bedrock.json").read_text(encoding="utf-8"))
    found = next(item for item in golden["items"] if item["kind"] == kind)
    found["metadata"].pop("ownerReferences", None)
    found["metadata"]["namespace"] = namespace
    return json.loads(json.dumps(found).replace(found["metadata"]["name"], GATEWAY)) if kind == "Deployment" else found


@pytest.fixture(scope="module")
def operator(stockade):
    """With an administrator's rights under the operator's name: what its role lacks is no matter of the policies."""
    return stockade.as_user(OPERATOR_USER, "system:masters")


@pytest.fixture(scope="module")
def space(stockade, operator):
    """A namespace with a gateway, whose pod the cluster's own controllers make from the operator's Deployment."""
    with stockade.cluster.new_namespace("gateway-policies") as name:
        stockade.cluster.must("create", "-f", "-", input=rendered("ServiceAccount", name))
        operator.must("create", "-f", "-", input=rendered("Deployment", name))
        eventually(lambda: pod_name(stockade.cluster, name))
        yield name
        stockade.cluster.must("-n", name, "delete", "deployment", GATEWAY)


def pod_name(cluster, namespace):
    """Of a pod that runs, or None."""
    found = cluster.get("-n", namespace, "pods", "-l", f"stockade.dev/gateway={GATEWAY}")["items"]
    for item in found:
        if item["spec"].get("nodeName") and "deletionTimestamp" not in item["metadata"]:
            return item["metadata"]["name"]
    return None


def denied(done, code):
    assert done.returncode != 0, done.stdout
    assert "ValidatingAdmissionPolicy 'stockade-gateway-" in done.stderr, done.stderr
    assert f"denied request: [{code}] " in done.stderr, done.stderr


def create(cluster, space, obj, *options):
    return cluster.kubectl("-n", space, "create", "-f", "-", *options, input=obj)


def controller(stockade, name):
    return stockade.as_user(f"{CONTROLLERS}:{name}", "system:serviceaccounts:kube-system", "system:masters")


# What makes the pods


def pod(space, **metadata):
    """As the ReplicaSets' controller makes it."""
    template = rendered("Deployment", space)["spec"]["template"]
    made = {"name": f"{GATEWAY}-5d4f-x2x2x", "ownerReferences": owned_by()} | metadata
    return {"apiVersion": "v1", "kind": "Pod", **template, "metadata": template["metadata"] | made}


def owned_by(**fields):
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{GATEWAY}-5d4f", "uid": "u", "controller": True}
    return [owner | fields]


def test_controllers_make_the_pods_of_the_operators_deployment(stockade, space):
    made = controller(stockade, "replicaset-controller")
    done = create(made, space, pod(space), "--dry-run=server")
    assert done.returncode == 0, done.stderr
    one_for_all = stockade.as_user("system:kube-controller-manager", "system:masters")
    assert create(one_for_all, space, pod(space), "--dry-run=server").returncode == 0
    generated = pod(space, generateName=f"{GATEWAY}-5d4f-")
    del generated["metadata"]["name"]
    assert create(made, space, generated, "--dry-run=server").returncode == 0


def test_nobody_else_makes_them(stockade, space, operator):
    # By two policies, of which the API server tells of one.
    assert "ValidatingAdmissionPolicy" in create(operator, space, pod(space), "--dry-run=server").stderr
    for user in (
        stockade.cluster,
        controller(stockade, "job-controller"),
        stockade.as_user("system:serviceaccount:evil:replicaset-controller", "system:masters"),
        stockade.as_user("system:node:node-1", "system:nodes", "system:masters"),
    ):
        denied(create(user, space, pod(space), "--dry-run=server"), "GatewayLabelForged")
    made = controller(stockade, "replicaset-controller")
    for change in (
        {"ownerReferences": owned_by(name="relay-5d4f")},
        {"ownerReferences": owned_by(kind="StatefulSet")},
        {"ownerReferences": owned_by(controller=False)},
        {"ownerReferences": []},
        {"name": "relay-x2x2x"},
        {"labels": {"stockade.dev/gateway": "asg-other"}},
        {"labels": {"stockade.dev/gateway": ""}},
    ):
        denied(create(made, space, pod(space, **change), "--dry-run=server"), "GatewayLabelForged")


RELAY = {"name": "relay", "image": "registry.example/relay:1"}


@pytest.mark.parametrize("version, kind", TEMPLATED)
def test_no_other_workload_makes_them(stockade, space, operator, version, kind):
    forged = workload(version, kind, "relay", {"stockade.dev/gateway": GATEWAY}, RELAY)
    users = [stockade.cluster, controller(stockade, "replicaset-controller")]
    if kind != "ReplicaSet":
        users.append(controller(stockade, "deployment-controller"))
    if kind != "Deployment":
        users.append(operator)
    for user in users:
        denied(create(user, space, forged, "--dry-run=server"), "GatewayLabelForged")
    plain = workload(version, kind, "relay", {"app": "web"}, RELAY)
    done = create(stockade.cluster, space, plain, "--dry-run=server")
    assert done.returncode == 0, done.stderr


def test_a_replica_set_has_the_gateways_deployment(stockade, space):
    made = controller(stockade, "deployment-controller")
    good = workload("apps/v1", "ReplicaSet", f"{GATEWAY}-5d4f", {"stockade.dev/gateway": GATEWAY}, RELAY)
    good["metadata"]["ownerReferences"] = owned_by(kind="Deployment", name=GATEWAY)
    done = create(made, space, good, "--dry-run=server")
    assert done.returncode == 0, done.stderr
    for change in ({"ownerReferences": owned_by(kind="Deployment", name="asg-other")}, {"ownerReferences": []},
                   {"name": "relay-5d4f"}):  # fmt: skip
        forged = good | {"metadata": good["metadata"] | change}
        denied(create(made, space, forged, "--dry-run=server"), "GatewayLabelForged")


def test_templates_stay_as_they_are(stockade, space, operator):
    def patch(kind, name, change, user=stockade.cluster):
        options = ("--type=merge", "--dry-run=server", "-p", json.dumps(change))
        return user.kubectl("-n", space, "patch", kind, name, *options)

    note = {"spec": {"template": {"metadata": {"annotations": {"note": "x"}}}}}
    denied(patch("deployment", GATEWAY, note), "ManagedObjectChanged")
    assert patch("deployment", GATEWAY, note, operator).returncode == 0
    for replica_set in stockade.cluster.get("-n", space, "replicasets")["items"]:
        name = replica_set["metadata"]["name"]
        for user in (stockade.cluster, operator, controller(stockade, "deployment-controller")):
            denied(patch("replicaset", name, note, user), "ManagedObjectChanged")
    # What is made again or makes nothing passes.
    for change in ({"metadata": {"annotations": {"note": "x"}}}, {"spec": {"replicas": 2}}):
        done = patch("deployment", GATEWAY, change)
        assert done.returncode == 0, done.stderr
    plain = workload("v1", "PodTemplate", "web", {"app": "web"}, RELAY)
    stockade.cluster.must("-n", space, "create", "-f", "-", input=plain)
    turned = {"template": {"metadata": {"labels": {"stockade.dev/gateway": GATEWAY}}}}
    denied(patch("podtemplate", "web", turned), "GatewayLabelForged")


# Their form


SECURITY = "securityContext"
FORMS = {
    "a container of an injector": (
        "GatewayLabelForged", {"spec": {"initContainers": [{"name": "istio-proxy"}]}},
    ),
    "another account": ("ServiceAccountToken", {"spec": {"serviceAccountName": "default", "serviceAccount": None}}),
    "a token": ("ServiceAccountToken", {"spec": {"automountServiceAccountToken": True}}),
    "a directory of the node": ("VolumeType", {"spec": {"volumes": [{"configMap": None, "hostPath": {"path": "/"}}]}}),
    "a claim": (
        "VolumeType", {"spec": {"volumes": [{"configMap": None, "persistentVolumeClaim": {"claimName": "c"}}]}},
    ),
    "a projected Secret": (
        "VolumeType",
        {"spec": {"volumes": [{"configMap": None, "projected": {"sources": [{"secret": {"name": "s"}}]}}]}},
    ),
    "a projected token for the API server": (
        "VolumeType",
        {"spec": {"volumes": [
            {"configMap": None, "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}},
    ),
    "the node's network": ("HostNamespace", {"spec": {"hostNetwork": True}}),
    "the node's processes": ("HostNamespace", {"spec": {"hostPID": True}}),
    "the node's memory": ("HostNamespace", {"spec": {"hostIPC": True}}),
    "each other's processes": ("HostNamespace", {"spec": {"shareProcessNamespace": True}}),
    "the node's port": (
        "HostNamespace", {"spec": {"containers": [{"ports": [{"containerPort": 15443, "hostPort": 15443}]}]}},
    ),
    "root": ("RootUser", {"spec": {SECURITY: {"runAsUser": 0}}}),
    "maybe root": ("RootUser", {"spec": {SECURITY: {"runAsNonRoot": None}}}),
    "root in a container": ("RootUser", {"spec": {"initContainers": [{SECURITY: {"runAsUser": 0}}]}}),
    "privileges": (
        "PrivilegeEscalation",
        {"spec": {"containers": [{SECURITY: {"privileged": True, "allowPrivilegeEscalation": None}}]}},
    ),
    "escalation": (
        "PrivilegeEscalation", {"spec": {"containers": [{SECURITY: {"allowPrivilegeEscalation": True}}]}},
    ),
    "a writable root": (
        "PrivilegeEscalation", {"spec": {"containers": [{SECURITY: {"readOnlyRootFilesystem": None}}]}},
    ),
    "a capability": (
        "PrivilegeEscalation", {"spec": {"containers": [{SECURITY: {"capabilities": {"add": ["NET_ADMIN"]}}}]}},
    ),
    "all capabilities": ("PrivilegeEscalation", {"spec": {"containers": [{SECURITY: {"capabilities": None}}]}}),
    "no seccomp profile": ("UnconfinedSeccomp", {"spec": {SECURITY: {"seccompProfile": None}}}),
    "another seccomp profile of a container": (
        "UnconfinedSeccomp", {"spec": {"containers": [{SECURITY: {"seccompProfile": {"type": "Unconfined"}}}]}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_pods_of_gateways_have_their_form_whoever_makes_them(stockade, space, form):
    code, change = FORMS[form]
    with contextlib.closing(ApiClient(controller(stockade, "replicaset-controller").kubeconfig)) as made:
        answer = made.create(PODS.format(namespace=space), merged(pod(space), change))
    assert f"'stockade-gateway-pods' denied request: [{code}] " in answer.message, answer


# What becomes of them


def strategic(change, *options):
    return ("patch", "--type=strategic", "-p", json.dumps(change), *options)


UPDATES = {
    "label taken off": ("GatewayLabelForged", ("label", "stockade.dev/gateway-")),
    "label changed": ("GatewayLabelForged", ("label", "--overwrite", "stockade.dev/gateway=asg-other")),
    "label taken off by way of the status": (
        "GatewayLabelForged",
        ("patch", "--subresource=status", "--type=merge", "-p",
         '{"metadata": {"labels": {"stockade.dev/gateway": null}}}'),
    ),
    "image": (
        "ManagedObjectChanged",
        strategic({"spec": {"containers": [{"name": "stockade-gateway", "image": "registry.example/evil:1"}]}}),
    ),
    "deadline": ("ManagedObjectChanged", strategic({"spec": {"activeDeadlineSeconds": 60}})),
    "ephemeral container": (
        "EphemeralContainer",
        strategic({"spec": {"ephemeralContainers": [{"name": "debug", "image": "registry.example/shell:1"}]}},
                  "--subresource=ephemeralcontainers"),
    ),
    "resize": (
        "PodResize",
        strategic({"spec": {"containers": [{"name": "stockade-gateway", "resources": {"limits": {"memory": "1Ti"}}}]}},
                  "--subresource=resize"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("update", UPDATES)
def test_pods_of_gateways_stay_as_they_are(stockade, space, operator, update):
    code, (verb, *args) = UPDATES[update]
    name = pod_name(stockade.cluster, space)
    for user in (stockade.cluster, operator):
        denied(user.kubectl("-n", space, verb, "pod", name, *args), code)


def test_a_pod_does_not_get_the_label(stockade, space):
    plain = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "relay"},
             "spec": {"containers": [{"name": "relay", "image": "registry.example/relay:1"}]}}  # fmt: skip
    stockade.cluster.must("-n", space, "create", "-f", "-", input=plain)
    denied(
        stockade.cluster.kubectl("-n", space, "label", "pod", "relay", f"stockade.dev/gateway={GATEWAY}"),
        "GatewayLabelForged",
    )


CONNECTIONS = {
    "pods/{pod}/exec?command=sh&container=stockade-gateway&stdout=true": "ExecIntoProxy",
    "pods/{pod}/attach?container=stockade-gateway&stdout=true": "ExecIntoProxy",
    "pods/{pod}/portforward?ports=15443": "PortForward",
    "pods/{pod}/proxy/": "ProxySubresource",
    "pods/https:{pod}:15443/proxy/": "ProxySubresource",
    "services/asg-box/proxy/": "ProxySubresource",
    "services/https:asg-box:tls/proxy/": "ProxySubresource",
}


@pytest.mark.parametrize("path", CONNECTIONS)
def test_nobody_enters_a_gateway(stockade, space, operator, path):
    for user in (stockade.cluster, operator, stockade.as_user("system:node:node-1", "system:nodes", "system:masters")):
        target = f"/api/v1/namespaces/{space}/" + path.format(pod=pod_name(stockade.cluster, space))
        denied(user.kubectl("get", "--raw", target), CONNECTIONS[path])
        other = f"/api/v1/namespaces/{space}/" + path.format(pod="web").replace("asg-box", "web")
        assert "ValidatingAdmissionPolicy" not in user.kubectl("get", "--raw", other).stderr


def test_a_pod_is_not_deleted_by_force_while_it_may_run(stockade, space, operator):
    """Gone from the API server, it would have no network policy, though its processes ran on with the credentials."""

    def delete(*args, user=stockade.cluster):
        return user.kubectl("-n", space, "delete", "pod", pod_name(stockade.cluster, space), "--dry-run=server", *args)

    def evict(seconds, user=stockade.cluster):
        name = pod_name(stockade.cluster, space)
        eviction = {
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": space},
            "deleteOptions": {"gracePeriodSeconds": seconds, "dryRun": ["All"]},
        }  # fmt: skip
        path = f"/api/v1/namespaces/{space}/pods/{name}/eviction?dryRun=All"
        return user.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))

    node = stockade.as_user("system:node:node-1", "system:nodes", "system:masters")
    collector = controller(stockade, "pod-garbage-collector")
    for user in (stockade.cluster, operator):
        denied(delete("--force", "--grace-period=0", user=user), "ForcedDeletion")
        denied(evict(0, user), "ForcedDeletion")
    for done in (
        delete(), delete("--grace-period=1"), evict(10), delete("--force", "--grace-period=0", user=node),
        delete("--force", "--grace-period=0", user=collector),
    ):  # fmt: skip
        assert done.returncode == 0, done.stderr


PLUGIN = "system:serviceaccount:lifecycle-system:node-remover"


def test_whom_the_webhooks_configuration_trusts_ends_pods_and_no_more(stockade, space):
    """As the webhook has it: they count as the control plane, which knows when a pod has ended."""
    plugin = stockade.as_user(PLUGIN, "system:masters")
    member = stockade.as_user("someone", "node-removers", "system:masters")
    account = controller(stockade, "cloud-node-remover")
    users = (plugin, member, account, stockade.cluster)
    name = pod_name(stockade.cluster, space)
    eviction = {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": space},
        "deleteOptions": {"gracePeriodSeconds": 0, "dryRun": ["All"]},
    }  # fmt: skip
    path = f"/api/v1/namespaces/{space}/pods/{name}"

    def admitted():
        requests = (
            ("-n", space, "delete", "pod", name, "--force", "--grace-period=0", "--dry-run=server"),
            ("create", "--raw", f"{path}/eviction?dryRun=All", "-f", "-"),
        )
        done = [user.kubectl(*args, input=json.dumps(eviction)) for args in requests for user in users]
        for answer in done:
            assert answer.returncode == 0 or "[ForcedDeletion]" in answer.stderr, answer.stderr
        return [answer.returncode == 0 for answer in done]

    untrusted, trusted = [False, False, True, False] * 2, [True, True, True, False] * 2
    assert admitted() == untrusted
    guards = "webhook.config.guards"
    settings = (f"{guards}.trustedUsers={{{PLUGIN}}}", f"{guards}.trustedGroups={{node-removers}}")
    install_policies(stockade, POLICIES, *settings)
    try:
        eventually(lambda: admitted() == trusted)
        for user in (plugin, member):
            denied(create(user, space, pod(space), "--dry-run=server"), "GatewayLabelForged")
            forged = workload("apps/v1", "Deployment", "relay", {"stockade.dev/gateway": GATEWAY}, RELAY)
            denied(create(user, space, forged, "--dry-run=server"), "GatewayLabelForged")
            denied(user.kubectl("get", "--raw", f"{path}/exec?command=sh&stdout=true"), "ExecIntoProxy")
            denied(user.kubectl("-n", space, "label", "pod", name, "stockade.dev/gateway-"), "GatewayLabelForged")
    finally:
        install_policies(stockade, POLICIES)
        eventually(lambda: admitted() == untrusted)


def test_a_gateway_that_is_deleted_comes_again(stockade, space):
    before = pod_name(stockade.cluster, space)
    stockade.cluster.must("-n", space, "delete", "pod", before, "--wait=false")
    eventually(lambda: pod_name(stockade.cluster, space) not in (None, before), timeout=60)
