"""AgentSandboxPolicies through kubectl: what they refuse, warn of and record, and what becomes of sandboxes that exist."""

import contextlib
import datetime
import http.client
import json
import pathlib
import secrets
import ssl
import urllib.error
import urllib.request

import pytest
import yaml

from cluster import EXAMPLES, eventually
from stockade import condition, free_port, make_certificates, sandbox, webhook_program

GOOD = "ghcr.io/acme/agent:1"
BAD = "registry.example/agent:1"
REGISTRY = {"images": {"allowedRegistries": ["ghcr.io/acme"]}}


class Space:
    """A namespace of the test's own, with a label by which policies select it and no other."""

    def __init__(self, cluster, name, label):
        self.cluster = cluster
        self.name = name
        self.label = label

    def kubectl(self, *args, **options):
        return self.cluster.kubectl("-n", self.name, *args, **options)

    def must(self, *args, **options):
        return self.cluster.must("-n", self.name, *args, **options)

    def get(self, kind, name):
        return json.loads(self.must("get", kind, name, "-o", "json"))

    def wait_compliant(self, name, status, reason):
        """The sandbox, once its condition PolicyCompliant says so."""

        def says_so():
            found = self.get("asb", name)
            compliant = condition(found, "PolicyCompliant")
            return found if (compliant.get("status"), compliant.get("reason")) == (status, reason) else None

        return eventually(says_so)

    @contextlib.contextmanager
    def policy(self, enforcement="Enforce", **spec):
        """A policy for this namespace, enforced by the webhook while the context lasts. Yields its name."""
        name = f"p-{secrets.token_hex(4)}"
        self.cluster.must("create", "-f", "-", input=policy(name, self.label, enforcement, **spec))
        try:
            self.wait_known(name)
            yield name
        finally:
            self.cluster.must("delete", "asbp", name)

    def wait_known(self, name, violating=None):
        """The policy, once its status describes its present spec (and counts so many violating sandboxes)."""

        def is_known():
            found = json.loads(self.cluster.must("get", "asbp", name, "-o", "json"))
            status = found.get("status", {})
            current = status.get("observedGeneration") == found["metadata"]["generation"]
            counted = violating is None or status.get("violatingSandboxes") == violating
            return found if current and counted else None

        return eventually(is_known)


def policy(name, label, enforcement="Enforce", **spec):
    return {
        "apiVersion": "stockade.dev/v1alpha1",
        "kind": "AgentSandboxPolicy",
        "metadata": {"name": name},
        "spec": {"namespaceSelector": {"matchLabels": {"policy-test": label}}, "enforcement": enforcement} | spec,
    }


@pytest.fixture
def space(stockade):
    label = f"l{secrets.token_hex(4)}"  # never a number
    with stockade.cluster.new_namespace("policy", {"policy-test": label}) as name:
        yield Space(stockade.cluster, name, label)


def apply(space, obj):
    return space.kubectl("apply", "-f", "-", input=obj)


def refused_by_webhook(space, obj, *words):
    """Once the webhook knows the policy, the object is refused with these words, and nothing is stored meanwhile."""

    def is_refused():
        tried = space.kubectl("apply", "--dry-run=server", "-f", "-", input=obj)
        return tried if tried.returncode != 0 else None

    done = eventually(is_refused)
    for word in words:
        assert word in done.stderr, done.stderr


# What is refused, warned of and recorded


def test_enforce_refuses_in_the_namespaces_that_it_selects_and_nowhere_else(space):
    with space.policy(**REGISTRY) as name:
        refused_by_webhook(
            space, sandbox(image=BAD),
            'admission webhook "agentsandboxes.stockade.dev" denied the request',
            "spec.podTemplate.spec.containers[0].image: [ImageRegistry] ",
            f'(policy "{name}")',
        )  # fmt: skip
        assert apply(space, sandbox(image="ghcr.io/acme-evil/agent:1")).returncode != 0
        assert apply(space, sandbox(image=GOOD)).returncode == 0
        with space.cluster.new_namespace("other") as other:
            space.cluster.must("-n", other, "apply", "-f", "-", input=sandbox(image=BAD))


