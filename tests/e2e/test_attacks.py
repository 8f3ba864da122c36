"""The attacker's suite: what is tried from within an agent's container, under gVisor and under the node's own runtime,
and from without by those who have some rights. What comes of it stands in docs/attacks.md. No attack may succeed but
those that status.controls and the threat model declare possible."""

import json
import re
import subprocess
import time

import pytest
from attack_rows import ROWS
from attack_stage import AGENT, PROGRAM, TIERS, Stage, hardened_pod, sandbox
from attack_table import Table, compare

from cluster import ROOT, eventually
from pods import RESTRICTED, Pods, enforces, ready

SECRETS, EXHAUSTION, KEPT, WITHOUT = "Secrets and processes", "Exhaustion", "What outlives the agent", "From without"
BOTH = pytest.mark.parametrize("tier", TIERS)


@pytest.fixture(scope="module")
def stage(installed, internet, hack_node):
    with installed.new_namespace("attacked", RESTRICTED) as agents, installed.new_namespace("others") as others:
        found = Stage(Pods(installed, agents), Pods(installed, others), hack_node)
        found.set_up()
        yield found


@pytest.fixture(scope="module")
def table():
    return Table()


@pytest.fixture(scope="module")
def outcomes(stage):
    """{tier: {attack: outcome}} of ROWS."""
    return {tier: stage.try_in(tier, *[row.attack for row in ROWS]) for tier in TIERS}


@pytest.fixture(scope="module")
def unbounded(stage):
    """{attack: outcome} of the same where they have to succeed."""

    def attacks(where):
        return [row.attack for row in ROWS if row.control and row.control[0] == where]

    return (
        stage.try_unbounded(*attacks("free"))
        | stage.try_in("victim", *attacks("victim"))
        | stage.try_as_friend(*attacks("friend"))
    )


@pytest.fixture(scope="module")
def controls(stage):
    """{tier: {control: state}} as the status has them."""
    found = {tier: stage.get("agentsandbox", tier)["status"]["controls"] for tier in TIERS}
    return {tier: {each["name"]: each["state"] for each in listed} for tier, listed in found.items()}


# ---- In the agent's container


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.tried)
def test_attack(row, outcomes, unbounded, controls, table):
    if row.control:
        assert unbounded[row.attack].startswith(row.control[1]), f"where nothing bounds it: {unbounded[row.attack]}"
    for tier, title in TIERS.items():
        assert outcomes[tier][row.attack] == row.expected_in(title), title
        if title in row.possible:
            assert controls[tier][row.possible[title]] != "Enforced", f"{title}: the status claims more"
    seen = {title: row.expected_in(title) for title in TIERS.values()}
    where, outcome = row.control or ("", "")
    table.add(row.heading, row.tried, row.expected, seen, outcome if where == "free" else "")


def test_the_bit_set_user_id_raises_rights_where_nothing_stops_it(stage):
    """Under gVisor as well, whose default is to ignore it: what stops it in a sandbox is the pod's own field."""
    for runtime in ("gvisor", None):
        assert stage.try_raising("set_user_id", runtime) == "root"


# Seen in other tests of this file.
ELSEWHERE = {
    "GVisor": {"ResourceLimits", "EphemeralStorageLimit"},
    "Container": {"ResourceLimits", "EphemeralStorageLimit", "ProcessLimit"},
}


@BOTH
def test_what_the_status_calls_enforced_was_attacked(controls, tier):
    title = TIERS[tier]
    shown = {row.shows for row in ROWS if title not in row.possible} | ELSEWHERE[title]
    enforced = {name for name, state in controls[tier].items() if state == "Enforced"}
    assert enforced <= shown, "a control that no attack has tried"


def test_the_threat_model_declares_what_is_possible():
    text = " ".join((ROOT / "docs" / "threat-model.md").read_text().split())
    assert "finds again when its container is started anew" in text
    for row in ROWS:
        for control in row.possible.values():
            assert f"`{control}`" in text, control


