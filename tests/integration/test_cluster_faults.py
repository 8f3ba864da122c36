"""The fault table's rows about what others do to a cluster under the operator: objects deleted and edited behind its
back, a namespace that ends, an exhausted quota, a RuntimeClass that is removed. docs/testing.md has the whole table."""

import json

import pytest

from cluster import eventually
from etcd_history import EtcdHistory, assert_no_pod_without_deny_all
from fault_stage import (  # noqa: F401
    assert_boundary_was_never_open,
    assert_same,
    backstage,
    is_write_of,
    new_stage,
    run_to,
    undisturbed,
)
from stockade import condition

from fault_proxy import Fault, go_on_after_commit


def delete_objects(stage):
    stage.must("delete", "pod", "asb-agent", "--wait=false")
    stage.must("delete", "service", "asb-agent")
    stage.must("delete", "networkpolicy", "asb-agent-ingress")


def edit_objects(stage):
    stage.must("set", "image", "pod/asb-agent", "agent=registry.example/evil:1")
    stage.must("label", "pvc", "asb-agent-data", "stockade.dev/sandbox=other", "--overwrite")
    for kind, name, spec in (
        ("service", "asb-agent", {"selector": {"stockade.dev/sandbox": "other"}}),
        ("networkpolicy", "asb-agent-ingress", {"ingress": [{}]}),
        ("networkpolicy", "stockade-deny-all", {"egress": [{}]}),
    ):
        stage.must("patch", kind, name, "--type=merge", "-p", json.dumps({"spec": spec}))


def take_what_marks_them(stage):
    """Labels, digests and owner references, by which the operator knows its own."""
    stage.must("label", "networkpolicy,service,pvc", "--all", "app.kubernetes.io/managed-by-")
    stage.must("annotate", "pod", "asb-agent", "stockade.dev/spec-hash-", "stockade.dev/profile-hash-")
    stage.must("patch", "networkpolicy", "stockade-deny-all", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


@pytest.mark.parametrize(
    ("change", "away"), [(delete_objects, False), (edit_objects, True), (take_what_marks_them, False)]
)
def test_objects_changed_behind_its_back(new_stage, undisturbed, unguarded, change, away):  # noqa: F811
    stage = new_stage()
    stage.create()
    stage.settle(stage.created)
    before = stage.find("pod", "asb-agent")["metadata"]["uid"]
    if away:
        stage.operator.kill()
    change(stage)
    if away:
        stage.operator.start()

    def pod_is_another():
        pod = stage.find("pod", "asb-agent")
        return pod is not None and pod["metadata"]["uid"] != before

    stage.settle(lambda: pod_is_another() and stage.created())
    assert_same(stage.state(), undisturbed[0]["create"])
    assert_boundary_was_never_open(stage)


def wait_refused(stage, reason):
    def is_refused():
        found = condition(stage.find("asb", "agent") or {}, "Ready")
        return found.get("status") == "False" and found.get("reason") == reason

    eventually(is_refused)
    assert stage.find("pod", "asb-agent") is None


def test_runtime_class_removed_and_put_back(new_stage, undisturbed, unguarded):  # noqa: F811
    """While the pod is to be replaced: the new one waits."""
    stage = new_stage()
    runtime_class = json.loads(stage.cluster.must("get", "runtimeclass", "gvisor", "-o", "json"))
    for key in ("uid", "resourceVersion", "creationTimestamp"):
        del runtime_class["metadata"][key]

    def put_back():
        wait_refused(stage, "RuntimeClassMissing")
        stage.cluster.must("create", "-f", "-", input=runtime_class)

    try:
        run_to(stage, "change", undisturbed, lambda: stage.cluster.must("delete", "runtimeclass", "gvisor"), put_back)
    finally:
        stage.cluster.kubectl("create", "-f", "-", input=runtime_class)
    assert_boundary_was_never_open(stage)


def test_exhausted_quota(new_stage, undisturbed):  # noqa: F811
    """Of all quotas that of policies: without its deny-all there is no pod."""
    stage = new_stage()
    resource = "count/networkpolicies.networking.k8s.io"

    def exhaust():
        stage.must("create", "quota", "limit", f"--hard={resource}=0")
        # Until it has counted, it refuses for another reason.
        eventually(lambda: resource in stage.find("quota", "limit").get("status", {}).get("used", {}))

    def lift():
        wait_refused(stage, "QuotaExceeded")
        stage.must("delete", "quota", "limit")

    run_to(stage, "create", undisturbed, exhaust, lift)
    assert_boundary_was_never_open(stage)


@pytest.mark.parametrize("resource", ["networkpolicies", "pods"])
def test_namespace_deleted_right_after_a_write(new_stage, undisturbed, resource):  # noqa: F811
    """Nothing is left of what was just begun, and the deny-all goes last."""
    stage = new_stage()
    history = EtcdHistory(stage.stockade.cluster_directory)
    before = history.revision()
    deletion = ("delete", "namespace", stage.namespace, "--wait=false")
    fault = stage.proxy.add(Fault(is_write_of(resource), go_on_after_commit(lambda: stage.cluster.must(*deletion))))
    stage.create()
    eventually(lambda: not stage.cluster.must("get", "namespace", stage.namespace, "--ignore-not-found"), timeout=60)
    assert fault.played == 1
    assert_no_pod_without_deny_all(history.changes(before), stage.namespace)
