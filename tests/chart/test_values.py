"""Values that the chart does not take, each with what it says, and the three places in which a value stands:
values.yaml, its schema and docs/chart-values.md."""

import json
import re

import pytest
import yaml
from conftest import CHART, ROOT

DIGEST = "sha256:" + "0" * 64

REFUSED = [
    ({"operater.replicas": "1"}, "additional properties 'operater' not allowed"),
    ({"webhook.replica": "1"}, "at '/webhook': additional properties 'replica' not allowed"),
    ({"operator.replicas": "3"}, "at '/operator/replicas': maximum: got 3, want 2"),
    ({"operator.replicas": "0"}, "at '/operator/replicas': minimum: got 0, want 1"),
    ({"operator.replicas": "two"}, "at '/operator/replicas': got string, want integer"),
    ({"image.pullPolicy": "Sometimes"}, "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent'"),
    ({"operator.image.digest": "sha256:abc"}, "at '/operator/image/digest'"),
    ({"webhook.certificates.mode": "magic"}, "at '/webhook/certificates/mode': value must be one of"),
    ({"webhook.certificates.certManager.issuerRef.kind": "Isuer"}, "value must be one of 'Issuer', 'ClusterIssuer'"),
    ({"webhook.certificates.certManager.duration": "90d"}, "at '/webhook/certificates/certManager/duration'"),
    ({"podSecurity.runAsUser": "0"}, "at '/podSecurity/runAsUser'"),
    ({"listenAddress": "localhost"}, "at '/listenAddress'"),
    ({"networkPolicy.apiServerCIDRs": "{10.0.0.1}"}, "at '/networkPolicy/apiServerCIDRs/0'"),
    ({"networkPolicy.apiServerPorts": "{0}"}, "at '/networkPolicy/apiServerPorts/0': minimum: got 0, want 1"),
    ({"monitoring.prometheusRule.disabled": "{Webhook}"}, "at '/monitoring/prometheusRule/disabled/0'"),
    ({"runtimeClasses.create.gvisor": ""}, "at '/runtimeClasses/create/gvisor': minLength: got 0, want 1"),
    ({"uninstall.timeoutSeconds": "5"}, "at '/uninstall/timeoutSeconds': minimum: got 5, want 30"),
    ({"webhook.url": "http://host:8443"}, 'webhook.url is "http://host:8443": write https://host:port'),
    ({"webhook.url": "https://host:8443/validate"}, "write https://host:port, without a path"),
    ({"webhook.caBundle": "-----BEGIN"}, "as base64 -w0 ca.crt prints it"),
    ({"webhook.caBundle": "QUJD"}, "leave it empty, or set the mode to files or certManager"),
    ({"webhook.deploy": "false"}, "set webhook.url to the https://host:port of the webhook"),
    ({"operator.config.http.address": ":1"}, "operator.config.http is set by the chart: remove it, and set the value"),
    ({"operator.config.kind": "X"}, "operator.config.kind is set by the chart: remove it"),
    ({"webhook.config.certificates.keyFile": "x"}, "remove it, and set the value webhook.certificates"),
    ({"operator.publicRoots.configMap": "Roots"}, "at '/operator/publicRoots/configMap'"),
    ({"operator.publicRoots.key": "a/b"}, "at '/operator/publicRoots/key'"),
    ({"operator.publicRoots.configMap": "roots"}, "operator.config has no egress, so that no gateway needs public roots"),
    (
        {"operator.publicRoots.configMap": "roots", "operator.config.egress.publicRootsFile": "/x"},
        "operator.config.egress.publicRootsFile is set by the chart where operator.publicRoots.configMap is",
    ),
    ({"webhook.shutdownDelaySeconds": "30"}, "webhook.terminationGracePeriodSeconds is 30: set it to 42 or more"),
    (
        {"webhook.autoscaling.enabled": "true", "webhook.autoscaling.minReplicas": "9"},
        "webhook.autoscaling.minReplicas is 9, which is more than maxReplicas, 6",
    ),
]


@pytest.mark.parametrize(("values", "message"), REFUSED, ids=[" ".join(values) for values, _ in REFUSED])
def test_bad_values_are_refused_with_a_clear_message(helm, values, message):
    arguments = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    done = helm.run("template", "stockade", str(CHART), *arguments)
    assert done.returncode != 0
    assert message in done.stderr


def defaults():
    return yaml.safe_load((CHART / "values.yaml").read_text())


def leaves(values, path=""):
    """(path, default) of each value that is no section."""
    for key, value in values.items():
        at = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value and key not in ("requests", "limits", "labels"):
            yield from leaves(value, at)
        else:
            yield at, value


def schema_properties(schema, path=""):
    for key, value in schema.get("properties", {}).items():
        at = f"{path}.{key}" if path else key
        yield at
        yield from schema_properties(value, at)


def test_the_schema_has_every_value_and_no_other():
    schema = json.loads((CHART / "values.schema.json").read_text())
    known = set(schema_properties(schema)) - {"global"}
    free = ("issuerRef.", "pullSecrets.")
    missing = [path for path, _ in leaves(defaults()) if path not in known]
    paths = [path for path, _ in leaves(defaults())]
    sections = {path.rsplit(".", depth)[0] for path in paths for depth in range(1, path.count(".") + 1)}
    surplus = known - {path for path, _ in leaves(defaults())} - sections
    assert not missing
    assert not [path for path in surplus if not any(part in path for part in free)]


def documented_values():
    """{value: default} of the tables in docs/chart-values.md."""
    text = (ROOT / "docs" / "chart-values.md").read_text()
    rows = re.findall(r"^\| `([a-zA-Z.]+)` \| `(.*?)` \|", text, re.MULTILINE)
    return {name: yaml.safe_load(default) for name, default in rows}


def test_every_value_is_documented_with_its_default():
    assert documented_values() == dict(leaves(defaults()))


def test_every_value_has_a_comment():
    """In values.yaml, each section and each value that does not explain itself: one comment a section at least."""
    text = (CHART / "values.yaml").read_text()
    for section in defaults():
        block = re.search(rf"(?:^#.*\n)*^{section}:.*\n(?:^[ #].*\n|^\n)*", text, re.MULTILINE)[0]
        assert "#" in block, f"values.yaml says nothing about {section}"
