"""What the tests on a real node share: the node that hack/suites/e2e brought up, pods to try things from, and Stockade
as helm installs it there."""

import contextlib
import copy
import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import internet as outside  # noqa: E402
from cluster import EXAMPLES, Cluster, eventually  # noqa: E402
from pods import Pods  # noqa: E402

SYSTEM = "stockade-system"
TABLE_TEST = "test_the_table_is_what_was_seen"


def pytest_collection_modifyitems(config, items):
    """The table of attacks is compared when every attack runs."""
    if config.option.keyword or any("::" in path for path in config.args):
        items[:] = [item for item in items if item.name != TABLE_TEST]


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


# Two replicas of each program are for clusters with more than one node.
VALUES = {
    "image": {"pullPolicy": "Never"},
    "webhook": {"replicas": 1, "podDisruptionBudget": {"enabled": False}},
    "operator": {
        "replicas": 1,
        "config": {
            "runtimeClasses": {"GVisor": "gvisor"},
            "egress": {
                "images": {"proxy": "localhost/stockade-envoy:test"},
                "clusterRanges": ["10.96.0.0/16", "10.244.0.0/16"],
                "shutTargets": [
                    "tcp://[$(KUBERNETES_SERVICE_HOST)]:$(KUBERNETES_SERVICE_PORT)", "tcp://[$(HOST_IP)]:10250",
                    f"tcp://{outside.HOST_ADDRESS}:443",
                    f"udp://{outside.DNS_ADDRESS}:53",
                ],
                "resolvers": [outside.DNS_ADDRESS],
            },
        },
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def install(cluster):
    """install(**egress) has helm install Stockade, or change what is installed, with the images that the suite gave the
    node, and with these settings of egress in the operator's configuration."""

    def run(**egress):
        values = copy.deepcopy(VALUES)
        values["operator"]["config"]["egress"] |= egress
        subprocess.run(
            [
                setting("STOCKADE_TEST_HELM"), "upgrade", "--install", "stockade", str(ROOT / "charts" / "stockade"),
                "--kubeconfig", cluster.kubeconfig, "--namespace", SYSTEM, "--create-namespace",
                "--wait", "--timeout", "90s", "--values", "-",
            ],
            input=yaml.safe_dump(values), text=True, check=True,
        )  # fmt: skip

    return run


def wait_for_reviews(cluster):
    """That the webhook's pod is Ready comes to kube-proxy a moment later than to helm, and to the API server its
    authority: until then it takes no sandbox."""
    asked = ("create", "--dry-run=server", "-f", str(EXAMPLES / "minimal.yaml"))
    eventually(lambda: cluster.kubectl(*asked).returncode == 0, timeout=60)


@pytest.fixture(scope="session")
def installed(cluster, install):
    """The cluster, with Stockade."""
    install()
    wait_for_reviews(cluster)
    return cluster


class Internet:
    """What is at the other end of the node's cable: `requests` are those that reached a host there."""

    def __init__(self, process):
        self._process = process
        self.requests = []

    def next_line(self):
        line = self._process.stdout.readline()
        assert line, "the internet has ended"
        return json.loads(line)

    def send(self, text):
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()

    def listen(self):
        for line in self._process.stdout:
            self.requests.append(json.loads(line))


@pytest.fixture(scope="session")
def internet(node_directory, hack_node):
    command = [str(ROOT / "hack" / "node"), "exec", "--dir", str(node_directory), "--"]
    command += ["unshare", "--net", "/usr/bin/python3", str(ROOT / "tests" / "e2e" / "internet.py"), "serve"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with contextlib.ExitStack() as stack:
        stack.callback(process.wait, timeout=30)
        stack.callback(process.stdin.close)
        found = Internet(process)
        found.send(pathlib.Path(setting("STOCKADE_TEST_INTERNET")).read_text())
        pid = str(found.next_line()["pid"])
        cable = ["link", "add", outside.NODE_INTERFACE, "type", "veth", "peer", "name", outside.INTERFACE, "netns", pid]
        hack_node("exec", "ip", *cable)
        hack_node("exec", "ip", "address", "add", f"{outside.NODE_ADDRESS}/24", "dev", outside.NODE_INTERFACE)
        hack_node("exec", "ip", "link", "set", outside.NODE_INTERFACE, "up")
        hack_node("exec", "ip", "route", "add", outside.METADATA_ADDRESS, "dev", outside.NODE_INTERFACE)
        found.send("the cable is there")
        assert found.next_line() == {"ready": True}
        threading.Thread(target=found.listen, daemon=True).start()
        yield found
