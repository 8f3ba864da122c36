"""stockade beside a cluster: it says what the API server says, and what became of live sandboxes."""

import json
import re

import pytest
import yaml

from cluster import CRDS, EXAMPLES, eventually
from stockade_cli import findings, run
from test_crd import INVALID, VALID, sandbox

SCHEMA_CODES = re.compile(r"FieldValue\w+|UnknownField")


def refused_fields(message):
    """The fields that the API server's refusal names."""
    named = re.findall(r"((?:spec|metadata)[\w.\[\]/-]*): (?:Required|Invalid|Unsupported|Duplicate|Too)", message)
    return set(named) | set(re.findall(r'unknown field "([^"]+)"', message))


def create(kubectl, obj):
    return kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", input=obj)


@pytest.mark.parametrize("case", INVALID)
def test_what_the_api_server_refuses_lint_refuses_at_the_same_field(kubectl, case):
    wrong, _ = INVALID[case]
    refused = refused_fields(create(kubectl, wrong).stderr)
    found = {field for _, field in findings(yaml.safe_dump(wrong))}
    assert refused and refused <= found, f"the API server names {refused}, lint {found}"


@pytest.mark.parametrize("case", VALID)
def test_what_the_api_server_takes_lint_takes_by_its_schema(case):
    found = findings(yaml.safe_dump(VALID[case]))
    assert not [finding for finding in found if SCHEMA_CODES.fullmatch(finding[0])]


def pod_spec_schema():
    crd = yaml.safe_load((CRDS / "stockade.dev_agentsandboxes.yaml").read_text(encoding="utf-8"))
    (version,) = crd["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec["properties"]["podTemplate"]["properties"]["spec"]


def with_wrong_leaves(schema):
    """A value in which every scalar has a type that its schema does not allow."""
    if schema.get("x-kubernetes-int-or-string"):
        return [1]
    kind = schema["type"]
    if kind == "array":
        return [with_wrong_leaves(schema["items"])]
    if kind != "object":
        return [True]
    if "properties" in schema:
        return {name: with_wrong_leaves(value) for name, value in schema["properties"].items()}
    return {"key": with_wrong_leaves(schema["additionalProperties"])}


def with_unknown_fields(schema):
    """A value in which every object has a field that its schema does not know."""
    if schema.get("type") == "array":
        return [with_unknown_fields(schema["items"])]
    if schema.get("type") != "object" or "properties" not in schema:
        return None
    fields = {name: with_unknown_fields(value) for name, value in schema["properties"].items()}
    return {name: value for name, value in fields.items() if value is not None} | {"bogus": 1}


def of_pod_spec(value):
    wrong = sandbox()
    wrong["spec"]["podTemplate"]["spec"] = value
    return wrong


def found_in_parts(spec, code):
    """The fields that lint finds in a pod's spec, told one member of it at a time: it stops at a number of findings."""
    return {
        field
        for name, value in spec.items()
        for found, field in findings(yaml.safe_dump(of_pod_spec({name: value})))
        if found == code
    }


def test_every_field_of_the_pod_has_its_type(kubectl):
    """The API server tells every wrong type in the object; lint tells the same ones."""
    spec = with_wrong_leaves(pod_spec_schema())
    message = create(kubectl, of_pod_spec(spec)).stderr
    refused = set(re.findall(r"(spec\.podTemplate[\w.\[\]/-]*): Invalid value: [^:]*: \S+ in body must be of type", message))
    assert len(refused) > 300, message[:2000]
    assert refused == found_in_parts(spec, "FieldValueTypeInvalid")


def test_unknown_fields_are_found_in_every_object_of_the_pod(kubectl):
    spec = with_unknown_fields(pod_spec_schema())
    message = create(kubectl, of_pod_spec(spec)).stderr
    refused = set(re.findall(r'unknown field "(\S+[.]bogus)"', message))
    assert len(refused) > 100, message[:2000]
    assert refused == found_in_parts(spec, "UnknownField")


@pytest.fixture
def live(stockade, namespace, tmp_path):
    """live(command, *args, input=None): a command of stockade about the test's namespace."""
    config = tmp_path / "operator.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "config.stockade.dev/v1alpha1",
                "kind": "OperatorConfiguration",
                "runtimeClasses": {"GVisor": "gvisor"},
            }
        )
    )

    def command(*args, input=None):
        return run(
            *args, "--kubeconfig", stockade.cluster.kubeconfig, "-n", namespace, "--config", str(config), input=input
        )

    return command


