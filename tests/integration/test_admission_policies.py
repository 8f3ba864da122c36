"""What the API server judges by itself about the pods of sandboxes and the deny-all, with no webhook registered at all:
the layer that is left when the webhook is away."""

import copy
import json

import pytest

from cluster import eventually
from stockade import ADMISSION_POLICIES, NAMESPACE, OPERATOR_USER, Stockade


@pytest.fixture(scope="module")
def stockade(cluster, tmp_path_factory):
    """The chart's objects without the registrations, and no program of ours."""
    running = Stockade(cluster, tmp_path_factory.mktemp("policies"))
    running.install()
    running.uninstall_webhook()
    try:
        eventually(lambda: running.layers() == {"guards": False, "sandbox-pods": True, "deny-all": True})
        yield running
    finally:
        running.remove(*ADMISSION_POLICIES)
        cluster.must("delete", "namespace", NAMESPACE)


@pytest.fixture(scope="module")
def space(stockade):
    """A namespace for all tests; each has pods of its own."""
    with stockade.cluster.new_namespace("policies") as name:
        yield name


def hardened(sandbox="agent", **labels):
    """A pod as the operator makes it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"asb-{sandbox}", "labels": {"stockade.dev/sandbox": sandbox} | labels},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "dnsPolicy": "None",
            "dnsConfig": {"nameservers": ["127.0.0.1"]},
            "terminationGracePeriodSeconds": 30,
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "initContainers": [container("stockade-proxy") | {"restartPolicy": "Always"}],
            "containers": [container("agent")],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
        },
    }  # fmt: skip


def container(name):
    return {
        "name": name,
        "image": "registry.example/agent:1",
        "securityContext": {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    }  # fmt: skip


def merged(obj, change):
    """A merge patch (RFC 7386); a list of one object is merged into the first element."""
    if isinstance(change, list) and isinstance(obj, list) and len(change) == 1 and isinstance(change[0], dict):
        return [merged(obj[0], change[0])] + obj[1:]
    if not isinstance(change, dict) or not isinstance(obj, dict):
        return change
    result = copy.deepcopy(obj)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key, {}), value)
    return result


def denied(done, code):
    assert done.returncode != 0, done.stdout
    assert "ValidatingAdmissionPolicy 'stockade-" in done.stderr, done.stderr
    assert f"denied request: [{code}] " in done.stderr, done.stderr


def create(cluster, space, obj, *options):
    return cluster.kubectl("-n", space, "create", "-f", "-", *options, input=obj)


# Creation


def in_container(**fields):
    return {"spec": {"containers": [fields]}}


def in_init_container(**fields):
    return {"spec": {"initContainers": [fields]}}


SECURITY = "securityContext"
SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}
# What the operator itself could not create, had somebody taken it over.
ATTACKS = {
    "privileged": ("PrivilegeEscalation", in_container(**{SECURITY: {"privileged": True, "allowPrivilegeEscalation": None}})),
    "escalation": ("PrivilegeEscalation", in_container(**{SECURITY: {"allowPrivilegeEscalation": True}})),
    "escalation unset": ("PrivilegeEscalation", in_container(**{SECURITY: {"allowPrivilegeEscalation": None}})),
    "escalation of an init container": (
        "PrivilegeEscalation", in_init_container(**{SECURITY: {"allowPrivilegeEscalation": None}}),
    ),
    "writable root": ("WritableRootFilesystem", in_container(**{SECURITY: {"readOnlyRootFilesystem": False}})),
    "writable root of an init container": (
        "WritableRootFilesystem", in_init_container(**{SECURITY: {"readOnlyRootFilesystem": None}}),
    ),
    "capability": ("AddedCapability", in_container(**{SECURITY: {"capabilities": {"add": ["NET_RAW"]}}})),
    "capabilities kept": ("AddedCapability", in_container(**{SECURITY: {"capabilities": None}})),
    "capabilities dropped in part": (
        "AddedCapability", in_container(**{SECURITY: {"capabilities": {"drop": ["NET_RAW", "CHOWN"]}}}),
    ),
    "proc": ("ProcMount", {"spec": {"hostUsers": False} | in_container(**{SECURITY: {"procMount": "Unmasked"}})["spec"]}),
    "root": ("RootUser", in_container(**{SECURITY: {"runAsUser": 0}})),
    "root of an init container": ("RootUser", in_init_container(**{SECURITY: {"runAsNonRoot": False}})),
    "root of the pod": ("RootUser", {"spec": {SECURITY: {"runAsUser": None}}}),
    "no security context": ("RootUser", {"spec": {SECURITY: None}}),
    "seccomp": ("UnconfinedSeccomp", {"spec": {SECURITY: {"seccompProfile": {"type": "Unconfined"}}}}),
    "seccomp of a container": ("UnconfinedSeccomp", in_container(**{SECURITY: {"seccompProfile": {"type": "Unconfined"}}})),
    "sysctl": ("UnsafeSysctl", {"spec": {SECURITY: {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}}),
    "host network": ("HostNamespace", {"spec": {"hostNetwork": True}}),
    "host PID": ("HostNamespace", {"spec": {"hostPID": True}}),
    "host IPC": ("HostNamespace", {"spec": {"hostIPC": True}}),
    "shared processes": ("HostNamespace", {"spec": {"shareProcessNamespace": True}}),
    "host port": ("HostPort", in_container(ports=[{"containerPort": 80, "hostPort": 80}])),
    "token": ("ServiceAccountToken", {"spec": {"automountServiceAccountToken": True}}),
    "token unset": ("ServiceAccountToken", {"spec": {"automountServiceAccountToken": None}}),
    "service links": ("ServiceLinks", {"spec": {"enableServiceLinks": True}}),
    "DNS": ("DNSOverride", {"spec": {"dnsPolicy": "ClusterFirst"}}),
    "grace": ("GracePeriod", {"spec": {"terminationGracePeriodSeconds": 3600}}),
    "no grace": ("GracePeriod", {"spec": {"terminationGracePeriodSeconds": 0}}),
    "node": ("NodeNameSet", {"spec": {"nodeName": "node-1"}}),
    "host path": ("VolumeType", {"spec": {"volumes": [{"emptyDir": None, "hostPath": {"path": "/"}}]}}),
    "Secret volume": ("VolumeType", {"spec": {"volumes": [{"emptyDir": None, "secret": {"secretName": "s"}}]}}),
    "CSI volume": ("VolumeType", {"spec": {"volumes": [{"emptyDir": None, "csi": {"driver": "d.example"}}]}}),
    "projected Secret": (
        "SecretInAgent",
        {"spec": {"volumes": [{"emptyDir": None, "projected": {"sources": [{"secret": {"name": "s"}}]}}]}},
    ),
    "projected token": (
        "SecretInAgent",
        {"spec": {"serviceAccountName": "default", "volumes": [
            {"emptyDir": None, "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}},
    ),
    "Secret in a variable": ("SecretInAgent", in_container(env=[{"name": "A", "valueFrom": SECRET}])),
    "Secret in variables": ("SecretInAgent", in_init_container(envFrom=[{"secretRef": {"name": "s"}}])),
    "operator's container among the agent's": ("ReservedName", in_container(name="stockade-other")),
    "another name": ("ForgedSandboxPod", {"metadata": {"name": "agent"}}),
    "generated name": ("ForgedSandboxPod", {"metadata": {"name": None, "generateName": "asb-agent"}}),
    "empty label": ("ForgedSandboxPod", {"metadata": {"labels": {"stockade.dev/sandbox": ""}}}),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_operator_creates_nothing_but_hardened_pods(stockade, space, attack):
    code, change = ATTACKS[attack]
    denied(create(stockade.as_operator(), space, merged(hardened(), change), "--dry-run=server"), code)


def test_operator_creates_hardened_pods(stockade, space):
    done = create(stockade.as_operator(), space, hardened(), "--dry-run=server")
    assert done.returncode == 0, done.stderr


def test_large_pods_are_within_the_cost_that_expressions_may_have(stockade, space):
    pod = hardened()
    pod["spec"]["containers"] = [
        container(f"agent-{i}") | {
            "env": [{"name": f"VARIABLE_{j}", "value": "v" * 50} for j in range(200)],
            "ports": [{"containerPort": 1000 + i * 20 + j} for j in range(20)],
        }
        for i in range(40)
    ]  # fmt: skip
    pod["spec"]["volumes"] = [{"name": f"volume-{i}", "emptyDir": {}} for i in range(200)]
    done = create(stockade.as_operator(), space, pod, "--dry-run=server")
    assert done.returncode == 0, done.stderr


FORGERS = {
    "an administrator": ("kubernetes-admin",),
    "the operator of another namespace": ("system:serviceaccount:evil:stockade-operator",),
    "an account that begins like the operator": (f"{OPERATOR_USER}2",),
    "another account of its namespace": (f"system:serviceaccount:{NAMESPACE}:stockade-webhook",),
    "the operator in capitals": (OPERATOR_USER.upper(),),
    "a controller": ("system:serviceaccount:kube-system:replicaset-controller",),
    "a node": ("system:node:node-1", "system:nodes", "system:masters"),
}


@pytest.mark.parametrize("forger", FORGERS)
def test_nobody_else_creates_pods_with_the_label(stockade, space, forger):
    user = stockade.as_user(*FORGERS[forger])
    denied(create(user, space, hardened(), "--dry-run=server"), "ForgedSandboxPod")
    denied(create(user, space, hardened()), "ForgedSandboxPod")
    generated = merged(hardened(), {"metadata": {"name": None, "generateName": "x-"}})
    denied(create(user, space, generated), "ForgedSandboxPod")


def test_workloads_create_no_pods_with_the_label(stockade, space):
    template = {"metadata": {"labels": {"stockade.dev/sandbox": "forged"}}, "spec": hardened()["spec"]}
    stockade.cluster.must("-n", space, "create", "-f", "-", input={
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "forged"},
        "spec": {"selector": {"matchLabels": {"stockade.dev/sandbox": "forged"}}, "template": template},
    })  # fmt: skip

    def has_failed():
        found = stockade.cluster.get("-n", space, "replicaset", "forged")
        return [c for c in found.get("status", {}).get("conditions", []) if "[ForgedSandboxPod]" in c["message"]]

    eventually(has_failed)
    stockade.cluster.must("-n", space, "delete", "replicaset", "forged")


# Updates


@pytest.fixture
def pod(stockade, space):
    """kubectl with a running pod asb-agent of the operator's."""
    create(stockade.as_operator(), space, hardened())
    stockade.cluster.must("-n", space, "wait", "pod", "asb-agent", "--for=condition=Ready", "--timeout=30s")
    yield lambda *args, user=stockade.cluster, **options: user.kubectl("-n", space, *args, **options)
    stockade.cluster.must("-n", space, "delete", "pod", "asb-agent", "--grace-period=1")


