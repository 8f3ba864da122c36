"""What the tests of the chart share: the tools, the chart as helm renders it, and a cluster with the
CustomResourceDefinitions of others that it has objects for."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from cluster import CRDS, running_cluster  # noqa: E402
from schemas import foreign_crds  # noqa: E402

BUILD = pathlib.Path(os.environ.get("STOCKADE_BUILD_DIR", ROOT / "build" / "release"))
CHART = ROOT / "charts" / "stockade"
NAMESPACE = "stockade-system"


def tool(name):
    """The path of a tool: that of STOCKADE_TEST_NAME, which hack/suites/chart sets, or one on the PATH."""
    path = os.environ.get(f"STOCKADE_TEST_{name.upper()}") or shutil.which(name)
    assert path, f"no {name}: run hack/suites/chart"
    return path


def sets(values):
    """Arguments of helm for {"operator.replicas": "1"}; values are as on helm's command line."""
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def complaint_about(config, name):
    """What a program says of its configuration file, whose name such a message begins with. It gets no further in any
    case: neither a cluster nor certificates are there."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("KUBE")}
    done = subprocess.run(
        [str(BUILD / name / f"stockade-{name}"), "--config", str(config)],
        env=environment, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode != 0
    return done.stderr if str(config) in done.stderr else ""


def remove_crds(cluster, *paths):
    """Waits for their end. An API server may forget about one that goes soon after it came, until it looks at all of them
    again, which it does every 5 minutes. So what can do without does."""
    for path in paths or (CRDS,):
        cluster.must("delete", "-f", str(path), "--ignore-not-found", timeout=400)


class Helm:
    """helm for one release in one namespace; of a cluster, where a kubeconfig is given."""

    def __init__(self, kubeconfig=None, release="stockade"):
        self.release = release
        self.environment = os.environ | ({"KUBECONFIG": kubeconfig} if kubeconfig else {})

    def run(self, command, *args):
        """The CompletedProcess, whatever the exit code."""
        return subprocess.run(
            [tool("helm"), command, *args], env=self.environment, capture_output=True, text=True, check=False,
            timeout=180,
        )  # fmt: skip

    def must(self, command, *args):
        done = self.run(command, *args)
        assert done.returncode == 0, f"helm {command} {' '.join(args)}: {done.stderr}"
        return done.stdout

    def template(self, values=None, *args):
        return self.must("template", self.release, str(CHART), "--namespace", NAMESPACE, *sets(values or {}), *args)

    def objects(self, values=None, *args):
        return [document for document in yaml.safe_load_all(self.template(values, *args)) if document]

    def upgrade(self, values=None):
        """Installs the release or upgrades it, and waits until its Deployments are there. CRDs that another test left
        become the release's."""
        self.must(
            "upgrade", "--install", self.release, str(CHART), "--namespace", NAMESPACE, "--reset-values", "--wait",
            "--timeout", "90s", "--take-ownership", *sets(values or {}),
        )  # fmt: skip


@pytest.fixture(scope="session")
def helm():
    return Helm()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A cluster with the CRDs of others and without Stockade's: the chart brings those."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        for path in foreign_crds():
            for crd in yaml.safe_load_all(path.read_text()):
                # Their labels are templates of a chart.
                bare = crd | {"metadata": {"name": crd["metadata"]["name"]}}
                running.must("apply", "--server-side", "-f", "-", input=bare)
        yield running