@BOTH
def test_no_secret_is_found(stage, table, tier):
    needles = json.dumps([stage.token, "PRIVATE " + "KEY"])
    attack = f"search:{needles}"
    free = stage.try_unbounded(attack)[attack]
    assert re.fullmatch("/proc/[0-9]+/root/tmp/token", free), f"where nothing bounds it: {free}"
    outcome = stage.try_in(tier, attack)[attack]
    assert outcome == "not found"
    table.add(SECRETS, "the sidecar's key and the credential, in every mount, variable and argument", "stopped",
              {TIERS[tier]: outcome})  # fmt: skip


# ---- Exhaustion. Each in a sandbox of its own, since what comes of it may be its end.

LIMITS = {"cpu": "1", "memory": "512Mi", "ephemeral-storage": "64Mi"}


def glutton(tier):
    found = sandbox(f"glutton-{tier}", TIERS[tier])
    del found["spec"]["egress"], found["spec"]["credentials"]
    found["spec"]["podTemplate"]["spec"]["containers"][0]["resources"] = {"limits": LIMITS}
    return found


@pytest.fixture(scope="module", params=TIERS)
def gluttonous(stage, request):
    stage.apply(glutton(request.param))
    stage.wait(f"glutton-{request.param}", timeout=60)
    return request.param


def begin(stage, name, attack):
    """The attacker as a process whose output can be read as it comes. What was tried before may have ended the
    container: it is waited for."""
    cluster = stage.agents.cluster
    eventually(lambda: stage.agents.execute(f"asb-{name}", "true").returncode == 0, timeout=60, interval=0.5)
    command = [cluster.kubectl_path, "--kubeconfig", cluster.kubeconfig, "-n", stage.agents.namespace, "exec", "-i"]
    command += [f"asb-{name}", "-c", "agent", "--", "python3", "-", json.dumps(stage.facts), attack]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    process.stdin.write(PROGRAM)
    process.stdin.close()
    return process


def victim_is_served(stage):
    (outcome,) = stage.try_as_friend("connect:victim").values()
    return outcome == "connected"


def test_processes_without_number(stage, gluttonous, controls, table):
    """The node limits those of a pod to 256, and threads are as processes to it."""
    title = TIERS[gluttonous]
    (outcome,) = stage.try_in(f"glutton-{gluttonous}", "threads:300").values()
    assert outcome == {"GVisor": "all", "Container": "stopped"}[title]
    assert title != "GVisor" or controls["gvisor"]["ProcessLimit"] != "Enforced", "the status claims more"
    assert victim_is_served(stage)
    table.add(EXHAUSTION, "300 threads, on a node that allows 256", "open in GVisor: ProcessLimit",
              {title: outcome})  # fmt: skip


def test_memory_without_limit(stage, gluttonous, table):
    said = list(begin(stage, f"glutton-{gluttonous}", "memory:2048").stdout)
    taken = [int(line[2:]) for line in said if line[:2] == "# "]
    assert 256 <= max(taken) <= 512, "MiB of a limit of 512"
    assert not any("taken" in line or "not tried" in line for line in said), "nobody ended it"
    assert victim_is_served(stage)
    table.add(EXHAUSTION, "2 GiB of memory, where the limit is 512 MiB", "stopped", {TIERS[gluttonous]: "killed"})
    stage.wait(f"glutton-{gluttonous}", timeout=60)


def test_disk_without_limit(stage, gluttonous, table):
    name = f"glutton-{gluttonous}"
    before = stage.pod(name)["metadata"]["uid"]
    process = begin(stage, name, "fill:96")
    assert any("filled" in line for line in process.stdout)

    def evicted():
        events = stage.get("events", "--field-selector", f"involvedObject.uid={before},reason=Evicted")["items"]
        return any("exceeds the total limit of containers" in each["message"] or "local ephemeral" in each["message"]
                   for each in events)  # fmt: skip

    eventually(evicted, timeout=90, interval=0.5)
    process.kill()
    process.wait()
    assert victim_is_served(stage)
    table.add(EXHAUSTION, "96 MiB of disk, where the limit is 64 MiB", "stopped", {TIERS[gluttonous]: "evicted"})