UPDATES = {
    "label taken off": ("SandboxLabelChanged", ("label", "pod", "asb-agent", "stockade.dev/sandbox-")),
    "label changed": ("SandboxLabelChanged", ("label", "pod", "asb-agent", "--overwrite", "stockade.dev/sandbox=other")),
    "label emptied": ("SandboxLabelChanged", ("label", "pod", "asb-agent", "--overwrite", "stockade.dev/sandbox=")),
    "label taken off by way of the status": (
        "SandboxLabelChanged",
        ("patch", "pod", "asb-agent", "--subresource=status", "--type=merge", "-p",
         '{"metadata": {"labels": {"stockade.dev/sandbox": null}}}'),
    ),
    "all labels taken off": (
        "SandboxLabelChanged",
        ("patch", "pod", "asb-agent", "--type=merge", "-p", '{"metadata": {"labels": null}}'),
    ),
    "image": ("ManagedObjectChanged", ("set", "image", "pod/asb-agent", "agent=registry.example/evil:1")),
    "image of an init container": (
        "ManagedObjectChanged", ("set", "image", "pod/asb-agent", "stockade-proxy=registry.example/evil:1"),
    ),
    "deadline": (
        "ManagedObjectChanged",
        ("patch", "pod", "asb-agent", "--type=merge", "-p", '{"spec": {"activeDeadlineSeconds": 3600}}'),
    ),
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
}  # fmt: skip


