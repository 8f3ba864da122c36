"""Pods to try things from: of the image that hack/node gives its node, a small Debian with bash and perl."""

IMAGE = "localhost/stockade-node-base:bookworm"
PORT = 8080
POLICY_HEALTH_PORT = 20244  # hack/lib/node_components.sh

# Greets whoever connects.
SERVER = f"""
my $server = IO::Socket::INET->new(LocalPort => {PORT}, Listen => 16, ReuseAddr => 1) or die;
while (my $client = $server->accept) {{ print $client "hello\\n"; close $client }}
"""


# Of a namespace that enforces the strictest Pod Security level.
RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}


def ready(pod):
    conditions = pod.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def enforces(hack_node):
    """Whether the policy controller says that it works."""
    health = ["curl", "--silent", "--max-time", "2", "--output", "/dev/null", "--write-out", "%{http_code}"]
    script = " ".join([*health, f"http://127.0.0.1:{POLICY_HEALTH_PORT}/healthz", "||", "true"])
    return hack_node("exec", "bash", "-c", script).stdout == "200"


class Pods:
    """The pods of one namespace."""

    def __init__(self, cluster, namespace):
        self.cluster = cluster
        self.namespace = namespace

    def must(self, *args, **kwargs):
        return self.cluster.must("-n", self.namespace, *args, **kwargs)

    def create(self, name, runtime_class="gvisor", labels=None, **container):
        """Starts a pod without waiting for it. runtime_class None is the node's own runtime, runc."""
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"name": name, **(labels or {})}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": False,
                "containers": [{"name": "main", "image": IMAGE, "imagePullPolicy": "Never", **container}],
            },
        }
        if runtime_class:
            pod["spec"]["runtimeClassName"] = runtime_class
        if container.get("args"):
            pod["spec"]["restartPolicy"] = "Never"
        self.must("create", "-f", "-", input=pod)

    def run(self, name, **kwargs):
        """Starts a pod and waits until it is Ready."""
        self.create(name, **kwargs)
        self.must("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s", timeout=90)

    def serve(self, name, **kwargs):
        """Runs a pod that greets on PORT, and returns its address."""
        probe = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
        self.run(name, command=["perl", "-MIO::Socket::INET", "-e", SERVER], readinessProbe=probe, **kwargs)
        return self.cluster.get("-n", self.namespace, "pod", name)["status"]["podIP"]

    def execute(self, name, *command):
        """The CompletedProcess of a command in a pod."""
        return self.cluster.kubectl("-n", self.namespace, "exec", name, "--", *command)

    def output(self, name, *command):
        return self.must("exec", name, "--", *command)

    def connects(self, name, address, port=PORT):
        """Whether a pod is greeted at an address."""
        script = f"exec 3<>/dev/tcp/{address}/{port} && cat <&3"
        done = self.execute(name, "timeout", "3", "bash", "-c", script)
        assert done.returncode in (0, 1, 124), done.stderr
        return done.returncode == 0 and done.stdout == "hello\n"
