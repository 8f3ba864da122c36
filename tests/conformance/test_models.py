"""Points 5 and 16: what of a model provider may be asked, and requests to AWS, signed by the gateway. The credentials of
AWS lie where stockade-credentials would write them; test_exchange.py has it at work."""

import json

import conftest
import egress_path
import pytest
import sigv4
from egress_path import described, wait_for

BEDROCK, QUEUE = "bedrock-runtime.eu-central-1.amazonaws.com:443", "queue.eu-west-1.amazonaws.com:443"
ANTHROPIC, FOUNDRY = "api.anthropic.com:443", "acme-models.services.ai.azure.com:443"
MODEL = "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"
ARN = "arn%3Aaws%3Abedrock%3Aeu-central-1%3A111122223333%3Aapplication-inference-profile%2Fabc123"
KEYS = {"AKIAFIRST": "first/secret+of=gateway", "AKIASECOND": "second/secret+of=gateway", "AKIAQUEUE": "queue/secret"}


def credentials_file(access_key):
    return (f"[default]\naws_access_key_id={access_key}\naws_secret_access_key={KEYS[access_key]}\n"
            f"aws_session_token=session-of-{access_key}\n")


@pytest.fixture(scope="module")
def bedrock(dns, outside, public_authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("bedrock")
    running = egress_path.EgressPath(
        conftest.HERE / "bedrock.yaml", directory, (3131, 15446), public_authority.certificate,
        derived={"stockade-model": {"aws": credentials_file("AKIAFIRST")},
                 "queue": {"aws": credentials_file("AKIAQUEUE")}})
    yield running
    running.close()


@pytest.fixture(scope="module")
def anthropic(dns, outside, public_authority, tmp_path_factory):
    running = egress_path.EgressPath(
        conftest.HERE / "anthropic.yaml", tmp_path_factory.mktemp("anthropic"), (3132, 15447),
        public_authority.certificate, secrets={"key": {"api-key": conftest.SECRET}})
    yield running
    running.close()


@pytest.fixture(scope="module")
def foundry(dns, outside, public_authority, tmp_path_factory):
    """The resource answers a prompt with events, to whoever has its key and no other credential."""
    def serve(request):
        headers = dict(request["headers"])
        if headers.get("x-api-key") != conftest.SECRET or "authorization" in headers or "api-key" in headers:
            return 401, {"content-type": "application/json"}, json.dumps({"error": {"code": "401"}})
        if request["path"].partition("?")[0] == "/anthropic/v1/messages/count_tokens":
            return 200, {"content-type": "application/json"}, json.dumps({"input_tokens": 3})
        return 200, {"content-type": "text/event-stream"}, "event: message_stop\ndata: {}\n\n"
    outside.services[FOUNDRY.removesuffix(":443")] = serve
    running = egress_path.EgressPath(
        conftest.HERE / "foundry.yaml", tmp_path_factory.mktemp("foundry"), (3136, 15451),
        public_authority.certificate, secrets={"key": {"api-key": conftest.SECRET}})
    yield running
    running.close()
    del outside.services[FOUNDRY.removesuffix(":443")]


def signed(running, outside, authority=BEDROCK, **what):
    """Sends a request, checks what reached the host, and returns it."""
    answer = running.ask(authority, **{"method": "POST", "path": MODEL, "body": b'{"prompt": 1}', **what})
    assert answer.status == 200, answer
    request = outside.requests[-1]
    region, service = ("eu-central-1", "bedrock") if authority == BEDROCK else ("eu-west-1", "sqs")
    assert sigv4.problem(request, KEYS, region, service) is None, sigv4.problem(request, KEYS, region, service)
    return {"access_key": dict(request["headers"])["authorization"].split("Credential=")[1].split("/")[0],
            **dict(request["headers"])}


@pytest.mark.parametrize("what", [
    pytest.param(what, id=tried, marks=pytest.mark.attack(16, tried)) for tried, what in {
        "a request": {},
        "a path with an ARN, its slash encoded": {"path": f"/model/{ARN}/invoke"},
        "a streamed answer": {"path": MODEL + "-with-response-stream"},
        "a body of 3 MB": {"body": b"x" * (3 << 20)},
        "a signature of the agent's own": {"headers": [
            ("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAOWN/20260101/eu-central-1/bedrock/aws4_request, "
                              "SignedHeaders=host, Signature=" + "0" * 64),
            ("X-Amz-Date", "20260101T000000Z"), ("X-Amz-Security-Token", "own"), ("X-Amz-Content-Sha256", "0" * 64)]},
        "an unsigned payload asked for by the agent": {"headers": [("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")]},
        "a query": {"authority": QUEUE, "path": "/?Action=SendMessage&b=2&a=1%202"},
        "another service, with its own credential": {"authority": QUEUE, "path": "/queue"},
    }.items()])
def test_a_request_is_signed(bedrock, outside, seen, what):
    headers = signed(bedrock, outside, **what)
    wanted = "AKIAQUEUE" if what.get("authority") == QUEUE else "AKIAFIRST"
    assert headers["access_key"] == wanted and headers["x-amz-security-token"] == f"session-of-{wanted}"
    seen("the host finds the gateway's signature right")


@pytest.mark.attack(16, "credentials that are renewed")
def test_renewed_credentials_are_used(bedrock, outside, seen):
    bedrock.gateway_root.mount("/run/stockade/credentials/stockade-model", {"aws": credentials_file("AKIASECOND")})
    wait_for("the new key", lambda: signed(bedrock, outside)["access_key"] == "AKIASECOND")
    bedrock.gateway_root.mount("/run/stockade/credentials/stockade-model", {"aws": credentials_file("AKIAFIRST")})
    wait_for("the old key", lambda: signed(bedrock, outside)["access_key"] == "AKIAFIRST")
    seen("signed with the new key, without a restart")


@pytest.mark.attack(16, "no secret of the credentials in any log")
def test_no_log_holds_a_secret_of_aws(bedrock, outside, seen):
    signed(bedrock, outside)
    text = bedrock.gateway.log_path.read_text() + bedrock.gateway.errors()
    assert not [secret for secret in KEYS.values() if secret in text] and "session-of" not in text
    seen("none")


def refusal(point, tried, fixture, authority, status, **what):
    return pytest.param(fixture, authority, status, what, id=tried, marks=pytest.mark.attack(point, tried))


@pytest.mark.parametrize("fixture, authority, status, what", [
    refusal(5, "Bedrock: another model", "bedrock", BEDROCK, 403, path="/model/meta.llama3/invoke"),
    refusal(5, "Bedrock: a model that begins alike", "bedrock", BEDROCK, 403,
            path="/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A01/invoke"),
    refusal(5, "Bedrock: another operation", "bedrock", BEDROCK, 403, path=MODEL.replace("invoke", "converse")),
    refusal(5, "Bedrock: a dot segment behind an encoded slash", "bedrock", BEDROCK, 400,
            path="/model/..%2f..%2fguardrails/invoke"),
    refusal(5, "Bedrock: GET", "bedrock", BEDROCK, 403, method="GET", path=MODEL),
    refusal(1, "Bedrock: another region", "bedrock", "bedrock-runtime.us-east-1.amazonaws.com:443", None),
    refusal(1, "Bedrock: the control plane", "bedrock", "bedrock.eu-central-1.amazonaws.com:443", None),
    refusal(1, "Bedrock: STS", "bedrock", "sts.eu-central-1.amazonaws.com:443", None),
    refusal(5, "Anthropic: files", "anthropic", ANTHROPIC, 403, path="/v1/files"),
    refusal(5, "Anthropic: batches", "anthropic", ANTHROPIC, 403, path="/v1/messages/batches"),
    refusal(5, "Anthropic: a path that begins alike", "anthropic", ANTHROPIC, 403, path="/v1/messages2"),
    refusal(5, "Anthropic: organisation and keys", "anthropic", ANTHROPIC, 403, path="/v1/organizations/api_keys"),
    refusal(5, "Anthropic: GET", "anthropic", ANTHROPIC, 403, method="GET", path="/v1/messages"),
    refusal(5, "Foundry: another provider's models", "foundry", FOUNDRY, 403, path="/openai/v1/chat/completions"),
    refusal(5, "Foundry: batches", "foundry", FOUNDRY, 403, path="/anthropic/v1/messages/batches"),
    refusal(5, "Foundry: the path of Anthropic's own host", "foundry", FOUNDRY, 403, path="/v1/messages"),
    refusal(5, "Foundry: GET", "foundry", FOUNDRY, 403, method="GET", path="/anthropic/v1/messages"),
    refusal(1, "Foundry: another resource", "foundry", "other-models.services.ai.azure.com:443", None),
    refusal(1, "Foundry: Entra ID", "foundry", "login.microsoftonline.com:443", None),
    refusal(1, "Anthropic: telemetry", "anthropic", "statsig.anthropic.com:443", None),
])
def test_the_rest_of_a_provider_is_refused(request, outside, seen, fixture, authority, status, what):
    before = len(outside.requests)
    answer = request.getfixturevalue(fixture).ask(authority, **{"method": "POST", "path": MODEL, **what})
    assert (answer.status, answer.connect) == (status, 200 if status else 403)
    assert len(outside.requests) == before
    seen(described(answer))


@pytest.mark.attack(4, "Anthropic: a placeholder and an own key, as the client sends them")
def test_the_key_of_a_model_is_the_gateways(anthropic, outside, seen):
    answer = anthropic.ask(ANTHROPIC, method="POST", path="/v1/messages?beta=true", body=b"{}", headers=[
        ("Authorization", "Bearer stockade-placeholder"), ("x-api-key", "sk-own"), ("anthropic-version", "2023-06-01")])
    assert answer.status == 200, answer
    headers = dict(json.loads(answer.body)["headers"])
    assert headers["x-api-key"] == conftest.SECRET and "authorization" not in headers
    assert headers["anthropic-version"] == "2023-06-01" and outside.requests[-1]["path"] == "/v1/messages?beta=true"
    seen("the host got the gateway's key alone")


@pytest.mark.parametrize("what, path, body", [
    pytest.param(headers, path, body, id=tried, marks=pytest.mark.attack(4, f"Foundry: {tried}"))
    for tried, headers, path, body in [
        ("a prompt, without any credential", (), "/anthropic/v1/messages", "event: message_stop\ndata: {}\n\n"),
        ("a prompt, with a placeholder and own keys", (
            ("Authorization", "Bearer stockade-placeholder"), ("x-api-key", "own"), ("api-key", "own")),
         "/anthropic/v1/messages?beta=true", "event: message_stop\ndata: {}\n\n"),
        ("the count of a prompt's tokens", (("Authorization", "Bearer own"),), "/anthropic/v1/messages/count_tokens",
         '{"input_tokens": 3}'),
    ]])
def test_the_key_of_a_foundry_resource_is_the_gateways(foundry, outside, seen, what, path, body):
    answer = foundry.ask(FOUNDRY, method="POST", path=path, body=b"{}", headers=[*what, ("anthropic-version", "2023-06-01")])
    assert (answer.status, answer.body.decode()) == (200, body), answer
    assert outside.requests[-1]["path"] == path
    log = foundry.gateway.errors() + foundry.gateway.log_path.read_text()
    assert conftest.SECRET not in log
    seen("the host got the gateway's key alone")
