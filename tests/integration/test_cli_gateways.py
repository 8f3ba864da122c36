"""stockade diff beside a cluster whose operator makes egress gateways: what would become of them, and no Secret."""

import copy
import json

import pytest
import yaml

from stockade import sandbox
from stockade_cli import run
from test_gateways import EGRESS, IMAGES, gateways, space  # noqa: F401  both are fixtures

CONFIG = {
    "apiVersion": "config.stockade.dev/v1alpha1",
    "kind": "OperatorConfiguration",
    "runtimeClasses": {"GVisor": "gvisor"},
    "egress": {"images": IMAGES},
}


@pytest.fixture
def diff(space, tmp_path):  # noqa: F811
    """diff(sandbox): what `stockade diff` says of it."""
    config = tmp_path / "operator.yaml"
    config.write_text(yaml.safe_dump(CONFIG))

    def command(obj):
        return run(
            "diff", "-", "--kubeconfig", space.cluster.kubeconfig, "-n", space.name, "--config", str(config),
            input=yaml.safe_dump(obj),
        )  # fmt: skip

    return command


def secrets(space):  # noqa: F811
    """Of the gateway that there is now; the garbage collector may still have some of an earlier one to remove."""
    uid = space.must("get", "service", "asg-agent", "-o", "jsonpath={.metadata.uid}")
    found = json.loads(space.must("get", "secrets", "-o", "json"))["items"]
    owned = (obj["metadata"] for obj in found if "ownerReferences" in obj["metadata"])
    return sorted(metadata["name"] for metadata in owned if metadata["ownerReferences"][0]["uid"] == uid)


def told(done):
    return [line for line in done.stdout.splitlines() if line.startswith("# ")]


def test_a_new_sandbox_gets_a_gateway(diff):
    done = diff(sandbox(egress=EGRESS))
    assert done.returncode == 1, done.stderr
    titles = (
        "NetworkPolicy stockade-gateway-deny-all", "ServiceAccount stockade-gateway", "Service asg-agent",
        "ConfigMap asg-agent-gateway", "ConfigMap asg-agent-authorities", "ConfigMap asg-agent-sandboxes",
        "NetworkPolicy asg-agent-gateway", "NetworkPolicy asg-agent-sandboxes", "Deployment asg-agent", "Pod asb-agent",
    )  # fmt: skip
    for title in titles:
        assert f"# {title} would be created" in told(done), done.stdout
    (line,) = [line for line in told(done) if line.startswith("# Secrets ")]
    assert "asg-agent-gateway-uid, asg-agent-leaves-uid and asg-agent-sandbox-uid would be created" in line


def test_nothing_would_change_of_what_the_operator_has_made(space, diff):  # noqa: F811
    space.ready_pod(sandbox(egress=EGRESS))
    done = diff(sandbox(egress=EGRESS))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_another_host_changes_the_gateway(space, diff):  # noqa: F811
    space.ready_pod(sandbox(egress=EGRESS))
    wanted = copy.deepcopy(EGRESS)
    wanted["allow"].append({"host": "more.example.com"})
    done = diff(sandbox(egress=wanted))
    assert done.returncode == 1, done.stderr
    assert "# ConfigMap asg-agent-gateway would be changed" in told(done)
    assert "# Deployment asg-agent would be changed: a new pod of the gateway takes over from the old one" in told(done)
    added = [line for line in done.stdout.splitlines() if line.startswith("+")]
    assert any("more.example.com" in line for line in added)
    # Configurations are shown by lines, the longest of which are regular expressions of 6 KiB.
    assert [line for line in added if len(line) >= 8000] == []
    issued = [line for line in told(done) if line.startswith("# Secrets ")]
    assert issued == [
        f"# Secrets {', '.join(secrets(space)[:2])} and {secrets(space)[2]} would be issued anew; what is in them is "
        "neither read nor shown"
    ]


def test_without_egress_the_gateway_would_go(space, diff):  # noqa: F811
    space.ready_pod(sandbox(egress=EGRESS))
    done = diff(sandbox())
    assert done.returncode == 1, done.stderr
    for title in ("Service asg-agent", "ConfigMap asg-agent-gateway", "NetworkPolicy asg-agent-sandboxes",
                  "Deployment asg-agent"):  # fmt: skip
        assert f"# {title} would be deleted" in told(done), done.stdout
    (line,) = [line for line in told(done) if line.startswith("# Secrets ")]
    assert all(name in line for name in secrets(space)) and "would be deleted with the gateway's Service" in line


def test_what_was_changed_behind_the_operators_back_differs(space, gateways, diff):  # noqa: F811
    """Seen while the operator is away, which would put it right."""
    space.ready_pod(sandbox(egress=EGRESS))
    gateways.stop()
    try:
        space.must("scale", "deployment", "asg-agent", "--replicas=0")
        done = diff(sandbox(egress=EGRESS))
    finally:
        gateways.start()
    assert told(done) == ["# Deployment asg-agent would be changed"], done.stdout + done.stderr
    assert "-  replicas: 0\n+  replicas: 1\n" in done.stdout


def test_a_suspended_sandbox_leaves_a_gateway_without_pods(space, diff):  # noqa: F811
    space.ready_pod(sandbox(egress=EGRESS))
    done = diff(sandbox(egress=EGRESS, operatingMode="Suspended"))
    assert told(done) == ["# Deployment asg-agent would be changed", "# Pod asb-agent would be deleted"], done.stdout
    assert "-  replicas: 1\n+  replicas: 0\n" in done.stdout
