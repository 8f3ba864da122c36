"""The rules of the floor through the real API server and webhook, and through `stockade lint`: a good and a bad case of
each, what the schema and the webhook say of the same objects, decoding that hides nothing, and ways round a policy that
other projects paid for."""

import copy
import json

import pytest
import yaml

from admission import codes_of, findings_of, review_of
from api_client import SANDBOXES
from cluster import ROOT
from stockade import sandbox
from stockade_cli import run
from test_crd import INVALID, VALID

CORPUS = ROOT / "tests" / "corpus" / "rules"
FILES = sorted(CORPUS.glob("*/*.yaml"))
BAD = [path for path in FILES if not path.stem.startswith("good")]
MODES = ("Ignore", "Warn", "Strict")


def in_corpus(path):
    return f"{path.parent.name}/{path.stem}"


def expectation(path):
    """("expect" or "warn", code, field) or ("pass", None, None), from the first line."""
    kind, _, rest = path.read_text().splitlines()[0].removeprefix("# ").partition(": ")
    return (kind, *rest.split(" ", 1)) if kind in ("expect", "warn") else (kind, None, None)


@pytest.fixture(scope="module")
def space(cluster, api):
    """A namespace with a suspended sandbox "existing"."""
    with cluster.new_namespace("floor") as name:
        stored = sandbox("existing", operatingMode="Suspended")
        answer = api.create(SANDBOXES.format(namespace=name), stored, dry_run=False)
        assert answer.admitted, answer.message
        yield name


# Every rule


@pytest.mark.parametrize("path", FILES, ids=in_corpus)
def test_rule_through_kubectl(cluster, webhook, space, path):
    kind, code, field = expectation(path)
    done = cluster.kubectl("-n", space, "create", "--dry-run=server", "-f", str(path))
    if kind == "expect":
        assert done.returncode != 0, done.stdout
        if "admission webhook" in done.stderr:
            assert f"{field}: [{code}] " in done.stderr, done.stderr
            assert "is refused by 1 rule:" in done.stderr, done.stderr
        # Where the schema refuses it first, the webhook would have.
        response = webhook.review(yaml.safe_load(path.read_text()))
        assert [(c["reason"], c["field"]) for c in findings_of(response)] == [(code, field)]
        return
    assert done.returncode == 0, done.stderr
    if kind == "warn":
        assert f"Warning: {field}: [{code}] " in done.stderr, done.stderr
    else:
        assert "Warning" not in done.stderr


# A name never changes.
@pytest.mark.parametrize("path", [path for path in BAD if path.parent.name != "SandboxName"], ids=in_corpus)
def test_rule_on_update(api, space, path):
    kind, code, field = expectation(path)
    spec = yaml.safe_load(path.read_text())["spec"]
    answer = api.replace_spec(SANDBOXES.format(namespace=space), "existing", spec)
    if kind == "warn":
        assert answer.admitted and any(f"[{code}]" in warning for warning in answer.warnings), answer
        return
    # Without fieldValidation the API server drops what it does not know.
    assert not answer.admitted or code == "UnreviewedField", answer
    if answer.by_webhook:
        assert answer.causes == [(code, field)]


# What the schema says beside the rule, where it sees the same mistake.
LINT_BESIDE = {
    "ClaimTemplate/bad": ("FieldValueInvalid", "spec.mounts"),
    "EgressHost/bad-deny": ("FieldValueInvalid", "spec.egress.deny[0].host"),
    "FieldType/bad": ("FieldValueTypeInvalid", "spec.podTemplate.spec.tolerations"),
    "IngressPeer/bad": ("FieldValueInvalid", "spec.ingress[0].from"),
    "IngressPeer/bad-both": ("FieldValueInvalid", "spec.ingress[0].from[0]"),
    "MountAccess/bad": ("FieldValueInvalid", "spec.mounts[0].access"),
    "MountPath/bad": ("FieldValueInvalid", "spec.mounts[0].mountPath"),
    "SandboxName/bad": ("FieldValueInvalid", "metadata.name"),
    "ServicePort/bad": ("FieldValueDuplicate", "spec.service.ports[1]"),
}
# What it says in the rule's place: a field that does not exist is told once.
LINT_INSTEAD = {"UnreviewedField/bad": ("UnknownField", "spec.podTemplate.spec.fromTheFuture")}