# ---- What outlives the agent


@BOTH
def test_nothing_is_kept_by_another_pod(stage, table, tier):
    """Files in /tmp and at home are the pod's: its containers find them when they begin again."""
    pods, title = stage.agents, TIERS[tier]
    assert stage.try_in(tier, "plant") == {"plant": "planted"}

    def restarts():
        return stage.pod(tier)["status"]["containerStatuses"][0]["restartCount"]

    before = restarts()
    begin(stage, tier, "begin_again").wait(timeout=60)
    eventually(lambda: restarts() > before and ready(stage.pod(tier)), timeout=60)
    (outcome,) = stage.try_in(tier, "kept").values()
    assert outcome == "kept: /tmp, /home/agent, /dev/shm"
    tried = "files in /tmp, at home and in /dev/shm, after its container began again"
    table.add(KEPT, tried, "open", {title: outcome})

    uid = stage.pod(tier)["metadata"]["uid"]
    pods.must("delete", "pod", f"asb-{tier}", "--grace-period=1", timeout=90)

    def another_is_ready():
        text = pods.must("get", "pod", f"asb-{tier}", "--ignore-not-found", "-o", "json")
        found = json.loads(text) if text else {}
        return found and found["metadata"]["uid"] != uid and ready(found)

    eventually(another_is_ready, timeout=90)
    (outcome,) = stage.try_in(tier, "kept").values()
    assert outcome == "gone"
    table.add(KEPT, "the same, after its pod began again", "stopped", {title: outcome})


@BOTH
def test_a_connection_ends_with_the_sandbox(stage, internet, table, tier):
    """The agent ignores every signal and holds a connection while its sandbox is deleted. To its end it reaches the
    host of that connection at most."""
    name = f"holder-{tier}"
    stage.apply(holder(name, tier))
    stage.wait(name)
    process = begin(stage, name, "hold")
    lines = iter(process.stdout.readline, "")
    assert next(lines) == "# answered, no connection, no connection\n"
    begun = time.monotonic()
    stage.agents.must("delete", "agentsandbox", name, "--wait=false")
    said = list(lines)
    process.wait()
    # It has outlived the signal by which Kubernetes asks, and went on trying.
    assert time.monotonic() - begun > GRACE / 2 and said, said
    assert not [line for line in said if line.startswith("#") and "connected" in line], said
    stage.agents.must("wait", "--for=delete", "pod", f"asb-{name}", "--timeout=60s", timeout=90)
    assert time.monotonic() - begun < 60
    before = len(internet.requests)
    stage.agents.must("wait", "--for=delete", "agentsandbox", name, "--timeout=60s", timeout=90)
    assert len(internet.requests) == before
    table.add(KEPT, "a connection that it holds while its sandbox is deleted, ignoring SIGTERM", "stopped",
              {TIERS[tier]: "ends within the grace period"})  # fmt: skip


GRACE = 5  # seconds


def holder(name, tier):
    found = sandbox(name, TIERS[tier])
    pod = found["spec"]["podTemplate"]["spec"]
    pod["terminationGracePeriodSeconds"] = GRACE
    # With the container's first process all others end.
    pod["containers"][0]["command"] = ["bash", "-c", "trap '' TERM; while true; do sleep 1; done"]
    return found


@BOTH
def test_the_policy_controller_stops_after_the_start(stage, hack_node, table, tier):
    """What it has told the kernel stays."""
    hack_node("stop", "kube-router")
    try:
        outcome = stage.try_in(tier, "connect:api", "connect:internet", "connect:victim")
        # The targets are there meanwhile.
        free = stage.try_unbounded("connect:api", "connect:internet")
    finally:
        hack_node("start", "kube-router")
        eventually(lambda: enforces(hack_node), timeout=60)
    assert set(outcome.values()) == {"no connection"} and set(free.values()) == {"connected"}
    tried = "the API server, the internet, another sandbox, after the policy controller was stopped"
    table.add("The network", tried, "stopped", {TIERS[tier]: "no connection"})


# ---- From without: by an administrator, who may do all that RBAC knows


