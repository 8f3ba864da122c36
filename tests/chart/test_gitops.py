"""gitops/: what Argo CD and Flux make of an object of each kind in each of its states, and that Kustomize builds the
base.

The objects in recorded/ were left behind by a real operator: record_states.py."""

import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml
from conftest import ROOT, tool

from cluster import eventually

GITOPS = ROOT / "gitops"
RECORDED = pathlib.Path(__file__).resolve().parent / "recorded"

# state: (Argo CD, Flux, what Argo CD's message begins with)
STATES = {
    "new": ("Progressing", "inProgress", "the operator has not looked at this spec yet"),
    "unobserved": ("Progressing", "inProgress", "the operator has not looked at this spec yet"),
    "ready": ("Healthy", "current", "PodReady"),
    "succeeded": ("Healthy", "current", "PodSucceeded"),
    "failed": ("Degraded", "failed", "PodFailed"),
    "suspended": ("Suspended", "current", "PodGone"),
    "expired": ("Suspended", "current", "Expired"),
    "suspending": ("Progressing", "waiting", "Suspended"),
    "stalled": ("Degraded", "failed", "HostNamespace"),
    "widened": ("Degraded", "failed", "WidenedBy"),
    "unpullable": ("Degraded", "waiting", "ImagePullFailed"),
    "crashing": ("Degraded", "waiting", "CrashLoop"),
    "missing-runtime": ("Progressing", "waiting", "RuntimeClassMissing"),
    "proven": ("Healthy", "current", "PodReady"),
    "network-open": ("Degraded", "failed", "NetworkOpen"),
    "probe-fails": ("Degraded", "waiting", "ProbeFails"),
    "gateway-not-ready": ("Progressing", "waiting", "GatewayNotReady"),
    "claim-ready": ("Healthy", "current", "SandboxReady"),
    "claim-finished": ("Healthy", "current", "SandboxFinished"),
    "claim-expired": ("Healthy", "current", "Expired"),
    "claim-timed-out": ("Degraded", "failed", "TimedOut"),
    "claim-stalled": ("Degraded", "failed", "NameConflict"),
    "claim-not-allowed": ("Degraded", "waiting", "EnvNotAllowed"),
    "claim-crashing": ("Degraded", "waiting", "CrashLoop"),
    "claim-without-template": ("Progressing", "waiting", "TemplateNotFound"),
    "claim-starting": ("Progressing", "waiting", "RuntimeClassMissing"),
    "pool-full": ("Healthy", "current", "Full"),
    "pool-filling": ("Progressing", "waiting", "Filling"),
    "pool-without-template": ("Progressing", "waiting", "TemplateNotFound"),
    "pool-backing-off": ("Degraded", "waiting", "BackingOff"),
    "policy-applied": ("Healthy", "current", "Applied"),
    "policy-invalid": ("Degraded", "failed", "Invalid"),
}
# Those with a status; a template has none.
KINDS = ("AgentSandbox", "AgentSandboxClaim", "AgentSandboxPool", "AgentSandboxPolicy")


def recorded(state):
    return json.loads((RECORDED / f"{state}.json").read_text())


def test_every_recorded_state_is_judged():
    assert {path.stem for path in RECORDED.glob("*.json")} == set(STATES)
    assert {recorded(state)["kind"] for state in STATES} == set(KINDS)


def test_every_kind_with_a_status_is_judged():
    with_status = set()
    for path in (ROOT / "crds").glob("*.yaml"):
        spec = yaml.safe_load(path.read_text())["spec"]
        if any("status" in version.get("subresources", {}) for version in spec["versions"]):
            with_status.add(spec["names"]["kind"])
    assert with_status == set(KINDS)


def lua(value):
    """A value as Lua writes it; null is what is not there."""
    if isinstance(value, dict):
        return "{" + ",".join(f"[{lua(key)}]={lua(each)}" for key, each in value.items() if each is not None) + "}"
    if isinstance(value, list):
        return "{" + ",".join(lua(each) for each in value) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(f"\\{byte:03d}" for byte in value.encode()) + '"'
    return repr(value)


