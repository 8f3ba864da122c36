"""spec.agentSettings against a real API server: what the pod carries of them, what is refused, what policies demand."""

import json
import secrets

import pytest
import yaml

from cluster import ROOT, eventually
from stockade import condition, sandbox
from test_operator import Space

SETTINGS = "stockade.dev/managed-settings"
MCP = "stockade.dev/managed-mcp"
VOLUME = "stockade-agent-settings"
EGRESS = {"allow": [{"host": "docs.example.com"}]}


@pytest.fixture
def space(stockade):
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "settings-test": f"l{secrets.token_hex(4)}"}
    with stockade.cluster.new_namespace("settings", labels) as name:
        space = Space(stockade.cluster, name)
        space.label = labels["settings-test"]
        yield space


def with_settings(name="agent", egress=None, **permissions):
    spec = {"agentSettings": {"permissions": permissions}} | ({"egress": egress} if egress else {})
    return sandbox(name, **spec)


def annotation(pod, key=SETTINGS):
    return json.loads(pod["metadata"]["annotations"][key])


def files_of(pod):
    """What the kubelet puts into the files of the volume, by their names."""
    volume = next(volume for volume in pod["spec"]["volumes"] if volume["name"] == VOLUME)
    files = {}
    for item in volume["downwardAPI"]["items"]:
        key = item["fieldRef"]["fieldPath"].removeprefix("metadata.annotations['").removesuffix("']")
        files[item["path"]] = json.loads(pod["metadata"]["annotations"][key])
    return files


def test_the_pod_has_the_files(space):
    obj = with_settings(egress=EGRESS, allow=["Bash(npm test *)"], deny=["Read(//secret/**)"], defaultMode="dontAsk")
    obj["spec"]["podTemplate"]["spec"]["initContainers"] = [{"name": "setup", "image": "registry.example/setup:1"}]
    pod = space.ready_pod(obj)
    files = files_of(pod)
    assert set(files) == {"managed-settings.json", "managed-mcp.json"}
    assert files["managed-mcp.json"] == {"mcpServers": {}}
    settings = files["managed-settings.json"]
    assert settings["permissions"] == {
        "allow": ["Bash(npm test *)", "WebFetch(domain:docs.example.com)"],
        "ask": [],
        "deny": ["Read(//secret/**)"],
        "defaultMode": "dontAsk",
        "disableBypassPermissionsMode": "disable",
        "disableAutoMode": "disable",
    }
    assert settings["allowManagedPermissionRulesOnly"] is True and settings["strictKnownMarketplaces"] == []
    assert settings["sandbox"] == {"enabled": False}
    mount = {"name": VOLUME, "mountPath": "/etc/claude-code", "readOnly": True}
    for container in pod["spec"]["initContainers"] + pod["spec"]["containers"]:
        found = [m for m in container["volumeMounts"] if m["name"] == VOLUME]
        assert found in ([mount], [mount | {"recursiveReadOnly": "Disabled"}])
    controls = {each["name"]: each["state"] for each in space.get("asb", "agent")["status"]["controls"]}
    assert controls["AgentPermissions"] == "Declared"


def test_a_change_makes_another_pod(space):
    first = space.ready_pod(with_settings(deny=["WebSearch"]))
    space.apply(with_settings(deny=["WebFetch"]))

    def is_another(pod):
        return pod and pod["metadata"]["uid"] != first["metadata"]["uid"]

    pod = space.wait_for("pod", "asb-agent", is_another, timeout=60)
    assert annotation(pod)["permissions"]["deny"] == ["WebFetch"]
    space.wait_ready("agent")
    # Without settings the pod has nothing of them.
    space.apply(sandbox())
    pod = space.wait_for("pod", "asb-agent", lambda found: found and SETTINGS not in found["metadata"]["annotations"], 60)
    assert VOLUME not in [volume["name"] for volume in pod["spec"]["volumes"]]


def test_nobody_else_changes_them(space):
    space.ready_pod(with_settings(deny=["WebSearch"]))
    for patch in ({SETTINGS: "{}"}, {SETTINGS: None}, {MCP: "{}"}):
        patch = json.dumps({"metadata": {"annotations": patch}})
        done = space.kubectl("patch", "pod", "asb-agent", "--type=merge", "-p", patch)
        assert done.returncode != 0 and "[ManagedObjectChanged]" in done.stderr, done.stderr


def test_what_was_changed_is_put_back(space, unguarded):
    pod = space.ready_pod(with_settings(deny=["WebSearch"]))
    space.patch("pod", "asb-agent", {"metadata": {"annotations": {SETTINGS: "{}", MCP: None}}})

    def is_whole(found):
        return found and annotation(found) == annotation(pod) and MCP in found["metadata"]["annotations"]

    space.wait_for("pod", "asb-agent", is_whole, timeout=60)


