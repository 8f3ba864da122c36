"""Who is there when the attacker tries something: agents of each tier with a way out, another sandbox, and a pod that
nothing bounds, where the same attack has to succeed."""

import json
import os
import pathlib
import secrets

import internet as outside

AGENT = "localhost/stockade-agent:test"
PROGRAM = (pathlib.Path(__file__).parent / "attacker.py").read_text()
TIERS = {"gvisor": "GVisor", "container": "Container"}
PORT = 8080
NODE_PORT = 30007
CLUSTER_DNS = "10.96.0.10"

# Greets whoever connects, and ends upon SIGHUP, after which the kubelet starts it again.
SERVE = f"""
import signal, socket
signal.signal(signal.SIGHUP, lambda *_: exit(0))
server = socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    server.accept()[0].close()
"""
# A name server that answers whatever it is asked.
NAMES = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 53))
while True:
    query, client = server.recvfrom(512)
    server.sendto(query, client)
"""


# Whom the victim lets in at its port: the attackers too, so that their own policy alone is in the way.
ATTACKER, FRIEND = {"role": "attacker"}, {"role": "friend"}
LETS_IN = [{"from": [{"podSelector": {"matchLabels": labels}} for labels in (ATTACKER, FRIEND)], "ports": [{"port": PORT}]}]


def sandbox(name, tier, **spec):
    """With a dedicated gateway, by which one host can be reached with a credential."""
    container = {
        "name": "agent", "image": AGENT, "command": ["python3", "-c", SERVE],
        "volumeMounts": [{"name": "labels", "mountPath": "/etc/labels"}],
    }  # fmt: skip
    labels = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    template = {
        "metadata": {"labels": ATTACKER},
        "spec": {"containers": [container], "volumes": [{"name": "labels", "downwardAPI": {"items": [labels]}}]},
    }
    header = {"name": "Authorization", "prefix": "Bearer ", "secretKeyRef": {"name": "api", "key": "token"}}
    trust = {} if tier == "GVisor" else {"isolation": tier, "inputTrust": "Trusted"}
    return {
        "apiVersion": "stockade.dev/v1alpha1",
        "kind": "AgentSandbox",
        "metadata": {"name": name},
        "spec": {
            **trust,
            "podTemplate": template,
            "egress": {"allow": [{"host": outside.HOSTS[0], "methods": ["GET"], "credential": "api"}]},
            "credentials": [{"name": "api", "header": header}],
            **spec,
        },
    }


class Stage:
    """`agents` and `others` are the pods of two namespaces; `facts` what the attacker is taken to know."""

    def __init__(self, agents, others, hack_node):
        self.agents, self.others, self.hack_node = agents, others, hack_node
        self.token = secrets.token_hex(16)
        self.facts = {}

    def apply(self, *objects):
        self.agents.must("apply", "-f", "-", input=list(objects))

    def wait(self, *names, timeout=120):
        for name in names:
            self.agents.must(
                "wait", "--for=condition=Ready", f"agentsandbox/{name}", f"--timeout={timeout}s", timeout=timeout + 30)

    def get(self, *args):
        return self.agents.cluster.get("-n", self.agents.namespace, *args)

    def pod(self, name):
        return self.get("pod", f"asb-{name}")

    def gateway(self, name):
        """ADDRESS:PORT of a gateway's pod."""
        pods = self.get("pods", "-l", f"stockade.dev/gateway=asg-{name}")["items"]
        return f"{pods[0]['status']['podIP']}:15443"

    def set_up(self):
        self.agents.must("create", "secret", "generic", "api", f"--from-literal=token={self.token}")
        self.apply(sandbox("victim", "GVisor", ingress=LETS_IN), friend(), *[sandbox(name, tier) for name, tier in TIERS.items()])
        self.others.must("apply", "-f", "-", input=[free_pod(self.token), *cluster_dns(self.others.namespace)])
        self.wait("victim", *TIERS)
        self.others.must("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s", timeout=90)
        self.agents.must("wait", "--for=condition=Ready", "pod", "friend", "--timeout=60s", timeout=90)
        node = self.agents.cluster.get("node", "node-1")["status"]["addresses"][0]["address"]
        names = self.others.cluster.get("-n", self.others.namespace, "pod", "names")
        links = json.loads(self.hack_node("exec", "ip", "-json", "-6", "address", "show", "dev", "cni0").stdout)
        server = self.agents.cluster.get("endpoints", "kubernetes")["subsets"][0]
        self.facts = {
            "host": outside.HOSTS[0],
            "internet": f"{outside.HOST_ADDRESS}:443",
            "public name server": f"{outside.DNS_ADDRESS}:53",
            "metadata": f"{outside.METADATA_ADDRESS}:80",
            "api": "10.96.0.1:443",
            "api's node": f"{node}:{server['ports'][0]['port']}",
            "kubelet": f"{node}:10250",
            "kube-proxy": f"{node}:10256",
            "node port": f"{node}:{NODE_PORT}",
            "bridge": "10.244.0.1:10250",
            "kubelet, link-local": f"[{link_local(links)}]:10250",
            "victim, link-local": f"[{self.link_local_of_victim()}]:{PORT}",
            "dns": f"{CLUSTER_DNS}:53",
            "dns's pod": f"{names['status']['podIP']}:53",
            "victim": f"{self.pod('victim')['status']['podIP']}:{PORT}",
            "victim's gateway": self.gateway("victim"),
            "kernel": os.uname().release,
            "own_ports": [PORT],
        }

    def link_local_of_victim(self):
        table = self.agents.must("exec", "asb-victim", "-c", "agent", "--", "cat", "/proc/net/if_inet6")
        (digits,) = [line.split()[0] for line in table.splitlines() if line.startswith("fe80")]
        return ":".join(digits[i : i + 4] for i in range(0, 32, 4))

    def try_in(self, name, *attacks):
        """{attack: outcome} of what is tried in the agent of a sandbox."""
        facts = self.facts if name.startswith("glutton") else self.facts | {"gateway": self.gateway(name)}
        return run(self.agents, f"asb-{name}", facts, attacks)

    def try_unbounded(self, *attacks):
        return run(self.others, "free", self.facts, attacks)

    def try_raising(self, attack, runtime):
        """What comes of it in an ordinary pod under a runtime, which may raise rights."""
        name = f"raises-{runtime or 'runc'}"
        self.others.create(name, runtime_class=runtime, image=AGENT, command=["sleep", "infinity"],
                           securityContext={"runAsUser": 10001})  # fmt: skip
        self.others.must("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s", timeout=90)
        return run(self.others, name, self.facts, [attack])[attack]

    def try_as_friend(self, *attacks):
        return run(self.agents, "friend", self.facts, attacks)


