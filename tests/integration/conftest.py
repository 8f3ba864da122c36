"""What the integration tests share: one cluster for the whole run, and a namespace for each test."""

import collections
import contextlib
import os
import pathlib
import secrets

import pytest

from admission import direct_reviews, wait_until_enforced
from api_client import ApiClient
from cluster import running_cluster
from stockade import running_stockade

HERE = pathlib.Path(__file__).resolve().parent


FAULT_ROWS = os.environ.get("STOCKADE_FAULT_ROWS") or secrets.choice("012")


def pytest_report_header():
    return f"STOCKADE_FAULT_ROWS={FAULT_ROWS}"


def is_left_out(item, seen):
    """In the short form, two of three rows of each fault table; `seen` counts the rows of each."""
    if not item.path.name.endswith("faults.py") or not item.originalname.startswith(("test_crash", "test_fault")):
        return False
    table = (item.path.name, item.originalname)
    seen[table] += 1
    return FAULT_ROWS != "all" and seen[table] % 3 != int(FAULT_ROWS)


def pytest_collection_modifyitems(config, items):
    """Fault tables are cut short, unless somebody asks for a row by its name. What judges the whole run comes last, and
    only when the run is whole."""
    if not any("::" in argument for argument in config.args):
        seen = collections.Counter()
        left_out = [item for item in items if is_left_out(item, seen)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    judges = [item for item in items if item.path.name == "test_rights.py"]
    ordinary = [item for item in items if item not in judges]
    all_files = {path for path in HERE.glob("test_*.py") if not path.name.endswith("faults.py")}
    if not all_files <= {item.path for item in items}:
        config.hook.pytest_deselected(items=judges)
        judges = []
    items[:] = ordinary + judges


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A cluster with Stockade's CRDs: the one that STOCKADE_TEST_KUBECONFIG names, or one of its own."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        running.install_crds()
        yield running


@pytest.fixture
def kubectl(cluster):
    """kubectl(*args, input=None) -> CompletedProcess."""
    return cluster.kubectl


@pytest.fixture
def namespace(cluster):
    """A fresh namespace."""
    with cluster.new_namespace() as name:
        yield name


@pytest.fixture(scope="module")
def stockade(cluster, tmp_path_factory):
    """The operator and the webhook, installed and running while the tests of one file last."""
    with running_stockade(cluster, tmp_path_factory.mktemp("stockade")) as running:
        yield running


@pytest.fixture(scope="module")
def webhook(stockade):
    """A client that sends reviews to the webhook itself."""
    with direct_reviews(stockade) as client:
        yield client


@pytest.fixture(scope="module")
def api(cluster, stockade):
    """A client of an API server that asks the webhook."""
    wait_until_enforced(cluster)
    with contextlib.closing(ApiClient(cluster.kubeconfig)) as client:
        yield client


@pytest.fixture
def unguarded(stockade):
    """While the test lasts, others can change what the operator owns, for it to make good."""
    with stockade.without_guards():
        yield
