"""The form of sandboxes' pods by two judges: the admission policy that the API server evaluates by itself, and the
webhook's guard of rendered pods. What the policy refuses the guard refuses for the same rule; what only the guard
refuses stands in a table with its reason."""

import contextlib
import copy
import json

import pytest
import yaml

from admission import codes_of
from api_client import PODS, ApiClient
from cluster import ROOT, eventually
from hardened_pods import HARDENED_PODS_DENIED, hardened, merged, pod_of
from pod_fixtures import fixtures
from stockade import OPERATOR_USER, POLICIES
from test_floor import FILES, in_corpus
from test_pod_security import CODES

# What pods of the corpus name: without it the API server would refuse them before anybody is asked.
CLASSES = [
    {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "agents"}, "value": 1000},
    {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "runc"}, "handler": "runc"},
]


@pytest.fixture(scope="module")
def operator(cluster, stockade):
    """A client with the operator's rights, of an API server that asks no webhook."""
    cluster.must("create", "-f", "-", input=CLASSES)
    stockade.uninstall_webhook()
    eventually(lambda: stockade.layers() == {"guards": False} | dict.fromkeys(POLICIES, True))
    with contextlib.closing(ApiClient(stockade.directory / "operator.kubeconfig")) as client:
        yield client
    cluster.must("delete", *(f"{obj['kind']}/{obj['metadata']['name']}" for obj in CLASSES))


class Judges:
    """The policy and the guard, asked about the creation of a pod by the operator in the namespace default."""

    def __init__(self, operator, webhook):
        self._operator = operator
        self._webhook = webhook

    def guard(self, pod):
        return codes_of(self._webhook.review_pod(pod, OPERATOR_USER))

    def compare(self, pod):
        """What the policy says: a code, "admitted", or "invalid" where the API server needs nobody's advice; and the
        codes of the guard. They are sure to agree on what the policy refuses."""
        answer = self._operator.create(PODS.format(namespace="default"), pod)
        if answer.admitted:
            # What is stored is what counts: defaults are filled in, and what the API server does not know is gone.
            return "admitted", self.guard(answer.body)
        codes = self.guard(pod)
        if HARDENED_PODS_DENIED in answer.message:
            code = answer.message.split(HARDENED_PODS_DENIED)[1].removeprefix("[").split("]")[0]
            assert code in codes, (answer.message, codes)
            return code, codes
        # No other policy, no lack of rights, and no expression that failed or cost too much.
        for word in ("ValidatingAdmissionPolicy", "cannot create resource", "admission webhook"):
            assert word not in answer.message, answer
        return "invalid", codes


@pytest.fixture(scope="module")
def judges(operator, webhook):
    return Judges(operator, webhook)


# The corpus of the rules, and Pod Security admission's fixtures


@pytest.mark.parametrize("path", FILES, ids=in_corpus)
def test_policy_and_guard_agree_on_the_corpus(judges, path):
    template = yaml.safe_load(path.read_text())["spec"]["podTemplate"]
    said, codes = judges.compare(pod_of(template))
    assert said != "admitted" or not codes, codes


FIXTURES = {fixture.label: fixture for fixture in fixtures()}


@pytest.mark.parametrize("label", FIXTURES)
def test_policy_and_guard_agree_on_fixtures_of_pod_security(judges, label):
    for position, template in FIXTURES[label].variants():
        said, codes = judges.compare(pod_of(template))
        assert said != "admitted" or not codes, (position, codes)


FAILING = [label for label in FIXTURES if label.startswith("baseline/fail/")]

# Whatever else is in the pod, these are none to the API server; ATTACKS of test_admission_policies.py has the like of
# them that are.
SERVER_REFUSES = {
    "baseline/fail/procmount0": "procMount Unmasked without hostUsers false",
    "baseline/fail/procmount1": "procMount Unmasked without hostUsers false",
    "baseline/fail/windowshostprocess1": "hostProcess in one container alone",
}


@pytest.mark.parametrize("label", FAILING)
def test_policy_alone_refuses_what_fails_the_baseline(judges, label):
    said = {}
    for position, template in FIXTURES[label].variants():
        word, codes = judges.compare(pod_of(template))
        said.setdefault(position, set()).add(word)
        if position == "as it is":
            assert codes & CODES[FIXTURES[label].family], codes
    assert (said["as it is"] == {"invalid"}) is (label in SERVER_REFUSES), said
    # A new pod with ephemeral containers is none to the API server.
    assert said["ephemeral"] == {"invalid"}
    for words in said.values():
        # Of a fixture with two containers, one may be as it should be.
        assert words - {"admitted"}, said