def test_pods_stay_as_they_are(stockade, pod):
    before = json.loads(pod("get", "pod", "asb-agent", "-o", "json").stdout)
    for name, (code, args) in UPDATES.items():
        for user in (stockade.cluster, stockade.as_operator()):
            if user is not stockade.cluster and ("--subresource" in " ".join(args) or "=other" in args[-1]):
                continue  # the operator has no rights on subresources, and may put a label right
            done = pod(*args, user=user)
            assert done.returncode != 0, name
            denied(done, code)
    after = json.loads(pod("get", "pod", "asb-agent", "-o", "json").stdout)
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert after["spec"] == before["spec"]


def test_what_pods_need_goes_on(stockade, space, pod):
    for args in (
        ("annotate", "pod", "asb-agent", "note=x"),
        ("label", "pod", "asb-agent", "team=blue"),
        ("patch", "pod", "asb-agent", "--type=merge", "-p", '{"metadata": {"finalizers": ["example.com/x"]}}'),
        ("patch", "pod", "asb-agent", "--type=merge", "-p", '{"metadata": {"finalizers": null}}'),
    ):
        done = pod(*args)
        assert done.returncode == 0, done.stderr
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "asb-agent", "namespace": space}}
    path = f"/api/v1/namespaces/{space}/pods/asb-agent/eviction"
    done = pod("create", "--raw", path, "-f", "-", input=json.dumps(eviction))
    assert done.returncode == 0, done.stderr
    eventually(lambda: pod("get", "pod", "asb-agent", "--ignore-not-found").stdout == "")
    create(stockade.as_operator(), space, hardened())


