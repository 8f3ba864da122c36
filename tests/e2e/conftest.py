"""What the tests on a real node share: the node that hack/suites/e2e brought up, pods to try things from, and Stockade
as helm installs it there."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from cluster import Cluster  # noqa: E402
from pods import Pods  # noqa: E402

SYSTEM = "stockade-system"


def setting(name):
    assert name in os.environ, f"{name} is not set: run hack/suites/e2e"
    return os.environ[name]


@pytest.fixture(scope="session")
def node_directory():
    return pathlib.Path(setting("STOCKADE_TEST_NODE"))


@pytest.fixture(scope="session")
def hack_node(node_directory):
    """hack_node(COMMAND, *args) -> CompletedProcess of hack/node for this node, which has to succeed."""

    def run(command, *args):
        script = [str(ROOT / "hack" / "node"), command, "--dir", str(node_directory), "--", *args]
        return subprocess.run(script, capture_output=True, text=True, check=True, timeout=60)

    return run


@pytest.fixture(scope="session")
def cluster(node_directory):
    return Cluster(str(node_directory / "kubeconfig"), str(node_directory / "bin" / "kubectl"))


@pytest.fixture
def pods(cluster):
    """Makes pods in a namespace of the test's own."""
    with cluster.new_namespace() as name:
        yield Pods(cluster, name)


@pytest.fixture(scope="session")
def installed(cluster):
    """Stockade as the chart installs it, with the images that the suite gave the node. Two replicas of each program are
    for clusters with more than one node."""
    subprocess.run(
        [
            setting("STOCKADE_TEST_HELM"), "upgrade", "--install", "stockade", str(ROOT / "charts" / "stockade"),
            "--kubeconfig", cluster.kubeconfig, "--namespace", SYSTEM, "--create-namespace",
            "--wait", "--timeout", "90s", "--set", "image.pullPolicy=Never", "--set", "operator.replicas=1",
            "--set", "webhook.replicas=1", "--set", "operator.config.runtimeClasses.GVisor=gvisor",
        ],
        check=True,
    )  # fmt: skip
    return cluster
