"""Values that the chart does not take, each with what it says, and the three places in which a value stands:
values.yaml, its schema and docs/chart-values.md."""

import concurrent.futures
import json
import re
import shutil

import pytest
import yaml
from conftest import CHART, NAMESPACE, ROOT, sets

DIGEST = "sha256:" + "0" * 64

# A certificate that is always about to end, beside alerts that say so.
SHORT = {
    "webhook.certificates.mode": "certManager", "webhook.certificates.certManager.duration": "24h",
    "webhook.certificates.certManager.renewBefore": "16h", "monitoring.prometheusRule.enabled": "true",
}  # fmt: skip

EGRESS = {"operator.config.egress.images.proxy": "registry.example.com/envoy:v1.40.0"}

REFUSED = [
    ({"operater.replicas": "1"}, "additional properties 'operater' not allowed"),
    ({"webhook.replica": "1"}, "at '/webhook': additional properties 'replica' not allowed"),
    ({"operator.replicas": "3"}, "at '/operator/replicas': maximum: got 3, want 2"),
    ({"operator.replicas": "0"}, "at '/operator/replicas': minimum: got 0, want 1"),
    ({"operator.replicas": "two"}, "at '/operator/replicas': got string, want integer"),
    ({"watchNamespaces": "{a,Team}"}, 'watchNamespaces[1] is "Team": write the name of a namespace, such as team-a'),
    ({"watchNamespaces": "{a,a}"}, "at '/watchNamespaces': items at 0 and 1 are equal"),
    ({"watchNamespaces": "a"}, "at '/watchNamespaces': got string, want array"),
    ({"parts": "some"}, "at '/parts': value must be one of 'all', 'cluster', 'namespaced'"),
    ({"operator.config.watchNamespaces": "{a}"}, "is set by the chart: remove it, and set the value watchNamespaces"),
    ({"webhook.config.watchNamespaces": "{a}"}, "is set by the chart: remove it, and set the value watchNamespaces"),
    ({"image.pullPolicy": "Sometimes"}, "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent'"),
    ({"image.registry": "https://registry.example.com"}, 'image.registry is "https://registry.example.com": write HOST'),
    ({"image.pullSecrets[0].name": "My_Secret"}, 'image.pullSecrets[0].name is "My_Secret": write the name of a Secret'),
    ({"image.pullSecrets[0].nam": "x"}, "at '/image/pullSecrets/0': missing property 'name'"),
    ({"operator.image.repository": "Operator:1"}, 'operator.image.repository is "Operator:1": write the image\'s name'),
    ({"operator.image.repository": "example.com/operator:1"}, 'repository is "example.com/operator:1": write the image\'s'),
    ({"operator.image.tag": "-bad"}, 'operator.image.tag is "-bad": write a tag such as 0.1.0'),
    ({"operator.config.defaults.limits.cpu": "lots"}, 'operator.config.defaults.limits.cpu is "lots": write a quantity'),
    ({"operator.config.defaults.limits.cpu": "0"}, 'operator.config.defaults.limits.cpu is "0": write a quantity above'),
    ({"webhook.config.defaults.limits.cpu": "-1"}, 'webhook.config.defaults.limits.cpu is "-1": write a quantity above'),
    ({"operator.config.defaults.tmpSize": "huge"}, 'operator.config.defaults.tmpSize is "huge": write a quantity'),
    ({"operator.config.defaults.home": "agent"}, 'operator.config.defaults.home is "agent": write an absolute path'),
    ({"operator.config.runtimeClasses.GVisor": "Bad Name"}, 'GVisor is "Bad Name": write the name of a RuntimeClass'),
    (EGRESS | {"operator.config.egress.resolvers": "{x}"}, 'operator.config.egress.resolvers[0] is "x": write an IP'),
    (EGRESS | {"operator.config.egress.clusterRanges": "{::}"}, 'clusterRanges[0] is "::": write a range of addresses'),
    (EGRESS | {"operator.config.egress.trustDomain": "A b"}, 'operator.config.egress.trustDomain is "A b": write a DNS'),
    ({"operator.image.tag": "a b"}, 'operator.image.tag is "a b": write a tag such as 0.1.0'),
    ({"operator.image.digest": "sha256:abc"}, 'operator.image.digest is "sha256:abc": write sha256: and 64 hexadecimal'),
    ({"webhook.image.digest": "abc"}, 'webhook.image.digest is "abc": write sha256: and 64 hexadecimal digits'),
    ({"webhook.certificates.mode": "magic"}, "at '/webhook/certificates/mode': value must be one of"),
    (
        {"webhook.certificates.certManager.issuerRef.kind": "Isuer", "webhook.certificates.certManager.issuerRef.name": "own"},
        'issuerRef.kind is "Isuer": write Issuer or ClusterIssuer, or set issuerRef.group',
    ),
    ({"webhook.certificates.certManager.issuerRef.kind": "Issuer"}, "issuerRef has no name: write the name of your Issuer"),
    ({"webhook.certificates.certManager.duration": "90d"}, 'certManager.duration is "90d": write hours, minutes and'),
    (
        {"webhook.certificates.certManager.renewBefore": "2160h"},
        "renewBefore is 2160h, which is not less than duration, 2160h",
    ),
    (
        {"webhook.certificates.certManager.renewBefore": "2160h30m"},
        "renewBefore is 2160h30m, which is not less than duration, 2160h",
    ),
    ({"webhook.certificates.certManager.duration": "59m59s"}, "certManager.duration is 59m59s: set it to 1h or more"),
    ({"webhook.certificates.certManager.renewBefore": "4m"}, "certManager.renewBefore is 4m: set it to 5m or more"),
    (SHORT, "renewBefore is 16h, and the alert StockadeCertificateExpires fires when a certificate ends within 1 days"),
    (
        SHORT | {"monitoring.prometheusRule.disabled": "{StockadeCertificateExpires}"},
        "the alert StockadeCertificateExpiresSoon fires when a certificate ends within 7 days: set renewBefore to more",
    ),
    ({"webhook.certificates.secretName": "TLS"}, 'webhook.certificates.secretName is "TLS": write the name of a Secret'),
    (
        {"webhook.certificates.mode": "certManager", "webhook.certificates.secretName": "stockade-webhook-authority"},
        'secretName is "stockade-webhook-authority", which is where the authority is kept: write another name',
    ),
    ({"webhook.certificates.clientCAConfigMap": "a/b"}, 'clientCAConfigMap is "a/b": write the name of a ConfigMap'),
    ({"podSecurity.runAsUser": "0"}, "at '/podSecurity/runAsUser': minimum: got 0, want 1"),
    ({"podSecurity.fsGroup": "root"}, "at '/podSecurity/fsGroup': got string, want "),
    ({"listenAddress": "localhost"}, 'listenAddress is "localhost": write an IPv4 address'),
    ({"clusterDomain": "Cluster.Local"}, 'clusterDomain is "Cluster.Local": write the cluster\'s DNS domain'),
    ({"networkPolicy.apiServerCIDRs": "{10.0.0.1}"}, 'networkPolicy.apiServerCIDRs[0] is "10.0.0.1": write an address'),
    ({"flowSchema.priorityLevel": "Workload High"}, "write the name of a PriorityLevelConfiguration"),
    ({"monitoring.serviceMonitor.interval": "1 minute"}, "write one number with ms, s, m or h, such as 30s"),
    ({"networkPolicy.apiServerPorts": "{0}"}, "at '/networkPolicy/apiServerPorts/0': minimum: got 0, want 1"),
    ({"monitoring.prometheusRule.disabled": "{Webhook}"}, 'has "Webhook": the alerts are Stockade'),
    ({"runtimeClasses.create.gvisor": ""}, "at '/runtimeClasses/create/gvisor': minLength: got 0, want 1"),
    ({"runtimeClasses.create.gvisor": "run sc"}, 'create.gvisor is "run sc": write the handler\'s name'),
    ({"runtimeClasses.create.GVisor": "runsc"}, 'runtimeClasses.create has the key "GVisor": write the name of a Runtime'),
    ({"uninstall.timeoutSeconds": "5"}, "at '/uninstall/timeoutSeconds': minimum: got 5, want 30"),
    ({"webhook.url": "http://host:8443"}, 'webhook.url is "http://host:8443": write https://host:port'),
    ({"webhook.url": "https://host:8443/validate"}, "write https://host:port, without a path"),
    ({"webhook.caBundle": "-----BEGIN"}, "as base64 -w0 ca.crt prints it"),
    ({"webhook.caBundle": "QUJD"}, "leave it empty, or set the mode to files or certManager"),
    ({"webhook.deploy": "false"}, "set webhook.url to the https://host:port of the webhook"),
    ({"operator.config.http.address": ":1"}, "operator.config.http is set by the chart: remove it, and set the value"),
    ({"operator.config.kind": "X"}, "operator.config.kind is set by the chart: remove it"),
    ({"webhook.config.certificates.keyFile": "x"}, "remove it, and set the value webhook.certificates"),
    ({"operator.config.clusterDomain": "x"}, "is set by the chart: remove it, and set the value clusterDomain"),
    ({"operator.config.leaderElection.enabled": "false"}, "operator.config.leaderElection.enabled is set by the chart"),
    ({"operator.config.leaderElection.lease": "x"}, "operator.config.leaderElection.lease is set by the chart: remove it"),
    ({"webhook.config.guards.operatorUser": "x"}, "remove it, and set the value guards.operatorUser"),
    ({"operator.config.worker": "8"}, "at '/operator/config': additional properties 'worker' not allowed"),
    ({"operator.config.workers": "65"}, "at '/operator/config/workers': maximum: got 65, want 64"),
    ({"operator.config.workers": "many"}, "at '/operator/config/workers': got string, want integer"),
    ({"operator.config.log.level": "loud"}, "at '/operator/config/log/level': value must be one of 'debug', 'info'"),
    ({"operator.config.runtimeClasses.gVisor": "x"}, "additional properties 'gVisor' not allowed"),
    ({"operator.config.egress.resolvers": "{}"}, "at '/operator/config/egress': missing property 'images'"),
    ({"operator.config.egress.images.prox": "x"}, "at '/operator/config/egress/images'"),
    ({"webhook.config.threads": "0"}, "at '/webhook/config/threads': minimum: got 0, want 1"),
    ({"webhook.config.guards.trustedUser": "x"}, "at '/webhook/config/guards': additional properties 'trustedUser'"),
    ({"webhook.config.runtimeClasses.GVisor": "runsc"}, 'GVisor is "runsc", and the operator\'s is another: remove'),
    (
        {"webhook.config.runtimeClasses.GVisor": "gvisor", "operator.config.runtimeClasses.GVisor": "runsc"},
        'GVisor is "gvisor", and the operator\'s is another: remove it, and set operator.config.runtimeClasses alone',
    ),
    ({"webhook.config.policy.allowedMetadataPrefixes": "{a.example}"}, "the operator's is another: remove it, and set"),
    (
        {
            "webhook.config.policy.allowedMetadataPrefixes": "{a.example}",
            "operator.config.policy.allowedMetadataPrefixes": "{b.example}",
        },
        "webhook.config.policy.allowedMetadataPrefixes is set, and the operator's is another: remove it",
    ),
    ({"webhook.config.defaults.limits.cpu": "4"}, 'defaults.limits.cpu is "4", and the operator\'s is another: remove it'),
    (
        {"webhook.config.defaults.limits.cpu": "4", "operator.config.defaults.limits.cpu": "3"},
        'webhook.config.defaults.limits.cpu is "4", and the operator\'s is another: remove it',
    ),
    ({"guards.operatorUser": "alice"}, 'guards.operatorUser is "alice", and the operator of this release is system:'),
    ({"operator.publicRoots.configMap": "Roots"}, 'publicRoots.configMap is "Roots": write the name of a ConfigMap'),
    ({"operator.publicRoots.key": "a/b"}, 'operator.publicRoots.key is "a/b": write a key of that ConfigMap'),
    ({"operator.podDisruptionBudget.maxUnavailable": "some"}, 'is "some": write a number of pods, or a percentage'),
    ({"operator.podDisruptionBudget.maxUnavailable": "0"}, "no node with an operator could ever be drained: set it to 1"),
    ({"webhook.podDisruptionBudget.minAvailable": "2"}, "minAvailable is 2, and there are 2 replicas, so that no node"),
    ({"webhook.podDisruptionBudget.minAvailable": "100%"}, "minAvailable is 100%, and there are 2 replicas"),
    ({"webhook.podDisruptionBudget.minAvailable": "51%"}, "minAvailable is 51%, and there are 2 replicas"),
    ({"webhook.podDisruptionBudget.minAvailable": "150%"}, "minAvailable is 150%, and there are 2 replicas"),
    ({"listenAddress": "999.0.0.1"}, 'listenAddress is "999.0.0.1": write an IPv4 address'),
    (
        {"operator.config.leaderElection.leaseDurationSeconds": "5"},
        "renewDeadlineSeconds is 10, and leaseDurationSeconds 5: raise leaseDurationSeconds",
    ),
    (
        {"operator.config.leaderElection.retryPeriodSeconds": "10"},
        "retryPeriodSeconds is 10, and renewDeadlineSeconds 10: lower it",
    ),
    ({"monitoring.serviceMonitor.scrapeTimeout": "1m"}, "scrapeTimeout is 1m, which is longer than interval, 30s"),
    ({"webhook.replicas": "1"}, "minAvailable is 1, and there are 1 replicas, so that no node with one could ever be"),
    ({"operator.publicRoots.configMap": "roots"}, "operator.config has no egress, so that no gateway needs public roots"),
    (
        {
            "operator.publicRoots.configMap": "roots", "operator.config.egress.publicRootsFile": "/x",
            "operator.config.egress.images.proxy": "registry.example.com/envoy:v1.40.0",
        },
        "operator.config.egress.publicRootsFile is set by the chart where operator.publicRoots.configMap is",
    ),
    ({"webhook.shutdownDelaySeconds": "30"}, "webhook.terminationGracePeriodSeconds is 30: set it to 42 or more"),
    (
        {"webhook.autoscaling.enabled": "true", "webhook.autoscaling.minReplicas": "9"},
        "webhook.autoscaling.minReplicas is 9, which is more than maxReplicas, 6",
    ),
    (
        {"webhook.autoscaling.enabled": "true", "webhook.resources.requests.cpu": "null"},
        "webhook.resources.requests has no cpu, of which targetCPUUtilization is a share: set",
    ),
    ({"operator.priorityClassName": "a: b"}, 'operator.priorityClassName is "a: b": write the name of a PriorityClass'),
    ({"webhook.priorityClassName": "{a}"}, "at '/webhook/priorityClassName': got array, want string"),
    ({"commonLabels.helm\\.sh/chart": "x"}, 'commonLabels has the key "helm.sh/chart", which the chart or the operator'),
    ({"commonLabels.stockade\\.dev/sandbox": "x"}, 'commonLabels has the key "stockade.dev/sandbox", which the chart'),
    ({"operator.podLabels.app\\.kubernetes\\.io/name": "x"}, 'operator.podLabels has the key "app.kubernetes.io/name"'),
    ({"webhook.podLabels.app\\.kubernetes\\.io/component": "x"}, 'podLabels has the key "app.kubernetes.io/component"'),
    ({"operator.podAnnotations.checksum/config": "x"}, 'operator.podAnnotations has the key "checksum/config", which the'),
    ({"webhook.podAnnotations.checksum/config": "x"}, 'webhook.podAnnotations has the key "checksum/config", which the'),
    ({"monitoring.dashboard.labels.helm\\.sh/chart": "x"}, 'monitoring.dashboard.labels has the key "helm.sh/chart"'),
    (
        {"commonLabels.team": "a", "monitoring.serviceMonitor.labels.team": "b"},
        'monitoring.serviceMonitor.labels has the key "team", which commonLabels has as well: remove it from one',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("values", "message"), REFUSED, ids=[" ".join(values) for values, _ in REFUSED])
def test_bad_values_are_refused_with_a_clear_message(helm, values, message):
    done = helm.run("template", "stockade", str(CHART), "--namespace", NAMESPACE, *sets(values))
    assert done.returncode != 0
    assert message in done.stderr


# What null is for: it leaves a number to the platform, and takes a default of these maps away.
MAY_BE_NULL = {f"podSecurity.{each}" for each in ("runAsUser", "runAsGroup", "fsGroup")} | {
    f"{program}.resources.{each}" for program in ("operator", "webhook") for each in ("requests", "limits")
}


def test_null_is_refused_for_every_value(helm, tmp_path):
    """helm takes a key away whose value is null, and the templates would have neither it nor its default."""
    bare = tmp_path / "stockade"
    # The CRDs are most of the work of reading the chart, and no matter here.
    shutil.copytree(CHART, bare, ignore=shutil.ignore_patterns("crds"))
    schema = json.loads((CHART / "values.schema.json").read_text())
    paths = [path for path in schema_properties(schema) if path not in MAY_BE_NULL]
    assert len(paths) > 100

    def refused(path):
        done = helm.run("template", "stockade", str(bare), "--namespace", NAMESPACE, "--set", f"{path}=null")
        return done.returncode != 0 and re.search(
            r"missing property|got null|value must be one of|is set by the chart", done.stderr
        )

    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        assert [path for path, is_so in zip(paths, pool.map(refused, paths)) if not is_so] == []
    # The copy is fit to be judged.
    assert helm.run("template", "stockade", str(bare), "--namespace", NAMESPACE).returncode == 0


def test_null_is_taken_where_it_means_something(helm):
    helm.template({path: "null" for path in MAY_BE_NULL})


def defaults():
    return yaml.safe_load((CHART / "values.yaml").read_text())


def leaves(values, path=""):
    """(path, default) of each value that is no section."""
    for key, value in values.items():
        at = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value and key not in ("requests", "limits", "labels"):
            yield from leaves(value, at)
        else:
            yield at, value


def schema_properties(schema, path=""):
    for key, value in schema.get("properties", {}).items():
        at = f"{path}.{key}" if path else key
        yield at
        yield from schema_properties(value, at)


def test_the_schema_has_every_value_and_no_other():
    schema = json.loads((CHART / "values.schema.json").read_text())
    known = set(schema_properties(schema)) - {"global"}
    free = ("issuerRef.", "pullSecrets.", "operator.config.", "webhook.config.")
    missing = [path for path, _ in leaves(defaults()) if path not in known]
    paths = [path for path, _ in leaves(defaults())]
    sections = {path.rsplit(".", depth)[0] for path in paths for depth in range(1, path.count(".") + 1)}
    surplus = known - {path for path, _ in leaves(defaults())} - sections
    assert not missing
    assert not [path for path in surplus if not any(part in path for part in free)]


def documented_values():
    """{value: default} of the tables in docs/chart-values.md."""
    text = (ROOT / "docs" / "chart-values.md").read_text()
    rows = re.findall(r"^\| `([a-zA-Z.]+)` \| `(.*?)` \|", text, re.MULTILINE)
    return {name: yaml.safe_load(default) for name, default in rows}


def test_every_value_is_documented_with_its_default():
    assert documented_values() == dict(leaves(defaults()))


def test_every_value_has_a_comment():
    """In values.yaml, each section and each value that does not explain itself: one comment a section at least."""
    text = (CHART / "values.yaml").read_text()
    for section in defaults():
        block = re.search(rf"(?:^#.*\n)*^{section}:.*\n(?:^[ #].*\n|^\n)*", text, re.MULTILINE)[0]
        assert "#" in block, f"values.yaml says nothing about {section}"
