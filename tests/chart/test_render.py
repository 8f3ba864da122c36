"""The chart over a matrix of values: every combination is valid for kubeconform, for the API server, and for the
programs that read the configuration files."""

import concurrent.futures
import hashlib
import itertools
import json
import shutil
import subprocess

import pytest
import yaml
from conftest import CHART, NAMESPACE, ROOT, complaint_about, sets, tool
from schemas import LOCATION, write_schemas

PUBLIC_ROOTS = "/etc/stockade-public-roots/public-roots.crt"  # where the chart has them in the operator's container

# Each axis has its choices; every combination of them is rendered.
MATRIX = [
    [{}, {"operator.deploy": "false"}, {"watchNamespaces": "{team-a,team-b}"}],
    [
        {},
        {"webhook.certificates.clientCAConfigMap": "front-proxy"},
        {"webhook.certificates.mode": "files", "webhook.caBundle": "QUJD"},
        {"webhook.certificates.mode": "files", "webhook.certificates.clientCAConfigMap": "front-proxy"},
        {"webhook.certificates.mode": "certManager"},
        {
            "webhook.certificates.mode": "certManager",
            "webhook.certificates.certManager.issuerRef.name": "internal",
            "webhook.certificates.certManager.issuerRef.kind": "ClusterIssuer",
        },
        {"webhook.deploy": "false", "webhook.url": "https://192.0.2.1:8443", "webhook.caBundle": "QUJD"},
    ],
    [{}, {"networkPolicy.enabled": "true", "flowSchema.enabled": "true"}],
    [
        {},
        {
            "monitoring.serviceMonitor.enabled": "true", "monitoring.prometheusRule.enabled": "true",
            "monitoring.dashboard.enabled": "true",
            "monitoring.prometheusRule.runbookURL": "https://docs.example.com/alerts#",
        },
    ],
    [{}, {"webhook.autoscaling.enabled": "true", "webhook.podDisruptionBudget.minAvailable": "50%"}],
    [
        {},
        {
            "commonLabels.team": "platform", "image.registry": "registry.example.com/platform",
            "image.pullSecrets[0].name": "registry", "operator.image.digest": "sha256:" + "0" * 64,
            "podSecurity.runAsUser": "null", "podSecurity.fsGroup": "null", "listenAddress": "[::]",
            "operator.priorityClassName": "important", "operator.nodeSelector.pool": "system",
            "webhook.tolerations[0].key": "dedicated", "webhook.tolerations[0].operator": "Exists",
            "webhook.podAnnotations.note": "x", "operator.podLabels.note": "x", "runtimeClasses.create.gvisor": "runsc",
            "operator.config.workers": "64", "operator.config.defaults.runAsUser": "2147483647",
            "operator.config.runtimeClasses.MicroVM": "kata-qemu", "operator.config.leaderElection.retryPeriodSeconds": "1",
            "webhook.config.limits.connections": "100000", "webhook.config.threads": "8",
            "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name": "monitoring",
            "operator.podDisruptionBudget.enabled": "false", "uninstall.guard": "false",
            "operator.config.egress.images.proxy": "registry.example.com/envoy:v1.40.0",
            "operator.config.egress.images.canary": "registry.example.com/stockade-canary:0.1.0",
            "operator.config.egress.images.credentials": "registry.example.com/stockade-credentials:0.1.0",
            "operator.publicRoots.configMap": "public-roots", "operator.publicRoots.key": "bundle.pem",
        },
    ],
]  # fmt: skip
# What of the release there is, with every way to serve the webhook.
PARTS = [
    {"parts": "cluster"}, {"parts": "namespaced"}, {"guards.enabled": "false"}, {"admissionPolicies.enabled": "false"},
    {"guards.enabled": "false", "admissionPolicies.enabled": "false"},
]  # fmt: skip