def test_a_namespace_that_was_just_made_is_judged_by_its_policies(space):
    """One apply of both: the webhook may hear of the namespace after the API server asks about the sandbox."""
    with space.policy(**REGISTRY):
        refused_by_webhook(space, sandbox(image=BAD))
        for _ in range(5):
            name = f"fresh-{secrets.token_hex(4)}"
            namespace = {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": name, "labels": {"policy-test": space.label}},
            }
            bad, good = sandbox("bad", BAD), sandbox("good", GOOD)
            for obj in (bad, good):
                obj["metadata"]["namespace"] = name
            try:
                done = space.cluster.kubectl("apply", "-f", "-", input=[namespace, bad, good])
                assert "[ImageRegistry]" in done.stderr
                names = space.cluster.must("-n", name, "get", "asb", "-o", "name").split()
                assert names == ["agentsandbox.stockade.dev/good"]
            finally:
                space.cluster.must("delete", "namespace", name, "--wait=false")


def test_warn_warns_and_audit_is_silent_and_both_are_recorded(space, stockade):
    def count(enforcement):
        sample = f'stockade_findings_total{{code="ImageRegistry",enforcement="{enforcement}",verdict="allowed"}}'
        return stockade.webhook.metrics().get(sample, 0)

    before = count("Audit")
    with space.policy("Warn", **REGISTRY) as warn, space.policy("Audit", **REGISTRY) as audit:

        def is_warned_of():
            tried = space.kubectl("apply", "--dry-run=server", "-f", "-", input=sandbox(image=BAD))
            return tried if f'(policy "{warn}")' in tried.stderr else None

        eventually(is_warned_of)
        eventually(lambda: apply(space, sandbox(image=BAD)).returncode == 0 and count("Audit") > before)
        done = apply(space, sandbox("second", BAD))
        assert done.returncode == 0
        assert "Warning: spec.podTemplate.spec.containers[0].image: [ImageRegistry] " in done.stderr
        assert audit not in done.stderr
        eventually(lambda: f"{audit}/ImageRegistry" in audited(stockade, space.name, "second", "policies-audit"))
        assert audited(stockade, space.name, "second", "policies-warn") == f"{warn}/ImageRegistry"


def audited(stockade, namespace, name, annotation):
    """That annotation in the API server's audit log, of the sandbox's creation."""
    for line in (stockade.cluster_directory / "logs" / "audit.log").read_text().splitlines():
        event = json.loads(line)
        target = event.get("objectRef", {})
        if (target.get("namespace"), target.get("name"), event["verb"]) == (namespace, name, "create"):
            return event.get("annotations", {}).get(f"agentsandboxes.stockade.dev/{annotation}", "")
    return ""


@pytest.mark.parametrize("enforcement", ["Enforce", "Warn", "Audit"])
def test_what_a_policy_says_at_the_door_is_recorded_and_counted_as_its_own(space, stockade, enforcement):
    space.must("apply", "-f", "-", input=sandbox(image=GOOD))
    eventually(lambda: pod_uid(space))
    path = f"/api/v1/namespaces/{space.name}/pods/asb-agent/exec?command=true&container=agent"
    verdict = "denied" if enforcement == "Enforce" else "allowed"

    def counted():
        found = stockade.webhook.metrics().items()
        return {sample: value for sample, value in found if 'stockade_findings_total{code="ExecForbidden"' in sample}

    def annotations():
        """Of the last request to enter the pod."""
        for line in reversed((stockade.cluster_directory / "logs" / "audit.log").read_text().splitlines()):
            event = json.loads(line)
            target = event.get("objectRef", {})
            if (target.get("namespace"), target.get("subresource")) == (space.name, "exec"):
                found = event.get("annotations", {}).items()
                return {key: value for key, value in found if key.startswith("connections.guards.stockade.dev/")}
        return {}

    def enter():
        """By POST, which the audit log has; nothing runs there to answer."""
        return space.kubectl("create", "--raw", path, "-f", "-", input="{}").stderr

    # Once the webhook knows the sandbox.
    eventually(lambda: "denied the request" not in enter())
    before = counted()
    with space.policy(enforcement, access={"forbidExec": True}) as name:

        def is_recorded():
            enter()
            return annotations()

        found = eventually(is_recorded)
        assert found == {f"connections.guards.stockade.dev/policies-{enforcement.lower()}": f"{name}/ExecForbidden"}
        added = {sample for sample, value in counted().items() if value > before.get(sample, 0)}
        assert added == {
            f'stockade_findings_total{{code="ExecForbidden",enforcement="{enforcement}",verdict="{verdict}"}}'
        }