def test_only_the_operator_gives_a_pod_the_label(stockade, space):
    plain = merged(hardened("lost"), {"metadata": {"labels": {"stockade.dev/sandbox": None}}})
    stockade.cluster.must("-n", space, "create", "-f", "-", input=plain)
    args = ("-n", space, "label", "pod", "asb-lost", "stockade.dev/sandbox=lost")
    denied(stockade.cluster.kubectl(*args), "SandboxLabelChanged")
    stockade.as_operator().must(*args)
    stockade.cluster.must("-n", space, "delete", "pod", "asb-lost", "--grace-period=1")


# The deny-all


DENY_ALL = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {
        "name": "stockade-deny-all",
        "labels": {"app.kubernetes.io/managed-by": "stockade"},
        "finalizers": ["stockade.dev/pods-gone"],
    },
    "spec": {
        "podSelector": {"matchExpressions": [{"key": "stockade.dev/sandbox", "operator": "Exists"}]},
        "policyTypes": ["Ingress", "Egress"],
    },
}


def test_deny_all_stays_shut(stockade, space):
    def kubectl(*args, user=stockade.cluster, **options):
        return user.kubectl("-n", space, *args, **options)

    denied(kubectl("create", "-f", "-", input=DENY_ALL), "ManagedObjectChanged")
    assert kubectl("create", "-f", "-", input=DENY_ALL, user=stockade.as_operator()).returncode == 0
    name = ("networkpolicy", "stockade-deny-all")
    for patch in ({"spec": {"egress": [{}]}}, {"spec": {"podSelector": None}}, {"metadata": {"finalizers": None}}):
        denied(kubectl("patch", *name, "--type=merge", "-p", json.dumps(patch)), "ManagedObjectChanged")
    denied(kubectl("delete", *name, "--wait=false"), "ManagedObjectChanged")
    denied(kubectl("delete", "networkpolicy", "--all", "--wait=false"), "ManagedObjectChanged")
    assert kubectl("annotate", *name, "note=x").returncode == 0
    assert kubectl("delete", *name, "--wait=false", user=stockade.as_operator()).returncode == 0
    denied(kubectl("patch", *name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}'), "ManagedObjectChanged")
    released = kubectl(
        "patch", *name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}', user=stockade.as_operator()
    )
    # The operator updates as a whole and has no right to patch.
    assert released.returncode != 0 and "cannot patch resource" in released.stderr, released.stderr
    live = json.loads(kubectl("get", *name, "-o", "json").stdout)
    live["metadata"]["finalizers"] = []
    assert kubectl("replace", "-f", "-", input=live, user=stockade.as_operator()).returncode == 0
    eventually(lambda: kubectl("get", *name, "--ignore-not-found").stdout == "")


def test_namespace_with_a_deny_all_ends(stockade):
    with stockade.cluster.new_namespace("ending") as name:
        policy = merged(DENY_ALL, {"metadata": {"finalizers": None}})
        stockade.as_operator().must("-n", name, "create", "-f", "-", input=policy)
        stockade.as_operator().must("-n", name, "create", "-f", "-", input=hardened())
        stockade.cluster.must("delete", "namespace", name, "--timeout=60s", timeout=90)


# The policies themselves


def test_expressions_are_of_the_right_types(stockade):
    def checked():
        found = stockade.cluster.get("validatingadmissionpolicy", "stockade-sandbox-pods", "stockade-deny-all")["items"]
        return found if all("typeChecking" in policy.get("status", {}) for policy in found) else None

    for policy in eventually(checked):
        assert policy["status"]["typeChecking"].get("expressionWarnings", []) == []