@pytest.mark.parametrize("path", FILES, ids=in_corpus)
def test_rule_through_lint(path):
    kind, code, field = expectation(path)
    expected = []
    if code:
        level = {"expect": "error", "warn": "warning"}[kind]
        expected.append((level, *LINT_INSTEAD.get(in_corpus(path), (code, field))))
    if in_corpus(path) in LINT_BESIDE:
        expected.append(("error", *LINT_BESIDE[in_corpus(path)]))
    done = run("lint", "--output", "json", path)
    (linted,) = json.loads(done.stdout)["objects"]
    said = [(finding["severity"], finding["code"], finding["field"]) for finding in linted["findings"]]
    assert sorted(said) == sorted(expected)
    assert done.returncode == (1 if kind == "expect" else 0), done.stderr


def test_differences_of_lint_are_of_the_corpus():
    assert LINT_BESIDE.keys() | LINT_INSTEAD.keys() <= {in_corpus(path) for path in BAD}


# The layers


# What the schema refuses and the webhook, asked directly, does not: the reason why that opens nothing.
NO_POD = "the API server refuses the pod that the operator would create, so nothing runs"
NO_POLICY = "the API server refuses the NetworkPolicy that the operator would create, so the pod stays shut off"
NO_SERVICE = "the API server refuses the Service that the operator would create"
NOT_READ = "neither the operator nor the webhook reads the field: nothing follows from it"
SCHEMA_ALONE = {
    "container without name": NO_POD,
    "two containers of one name": NO_POD,
    "pod labels that no pod takes": NO_POD,
    "restartPolicy of no pod": NO_POD,
    "imagePullPolicy": NO_POD,
    "restartPolicy of a container": NO_POD,
    "resizePolicy": NO_POD,
    "seLinuxChangePolicy": NO_POD,
    "operator of a label selector": NO_POD,
    "protocol": NO_POD,
    "port": NO_POD,
    "container name": NO_POD,
    "label value": NO_POD,
    "pod name in the template": NOT_READ,
    "unknown field of spec": NOT_READ,
    "node port": NOT_READ,
    "too many mounts": "the bound keeps the cost of CEL rules low; thirty-three mounts are as safe as thirty-two",
    "range that is none": NO_POLICY,
    "exception that is none": NO_POLICY,
    "ingress port 0": NO_POLICY,
    "ingress port name": NO_POLICY,
    "ingress protocol": NO_POLICY,
    "ports that end before they begin": NO_POLICY,
    "endPort of a named port": NO_POLICY,
    "endPort alone": NO_POLICY,
    "service without ports": "no Service is made",
    "targetPort 0": NO_SERVICE,
}

# What the schema takes and the webhook does not, by code: it needs more than one object's grammar to see.
WEBHOOK_ALONE = {
    "quantities as numbers and strings": {"ResourceLimit"},  # a request above its limit
    "claim made by the pod": {"ResourceLimit"},  # a claim that asks for no storage
}


@pytest.mark.parametrize("case", INVALID)
def test_what_the_schema_refuses_the_webhook_refuses(webhook, case):
    response = webhook.review(INVALID[case][0])
    assert response["allowed"] is (case in SCHEMA_ALONE), response


@pytest.mark.parametrize("case", VALID)
def test_what_the_schema_takes_the_webhook_takes(webhook, case):
    assert codes_of(webhook.review(VALID[case])) == WEBHOOK_ALONE.get(case, set())


def test_differences_of_the_layers_are_real():
    assert SCHEMA_ALONE.keys() <= INVALID.keys()
    assert WEBHOOK_ALONE.keys() <= VALID.keys()


@pytest.mark.parametrize("path", BAD, ids=in_corpus)
def test_server_and_webhook_agree_on_a_refusal(api, webhook, space, path):
    """Whatever layer answers: what is refused over the API is refused by the webhook alone, and the other way round."""
    obj = yaml.safe_load(path.read_text())
    for validation in MODES:
        answer = api.create(SANDBOXES.format(namespace=space), obj, validation=validation)
        judged = webhook.review(answer.body if answer.admitted else obj)
        assert judged["allowed"] is answer.admitted, (validation, answer, judged)


# Decoding


def text_of(pod, container=""):
    """An AgentSandbox as JSON text, with members put into its PodSpec and its container as they are written."""
    return (
        '{"apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox", "metadata": {"name": "text"}, "spec": '
        '{"podTemplate": {"spec": {"containers": [{"name": "agent", "image": "registry.example/agent:1"%s}]%s}}}}'
    ) % (container and ", " + container, pod and ", " + pod)