@pytest.fixture(scope="module")
def documents(helm, tmp_path_factory):
    """A directory with every different object of every combination, one to a file; the defaults with the CRDs."""
    directory = tmp_path_factory.mktemp("documents")
    combinations = [
        {key: value for choice in choices for key, value in choice.items()} | {"crds.install": "false"}
        for choices in (*itertools.product(*MATRIX), *itertools.product(*MATRIX[:3], PARTS))
    ]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for rendered in pool.map(helm.objects, [{}, *combinations]):
            for document in rendered:
                text = yaml.safe_dump(document)
                digest = hashlib.sha256(text.encode()).hexdigest()[:16]
                (directory / f"{document['kind'].lower()}-{digest}.yaml").write_text(text)
    assert len(list(directory.iterdir())) > 50
    return directory


def test_kubeconform_finds_every_combination_valid(documents, tmp_path):
    write_schemas(tmp_path)
    done = subprocess.run(
        [tool("kubeconform"), "-strict", "-summary", "-schema-location", f"{tmp_path}/{LOCATION}", str(documents)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Skipped: 0" in done.stdout


def test_kubeconform_would_find_a_wrong_field(tmp_path):
    write_schemas(tmp_path)
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"port": 1}}
    done = subprocess.run(
        [tool("kubeconform"), "-strict", "-schema-location", f"{tmp_path}/{LOCATION}", "-"],
        input=yaml.safe_dump(wrong), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "'port' not allowed" in done.stdout


def test_the_api_server_takes_every_combination(documents, cluster):
    there = {found["metadata"]["name"] for found in cluster.get("namespaces")["items"]}
    for namespace in {NAMESPACE, "team-a", "team-b"} - there:
        cluster.must("create", "namespace", namespace)
    done = cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", str(documents),
        timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def configurations(documents, name):
    for path in documents.glob("configmap-*.yaml"):
        text = yaml.safe_load(path.read_text())["data"].get(f"{name}.yaml")
        if text:
            yield path.name, text


@pytest.mark.parametrize("name", ["operator", "webhook"])
def test_the_programs_take_their_configuration(documents, tmp_path, name):
    checked = 0
    subprocess.run([str(ROOT / "hack" / "make-certificates"), str(tmp_path / "certificates")], check=True)
    for origin, text in configurations(documents, name):
        config = tmp_path / origin
        # What the pod would find there, and the program reads at once.
        config.write_text(text.replace(PUBLIC_ROOTS, str(tmp_path / "certificates" / "ca.crt")))
        assert not complaint_about(config, name), text
        checked += 1
    assert checked >= 2
    config.write_text(text.replace('"kind"', '"kint"'))
    assert "kint" in complaint_about(config, name)


def by_name(objects, kind, name):
    return next(each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)


def test_a_digest_counts_instead_of_the_tag(helm):
    digest = "sha256:" + "0" * 64
    values = {"image.registry": "registry.example.com", "operator.image.digest": digest}
    deployment = by_name(helm.objects(values), "Deployment", "stockade-operator")
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"registry.example.com/stockade-operator@{digest}"


def operator_config(helm, values):
    return json.loads(by_name(helm.objects(values), "ConfigMap", "stockade-operator")["data"]["operator.yaml"])


def test_images_of_gateways_are_those_of_the_release(helm):
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    values = {"operator.config.egress.images.proxy": "registry.example.com/envoy:v1.40.0"}
    assert operator_config(helm, values)["egress"]["images"] == {
        "proxy": "registry.example.com/envoy:v1.40.0",
        "canary": f"stockade-canary:{version}",
        "credentials": f"stockade-credentials:{version}",
    }
    values |= {"image.registry": "registry.example.com/platform/", "operator.config.egress.images.canary": "own:1"}
    images = operator_config(helm, values)["egress"]["images"]
    assert images["canary"] == "own:1"
    assert images["credentials"] == f"registry.example.com/platform/stockade-credentials:{version}"
    assert "egress" not in operator_config(helm, {})


def test_public_roots_are_mounted_and_named_in_the_configuration(helm):
    values = {
        "operator.config.egress.images.proxy": "registry.example.com/envoy:v1.40.0",
        "operator.publicRoots.configMap": "public-roots", "operator.publicRoots.key": "bundle.pem",
    }  # fmt: skip
    assert operator_config(helm, values)["egress"]["publicRootsFile"] == PUBLIC_ROOTS
    pod = by_name(helm.objects(values), "Deployment", "stockade-operator")["spec"]["template"]["spec"]
    directory, file = PUBLIC_ROOTS.rsplit("/", 1)
    volume = next(each for each in pod["volumes"] if each["name"] == "public-roots")
    assert volume["configMap"] == {"name": "public-roots", "items": [{"key": "bundle.pem", "path": file}]}
    mounts = {each["mountPath"]: each for each in pod["containers"][0]["volumeMounts"]}
    assert mounts[directory] == {"name": "public-roots", "mountPath": directory, "readOnly": True}
    # No mount lies in another: what is mounted there cannot be written to.
    assert not any(inner.startswith(f"{outer}/") for inner in mounts for outer in mounts)

    without = {"operator.config.egress.images.proxy": "registry.example.com/envoy:v1.40.0"}
    assert "publicRootsFile" not in operator_config(helm, without)["egress"]
    own = without | {"operator.config.egress.publicRootsFile": "/etc/ssl/certs/ca-certificates.crt"}
    assert operator_config(helm, own)["egress"]["publicRootsFile"] == "/etc/ssl/certs/ca-certificates.crt"
    pod = by_name(helm.objects(own), "Deployment", "stockade-operator")["spec"]["template"]["spec"]
    assert [volume["name"] for volume in pod["volumes"]] == ["config"]


def webhook_config(helm, values):
    return json.loads(by_name(helm.objects(values), "ConfigMap", "stockade-webhook")["data"]["webhook.yaml"])


def test_the_webhook_judges_by_what_the_operator_makes(helm):
    """What both programs have to know is said once."""
    shared = {
        "operator.config.runtimeClasses.GVisor": "runsc", "operator.config.defaults.limits.cpu": "4",
        "operator.config.policy.allowedMetadataPrefixes": "{a.example}",
    }  # fmt: skip
    expected = {
        "runtimeClasses": {"GVisor": "runsc"}, "defaults": {"limits": {"cpu": 4}},
        "policy": {"allowedMetadataPrefixes": ["a.example"]},
    }  # fmt: skip
    alone = shared | {"operator.config.defaults.home": "/home/a", "operator.config.workers": "8"}
    twice = shared | {key.replace("operator", "webhook", 1): value for key, value in shared.items()}
    partly = shared | {"webhook.config.runtimeClasses.MicroVM": "kata", "webhook.config.threads": "8"}
    for values in (alone, twice, partly):
        found = webhook_config(helm, values)
        if values is partly:
            assert found["runtimeClasses"].pop("MicroVM") == "kata"
        assert {key: found[key] for key in expected} == expected
    assert not expected.keys() & webhook_config(helm, {}).keys()
    # An empty list allows nothing, and is not the default.
    nothing = helm.objects({}, "--set-json", "operator.config.policy.allowedMetadataPrefixes=[]")
    text = by_name(nothing, "ConfigMap", "stockade-webhook")["data"]["webhook.yaml"]
    assert json.loads(text)["policy"] == {"allowedMetadataPrefixes": []}


def test_a_change_of_the_configuration_restarts_the_pods(helm):
    annotations = [
        by_name(helm.objects(values), "Deployment", "stockade-operator")["spec"]["template"]["metadata"]["annotations"]
        for values in ({}, {"operator.config.workers": "8"}, {"webhook.config.threads": "8"})
    ]
    assert annotations[0] != annotations[1]
    assert annotations[0] == annotations[2], "the webhook's configuration is not the operator's affair"


def rights_of_the_webhook(helm, values):
    return [each for each in helm.objects(values) if each["metadata"]["name"] == "stockade-webhook-certificates"]


def test_the_webhook_has_rights_only_where_it_makes_its_certificate(helm):
    kinds = {each["kind"] for each in rights_of_the_webhook(helm, {})}
    assert kinds == {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    pod = by_name(helm.objects(), "Deployment", "stockade-webhook")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is True
    for values in (
        {"webhook.certificates.mode": "files"},
        {"webhook.certificates.mode": "certManager"},
        {"webhook.deploy": "false", "webhook.url": "https://192.0.2.1:8443", "webhook.caBundle": "QUJD"},
    ):
        assert rights_of_the_webhook(helm, values) == []


def test_programs_outside_the_cluster_need_no_deployment(helm):
    values = {"operator.deploy": "false", "webhook.deploy": "false", "webhook.url": "https://192.0.2.1:8443"}
    kinds = {each["kind"] for each in helm.objects(values)}
    assert not kinds & {"Deployment", "Job", "Service", "PodDisruptionBudget", "ConfigMap"}
    assert {"ValidatingWebhookConfiguration", "ClusterRole", "ServiceAccount"} <= kinds


def test_every_object_has_the_labels_of_the_release(helm):
    for each in helm.objects({"commonLabels.team": "platform", "crds.install": "false"}):
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "stockade", each["metadata"]["name"]
        assert labels["team"] == "platform", each["metadata"]["name"]


def test_an_alert_can_be_left_out(helm):
    values = {
        "monitoring.prometheusRule.enabled": "true", "monitoring.prometheusRule.disabled": "{StockadeWebhookDown}",
        "monitoring.prometheusRule.runbookURL": "https://docs.example.com/alerts.md#",
    }  # fmt: skip
    groups = by_name(helm.objects(values), "PrometheusRule", "stockade")["spec"]["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    assert "StockadeWebhookDown" not in rules
    url = rules["StockadeWebhookFailing"]["annotations"]["runbook_url"]
    assert url == "https://docs.example.com/alerts.md#stockadewebhookfailing"


def alerts(helm, values):
    values = {"monitoring.prometheusRule.enabled": "true", "crds.install": "false"} | values
    groups = by_name(helm.objects(values), "PrometheusRule", "stockade")["spec"]["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"]}


OUTSIDE = {"webhook.deploy": "false", "webhook.url": "https://192.0.2.1:8443", "webhook.caBundle": "QUJD"}


def test_what_runs_outside_the_cluster_is_not_reported_down(helm):
    every = alerts(helm, {})
    assert alerts(helm, OUTSIDE) == every - {"StockadeWebhookDown"}
    assert alerts(helm, {"operator.deploy": "false"}) == every - {"StockadeOperatorDown"}


def test_a_short_certificate_stands_beside_no_alert_of_its_end(helm):
    short = {
        "webhook.certificates.mode": "certManager", "webhook.certificates.certManager.duration": "24h",
        "webhook.certificates.certManager.renewBefore": "16h",
    }  # fmt: skip
    left_out = {"StockadeCertificateExpires", "StockadeCertificateExpiresSoon"}
    names = ",".join(sorted(left_out))
    assert not left_out & alerts(helm, short | {"monitoring.prometheusRule.disabled": "{" + names + "}"})
    helm.template(short)


@pytest.fixture(scope="module")
def notes(helm, tmp_path_factory):
    """notes(values) -> what helm says after an install, which helm template leaves out: as a field of an object."""
    chart = tmp_path_factory.mktemp("notes") / "stockade"
    shutil.copytree(CHART, chart)
    (chart / "templates" / "NOTES.txt").rename(chart / "files" / "NOTES.txt")
    (chart / "templates" / "notes.yaml").write_text('notes: {{ tpl (.Files.Get "files/NOTES.txt") . | toJson }}\n')

    def said(values):
        text = helm.must(
            "template", "stockade", str(chart), "--namespace", NAMESPACE, "--show-only", "templates/notes.yaml",
            *sets(values),
        )  # fmt: skip
        return yaml.safe_load(text)["notes"]

    return said


@pytest.mark.parametrize("parts", ["all", "cluster", "namespaced"])
@pytest.mark.parametrize("scope", [{}, {"watchNamespaces": "{team-a,team-b}"}], ids=["everywhere", "watched"])
@pytest.mark.parametrize("where", [{}, {"operator.deploy": "false"}, OUTSIDE, {"uninstall.guard": "false"}])
def test_the_notes_speak_of_what_is_rendered(helm, notes, parts, scope, where):
    values = {"parts": parts, "crds.install": "false"} | scope | where
    said = notes(values)
    rendered = {(each["kind"], each["metadata"]["name"]) for each in helm.objects(values)}
    for program in ("operator", "webhook"):
        is_there = ("Deployment", f"stockade-{program}") in rendered
        assert (f"Deployment stockade-{program}" in said) == is_there
    assert ("helm test stockade" in said) == (("Job", "stockade-self-check") in rendered)
    assert ("refuses while there are" in said) == (("Job", "stockade-uninstall-guard") in rendered)
    if parts != "cluster":
        assert f"kubectl -n {'team-a' if scope else 'agents'} apply" in said
        assert ("kubectl create namespace" in said) == (not scope)


@pytest.mark.parametrize("name", ["stockade-operator", "stockade-webhook"])
def test_a_pod_has_a_token_if_its_account_has_rights(helm, name):
    objects = helm.objects({"crds.install": "false"})
    subjects = [
        subject["name"]
        for each in objects
        if each["kind"] in ("RoleBinding", "ClusterRoleBinding")
        for subject in each["subjects"]
    ]
    pod = by_name(objects, "Deployment", name)["spec"]["template"]["spec"]
    of_account = by_name(objects, "ServiceAccount", name).get("automountServiceAccountToken", True)
    assert pod["serviceAccountName"] == name
    assert pod.get("automountServiceAccountToken", of_account) == (name in subjects)


def test_every_webhook_is_asked_by_the_same_authority(helm):
    """Each registration has the caBundle that was given, or all of them are left to cert-manager."""
    files = {"webhook.certificates.mode": "files"}
    given = helm.objects(files | {"webhook.caBundle": "QUJD", "crds.install": "false"})
    injected = helm.objects({"webhook.certificates.mode": "certManager", "crds.install": "false"})
    for objects, bundles in ((given, {"QUJD"}), (injected, {None})):
        registrations = [each for each in objects if each["kind"] == "ValidatingWebhookConfiguration"]
        assert registrations
        for each in registrations:
            assert {webhook["clientConfig"].get("caBundle") for webhook in each["webhooks"]} == bundles
            annotation = each["metadata"].get("annotations", {}).get("cert-manager.io/inject-ca-from")
            assert annotation == (None if "QUJD" in bundles else f"{NAMESPACE}/stockade-webhook")


@pytest.mark.parametrize("guards", ["true", "false"])
def test_the_webhook_keeps_the_authority_of_every_registration(helm, guards):
    objects = helm.objects({"guards.enabled": guards, "crds.install": "false"})
    registrations = sorted(
        each["metadata"]["name"] for each in objects if each["kind"] == "ValidatingWebhookConfiguration"
    )
    (config,) = [
        yaml.safe_load(each["data"]["webhook.yaml"])
        for each in objects
        if each["kind"] == "ConfigMap" and "webhook.yaml" in each.get("data", {})
    ]
    assert config["certificates"]["selfManaged"]["validatingWebhookConfigurations"] == registrations
    role = by_name(objects, "ClusterRole", "stockade-webhook-certificates")
    assert [rule["resourceNames"] for rule in role["rules"]] == [registrations]


WATCHED = {"watchNamespaces": "{team-a,team-b}"}
# Everything that lies in no namespace is on.
WITH_ALL = {
    "operator.config.egress.images.proxy": "registry.example.com/envoy:v1.40.0", "flowSchema.enabled": "true",
    "networkPolicy.enabled": "true", "runtimeClasses.create.gvisor": "runsc",
    "monitoring.serviceMonitor.enabled": "true", "monitoring.prometheusRule.enabled": "true",
    "monitoring.dashboard.enabled": "true",
}  # fmt: skip


def identity(obj):
    return obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]


@pytest.mark.parametrize("watched", [{}, WATCHED], ids=["cluster", "namespaces"])
def test_the_two_parts_are_the_whole(helm, watched):
    values = WITH_ALL | watched
    whole = {identity(each): each for each in helm.objects(values)}
    cluster = {identity(each): each for each in helm.objects(values | {"parts": "cluster"})}
    namespaced = {identity(each): each for each in helm.objects(values | {"parts": "namespaced"})}
    assert cluster | namespaced == whole
    assert not cluster.keys() & namespaced.keys()
    assert not [key for key in cluster if key[1]], "the one lies in no namespace"
    assert all(key[1] for key in namespaced), "the other always does"


def rights(objects, account):
    """{namespace, or None for all: {(verb, API group, resource, name)}} of a service account of the release."""
    roles = {identity(each): each["rules"] for each in objects if each["kind"] in ("Role", "ClusterRole")}
    found = {}
    for each in objects:
        if account in [subject["name"] for subject in each.get("subjects", [])]:
            namespace = each["metadata"].get("namespace")
            for rule in roles[each["roleRef"]["kind"], namespace, each["roleRef"]["name"]]:
                for names in rule.get("resourceNames", [None]):
                    found.setdefault(namespace, set()).update(
                        itertools.product(rule["verbs"], rule["apiGroups"], rule["resources"], [names])
                    )
    return found


def test_roles_in_namespaces_grant_what_the_clusterrole_would(helm):
    clusterwide, scoped = helm.objects(WITH_ALL), helm.objects(WITH_ALL | WATCHED)
    reads = {
        "stockade-operator": {
            ("list", "stockade.dev", "agentsandboxpolicies", None), ("watch", "stockade.dev", "agentsandboxpolicies", None),
            ("patch", "stockade.dev", "agentsandboxpolicies/status", None), ("list", "", "namespaces", None),
            ("watch", "", "namespaces", None), ("list", "node.k8s.io", "runtimeclasses", None),
            ("watch", "node.k8s.io", "runtimeclasses", None),
        },
        "stockade-webhook": {
            ("list", "stockade.dev", "agentsandboxpolicies", None), ("watch", "stockade.dev", "agentsandboxpolicies", None),
            ("list", "", "namespaces", None), ("watch", "", "namespaces", None),
        } | {
            (verb, "admissionregistration.k8s.io", "validatingwebhookconfigurations", name)
            for verb in ("get", "list", "watch", "patch") for name in ("stockade", "stockade-guards")
        },
    }  # fmt: skip
    for account, cluster in reads.items():
        before, after = rights(clusterwide, account), rights(scoped, account)
        assert set(after) == {None, NAMESPACE, "team-a", "team-b"}
        assert after[None] == cluster
        assert after["team-a"] == after["team-b"]
        local = {
            right if right[2] != "localsubjectaccessreviews" else (*right[:2], "subjectaccessreviews", None)
            for right in after["team-a"]
        }
        assert local | cluster == before[None]
    # Those of the release's own namespace, which the ClusterRole had included.
    more = rights(scoped, "stockade-operator")[NAMESPACE] - rights(clusterwide, "stockade-operator")[NAMESPACE]
    assert more == {("create", "", "secrets", None), ("update", "", "secrets", "stockade-authorities")}


def test_both_programs_and_the_guards_know_the_namespaces(helm):
    objects = helm.objects(WATCHED | {"crds.install": "false"})
    for name in ("operator", "webhook"):
        config = by_name(objects, "ConfigMap", f"stockade-{name}")["data"][f"{name}.yaml"]
        assert json.loads(config)["watchNamespaces"] == ["team-a", "team-b"]
    selector = {"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["team-a", "team-b"]}
    ]}  # fmt: skip
    guards = by_name(objects, "ValidatingWebhookConfiguration", "stockade-guards")["webhooks"]
    assert {json.dumps(each["namespaceSelector"]) for each in guards} == {json.dumps(selector)}
    # Of our own kinds those in other namespaces are refused, for which the webhook has to be asked.
    own = by_name(objects, "ValidatingWebhookConfiguration", "stockade")["webhooks"]
    assert not [each for each in own if "namespaceSelector" in each]
    jobs = {each["metadata"]["name"]: each for each in objects if each["kind"] == "Job"}
    arguments = {
        name: job["spec"]["template"]["spec"]["containers"][0]["args"] for name, job in jobs.items()
    }
    assert arguments["stockade-uninstall-guard"][-2:] == ["--namespaces", "team-a,team-b"]
    assert arguments["stockade-self-check"] == ["--self-check", "team-a"]
    assert by_name(objects, "Role", "stockade-self-check")["metadata"]["namespace"] == "team-a"
