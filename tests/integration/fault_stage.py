"""What the fault tables share: a story that is played in a namespace of its own, and what is asked of its outcome.

The story is a sandbox that is created, changed, suspended and deleted. It is played once undisturbed and then with a
fault in each row; what is left has to be the same, and no agent pod may ever have been without its deny-all. The
operator speaks to the API server through tests/fakes/fault_proxy.py.

A test file imports the fixtures `backstage`, `new_stage` and `undisturbed` from here.
"""

import contextlib
import json
import re
import sys

import pytest

from cluster import ROOT, eventually
from stockade import condition, operator_program, sandbox

sys.path.insert(0, str(ROOT / "tests" / "fakes"))
from fault_proxy import FaultProxy  # noqa: E402

SANDBOX = {
    "apiVersion": "stockade.dev/v1alpha1",
    "kind": "AgentSandbox",
    "metadata": {"name": "agent"},
    "spec": {
        "podTemplate": {"spec": {"containers": [{"name": "agent", "image": "registry.example/agent:1"}]}},
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
        ],
        "mounts": [
            {
                "name": "data", "mountPath": "/workspace", "access": "Persistent",
                "volumeClaimTemplate": {"name": "data"},
            }
        ],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "harness"}}}], "ports": [{"port": 8080}]}],
        "service": {"ports": [{"name": "http", "port": 8080}]},
    },
}  # fmt: skip
KINDS = {
    "Pod": "pods", "NetworkPolicy": "networkpolicies", "Service": "services",
    "PersistentVolumeClaim": "persistentvolumeclaims", "AgentSandbox": "agentsandboxes",
}  # fmt: skip
# Differs from one run to the next, or is written by others.
VOLATILE = {
    "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "namespace", "nodeName", "podIPs",
    "podIP", "hostIP", "hostIPs", "startTime", "lastTransitionTime", "observedGeneration", "volumeName", "nodeName",
    "serviceFQDN", "lastActivityTime", "containerStatuses", "deletionTimestamp", "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller", "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
}  # fmt: skip


