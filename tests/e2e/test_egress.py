"""The way out on a real node, as a user has it: an agent under gVisor, whose requests go through its sidecar and its
gateway to hosts at the end of a cable, and nowhere else. The gateway has the credential, the agent never."""

import json
import secrets
import subprocess
import threading

import pytest

import internet as outside
from cluster import ROOT, eventually
from pods import RESTRICTED, Pods, ready

AGENT = "localhost/stockade-agent:test"
HOST, OTHER = outside.HOSTS


def sandbox(name, **egress):
    credential = {
        "name": "api",
        "header": {
            "name": "Authorization", "prefix": "Bearer ", "secretKeyRef": {"name": "api", "key": "token"},
        },
    }  # fmt: skip
    allow = [{"host": HOST, "methods": ["GET"], "credential": "api"}]
    return {
        "apiVersion": "stockade.dev/v1alpha1",
        "kind": "AgentSandbox",
        "metadata": {"name": name},
        "spec": {
            "podTemplate": {"spec": {"containers": [{"name": "agent", "image": AGENT}]}},
            "egress": {"allow": allow, **egress},
            "credentials": [credential],
        },
    }


class Agent:
    """A sandbox with a way out, and what its agent does."""

    def __init__(self, pods, name):
        self.pods = pods
        self.name = name
        self.pod = f"asb-{name}"

    def start(self, **egress):
        """Applies it, and waits until it is Ready."""
        self.pods.must("apply", "-f", "-", input=sandbox(self.name, **egress))
        self.pods.must("wait", "--for=condition=Ready", f"agentsandbox/{self.name}", "--timeout=120s", timeout=150)

    def condition(self, kind):
        found = self.pods.cluster.get("-n", self.pods.namespace, "agentsandbox", self.name)["status"]["conditions"]
        return next(condition for condition in found if condition["type"] == kind)

    def execute(self, *command):
        return self.pods.execute(self.pod, *command)

    def curl(self, *arguments):
        """The CompletedProcess of curl: what it printed is the answer's body."""
        return self.execute("curl", "--silent", "--show-error", "--fail", "--max-time", "10", *arguments)

    def asks(self, host=HOST):
        """Whether a request is answered by a host."""
        return self.curl(f"https://{host}/").stdout == "hello\n"

    def identity(self):
        pod = self.pods.cluster.get("-n", self.pods.namespace, "pod", self.pod)
        return pod["metadata"]["uid"], [each["restartCount"] for each in pod["status"]["containerStatuses"]]


@pytest.fixture(scope="module")
def token():
    return secrets.token_hex(16)


@pytest.fixture(scope="module")
def agents(installed, internet, token):
    with installed.new_namespace("egress", RESTRICTED) as name:
        pods = Pods(installed, name)
        pods.must("create", "secret", "generic", "api", f"--from-literal=token={token}")
        yield pods


@pytest.fixture(scope="module")
def agent(agents):
    found = Agent(agents, "caller")
    found.start()
    return found


def bearers(internet, since=0):
    """The values of Authorization that have reached the host."""
    requests = internet.requests[since:]
    return {value for request in requests for key, value in request["headers"] if key == "authorization"}


def test_conditions_tell_that_it_was_proven(agent):
    """The canary of a real pod has found the real network shut."""
    for kind in ("EgressIsolated", "CredentialsBrokered"):
        assert agent.condition(kind)["status"] == "True", agent.condition(kind)


def test_the_credential_is_added_outside(agent, internet, token):
    before = len(internet.requests)
    assert agent.asks(), agent.curl(f"https://{HOST}/").stderr
    eventually(lambda: bearers(internet, before) == {f"Bearer {token}"})


def test_what_was_decided_is_shown(agent):
    """By stockade top, from the log of the gateway."""
    agent.curl(f"https://{OTHER}/")
    assert agent.asks()

    def shown():
        command = [ROOT / "build" / "release" / "cli" / "stockade", "top", "--once", "--kubeconfig",
                   agent.pods.cluster.kubeconfig, "-n", agent.pods.namespace]  # fmt: skip
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        of_agent = [line.split() for line in lines if f"{agent.pods.namespace}/{agent.name}" in line]
        return {(words[2], words[-1], words[-2].partition(":")[0]) for words in of_agent}

    eventually(lambda: {("refused", "default", OTHER), ("allowed", "allow[0]", HOST)} <= shown(), timeout=30)


def test_the_agent_has_no_credential(agent, token):
    """Neither in its environment, nor in a process that it sees, nor in a file that it can read."""
    assert token not in agent.execute("env").stdout
    script = f"grep --binary-files=text -lsr {token} /proc/[0-9]*/environ /etc /home /opt /run /srv /tmp /usr/local /var"
    found = agent.execute("bash", "-c", f"{script}; true")
    assert found.returncode == 0 and not found.stdout, found.stdout
    listed = agent.execute("bash", "-c", "ls -R /var/run/secrets /etc/stockade 2>/dev/null; true").stdout
    assert "key" not in listed, listed


