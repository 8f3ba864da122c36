"""The operator and the webhook as real processes beside the cluster, under the rights that the chart gives them."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import yaml

from cluster import ROOT, Cluster, eventually
from hardened_pods import hardened

BUILD = pathlib.Path(os.environ.get("STOCKADE_BUILD_DIR", ROOT / "build" / "release"))
NAMESPACE = "stockade-system"
LEASE_LOST = 3  # the operator's exit code
OPERATOR_USER = f"system:serviceaccount:{NAMESPACE}:stockade-operator"
WEBHOOK_USER = f"system:serviceaccount:{NAMESPACE}:stockade-webhook"
# What keeps others from the operator's objects: the webhook's guards, and what the API server judges by itself.
READS = ("get", "list", "watch")
GUARDS = ("validatingwebhookconfiguration/stockade-guards",)
POLICIES = (
    "sandbox-pods", "owned-pods", "hardened-pods", "deny-all", "gateway-pods", "gateway-workloads", "gateway-connections",
    "sandbox-bindings",
)  # fmt: skip
ADMISSION_POLICIES = tuple(f"validatingadmissionpolicybinding/stockade-{name}" for name in POLICIES)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """One of the binaries: its configuration file, its log and, while it runs, its process."""

    def __init__(self, directory, name, kind, config, arguments=(), instance=None):
        instance = instance or name
        self.log_path = directory / f"{instance}.log"
        self.http_port = free_port()
        self.config_path = directory / f"{instance}.yaml"
        self.config = {
            "apiVersion": "config.stockade.dev/v1alpha1",
            "kind": kind,
            "http": {"address": f"127.0.0.1:{self.http_port}"},
            "log": {"level": "debug"},
        } | config
        self.command = [str(BUILD / name / f"stockade-{name}"), "--config", str(self.config_path), *arguments]
        self.environment = {}  # beside that of the tests
        self.process = None

    def start(self, wait_ready=True):
        self.config_path.write_text(yaml.safe_dump(self.config))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | self.environment
            )
        if wait_ready:
            eventually(self.is_ready)

    def is_ready(self):
        assert self.process.poll() is None, f"{self.command[0]} ended: {self.log_path.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def metrics(self):
        """Each sample's value by its name and labels as they are written."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in samples}

    def stop(self):
        """Ends it as Kubernetes would; a clean end is exit code 0."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process = None
        assert code == 0, f"{self.command[0]} ended with {code}: {self.log_path.read_text()[-2000:]}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        self.start()

    def revive(self):
        """Starts it again if it lost its Lease, as the kubelet would."""
        if self.process.poll() == LEASE_LOST:
            self.start(wait_ready=False)


def make_certificates(directory):
    """The webhook's certificate and its authority in a directory below this one, made unless they are there."""
    certificates = directory / "certificates"
    if not certificates.exists():
        subprocess.run([str(ROOT / "hack" / "make-certificates"), str(certificates)], check=True)
    return certificates


def webhook_program(directory, certificates, port, kubeconfig, **config):
    """The webhook, not started yet; keyword arguments are further fields of its configuration."""
    return Program(
        directory,
        "webhook",
        "WebhookConfiguration",
        {
            "listen": {"address": f"127.0.0.1:{port}"},
            "certificates": {
                "certificateFile": str(certificates / "tls.crt"),
                "keyFile": str(certificates / "tls.key"),
            },
        }
        | config,
        ["--kubeconfig", str(kubeconfig)],
    )


def operator_program(directory, kubeconfig, instance=None, **config):
    """An operator that takes part in the election, not started yet; keyword arguments take the place of fields of its
    configuration, or are further ones."""
    return Program(
        directory,
        "operator",
        "OperatorConfiguration",
        {"runtimeClasses": {"GVisor": "gvisor"}, "leaderElection": {"namespace": NAMESPACE}} | config,
        ["--kubeconfig", str(kubeconfig)],
        instance=instance,
    )