# Each says one thing twice, or says it in other letters: of the two readings one is dangerous.
AMBIGUOUS = {
    "duplicate, bad first": text_of('"hostPID": true, "hostPID": false'),
    "duplicate, bad last": text_of('"hostPID": false, "hostPID": true'),
    "duplicate list, bad first": text_of('"volumes": [{"name": "v", "hostPath": {"path": "/"}}], "volumes": []'),
    "duplicate list, bad last": text_of('"volumes": [], "volumes": [{"name": "v", "hostPath": {"path": "/"}}]'),
    "duplicate in a container": text_of(
        "", '"securityContext": {"privileged": true}, "securityContext": {"privileged": false}'
    ),
    "duplicate by an escape": text_of('"hostPID": false, "host\\u0050ID": true'),
    "other case": text_of('"HostPID": true, "hostNETWORK": true'),
    "both cases": text_of('"hostPID": false, "HostPID": true'),
    "other case in a container": text_of("", '"SecurityContext": {"privileged": true}'),
    "duplicate spec": text_of("").replace('"spec": {"podTemplate"', '"spec": {}, "spec": {"podTemplate"'),
    "duplicate kind": text_of("").replace('"kind": "AgentSandbox"', '"kind": "Pod", "kind": "AgentSandbox"'),
}


@pytest.mark.parametrize("validation", MODES)
@pytest.mark.parametrize("case", AMBIGUOUS)
def test_ambiguous_text_is_refused_or_stored_as_it_was_judged(api, webhook, space, case, validation):
    """Whichever reading the API server decides for, it is the one that the webhook judges."""
    answer = api.create(SANDBOXES.format(namespace=space), AMBIGUOUS[case], validation=validation)
    if validation == "Strict":
        assert answer.code == 400, answer
        return
    if not answer.admitted:
        assert answer.by_webhook and answer.codes & {"HostNamespace", "HostPathVolume", "PrivilegedContainer"}, answer
        return
    # What is stored has one reading, and it is clean.
    assert webhook.review(answer.body)["allowed"] is True
    stored = json.dumps(answer.body["spec"]).lower()
    assert '"hostpid": true' not in stored and "hostpath" not in stored and '"privileged": true' not in stored
    if validation == "Warn":
        assert answer.warnings, "nobody was told that something was dropped"


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_webhook_takes_no_ambiguous_review(webhook, case):
    """An API server sends none; whoever does, gets no answer that could be wrong."""
    review = json.dumps(review_of(sandbox("text")))
    text = review.replace(json.dumps(sandbox("text")), AMBIGUOUS[case])
    assert text != review
    status, answer = webhook.post(text)
    if "duplicate" in case:
        assert status == 400, answer
    else:
        assert status == 200 and codes_of(json.loads(answer)["response"]) == {"UnreviewedField"}, answer


def test_keys_of_the_review_itself_have_one_reading(webhook):
    bad = copy.deepcopy(sandbox("bad"))
    bad["spec"]["podTemplate"]["spec"]["hostPID"] = True
    review = review_of(sandbox("good"))
    members = json.dumps(review["request"])[1:-1]
    prefix = '{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {'
    for extra in (f'"object": {json.dumps(bad)}', '"operation": "DELETE"', '"uid": "another"'):
        assert webhook.post(f"{prefix}{members}, {extra}}}}}")[0] == 400, extra
    # Other letters are another key, which a later API server may have.
    status, answer = webhook.post(f'{prefix}{members}, "Object": {json.dumps(bad)}}}}}')
    assert status == 200 and json.loads(answer)["response"]["allowed"] is True
    del review["request"]["object"]
    review["request"]["Object"] = sandbox("good")
    status, answer = webhook.post(json.dumps(review))
    assert status == 400, answer


# Ways round a policy that other projects paid for; those of pods and their subresources are in the guards' tests


def with_pod(name="case", **fields):
    obj = sandbox(name)
    obj["spec"]["podTemplate"]["spec"] |= fields
    return obj


