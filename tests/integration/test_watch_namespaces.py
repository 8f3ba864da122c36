"""watchNamespaces: both programs with Roles in two namespaces, and a ClusterRole that only reads what is in none. What is
in a third namespace is none of their affair."""

import contextlib
import json
import subprocess

import pytest
import yaml

from admission import GUARDS_PATH, direct_reviews, review_of
from cluster import eventually
from stockade import (
    ADMISSION_POLICIES, BUILD, NAMESPACE, OPERATOR_USER, WEBHOOK_USER, condition, running_stockade, sandbox,
)  # fmt: skip
from test_gateways import EGRESS, GATEWAY_SETTINGS, IMAGES
from test_operator import Space

# What belongs to no namespace, and is read all the same.
CLUSTER_WIDE = {"agentsandboxpolicies", "agentsandboxpolicies/status", "namespaces", "runtimeclasses"}
TEMPLATE = {
    "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxTemplate", "metadata": {"name": "agent"},
    "spec": {"template": {"spec": sandbox()["spec"]}},
}  # fmt: skip
CLAIM = {
    "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxClaim", "metadata": {"name": "mine"},
    "spec": {"templateRef": {"name": "agent"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def spaces(cluster):
    """Two namespaces that are looked after, and a third one with a sandbox from before."""
    with contextlib.ExitStack() as stack:
        names = [stack.enter_context(cluster.new_namespace(prefix)) for prefix in ("team-a", "team-b", "elsewhere")]
        made = [Space(cluster, name) for name in names]
        made[2].apply(sandbox("before"))
        yield made


@pytest.fixture(scope="module")
def scoped(cluster, spaces, tmp_path_factory):
    """Stockade for the first two. The rights that other tests left are the chart's of this mode from then on."""
    watched = [space.name for space in spaces[:2]]

    def prepare(stockade):
        stockade.settings = (f"watchNamespaces={{{','.join(watched)}}}", *GATEWAY_SETTINGS)
        stockade.probed = watched[0]
        stockade.webhook.config["watchNamespaces"] = watched
        stockade.operator.config |= {"watchNamespaces": watched, "egress": {"images": IMAGES}}
        install = stockade.install

        def install_and_wait():
            install()
            eventually(lambda: may_all(stockade, watched))
            stockade.seen = len(stockade.requests())

        stockade.install = install_and_wait

    with running_stockade(cluster, tmp_path_factory.mktemp("scoped"), prepare) as running:
        yield running
        # The rights go with the namespaces: what the operator holds by a finalizer has to be let go before.
        for space in spaces[:2]:
            space.must("delete", "agentsandboxes", "--all")
            eventually(lambda space=space: "stockade" not in space.must("get", "netpol", "-o", "name"), timeout=60)


def may_all(stockade, namespaces):
    """The API server knows of the rights: it learns of them by a watch."""
    questions = [(user, "list", "pods", "-n", name) for user in (OPERATOR_USER, WEBHOOK_USER) for name in namespaces]
    questions += [(user, "list", "agentsandboxpolicies", "-A") for user in (OPERATOR_USER, WEBHOOK_USER)]
    return all(stockade.cluster.kubectl("auth", "can-i", *rest, "--as", user).returncode == 0 for user, *rest in questions)


def test_sandboxes_in_the_listed_namespaces_become_ready(scoped, spaces):
    for space in spaces[:2]:
        space.apply(sandbox("plain"))
    for space in spaces[:2]:
        asb = space.wait_ready("plain")
        assert condition(asb, "EgressIsolated")["status"] == "True"
        assert space.get("networkpolicy", "stockade-deny-all")["metadata"]["finalizers"]


def test_a_gateway_is_made_there(scoped, spaces):
    spaces[1].ready_pod(sandbox("out", egress=EGRESS))
    spaces[1].wait_condition("out", "EgressIsolated", "True", "ProvenByCanary")


def test_what_is_elsewhere_is_not_looked_at(scoped, spaces):
    spaces[0].ready_pod(sandbox("after"))
    assert unseen(spaces[2].get("asb", "before"))
    assert not json.loads(spaces[2].must("get", "pods,networkpolicies", "-o", "json"))["items"]


def unseen(asb):
    """No operator has looked at it; the API server gives it the first conditions."""
    return "observedGeneration" not in asb["status"]


@pytest.mark.parametrize("made", [sandbox(), TEMPLATE, CLAIM], ids=lambda made: made["kind"])
def test_what_nobody_would_look_after_is_refused(scoped, spaces, made):
    done = spaces[2].kubectl("create", "-f", "-", input=made)
    assert done.returncode != 0
    assert "is in a namespace that Stockade does not look after here; create it in one of" in done.stderr
    assert ", ".join(space.name for space in spaces[:2]) in done.stderr


def test_what_is_there_can_be_let_go(scoped, spaces):
    """An object from before, whose finalizer comes off while it is being deleted."""
    scoped.uninstall_webhook()
    try:
        held = sandbox("held")
        held["metadata"]["finalizers"] = ["stockade.test/held"]
        eventually(lambda: spaces[2].kubectl("apply", "-f", "-", input=held).returncode == 0)
    finally:
        scoped.install_webhook()
        eventually(lambda: all(scoped.layers().values()))
    spaces[2].must("delete", "asb", "held", "--wait=false")
    spaces[2].patch("asb", "held", {"metadata": {"finalizers": None}})
    spaces[2].wait_gone("asb", "held")


def test_guards_are_asked_in_the_listed_namespaces_alone(scoped, spaces):
    managed = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    managed["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "stockade"}
    for space, refused in zip(spaces, (True, True, False), strict=True):
        assert (space.kubectl("create", "--dry-run=server", "-f", "-", input=managed).returncode != 0) == refused


def test_what_the_webhook_may_not_look_into_it_refuses(scoped, spaces):
    """As if the registration had no namespaceSelector."""
    allowing = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "x", "namespace": ""},
        "spec": {"podSelector": {}, "ingress": [{}]},
    }  # fmt: skip
    with direct_reviews(scoped) as client:
        for space, words in ((spaces[1], None), (spaces[2], "is not to look into the namespace")):
            allowing["metadata"]["namespace"] = space.name
            review = review_of(allowing)
            kind = {"group": "networking.k8s.io", "version": "v1"}
            review["request"] |= {
                "kind": kind | {"kind": "NetworkPolicy"}, "resource": kind | {"resource": "networkpolicies"},
                "namespace": space.name,
            }  # fmt: skip
            status, text = client.post(json.dumps(review), GUARDS_PATH)
            response = json.loads(text)["response"]
            if words:
                assert status == 200 and not response["allowed"] and words in response["status"]["message"]
            else:
                assert "is not to look into" not in text


def test_policies_hold(scoped, spaces, cluster):
    name = f"only-{spaces[0].name}"
    policy = {
        "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxPolicy", "metadata": {"name": name},
        "spec": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": spaces[0].name}},
            "enforcement": "Enforce", "images": {"allowedRegistries": ["ghcr.io/acme"]},
        },
    }  # fmt: skip
    cluster.must("create", "-f", "-", input=policy)
    try:
        def is_refused():
            return spaces[0].kubectl("create", "--dry-run=server", "-f", "-", input=sandbox("bad")).returncode != 0

        eventually(is_refused)
        assert spaces[1].kubectl("create", "--dry-run=server", "-f", "-", input=sandbox("bad")).returncode == 0

        def status():
            return yaml.safe_load(cluster.must("get", "asbp", name, "-o", "yaml")).get("status", {})

        eventually(lambda: status().get("violatingSandboxes", 0) > 0)
    finally:
        cluster.must("delete", "asbp", name)


def test_who_may_not_read_a_secret_may_not_name_it(scoped, spaces):
    """The webhook asks by LocalSubjectAccessReviews, for which a Role will do."""
    user = "scoped-author"
    subject = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": user}}
    binding = role | {
        "kind": "RoleBinding", "subjects": subject,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
    }  # fmt: skip
    rules = [{"apiGroups": ["stockade.dev"], "resources": ["agentsandboxes"], "verbs": ["create"]}]
    spaces[0].must("apply", "-f", "-", input=[role | {"rules": rules}, binding])
    author = Space(scoped.as_user(user, "authors"), spaces[0].name)
    header = {"name": "X-Token", "secretKeyRef": {"name": "token", "key": "t"}}
    allow = [{"host": "api.example.com", "credential": "token"}]
    named = sandbox("named", egress={"allow": allow}, credentials=[{"name": "token", "header": header}])
    refused = author.kubectl("create", "--dry-run=server", "-f", "-", input=named)
    assert refused.returncode != 0
    assert "[CredentialNotReadable]" in refused.stderr, refused.stderr
    rules.append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})
    spaces[0].must("apply", "-f", "-", input=role | {"rules": rules})

    def is_taken():
        return author.kubectl("create", "--dry-run=server", "-f", "-", input=named).returncode == 0

    eventually(is_taken)


