"""The operator makes egress gateways: what a sandbox with spec.egress becomes, in which order, and what is left of it.

Against a real API server, with the rights that the chart gives. No program runs in the pods: kwok plays the kubelet.
"""

import base64
import json
import subprocess
import time

import pytest

from cluster import eventually
from stockade import NAMESPACE, OPERATOR_USER, condition, operator_program, sandbox
from test_operator import Space

IMAGES = {
    "proxy": "registry.example/envoy:v1.40.0",
    "canary": "registry.example/stockade-canary:0.1.0",
    "credentials": "registry.example/stockade-credentials:0.1.0",
}
# Of the chart, for the rights of an operator that makes gateways.
GATEWAY_SETTINGS = tuple(f"operator.config.egress.images.{name}={image}" for name, image in IMAGES.items())
EGRESS = {"allow": [{"host": "api.example.com"}, {"host": "*.docs.example.com"}]}
ISSUED = "stockade.dev/issued"
OWN_KINDS = "deployments,replicasets,pods,services,configmaps,secrets,networkpolicies,serviceaccounts"


@pytest.fixture(scope="module")
def gateways(stockade):
    """An operator that makes gateways, in place of the usual one, with the rights that the chart gives such a one."""
    stockade.operator.stop()
    stockade.settings = GATEWAY_SETTINGS
    stockade.install_webhook()
    operator = operator_program(
        stockade.directory,
        stockade.directory / "operator.kubeconfig",
        instance="gateway-operator",
        egress={"images": IMAGES},
        leaderElection={"enabled": False, "namespace": NAMESPACE},
    )
    operator.start()
    yield operator
    if operator.process is not None:
        # No other one releases what shuts gateways, and their namespaces would be on their way out until the next.
        eventually(lambda: "gateway-deny-all" not in stockade.cluster.must("get", "netpol", "-A", "-o", "name"), timeout=120)
        operator.stop()


@pytest.fixture
def space(stockade, gateways):
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    with stockade.cluster.new_namespace("gateways", labels) as name:
        yield Space(stockade.cluster, name)


def secret_of(space, pod):
    name = next(v["secret"]["secretName"] for v in pod["spec"]["volumes"] if v["name"] == "stockade-identity")
    return space.get("secret", name)


def openssl(secret, key, *args):
    certificate = base64.b64decode(secret["data"][key])
    shown = subprocess.run(["openssl", "x509", "-noout", *args], input=certificate, capture_output=True, check=True)
    return shown.stdout.decode()


