"""A release from its installation to its end on a real API server, in a namespace that enforces the strictest Pod
Security level. kwok plays the nodes: pods become Ready, and Jobs succeed, without an image."""

import base64
import contextlib
import json
import pathlib
import re
import subprocess

import pytest
import yaml
from conftest import CHART, NAMESPACE, ROOT, Helm, remove_crds, sets

from cluster import CRDS, crd_name, eventually
from stockade import make_certificates, sandbox

RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}
OUTSIDE = {"operator.deploy": "false", "webhook.deploy": "false", "webhook.url": "https://192.0.2.1:8443"}
EVERYTHING = {
    "networkPolicy.enabled": "true", "flowSchema.enabled": "true", "webhook.autoscaling.enabled": "true",
    "monitoring.serviceMonitor.enabled": "true", "monitoring.prometheusRule.enabled": "true",
    "monitoring.dashboard.enabled": "true",
    # Without RuntimeClasses: those are guarded, and no webhook answers here.
}  # fmt: skip


@pytest.fixture(scope="module")
def namespace(cluster, tmp_path_factory):
    """The release's namespace, with the webhook's Secret in it."""
    certificates = make_certificates(tmp_path_factory.mktemp("webhook"))
    metadata = {"name": NAMESPACE, "labels": RESTRICTED}
    cluster.must("apply", "-f", "-", input={"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    cluster.must(
        "-n", NAMESPACE, "create", "secret", "tls", "stockade-webhook-tls",
        "--cert", str(certificates / "tls.crt"), "--key", str(certificates / "tls.key"),
    )  # fmt: skip
    yield NAMESPACE
    cluster.must("delete", "namespace", NAMESPACE, "--wait=false")
    remove_crds(cluster)


@pytest.fixture
def release(cluster, namespace):
    """helm on the cluster; afterwards the release is gone, and the CRD has stayed."""
    helm = Helm(cluster.kubeconfig)
    yield helm
    helm.must("uninstall", "stockade", "--namespace", namespace, "--ignore-not-found", "--no-hooks", "--wait")


def manifest(release):
    return [each for each in yaml.safe_load_all(release.must("get", "manifest", "stockade", "-n", NAMESPACE)) if each]


def versions(cluster, release):
    """{object: resourceVersion} of everything in the release but what its own status changes."""
    found = {}
    for each in manifest(release):
        if each["kind"] in ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget"):
            continue
        metadata = each["metadata"]
        live = cluster.get(each["kind"] + "." + api_group(each), metadata["name"], "-n", NAMESPACE)
        found[each["kind"], metadata["name"]] = live["metadata"]["resourceVersion"]
    return found


def nothing_judges(cluster):
    """Takes what the release registered out of the way: no webhook answers in this cluster."""
    kinds = "validatingwebhookconfigurations,validatingadmissionpolicybindings"
    for each in cluster.get(kinds)["items"]:
        if each["metadata"]["name"].startswith("stockade"):
            cluster.must("delete", each["kind"], each["metadata"]["name"])


def api_group(obj):
    version = obj["apiVersion"]
    return f"{version.split('/')[1]}.{version.split('/')[0]}" if "/" in version else ""


def deployment(cluster, name):
    return cluster.get("deployment", name, "-n", NAMESPACE)


def test_pods_pass_restricted_and_are_spread(cluster, release):
    release.upgrade(EVERYTHING)
    for name in ("stockade-operator", "stockade-webhook"):
        found = eventually(lambda name=name: two_ready(deployment(cluster, name)))
        assert found["status"]["availableReplicas"] == 2
        pods = cluster.get("pods", "-n", NAMESPACE, "-l", f"app.kubernetes.io/component={name.split('-')[1]}")["items"]
        assert len({pod["spec"]["nodeName"] for pod in pods}) == 2, "on different nodes"
    services = cluster.get("endpointslices", "-n", NAMESPACE)["items"]
    ports = {port["port"] for each in services for port in each["ports"]}
    assert ports == {8081, 8082, 8443}


def two_ready(found):
    return found if found.get("status", {}).get("readyReplicas") == 2 else None


def test_a_second_apply_changes_nothing(cluster, release):
    # A HorizontalPodAutoscaler would write to the Deployment meanwhile.
    values = EVERYTHING | {"webhook.autoscaling.enabled": "false"}
    release.upgrade(values)
    before = versions(cluster, release)
    generations = {name: deployment(cluster, name)["metadata"]["generation"] for name in DEPLOYMENTS}
    release.upgrade(values)
    assert versions(cluster, release) == before
    assert {name: deployment(cluster, name)["metadata"]["generation"] for name in DEPLOYMENTS} == generations


DEPLOYMENTS = ("stockade-operator", "stockade-webhook")


@contextlib.contextmanager
def applied(cluster, objects):
    """The objects on the cluster, as a GitOps controller brings them there. Afterwards all are gone but the CRDs."""
    cluster.must("apply", "--server-side", "--force-conflicts", "-f", "-", input=objects)
    try:
        yield
    finally:
        removable = [each for each in objects if each["kind"] != "CustomResourceDefinition"]
        cluster.must("delete", "--ignore-not-found", "-f", "-", input=removable)


def assert_no_drift(cluster, objects):
    # Statuses that change between the two reads of kubectl diff would show.
    for name in DEPLOYMENTS:
        eventually(lambda name=name: two_ready(deployment(cluster, name)))
    done = cluster.kubectl("diff", "--server-side", "-f", "-", input=objects)
    assert done.returncode == 0, done.stdout or done.stderr


def test_nothing_that_is_rendered_drifts(cluster, release):
    """What a GitOps controller compares: the rendered fields with the live ones, once the API server has them."""
    objects = release.objects(EVERYTHING, "--no-hooks")
    with applied(cluster, objects):
        assert_no_drift(cluster, objects)


def test_what_others_fill_in_is_no_drift(cluster, release, tmp_path):
    """The caBundles that the webhook or cert-manager writes, as a dry run of server-side apply sees them."""
    authority = base64.b64encode((make_certificates(tmp_path) / "ca.crt").read_bytes()).decode()
    objects = release.objects({}, "--no-hooks")
    kind = "ValidatingWebhookConfiguration"
    registrations = [each for each in objects if each["kind"] == kind]
    assert sum(len(each["webhooks"]) for each in registrations) > len(registrations), "one has several"
    with applied(cluster, objects):
        for each in registrations:
            name, count = each["metadata"]["name"], len(each["webhooks"])
            patch = [
                {"op": "add", "path": f"/webhooks/{number}/clientConfig/caBundle", "value": authority}
                for number in range(count)
            ]
            cluster.must("patch", kind, name, "--type=json", "--field-manager=another", "-p", json.dumps(patch))
            found = cluster.get(kind, name)["webhooks"]
            assert [webhook["clientConfig"]["caBundle"] for webhook in found] == [authority] * count
        assert_no_drift(cluster, objects)


def test_from_programs_outside_to_deployments_and_back(cluster, release):
    release.upgrade(OUTSIDE)
    assert not cluster.get("deployments", "-n", NAMESPACE)["items"]
    registered = cluster.get("validatingwebhookconfiguration", "stockade")
    assert registered["webhooks"][0]["clientConfig"]["url"].startswith("https://192.0.2.1:8443/")
    release.upgrade()
    registered = cluster.get("validatingwebhookconfiguration", "stockade")
    assert registered["webhooks"][0]["clientConfig"]["service"]["name"] == "stockade-webhook"
    assert "url" not in registered["webhooks"][0]["clientConfig"]
    release.must("rollback", "stockade", "1", "--namespace", NAMESPACE, "--wait")
    assert not cluster.get("deployments", "-n", NAMESPACE)["items"]


def test_upgrade_and_rollback_take_the_configuration_along(cluster, release):
    def state():
        config = cluster.get("configmap", "stockade-operator", "-n", NAMESPACE)["data"]["operator.yaml"]
        template = deployment(cluster, "stockade-operator")["spec"]["template"]["metadata"]["annotations"]
        return json.loads(config).get("workers"), template["checksum/config"]

    release.upgrade()
    before = state()
    webhook = deployment(cluster, "stockade-webhook")["metadata"]["generation"]
    release.upgrade({"operator.config.workers": "8"})
    after = state()
    assert (before[0], after[0]) == (None, 8)
    assert before[1] != after[1], "the pods start anew"
    assert deployment(cluster, "stockade-webhook")["metadata"]["generation"] == webhook, "the webhook's do not"
    release.must("rollback", "stockade", "1", "--namespace", NAMESPACE, "--wait")
    assert state() == before


def test_helm_test_leaves_nothing(cluster, release):
    release.upgrade()
    said = release.must("test", "stockade", "--namespace", NAMESPACE)
    assert "Phase:          Succeeded" in said
    for kind in ("jobs", "roles", "rolebindings", "serviceaccounts"):
        names = [each["metadata"]["name"] for each in cluster.get(kind, "-n", NAMESPACE)["items"]]
        assert "stockade-self-check" not in names


def installer_role():
    """The ClusterRole that docs/install.md gives to those who install what lies in namespaces."""
    text = (ROOT / "docs" / "install.md").read_text()
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "stockade-installer" in block]
    assert len(found) == 1
    return found[0]