@pytest.mark.parametrize("arguments", [(f"https://{OTHER}/",), ("-X", "POST", f"https://{HOST}/")])
def test_what_is_not_listed_is_refused(agent, internet, arguments):
    before = len(internet.requests)
    done = agent.curl(*arguments)
    assert done.returncode != 0 and "403" in done.stderr, done.stderr
    assert len(internet.requests) == before


# Asks the name server for the addresses of "." and waits for the first byte of its answer.
ASK_FOR_NAMES = (
    f"exec 3<>/dev/udp/{outside.DNS_ADDRESS}/53 && printf '\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\0\\1\\0\\1' >&3 && "
    "[[ $(head -c 2 <&3 | wc -c) == 2 ]]"
)


@pytest.mark.parametrize("script", [
    pytest.param(f"exec 3<>/dev/tcp/{outside.HOST_ADDRESS}/443", id="the host"),
    pytest.param(ASK_FOR_NAMES, id="the name server"),
    pytest.param("exec 3<>/dev/tcp/10.96.0.1/443", id="the API server"),
])  # fmt: skip
def test_there_is_no_way_round(agent, agents, script):
    """A pod of another namespace gets there; the agent does not."""
    with agents.cluster.new_namespace() as name:
        others = Pods(agents.cluster, name)
        others.run("free")
        assert others.execute("free", "timeout", "3", "bash", "-c", script).returncode == 0
    assert agent.execute("timeout", "3", "bash", "-c", script).returncode != 0


class Caller(threading.Thread):
    """Asks the host again and again until it is told to stop. `outcomes` are whether each request was answered."""

    def __init__(self, agent):
        super().__init__(daemon=True)
        self._agent = agent
        self._ended = threading.Event()
        self.outcomes = []
        self.errors = []

    def run(self):
        while not self._ended.is_set():
            done = self._agent.curl(f"https://{HOST}/")
            self.outcomes.append(done.stdout == "hello\n")
            if not self.outcomes[-1]:
                self.errors.append(done.stderr)

    def __enter__(self):
        self.start()
        eventually(lambda: self.outcomes)
        return self

    def __exit__(self, *_):
        self._ended.set()
        self.join(timeout=60)

    def answered_again(self):
        """Waits for five answers in a row from here on."""
        begin = len(self.outcomes)
        eventually(lambda: len(self.outcomes) >= begin + 5 and all(self.outcomes[-5:]), timeout=90)


def gateway_pods(agents):
    found = agents.cluster.get("-n", agents.namespace, "pods", "-l", "stockade.dev/gateway")["items"]
    return {pod["metadata"]["name"]: pod for pod in found if not pod["metadata"].get("deletionTimestamp")}


def test_a_gateway_rolls_without_an_error(agent, agents, install):
    """Another gateway answers before the first one ends, and that one ends what it has begun. The agent runs on."""
    before, pods = agent.identity(), gateway_pods(agents)

    def has_rolled():
        now = gateway_pods(agents)
        return now and not now.keys() & pods.keys() and all(map(ready, now.values()))

    with Caller(agent) as caller:
        install(gatewayUser=10004)
        eventually(has_rolled, timeout=90)
        caller.answered_again()
    assert all(caller.outcomes), caller.errors
    assert agent.identity() == before


def test_a_crashed_gateway_shuts_the_way_until_it_is_back(agent, agents, hack_node):
    """There is no other way meanwhile."""
    before, (pod,) = agent.identity(), gateway_pods(agents).values()
    (container,) = pod["status"]["containerStatuses"]
    identifier = container["containerID"].removeprefix("containerd://")

    def restarted():
        (now,) = gateway_pods(agents).values()
        return now["status"]["containerStatuses"][0]["restartCount"] > container["restartCount"] and ready(now)

    with Caller(agent) as caller:
        hack_node("exec", "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", identifier)
        eventually(restarted, timeout=60)
        caller.answered_again()
    # What failed, failed in one stretch, between an answer and an answer.
    stretches = "".join("+" if outcome else "-" for outcome in caller.outcomes).strip("+").split("+")
    assert len([stretch for stretch in stretches if stretch]) <= 1, caller.errors
    assert agent.identity() == before


def test_a_rotated_secret_reaches_the_gateway(agent, agents, internet):
    """Within the time that the kubelet takes, and without a request that fails."""
    before, rotated = agent.identity(), secrets.token_hex(16)
    with Caller(agent) as caller:
        agents.must("patch", "secret", "api", "-p", json.dumps({"stringData": {"token": rotated}}))
        eventually(lambda: f"Bearer {rotated}" in bearers(internet), timeout=180)
        caller.answered_again()
    assert all(caller.outcomes), caller.errors
    assert agent.identity() == before


def test_sandboxes_share_a_gateway(agents):
    first, second = Agent(agents, "first"), Agent(agents, "second")
    first.start(gateway="Shared")
    second.start(gateway="Shared")
    assert first.asks() and second.asks()
    assert len([name for name in gateway_pods(agents) if name.startswith("asg--")]) == 1
    # The one that stays keeps its way out when the other one goes.
    agents.must("delete", "agentsandbox", "first", timeout=120)
    assert second.asks()
