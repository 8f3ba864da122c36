"""The canary in a network namespace of its own, where addresses are real and iptables plays the network plugin."""

import json
import subprocess

import pytest

from cluster import eventually
from stockade import BUILD

CANARY = str(BUILD / "canary" / "stockade-canary")
SHUT = ["tcp://10.96.0.1:443", "udp://10.96.0.10:53", "tcp://[fd00:10:96::1]:443", "udp://[fd00:10:96::a]:53"]
GATEWAY = "tcp://10.96.31.7:8443"
SERVER = """
import socket, sys, threading

def serve(url):
    kind, address = url.split("://")
    host, port = address.rsplit(":", 1)
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    served = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    served.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    served.bind((host, int(port)))
    if kind == "tcp":
        served.listen(64)
    threading.Thread(target=answer, args=(served, kind, url)).start()

def answer(served, kind, url):
    while True:
        if kind == "tcp":
            served.accept()[0].close()
        else:
            data, peer = served.recvfrom(512)
            served.sendto(data, peer)
        print(url, flush=True)

for url in sys.argv[1:]:
    serve(url)
print("ready", flush=True)
"""


class Network:
    """A network namespace with a cluster's addresses in it, and servers on all of them."""

    def __init__(self):
        # cat keeps the namespace until its input ends.
        self.keeper = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", "echo ready && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.server = None
        if self.keeper.stdout.readline() != "ready\n":
            reason = self.keeper.stderr.read()
            self.close()
            pytest.skip(f"no network namespace can be made here: {reason}")

    def command(self, *args):
        return ["nsenter", f"--target={self.keeper.pid}", "--user", "--net", "--preserve-credentials", *args]

    def run(self, *args):
        done = subprocess.run(self.command(*args), capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{args}: {done.stderr}"

    def start(self):
        self.run("ip", "link", "set", "lo", "up")
        for address in ("10.96.0.1/32", "10.96.0.10/32", "10.96.31.7/32"):
            self.run("ip", "address", "add", address, "dev", "lo")
        for address in ("fd00:10:96::1/128", "fd00:10:96::a/128"):
            self.run("ip", "-6", "address", "add", address, "dev", "lo", "nodad")
        self.server = subprocess.Popen(
            self.command("/usr/bin/python3", "-c", SERVER, *SHUT, GATEWAY), stdout=subprocess.PIPE, text=True
        )
        assert self.server.stdout.readline() == "ready\n"

    def enforce(self, *target, families=("iptables", "ip6tables")):
        """Lets nothing out but to the gateway, and answers of the servers; the rest meets that target of iptables."""
        for program in families:
            if program == "iptables":
                self.run(program, "-A", "OUTPUT", "-d", "10.96.31.7", "-p", "tcp", "--dport", "8443", "-j", "ACCEPT")
            self.run(program, "-A", "OUTPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
            self.run(program, "-A", "OUTPUT", "-j", *target)

    def flush(self):
        for program in ("iptables", "ip6tables"):
            self.run(program, "-F", "OUTPUT")

    def canary(self, *args):
        """A canary that has been started."""
        return subprocess.Popen(
            self.command(CANARY, "--shut", ",".join(SHUT), "--open", GATEWAY, "--message", "/dev/null", *args),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def verdict(self, *args):
        """(exit code, report) of a canary."""
        running = self.canary(*args)
        out, err = running.communicate(timeout=120)
        assert out, err
        return running.returncode, json.loads(out)

    def close(self):
        for process in (self.server, self.keeper):
            if process is not None:
                process.kill()
                process.wait()
                for stream in (process.stdin, process.stdout, process.stderr):
                    if stream is not None:
                        stream.close()


@pytest.fixture
def network():
    made = Network()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def cluster_network(network):
    network.start()
    return network


def test_without_enforcement_everything_open_is_named(cluster_network):
    code, report = cluster_network.verdict("--deadline", "100", "--timeout", "10000")
    assert (code, report["verdict"]) == (1, "Open")
    assert report["open"] == SHUT


@pytest.mark.parametrize("target", [["DROP"], ["REJECT"]], ids=" ".join)
def test_enforcement_is_seen_however_it_refuses(cluster_network, target):
    cluster_network.enforce(*target)
    code, report = cluster_network.verdict()
    assert (code, report["verdict"]) == (0, "Shut"), report
    assert "open" not in report


def test_forgotten_ipv6_is_found(cluster_network):
    cluster_network.enforce("DROP", families=["iptables"])
    code, report = cluster_network.verdict("--deadline", "100")
    assert (code, report["open"]) == (1, SHUT[2:])


def test_late_enforcement_is_waited_for(cluster_network):
    running = cluster_network.canary("--deadline", "100000", "--interval", "50")
    # What must be shut was reached: the first round has begun.
    eventually(lambda: cluster_network.server.stdout.readline().strip() in SHUT)
    cluster_network.enforce("DROP")
    out, _ = running.communicate(timeout=120)
    report = json.loads(out)
    assert (running.returncode, report["verdict"]) == (0, "Shut")


def test_enforcement_that_is_lost_is_found_by_the_probe(cluster_network):
    cluster_network.enforce("REJECT")
    assert cluster_network.verdict("--probe")[0] == 0
    cluster_network.flush()
    code, report = cluster_network.verdict("--probe", "--timeout", "10000")
    assert (code, report["open"], report["rounds"]) == (1, SHUT, 1)


def test_a_gateway_that_is_shut_too_proves_nothing(cluster_network):
    for program in ("iptables", "ip6tables"):
        cluster_network.run(program, "-A", "OUTPUT", "-j", "DROP")
    code, report = cluster_network.verdict("--deadline", "100", "--timeout", "500")
    assert (code, report["verdict"], report["address"]) == (3, "Unanswered", GATEWAY)


def test_no_network_at_all_proves_nothing(network):
    code, report = network.verdict("--deadline", "100")
    assert (code, report["verdict"]) == (3, "Unanswered")
    assert report["error"] == "Network is unreachable"