def left(space):
    """What the operator has made and is still there, as kind/name."""
    items = json.loads(space.must("get", OWN_KINDS, "-o", "json"))["items"]
    ours = [i for i in items if i["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == "stockade"]
    return sorted(f"{i['kind']}/{i['metadata']['name']}" for i in ours)


# What is made


def test_a_sandbox_with_egress_gets_a_gateway_of_its_own(space):
    pod = space.ready_pod(sandbox(egress=EGRESS))
    asb = space.wait_condition("agent", "EgressIsolated", "True", "ProvenByCanary")
    service = space.get("service", "asg-agent")
    assert asb["status"]["egress"]["gateway"] == "asg-agent"
    assert asb["status"]["egress"]["address"] == service["spec"]["clusterIP"]
    assert asb["status"]["egress"]["hosts"] == sorted(f"{entry['host']}:443" for entry in EGRESS["allow"])
    assert [c["name"] for c in pod["spec"]["initContainers"]] == ["stockade-canary", "stockade-proxy"]
    assert pod["metadata"]["labels"]["stockade.dev/egress"] == "asg-agent"
    uid = asb["metadata"]["uid"]
    for kind, name in (
        ("deployment", "asg-agent"), ("service", "asg-agent"), ("configmap", "asg-agent-gateway"),
        ("configmap", "asg-agent-sandboxes"), ("configmap", "asg-agent-authorities"),
        ("networkpolicy", "asg-agent-gateway"), ("networkpolicy", "asg-agent-sandboxes"),
    ):  # fmt: skip
        assert space.get(kind, name)["metadata"]["ownerReferences"][0]["uid"] == uid, name
    for control in asb["status"]["controls"]:
        assert control["name"] not in ("EgressGateway", "CredentialsBrokered")


def test_certificates_name_the_sandbox_the_gateway_and_its_hosts(space):
    pod = space.ready_pod(sandbox(egress=EGRESS))
    asb = space.get("asb", "agent")
    uri = openssl(secret_of(space, pod), "tls.crt", "-ext", "subjectAltName")
    profile = asb["status"]["egress"]["profileHash"]
    wanted = f"spiffe://stockade.local/ns/{space.name}/profile/{profile}/sandbox/agent/{asb['metadata']['uid']}"
    assert f"URI:{wanted}\n" in uri
    volumes = {
        v["name"]: v["secret"]["secretName"]
        for v in space.get("deployment", "asg-agent")["spec"]["template"]["spec"]["volumes"]
        if "secret" in v
    }
    identity, leaves = space.get("secret", volumes["identity"]), space.get("secret", volumes["leaves"])
    assert ".gateway.stockade.internal" in openssl(identity, "tls.crt", "-ext", "subjectAltName")
    assert identity["data"]["ca.crt"] == secret_of(space, pod)["data"]["ca.crt"]
    assert sorted(leaves["data"]) == [
        "_.docs.example.com.crt", "_.docs.example.com.key", "api.example.com.crt", "api.example.com.key",
    ]  # fmt: skip
    trusted = space.get("configmap", "asg-agent-authorities")["data"]["ca.crt"]
    assert "CN = Stockade egress gateways" in openssl(leaves, "api.example.com.crt", "-issuer")
    assert trusted.count("BEGIN CERTIFICATE") == 1


def test_nothing_is_open_at_any_moment_while_it_is_made(space, stockade):
    space.ready_pod(sandbox(egress=EGRESS))
    made = [
        (w["resource"], w["name"])
        for w in stockade.operator_writes(space.name)
        if w["verb"] == "create" and w["code"] == 201
    ]
    order = [f"{resource}/{name}" for resource, name in made]
    pod, deployment = order.index("pods/asb-agent"), order.index("deployments/asg-agent")
    assert order.index("networkpolicies/stockade-deny-all") == 0
    assert order.index("networkpolicies/stockade-gateway-deny-all") == 1
    assert order.index("networkpolicies/asg-agent-gateway") < deployment < pod
    assert order.index("networkpolicies/asg-agent-sandboxes") < pod
    secrets = [i for i, entry in enumerate(order) if entry.startswith("secrets/")]
    assert len(secrets) == 3 and secrets[1] < deployment < secrets[2] < pod


def test_no_secret_is_ever_read_but_that_of_the_authorities(space, stockade):
    space.ready_pod(sandbox(egress=EGRESS))
    asked = {
        (r["verb"], r["namespace"], r["name"])
        for r in stockade.requests()
        if r["user"] == OPERATOR_USER and r["resource"] == "secrets"
    }
    read = {request for request in asked if request[0] not in ("create", "update")}
    assert read == {("get", NAMESPACE, "stockade-authorities")}
    can = stockade.as_operator().kubectl("-n", space.name, "auth", "can-i", "get", "secrets")
    assert can.stdout.strip() == "no"


def test_the_pod_waits_for_its_gateway(space):
    """No pod of the gateway comes to be where a quota forbids it; then there is none of the sandbox."""
    space.apply({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}},
    })  # fmt: skip
    eventually(lambda: "hard" in space.get("resourcequota", "none").get("status", {}))
    space.apply(sandbox(egress=EGRESS))
    space.wait_condition("agent", "Ready", "False", "GatewayNotReady")
    assert space.find("pod", "asb-agent") is None
    space.must("delete", "resourcequota", "none")
    space.wait_ready("agent", timeout=120)


# What becomes of changes


def test_an_identity_is_renewed_and_the_pod_stays(space, unguarded):
    pod = space.ready_pod(sandbox(egress=EGRESS))
    before = openssl(secret_of(space, pod), "tls.crt", "-serial")
    # As if its time had come.
    digest = pod["metadata"]["annotations"][ISSUED].split("@")[0]
    space.patch("pod", "asb-agent", {"metadata": {"annotations": {ISSUED: f"{digest}@1"}}})
    eventually(lambda: openssl(secret_of(space, pod), "tls.crt", "-serial") != before)
    space.wait_for("pod", "asb-agent", lambda found: not found["metadata"]["annotations"][ISSUED].endswith("@1"))
    assert space.get("pod", "asb-agent")["metadata"]["uid"] == pod["metadata"]["uid"]


def test_another_rule_gives_the_gateway_and_the_pod_anew(space):
    pod = space.ready_pod(sandbox(egress=EGRESS))
    profile = space.get("asb", "agent")["status"]["egress"]["profileHash"]
    space.patch("asb", "agent", {"spec": {"egress": {"allow": [{"host": "other.example.com"}]}}})
    space.wait_for("pod", "asb-agent", lambda found: found and found["metadata"]["uid"] != pod["metadata"]["uid"], 90)
    asb = space.wait_ready("agent")
    assert asb["status"]["egress"]["profileHash"] != profile
    assert "other.example.com" in json.dumps(space.get("configmap", "asg-agent-gateway")["data"])