def test_there_are_fixtures_that_fail_the_baseline():
    assert len(FAILING) == 34
    assert SERVER_REFUSES.keys() <= set(FAILING)


# What the corpus has one example of, and the two judges have each in their own words


def agent(**fields):
    return {"spec": {"containers": [fields]}}


def mount(path):
    return agent(volumeMounts=[{"name": "tmp", "mountPath": path}])


def resources(**quantities):
    return agent(resources={"requests": None, "limits": {name.replace("_", "-"): q for name, q in quantities.items()}})


def volume(**source):
    return {"spec": {"volumes": [{"emptyDir": None, **source}]}}


DIGITS = "0123456789abcdef"
# What it is about: (how a value becomes a change of a hardened pod, values).
EDGES = {
    "mount path": (
        mount,
        ("/", "//", "/.", "/..", "/a/..", "/a/../..", "/a/b/../../..", "/workspace", "/workspace/", "/workspace/../etc",
         "/workspace/../etc/ssl", "/etc", "/etc/", "/etc/.", "/etcetera", "/etc/ssl", "/etc/hosts", "/etc/hosts/x",
         "/etc/hosts2", "/etc/ld.so.conf", "/etc/ld.so.conf.d/a", "/etc/ld.so.preload", "/etc/ld.so.caches",
         "/etc/stockade", "/etc/stockade-x", "/etc/claude-code/x", "/proc", "/proc/1", "/processes", "/a/proc",
         "/a/../proc", "/a/b/../../proc/../sys", "/proc/../workspace", "/proc/../../workspace", "/../proc",
         "/a/../b/../proc/c/..", "/a/b/../c/../../proc", "/a/b/c/../../../../sys/..", "/sys/../sys/..", "/dev",
         "/dev/shm", "/dev/shm/", "/dev/./shm", "/dev/x/../shm", "/dev/shm/x", "/dev/shm/../x", "/run", "/run/secrets",
         "/run/secrets/x", "/run/secretsx", "/var/run/secrets", "/var/run", "/var/../run/secrets", "/home/.ssh",
         "/home/.ssh/x", "/home/.sshx", "/home/x.ssh", "/.aws", "/a/.config", "/a/.config/gh", "/a/.config/gcloud/x",
         "/a/.config/ghx", "/.config/x/gh", "/a/.pem", "/a/b.pem", "/a/b.PEM/c", "/a/b.Key", "/a/b.keys", "/.key",
         "/a/.npmrc", "/a/.netrc/../b", "/a/..b/proc", "/a/.../etc", "/" + "a/" * 64, "/" + "a/" * 65, "relative",
         "etc/hosts", "proc"),
    ),
    "working directory": (
        lambda directory: agent(workingDir=directory),
        ("", "/", "relative", "proc", "/proc", "/proc/self/fd/8", "//proc", "/./proc", "/a/../proc", "/proc/../a",
         "/sys", "/dev", "/dev/shm", "/devices", "/a/dev", "/../dev/.", "/" + "a/" * 64, "/" + "a/" * 65),
    ),
    "variable": (
        lambda name: agent(env=[{"name": name, "value": "x"}]),
        ("PATH", "LD_PRELOAD", "ld_preload", " LD_AUDIT", "LD_", "LD", "OLD_", "GLIBC_TUNABLES", "glibc_tunables ",
         "GLIBC_TUNABLES2", "GCONV_PATH", "gconv_path", "GCONV", "HTTP_PROXY", "SSL_CERT_FILE"),
    ),
    "prefix of variables": (
        lambda prefix: agent(envFrom=[{"prefix": prefix, "configMapRef": {"name": "c"}}]),
        ("", " ", "L", "l", "LD", "LD_", "LD_X", "ld_x", "LX", "G", "GL", "GLIBC_TUNABLES", "GLIBC_TUNABLES2", "GC",
         "GX", "gconv_path", "APP_", "H", "HTTP_", "S"),
    ),
    "key": (
        lambda key: {"metadata": {"annotations": {key: "x"}}},
        ("note", "a.b", "app.kubernetes.io/part-of", "app.kubernetes.io.evil/x", "xapp.kubernetes.io/x",
         "checksum/config", "kubectl.kubernetes.io/default-container", "stockade.dev/x", "x.stockade.dev/x", "example.com/x",
         "dev.gvisor.x", "dev.gvisor/x", "dev.gvisorx", "io.katacontainers.config", "io.kubernetes.cri", "io.crio.x",
         "org.systemd.property.X", "org.systemd.propertyx", "org.criu.config", "org.criux", "run.ocix",
         "run.oci.handler", "com.docker.x", "module.wasm.image", "aadpodidbinding", "aadpodidbindingx", "x.crio.io", "x.crio.io/y",
         "x.cri-o.io/y", "crio.io/y", "x.nri.io/y", "devices.nri.containerd.io/container.a", "kubernetes.io/x",
         "app.kubernetes.io/managed-by", "container.apparmor.security.beta.kubernetes.io/agent",
         # What is allowed by default stands in the chart and in libs/policy.
         *(f"{prefix}/x" for prefix in (
             "argocd.argoproj.io", "checksum", "config.kubernetes.io", "helm.sh", "helm.toolkit.fluxcd.io",
             "internal.config.kubernetes.io", "kubectl.kubernetes.io", "kustomize.config.k8s.io",
             "kustomize.toolkit.fluxcd.io", "meta.helm.sh", "prometheus.io"))),
    ),
    "image": (
        lambda image: agent(image=image),
        ("a", "a:1", "a:latest", "a:", "a@sha256:" + DIGITS * 4, "a:1@sha256:" + DIGITS * 4, "a@sha256:short", "a@",
         "A", "a/B", "Registry/a", "registry.example/a", "registry.example:5000/a/b:1", "registry.example:/a",
         "registry.example:123456/a", "localhost/a", "[2001:db8::1]:5000/a", "[2001:db8::1]/a", "[]/a", "-a", "a-",
         "a--b", "a__b", "a___b", "a..b", "a.b", "a._b", "a//b", "/a", "a/", "a b", "a:1:2", "-x.example/a",
         "a:.1", "a:-1", "a:_1", "a:" + "x" * 128, "a:" + "x" * 129, DIGITS * 4, DIGITS * 4 + ":1",
         DIGITS * 4 + "0", "library/" + DIGITS * 4, "sha256:" + DIGITS * 4, "sha256:" + DIGITS * 3,
         "sha512:" + DIGITS * 8, "library/sha256:" + DIGITS * 4, "a@md5:" + DIGITS * 2,
         "sha256:" + DIGITS * 4 + "@sha256:" + DIGITS * 4, "docker://a", "a@sha256:" + "ABCDEF01" * 8),
    ),
    "claim": (
        lambda name: volume(persistentVolumeClaim={"claimName": name}),
        ("data", "asb-agent-data", "asb-agent", "asb-agents-data", "asb-other-data", "asb", "xasb-other"),
    ),
    "ephemeral claim": (
        lambda fields: volume(ephemeral={"volumeClaimTemplate": {
            "metadata": fields.pop("metadata", {}),
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}} | fields}}),
        ({}, {"metadata": {"annotations": {"example.com/x": "y"}}}, {"metadata": {"labels": {"note": "y"}}},
         {"volumeMode": "Filesystem"}, {"dataSource": {"kind": "PersistentVolumeClaim", "name": "data"}},
         {"dataSource": {"kind": "PersistentVolumeClaim", "name": "asb-agent-data"}},
         {"dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "asb-other-data"}},
         {"storageClassName": "fast"}, {"selector": {}}, {"resources": {"requests": {"storage": "16Pi"}}}),
    ),
    "pull secret": (
        lambda name: {"spec": {"imagePullSecrets": [{"name": name}]}},
        ("registry", "a.b-c", "", "A", "a..b", "-a", "a-", "a_b", "a" * 253, "a" * 254),
    ),
    "SELinux type": (
        lambda name: {"spec": {"securityContext": {"seLinuxOptions": {"type": name, "level": "s0:c1"}}}},
        ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t", "container_t2"),
    ),
    "AppArmor profile": (
        lambda profile: agent(securityContext={"appArmorProfile": profile}),
        ({"type": "Localhost", "localhostProfile": "agent"}, {"type": "Localhost", "localhostProfile": "unconfined"},
         {"type": "Unconfined"}),
    ),
    "user": (
        lambda uid: {"spec": {"securityContext": {"runAsUser": uid}}},
        (0, 1, 999, 1000, 2**31 - 1),
    ),
    "CPU": (lambda cpu: resources(cpu=cpu), ("0", "1m", "500m", "1024", "1025", "2k", 3)),
    "memory": (lambda memory: resources(memory=memory), ("0", "1Gi", "64Ti", "65Ti", "70368744177665")),
    "disk": (lambda disk: resources(ephemeral_storage=disk), ("0", "1Gi", "1Pi", "1.1Pi", "2Pi")),
    "size of a volume": (lambda size: volume(emptyDir={"sizeLimit": size}), ("0", "1Gi", "16Pi", "17Pi")),
    "medium": (lambda medium: volume(emptyDir={"medium": medium}), ("", "Memory", "HugePages", "HugePages-2Mi")),
    "toleration": (
        lambda key: {"spec": {"tolerations": [{"key": key, "operator": "Exists"}]}},
        ("", "example.com/taint", "node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/worker",
         "node.kubernetes.io/unreachable"),
    ),
    "key of nodes": (
        lambda key: {"spec": {"nodeSelector": {key: "x"}}},
        ("zone", "kubernetes.io/hostname", "kubernetes.io/arch", "node-role.kubernetes.io/control-plane"),
    ),
    "expression about nodes": (
        lambda expression: {"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}}},
        ({"key": "zone", "operator": "In", "values": ["a"]},
         {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["a"]},
         {"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"},
         {"key": "node-role.kubernetes.io/control-plane", "operator": "In", "values": ["a"]}),
    ),
    "affinity": (
        lambda term: {"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {}} | term]}}}},
        ({"topologyKey": "kubernetes.io/hostname"}, {"topologyKey": "zone", "namespaces": ["a"]},
         {"topologyKey": "zone", "namespaceSelector": {}}, {"topologyKey": "zone"}),
    ),
    "sysctl": (
        lambda name: {"spec": {"securityContext": {"sysctls": [{"name": name, "value": "1"}]}}},
        ("net.ipv4.tcp_syncookies", "net.ipv4.tcp_rmem", "net.core.somaxconn", "kernel.msgmax"),
    ),
    "grace period": (lambda n: {"spec": {"terminationGracePeriodSeconds": n}}, (0, 1, 60, 61)),
    "RuntimeClass": (lambda name: {"spec": {"runtimeClassName": name}}, (None, "gvisor", "runc")),
    "port": (lambda port: agent(ports=[{"containerPort": port}]), (80, 3128)),
    "port of the operator's": (
        lambda port: {"spec": {"initContainers": [{"ports": [{"containerPort": port}]}]}}, (80, 3128),
    ),
    "mount of the operator's container": (
        lambda path: {"spec": {"initContainers": [{"volumeMounts": [{"name": "tmp", "mountPath": path}]}]}},
        ("/etc/stockade", "/run/secrets"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("about", EDGES)
def test_policy_and_guard_draw_the_line_at_the_same_place(judges, about):
    change, values = EDGES[about]
    outcomes = set()
    for value in values:
        said, codes = judges.compare(merged(hardened(), change(value)))
        assert said != "admitted" or not codes, (value, codes)
        outcomes.add(said)
    # The operator's own containers may do what those of a template may not.
    assert outcomes == {"admitted"} if "operator's" in about else "admitted" in outcomes and len(outcomes) > 1, outcomes


# What the API server refuses by itself, so that the policy need not: the guard would have
SERVER_ALONE = {
    "subPath out of the volume": (
        "UnsafeSubPath", agent(volumeMounts=[{"name": "tmp", "mountPath": "/a", "subPath": "../x"}]),
    ),
    "subPathExpr out of the volume": (
        "UnsafeSubPath", agent(volumeMounts=[{"name": "tmp", "mountPath": "/a", "subPathExpr": "/x"}]),
    ),
    "volume that is not there": ("VolumeUnknown", agent(volumeMounts=[{"name": "other", "mountPath": "/a"}])),
    "request above its limit": ("ResourceLimit", agent(resources={"requests": {"cpu": "2"}})),
    "negative limit": ("ResourceLimit", resources(cpu="-1")),
    "negative size": ("ResourceLimit", volume(emptyDir={"sizeLimit": "-1"})),
    "claim of no size": (
        "ResourceLimit", volume(ephemeral={"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}),
    ),
    "id beyond 31 bits": ("RootUser", {"spec": {"securityContext": {"runAsUser": 2**32}}}),
    "list that is none": ("FieldType", {"spec": {"tolerations": {"key": "a"}}}),
    "ephemeral container": ("EphemeralContainer", {"spec": {"ephemeralContainers": [{"name": "a", "image": "a"}]}}),
}  # fmt: skip


@pytest.mark.parametrize("case", SERVER_ALONE)
def test_server_refuses_before_anybody_is_asked(judges, case):
    code, change = SERVER_ALONE[case]
    said, codes = judges.compare(merged(hardened(), change))
    assert said == "invalid" and code in codes, (said, codes)


# A pod that leads to a gateway has one Secret, and only its proxy sees it

EGRESS_PODS = {
    path.stem: next(item for item in json.loads(path.read_text(encoding="utf-8"))["items"] if item["kind"] == "Pod")
    for path in sorted((ROOT / "tests" / "golden" / "gateway").glob("*.json"))
}


@pytest.mark.parametrize("golden", EGRESS_PODS)
def test_pod_that_leads_to_a_gateway_is_admitted(judges, golden):
    pod = copy.deepcopy(EGRESS_PODS[golden])
    pod["metadata"]["namespace"] = "default"
    assert judges.compare(pod) == ("admitted", set())


def identity_in(lists, name, **mount):
    """Mounts the identity in that container as well, or in another way."""

    def change(pod):
        container = next(c for c in pod["spec"][lists] if c["name"] == name)
        mounts = [m for m in container.get("volumeMounts", []) if m["name"] != "stockade-identity"]
        container["volumeMounts"] = [
            *mounts, {"name": "stockade-identity", "mountPath": "/etc/stockade/identity", "readOnly": True} | mount
        ]  # fmt: skip

    return change


def restart_policy(pod):
    next(c for c in pod["spec"]["initContainers"] if c["name"] == "stockade-proxy").pop("restartPolicy")
    for field in ("lifecycle", "readinessProbe"):
        pod["spec"]["initContainers"][1].pop(field)


def named(name):
    def change(pod):
        text = json.dumps(pod["spec"]).replace('"stockade-identity"', f'"{name}"')
        pod["spec"] = json.loads(text)

    return change


IDENTITY_ELSEWHERE = {
    "in the agent": identity_in("containers", "agent"),
    "in the canary": identity_in("initContainers", "stockade-canary"),
    "writable": identity_in("initContainers", "stockade-proxy", readOnly=False),
    "in an init container named like the proxy": restart_policy,
    "by another volume": named("identity"),
    "by a volume with another end": named("stockade-identity2"),
    "beside another Secret": lambda pod: pod["spec"]["volumes"].append(
        {"name": "stockade-more", "secret": {"secretName": "stockade-sandbox-t8v3w"}}
    ),
    "projected": lambda pod: pod["spec"]["volumes"].append(
        {"name": "stockade-more", "projected": {"sources": [{"secret": {"name": "stockade-sandbox-t8v3w"}}]}}
    ),
    "as a variable of the proxy": lambda pod: pod["spec"]["initContainers"][1].update(
        env=[{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "stockade-sandbox-t8v3w", "key": "tls.key"}}}]
    ),
}


@pytest.mark.parametrize("where", IDENTITY_ELSEWHERE)
def test_identity_is_the_proxys_alone(judges, where):
    pod = copy.deepcopy(EGRESS_PODS["dedicated"])
    pod["metadata"]["namespace"] = "default"
    assert [c["name"] for c in pod["spec"]["initContainers"][:2]] == ["stockade-canary", "stockade-proxy"]
    IDENTITY_ELSEWHERE[where](pod)
    said, codes = judges.compare(pod)
    # The guard knows besides where the proxy's name may stand.
    assert said == "SecretInAgent" and codes - {"ReservedName"} == {"SecretInAgent"}, (said, codes)


# What the guard refuses alone

ENDS_NOWHERE = "no registry has an image of that name, so that nothing is pulled and nothing runs"
GUARD_ALONE = {
    "name of an image that is too long": ({"ImageReference"}, agent(image="/".join(["a" * 100] * 3)), ENDS_NOWHERE),
    "registry that is none": (
        {"ImageReference"},
        agent(image="x_y.example/a"),
        "runtimes look for it in their default registry; which registries are good is for the policies of namespaces",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GUARD_ALONE)
def test_guard_refuses_alone(judges, case):
    codes, change, _ = GUARD_ALONE[case]
    assert judges.compare(merged(hardened(), change)) == ("admitted", codes)
