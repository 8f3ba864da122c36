"""What the documents say for reading and copying, beside what it speaks of."""

import json
import re
import subprocess

import pytest
import yaml
from conftest import ROOT

CRDS = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]


def document(name):
    return (ROOT / "docs" / name).read_text()


def event(code, message, **fields):
    """An event of the API server's audit log, as much of it as a filter looks at."""
    status = {"code": code} | ({"message": message} if message else {})
    return {"verb": "create", "user": {"username": "alice"}, "responseStatus": status} | fields


FINDINGS = {"annotations": {"agentsandboxes.stockade.dev/findings": "HostNamespace"}}
REFUSED = {
    "by the webhook": event(403, 'admission webhook "agentsandboxes.stockade.dev" denied the request: ...', **FINDINGS),
    "by an admission policy": event(
        422, "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'stockade-hardened-pods' with binding "
        "'stockade-hardened-pods' denied request: [HostNamespace] ...",
    ),
    "as the webhook was away": event(
        500, 'Internal error occurred: failed calling webhook "agentsandboxes.stockade.dev": failed to call webhook: ...'
    ),
}  # fmt: skip
OTHER = {
    "allowed with a warning": event(201, None, **FINDINGS),
    "not found": event(404, 'agentsandboxes.stockade.dev "a" not found'),
    "a conflict": event(409, 'Operation cannot be fulfilled on agentsandboxes.stockade.dev "a"'),
    "of others": event(403, 'admission webhook "policy.example.com" denied the request'),
    "without a status": {"verb": "watch", "user": {"username": "alice"}},
}


def everything_refused(events):
    command = re.search(r"# Everything that was refused.*\njq -c '([^']+)' audit.log", document("audit.md"))[1]
    log = "".join(f"{json.dumps(each)}\n" for each in events)
    done = subprocess.run(["jq", "-c", command], input=log, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.splitlines()


@pytest.mark.parametrize("how", REFUSED)
def test_the_filter_of_the_audit_log_finds_a_refusal(how):
    (line,) = everything_refused([REFUSED[how]])
    assert json.loads(line)["why"] == REFUSED[how]["responseStatus"]["message"]


def test_the_filter_of_the_audit_log_finds_nothing_else():
    assert everything_refused(OTHER.values()) == []


def test_the_paths_of_reviews_and_the_caches_are_named(helm):
    text = document("configuration.md")
    paths = {
        webhook["clientConfig"]["service"]["path"]
        for each in helm.objects({"crds.install": "false"})
        if each["kind"] == "ValidatingWebhookConfiguration"
        for webhook in each["webhooks"]
    }
    assert len(paths) > 4
    assert [path for path in paths if f"`{path}`" not in text] == []
    caches = [f"`cache-{crd['spec']['names']['plural']}`" for crd in CRDS]
    assert [cache for cache in caches if cache not in text] == []


def test_every_review_with_findings_is_in_the_table_of_annotations():
    text = document("audit.md")
    for resource in ("agentsandboxes", "agentsandboxtemplates", "agentsandboxclaims"):
        assert f"`{resource}.stockade.dev/" in text
