"""Random sandboxes, made from the CRD's schema: what the libraries, the webhook, the API server and `stockade lint` say of
each of them is the same, and a pod that is rendered is one that Pod Security admission takes as `restricted`.

    STOCKADE_PROPERTY_SEED   the seed; a new one each time unless set, and always printed
    STOCKADE_PROPERTY_RUNS   how many sandboxes; 300 unless set
"""

import collections
import contextlib
import json
import os
import pathlib
import re
import secrets
import subprocess

import pytest

from admission import findings_of
from api_client import PODS, SANDBOXES, ApiClient
from stockade import BUILD
from stockade_cli import is_of_schema, run

GENERATOR = BUILD / "tests" / "unit" / "property" / "random-sandboxes"
SEED = int(os.environ.get("STOCKADE_PROPERTY_SEED", secrets.randbelow(10**6)))
RUNS = int(os.environ.get("STOCKADE_PROPERTY_RUNS", "300"))
RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}


@pytest.fixture(scope="module")
def sandboxes():
    """One dict for each: sandbox, errors as [code, field], and the rendered pod or None."""
    done = subprocess.run([str(GENERATOR), str(SEED), str(RUNS)], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def space(cluster):
    """A namespace that enforces `restricted`, in a cluster that has the RuntimeClass of microVMs as well."""
    microvm = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata"}, "handler": "kata"}
    cluster.must("apply", "-f", "-", input=microvm)
    with cluster.new_namespace("random", RESTRICTED) as name:
        yield name
    cluster.must("delete", "runtimeclass", "kata")


def member_path(field):
    """The path of an unknown field as the schema writes it: "spec.x", where the rule has "spec[x]"."""
    return re.sub(r"\[([A-Za-z0-9_-]+)\]$", r".\1", field)


def said_by(response):
    return sorted([cause["reason"], cause["field"]] for cause in findings_of(response))


def test_webhook_judges_like_the_libraries(webhook, sandboxes, record_property):
    record_property("seed", SEED)
    for made in sandboxes:
        response = webhook.review(made["sandbox"])
        said = said_by(response)
        expected = sorted(made["errors"])
        if expected and expected[0][0] == "FieldValueInvalid":
            assert {code for code, _ in said} == {"FieldValueInvalid"}, (SEED, made)
        else:
            assert said == expected, (SEED, made)
        assert response["allowed"] is (not expected), (SEED, made)


def test_server_admits_what_the_webhook_admits_and_nothing_else(api, webhook, space, sandboxes, capsys):
    """With fieldValidation=Strict: what the API server admits, the webhook admits; the schema may refuse more."""
    counts = collections.Counter()
    for made in sandboxes:
        made["sandbox"]["metadata"]["namespace"] = space
        answer = api.create(SANDBOXES.format(namespace=space), made["sandbox"], validation="Strict")
        if answer.admitted:
            counts["admitted"] += 1
            assert webhook.review(answer.body)["allowed"] is True, (SEED, made)
            assert not made["errors"], (SEED, made)
        elif answer.by_webhook:
            counts["refused by the webhook"] += 1
            # Nulls and defaults are the API server's to fill in, so the fields may be others.
            assert answer.codes <= {code for code, _ in made["errors"]}, (SEED, made, answer)
        else:
            counts["refused by the schema"] += 1
    with capsys.disabled():
        print(f"\nrandom sandboxes, seed {SEED}: {dict(counts)}")
    assert RUNS < 100 or min(counts.values()) > RUNS / 50 and len(counts) == 3, counts


def rendered_pods(sandboxes, space):
    """(what was made, its pod) for each sandbox that has one, as the API server might take it."""
    for made in sandboxes:
        pod = made["pod"]
        if pod is None:
            continue
        pod["metadata"]["namespace"] = space
        pod["metadata"].pop("ownerReferences", None)  # a sandbox that is not stored has no uid
        for field in ("priorityClassName", "preemptionPolicy"):  # of a class that is not there
            pod["spec"].pop(field, None)
        yield made, pod


def test_guards_and_admission_policies_take_rendered_pods(stockade, api, space, sandboxes):
    """What the floor admits the operator can create: no layer behind it draws a tighter line."""
    assert all(stockade.layers().values())
    counts = collections.Counter()
    with contextlib.closing(ApiClient(stockade.directory / "operator.kubeconfig")) as operator:
        for made, pod in rendered_pods(sandboxes, space):
            answer = operator.create(PODS.format(namespace=space), pod)
            for layer in ("ValidatingAdmissionPolicy", "admission webhook", "cannot create resource"):
                assert layer not in answer.message, (SEED, answer.message, made)
            counts[answer.admitted] += 1
    assert counts[True] > counts[False], counts


def test_rendered_pods_are_taken_as_restricted(api, space, sandboxes, unguarded, capsys):
    """A pod may be refused for its grammar, which is the API server's affair; never for what it would be allowed."""
    counts = collections.Counter()
    for made, pod in rendered_pods(sandboxes, space):
        answer = api.create(PODS.format(namespace=space), pod, validation="Strict")
        assert "violates PodSecurity" not in answer.message, (SEED, answer.message, made)
        # Nothing is rendered that this Kubernetes does not know.
        assert "unknown field" not in answer.message, (SEED, answer.message, made)
        # Whatever else forbids it would have kept Pod Security admission from being asked.
        assert answer.code != 403, (SEED, answer.message, made)
        counts["admitted" if answer.admitted else answer.body.get("reason")] += 1
    with capsys.disabled():
        print(f"\nrendered pods, seed {SEED}: {dict(counts)}")
    assert counts["admitted"] > sum(counts.values()) / 2, counts


def test_lint_says_the_same(sandboxes, tmp_path):
    """`stockade lint` judges files as the webhook judges objects: the same rules find the same fields, no fewer and no
    more. What the schema finds comes on top: the API server would have refused it before the webhook."""
    for number, made in enumerate(sandboxes):
        (tmp_path / f"{number}.yaml").write_text(json.dumps(made["sandbox"]))
    report = json.loads(run("lint", "--output", "json", tmp_path).stdout)
    linted = {entry["name"]: entry["findings"] for entry in report["objects"]}
    unreadable = {pathlib.Path(problem["file"]).stem for problem in report["unreadable"]}
    compared = 0
    for number, made in enumerate(sandboxes):
        if str(number) in unreadable:  # such as a text with a NUL, which YAML does not take
            continue
        said = [
            [finding["code"], finding["field"]]
            for finding in linted[made["sandbox"]["metadata"]["name"]]
            if finding["severity"] == "error"
        ]
        if made["errors"] and made["errors"][0][0] == "FieldValueInvalid":
            # One that cannot be decoded, of which lint still judges the rest.
            assert any(is_of_schema(code) for code, _ in said), (SEED, made)
            continue
        # A field that does not exist is told once, with the name that was meant.
        unknown = {field for code, field in said if code == "UnknownField"}
        expected = sorted(
            [code, field]
            for code, field in made["errors"]
            if code != "UnreviewedField" or member_path(field) not in unknown
        )
        assert sorted(one for one in said if not is_of_schema(one[0])) == expected, (SEED, made, said)
        compared += 1
    assert len(unreadable) < len(sandboxes) / 10
    assert compared > len(sandboxes) / 3
