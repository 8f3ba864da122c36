"""Sandboxes that nothing uses, under gVisor: one that does nothing is suspended, and one with an open connection is not,
whichever of the two that count it is."""

import time

import pytest
import yaml

from cluster import eventually
from pods import IMAGE, PORT, RESTRICTED, Pods

AFTER = 60
# Keeps a connection to its proxy open, and makes another one where that is closed.
CALLER = "while :; do exec 3<>/dev/tcp/127.0.0.1/3128 && sleep 5; exec 3>&-; done"
# Takes connections, and says nothing.
LISTENER = f"my $s = IO::Socket::INET->new(LocalPort => {PORT}, Listen => 4) or die; my @c; push @c, $s->accept while 1;"


def idle_sandbox(name, command, **spec):
    container = {"name": "agent", "image": IMAGE, "imagePullPolicy": "Never", "command": command}
    spec |= {"podTemplate": {"spec": {"containers": [container]}}, "lifecycle": {"idle": {"suspendAfterSeconds": AFTER}}}
    return {"apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox", "metadata": {"name": name}, "spec": spec}


SANDBOXES = [
    idle_sandbox("unused", ["sleep", "infinity"]),
    idle_sandbox("calling", ["bash", "-c", CALLER], egress={"allow": [{"host": "api.example.com"}]}),
    idle_sandbox(
        "called",
        ["perl", "-MIO::Socket::INET", "-e", LISTENER],
        ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"idle-harness": "yes"}}, "podSelector": {}}]}],
    ),
]


@pytest.fixture(scope="module")
def agents(installed):
    with installed.new_namespace("idle", RESTRICTED) as name:
        yield Pods(installed, name)


def get(agents, name):
    return yaml.safe_load(agents.must("get", "asb", name, "-o", "yaml"))


def mode(agents, name):
    return get(agents, name)["spec"].get("operatingMode", "Running")


def test_one_that_does_nothing_is_suspended_and_one_with_an_open_connection_is_not(installed, internet, agents):
    for sandbox in SANDBOXES:
        agents.must("apply", "-f", "-", input=sandbox)
    begun = time.monotonic()
    for sandbox in SANDBOXES:
        agents.must("wait", "--for=condition=Ready", f"asb/{sandbox['metadata']['name']}", "--timeout=90s", timeout=120)
    address = get(agents, "called")["status"]["podIPs"][0]["ip"]
    with installed.new_namespace("idleharness", {"idle-harness": "yes"}) as elsewhere:
        hold = f"until exec 3<>/dev/tcp/{address}/{PORT}; do sleep 1; done; sleep infinity"
        Pods(installed, elsewhere).create("harness", command=["bash", "-c", hold])
        eventually(lambda: mode(agents, "unused") == "Suspended", timeout=4 * AFTER)
        assert time.monotonic() - begun >= AFTER
        conditions = {c["type"]: c for c in get(agents, "unused")["status"]["conditions"]}
        assert conditions["Ready"]["reason"] == "Idle"
        # The others have had their time, and once more.
        time.sleep(max(0, begun + 2.5 * AFTER - time.monotonic()))
        assert mode(agents, "calling") == "Running"
        assert mode(agents, "called") == "Running"
    # Nobody holds the connection any more.
    eventually(lambda: mode(agents, "called") == "Suspended", timeout=6 * AFTER)

    agents.must("patch", "asb", "unused", "--type=merge", "-p", '{"spec": {"operatingMode": "Running"}}')
    agents.must("wait", "--for=condition=Ready", "asb/unused", "--timeout=90s", timeout=120)