def stable(value):
    if isinstance(value, dict):
        return {key: stable(item) for key, item in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [stable(item) for item in value]
    if isinstance(value, str):
        return re.sub(r'node "[^"]+"', "a node", value)  # in messages of conditions
    return value


def flatten(value, path=""):
    """Each leaf by its path."""
    if isinstance(value, dict) and value:
        items = [(f"{path}.{key}", item) for key, item in value.items()]
    elif isinstance(value, list) and value:
        items = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    else:
        return {path: value}
    return {leaf: found for name, item in items for leaf, found in flatten(item, name).items()}


def assert_same(found, expected):
    """Like ==, but a failure lists the leaves that differ and nothing else."""
    found, expected = flatten(found), flatten(expected)
    differences = [
        f"{path}: {found.get(path, 'absent')!r} instead of {expected.get(path, 'absent')!r}"
        for path in sorted(found.keys() | expected.keys())
        if found.get(path, "absent") != expected.get(path, "absent")
    ]
    assert not differences, "\n".join(differences)


class Stage:
    """One namespace, the operator behind its proxy, and the story's steps."""

    def __init__(self, stockade, proxy, operator, namespace):
        self.stockade = stockade
        self.cluster = stockade.cluster
        self.proxy = proxy
        self.operator = operator
        self.namespace = namespace

    def must(self, *args, **options):
        return self.cluster.must("-n", self.namespace, *args, **options)

    def list(self, kind):
        return json.loads(self.must("get", kind, "-o", "json"))["items"]

    def find(self, kind, name):
        found = self.must("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(found) if found else None

    def state(self):
        """What is in the namespace, without what differs from run to run."""
        result = {}
        for item in self.list(",".join(KINDS.values())):
            kind = item["kind"]
            if kind != "AgentSandbox":
                item.pop("status", None)
            if kind == "PersistentVolumeClaim":
                item["metadata"].pop("finalizers", None)
            for owner in item["metadata"].get("ownerReferences", []):
                owner.pop("uid")
            if kind == "Service":
                item["spec"].pop("ipFamilies", None)
            result[f"{KINDS[kind]}/{item['metadata']['name']}"] = stable(item)
        return result

    def has(self, kind, status):
        asb = self.find("asb", "agent")
        found = condition(asb or {}, kind)
        return (
            found.get("status") == status
            and asb["status"].get("observedGeneration") == asb["metadata"]["generation"]
        )

    def settle(self, done):
        """Waits until `done`, and until nothing has changed for as long as a retry may take at first."""
        eventually(done, timeout=60)
        before = None

        def is_quiet():
            nonlocal before
            now = self.state()
            quiet, before = now == before, now
            return quiet and done()

        eventually(is_quiet, timeout=60, interval=1)

    # The story. Each step is: what the user does, and what is true when it is done.

    def create(self):
        self.must("create", "-f", "-", input=SANDBOX)

    def created(self):
        return self.has("Ready", "True")

    def change(self):
        self.first_pod = self.find("pod", "asb-agent")["metadata"]["uid"]
        change = {"spec": {"podTemplate": {"spec": {"containers": [
            {"name": "agent", "image": "registry.example/agent:2"}]}}, "service": None}}  # fmt: skip
        self.must("patch", "asb", "agent", "--type=merge", "-p", json.dumps(change))

    def changed(self):
        pod = self.find("pod", "asb-agent")
        return (
            pod is not None
            and pod["metadata"]["uid"] != self.first_pod
            and self.find("service", "asb-agent") is None
            and self.has("Ready", "True")
        )

    def suspend(self):
        self.must("patch", "asb", "agent", "--type=merge", "-p", '{"spec":{"operatingMode":"Suspended"}}')

    def suspended(self):
        return self.find("pod", "asb-agent") is None and self.has("Suspended", "True")

    def delete(self):
        self.must("delete", "asb", "agent", "--wait=false")

    def deleted(self):
        # The garbage collector takes one kind sooner than another, above all when it has just lost its API server.
        return not self.state()


STEPS = ("create", "change", "suspend", "delete")
DONE = {"create": "created", "change": "changed", "suspend": "suspended", "delete": "deleted"}


@contextlib.contextmanager
def proxied_operator(stockade, instance, **settings):
    """The proxy, and an operator behind it in place of the usual one. Alone, it needs no election."""
    stockade.operator.stop()
    with FaultProxy(stockade.directory / "operator.kubeconfig") as proxy:
        kubeconfig = stockade.directory / "proxied.kubeconfig"
        proxy.write_kubeconfig(kubeconfig)
        settings = {"leaderElection": {"enabled": False}} | settings
        operator = operator_program(stockade.directory, kubeconfig, instance=instance, **settings)
        operator.start()
        yield proxy, operator
        if operator.process is not None:
            operator.stop()


@contextlib.contextmanager
def disturbed_namespace(stockade, backstage, prefix):
    """The name of a namespace for one row: no fault is left from the row before, and an operator runs, afterwards too, for
    the namespace to end."""
    proxy, operator = backstage

    def calm():
        proxy.clear()
        if operator.process is None:
            operator.start()

    calm()
    with stockade.cluster.new_namespace(prefix) as name:
        yield name
        calm()



@pytest.fixture(scope="module")
def backstage(stockade):
    with proxied_operator(stockade, "proxied-operator") as stage:
        yield stage


@pytest.fixture
def new_stage(stockade, backstage):
    """Makes stages, one for each call."""
    proxy, operator = backstage
    namespaces = []

    def make():
        proxy.clear()
        if operator.process is None:
            operator.start()
        name = stockade.cluster.new_namespace("fault")
        namespaces.append(name)
        stage = Stage(stockade, proxy, operator, name.__enter__())
        # The row before may have killed the API server, and the webhook hears of namespaces by a watch.
        probe = ("-n", stage.namespace, "create", "--dry-run=server", "-f", "-")
        eventually(lambda: stage.cluster.kubectl(*probe, input=sandbox("probe")).returncode == 0, timeout=60)
        return stage

    yield make
    proxy.clear()
    if operator.process is None:
        operator.start()
    for namespace in namespaces:
        namespace.__exit__(None, None, None)


def assert_boundary_was_never_open(stage):
    """From the audit log: a pod was created only while the deny-all was there, and that was never removed while a pod
    was: a deletion that a finalizer holds up removes nothing, so what counts is the finalizer's release."""
    deny_all, pods, bound = False, set(), set()
    for write in stage.stockade.audit():
        if write["namespace"] != stage.namespace or not 200 <= write["code"] < 300:
            continue
        step = f"{write['verb']} {write['resource']}/{write['name']} by {write['user']}"
        if write["resource"] == "networkpolicies" and write["name"] == "stockade-deny-all":
            if write["verb"] == "create":
                deny_all = True
            elif write["verb"] == "update" and write["finalizers"] == []:
                deny_all = False
                assert not pods, f"the deny-all was released before {pods}: {step}"
        if write["resource"] == "pods" and write["name"].startswith("asb-"):
            if write["verb"] == "create":
                assert deny_all, f"a pod was created before the deny-all: {step}"
                pods.add(write["name"])
                bound.discard(write["name"])
            # The kubelet's deletion, without grace, is what removes a pod that was scheduled.
            elif write["verb"] == "delete" and (write["user"] == "system:node:kwok" or write["name"] not in bound):
                pods.discard(write["name"])
        if write["resource"] == "pods/binding":
            bound.add(write["name"])


def play(stage, until, before_step=None):
    """Plays the story up to a step. `before_step(step)` is called before each of them."""
    for step in STEPS[: STEPS.index(until) + 1]:
        if before_step is not None:
            before_step(step)
        getattr(stage, step)()
        yield step


UNDISTURBED = {}


@pytest.fixture(scope="module")
def undisturbed(stockade, backstage):
    """The state after each step, and how many writes each took, without any fault. One play serves every test file of
    a cluster."""
    if stockade.cluster.kubeconfig not in UNDISTURBED:
        UNDISTURBED[stockade.cluster.kubeconfig] = play_undisturbed(stockade, *backstage)
    return UNDISTURBED[stockade.cluster.kubeconfig]


def play_undisturbed(stockade, proxy, operator):
    states, writes = {}, {}
    with stockade.cluster.new_namespace("undisturbed") as namespace:
        stage = Stage(stockade, proxy, operator, namespace)
        for step in play(stage, "delete", before_step=lambda _: proxy.clear()):
            stage.settle(getattr(stage, DONE[step]))
            states[step] = stage.state()
            writes[step] = sum(1 for request in proxy.requests if request.is_write)
        assert_boundary_was_never_open(stage)
    assert writes["create"] >= 6, "deny-all, claim, Service, allowance, pod, status"
    return states, writes


def run_to(stage, target, undisturbed, arm, meanwhile=None):
    """Plays the story to `target` with a fault armed just before it, and compares what came of it. `meanwhile()` is
    called when the user has done that step."""
    for step in play(stage, target, before_step=lambda step: arm() if step == target else None):
        # What a step before the target came to is judged in that step's own rows.
        if step != target:
            eventually(getattr(stage, DONE[step]), timeout=60)
            stage.proxy.clear()
    if meanwhile is not None:
        meanwhile()
    stage.settle(getattr(stage, DONE[target]))
    assert_same(stage.state(), undisturbed[0][target])


def is_write_of(resource):
    return lambda request: request.is_write and request.resource == resource


def any_write(request):
    return request.is_write


def watches(request):
    return request.is_watch
