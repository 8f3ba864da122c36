"""Claude Code in a sandbox under gVisor with spec.agentSettings: it keeps to the rules that the sandbox's author wrote,
whatever its model wants and however it is started, and what the image brings in their place counts for nothing. The
model that stands in wants the command run that the prompt names."""

import json
import pathlib
import secrets

import internet as outside
import messages_api
import pytest
from coder import claude_code, coder

from cluster import eventually

OF_THE_IMAGE = json.loads((pathlib.Path(__file__).parent / "managed-settings.json").read_text())
PERMISSIONS = {"allow": ["Bash(echo *)"], "deny": ["Bash(touch *)", "WebSearch"], "defaultMode": "dontAsk"}


@pytest.fixture(scope="module")
def agents(installed, internet):
    with coder(installed, "settings", secrets.token_hex(16), agentSettings={"permissions": PERMISSIONS}) as pods:
        yield pods


@pytest.fixture
def ask(agents, internet):
    """Has the agent work on a command, and returns how that ended and what it sent meanwhile."""

    def run(command, *options):
        before = len(internet.requests)
        done = claude_code(agents, messages_api.COMMAND_OF + command, *options)
        return done, lambda: internet.requests[before:]

    return run


def bodies(requests):
    return [json.loads(each["body"]) for each in requests if each["path"].partition("?")[0] == "/v1/messages"]


def results(requests):
    """What the agent told its model of the command."""
    blocks = [block for body in bodies(requests) for message in body["messages"] if isinstance(message["content"], list)
              for block in message["content"]]
    return [block for block in blocks if block.get("type") == "tool_result"]


def exists(agents, path):
    return agents.output("asb-coder", "bash", "-c", f"test -e {path} && echo yes || echo no") == "yes\n"


def test_the_directory_is_the_operators(agents):
    listed = agents.output("asb-coder", "bash", "-c", "cd /etc/claude-code && ls")
    assert listed.split() == ["managed-mcp.json", "managed-settings.json"]
    found = json.loads(agents.output("asb-coder", "cat", "/etc/claude-code/managed-settings.json"))
    assert found["permissions"]["deny"] == PERMISSIONS["deny"] and "model" not in found
    tried = "echo {} > /etc/claude-code/managed-settings.json || touch /etc/claude-code/managed-settings.d || echo kept"
    assert agents.output("asb-coder", "bash", "-c", f"({tried}) 2>/dev/null") == "kept\n"


def test_what_is_allowed_goes_ahead(ask):
    done, requests = ask("echo said-by-the-command")
    assert done.stdout.strip() == messages_api.SENTENCE, (done.stdout, done.stderr, requests())
    told = eventually(lambda: results(requests()))
    assert "said-by-the-command" in json.dumps(told[-1]["content"]) and not told[-1].get("is_error")


@pytest.mark.parametrize("options", [(), ("--permission-mode", "acceptEdits"), ("--allowedTools", "Bash(touch *)")])
def test_what_is_denied_does_not(agents, ask, options):
    path = f"/tmp/{secrets.token_hex(4)}"
    done, requests = ask(f"touch {path}", *options)
    assert not exists(agents, path), (done.stdout, done.stderr)
    told = eventually(lambda: results(requests()))
    assert told[-1].get("is_error") is True


def test_nor_does_what_no_rule_allows(agents, ask):
    path = f"/tmp/{secrets.token_hex(4)}"
    done, _ = ask(f"mkdir {path}")
    assert not exists(agents, path), (done.stdout, done.stderr)


@pytest.mark.parametrize("options", [("--dangerously-skip-permissions",), ("--permission-mode", "bypassPermissions")])
def test_no_mode_goes_past_the_rules(agents, ask, options):
    path = f"/tmp/{secrets.token_hex(4)}"
    done, _ = ask(f"mkdir {path}", *options)
    assert not exists(agents, path), (done.stdout, done.stderr)


def test_settings_of_a_home_directory_allow_nothing(agents, ask):
    """As an agent could write them that was talked into it."""
    opened = json.dumps({"permissions": {"allow": ["Bash"], "defaultMode": "bypassPermissions"}})
    script = f"mkdir -p ~/.claude && printf %s '{opened}' > ~/.claude/settings.json"
    agents.output("asb-coder", "bash", "-c", script)
    path = f"/tmp/{secrets.token_hex(4)}"
    done, _ = ask(f"mkdir {path}")
    agents.output("asb-coder", "rm", "/home/agent/.claude/settings.json")
    assert not exists(agents, path), (done.stdout, done.stderr)


def test_it_asks_nobody_but_its_model(ask):
    done, requests = ask("echo once-more")
    assert done.stdout.strip() == messages_api.SENTENCE, (done.stdout, done.stderr)
    asked = eventually(lambda: bodies(requests()))
    assert {each["server_name"] for each in requests()} == {outside.MODEL_HOST}
    # What the image says of the model is hidden, with all the rest of its directory.
    assert OF_THE_IMAGE["model"] not in [body["model"] for body in asked]
    assert "WebSearch" not in {tool["name"] for body in asked for tool in body.get("tools", [])}
