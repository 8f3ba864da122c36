"""Claude Code in a sandbox under gVisor: it reads what the organization says of it, and asks its model by the sidecar
and the gateway, which adds the credential. What stands in for the model's API answers at the end of the cable."""

import json
import pathlib
import secrets

import internet as outside
import messages_api
import pytest
from coder import claude_code, coder

from cluster import eventually

SETTINGS = json.loads((pathlib.Path(__file__).parent / "managed-settings.json").read_text())


@pytest.fixture(scope="module")
def key():
    return secrets.token_hex(16)


@pytest.fixture(scope="module")
def agents(installed, internet, key):
    with coder(installed, "claude", key) as pods:
        yield pods


@pytest.fixture(scope="module")
def answer(agents, internet):
    """What Claude Code said, and the requests by which it got there."""
    before = len(internet.requests)
    done = claude_code(agents, "What do you say?")

    def asked():
        requests = [each for each in internet.requests[before:] if each["server_name"] == outside.MODEL_HOST]
        return [each for each in requests if each["path"].partition("?")[0] == "/v1/messages"]

    assert done.stdout.strip() == messages_api.SENTENCE, (done.stdout, done.stderr, asked())
    return eventually(asked)


def test_it_reads_its_managed_settings(answer):
    bodies = [json.loads(each["body"]) for each in answer]
    assert SETTINGS["model"] in [body["model"] for body in bodies]
    tools = {tool["name"] for body in bodies for tool in body.get("tools", [])}
    assert "Bash" in tools and not tools & set(SETTINGS["permissions"]["deny"])


def test_the_gateway_adds_the_credential(answer, key):
    for request in answer:
        assert ["x-api-key", key] in request["headers"]
        assert not [value for name, value in request["headers"] if name == "authorization"]


def test_the_agent_never_had_it(answer, agents, key):
    """Neither in a variable, nor in what Claude Code keeps at home, nor in another file that it can read."""
    script = f"env | grep -c {key}; grep --binary-files=text -lsr {key} /etc /home /opt /run /srv /tmp /var; true"
    assert agents.output("asb-coder", "bash", "-c", script) == "0\n"