SERVED = {
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "harness"}}}], "ports": [{"port": 8080}]}],
    "service": {"ports": [{"port": 8080}]},
    "volumeClaimTemplates": [
        {
            "metadata": {"name": "work"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    ],
    "mounts": [
        {"name": "work", "mountPath": "/work", "access": "Persistent", "volumeClaimTemplate": {"name": "work"}}
    ],
}


def apply(cluster, namespace, obj):
    cluster.must("apply", "-n", namespace, "-f", "-", input=obj)
    cluster.must("wait", "-n", namespace, "--for=condition=Ready", f"asb/{obj['metadata']['name']}", "--timeout=60s")


def test_diff_says_what_would_change(stockade, cluster, namespace, live):
    wanted = sandbox("agent", **SERVED)

    def diff(obj):
        return live("diff", "-", input=yaml.safe_dump(obj))

    new = diff(wanted)
    assert new.returncode == 1, new.stderr
    for title in ("NetworkPolicy stockade-deny-all", "PersistentVolumeClaim asb-agent-work", "Service asb-agent",
                  "NetworkPolicy asb-agent-ingress", "Pod asb-agent"):  # fmt: skip
        assert f"# {title} would be created" in new.stdout

    apply(cluster, namespace, wanted)
    same = diff(wanted)
    assert (same.returncode, same.stdout) == (0, ""), same.stdout + same.stderr

    changed = sandbox("agent", **SERVED)
    changed["spec"]["podTemplate"]["spec"]["containers"][0]["image"] = "registry.example/agent:2"
    changed["spec"]["podTemplate"]["metadata"] = {"labels": {"team": "a"}}
    del changed["spec"]["service"]
    shown = diff(changed)
    assert shown.returncode == 1
    assert "# Pod asb-agent would be deleted and created anew" in shown.stdout
    assert "-    image: registry.example/agent:1\n+    image: registry.example/agent:2\n" in shown.stdout
    assert "# Service asb-agent would be deleted" in shown.stdout
    assert "+    team: a" in shown.stdout
    assert "PersistentVolumeClaim" not in shown.stdout, "what stays is not shown"

    smaller = sandbox("agent", **SERVED)
    smaller["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "500Mi"
    assert "would be Stalled with ClaimImmutable" in diff(smaller).stdout

    suspended = diff(sandbox("agent", **SERVED, operatingMode="Suspended"))
    assert "# Pod asb-agent would be deleted\n" in suspended.stdout

    refused = sandbox("agent", **SERVED)
    refused["spec"]["podTemplate"]["spec"]["hostPID"] = True
    done = diff(refused)
    assert done.returncode == 2 and "[HostNamespace]" in done.stderr


def test_diff_sees_a_stranger_in_the_way(stockade, cluster, namespace, live):
    cluster.must("create", "-n", namespace, "service", "clusterip", "asb-agent", "--tcp=80")
    done = live("diff", "-", input=yaml.safe_dump(sandbox("agent", **SERVED)))
    assert done.returncode == 1
    assert "Service asb-agent exists and does not belong to this sandbox" in done.stdout


def test_explain_tells_the_state_of_a_sandbox(stockade, cluster, namespace, live):
    apply(cluster, namespace, sandbox("agent"))
    ready = live("explain", "sandbox", "agent")
    assert ready.returncode == 0, ready.stderr
    assert f"AgentSandbox {namespace}/agent is ready (PodReady)" in ready.stdout
    assert "What to do" not in ready.stdout

    unpullable = sandbox("unpullable")
    unpullable["spec"]["podTemplate"]["spec"]["containers"][0]["image"] = "unpullable.invalid/agent:1"
    cluster.must("apply", "-n", namespace, "-f", "-", input=unpullable)

    def reason():
        status = cluster.get("asb", "unpullable", "-n", namespace).get("status", {})
        conditions = {c["type"]: c for c in status.get("conditions", [])}
        return conditions.get("Ready", {}).get("reason") == "ImagePullFailed"

    eventually(reason)
    text = live("explain", "sandbox", "unpullable").stdout
    assert "is not ready (ImagePullFailed)" in text
    assert 'container "agent": waits, ' in text
    assert "check the image's name and tag" in text[text.index("What to do") :]

    missing = live("explain", "sandbox", "nobody")
    assert missing.returncode == 2
    assert f'there is no AgentSandbox "nobody" in namespace "{namespace}"' in missing.stderr


def test_a_cluster_that_cannot_be_reached_is_an_error(tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )
    done = run("diff", "--kubeconfig", kubeconfig, EXAMPLES / "minimal.yaml")
    assert done.returncode == 2 and "127.0.0.1" in done.stderr
    done = run("explain", "sandbox", "x", "--kubeconfig", tmp_path / "missing")
    assert done.returncode == 2 and "missing" in done.stderr