def run(pods, pod, facts, attacks):
    container = ["-c", "agent"] if pod.startswith("asb-") else []
    done = pods.cluster.kubectl(
        "-n", pods.namespace, "exec", "-i", pod, *container, "--", "python3", "-", json.dumps(facts), *attacks,
        input=PROGRAM, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, (attacks, done.stdout, done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def link_local(links):
    return next(each["local"] for link in links for each in link["addr_info"] if each["scope"] == "link")


def friend():
    """A pod of nobody's beside the sandboxes: what a harness outside of them is."""
    made = hardened_pod("friend", FRIEND)
    made["spec"]["terminationGracePeriodSeconds"] = 0
    return made


def hardened_pod(name, labels):
    container = {
        "name": "main", "image": AGENT, "imagePullPolicy": "Never", "command": ["sleep", "infinity"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }  # fmt: skip
    context = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container], "securityContext": context, "automountServiceAccountToken": False},
    }  # fmt: skip


def free_pod(token):
    """Root under the node's runtime, with all privileges and no policy, beside a process with the credential in a file
    of its own, that it sees."""
    container = {
        "name": "main", "image": AGENT, "imagePullPolicy": "Never", "securityContext": {"privileged": True},
        "command": ["sleep", "infinity"],
    }  # fmt: skip
    neighbour = {
        "name": "neighbour", "image": AGENT, "imagePullPolicy": "Never",
        "command": ["bash", "-c", f"echo {token} >/tmp/token; exec -a envoy sleep infinity"],
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "free"},
        "spec": {
            "terminationGracePeriodSeconds": 0, "containers": [container, neighbour], "shareProcessNamespace": True,
            "dnsPolicy": "None",
            "dnsConfig": {"nameservers": [outside.DNS_ADDRESS]},
        },
    }  # fmt: skip


def cluster_dns(namespace):
    """A name server for the cluster, and a Service at a port of the node."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "names", "labels": {"app": "names"}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {"name": "main", "image": AGENT, "imagePullPolicy": "Never", "command": ["python3", "-c", NAMES]},
                {"name": "tcp", "image": AGENT, "imagePullPolicy": "Never", "command": ["python3", "-c", SERVE]},
            ],
        },
    }  # fmt: skip
    def service(name, **spec):
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"app": "names"}, **spec},
        }

    return [
        pod,
        service("dns", clusterIP=CLUSTER_DNS, ports=[{"name": "dns", "port": 53, "protocol": "UDP"}]),
        service("node-port", type="NodePort", ports=[{"port": PORT, "nodePort": NODE_PORT}]),
    ]

