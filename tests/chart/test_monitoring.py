"""Alerts and dashboard: promtool's unit tests, and every metric that either names is one that the programs export."""

import json
import re
import subprocess

import yaml
from conftest import CHART, ROOT, Helm, tool

# Of the API server and of Prometheus itself.
OTHERS = {"apiserver_admission_webhook_rejection_count", "up"}
ALERTS = CHART / "files" / "alerts.yaml"
WORDS = {
    "and", "or", "on", "by", "sum", "max", "min", "rate", "time", "absent", "topk", "histogram_quantile", "increase",
    "min_over_time", "max_over_time", "unless", "group_left", "without", "ignoring",
}  # fmt: skip


def documented_metrics():
    text = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) \|", text, re.MULTILINE)
    assert len(rows) > 20
    suffixes = {"histogram": ["_bucket", "_sum", "_count"]}
    return {name + suffix for name, kind in rows for suffix in suffixes.get(kind, [""])}


def metrics_of(expression):
    """The names of metrics in a PromQL expression."""
    bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"|\[[^\]]*\]", " ", expression)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    return {word for word in re.findall(r"\b[a-z][a-z0-9_]*\b", bare) if word not in WORDS}


def alerts():
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def promtool(*args):
    done = subprocess.run([tool("promtool"), *args], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_the_alerts_valid():
    promtool("check", "rules", str(ALERTS))


def test_promtool_passes_the_unit_tests_of_the_alerts():
    promtool("test", "rules", str(ROOT / "tests" / "chart" / "alerts_test.yaml"))


def test_every_alert_has_a_unit_test_that_it_fires_and_one_that_it_does_not():
    text = (ROOT / "tests" / "chart" / "alerts_test.yaml").read_text()
    cases = [case for test in yaml.safe_load(text)["tests"] for case in test["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    names = {rule["alert"] for rule in alerts()}
    assert fires == names
    assert silent == names


def test_alerts_name_metrics_that_exist():
    known = documented_metrics() | OTHERS
    for rule in alerts():
        assert metrics_of(rule["expr"]) <= known, rule["alert"]


def test_every_alert_has_a_runbook():
    """docs/alerts.md has a heading for each, in the order of the file, and none for others."""
    headings = re.findall(r"^### (\w+)$", (ROOT / "docs" / "alerts.md").read_text(), re.MULTILINE)
    assert headings == [rule["alert"] for rule in alerts()]


def dashboard():
    return json.loads((CHART / "files" / "dashboard.json").read_text())


def test_the_dashboard_names_metrics_that_exist():
    known = documented_metrics() | OTHERS
    targets = [target for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    assert len(targets) > 10
    for target in targets:
        found = metrics_of(target["expr"])
        assert found and found <= known, target["expr"]


def test_no_label_is_taken_for_the_targets():
    """Prometheus gives every sample such labels of its target, and renames one of the program's that is called alike, unless
    the endpoint honours those."""
    of_targets = {"namespace", "pod", "service", "container", "endpoint", "job", "instance"}
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| ([^|]*)\|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
    labels = {label for _, cell in rows for label in re.findall(r"`(\w+)`", cell)}
    assert "pool" in labels
    endpoints = [
        each for monitor in Helm().objects({"monitoring.serviceMonitor.enabled": "true"}) if monitor["kind"] == "ServiceMonitor"
        for each in monitor["spec"]["endpoints"]
    ]  # fmt: skip
    assert endpoints
    for endpoint in endpoints:
        assert endpoint.get("honorLabels") or not labels & of_targets


def test_promtool_can_read_the_dashboards_expressions(tmp_path):
    rules = [
        {"record": f"panel:{panel['id']}:{index}", "expr": target["expr"].replace("$__rate_interval", "5m")}
        for panel in dashboard()["panels"]
        for index, target in enumerate(panel.get("targets", []))
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(path))


def test_panels_have_titles_and_do_not_overlap():
    taken = {}
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert panel["title"] and place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies over {taken[x, y]}"
                taken[x, y] = panel["title"]
    identifiers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(identifiers) == len(set(identifiers))
