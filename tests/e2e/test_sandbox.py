"""Stockade on a real node, as a user has it: what helm installs makes an example into a hardened agent under gVisor."""

import os
import platform
import re

import pytest
import yaml

from cluster import EXAMPLES, eventually
from pods import IMAGE, RESTRICTED, Pods, ready


@pytest.fixture(scope="module")
def agents(installed):
    """A namespace that enforces the strictest Pod Security level."""
    with installed.new_namespace("agents", RESTRICTED) as name:
        yield Pods(installed, name)


# Of each tier that this node has, an example: its name, and whether it has a kernel of its own.
TIERS = {"minimal": True, "container-tier": False}


@pytest.fixture(scope="module", params=list(TIERS))
def example(request, agents):
    """The name of an example's sandbox, which is Ready. Its image is one that this node has."""
    sandbox = yaml.safe_load((EXAMPLES / f"{request.param}.yaml").read_text())
    sandbox["spec"]["podTemplate"]["spec"]["containers"][0]["image"] = IMAGE
    agents.must("apply", "-f", "-", input=sandbox)
    name = sandbox["metadata"]["name"]
    agents.must("wait", "--for=condition=Ready", f"agentsandbox/{name}", "--timeout=60s", timeout=90)
    return name


@pytest.fixture
def agent(example):
    """The name of its pod."""
    return f"asb-{example}"


# The others, each with the image of the tests.
OTHERS = sorted(path for path in EXAMPLES.glob("*.yaml") if path.stem not in TIERS)
AGENT = "localhost/stockade-agent:test"


@pytest.fixture(scope="module")
def volumes(agents, hack_node):
    """What a cluster's storage would make: volumes of this node, for claims that name no class."""
    names = [f"local-{number}" for number in range(4)]
    for name in names:
        path = f"/var/lib/volumes/{name}"
        hack_node("exec", "mkdir", "-p", "-m", "0777", path)
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "Exists"}]}]
        volume = {
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteOnce", "ReadOnlyMany"], "local": {"path": path},
                "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
            },
        }  # fmt: skip
        agents.must("apply", "-f", "-", input=volume)
    yield
    agents.must("delete", "persistentvolume", *names, "--wait=false")


def pod_templates(objects):
    for each in objects:
        spec = each.get("spec", {})
        spec = spec["template"]["spec"] if each["kind"] == "AgentSandboxTemplate" else spec
        if "podTemplate" in spec:
            yield spec


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_an_example_runs(agents, volumes, internet, path):
    objects = [each for each in yaml.safe_load_all(path.read_text()) if each]
    for spec in pod_templates(objects):
        for container in spec["podTemplate"]["spec"]["containers"]:
            container["image"] = AGENT
        for credential in spec.get("credentials", []):
            ref = credential["header"]["secretKeyRef"]
            agents.must("create", "secret", "generic", ref["name"], f"--from-literal={ref['key']}=x")
    agents.must("apply", "-f", "-", input=objects)
    for each in objects:
        name = each["metadata"]["name"]
        if each["kind"] == "AgentSandboxClaim":
            agents.must("wait", "--for=condition=Ready", f"asbc/{name}", "--timeout=120s", timeout=150)
        elif each["kind"] == "AgentSandbox":
            wanted = "Suspended" if each["spec"].get("operatingMode") == "Suspended" else "Ready"
            agents.must("wait", f"--for=condition={wanted}", f"asb/{name}", "--timeout=120s", timeout=150)
    agents.must("delete", "-f", "-", "--wait=false", input=objects)


def find_pod(agents, name):
    """The pod, or None when there is none."""
    text = agents.must("get", "pod", name, "--ignore-not-found", "-o", "yaml")
    return yaml.safe_load(text) if text.strip() else None


def status_field(agents, agent, name):
    status = agents.output(agent, "cat", "/proc/self/status")
    return re.search(rf"^{name}:\s*(.*)$", status, re.MULTILINE)[1].split()


def test_has_the_kernel_of_its_tier(agents, agent, example):
    own = agents.output(agent, "uname", "-r").strip() != os.uname().release
    assert own == TIERS[example]
    if own:
        assert "Starting gVisor" in agents.output(agent, "dmesg")


def test_has_no_token(agents, agent):
    assert agents.execute(agent, "ls", "/var/run/secrets/kubernetes.io").returncode == 2
    assert "serviceaccount" not in agents.output(agent, "cat", "/proc/mounts")


def test_root_cannot_be_written_to(agents, agent):
    """Not even where the image lets everyone write."""
    for directory in ("/var/tmp", "/run/lock"):
        done = agents.execute(agent, "touch", f"{directory}/planted")
        assert done.returncode == 1 and "Read-only file system" in done.stderr, done.stderr
    mounts = [line.split() for line in agents.output(agent, "cat", "/proc/mounts").splitlines()]
    assert ["ro"] == [fields[3].split(",")[0] for fields in mounts if fields[1] == "/"]


@pytest.mark.parametrize("name", ["CapInh", "CapPrm", "CapEff", "CapBnd"])
def test_has_no_capabilities(agents, agent, name):
    assert int(status_field(agents, agent, name)[0], 16) == 0


def test_cannot_gain_rights(agents, agent):
    """prctl(PR_GET_NO_NEW_PRIVS): gVisor does not show it in /proc."""
    number = {"x86_64": 157, "aarch64": 167}[platform.machine()]
    assert agents.output(agent, "perl", "-e", f"print syscall({number}, 39, 0, 0, 0, 0)") == "1"


def test_is_an_ordinary_user(agents, agent):
    assert status_field(agents, agent, "Uid") == ["10001"] * 4
    assert status_field(agents, agent, "Gid") == ["10001"] * 4


def test_reaches_nobody(agents, agent):
    """Neither the API server nor another pod, which is there for those outside the sandbox."""
    with agents.cluster.new_namespace() as name:
        others = Pods(agents.cluster, name)
        address = others.serve("server")
        others.run("client")
        assert others.connects("client", address)
        assert not agents.connects(agent, address)
        script = "exec 3<>/dev/tcp/10.96.0.1/443"
        assert others.execute("client", "timeout", "3", "bash", "-c", script).returncode == 0
        assert agents.execute(agent, "timeout", "3", "bash", "-c", script).returncode != 0


def test_a_dead_pod_comes_again(agents, agent):
    before = agents.cluster.get("-n", agents.namespace, "pod", agent)["metadata"]["uid"]
    agents.must("delete", "pod", agent, "--grace-period=1", timeout=90)

    def another_is_ready():
        pod = find_pod(agents, agent)
        return pod and ready(pod) and pod["metadata"]["uid"] != before

    eventually(another_is_ready, timeout=60)


def test_deletion_keeps_the_network_shut_to_the_end(agents, agent, example):
    """The agent ignores SIGTERM, so that its pod lives on for its grace period. A policy outlives it."""
    agents.must("delete", "agentsandbox", example, "--wait=false")

    def is_gone():
        policies = agents.cluster.get("-n", agents.namespace, "networkpolicy")["items"]
        pod = find_pod(agents, agent)
        assert policies or not pod, "the pod is there without a policy"
        return not pod

    eventually(is_gone, timeout=90)
    gone = agents.cluster.kubectl("-n", agents.namespace, "get", "agentsandbox", example)
    assert gone.returncode != 0
