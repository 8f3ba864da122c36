"""The node is what the other tests suppose: gVisor is gVisor, policies are enforced, and the kubelet trusts nobody."""

import os

from cluster import eventually

NODE = "node-1"


def policy(name, selector, **spec):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {"matchLabels": selector}, **spec},
    }


def test_gvisor_is_another_kernel(pods):
    pods.run("sandboxed")
    pods.run("plain", runtime_class=None)
    host = os.uname().release
    assert pods.output("plain", "uname", "-r").strip() == host
    assert pods.output("sandboxed", "uname", "-r").strip() != host
    assert "Starting gVisor" in pods.output("sandboxed", "dmesg")


def test_logs(pods):
    for name, runtime_class in (("sandboxed", "gvisor"), ("plain", None)):
        pods.run(name, runtime_class=runtime_class, command=["bash", "-c", "echo here I am; exec sleep infinity"])
        assert pods.must("logs", name) == "here I am\n"


def test_standard_input_and_exit_code_of_exec(pods):
    pods.run("sandboxed")
    echoed = pods.must("exec", "-i", "sandboxed", "--", "cat", input="to and fro")
    assert echoed == "to and fro"
    assert pods.execute("sandboxed", "bash", "-c", "exit 7").returncode == 7


def test_ingress_policy(pods):
    address = pods.serve("server")
    pods.run("friend", labels={"role": "friend"})
    pods.run("stranger", runtime_class=None)
    assert pods.connects("friend", address) and pods.connects("stranger", address)
    peers = [{"podSelector": {"matchLabels": {"role": "friend"}}}]
    only_friends = policy("server", {"name": "server"}, policyTypes=["Ingress"], ingress=[{"from": peers}])
    pods.must("apply", "-f", "-", input=only_friends)
    eventually(lambda: not pods.connects("stranger", address))
    assert pods.connects("friend", address)
    pods.must("delete", "networkpolicy", "server")
    eventually(lambda: pods.connects("stranger", address))


def test_egress_policy(pods):
    address = pods.serve("server")
    pods.run("agent")
    pods.run("other")
    assert pods.connects("agent", address)
    pods.must("apply", "-f", "-", input=policy("agent", {"name": "agent"}, policyTypes=["Egress"]))
    eventually(lambda: not pods.connects("agent", address))
    assert pods.connects("other", address)


def test_service(pods):
    pods.serve("server")
    pods.run("client")
    ports = [{"port": 80, "targetPort": 8080}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "server"},
        "spec": {"selector": {"name": "server"}, "ports": ports},
    }
    pods.must("apply", "-f", "-", input=service)
    address = pods.cluster.get("-n", pods.namespace, "service", "server")["spec"]["clusterIP"]
    eventually(lambda: pods.connects("client", address, 80))


def test_kubelet_keeps_to_its_node(cluster, node_directory):
    """The authorization of nodes and the admission plugin NodeRestriction."""

    def as_kubelet(*args):
        return cluster.kubectl("--kubeconfig", str(node_directory / "kubeconfigs" / "kubelet"), *args)

    assert as_kubelet("get", "node", NODE).returncode == 0
    restricted = as_kubelet("label", "node", NODE, "node-restriction.kubernetes.io/tier=trusted")
    assert restricted.returncode != 0 and "is not allowed to modify labels" in restricted.stderr
    secrets = as_kubelet("get", "secrets", "-A")
    assert secrets.returncode != 0 and "can only read" in secrets.stderr


def test_kubelet_asks_who_calls(hack_node, node_directory):
    authority = str(node_directory / "pki" / "ca.crt")
    answer = hack_node(
        "exec", "curl", "-sS", "--cacert", authority, "--max-time", "5", "--write-out", "%{http_code}",
        "--output", "/dev/null", "https://127.0.0.1:10250/pods",
    )  # fmt: skip
    assert answer.stdout == "401"
