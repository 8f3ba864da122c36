"""What the API server judges by itself about the pods of sandboxes and the deny-all, with no webhook registered at all:
the layer that is left when the webhook is away."""

import contextlib
import json

import pytest

from api_client import PODS, ApiClient
from cluster import eventually
from hardened_pods import HARDENED_PODS_DENIED, container, hardened, merged
from stockade import NAMESPACE, OPERATOR_USER, POLICIES, install_policies, policies_alone, sandbox


@pytest.fixture(scope="module")
def stockade(cluster, tmp_path_factory):
    with policies_alone(cluster, tmp_path_factory.mktemp("policies")) as running:
        yield running


@pytest.fixture(scope="module")
def space(stockade):
    """A namespace for all tests; each has pods of its own."""
    with stockade.cluster.new_namespace("policies") as name:
        yield name


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
    "privileged": (
        "PrivilegedContainer", in_container(**{SECURITY: {"privileged": True, "allowPrivilegeEscalation": None}}),
    ),
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
    "proc": (
        "ProcMount", {"spec": {"hostUsers": False} | in_container(**{SECURITY: {"procMount": "Unmasked"}})["spec"]},
    ),
    "root": ("RootUser", in_container(**{SECURITY: {"runAsUser": 0}})),
    "root of an init container": ("RootUser", in_init_container(**{SECURITY: {"runAsNonRoot": False}})),
    "root of the pod": ("RootUser", {"spec": {SECURITY: {"runAsUser": None}}}),
    "no security context": ("RootUser", {"spec": {SECURITY: None}}),
    "seccomp": ("UnconfinedSeccomp", {"spec": {SECURITY: {"seccompProfile": {"type": "Unconfined"}}}}),
    "seccomp without a name": (
        "UnconfinedSeccomp",
        {"spec": {SECURITY: {"seccompProfile": {"type": "Localhost", "localhostProfile": "unconfined"}}}},
    ),
    "seccomp of a container": (
        "UnconfinedSeccomp", in_container(**{SECURITY: {"seccompProfile": {"type": "Unconfined"}}}),
    ),
    "sysctl": ("UnsafeSysctl", {"spec": {SECURITY: {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}}),
    "host network": ("HostNamespace", {"spec": {"hostNetwork": True}}),
    "host PID": ("HostNamespace", {"spec": {"hostPID": True}}),
    "host IPC": ("HostNamespace", {"spec": {"hostIPC": True}}),
    "shared processes": ("SharedProcessNamespace", {"spec": {"shareProcessNamespace": True}}),
    "host port": ("HostPort", in_container(ports=[{"containerPort": 80, "hostPort": 80}])),
    "token": ("ServiceAccountToken", {"spec": {"automountServiceAccountToken": True}}),
    "token unset": ("ServiceAccountToken", {"spec": {"automountServiceAccountToken": None}}),
    "service links": ("ServiceLinks", {"spec": {"enableServiceLinks": True}}),
    "DNS": ("DNSOverride", {"spec": {"dnsPolicy": "ClusterFirst"}}),
    "grace": ("GracePeriod", {"spec": {"terminationGracePeriodSeconds": 3600}}),
    "no grace": ("GracePeriod", {"spec": {"terminationGracePeriodSeconds": 0}}),
    "node": ("NodeNameSet", {"spec": {"nodeName": "node-1"}}),
    "host path": ("HostPathVolume", {"spec": {"volumes": [{"emptyDir": None, "hostPath": {"path": "/"}}]}}),
    "Secret volume": ("SecretInAgent", {"spec": {"volumes": [{"emptyDir": None, "secret": {"secretName": "s"}}]}}),
    "CSI volume": ("VolumeType", {"spec": {"volumes": [{"emptyDir": None, "csi": {"driver": "d.example"}}]}}),
    "projected Secret": (
        "SecretInAgent",
        {"spec": {"volumes": [{"emptyDir": None, "projected": {"sources": [{"secret": {"name": "s"}}]}}]}},
    ),
    "projected token": (
        "ServiceAccountToken",
        {"spec": {"serviceAccountName": "default", "volumes": [
            {"emptyDir": None, "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}},
    ),
    "Secret in a variable": ("SecretInAgent", in_container(env=[{"name": "A", "valueFrom": SECRET}])),
    "Secret in variables": ("SecretInAgent", in_init_container(envFrom=[{"secretRef": {"name": "s"}}])),
    "operator's container among the agent's": ("ForgedSandboxPod", in_container(name="stockade-other")),
    "group": ("RootGroup", {"spec": {SECURITY: {"runAsGroup": 0}}}),
    "group of files": ("RootGroup", {"spec": {SECURITY: {"fsGroup": 0}}}),
    "group of a container": ("RootGroup", in_container(**{SECURITY: {"runAsGroup": 0}})),
    "no group": ("RootGroup", {"spec": {SECURITY: {"fsGroup": None}}}),
    "supplemental group 0": ("SupplementalRoot", {"spec": {SECURITY: {"supplementalGroups": [0]}}}),
    "user of the system": ("SystemAccount", in_init_container(**{SECURITY: {"runAsUser": 999}})),
    "group of the system": ("SystemAccount", {"spec": {SECURITY: {"supplementalGroups": [999]}}}),
    "AppArmor": ("UnconfinedAppArmor", {"spec": {SECURITY: {"appArmorProfile": {"type": "Unconfined"}}}}),
    "AppArmor of an init container": (
        "UnconfinedAppArmor", in_init_container(**{SECURITY: {"appArmorProfile": {"type": "Unconfined"}}}),
    ),
    "AppArmor by an annotation": (
        "PodMetadata",
        {"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/agent": "unconfined"}}},
    ),
    "SELinux": ("SELinuxOptions", {"spec": {SECURITY: {"seLinuxOptions": {"type": "spc_t"}}}}),
    "SELinux user": ("SELinuxOptions", {"spec": {SECURITY: {"seLinuxOptions": {"user": "system_u"}}}}),
    "SELinux role": ("SELinuxOptions", in_container(**{SECURITY: {"seLinuxOptions": {"role": "sysadm_r"}}})),
    "SELinux of an init container": (
        "SELinuxOptions", in_init_container(**{SECURITY: {"seLinuxOptions": {"type": "spc_t"}}}),
    ),
    "sysctl with a plus": (
        "UnsafeSysctl", {"spec": {SECURITY: {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1+a"}]}}},
    ),
    "Windows": ("WindowsPod", in_container(**{SECURITY: {"windowsOptions": {"hostProcess": False}}})),
    "user namespace of the node": ("UserNamespaceConflict", {"spec": {"hostUsers": True}}),
    "name server": ("DNSOverride", {"spec": {"dnsConfig": {"nameservers": ["192.0.2.53"]}}}),
    "search domain": ("DNSOverride", {"spec": {"dnsConfig": {"searches": ["evil.example"]}}}),
    "host aliases": ("HostAliases", {"spec": {"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["a.example"]}]}}),
    "service account": ("ServiceAccountName", {"spec": {"serviceAccountName": "builder"}}),
    "pull secret without a name": ("ImagePullSecret", {"spec": {"imagePullSecrets": [{}]}}),
    "grace of a probe": (
        "GracePeriod",
        in_container(livenessProbe={"exec": {"command": ["true"]}, "terminationGracePeriodSeconds": 61}),
    ),
    **{
        f"host of {field}, {kind}": ("Probe", in_container(**{field: {kind: {"host": "127.0.0.1", "port": 80}}}))
        for field in ("livenessProbe", "readinessProbe", "startupProbe") for kind in ("httpGet", "tcpSocket")
    },
    **{
        f"host of {event}, {kind}": (
            "LifecycleHandler", in_container(lifecycle={event: {kind: {"host": "127.0.0.1", "port": 80}}}),
        )
        for event in ("postStart", "preStop") for kind in ("httpGet", "tcpSocket")
    },
    "host address of a port": ("HostPort", in_container(ports=[{"containerPort": 80, "hostIP": "192.0.2.1"}])),
    "port of the proxy": ("ReservedPort", in_container(ports=[{"containerPort": 3128}])),
    "termination message": ("TerminationMessagePath", in_container(terminationMessagePath="/etc/passwd")),
    "working directory": ("UnsafeWorkingDir", in_container(workingDir="/workspace/../proc/self/fd/8")),
    "restart rule": (
        "RestartPolicy",
        in_container(restartPolicy="Never", restartPolicyRules=[
            {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [1]}}]),
    ),
    "dynamic linker": ("DynamicLinkerEnv", in_container(env=[{"name": "ld_PRELOAD", "value": "/tmp/x.so"}])),
    "dynamic linker by a ConfigMap": ("DynamicLinkerEnv", in_container(envFrom=[{"configMapRef": {"name": "c"}}])),
    "image": ("ImageReference", in_container(image="a" * 64)),
    "image of a volume": ("ImageReference", {"spec": {"volumes": [{"emptyDir": None, "image": {"reference": "A B"}}]}}),
    **{
        f"mount at {path}": ("SensitiveMountPath", in_container(volumeMounts=[{"name": "tmp", "mountPath": path}]))
        for path in ("/", "/etc", "//proc/", "/run/../etc/./hosts", "/home/agent/.ssh", "/certificates/a.PEM")
    },
    "mount propagation": (
        "MountPropagation",
        in_container(volumeMounts=[{"name": "tmp", "mountPath": "/a", "mountPropagation": "HostToContainer"}]),
    ),
    "block device": (
        "BlockDevice",
        {"spec": {"volumes": [{"emptyDir": None, "persistentVolumeClaim": {"claimName": "disk"}}]} | in_container(
            volumeDevices=[{"name": "tmp", "devicePath": "/dev/xvda"}])["spec"]},
    ),
    "claim of another sandbox": (
        "ForeignClaim",
        {"spec": {"volumes": [{"emptyDir": None, "persistentVolumeClaim": {"claimName": "asb-other-data"}}]}},
    ),
    **{
        f"ephemeral claim with {', '.join(fields)}": (code, {"spec": {"volumes": [{"emptyDir": None, "ephemeral": {
            "volumeClaimTemplate": {"spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}} | fields}}}]}})
        for code, fields in (
            ("BlockDevice", {"volumeMode": "Block"}),
            ("ForeignClaim", {"volumeName": "pv-1"}),
            ("ForeignClaim", {"selector": {"matchLabels": {"a": "b"}}}),
            ("ForeignClaim", {"dataSource": {"kind": "PersistentVolumeClaim", "name": "asb-other-data"}}),
            ("ResourceLimit", {"resources": {"requests": {"storage": "17Pi"}}}),
        )
    },
    "annotation of gVisor": ("PodMetadata", {"metadata": {"annotations": {"dev.gvisor.flag.debug": "true"}}}),
    "annotation of an injector": ("PodMetadata", {"metadata": {"annotations": {"sidecar.istio.io/inject": "true"}}}),
    "label of an injector": ("PodMetadata", {"metadata": {"labels": {"linkerd.io/inject": "enabled"}}}),
    "no limits": ("ResourceLimit", in_container(resources=None)),
    "limit of zero": ("ResourceLimit", in_container(resources={"requests": None, "limits": {"cpu": "0"}})),
    "absurd limit": ("ResourceLimit", in_container(resources={"limits": {"memory": "65Ti"}})),
    "absurd size": ("ResourceLimit", {"spec": {"volumes": [{"emptyDir": {"sizeLimit": "17Pi"}}]}}),
    "device": ("ExtendedResource", in_container(resources={"limits": {"nvidia.com/gpu": "1"}})),
    "huge pages": ("ExtendedResource", in_container(resources={"limits": {"hugepages-2Mi": "2Mi"}})),
    "device by a claim": (
        "ResourceClaims", {"spec": {"resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}]}},
    ),
    "system's priority": ("PriorityEscalation", {"spec": {"priorityClassName": "system-node-critical"}}),
    "scheduler": ("SchedulingBypass", {"spec": {"schedulerName": "mine"}}),
    "deadline": ("SchedulingBypass", {"spec": {"activeDeadlineSeconds": 60}}),
    "scheduling gate": ("SchedulingBypass", {"spec": {"schedulingGates": [{"name": "example.com/gate"}]}}),
    "readiness gate": ("SchedulingBypass", {"spec": {"readinessGates": [{"conditionType": "example.com/gate"}]}}),
    "all taints": ("SchedulingBypass", {"spec": {"tolerations": [{"operator": "Exists"}]}}),
    "control plane's taint": (
        "SchedulingBypass",
        {"spec": {"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}},
    ),
    "one node": ("SchedulingBypass", {"spec": {"nodeSelector": {"kubernetes.io/hostname": "node-1"}}}),
    "one node by affinity": (
        "SchedulingBypass",
        {"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}]}}}}},
    ),
    "control plane by affinity": (
        "SchedulingBypass",
        {"spec": {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "preference": {"matchExpressions": [
                {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}}]}}}},
    ),
    "node of another pod": (
        "SchedulingBypass",
        {"spec": {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}]}}}},
    ),
    "pods of other namespaces": (
        "SchedulingBypass",
        {"spec": {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "podAffinityTerm": {"topologyKey": "zone", "namespaceSelector": {}}}]}}}},
    ),
    "another name": ("ForgedSandboxPod", {"metadata": {"name": "agent"}}),
    "generated name": ("ForgedSandboxPod", {"metadata": {"name": None, "generateName": "asb-agent"}}),
    "empty label": ("ForgedSandboxPod", {"metadata": {"labels": {"stockade.dev/sandbox": ""}}}),
}  # fmt: skip


@pytest.fixture(scope="module")
def operator(stockade):
    with contextlib.closing(ApiClient(stockade.directory / "operator.kubeconfig")) as client:
        yield client


@pytest.mark.parametrize("attack", ATTACKS)
def test_operator_creates_nothing_but_hardened_pods(operator, space, attack):
    code, change = ATTACKS[attack]
    answer = operator.create(PODS.format(namespace=space), merged(hardened(), change))
    assert f"{HARDENED_PODS_DENIED}[{code}] " in answer.message, answer


def test_operator_creates_hardened_pods(stockade, space):
    done = create(stockade.as_operator(), space, hardened(), "--dry-run=server")
    assert done.returncode == 0, done.stderr


def test_what_is_allowed_follows_the_operators_configuration(stockade, operator, space):
    def admits(change):
        return operator.create(PODS.format(namespace=space), merged(hardened(), change)).admitted

    by_default = {"metadata": {"annotations": {"helm.sh/chart": "a"}}}
    by_suffix = {"metadata": {"annotations": {"a.example.com/b": "c"}}}
    by_name = {"spec": {"runtimeClassName": "gvisor"}}
    assert [admits(change) for change in ({}, by_name, by_default, by_suffix)] == [True, True, True, False]
    tiers = [f"operator.config.runtimeClasses.{tier}=gvisor" for tier in ("Container", "GVisor")]
    install_policies(stockade, ["stockade-hardened-pods"], *tiers, "operator.config.policy.allowedMetadataPrefixes={*.example.com}")
    try:
        eventually(lambda: admits(merged(by_name, by_suffix)))
        # No tier is without a RuntimeClass any more, and the list takes the place of the default.
        assert not admits({}) and not admits(merged(by_name, by_default))
        assert not admits(merged(by_name, {"metadata": {"annotations": {"example.com/b": "c"}}}))
    finally:
        install_policies(stockade, ["stockade-hardened-pods"])
        eventually(lambda: admits({}))


def test_large_pods_are_within_the_cost_that_expressions_may_have(stockade, space):
    pod = hardened()
    pod["spec"]["containers"] = [
        container(f"agent-{i}") | {
            "env": [{"name": f"VARIABLE_{j}", "value": "v" * 50} for j in range(200)],
            "ports": [{"containerPort": 1000 + i * 20 + j} for j in range(20)],
            "volumeMounts": [{"name": "volume-0", "mountPath": f"/workspace/directory-{j}"} for j in range(32)],
        }
        for i in range(40)
    ]  # fmt: skip
    pod["spec"]["volumes"] = [{"name": f"volume-{i}", "emptyDir": {}} for i in range(200)]
    pod["metadata"]["annotations"] = {f"app.kubernetes.io/note-{i}": "v" * 50 for i in range(200)}
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


def owner(name, **changes):
    return {
        "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox", "name": name, "controller": True,
        "uid": "6f0c6c5e-9e1f-4b8e-8f43-0d9b6a1f5d11",
    } | changes  # fmt: skip


def unlabelled(name, **metadata):
    return merged(hardened(name), {"metadata": {"labels": {"stockade.dev/sandbox": None}} | metadata})


def test_no_pod_of_a_sandbox_begins_without_the_label(stockade, space):
    owned = unlabelled("lost", ownerReferences=[owner("lost")])
    for user in (stockade.cluster, stockade.as_operator()):
        denied(create(user, space, owned), "ForgedSandboxPod")
    denied(create(stockade.as_operator(), space, unlabelled("lost")), "ForgedSandboxPod")
    denied(create(stockade.as_operator(), space, merged(unlabelled("lost"), {"metadata": {"name": "plain"}})),
           "ForgedSandboxPod")  # fmt: skip
    for other in (owner("lost", controller=False), owner("lost", apiVersion="example.com/v1")):
        done = create(stockade.cluster, space, unlabelled("lost", ownerReferences=[other]), "--dry-run=server")
        assert done.returncode == 0, done.stderr


def test_no_other_pod_becomes_a_sandboxs(stockade, space):
    stockade.cluster.must("-n", space, "create", "-f", "-", input=unlabelled("lost"))
    label = ("-n", space, "label", "pod", "asb-lost", "stockade.dev/sandbox=lost")
    patch = json.dumps({"metadata": {"ownerReferences": [owner("lost")]}})
    adopt = ("-n", space, "patch", "pod", "asb-lost", "--type=merge", "-p", patch)
    for user in (stockade.cluster, stockade.as_operator()):
        denied(user.kubectl(*label), "SandboxLabelChanged")
        denied(user.kubectl(*adopt), "ManagedObjectChanged")
    stockade.cluster.must("-n", space, "delete", "pod", "asb-lost", "--grace-period=1")


def test_bindings_give_pods_no_keys_of_ours(stockade, space):
    cluster = stockade.cluster
    plain = merged(unlabelled("lost"), {"metadata": {"name": "plain"}, "spec": {"nodeSelector": {"none": "x"}}})
    cluster.must("-n", space, "create", "-f", "-", input=plain)
    uri = f"/api/v1/namespaces/{space}/"

    def bind(path, name, **metadata):
        binding = {
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": space} | metadata,
            "target": {"apiVersion": "v1", "kind": "Node", "name": "node-1"},
        }  # fmt: skip
        return cluster.kubectl("create", "--raw", uri + path, "-f", "-", input=json.dumps(binding))

    for path in ("pods/plain/binding", "bindings"):
        denied(bind(path, "plain", labels={"stockade.dev/sandbox": "lost"}), "SandboxLabelChanged")
        denied(bind(path, "plain", labels={"stockade.dev/gateway": "asg-lost"}), "GatewayLabelForged")
        denied(bind(path, "plain", annotations={"stockade.dev/issued": "x"}), "SandboxLabelChanged")
    denied(bind("pods/asb-lost/binding", "asb-lost"), "ManagedObjectChanged")
    denied(bind("bindings", "asg-lost"), "ManagedObjectChanged")
    done = bind("pods/plain/binding", "plain", labels={"zone": "a"})
    assert done.returncode == 0, done.stderr
    cluster.must("-n", space, "delete", "pod", "plain", "--grace-period=1")


def test_the_operator_puts_a_lost_label_back(stockade, space):
    cluster = stockade.cluster
    names = ("sandbox-pods", "owned-pods", "hardened-pods")

    def in_effect():
        found = stockade.layers()
        return [name for name in names if found[name]]

    # Pods that lost it while nobody guarded them.
    stockade.remove(*(f"validatingadmissionpolicybinding/stockade-{name}" for name in names))
    eventually(lambda: not in_effect())
    cluster.must("-n", space, "create", "-f", "-", input=sandbox("lost"))
    uid = cluster.get("-n", space, "agentsandbox", "lost")["metadata"]["uid"]
    for name in ("lost", "stray"):
        owners = [owner("lost", uid=uid)]  # one that there is, for the garbage collector
        cluster.must("-n", space, "create", "-f", "-", input=unlabelled(name, ownerReferences=owners))
    stockade.install_webhook()
    stockade.uninstall_webhook()
    eventually(lambda: len(in_effect()) == len(names))
    label = ("-n", space, "label", "pod", "--overwrite")
    denied(cluster.kubectl(*label, "asb-lost", "stockade.dev/sandbox=lost"), "SandboxLabelChanged")
    operator = stockade.as_operator()
    denied(operator.kubectl(*label, "asb-lost", "stockade.dev/sandbox=stray"), "SandboxLabelChanged")
    denied(operator.kubectl(*label, "asb-stray", "stockade.dev/sandbox=stray"), "SandboxLabelChanged")
    denied(operator.kubectl(*label, "asb-stray", "stockade.dev/sandbox=lost"), "SandboxLabelChanged")
    operator.must(*label, "asb-lost", "stockade.dev/sandbox=lost")
    denied(operator.kubectl(*label, "asb-lost", "stockade.dev/sandbox=stray"), "SandboxLabelChanged")
    cluster.must("-n", space, "delete", "agentsandbox", "lost")
    eventually(lambda: cluster.kubectl("-n", space, "get", "pods", "-o", "name").stdout == "")


KEYS = {
    "dev.gvisor.internal.x": False,
    "dev.gvisor.flag.net": False,
    "io.katacontainers.config.x": False,
    "k8s.v1.cni.cncf.io/networks": False,
    "example.com/x": False,
    "x.crio.io": False,
    "note": True,
    "prometheus.io/scrape": True,
    "stockade.dev/note": True,
}


@pytest.mark.parametrize("verb", ("annotate", "label"))
def test_keys_that_are_refused_at_creation_are_refused_later(stockade, pod, verb):
    for key, allowed in KEYS.items():
        for user in (stockade.cluster, stockade.as_operator()):
            done = pod(verb, "pod", "asb-agent", f"{key}=x", "--dry-run=server", user=user)
            if allowed:
                assert done.returncode == 0, (key, done.stderr)
            else:
                denied(done, "PodMetadata")
    patch = json.dumps({"metadata": {"annotations": {"dev.gvisor.flag.net": "host"}}})
    denied(pod("patch", "pod", "asb-agent", "--subresource=status", "--type=merge", "-p", patch), "PodMetadata")


def test_keys_are_of_those_whom_the_webhooks_configuration_trusts(stockade, pod):
    plugin = stockade.as_user("system:serviceaccount:calico-system:cni", "system:masters")
    member = stockade.as_user("someone", "network-plugins", "system:masters")

    def admitted():
        args = ("annotate", "pod", "asb-agent", "cni.projectcalico.org/podIP=x", "--dry-run=server")
        return [pod(*args, user=user).returncode == 0 for user in (plugin, member, stockade.cluster)]

    assert admitted() == [False, False, False]
    trusted = "webhook.config.guards"
    install_policies(
        stockade, ["stockade-sandbox-pods"],
        f"{trusted}.trustedUsers={{system:serviceaccount:calico-system:cni}}",
        f"{trusted}.trustedGroups={{network-plugins}}",
    )  # fmt: skip
    try:
        eventually(lambda: admitted() == [True, True, False])
    finally:
        install_policies(stockade, ["stockade-sandbox-pods"])
        eventually(lambda: admitted() == [False, False, False])


def test_keys_of_network_plugins_are_theirs(stockade, space, pod):
    key = "k8s.v1.cni.cncf.io/networks"
    for user in (("system:node:node-1", "system:nodes", "system:masters"),
                 ("system:serviceaccount:kube-system:multus", "system:masters")):  # fmt: skip
        done = pod("annotate", "pod", "asb-agent", "--overwrite", f"{key}={user[0]}", user=stockade.as_user(*user))
        assert done.returncode == 0, done.stderr
    # What is there may stay, and be taken off, but not be changed.
    assert pod("annotate", "pod", "asb-agent", "note=x").returncode == 0
    denied(pod("annotate", "pod", "asb-agent", "--overwrite", f"{key}=other"), "PodMetadata")
    assert pod("annotate", "pod", "asb-agent", f"{key}-").returncode == 0


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
        names = [f"stockade-{policy}" for policy in POLICIES]
        found = stockade.cluster.get("validatingadmissionpolicy", *names)["items"]
        return found if all("typeChecking" in policy.get("status", {}) for policy in found) else None

    for policy in eventually(checked):
        assert policy["status"]["typeChecking"].get("expressionWarnings", []) == []