def test_the_pod_does_not_go_on_by_rules_that_were_narrowed(space):
    """Not even where its gateway cannot be made anew."""
    pod = space.ready_pod(sandbox(egress=EGRESS))
    profile = space.get("asb", "agent")["status"]["egress"]["profileHash"]
    assert pod["metadata"]["annotations"]["stockade.dev/egress-profile"] == profile[:32]
    space.apply({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"services": "0"}},
    })  # fmt: skip
    eventually(lambda: space.get("resourcequota", "none").get("status", {}).get("used"))
    space.must("delete", "service", "asg-agent")
    space.patch("asb", "agent", {"spec": {"egress": {"allow": EGRESS["allow"][:1]}}})
    space.wait_gone("pod", "asb-agent")
    space.wait_condition("agent", "Ready", "False", "QuotaExceeded")
    space.must("delete", "resourcequota", "none")
    space.wait_ready("agent", timeout=90)
    pod = space.get("pod", "asb-agent")
    assert pod["metadata"]["annotations"]["stockade.dev/egress-profile"] != profile[:32]


def test_what_somebody_changed_is_made_good(space, unguarded):
    space.ready_pod(sandbox(egress=EGRESS))
    good = {
        (kind, name): space.get(kind, name).get("data") or space.get(kind, name)["spec"]
        for kind, name in (
            ("configmap", "asg-agent-gateway"), ("networkpolicy", "asg-agent-sandboxes"),
            ("networkpolicy", "stockade-gateway-deny-all"), ("deployment", "asg-agent"),
        )
    }  # fmt: skip
    space.patch("configmap", "asg-agent-gateway", {"data": {"envoy.json": "{}"}})
    space.patch("networkpolicy", "asg-agent-sandboxes", {"spec": {"egress": [{}]}})
    space.patch("networkpolicy", "stockade-gateway-deny-all", {"spec": {"egress": [{}]}})
    space.patch("deployment", "asg-agent", {"spec": {"replicas": 3}})
    for (kind, name), wanted in good.items():
        space.wait_for(kind, name, lambda found, wanted=wanted: (found.get("data") or found["spec"]) == wanted)


def test_others_do_not_disown_a_gateway_through_its_status(space):
    space.ready_pod(sandbox(egress=EGRESS))
    change = json.dumps({"metadata": {"ownerReferences": []}})
    patch = ("patch", "deployment", "asg-agent", "--subresource=status", "--type=merge", "-p")
    done = space.kubectl(*patch, change)
    assert done.returncode != 0 and "[ManagedObjectChanged]" in done.stderr, done.stderr
    space.must(*patch, json.dumps({"status": {"observedGeneration": 1}}))


def test_the_controller_of_deployments_needs_no_webhook(space, stockade):
    """A rollout writes the status before anything else. The controller itself then puts it right."""
    space.ready_pod(sandbox(egress=EGRESS))
    stockade.webhook.stop()
    try:
        deployment = space.get("deployment", "asg-agent")
        deployment["metadata"].pop("resourceVersion")
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "7"
        user = "--as=system:serviceaccount:kube-system:deployment-controller"
        space.must("replace", "--subresource=status", "-f", "-", user, input=deployment)
    finally:
        stockade.webhook.start()


def test_a_gateway_that_is_lost_comes_back_and_the_pod_goes_on(space, unguarded):
    pod = space.ready_pod(sandbox(egress=EGRESS))
    space.must("delete", "deployment", "asg-agent")
    space.wait_for("deployment", "asg-agent", lambda d: d and d.get("status", {}).get("availableReplicas") == 1, 60)
    assert space.get("pod", "asb-agent")["metadata"]["uid"] == pod["metadata"]["uid"]


def letting_through(pod_selector):
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "let-everything-through"},
        "spec": {"podSelector": pod_selector, "policyTypes": ["Egress", "Ingress"], "egress": [{}], "ingress": [{}]},
    }  # fmt: skip


# Each selects the gateway and not the sandbox; the last by a label that its pods get from their ReplicaSet.
WIDENING = {
    "all but sandboxes": {"matchExpressions": [{"key": "stockade.dev/sandbox", "operator": "DoesNotExist"}]},
    "this gateway": {"matchLabels": {"stockade.dev/gateway": "asg-agent"}},
    "pods of Deployments": {"matchExpressions": [{"key": "pod-template-hash", "operator": "Exists"}]},
}