def reaches(*entries, secret=None):
    """What of a sandbox's spec lists these hosts, with a credential "key" of that Secret."""
    key = {"name": "key", "header": {"name": "x-api-key", "secretKeyRef": {"name": secret, "key": "k"}}}
    return {"egress": {"allow": list(entries)}} | ({"credentials": [key]} if secret else {})


RULES = {
    "IsolationBelowMinimum": ({"minimumIsolation": "MicroVM"}, {"isolation": "GVisor"}, {"isolation": "MicroVM"}),
    "ImageRegistry": (REGISTRY, BAD, GOOD),
    "ImageDigest": ({"images": {"requireDigest": True}}, BAD, f"ghcr.io/acme/agent@sha256:{'a' * 64}"),
    "ResourceAboveMaximum": ({"resources": {"max": {"cpu": "500m"}}}, {}, "500m"),
    "AccessForbidden": (
        {"access": {"forbidPortForward": True}},
        {"access": {"portForward": "Allow"}},
        {"access": {"portForward": "Deny"}},
    ),
    "LifetimeRequired": ({"lifetime": {"required": True}}, {}, {"lifecycle": {"maxLifetimeSeconds": 86400}}),
    "LifetimeTooLong": (
        {"lifetime": {"maxSeconds": 60}},
        {"lifecycle": {"maxLifetimeSeconds": 61}},
        {"lifecycle": {"maxLifetimeSeconds": 60, "shutdownTime": "2126-01-01T00:00:00Z"}},
    ),
    "EgressHostNotAllowed": (
        {"egress": {"allowedHosts": ["api.example.com", "*.pkg.example"]}},
        reaches({"host": "a.b.pkg.example"}),
        reaches({"host": "a.pkg.example"}, {"host": "api.example.com", "ports": [8443]}),
    ),
    "EgressHostDenied": (
        {"egress": {"deniedHosts": ["bad.example.com"]}},
        reaches({"host": "*.example.com"}),
        {"egress": {"allow": [{"host": "*.example.com"}], "deny": [{"host": "bad.example.com"}]}},
    ),
    "EgressTunnel": (
        {"egress": {"forbidTunnel": True}},
        reaches({"host": "a.example.com", "tls": "Tunnel"}),
        reaches({"host": "a.example.com", "tls": "Terminate"}),
    ),
    "EgressHostsAboveMaximum": (
        {"egress": {"maxHosts": 1}},
        reaches({"host": "a.example.com"}, {"host": "b.example.com"}),
        reaches({"host": "a.example.com", "methods": ["GET"]}, {"host": "a.example.com", "paths": ["/a"]}),
    ),
    "EgressAudit": (
        {"egress": {"allowedHosts": []}}, {"egress": {"audit": True}}, {"egress": {"audit": False}},
    ),
    "CredentialSecret": (
        {"credentials": {"allowedSecrets": [{"name": "model"}]}},
        reaches({"host": "a.example.com", "credential": "key"}, secret="models"),
        reaches({"host": "a.example.com", "credential": "key"}, secret="model"),
    ),
    "CredentialHost": (
        {"credentials": {"allowedSecrets": [{"name": "model", "hosts": ["*.example.com"]}]}},
        reaches({"host": "a.example.org", "credential": "key"}, secret="model"),
        reaches({"host": "a.example.com", "credential": "key"}, secret="model"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", RULES)
def test_each_rule_refuses_what_breaks_it_and_takes_what_does_not(space, code):
    def made(value):
        if isinstance(value, dict):
            return sandbox(image=GOOD, **value)
        if code == "ResourceAboveMaximum":
            obj = sandbox(image=GOOD)
            obj["spec"]["podTemplate"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": value}}
            return obj
        return sandbox(image=value)

    spec, bad, good = RULES[code]
    with space.policy(**spec):
        refused_by_webhook(space, made(bad), f"[{code}] ")
        done = apply(space, made(good))
        assert done.returncode == 0, done.stderr


def test_a_time_that_is_too_far_away_is_refused_when_the_sandbox_is_created(space):
    """Its creationTimestamp is known by then."""
    far = sandbox(lifecycle={"shutdownTime": "2126-01-01T00:00:00Z"})
    with space.policy(lifetime={"maxSeconds": 86400}):
        refused_by_webhook(space, far, "spec.lifecycle.shutdownTime: [LifetimeTooLong] ")
        near = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=12)
        done = apply(space, sandbox(lifecycle={"shutdownTime": near.strftime("%Y-%m-%dT%H:%M:%SZ")}))
        assert done.returncode == 0, done.stderr
        moved = {"spec": {"lifecycle": far["spec"]["lifecycle"]}}
        patch = ("patch", "asb", "agent", "--type=merge", "-p", json.dumps(moved))
        assert "[LifetimeTooLong]" in space.kubectl(*patch).stderr


# Sandboxes that exist


def test_a_new_policy_breaks_no_sandbox_and_says_what_it_has_against_it(space):
    space.must("apply", "-f", "-", input=sandbox(image=BAD))
    space.wait_compliant("agent", "True", "NoPolicies")
    pod = eventually(lambda: pod_uid(space))
    with space.policy(**REGISTRY) as name:
        found = space.wait_compliant("agent", "False", "ImageRegistry")
        message = condition(found, "PolicyCompliant")["message"]
        assert f'policy "{name}"' in message and "spec.podTemplate.spec.containers[0].image" in message
        refused_by_webhook(space, sandbox("second", BAD), "[ImageRegistry]")
        assert condition(space.get("asb", "agent"), "Ready")["status"] == "True"

        # What adds nothing passes, with a word of warning.
        done = space.kubectl("label", "asb", "agent", "a=b")
        assert done.returncode == 0 and "Warning: " in done.stderr, done.stderr
        # What adds something does not.
        done = space.kubectl("patch", "asb", "agent", "--type=json", "-p", json.dumps([image_patch("quay.io/x/y:1")]))
        assert "[ImageRegistry]" in done.stderr
        assert pod_uid(space) == pod
        # And there is no way back to what was there before.
        space.must("patch", "asb", "agent", "--type=json", "-p", json.dumps([image_patch(GOOD)]))
        space.wait_compliant("agent", "True", "NoFindings")
        done = space.kubectl("patch", "asb", "agent", "--type=json", "-p", json.dumps([image_patch(BAD)]))
        assert "[ImageRegistry]" in done.stderr
    space.wait_compliant("agent", "True", "NoPolicies")


def image_patch(image):
    return {"op": "replace", "path": "/spec/podTemplate/spec/containers/0/image", "value": image}


def pod_uid(space):
    found = space.kubectl("get", "pod", "asb-agent", "-o", "jsonpath={.metadata.uid}")
    return found.stdout if found.returncode == 0 else None


def test_status_counts_what_a_policy_selects_and_what_violates_it(space):
    for name, image in (("good", GOOD), ("bad", BAD)):
        space.must("apply", "-f", "-", input=sandbox(name, image))
    with space.policy("Audit", **REGISTRY) as name:
        status = space.wait_known(name, violating=1)["status"]
        assert status["selectedSandboxes"] == 2
        assert condition({"status": status}, "Ready")["status"] == "True"
        space.wait_compliant("bad", "False", "ImageRegistry")
        space.wait_compliant("good", "True", "NoFindings")

        # A changed policy judges anew,
        allow = {"spec": {"images": {"allowedRegistries": ["registry.example"]}}}
        space.cluster.must("patch", "asbp", name, "--type=merge", "-p", json.dumps(allow))
        space.wait_compliant("bad", "True", "NoFindings")
        space.wait_compliant("good", "False", "ImageRegistry")
        space.wait_known(name, violating=1)
        # and so does a namespace that it selects no longer.
        space.cluster.must("label", "namespace", space.name, "policy-test-")
        space.wait_compliant("good", "True", "NoPolicies")
        assert space.wait_known(name, violating=0)["status"]["selectedSandboxes"] == 0
        space.cluster.must("label", "namespace", space.name, f"policy-test={space.label}")
        space.wait_compliant("good", "False", "ImageRegistry")
        space.wait_known(name, violating=1)
        # And a sandbox that is gone counts no longer.
        space.must("delete", "asb", "good")
        space.wait_known(name, violating=0)


def test_a_restart_of_the_operator_writes_nothing_about_policies(space, stockade):
    space.must("apply", "-f", "-", input=sandbox("bad", BAD))
    with space.policy("Audit", **REGISTRY) as name:
        space.wait_known(name, violating=1)
        space.wait_compliant("bad", "False", "ImageRegistry")
        eventually(lambda: condition(space.get("asb", "bad"), "Ready").get("status") == "True")
        before = stockade.operator_writes()
        stockade.operator.restart()
        # One more sandbox is judged, and counted, after all that was there at the start.
        space.must("apply", "-f", "-", input=sandbox("worse", BAD))
        space.wait_known(name, violating=2)
        added = stockade.operator_writes()[len(before) :]
        counted = [w for w in added if w["resource"] == "agentsandboxpolicies/status" and w["name"] == name]
        assert len(counted) == 1, added
        assert not [w for w in added if w["name"] == "bad" and w["namespace"] == space.name]


# Policies themselves


@pytest.mark.parametrize(
    "spec, words",
    [
        ({"images": {"allowedRegistries": ["acme/agents"]}}, ["allowedRegistries[0]", "names no registry"]),
        ({"egress": {"allowedHosts": ["a.example", "10.0.0.1.example.1"]}}, ["allowedHosts[1]"]),
        ({"egress": {"deniedHosts": ["*.example.com."]}}, ["deniedHosts[0]"]),
        ({"egress": {"maxHosts": -1}}, ["maxHosts"]),
        ({"lifetime": {"maxSeconds": 0}}, ["maxSeconds"]),
        ({"credentials": {"allowedSecrets": [{"hosts": ["a.example"]}]}}, ["allowedSecrets[0].name"]),
        (
            {"credentials": {"allowedSecrets": [{"name": "a"}, {"name": "a", "hosts": []}]}},
            ["allowedSecrets"],
        ),
        ({"images": {"allowedRegistries": ["ghcr.io/acme:v1"]}}, ["allowedRegistries[0]", "without a tag"]),
        ({"images": {"allowedRegistries": ["https://ghcr.io"]}}, ["write a registry"]),
        ({"images": {"allowedRegistries": []}}, ["allowedRegistries", "at least 1"]),
        ({"resources": {"max": {"cpu": "0"}}}, ["spec.resources.max.cpu", "above zero"]),
        ({"minimumIsolationForUntrusted": "Container"}, ["minimumIsolationForUntrusted", "GVisor"]),
        ({"enforcement": "Deny"}, ["spec.enforcement", "Enforce"]),
        (
            {
                "namespaceSelector": {
                    "matchLabels": {"a": "b"},
                    "matchExpressions": [{"key": "a", "operator": "DoesNotExist"}],
                }
            },
            ["spec.namespaceSelector: selects no namespace"],
        ),
        (
            {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            ["In and NotIn need values"],
        ),
        ({"namespaceSelector": {"matchLabels": {"a b": "c"}}}, ["matchLabels", "must be a label key"]),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_what_no_policy_can_mean_is_refused(stockade, spec, words):
    done = stockade.cluster.kubectl("create", "--dry-run=server", "-f", "-", input=policy("p", "none") | {
        "spec": spec
    })  # fmt: skip
    assert done.returncode != 0, done.stdout
    for word in words:
        assert word in done.stderr, done.stderr


def test_a_policy_that_demands_nothing_is_warned_of(stockade):
    done = stockade.cluster.kubectl("create", "--dry-run=server", "-f", "-", input=policy("p", "none"))
    assert done.returncode == 0 and "demands nothing" in done.stderr, done.stderr


def test_a_policy_that_cannot_be_understood_lets_nothing_pass(space, stockade):
    """Somebody stored it while the webhook was away."""
    space.must("apply", "-f", "-", input=sandbox("old", GOOD))
    stockade.uninstall_webhook()
    name = f"p-{secrets.token_hex(4)}"
    try:
        broken = policy(name, space.label, images={"allowedRegistries": ["acme"]})

        def is_stored():
            return space.cluster.kubectl("apply", "-f", "-", input=broken).returncode == 0

        eventually(is_stored)
        stockade.install_webhook()
        refused_by_webhook(space, sandbox(image=GOOD), f'AgentSandboxPolicy "{name}"', "allowedRegistries[0]")
        found = space.wait_compliant("old", "False", "PolicyInvalid")
        assert name in condition(found, "PolicyCompliant")["message"]
        status = space.wait_known(name, violating=1)["status"]
        assert condition({"status": status}, "Ready")["reason"] == "Invalid"
    finally:
        stockade.install_webhook()
        space.cluster.must("delete", "asbp", name, "--ignore-not-found")
    eventually(lambda: apply(space, sandbox(image=GOOD)).returncode == 0)


def test_examples_are_accepted_and_let_the_examples_pass(space):
    files = sorted((EXAMPLES / "policies").glob("*.yaml"))
    assert files
    space.cluster.must("label", "namespace", space.name, "team=research")
    names = [yaml.safe_load(path.read_text())["metadata"]["name"] for path in files]
    try:
        for path in files:
            space.cluster.must("apply", "-f", str(path))
        for name in names:
            space.wait_known(name)
        for path in sorted(EXAMPLES.glob("*.yaml")):
            space.must("apply", "-f", str(path))
        space.wait_compliant("minimal", "False", "PermissionDenyMissing")
    finally:
        space.cluster.must("delete", "asbp", *names, "--ignore-not-found")


# A webhook that does not know the cluster


def test_nothing_passes_as_long_as_the_cluster_was_not_read(stockade, tmp_path):
    """Its user may read nothing, so its caches never sync."""
    kubeconfig = tmp_path / "nobody.kubeconfig"
    stockade.hack_cluster("kubeconfig", "--out", str(kubeconfig), "--user", "nobody-at-all")
    certificates, port = make_certificates(tmp_path), free_port()
    webhook = webhook_program(tmp_path, certificates, port, kubeconfig)
    webhook.start(wait_ready=False)
    try:
        eventually(lambda: answers(webhook.http_port))
        assert not webhook.is_ready()
        review = review_of(sandbox(image=GOOD))
        response = post(port, certificates, review)
        assert response["allowed"] is False
        message = response["status"]["message"]
        assert "cannot be judged" in message and "agentsandboxpolicies" in message, message
        # The floor needs no cluster, and says more.
        review["request"]["object"]["spec"]["podTemplate"]["spec"]["hostPID"] = True
        assert "[HostNamespace]" in post(port, certificates, review)["status"]["message"]
    finally:
        webhook.stop()


def answers(http_port):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{http_port}/healthz", timeout=5).close()
        return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def review_of(obj):
    kind = {"group": "stockade.dev", "version": "v1alpha1"}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u",
            "kind": kind | {"kind": "AgentSandbox"},
            "resource": kind | {"resource": "agentsandboxes"},
            "name": obj["metadata"]["name"],
            "namespace": "team",
            "operation": "CREATE",
            "object": obj,
        },
    }


def post(port, certificates: pathlib.Path, review):
    context = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
    client = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
    with contextlib.closing(client):
        headers = {"Content-Type": "application/json"}
        client.request("POST", "/validate/agentsandboxes", json.dumps(review), headers)
        return json.loads(client.getresponse().read())["response"]