def helm():
    """The path of the helm that hack/cluster has made."""
    command = [str(ROOT / "hack" / "cluster"), "binaries", "helm"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    name, path = listed.stdout.split()
    assert name == "helm", listed.stdout
    return path


def helm_template(*settings):
    """The chart's objects as helm renders them; settings are its values, as name=value."""
    rendered = subprocess.run(
        [
            helm(), "template", "stockade", str(ROOT / "charts" / "stockade"), "--namespace", NAMESPACE,
            *(word for setting in settings for word in ("--set", setting)),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return rendered.stdout


class Stockade:
    """Stockade on a cluster: the chart applied, and both programs."""

    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.directory = directory
        # The cluster's own directory holds its kubeconfig and its audit log.
        self.cluster_directory = pathlib.Path(cluster.kubeconfig).parent
        self.webhook_port = free_port()
        self.settings = ()  # of the chart, beside its own, as name=value
        self.probed = "default"  # the namespace in which layers() tries them out
        certificates = make_certificates(directory)
        self.ca_bundle = base64.b64encode((certificates / "ca.crt").read_bytes()).decode()
        self.webhook = webhook_program(
            directory, certificates, self.webhook_port, self.kubeconfig_of("webhook", WEBHOOK_USER)
        )
        # The operators of the fault tables have the other HTTP client, which is the default.
        self.operator = operator_program(
            directory, self.kubeconfig_of("operator", OPERATOR_USER), transport="cpprest"
        )

    def kubeconfig_of(self, name, service_account):
        """A kubeconfig for the identity of one of the chart's service accounts, which has its rights and no more."""
        kubeconfig = self.directory / f"{name}.kubeconfig"
        self.hack_cluster(
            "kubeconfig", "--out", str(kubeconfig), "--user", service_account,
            "--group", "system:serviceaccounts", "--group", f"system:serviceaccounts:{NAMESPACE}",
        )  # fmt: skip
        return kubeconfig

    def hack_cluster(self, command, *args):
        subprocess.run(
            [str(ROOT / "hack" / "cluster"), command, "--dir", str(self.cluster_directory), *args],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def chart(self, *settings):
        """The chart's objects, as helm renders them for this webhook; settings are further ones, as name=value."""
        return helm_template(
            "runtimeClasses.create.gvisor=runsc",
            "operator.deploy=false,webhook.deploy=false",
            f"webhook.url=https://127.0.0.1:{self.webhook_port}",
            f"webhook.caBundle={self.ca_bundle}",
            *self.settings,
            *settings,
        )

    def install(self):
        self.cluster.must("create", "namespace", NAMESPACE)
        self.cluster.must("apply", "--server-side", "--force-conflicts", "-f", "-", input=self.chart())

    def uninstall_webhook(self):
        self.remove("validatingwebhookconfiguration/stockade", *GUARDS)

    def install_webhook(self):
        self.cluster.must("apply", "--server-side", "--force-conflicts", "-f", "-", input=self.chart())

    def remove(self, *names):
        self.cluster.must("delete", "--ignore-not-found", *names)

    def as_user(self, name, *groups):
        """The cluster as somebody else sees it, a member of system:masters unless groups are named."""
        kubeconfig = self.directory / f"user-{hashlib.sha256(repr((name, groups)).encode()).hexdigest()[:16]}.kubeconfig"
        if not kubeconfig.exists():
            members = [word for group in groups or ("system:masters",) for word in ("--group", group)]
            self.hack_cluster("kubeconfig", "--out", str(kubeconfig), "--user", name, *members)
        return Cluster(str(kubeconfig), self.cluster.kubectl_path)

    def as_operator(self):
        return Cluster(str(self.directory / "operator.kubeconfig"), self.cluster.kubectl_path)

    def is_refused(self, obj):
        """True when an administrator may not create it, tried without a trace."""
        return self.cluster.kubectl("-n", self.probed, "create", "--dry-run=server", "-f", "-", input=obj).returncode != 0

    def enter(self, pod, namespace=None, command="exec?command=true"):
        """The answer to a request to enter that pod, whether there is one or not."""
        path = f"/api/v1/namespaces/{namespace or self.probed}/pods/{pod}/{command}"
        return self.cluster.kubectl("create", "--raw", path, "-f", "-", input="{}")

    def layers(self):
        """Which of the guards and of the admission policies are in effect: each refuses something of its own.

        The API server learns by watches of what is registered.
        """
        label = {"app.kubernetes.io/managed-by": "stockade"}
        container = {"name": "probe", "image": "registry.example/probe:1"}
        pod = {
            "apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container]},
            "metadata": {"name": "asb-probe", "labels": {"stockade.dev/sandbox": "probe"}},
        }  # fmt: skip
        plain = {"apiVersion": "v1", "kind": "Pod", "spec": pod["spec"], "metadata": {"name": "probe"}}

        # The guards refuse these as well, but the API server asks its own policies first.
        def made(obj, user):
            return user.kubectl("-n", self.probed, "create", "--dry-run=server", "-f", "-", input=obj)

        def refuses(name, answer):
            return f"ValidatingAdmissionPolicy 'stockade-{name}'" in answer.stderr

        operator = self.as_operator()
        deny_all = {
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "stockade-deny-all"}, "spec": {"podSelector": {}},
        }  # fmt: skip
        gateway = {"metadata": {"name": "probe", "labels": {"stockade.dev/gateway": "asg-probe"}}, "spec": pod["spec"]}
        pooled = sandbox("probe")
        pooled["metadata"]["labels"] = {"stockade.dev/pool": "probe"}
        template = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "probe"}, "template": gateway}
        return {
            "guards": self.is_refused(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "labels": label}}
            ),
            # By its form it would pass, so that no other policy refuses it.
            "sandbox-pods": refuses("sandbox-pods", made(hardened("probe"), self.cluster)),
            "owned-pods": refuses("owned-pods", made(plain, operator)),
            "hardened-pods": refuses("hardened-pods", made(pod, operator)),
            "deny-all": refuses("deny-all", made(deny_all, self.cluster)),
            "gateway-pods": refuses("gateway-pods", made({"apiVersion": "v1", "kind": "Pod"} | gateway, self.cluster)),
            "gateway-workloads": refuses("gateway-workloads", made(template, self.cluster)),
            # Admission comes before anybody looks for the pod.
            "gateway-connections": refuses("gateway-connections", self.enter("asg-probe")),
            "sandbox-bindings": refuses("sandbox-bindings", made(pooled, self.cluster)),
        }  # fmt: skip

    @contextlib.contextmanager
    def without_guards(self):
        """While the context lasts, others may change what the operator owns, as if nobody had guarded it yet."""
        self.remove(*GUARDS, *ADMISSION_POLICIES)
        try:
            eventually(lambda: not any(self.layers().values()))
            yield
        finally:
            self.install_webhook()
            eventually(lambda: all(self.layers().values()))

    def audit(self):
        """Every write to the API server so far, in order: dicts of user, verb, resource, group, namespace, name, code,
        allowed (by authorization) and finalizers."""
        return [request for request in self.requests() if request["verb"] not in READS]

    def requests(self):
        """Every write, and every read of Stockade's own, as audit() has them."""
        requests = []
        for line in (self.cluster_directory / "logs" / "audit.log").read_text().splitlines():
            event = json.loads(line)
            # A watch is told of when it begins; its end may come after the tests.
            if event.get("stage") != ("ResponseStarted" if event["verb"] == "watch" else "ResponseComplete"):
                continue
            target = event.get("objectRef", {})
            resource = target.get("resource", "")
            if target.get("subresource"):
                resource += "/" + target["subresource"]
            requests.append(
                {
                    "user": event["user"]["username"],
                    "agent": event.get("userAgent", ""),
                    "verb": event["verb"],
                    "resource": resource,
                    "group": target.get("apiGroup", ""),
                    "namespace": target.get("namespace", ""),
                    "name": target.get("name", ""),
                    "code": event["responseStatus"]["code"],
                    "allowed": event.get("annotations", {}).get("authorization.k8s.io/decision") == "allow",
                    # Of network policies only; see hack/config/audit-policy.yaml.
                    "finalizers": ((event.get("requestObject") or {}).get("metadata") or {}).get("finalizers", []),
                }
            )
        return requests

    def operator_writes(self, namespace=None):
        """Its writes but for those of its Lease."""
        return [
            w
            for w in self.audit()
            if w["user"] == OPERATOR_USER and w["resource"] != "leases" and namespace in (None, w["namespace"])
        ]