@pytest.mark.parametrize(
    ("permissions", "code", "field", "remedy"),
    [
        ({"deny": ["bash(rm *)"]}, "PermissionRuleInvalid", "deny[0]", "write Bash, Edit"),
        ({"allow": ["Read", "mcp__*"]}, "PermissionRuleInvalid", "allow[1]", "mcp__SERVER__*"),
        ({"deny": ["Write(/src/**)"]}, "PermissionRuleIgnored", "deny[0]", "write Edit(/src/**)"),
        ({"defaultMode": "bypassPermissions"}, "PermissionBypass", "defaultMode", "use dontAsk"),
        ({"defaultMode": "auto"}, "PermissionBypass", "defaultMode", "set disableBypass to false"),
    ],
)
def test_what_goes_past_the_rules_is_refused(space, permissions, code, field, remedy):
    done = space.kubectl("apply", "-f", "-", input=with_settings(**permissions))
    assert done.returncode != 0
    assert f"spec.agentSettings.permissions.{field}: [{code}] " in done.stderr, done.stderr
    assert remedy in done.stderr
    assert space.find("asb", "agent") is None


def test_what_is_unwise_is_warned_of(space):
    done = space.kubectl("apply", "-f", "-", input=with_settings(allow=["Bash(bash -c *)", "WebFetch(domain:a.example)"]))
    assert done.returncode == 0, done.stderr
    assert "[PermissionTooBroad]" in done.stderr and "[AgentSettingsBeyondEgress]" in done.stderr


def test_nothing_else_is_mounted_there(space):
    mount = {"name": "own", "mountPath": "/etc/claude-code", "access": "Ephemeral", "empty": {}}
    done = space.kubectl("apply", "-f", "-", input=sandbox(agentSettings={}, mounts=[mount]))
    assert done.returncode != 0 and "[SensitiveMountPath]" in done.stderr, done.stderr


def test_the_schema_bounds_servers_and_marketplaces(space):
    for settings, words in (
        ({"mcp": {"allow": [{}]}}, "name exactly one of url and command"),
        ({"mcp": {"allow": [{"url": "https://a.example", "command": ["a"]}]}}, "name exactly one of url and command"),
        ({"mcp": {"allow": [{"url": "a.example"}]}}, "should match"),
        ({"plugins": {"allow": ["http://a.example/x.git"]}}, "should match"),
        ({"permissions": {"defaultMode": "yolo"}}, "Unsupported value"),
    ):
        done = space.kubectl("apply", "-f", "-", input=sandbox(agentSettings=settings))
        assert done.returncode != 0 and words in done.stderr, done.stderr


def test_servers_and_marketplaces_that_are_allowed(space):
    settings = {"mcp": {"allow": [{"command": ["tool", "--stdio"]}]}, "plugins": {"allow": ["acme/plugins"]}}
    files = files_of(space.ready_pod(sandbox(agentSettings=settings)))
    assert set(files) == {"managed-settings.json"}
    found = files["managed-settings.json"]
    assert found["allowedMcpServers"] == [{"serverCommand": ["tool", "--stdio"]}]
    assert found["strictKnownMarketplaces"] == [{"source": "github", "repo": "acme/plugins"}]


def test_a_policy_demands_what_is_denied(space):
    name = f"settings-{secrets.token_hex(4)}"
    policy = {
        "apiVersion": "stockade.dev/v1alpha1",
        "kind": "AgentSandboxPolicy",
        "metadata": {"name": name},
        "spec": {
            "namespaceSelector": {"matchLabels": {"settings-test": space.label}},
            "agentSettings": {"requiredDeny": ["Bash(curl *)"], "forbidBypass": True},
        },
    }
    space.ready_pod(sandbox("before"))
    space.cluster.must("create", "-f", "-", input=policy)
    try:
        def refusal(obj):
            done = space.kubectl("apply", "--dry-run=server", "-f", "-", input=obj)
            return done.stderr if done.returncode else ""

        told = eventually(lambda: refusal(sandbox()))
        assert 'spec.agentSettings.permissions.deny: [PermissionDenyMissing] ' in told
        assert 'add "Bash(curl *)" to the list' in told and f'(policy "{name}")' in told
        assert "spec.agentSettings: [PermissionBypassOpen] " in told
        assert "disableBypass: [PermissionBypassOpen]" in refusal(with_settings(deny=["Bash"], disableBypass=False))
        assert refusal(with_settings(deny=["Bash(curl:*)"])) == ""
        assert refusal(with_settings(deny=["Bash"])) == ""
        # What was there before goes on.
        asb = space.wait_condition("before", "PolicyCompliant", "False", timeout=60)
        assert condition(asb, "Ready")["status"] == "True"
    finally:
        space.cluster.must("delete", "asbp", name)
    broken = policy | {"spec": {"agentSettings": {"requiredDeny": ["Write(/a)"]}}}
    done = space.cluster.kubectl("create", "-f", "-", input=broken)
    assert done.returncode != 0 and "spec.agentSettings.requiredDeny[0]" in done.stderr, done.stderr


def test_templates_are_judged_too(space):
    template = {
        "apiVersion": "stockade.dev/v1alpha1",
        "kind": "AgentSandboxTemplate",
        "metadata": {"name": "agents"},
        "spec": {"template": {"spec": with_settings(deny=["bash"])["spec"]}},
    }
    done = space.kubectl("apply", "-f", "-", input=template)
    assert done.returncode != 0 and "[PermissionRuleInvalid]" in done.stderr, done.stderr


def test_the_example_is_what_the_page_shows():
    page = (ROOT / "docs" / "agent-settings.md").read_text()
    example = yaml.safe_load((ROOT / "examples" / "agent-settings.yaml").read_text())
    shown = yaml.safe_load(page.split("```yaml\n", 1)[1].split("```", 1)[0])
    assert shown == {"spec": {key: example["spec"][key] for key in ("agentSettings", "egress")}}