def test_a_claim_gets_a_sandbox(scoped, spaces):
    spaces[0].apply(TEMPLATE)
    spaces[0].apply(CLAIM)
    bound = spaces[0].wait_for("agentsandboxclaim", "mine", lambda found: condition(found, "Ready").get("status") == "True")
    spaces[0].get("asb", bound["status"]["sandbox"]["name"])
    spaces[0].must("delete", "agentsandboxclaim,agentsandboxtemplate", "--all")


def test_uninstall_is_refused_for_the_listed_namespaces_alone(scoped, spaces):
    def guard(*namespaces):
        return subprocess.run(
            [
                str(BUILD / "operator" / "stockade-operator"), "--kubeconfig", str(scoped.directory / "operator.kubeconfig"),
                "--uninstall-guard", "30", "--namespaces", ",".join(namespaces),
            ],
            capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip

    spaces[0].ready_pod(sandbox("last"))
    done = guard(*(space.name for space in spaces[:2]))
    assert done.returncode == 1
    assert "AgentSandboxes are left, in the namespaces" in done.stderr
    assert f"{spaces[0].name} (" in done.stderr and spaces[2].name not in done.stderr
    for space in spaces[:2]:
        space.must("delete", "agentsandboxes", "--all")
    done = guard(*(space.name for space in spaces[:2]))
    assert done.returncode == 0, done.stderr
    assert guard("Team").returncode == 2


def test_nothing_that_was_asked_for_was_forbidden(scoped, spaces):
    """Of both programs since the installation: every request was within their rights, and in the namespaces that they
    look after, or in their own."""
    asked = [each for each in scoped.requests()[scoped.seen :] if each["agent"].startswith("stockade/") and each["resource"]]
    asked = [each for each in asked if each["user"] in (OPERATOR_USER, WEBHOOK_USER)]
    assert {each["user"] for each in asked} == {OPERATOR_USER, WEBHOOK_USER}
    forbidden = [each for each in asked if not each["allowed"] or each["code"] == 403]
    # What another admission plugin refuses is a 403, too: none does here.
    assert not forbidden
    names = {NAMESPACE, *(space.name for space in spaces[:2])}
    for each in asked:
        assert each["namespace"] in names or each["resource"] in CLUSTER_WIDE, each
    assert {each["namespace"] for each in asked} >= names


def test_without_the_cluster_wide_rights_nothing_is_done(scoped, spaces, cluster):
    """Policies that cannot be read are not taken for none."""
    roles = ("stockade-operator", "stockade-webhook")
    for name in roles:
        cluster.must("delete", "clusterrolebinding", name)
    try:
        eventually(lambda: not may_all(scoped, []))
        scoped.operator.stop()
        scoped.webhook.stop()
        scoped.webhook.start(wait_ready=False)
        # The guards ask the webhook as well: nobody is there who could judge.
        done = eventually(lambda: refused(spaces[0], "and refuses what it cannot judge"))
        assert "agentsandboxpolicies" in done.stderr
        scoped.remove("validatingwebhookconfiguration/stockade", "validatingwebhookconfiguration/stockade-guards", *ADMISSION_POLICIES)
        eventually(lambda: spaces[0].kubectl("apply", "-f", "-", input=sandbox("unjudged")).returncode == 0)
        scoped.operator.start(wait_ready=False)
        forbidden = "agentsandboxpolicies.stockade.dev is forbidden"
        eventually(lambda: forbidden in scoped.operator.log_path.read_text().split("operator is stopping")[-1])
        assert not scoped.operator.is_ready()
        assert spaces[0].find("pod", "asb-unjudged") is None
        assert unseen(spaces[0].get("asb", "unjudged"))
    finally:
        scoped.install_webhook()
        eventually(lambda: may_all(scoped, []))
    eventually(scoped.operator.is_ready)
    eventually(scoped.webhook.is_ready)
    eventually(lambda: all(scoped.layers().values()))
    spaces[0].wait_ready("unjudged")


def refused(space, words):
    done = space.kubectl("create", "--dry-run=server", "-f", "-", input=sandbox("unknown"))
    return done if words in done.stderr else None