def second_operator(stockade, user):
    """Another operator on the same cluster, not started yet, with the first one's rights under a name of its own."""
    stockade.cluster.must(
        "apply", "-f", "-",
        input=[
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": f"{scope}Binding",
                "metadata": {"name": user} | ({"namespace": NAMESPACE} if scope == "Role" else {}),
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": scope, "name": "stockade-operator"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
            }
            for scope in ("ClusterRole", "Role")
        ],
    )  # fmt: skip
    kubeconfig = stockade.directory / f"{user}.kubeconfig"
    stockade.hack_cluster("kubeconfig", "--out", str(kubeconfig), "--user", user)
    return operator_program(stockade.directory, kubeconfig, instance=user)


@contextlib.contextmanager
def running_stockade(cluster, directory, prepare=None):
    """Stockade installed and running while the context lasts; afterwards its webhook is out of the way again.
    prepare(stockade) changes its settings before that."""
    stockade = Stockade(cluster, pathlib.Path(directory))
    if prepare:
        prepare(stockade)
    stockade.install()
    try:
        stockade.webhook.start()
        stockade.operator.start()
        eventually(lambda: all(stockade.layers().values()))
        yield stockade
    finally:
        stockade.uninstall_webhook()
        stockade.remove(*ADMISSION_POLICIES)
        stockade.operator.stop()
        stockade.webhook.stop()
        cluster.must("delete", "namespace", NAMESPACE)


@contextlib.contextmanager
def policies_alone(cluster, directory):
    """The chart's objects without the registrations, and no program of ours."""
    running = Stockade(cluster, directory)
    running.install()
    running.uninstall_webhook()
    try:
        eventually(lambda: running.layers() == {"guards": False} | dict.fromkeys(POLICIES, True))
        yield running
    finally:
        running.remove(*ADMISSION_POLICIES)
        cluster.must("delete", "namespace", NAMESPACE)


def install_policies(stockade, names, *settings):
    """Policies of the chart with those settings; the registrations stay away."""
    policies = [
        obj for obj in yaml.safe_load_all(stockade.chart(*settings))
        if obj["kind"] == "ValidatingAdmissionPolicy" and obj["metadata"]["name"] in names
    ]  # fmt: skip
    stockade.cluster.must("apply", "--server-side", "--force-conflicts", "-f", "-", input=policies)


def sandbox(name="agent", image="registry.example/agent:1", **spec):
    """An AgentSandbox with one container; keyword arguments are fields of its spec."""
    template = {"spec": {"containers": [{"name": "agent", "image": image}]}}
    return {
        "apiVersion": "stockade.dev/v1alpha1",
        "kind": "AgentSandbox",
        "metadata": {"name": name},
        "spec": {"podTemplate": template} | spec,
    }


def condition(obj, kind):
    """The condition of that type, or an empty dict."""
    for found in obj.get("status", {}).get("conditions", []):
        if found["type"] == kind:
            return found
    return {}
