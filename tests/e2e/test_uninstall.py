"""The chart without a single value, from its installation to its end, with hooks that really run. Afterwards the node has
no Stockade: this file's tests are the last."""

import os
import subprocess

import pytest
import yaml
from conftest import ROOT, SYSTEM, setting, wait_for_reviews

from cluster import EXAMPLES, eventually
from pods import IMAGE, RESTRICTED, Pods

GUARD = "job/stockade-uninstall-guard"
MAKE_PODS = "agentsandboxclaims,agentsandboxpools,agentsandboxes"


@pytest.fixture(scope="module")
def helm(cluster):
    """helm(COMMAND, *args) -> CompletedProcess, whatever the exit code."""

    def run(command, *args):
        environment = os.environ | {"KUBECONFIG": cluster.kubeconfig, "HELM_NAMESPACE": SYSTEM}
        return subprocess.run(
            [setting("STOCKADE_TEST_HELM"), command, *args], env=environment, capture_output=True, text=True, timeout=240,
            check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def must(helm):
    def run(command, *args):
        done = helm(command, *args)
        assert done.returncode == 0, f"helm {command}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="module")
def released(cluster, must):
    """The chart with its defaults, on a node that has none of it."""
    if must("list", "--all", "--short").strip():
        cluster.must("delete", MAKE_PODS, "--all", "--all-namespaces", timeout=120)
        must("uninstall", "stockade", "--wait")
    must("install", "stockade", str(ROOT / "charts" / "stockade"), "--create-namespace", "--wait", "--timeout", "120s")
    wait_for_reviews(cluster)
    return must


@pytest.fixture(scope="module")
def agents(cluster, released):
    """A namespace with a sandbox that is Ready."""
    with cluster.new_namespace("agents", RESTRICTED) as name:
        pods = Pods(cluster, name)
        sandbox = yaml.safe_load((EXAMPLES / "minimal.yaml").read_text())
        sandbox["spec"]["podTemplate"]["spec"]["containers"][0]["image"] = IMAGE
        pods.must("apply", "-f", "-", input=sandbox)
        pods.must("wait", "--for=condition=Ready", "agentsandbox/minimal", "--timeout=60s", timeout=90)
        yield pods


def refuses_root(agents):
    done = agents.cluster.kubectl("-n", agents.namespace, "apply", "-f", str(EXAMPLES / "rejected" / "root-user.yaml"))
    return done.returncode != 0 and "[RootUser]" in done.stderr


def uid(agents):
    return agents.cluster.get("-n", agents.namespace, "pod", "asb-minimal")["metadata"]["uid"]


def test_the_defaults_are_a_working_product(agents, released):
    assert "Phase:          Succeeded" in released("test", "stockade")
    assert "Starting gVisor" in agents.output("asb-minimal", "dmesg")
    assert refuses_root(agents)
    deployed = agents.cluster.get("deployments", "-n", SYSTEM)["items"]
    assert {each["metadata"]["name"]: each["status"]["readyReplicas"] for each in deployed} == {
        "stockade-operator": 2, "stockade-webhook": 2,
    }  # fmt: skip


def test_an_upgrade_and_its_rollback_leave_sandboxes_alone(agents, released):
    before = uid(agents)
    released("upgrade", "stockade", str(ROOT / "charts" / "stockade"), "--wait", "--set", "operator.config.workers=8")
    assert refuses_root(agents)
    released("rollback", "stockade", "1", "--wait")
    assert refuses_root(agents)
    assert uid(agents) == before


def test_an_uninstall_is_refused_and_taken_back(agents, released, helm):
    before = uid(agents)
    done = helm("uninstall", "stockade")
    assert done.returncode != 0
    log = agents.cluster.must("-n", SYSTEM, "logs", GUARD)
    assert f"1 AgentSandboxes are left, in the namespaces {agents.namespace} (1)" in log
    assert "helm rollback" in log
    assert refuses_root(agents), "nothing was deleted"
    # What docs/install.md says about a release in this state.
    assert "has no deployed releases" in helm("upgrade", "stockade", str(ROOT / "charts" / "stockade")).stderr
    last = yaml.safe_load(released("history", "stockade", "-o", "yaml"))[-1]
    assert last["status"] == "uninstalling"
    released("rollback", "stockade", str(last["revision"]), "--wait")
    released("upgrade", "stockade", str(ROOT / "charts" / "stockade"), "--wait")
    assert refuses_root(agents)
    assert uid(agents) == before


def test_an_uninstall_leaves_what_it_should(agents, released):
    agents.must("delete", "agentsandbox", "minimal", timeout=90)
    released("uninstall", "stockade", "--wait")
    cluster = agents.cluster
    kinds = "deployments,jobs,pods,services,configmaps"
    labelled = ("-n", SYSTEM, "-l", "app.kubernetes.io/name=stockade")
    eventually(lambda: not cluster.get(kinds, *labelled)["items"], timeout=60)
    assert not cluster.get("networkpolicies", "-n", agents.namespace)["items"]
    cluster.must("get", "crd", "agentsandboxes.stockade.dev")
    kinds = "clusterroles,clusterrolebindings,validatingwebhookconfigurations,validatingadmissionpolicies"
    assert not [each for each in cluster.get(kinds)["items"] if each["metadata"]["name"].startswith("stockade")]
    cluster.must("delete", "namespace", SYSTEM, timeout=120)
    eventually(lambda: cluster.kubectl("get", "namespace", SYSTEM).returncode != 0)