@pytest.mark.parametrize("selector", WIDENING)
def test_a_policy_that_widens_the_gateway_alone_is_reported_by_name(space, unguarded, selector):
    pod = space.ready_pod(sandbox(egress=EGRESS))
    space.ready_pod(sandbox("without"))
    space.wait_condition("agent", "EgressIsolated", "True", "ProvenByCanary")
    space.apply(letting_through(WIDENING[selector]))
    asb = space.wait_condition("agent", "EgressIsolated", "False", "WidenedBy")
    told = condition(asb, "EgressIsolated")["message"]
    assert '"let-everything-through" selects pods of its egress gateway "asg-agent"' in told
    assert condition(asb, "Ready")["status"] == "True"
    assert space.get("pod", "asb-agent")["metadata"]["uid"] == pod["metadata"]["uid"]
    assert condition(space.get("asb", "without"), "EgressIsolated")["status"] == "True"
    space.must("delete", "networkpolicy", "let-everything-through")
    space.wait_condition("agent", "EgressIsolated", "True", "ProvenByCanary")


def test_nothing_is_written_while_nothing_changes(space, stockade):
    space.ready_pod(sandbox(egress=EGRESS))
    space.wait_condition("agent", "EgressIsolated", "True", "ProvenByCanary")
    before = len(stockade.operator_writes(space.name))
    space.patch("asb", "agent", {"metadata": {"labels": {"looked": "at"}}})
    space.ready_pod(sandbox("other"))
    other = [w for w in stockade.operator_writes(space.name)[before:] if "other" not in w["name"]]
    assert other == []


def test_the_authorities_outlive_the_operator(space, gateways, stockade):
    pod = space.ready_pod(sandbox(egress=EGRESS))
    space.wait_condition("agent", "EgressIsolated", "True", "ProvenByCanary")
    before, written = secret_of(space, pod)["data"], len(stockade.operator_writes(space.name))
    gateways.restart()
    space.ready_pod(sandbox("second", egress=EGRESS))
    # Not for a moment is said that there are none.
    assert [w for w in stockade.operator_writes(space.name)[written:] if "agent" in w["name"]] == []
    assert secret_of(space, pod)["data"] == before
    assert secret_of(space, space.get("pod", "asb-second"))["data"]["ca.crt"] == before["ca.crt"]


# What agents trust


@pytest.fixture
def rotation(stockade, gateways):
    """The operator, whose authorities a test rotates; the next test has it as it was, with authorities of its own."""
    yield gateways
    if gateways.process is not None:
        gateways.stop()
    gateways.config["egress"] = {"images": IMAGES}
    stockade.cluster.must("-n", NAMESPACE, "delete", "secret", "stockade-authorities")
    gateways.start()


def trusted_by_agents(space):
    return space.get("configmap", "asg-agent-authorities")["data"]["ca.crt"]


def leaf(space):
    """Of what the gateway shows to agents."""
    volumes = space.get("deployment", "asg-agent")["spec"]["template"]["spec"]["volumes"]
    name = next(v["secret"]["secretName"] for v in volumes if v["name"] == "leaves")
    return base64.b64decode(space.get("secret", name)["data"]["api.example.com.crt"])


def accepts(directory, bundle, certificate):
    """Whether a process that has read that bundle takes the certificate."""
    (directory / "bundle.crt").write_text(bundle)
    (directory / "leaf.crt").write_bytes(certificate)
    command = ["openssl", "verify", "-CAfile", str(directory / "bundle.crt"), str(directory / "leaf.crt")]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def begins_to_sign(stockade):
    """As if the time had come for the newest authority that agents trust, while no operator runs."""
    secret = stockade.cluster.get("-n", NAMESPACE, "secret", "stockade-authorities")
    kept = json.loads(base64.b64decode(secret["data"]["interception"]))
    kept["authorities"][-1]["signsSince"] = int(time.time())
    data = {"interception": base64.b64encode(json.dumps(kept).encode()).decode()}
    # The guards let nobody else change it.
    operator = stockade.as_user(OPERATOR_USER, "system:masters")
    operator.must(
        "-n", NAMESPACE, "patch", "secret", "stockade-authorities", "--type=merge", "-p", json.dumps({"data": data})
    )


