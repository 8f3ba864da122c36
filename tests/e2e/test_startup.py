"""From apply to Ready, stage by stage, as a property of the suite: with every image there, and with none. No time is
judged; that a sandbox's pod comes after its gateway's answer, and its agent after the canary's verdict and once the
sidecar listens, is."""

import contextlib
import pathlib
import subprocess
import time

import pytest
from attack_stage import sandbox
from conftest import ROOT, setting
from stages import Watches, stages

from cluster import eventually
from pods import RESTRICTED, Pods

ORDER = [
    "admission", "gateway's objects", "gateway's pod", "gateway answers", "pod is created", "pod's sandbox", "canary",
    "sidecar answers", "agent runs", "Ready",
]  # fmt: skip


@pytest.fixture(scope="module")
def agents(installed, internet):
    with installed.new_namespace("startup", RESTRICTED) as name:
        pods = Pods(installed, name)
        pods.must("create", "secret", "generic", "api", "--from-literal=token=x")
        yield pods


@pytest.mark.parametrize("tier", ["GVisor", "Container"])
@pytest.mark.parametrize("name, gateway, runs", [
    ("dedicated", "Dedicated", False), ("first", "Shared", False), ("second", "Shared", True),
])  # fmt: skip
def test_start(agents, record_testsuite_property, tier, name, gateway, runs):
    wanted = sandbox(f"{name}-{tier.lower()}", tier)
    wanted["spec"]["egress"]["gateway"] = gateway
    # Sandboxes of one tier share a gateway, those of the other have another.
    wanted["spec"]["egress"]["allow"][0]["paths"] = [f"/{tier.lower()}"]
    title = f"start of a sandbox, {tier}, {gateway} gateway{' that runs' if runs else ''}"
    measure(agents, wanted, runs, record_testsuite_property, title)


def measure(agents, wanted, runs, record_testsuite_property, title):
    """Starts a sandbox. Whether its gateway `runs` decides which stages there are."""
    with Watches(agents.cluster, agents.namespace) as watches:
        begun = time.monotonic()
        agents.must("apply", "-f", "-", input=wanted)
        found = eventually(lambda: stages(watches, begun, wanted["metadata"]["name"]), timeout=240)
    names = [stage for stage, _ in found]
    assert names == [stage for stage in ORDER if not (runs and stage.startswith("gateway"))]
    shares = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in found)
    record_testsuite_property(title, f"{sum(seconds for _, seconds in found):.1f} s: {shares}")


REGISTRY_PORT = 5000
PULLED = {"envoy": "envoy", "agent": "agent", "canary": "stockade-canary", "credentials": "stockade-credentials"}


@pytest.fixture(scope="module")
def registry(node_directory):
    """image(NAME, TIER) of a registry at the node's localhost; what one tier has pulled is of no use to the other."""
    images = pathlib.Path(setting("STOCKADE_TEST_IMAGES"))
    command = [str(ROOT / "hack" / "node"), "exec", "--dir", str(node_directory), "--", "/usr/bin/python3"]
    command += [str(ROOT / "tests" / "e2e" / "registry.py"), str(REGISTRY_PORT), "gvisor,container"]
    with contextlib.ExitStack() as stack:
        # The node does not see the directory that they are in.
        files = {name: stack.enter_context(open(images / f"{file}.tar", "rb")) for name, file in PULLED.items()}
        command += [f"{name}=/proc/self/fd/{file.fileno()}" for name, file in files.items()]
        reached = node_directory / "config" / "registries" / f"localhost:{REGISTRY_PORT}" / "hosts.toml"
        reached.parent.mkdir(parents=True, exist_ok=True)
        reached.write_text(f'server = "http://localhost:{REGISTRY_PORT}"\n')
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            pass_fds=[file.fileno() for file in files.values()],
        )  # fmt: skip
        assert process.stdout.readline() == "ready\n"
    yield lambda name, tier: f"localhost:{REGISTRY_PORT}/{name}:{tier.lower()}"
    process.stdin.close()
    process.wait(timeout=30)


@pytest.fixture
def pulls(install, registry):
    """pulls(TIER) has the operator's part of sandboxes pulled."""

    def change(tier):
        install(images={
            "proxy": registry("envoy", tier), "canary": registry("canary", tier),
            "credentials": registry("credentials", tier),
        })  # fmt: skip

    yield change
    install()


@pytest.mark.parametrize("tier", ["GVisor", "Container"])
def test_cold_start(agents, pulls, registry, record_testsuite_property, tier):
    """On a node that has none of the sandbox's images."""
    pulls(tier)
    wanted = sandbox(f"cold-{tier.lower()}", tier)
    wanted["spec"]["podTemplate"]["spec"]["containers"][0]["image"] = registry("agent", tier)
    measure(agents, wanted, False, record_testsuite_property, f"cold start of a sandbox, {tier}, Dedicated gateway")


# The first thing that the agent does is to look whether the sidecar listens.
FIRST = "(exec 3<>/dev/tcp/127.0.0.1/3128) && echo listens >/tmp/first; exec sleep infinity"


@pytest.fixture
def slow_proxy(install):
    """Envoy takes three seconds longer to begin."""
    install(images={"proxy": "localhost/stockade-slow-envoy:test"})
    yield
    install()


@pytest.mark.parametrize("tier", ["GVisor", "Container"])
def test_the_agent_waits_for_its_sidecar(agents, slow_proxy, tier):
    name = f"waits-{tier.lower()}"
    wanted = sandbox(name, tier)
    wanted["spec"]["podTemplate"]["spec"]["containers"][0]["command"] = ["bash", "-c", FIRST]
    agents.must("apply", "-f", "-", input=wanted)
    agents.must("wait", "--for=condition=Ready", f"agentsandbox/{name}", "--timeout=120s", timeout=150)
    assert agents.output(f"asb-{name}", "cat", "/tmp/first") == "listens\n"