def refused(done, word):
    text = done.stderr or done.stdout
    assert done.returncode != 0 and word in text, text


def everywhere(table, tried, outcome="refused"):
    table.add(WITHOUT, tried, "stopped", {title: outcome for title in TIERS.values()})


def test_the_sidecar_is_not_entered(stage, table):
    for tier in TIERS:
        command = ["exec", f"asb-{tier}", "-c", "stockade-proxy", "--", "/opt/stockade/stockade-canary", "--version"]
        refused(stage.agents.cluster.kubectl("-n", stage.agents.namespace, *command), "ExecIntoProxy")
    everywhere(table, "a command in the sidecar")


def test_no_port_is_forwarded(stage, table):
    for tier in TIERS:
        done = stage.agents.cluster.kubectl(
            "-n", stage.agents.namespace, "port-forward", f"asb-{tier}", ":3128", timeout=60)
        refused(done, "PortForward")
    everywhere(table, "forwarding a port to the sidecar")


CHANGES = {
    "taking the sandbox's label off the pod": (
        ["label", "pod", "asb-{0}", "stockade.dev/sandbox-"], "SandboxLabelChanged"),
    "giving the pod the label of another gateway": (
        ["label", "--overwrite", "pod", "asb-{0}", "stockade.dev/egress=asg-victim"], "ManagedObjectChanged"),
    "a debugging container in the pod": (
        ["debug", "asb-{0}", "--profile", "restricted", "--image", AGENT, "--", "true"], "EphemeralContainer"),
}  # fmt: skip


@pytest.mark.parametrize("tried", CHANGES)
def test_a_change_of_the_pod_is_refused(stage, table, tried):
    arguments, code = CHANGES[tried]
    for tier in TIERS:
        done = stage.agents.cluster.kubectl(
            "-n", stage.agents.namespace, *[each.format(tier) for each in arguments], timeout=60)
        refused(done, code)
    everywhere(table, tried)


def with_label(found):
    found["spec"]["podTemplate"]["metadata"] = {"labels": {"stockade.dev/egress": "asg-victim"}}


def with_mount_of(volume):
    def change(found):
        mounts = found["spec"]["podTemplate"]["spec"]["containers"][0]["volumeMounts"]
        mounts.append({"name": volume, "mountPath": "/stolen"})

    return change


MANIFESTS = {
    "a manifest with the label of another gateway": (with_label, "ReservedLabel"),
    "a manifest that mounts the sidecar's identity": (with_mount_of("stockade-identity"), "ReservedReference"),
    "a manifest that mounts the sidecar's configuration": (with_mount_of("stockade-proxy"), "ReservedReference"),
}


@pytest.mark.parametrize("tried", MANIFESTS)
def test_a_manifest_is_refused(stage, table, tried):
    change, code = MANIFESTS[tried]
    for tier in TIERS:
        found = sandbox("forged", TIERS[tier])
        change(found)
        refused_to_create(stage, found, code)
    everywhere(table, tried)


def refused_to_create(stage, found, code):
    refused(stage.agents.cluster.kubectl("-n", stage.agents.namespace, "create", "-f", "-", input=found), code)


def test_a_forged_gateway_is_refused(stage, table):
    """A pod, and a Deployment of such pods."""
    labels = {"stockade.dev/gateway": "asg-victim"}
    pod = hardened_pod("forged", labels)
    template = {"metadata": {"labels": labels}, "spec": pod["spec"]}
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "forged"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }  # fmt: skip
    refused_to_create(stage, pod, "GatewayLabelForged")
    refused_to_create(stage, deployment, "GatewayLabelForged")
    everywhere(table, "a pod that passes as another sandbox's gateway")


def test_a_forged_sandbox_is_refused(stage, table):
    refused_to_create(stage, hardened_pod("forged", {"stockade.dev/sandbox": "victim"}), "ForgedSandboxPod")
    everywhere(table, "a pod that passes as a sandbox's")


def test_the_table_is_what_was_seen(table):
    problem = compare(table)
    assert problem is None, problem