def test_a_pod_whose_agent_does_not_know_the_next_authority_is_outdated_and_goes_on(
    space, stockade, rotation, tmp_path
):
    pod = space.ready_pod(sandbox(egress=EGRESS))
    assert not condition(space.get("asb", "agent"), "PodOutdated")
    known = trusted_by_agents(space)

    # An authority that outlives by far what is asked for is succeeded at once.
    rotation.stop()
    rotation.config["egress"] = {"images": IMAGES, "interceptionAuthorityDays": 90}
    rotation.start()
    asb = space.wait_condition("agent", "PodOutdated", "True", "AuthorityRotated")
    assert condition(asb, "PodOutdated")["message"].startswith("from ")
    both = trusted_by_agents(space)
    assert both.startswith(known) and both.count("BEGIN CERTIFICATE") == 2, "the file follows by itself"
    assert accepts(tmp_path, known, leaf(space)), "processes that have read it before go on"
    # One that begins now knows both.
    space.ready_pod(sandbox("second", egress=EGRESS))
    assert not condition(space.get("asb", "second"), "PodOutdated")

    rotation.stop()
    begins_to_sign(stockade)
    rotation.start()
    eventually(lambda: not accepts(tmp_path, known, leaf(space)), timeout=60)
    assert accepts(tmp_path, both, leaf(space))
    asb = space.wait_for(
        "asb", "agent", lambda found: condition(found, "PodOutdated").get("message", "").startswith("since ")
    )
    assert condition(asb, "Ready")["status"] == "True"
    assert space.get("pod", "asb-agent")["metadata"]["uid"] == pod["metadata"]["uid"], "nobody restarted it"
    assert not condition(space.get("asb", "second"), "PodOutdated")

    space.must("delete", "pod", "asb-agent")
    space.wait_for("pod", "asb-agent", lambda found: found and found["metadata"]["uid"] != pod["metadata"]["uid"], 90)
    space.wait_for("asb", "agent", lambda found: not condition(found, "PodOutdated"))
    space.wait_ready("agent")


# Credentials


def test_a_missing_secret_is_named_as_the_gateway_tells_of_it(space, unguarded):
    """kwok ends every init container well, so the test speaks for the one that found no key."""
    credentials = [{"name": "api", "header": {"name": "X-Api-Key", "secretKeyRef": {"name": "keys", "key": "api"}}}]
    egress = {"allow": [{"host": "api.example.com", "credential": "api"}]}
    space.ready_pod(sandbox(egress=egress, credentials=credentials))
    space.wait_condition("agent", "CredentialsBrokered", "True")
    gateway = json.loads(space.must("get", "pods", "-l", "stockade.dev/gateway=asg-agent", "-o", "json"))["items"][0]
    message = 'credential "api": Secret "keys" has no key "api"'
    ended = {"exitCode": 1, "reason": "Error", "message": message}
    status = {"initContainerStatuses": [
        {"name": "stockade-prepare", "image": "x", "imageID": "", "ready": False, "restartCount": 1,
         "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}},
    ]}  # fmt: skip
    patch = json.dumps({"status": status})
    name = gateway["metadata"]["name"]
    space.must("patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch)
    asb = space.wait_condition("agent", "CredentialsBrokered", "False", "CredentialMissing")
    assert message in condition(asb, "CredentialsBrokered")["message"]


# What is left


def test_a_suspended_sandbox_has_no_gateway_that_runs(space):
    space.ready_pod(sandbox(egress=EGRESS))
    space.patch("asb", "agent", {"spec": {"operatingMode": "Suspended"}})
    space.wait_condition("agent", "Suspended", "True")
    space.wait_for("deployment", "asg-agent", lambda found: found["spec"]["replicas"] == 0)
    space.patch("asb", "agent", {"spec": {"operatingMode": "Running"}})
    space.wait_ready("agent")


def test_without_egress_the_gateway_goes_and_the_pod_has_no_way_out(space):
    pod = space.ready_pod(sandbox(egress=EGRESS))
    space.patch("asb", "agent", {"spec": {"egress": None}})
    space.wait_for("pod", "asb-agent", lambda found: found and found["metadata"]["uid"] != pod["metadata"]["uid"], 90)
    space.wait_condition("agent", "EgressIsolated", "True", "DenyAll")
    eventually(lambda: left(space) == ["NetworkPolicy/stockade-deny-all", "Pod/asb-agent"], timeout=60)
    assert "egress" not in space.get("asb", "agent")["status"]


def test_nothing_is_left_of_a_deleted_sandbox(space):
    space.ready_pod(sandbox(egress=EGRESS))
    space.must("delete", "asb", "agent")
    eventually(lambda: left(space) == [], timeout=60)