def argo_health(obj):
    """What the health check says, under the version of the language that Argo CD has."""
    check = (GITOPS / "argocd" / f"{obj['kind'].lower()}-health.lua").read_text()
    script = (
        f"obj = {lua(obj)}\nlocal function check()\n{check}\nend\n"
        'local hs = check()\nio.write(hs.status, "\\n", hs.message)\n'
    )
    done = subprocess.run(["lua5.1", "-"], input=script, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    status, message = done.stdout.split("\n", 1)
    return status, message


@pytest.mark.parametrize("state", STATES)
def test_argo_cd_sees_the_state(state):
    status, message = argo_health(recorded(state))
    assert status == STATES[state][0]
    assert message.startswith(STATES[state][2])


# One of each kind.
ONE_EACH = ("ready", "claim-ready", "pool-full", "policy-applied")


@pytest.mark.parametrize("state", ONE_EACH)
def test_argo_cd_sees_an_object_that_the_operator_has_not_looked_at(state):
    obj = recorded(state)
    obj["metadata"]["generation"] += 1
    assert argo_health(obj)[0] == "Progressing"
    del obj["status"]
    assert argo_health(obj)[0] == "Progressing"


def flux_expressions():
    """{kind: {name: expression}}, in the order in which Flux asks."""
    found = {}
    for check in yaml.safe_load((GITOPS / "flux" / "sandboxes.yaml").read_text())["spec"]["healthCheckExprs"]:
        assert check["apiVersion"] == "stockade.dev/v1alpha1"
        found[check["kind"]] = {name: check[name] for name in ("inProgress", "failed", "current") if name in check}
    assert tuple(found) == KINDS
    return found


RECORD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "records.test.stockade.dev"},
    "spec": {
        "group": "test.stockade.dev", "scope": "Namespaced",
        "names": {"plural": "records", "singular": "record", "kind": "Record"},
        "versions": [
            {
                "name": "v1", "served": True, "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}  # fmt: skip


def policies():
    """For each kind a policy that denies what an expression is true of, so that the API server tells its value: of
    several that are true the first, in the order in which Flux asks."""
    for kind, expressions in flux_expressions().items():
        metadata = {"name": f"flux.{kind.lower()}.test.stockade.dev"}
        yield {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": metadata,
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [
                        {"apiGroups": ["test.stockade.dev"], "apiVersions": ["v1"], "operations": ["CREATE"],
                         "resources": ["records"]}
                    ]
                },
                "matchConditions": [{"name": "kind", "expression": f"object.spec.kind == '{kind}'"}],
                "validations": [
                    # The variables of Flux are the fields of the object.
                    {"expression": "!(" + re.sub(r"\b(status|metadata)\.", r"object.\1.", expression) + ")",
                     "message": f"flux says {name}"}
                    for name, expression in expressions.items()
                ],
            },
        }  # fmt: skip
        yield {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": metadata, "spec": {"policyName": metadata["name"], "validationActions": ["Deny"]},
        }  # fmt: skip


@pytest.fixture(scope="module")
def flux(cluster):
    """flux(obj) -> the first of Flux's expressions that is true of it, or "waiting": by the API server's own CEL.

    The generation is the API server's to set, so that what was recorded is put beside it."""
    cluster.must("apply", "-f", "-", input=RECORD)
    # kubectl wait is an error as long as a new CRD has no conditions at all.
    eventually(lambda: cluster.kubectl("get", "records.test.stockade.dev").returncode == 0)
    cluster.must("apply", "-f", "-", input=list(policies()))

    def said(obj):
        status = dict(obj["status"])
        observed = status.pop("observedGeneration", None)
        if observed is not None:
            # A new object's generation is 1.
            status["observedGeneration"] = 1 - (obj["metadata"]["generation"] - observed)
        record = {
            "apiVersion": "test.stockade.dev/v1", "kind": "Record", "metadata": {"name": "record"},
            "spec": {"kind": obj["kind"]}, "status": status,
        }  # fmt: skip
        done = cluster.kubectl("create", "--dry-run=server", "-f", "-", input=record)
        assert done.returncode == 0 or "flux says" in done.stderr, done.stderr
        true = re.search(r"flux says (\w+)", done.stderr)
        return true[1] if true else "waiting"

    # A policy is in force a moment after it was written.
    def in_force():
        return all(said(recorded(state)) == "current" for state in ONE_EACH)

    eventually(in_force)
    yield said
    cluster.must("delete", "-f", "-", input=list(policies()))
    cluster.must("delete", "-f", "-", input=RECORD)


@pytest.mark.parametrize("state", STATES)
def test_flux_sees_the_state(flux, state):
    assert flux(recorded(state)) == STATES[state][1]


def kustomize(directory, *args):
    done = subprocess.run(
        [tool("kustomize"), "build", *args, str(directory)], capture_output=True, text=True, check=False, timeout=120,
        env=os.environ | {"PATH": f"{pathlib.Path(tool('helm')).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


INFLATE = ("--enable-helm", "--load-restrictor", "LoadRestrictionsNone")


def key(obj):
    return obj["kind"], obj["metadata"]["name"]


def test_the_kustomize_base_is_the_chart(helm):
    built = {key(each): each for each in kustomize(GITOPS / "kustomize" / "base", *INFLATE)}
    assert built.pop(("Namespace", "stockade-system"))
    rendered = {key(each): each for each in helm.objects({}, "--no-hooks")}
    assert built.keys() == rendered.keys()
    for name, each in rendered.items():
        assert built[name].get("spec") == each.get("spec"), name


def test_the_kustomize_overlay_changes_images_and_the_deployment():
    built = {key(each): each for each in kustomize(GITOPS / "kustomize" / "overlays" / "example", *INFLATE)}
    webhook = built["Deployment", "stockade-webhook"]["spec"]
    assert webhook["minReadySeconds"] == 10
    image = webhook["template"]["spec"]["containers"][0]["image"]
    assert image.startswith("registry.example.com/platform/stockade-webhook:")


def test_argo_cds_configuration_holds_the_health_checks():
    (configuration,) = kustomize(GITOPS / "argocd")
    assert configuration["data"] == {
        f"resource.customizations.health.stockade.dev_{kind}":
            (GITOPS / "argocd" / f"{kind.lower()}-health.lua").read_text()
        for kind in KINDS
    }  # fmt: skip


def test_the_examples_set_values_that_the_chart_has(helm):
    values = [
        document["spec"]["values"]
        for document in yaml.safe_load_all((GITOPS / "flux" / "helmrelease.yaml").read_text())
        if document["kind"] == "HelmRelease"
    ] + [
        document["spec"]["source"]["helm"]["valuesObject"]
        for document in yaml.safe_load_all((GITOPS / "argocd" / "application.yaml").read_text())
        if "helm" in document["spec"]["source"]
    ]
    assert len(values) == 2
    for each in values:
        helm.objects({}, "--set-json", f"image={json.dumps(each.pop('image'))}", *(
            word for name, value in each.items() for word in ("--set-json", f"{name}={json.dumps(value)}")
        ))  # fmt: skip