def test_cve_2021_25735_an_update_is_judged_by_the_new_object(api, webhook, space):
    """There a webhook read the fields of the new object as those of the old one."""
    good, bad = with_pod(), with_pod(hostPID=True)
    assert webhook.review(bad, "UPDATE", good)["allowed"] is False
    assert webhook.review(good, "UPDATE", bad)["allowed"] is True
    # No mercy for what was there before: the floor knows no ratchet.
    worse = with_pod(hostPID=True, hostIPC=True)
    assert len(findings_of(webhook.review(worse, "UPDATE", bad))) == 2
    path = SANDBOXES.format(namespace=space)
    assert api.replace_spec(path, "existing", bad["spec"]).codes == {"HostNamespace"}
    assert api.replace_spec(path, "existing", good["spec"]).admitted


def test_cve_2023_2727_and_2728_ephemeral_containers_skip_nothing(api, space):
    """There the policies for images and for secrets did not look at ephemeral containers; CVE-2024-3177: nor at
    envFrom, after that."""
    debug = {
        "name": "debug",
        "image": "A B",
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "envFrom": [{"prefix": "APP_", "secretRef": {"name": "s"}}],
    }
    answer = api.create(SANDBOXES.format(namespace=space), with_pod(ephemeralContainers=[debug]))
    where = "spec.podTemplate.spec.ephemeralContainers[0]"
    assert set(answer.causes) == {
        ("EphemeralContainer", "spec.podTemplate.spec.ephemeralContainers"),
        ("ImageReference", f"{where}.image"),
        ("SecretInAgent", f"{where}.env[0].valueFrom.secretKeyRef"),
        ("SecretInAgent", f"{where}.envFrom[0].secretRef"),
    }


def test_cve_2023_34091_a_deletion_timestamp_skips_nothing(webhook):
    """There an object that was being deleted passed by every policy. Here it may only be let go."""
    going = {"name": "case", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/a"]}
    good, bad = with_pod() | {"metadata": going}, with_pod(hostPID=True) | {"metadata": going}
    assert webhook.review(bad, "CREATE")["allowed"] is False
    assert webhook.review(bad, "UPDATE", good)["allowed"] is False
    assert webhook.review(bad, "UPDATE", with_pod(hostPID=True))["allowed"] is False
    released = bad | {"metadata": going | {"finalizers": []}}
    assert webhook.review(released, "UPDATE", bad)["allowed"] is True


def test_windows_pods_skip_nothing(api, space):
    """Rules of Kubernetes step aside for a pod that says it runs on Windows."""
    fields = {"hostNetwork": True, "securityContext": {"runAsUser": 0, "seccompProfile": {"type": "Unconfined"}}}
    path = SANDBOXES.format(namespace=space)
    linux = api.create(path, with_pod(**fields))
    windows = api.create(path, with_pod(**fields, os={"name": "windows"}))
    assert linux.codes == {"HostNamespace", "RootUser", "UnconfinedSeccomp"}
    assert windows.codes == linux.codes | {"WindowsPod"}


def test_other_versions_and_missing_answers_are_no_way_round(cluster, stockade):
    """`matchPolicy: Exact` misses an object that comes by another version; `failurePolicy: Ignore` all of them when the
    webhook is away."""
    configuration = cluster.get("validatingwebhookconfiguration", "stockade")
    for webhook in configuration["webhooks"]:
        assert webhook["matchPolicy"] == "Equivalent", webhook["name"]
        assert webhook["failurePolicy"] == "Fail", webhook["name"]
        assert webhook["sideEffects"] == "None", webhook["name"]


def test_what_a_user_writes_forges_no_line_of_an_answer(webhook):
    """CVE-2025-1974 was text of an object that ended in a configuration. Here text of an object ends in messages, in
    logs and terminals: it stays within its quotation marks."""
    obj = with_pod(nodeName='x"\n- spec: [Nothing] all is well\x1b[2J', hostname="a\r\nb")
    obj["spec"]["podTemplate"]["metadata"] = {"annotations": {"dev.gvisor.\n- x": "y"}}
    response = webhook.review(obj)
    message = response["status"]["message"]
    assert len(message.splitlines()) == 1 + len(findings_of(response)) == 4
    assert "\x1b" not in message and "\r" not in message


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_suspended_sandbox_skips_nothing(webhook, path):
    for obj in yaml.safe_load_all(path.read_text()):
        if obj["kind"] != "AgentSandbox":
            continue
        obj["spec"]["operatingMode"] = "Suspended"
        assert webhook.review(obj)["allowed"] is True
        obj["spec"]["podTemplate"]["spec"]["hostIPC"] = True
        assert codes_of(webhook.review(obj)) == {"HostNamespace"}
