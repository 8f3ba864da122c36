"""The fault table's rows about the API server and etcd, killed and started again, and restored from a snapshot, under
an operator that goes on running. docs/testing.md has the whole table."""

import contextlib
import shutil
import threading
import uuid

import pytest

from cluster import eventually
from etcd_history import EtcdHistory, assert_no_pod_without_deny_all
from fault_stage import assert_same, backstage, is_write_of, new_stage, run_to, undisturbed  # noqa: F401
from stockade import NAMESPACE, condition, sandbox

from fault_proxy import Fault, cut_after_commit, cut_before

# In the order in which they start; whoever watches goes first when they end.
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
# A scheduler that outlives its API server may find its own cache at odds with the next one, and then ends itself.
CRASHING = ("kube-apiserver", "kube-scheduler")
WHILE_IT_LASTS = 1_000_000


@pytest.fixture
def history(stockade):
    return EtcdHistory(stockade.cluster_directory)


@pytest.mark.parametrize(
    ("step", "resource"), [("create", "networkpolicies"), ("change", "pods"), ("delete", "networkpolicies")]
)
def test_api_server_killed_right_after_a_write(new_stage, undisturbed, history, step, resource):  # noqa: F811
    """The operator has no answer to the write, and for some time nobody to ask. The user, whose request it comes of,
    does have an answer."""
    stage = new_stage()
    before = history.revision()
    asked, killed = threading.Event(), threading.Event()

    def kill():
        assert asked.wait(timeout=60)
        stage.stockade.hack_cluster("kill", *CRASHING)
        killed.set()

    fault = Fault(is_write_of(resource), cut_after_commit(then=kill))

    def start_again():
        asked.set()
        assert killed.wait(timeout=60)
        stage.stockade.hack_cluster("start", *CRASHING)

    try:
        run_to(stage, step, undisturbed, lambda: stage.proxy.add(fault), start_again)
    finally:
        stage.stockade.hack_cluster("start", *CRASHING)
    assert_no_pod_without_deny_all(history.changes(before), stage.namespace)


def ready(stage, name):
    return condition(stage.find("asb", name) or {}, "Ready").get("status") == "True"


def take_snapshot(stage, directory):
    """A copy of etcd's data, as of the revision that it returns."""
    stage.stockade.hack_cluster("stop", "etcd")
    try:
        shutil.copytree(stage.stockade.cluster_directory / "etcd", directory)
    finally:
        stage.stockade.hack_cluster("start", "etcd")
    eventually(lambda: stage.cluster.kubectl("get", "--raw", "/readyz").returncode == 0)


def restore_snapshot(stage, directory):
    """The cluster goes back to a snapshot, as an administrator would do it: all of it stops, and starts anew. Only the
    operator goes on."""
    data = stage.stockade.cluster_directory / "etcd"
    stage.stockade.hack_cluster("stop", *CONTROL_PLANE)
    try:
        shutil.rmtree(data)
        shutil.copytree(directory, data)
    finally:
        stage.stockade.hack_cluster("start", *CONTROL_PLANE)


@contextlib.contextmanager
def taking_part_in_the_election(operator):
    """As it does wherever another may ever run."""
    alone = operator.config["leaderElection"]
    operator.config["leaderElection"] = {"namespace": NAMESPACE}
    operator.restart()
    try:
        yield
    finally:
        operator.config["leaderElection"] = alone
        operator.kill()
        operator.start()


@contextlib.contextmanager
def out_of_reach(proxy):
    """The operator reaches no API server meanwhile, and has noticed by the end."""
    noticed = Fault(lambda request: request.resource == "leases", cut_before(), times=WHILE_IT_LASTS)
    proxy.add(noticed)
    proxy.add(Fault(lambda request: True, cut_before(), times=WHILE_IT_LASTS))
    proxy.cut_connections()
    yield
    eventually(lambda: noticed.played > 0)
    proxy.clear()


def overtake(stage, history, revision):
    """The new history becomes longer than the old one: by versions alone, nobody can tell them apart."""
    while history.revision() <= revision:
        names = [f"{uuid.uuid4()}" for _ in range(50)]
        objects = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in names]
        stage.must("create", "-f", "-", input={"apiVersion": "v1", "kind": "List", "items": objects})


@pytest.mark.parametrize("meets", ["a-shorter-history", "a-longer-history"])
def test_etcd_restored_from_a_snapshot(new_stage, undisturbed, history, tmp_path, meets):  # noqa: F811
    """What happened since never did, though the operator saw it: it has to believe the API server, whose data are
    older than what it knows. It sees that from its Lease and starts anew, as the kubelet sees to."""
    stage = new_stage()
    with taking_part_in_the_election(stage.operator):
        play_restoration(stage, undisturbed, history, tmp_path / "snapshot", meets)


def play_restoration(stage, undisturbed, history, directory, meets):
    def settle(done):
        stage.settle(lambda: stage.operator.revive() or done())

    before = history.revision()
    stage.create()
    stage.must("create", "-f", "-", input=sandbox("deleted-since"))
    stage.settle(lambda: stage.created() and ready(stage, "deleted-since"))
    expected = stage.state()
    pods = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in stage.list("pods")}
    take_snapshot(stage, directory)
    snapshot = history.revision()

    stage.must("create", "-f", "-", input=sandbox("created-since"))
    stage.change()
    stage.must("delete", "asb", "deleted-since", "--wait=false")
    settle(lambda: stage.changed() and ready(stage, "created-since"))
    eventually(lambda: stage.find("pod", "asb-deleted-since") is None)
    lived = history.changes(before)
    assert_no_pod_without_deny_all(lived, stage.namespace)

    with out_of_reach(stage.proxy):
        restore_snapshot(stage, directory)
        assert history.revision() < lived[-1].revision, "etcd did not go back"
        if meets == "a-longer-history":
            overtake(stage, history, lived[-1].revision)
    settle(lambda: stage.created() and ready(stage, "deleted-since"))
    assert_same(stage.state(), expected)
    assert {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in stage.list("pods")} == pods

    # The operator goes on from there.
    stage.change()
    stage.must("delete", "asb", "deleted-since", "--wait=false")
    settle(lambda: stage.changed() and stage.find("pod", "asb-deleted-since") is None)
    assert_same(stage.state(), undisturbed[0]["change"])
    kept = [change for change in lived if change.revision <= snapshot]
    assert_no_pod_without_deny_all(kept + history.changes(snapshot), stage.namespace)