def test_a_team_without_clusterroles_installs_upgrades_and_uninstalls_its_part(cluster, release, namespace, tmp_path):
    """The part that lies in namespaces, by a user who has no right beyond three of them."""
    kubeconfig = tmp_path / "team.kubeconfig"
    subprocess.run(
        [
            str(ROOT / "hack" / "cluster"), "kubeconfig", "--dir", str(pathlib.Path(cluster.kubeconfig).parent),
            "--out", str(kubeconfig), "--user", "alice", "--group", "team",
        ],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    team = Helm(str(kubeconfig))
    cluster.must("apply", "-f", "-", input=installer_role())
    with cluster.new_namespace("team-a") as first, cluster.new_namespace("team-b") as second:
        for each in (namespace, first, second):
            for role in ("admin", "stockade-installer"):
                cluster.must("-n", each, "create", "rolebinding", f"team-{role}", f"--clusterrole={role}", "--group=team")
        values = {"watchNamespaces": f"{{{first},{second}}}", "networkPolicy.enabled": "true"}
        values |= {"operator.config.egress.images.proxy": "registry.example.com/envoy:v1.40.0"}
        whole = team.run(
            "upgrade", "--install", "stockade", str(CHART), "--namespace", namespace, *sets(values | {"parts": "all"})
        )
        assert whole.returncode != 0
        assert "cannot" in whole.stderr and "at the cluster scope" in whole.stderr
        team.run("uninstall", "stockade", "--namespace", namespace, "--no-hooks")
        administrator = Helm(cluster.kubeconfig, release="stockade-cluster")
        administrator.upgrade(values | {"parts": "cluster"})
        eventually(lambda: team.run("list", "--namespace", namespace).returncode == 0)
        team.upgrade(values | {"parts": "namespaced"})
        assert "Phase:          Succeeded" in team.must("test", "stockade", "--namespace", namespace)
        roles = cluster.get("roles", "-A")["items"]
        where = {each["metadata"]["namespace"] for each in roles if each["metadata"]["name"] == "stockade-operator-sandboxes"}
        assert where == {first, second}
        team.upgrade(values | {"parts": "namespaced", "operator.config.workers": "8"})
        team.must("rollback", "stockade", "1", "--namespace", namespace, "--wait")
        team.must("uninstall", "stockade", "--namespace", namespace, "--wait")
        administrator.must("uninstall", "stockade-cluster", "--namespace", namespace, "--wait")
        for each in ("admin", "stockade-installer"):
            cluster.must("-n", namespace, "delete", "rolebinding", f"team-{each}")
    cluster.must("delete", "clusterrole", "stockade-installer")
    kinds = "clusterroles,clusterrolebindings,validatingwebhookconfigurations,validatingadmissionpolicies"
    left = [each["metadata"]["name"] for each in cluster.get(kinds)["items"]]
    assert not [name for name in left if name.startswith("stockade")]


def test_an_upgrade_restores_what_was_taken_away(cluster, release):
    release.upgrade()
    cluster.must("delete", "validatingwebhookconfiguration", "stockade")
    cluster.must("-n", NAMESPACE, "delete", "service", "stockade-webhook")
    release.upgrade()
    cluster.must("get", "validatingwebhookconfiguration", "stockade")
    cluster.must("-n", NAMESPACE, "get", "service", "stockade-webhook")


def test_uninstall_leaves_the_sandboxes_and_their_boundary(cluster, release):
    """The guard is let pass here, as kwok's Jobs succeed: tests/integration/test_hooks.py has what it does."""
    release.upgrade(OUTSIDE)
    nothing_judges(cluster)
    with cluster.new_namespace() as agents:
        cluster.must("-n", agents, "apply", "-f", "-", input=sandbox())
        # A policy is in force for a moment after it was deleted.
        eventually(lambda: cluster.kubectl("-n", agents, "apply", "-f", "-", input=deny_all()).returncode == 0)
        release.upgrade()
        release.must("uninstall", "stockade", "--namespace", NAMESPACE, "--wait")
        cluster.must("get", "crd", "agentsandboxes.stockade.dev")
        cluster.must("-n", agents, "get", "asb", "agent")
        assert cluster.get("networkpolicy", "stockade-deny-all", "-n", agents)["metadata"]["finalizers"]
        kinds = "deployments,services,configmaps,jobs,poddisruptionbudgets,roles,rolebindings,serviceaccounts"
        left = {each["metadata"]["name"] for each in cluster.get(kinds, "-n", NAMESPACE)["items"]}
        assert left <= {"kube-root-ca.crt", "default"}
        kinds = "clusterroles,clusterrolebindings,validatingwebhookconfigurations,validatingadmissionpolicies"
        everywhere = cluster.get(kinds)["items"]
        assert not [each for each in everywhere if each["metadata"]["name"].startswith("stockade")]
        # And it can be installed again over what was left.
        release.upgrade(OUTSIDE)
        cluster.must("-n", agents, "get", "asb", "agent")
        nothing_judges(cluster)
        patch = ("networkpolicy", "stockade-deny-all", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        eventually(lambda: cluster.kubectl("-n", agents, "patch", *patch).returncode == 0)


def test_crds_of_kubectl_are_taken_over_where_helm_is_told_to(cluster, release):
    """As docs/install.md has it. Those that the release of another test left are made like those that kubectl applied."""
    release.upgrade(OUTSIDE)
    release.must("uninstall", "stockade", "--namespace", NAMESPACE, "--no-hooks", "--wait")
    for path in CRDS.glob("*.yaml"):
        name = crd_name(path)
        cluster.must(
            "annotate", "crd", name, "meta.helm.sh/release-name-", "meta.helm.sh/release-namespace-"
        )  # fmt: skip
        cluster.must("label", "crd", name, "app.kubernetes.io/managed-by-")
    install = ("stockade", str(CHART), "--namespace", NAMESPACE, *sets(OUTSIDE))
    refused = release.run("install", *install)
    assert "cannot be imported into the current release" in refused.stderr
    release.must("install", "--take-ownership", *install)
    cluster.must("get", "validatingwebhookconfiguration", "stockade")


def deny_all():
    """As the operator makes it."""
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "stockade-deny-all", "finalizers": ["stockade.dev/pods-gone"]},
        "spec": {
            "podSelector": {"matchExpressions": [{"key": "stockade.dev/sandbox", "operator": "Exists"}]},
            "policyTypes": ["Ingress", "Egress"],
        },
    }  # fmt: skip


def test_there_is_one_release_in_a_cluster(cluster, release):
    """Asked of a cluster: helm template knows none."""
    release.upgrade(OUTSIDE)
    second = Helm(cluster.kubeconfig, release="other")
    done = second.run("install", "other", str(CHART), "--namespace", NAMESPACE, "--set", "crds.install=false")
    assert done.returncode != 0
    assert 'this cluster has the release "stockade" of Stockade' in done.stderr
