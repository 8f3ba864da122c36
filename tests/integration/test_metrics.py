"""docs/metrics.md lists the metrics that both programs export: each of them, and no other."""

import re
import urllib.request

import pytest

from binding_space import claim, pool, template
from cluster import ROOT, eventually
from stockade import sandbox


def documented(program):
    """{metric: its labels} of the table under the heading of a program, and of the one for both."""
    text = (ROOT / "docs" / "metrics.md").read_text()
    found = {}
    for heading, section in re.findall(r"^## (.*?)$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        if heading in (program, "Both programs"):
            for name, labels in re.findall(r"^\| `([a-z_]+)` \|[^|]*\|([^|]*)\|", section, re.MULTILINE):
                found[name] = set(re.findall(r"`(\w+)`", labels))
    assert found, f"docs/metrics.md has no table for {program}"
    return found


def exported(program):
    """{metric: the labels of its samples} as the program answers now."""
    with urllib.request.urlopen(f"http://127.0.0.1:{program.http_port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    found = {line.split()[2]: set() for line in lines if line.startswith("# TYPE ")}
    for line in lines:
        if line and not line.startswith("#"):
            name, labels = re.match(r"([a-zA-Z_:]+)(?:\{(.*)\})? ", line).groups()
            family = name if name in found else re.sub(r"_(bucket|sum|count)$", "", name)
            found[family] |= set(re.findall(r'(\w+)="', labels or "")) - {"le"}
    return found


@pytest.mark.parametrize("name", ["Operator", "Webhook"])
def test_every_metric_is_documented(stockade, namespace, unguarded, name):
    # A sandbox that is accepted and becomes ready, and one that is refused: families appear with their first sample.
    cluster = stockade.cluster
    cluster.must("-n", namespace, "apply", "-f", "-", input=sandbox())
    cluster.must("-n", namespace, "wait", "asb/agent", "--for=condition=Ready", "--timeout=60s")
    cluster.must("-n", namespace, "apply", "-f", "-", input=[template(), pool(replicas=1), claim("mine", pool="warm")])
    bad = sandbox(name="bad")
    bad["spec"]["podTemplate"]["spec"]["hostNetwork"] = True
    assert cluster.kubectl("-n", namespace, "apply", "-f", "-", input=bad).returncode != 0
    # A repair, of which users are told by an event.
    cluster.must(
        "-n", namespace, "patch", "networkpolicy", "stockade-deny-all", "--type=merge",
        "-p", '{"spec":{"egress":[{}]}}',
    )  # fmt: skip
    program = getattr(stockade, name.lower())
    wanted = documented(name)

    def complete():
        return exported(program).keys() >= wanted.keys()

    if name == "Operator":
        eventually(complete)
    assert exported(program) == wanted
