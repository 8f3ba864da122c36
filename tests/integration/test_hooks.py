"""What the chart's hooks run: helm test's self-check and the guard before an uninstall, against a cluster that works and
against one that does not."""

import subprocess

import pytest

from binding_space import claim, pool, template
from cluster import eventually
from stockade import BUILD, NAMESPACE, sandbox

DENY_ALL = ("networkpolicy", "stockade-deny-all")


@pytest.fixture
def run(stockade):
    """run(*arguments) -> CompletedProcess of the operator's program, under the operator's rights or others'."""

    def run(*arguments, kubeconfig=None):
        kubeconfig = kubeconfig or stockade.directory / "operator.kubeconfig"
        return subprocess.run(
            [str(BUILD / "operator" / "stockade-operator"), "--kubeconfig", str(kubeconfig), *arguments],
            capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def user(stockade):
    """A kubeconfig of one who may do what the self-check's role lets it do in the release's namespace, and no more."""
    kubeconfig = stockade.directory / "self-check.kubeconfig"
    stockade.hack_cluster("kubeconfig", "--out", str(kubeconfig), "--user", "self-check")
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "self-check"}
    metadata = {"name": "self-check", "namespace": NAMESPACE}
    stockade.cluster.must(
        "apply", "-f", "-",
        input=[
            {
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
                "rules": [
                    {"apiGroups": ["stockade.dev"], "resources": ["agentsandboxes"],
                     "verbs": ["create", "get", "delete"]}
                ],
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
                "roleRef": role,
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "self-check"}],
            },
        ],
    )  # fmt: skip
    return kubeconfig


def nothing_left(cluster, namespace):
    return not cluster.get("agentsandboxes", "-n", namespace)["items"]


def test_self_check_passes_and_leaves_nothing(stockade, run, user):
    done = run("--self-check", NAMESPACE, kubeconfig=user)
    assert done.returncode == 0, done.stderr
    assert "the webhook refuses what it should" in done.stderr
    assert "the operator looks after sandboxes" in done.stderr
    eventually(lambda: nothing_left(stockade.cluster, NAMESPACE))


def test_self_check_says_that_the_webhook_is_away(stockade, run, user):
    stockade.webhook.stop()
    try:
        done = run("--self-check", NAMESPACE, kubeconfig=user)
    finally:
        stockade.webhook.start()
    assert done.returncode == 1
    assert "failed calling webhook" in done.stderr


def test_self_check_says_that_the_webhook_is_not_registered(stockade, run, user):
    stockade.uninstall_webhook()
    try:
        done = run("--self-check", NAMESPACE, kubeconfig=user)
    finally:
        stockade.install_webhook()
    assert done.returncode == 1
    assert "is the webhook registered?" in done.stderr
    eventually(lambda: nothing_left(stockade.cluster, NAMESPACE))


def policy_of(cluster, namespace):
    return cluster.kubectl("-n", namespace, "get", *DENY_ALL, "-o", "json").returncode == 0


def test_guard_refuses_while_there_are_sandboxes(stockade, run, namespace):
    cluster = stockade.cluster
    cluster.must("-n", namespace, "apply", "-f", "-", input=sandbox())
    eventually(lambda: policy_of(cluster, namespace))
    done = run("--uninstall-guard", "30")
    assert done.returncode == 1
    assert "AgentSandboxes are left, in the namespaces" in done.stderr
    assert f"{namespace} (1)" in done.stderr
    assert policy_of(cluster, namespace), "the boundary stands"
    cluster.must("-n", namespace, "delete", "asb", "agent")


def test_guard_refuses_while_there_is_what_makes_sandboxes(stockade, run, namespace):
    """Of a pool the sandboxes come again as often as somebody deletes them."""
    cluster = stockade.cluster
    cluster.must("-n", namespace, "apply", "-f", "-", input=[template(), pool(replicas=2)])
    made = f"AgentSandboxPools are left, in the namespaces {namespace} (1)"
    done = run("--uninstall-guard", "30")
    assert done.returncode == 1
    assert made in done.stderr and "kubectl delete asbc,asbpool,asb --all" in done.stderr
    cluster.must("-n", namespace, "scale", "asbpool", "warm", "--replicas=0")
    cluster.must("-n", namespace, "apply", "-f", "-", input=claim("mine", pool="warm"))
    done = run("--uninstall-guard", "30")
    assert done.returncode == 1
    assert f"AgentSandboxClaims are left, in the namespaces {namespace} (1)" in done.stderr
    assert made not in done.stderr
    cluster.must("-n", namespace, "delete", "asbc,asbpool,asb", "--all")
    done = run("--uninstall-guard", "60")
    assert done.returncode == 0, done.stderr


def test_guard_passes_once_the_operator_has_cleaned_up(stockade, run, namespace):
    cluster = stockade.cluster
    cluster.must("-n", namespace, "apply", "-f", "-", input=sandbox())
    eventually(lambda: policy_of(cluster, namespace))
    cluster.must("-n", namespace, "delete", "asb", "agent")
    done = run("--uninstall-guard", "30")
    assert done.returncode == 0, done.stderr
    assert not policy_of(cluster, namespace)


def test_guard_releases_what_no_operator_releases_but_not_under_a_pod(stockade, run, namespace):
    """The operator has died; a pod with a finalizer outlives its sandbox."""
    cluster = stockade.cluster
    cluster.must("-n", namespace, "apply", "-f", "-", input=sandbox())
    eventually(lambda: cluster.kubectl("-n", namespace, "get", "pod", "asb-agent").returncode == 0)
    cluster.must(
        "-n", namespace, "patch", "pod", "asb-agent", "--type=merge",
        "-p", '{"metadata":{"finalizers":["stockade.test/held"]}}',
    )  # fmt: skip
    stockade.operator.kill()
    try:
        cluster.must("-n", namespace, "delete", "asb", "agent", "--wait=false")
        cluster.must("-n", namespace, "delete", "pod", "asb-agent", "--wait=false")
        eventually(lambda: nothing_left(cluster, namespace))
        done = run("--uninstall-guard", "1")
        assert done.returncode == 1
        assert f"the pod {namespace}/asb-agent of a sandbox is left" in done.stderr
        assert policy_of(cluster, namespace), "the boundary stands while the pod does"
        cluster.must(
            "-n", namespace, "patch", "pod", "asb-agent", "--type=json",
            "-p", '[{"op":"remove","path":"/metadata/finalizers"}]',
        )  # fmt: skip
        done = run("--uninstall-guard", "30")
        assert done.returncode == 0, done.stderr
        assert not policy_of(cluster, namespace)
    finally:
        stockade.operator.start()
