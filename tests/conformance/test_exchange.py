"""Points 4, 9, 13, 16 and 18 with stockade-credentials at work: from Secrets and web identity tokens to what the hosts of
a sandbox get. Each token service checks the token, each host the signature."""

import base64
import contextlib
import json

import certificates
import conftest
import egress_path
import pytest
import sigv4
import token_services
from credentials_program import Program
from egress_path import Load, wait_for

BEDROCK, QUEUE = "bedrock-runtime.eu-central-1.amazonaws.com:443", "queue.eu-west-1.amazonaws.com:443"
MODEL = "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"
REGIONS = {BEDROCK: ("eu-central-1", "bedrock"), QUEUE: ("eu-west-1", "sqs")}
STS = {"eu-central-1": "sts.eu-central-1.amazonaws.com", "eu-west-1": "sts.eu-west-1.amazonaws.com"}
ROLES = {"arn:aws:iam::111122223333:role/agents": token_services.SUBJECT,
         "arn:aws:iam::111122223333:role/queue": token_services.SUBJECT}
GOOGLE_AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster"
VERTEX = "europe-west1-aiplatform.googleapis.com:443"
PREDICT = "/v1/projects/agents-1/locations/europe-west1/publishers/anthropic/models/claude-sonnet-4-5:rawPredict"
INDEX = "index.example.test:443"
TOKENS = "/var/run/secrets/stockade"


@pytest.fixture
def issuer():
    return token_services.Issuer()


@contextlib.contextmanager
def serving(outside, service, *names):
    outside.services.update(dict.fromkeys(names, service))
    try:
        yield service
    finally:
        for name in names:
            del outside.services[name]


@pytest.fixture
def sts(outside, issuer):
    with serving(outside, token_services.AwsTokenService(issuer, ROLES), *STS.values()) as service:
        yield service


@pytest.fixture
def started(dns, outside, public_authority, tmp_path):
    """started(SANDBOX, tokens=...) is a path whose gateway has what stockade-credentials makes, as its pod would."""
    paths = []

    def start(sandbox, tokens=None, wait=True, **what):
        def helper(path):
            if tokens:
                path.gateway_root.mount(TOKENS, tokens)
            assert Program(path.gateway_root, public_authority.certificate, "prepare").wait() == 0
            running = Program(path.gateway_root, public_authority.certificate, "run")
            if wait:
                wait_for("every file", lambda: Program(path.gateway_root, public_authority.certificate,
                                                       "ready").wait() == 0)
            return running
        paths.append(egress_path.EgressPath(conftest.HERE / sandbox, tmp_path, (3150, 15460),
                                            public_authority.certificate, helper=helper, **what))
        return paths[-1]

    yield start
    for path in paths:
        path.close()


def signed(path, outside, sts, authority=BEDROCK, **what):
    """Sends a request, checks its signature and its session as AWS does, and returns the access key."""
    asked = f"/?{next(conftest.NUMBERS)}" if authority == QUEUE else MODEL + f"?{next(conftest.NUMBERS)}"
    answer = path.ask(authority, **{"method": "POST", "path": asked, "body": b'{"prompt": 1}', **what})
    assert answer.status == 200, answer
    request = next(got for got in reversed(outside.requests) if got["path"] == asked)
    assert sigv4.problem(request, sts.secrets, *REGIONS[authority]) is None
    headers = dict(request["headers"])
    key = headers["authorization"].split("Credential=")[1].split("/")[0]
    assert headers["x-amz-security-token"] == sts.sessions[key][0]
    return key


def no_value_is_in(text, issuer, *services):
    assert not [token for token in issuer.tokens if token in text or token.split(".")[1] in text]
    assert not [value for service in services for value in service.issued if value in text]


# ---- Point 16: AWS

@pytest.mark.attack(16, "the web identity token at STS, what it gives at the host")
def test_bedrock_from_end_to_end(started, outside, issuer, sts, seen):
    path = started("bedrock.yaml", {"aws": issuer.token("sts.amazonaws.com")})
    key = signed(path, outside, sts)
    assert sts.sessions[key][1:] == ("arn:aws:iam::111122223333:role/agents", "team-a.case")
    queue = signed(path, outside, sts, QUEUE)
    assert sts.sessions[queue][1:] == ("arn:aws:iam::111122223333:role/queue", "team-a.case")
    log = path.helper.errors() + path.gateway.errors() + path.gateway.log_path.read_text()
    no_value_is_in(log, issuer, sts)
    assert [line["credential"] for line in path.helper.logged("credential obtained")].count("queue") == 1
    seen("both accept; role by role, the session is `team-a.case`")


@pytest.mark.attack(16, "credentials of 4 s and a new token, under 50 requests a second")
def test_renewal_drops_nothing(started, outside, issuer, sts, seen):
    sts.lifetime = 4
    first, second = issuer.token("sts.amazonaws.com"), issuer.token("sts.amazonaws.com")
    path = started("bedrock.yaml", {"aws": first})
    old = signed(path, outside, sts)
    with Load(lambda: signed(path, outside, sts)) as load:
        load.wait_for(old)
        path.gateway_root.mount(TOKENS, {"aws": second})
        wait_for("the new token at STS", lambda: sts.requests[-1]["WebIdentityToken"] == second)
        wait_for("another key", lambda: len(load.answers) > 1)
        wait_for("a further key", lambda: len(load.answers) > 2)
    assert set(load.answers) <= set(sts.secrets), load.answers
    no_value_is_in(path.helper.errors(), issuer, sts)
    seen("each signature is right, by an old key or a new one")


@pytest.mark.attack(16, "STS refuses to renew credentials")
def test_the_old_credentials_stay_in_use(started, outside, issuer, sts, seen):
    sts.lifetime = 4
    path = started("bedrock.yaml", {"aws": issuer.token("sts.amazonaws.com")})
    old = signed(path, outside, sts)
    sts.override = 503, {}, "{}"
    wait_for("a failure that is told",
             lambda: path.helper.logged("credential cannot be renewed; the one before stays in use"))
    line = path.helper.logged("credential cannot be renewed; the one before stays in use")[-1]
    assert line["error"].endswith("amazonaws.com answered 503") and line["level"] == "warning"
    assert sts.sessions[signed(path, outside, sts)][1] == sts.sessions[old][1]
    wait_for("the expiry to be told", lambda: path.helper.logged("credential has expired and cannot be renewed"))
    assert path.helper.running()
    before = set(sts.secrets)
    sts.override, sts.lifetime = None, 3600
    wait_for("a new key", lambda: signed(path, outside, sts) not in before)
    seen("the old ones stay in use, the log says why; then new ones")


@pytest.mark.attack(16, "an agent's own signature, before the gateway's first exchange")
def test_the_first_credentials_come_later(started, outside, issuer, sts, seen):
    sts.override = 503, {}, "{}"
    path = started("bedrock.yaml", {"aws": issuer.token("sts.amazonaws.com")}, wait=False)
    wait_for("a failure that is told", lambda: path.helper.logged("credential cannot be obtained"))

    def authorization():
        answer = path.ask(BEDROCK, method="POST", path=MODEL, body=b"{}", headers=[("Authorization", "own")])
        return dict(json.loads(answer.body)["headers"]).get("authorization")
    assert authorization() is None
    sts.override = None
    wait_for("a signature", authorization)
    assert signed(path, outside, sts) in sts.secrets
    seen("no signature at the host, and then the gateway's")


@pytest.mark.parametrize("token, answer", [
    pytest.param({"audience": "https://kubernetes.default.svc"}, "400 InvalidIdentityToken",
                 marks=pytest.mark.attack(16, "a token for another audience")),
    pytest.param({"seconds": -1}, "400 InvalidIdentityToken", marks=pytest.mark.attack(16, "a token that has expired")),
    pytest.param({"subject": "system:serviceaccount:team-b:stockade-gateway"}, "403 AccessDenied",
                 marks=pytest.mark.attack(16, "a service account whom the role does not trust")),
])
def test_a_refusal_is_told(alone, issuer, sts, seen, token, answer):
    program, root = alone(issuer.token(**{"audience": "sts.amazonaws.com", **token}))
    assert program.wait() == 1
    assert f"sts.eu-central-1.amazonaws.com answered {answer}" in program.message()
    assert 'credential "stockade-model"' in program.message() and 'credential "queue"' in program.message()
    assert not sts.secrets and not list(root.file("/run/stockade/credentials").glob("*/aws*"))
    no_value_is_in(program.errors() + program.message(), issuer, sts)
    seen(f"no credential, and the message of the pod says {answer}")


# ---- Point 18: a fake STS

@pytest.fixture
def alone(dns, outside, public_authority, tmp_path):
    """alone(TOKEN) is the program without a gateway, and its root."""
    running = []

    def start(token):
        root = egress_path.Root(tmp_path / "alone")
        root.write({"credentials.json": egress_path.render(conftest.HERE / "bedrock.yaml")["credentials"]})
        root.mount(TOKENS, {"aws": token})
        running.append(Program(root, public_authority.certificate, "run", "--deadline", "3"))
        return running[-1], root

    yield start
    for program in running:
        if program.running():
            program.close()


def imposter(kind, directory, public_authority):
    """Certificate and key of who pretends to be STS in Frankfurt."""
    name, pair = STS["eu-central-1"], (directory / "fake.crt", directory / "fake.key")
    if kind == "self-signed":
        certificates.self_signed(*pair, name)
    elif kind == "another authority":
        certificates.Authority(directory / "another", "public").issue(*pair, f"DNS:{name}")
    elif kind == "another name":
        public_authority.issue(*pair, "DNS:sts.eu-central-1.amazonaws.com.evil.example.test")
    else:
        public_authority.issue(*pair, f"DNS:{name}", **certificates.days_ago(3))
    return pair


@pytest.mark.parametrize("kind, reason", [
    pytest.param(kind, reason, id=kind, marks=pytest.mark.attack(18, f"a fake STS: {tried}")) for kind, tried, reason in [
        ("self-signed", "its certificate is self-signed", "self-signed certificate"),
        ("another authority", "its certificate is of another authority", "certificate is not accepted"),
        ("another name", "its certificate is for another name", "hostname mismatch"),
        ("expired", "its certificate has expired", "certificate has expired"),
    ]])
def test_a_fake_sts_gets_no_token(alone, outside, public_authority, issuer, sts, seen, tmp_path, kind, reason):
    with outside.disguised(STS["eu-central-1"], *imposter(kind, tmp_path, public_authority)):
        program, root = alone(issuer.token("sts.amazonaws.com"))
        assert program.wait() == 1
    assert reason in program.message(), program.message()
    # The honest one of the other region was asked, so that nothing else kept the program from it.
    assert {form["RoleArn"] for form in sts.requests} == {"arn:aws:iam::111122223333:role/queue"}
    assert root.file("/run/stockade/credentials/queue/aws").exists()
    assert not root.file("/run/stockade/credentials/stockade-model/aws").exists()
    assert 'credential "queue"' not in program.message()
    no_value_is_in(program.errors() + program.message(), issuer, sts)
    seen("the handshake fails, it gets no token")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.attack(18, "STS by TLS 1.1")
def test_old_tls_gets_no_token(alone, outside, issuer, sts, seen):
    with outside.outdated():
        program, _ = alone(issuer.token("sts.amazonaws.com"))
        assert program.wait() == 1
    assert program.message().count(".amazonaws.com:443 failed: ") == 2, program.message()
    assert not sts.requests
    seen("the handshake fails, it gets no token")


@pytest.mark.parametrize("override, reason", [
    pytest.param((307, {"location": "https://evil.example.test/"}, ""), "answered 307, and redirects are not followed",
                 id="redirect", marks=pytest.mark.attack(18, "a redirect of STS to another host")),
    pytest.param((200, {}, "x" * (1 << 20)), "answer", id="endless",
                 marks=pytest.mark.attack(18, "an answer of STS of 1 MB")),
    pytest.param((200, {}, "<AssumeRoleWithWebIdentityResponse/>"), "its answer is no JSON", id="XML",
                 marks=pytest.mark.attack(18, "an answer of STS that is no JSON")),
    pytest.param((200, {}, json.dumps({"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": {
        "Credentials": {"AccessKeyId": "ASIA1", "SecretAccessKey": "s\n[profile]\ncredential_process=evil",
                        "SessionToken": "t", "Expiration": 4102444800}}}})), "holds no credentials", id="lines",
                 marks=pytest.mark.attack(18, "an answer of STS with a line break in a key")),
])
def test_no_other_answer_is_taken(alone, outside, issuer, sts, seen, override, reason):
    sts.override = override
    program, root = alone(issuer.token("sts.amazonaws.com"))
    assert program.wait() == 1
    assert program.message().count(reason) == 2, program.message()
    assert not [got for got in outside.requests if got["server_name"] == "evil.example.test"]
    assert not list(root.file("/run/stockade/credentials").glob("*/aws*"))
    no_value_is_in(program.errors() + program.message(), issuer, sts)
    seen("no credential, and the message of the pod says why")


# ---- Points 4 and 13: Google, and what nobody may see

@pytest.mark.attack(4, "Vertex: a token of the client's own")
def test_vertex_from_end_to_end(started, outside, issuer, seen):
    service = token_services.GoogleTokenService(issuer, GOOGLE_AUDIENCE, lifetime=4)
    with serving(outside, service, "sts.googleapis.com"):
        path = started("vertex.yaml", {"google": issuer.token(GOOGLE_AUDIENCE)},
                       facts={"googleAudience": GOOGLE_AUDIENCE})

        def got():
            answer = path.ask(VERTEX, method="POST", path=PREDICT, body=b"{}", headers=[("Authorization", "Bearer own")])
            assert answer.status == 200, answer
            return [value for key, value in json.loads(answer.body)["headers"] if key == "authorization"]
        first = got()
        assert len(first) == 1 and first[0].removeprefix("Bearer ") in service.issued
        wait_for("a renewed token", lambda: got() != first)
        assert got()[0].removeprefix("Bearer ") in service.issued
        no_value_is_in(path.helper.errors() + path.gateway.errors(), issuer, service)
    seen("the host got the gateway's alone, later a renewed one")


@pytest.mark.attack(4, "Vertex: the same, while Google's service refuses the gateway")
def test_the_first_token_comes_later(started, outside, issuer, seen):
    service = token_services.GoogleTokenService(issuer, GOOGLE_AUDIENCE)
    service.override = 400, {}, json.dumps({"error": "invalid_grant"})
    with serving(outside, service, "sts.googleapis.com"):
        path = started("vertex.yaml", {"google": issuer.token(GOOGLE_AUDIENCE)}, wait=False,
                       facts={"googleAudience": GOOGLE_AUDIENCE})
        told = wait_for("a failure that is told", lambda: path.helper.logged("credential cannot be obtained"))
        assert told[0]["error"] == "sts.googleapis.com answered 400 invalid_grant"

        def status():
            return path.ask(VERTEX, method="POST", path=PREDICT, body=b"{}", headers=[("Authorization", "own")]).status
        before = len(outside.requests), status()
        assert before[1] == 401 and not [got for got in outside.requests[before[0]:]
                                         if got["server_name"] == VERTEX.partition(":")[0]]
        service.override = None
        wait_for("the first token", lambda: status() == 200)
    seen("401 within TLS, and 200 as soon as there is one")


@pytest.mark.attack(13, "the files of credentials, and the log of what writes them")
def test_files_are_for_the_gateway_alone(started, outside, issuer, sts, seen):
    path = started("bedrock.yaml", {"aws": issuer.token("sts.amazonaws.com")})
    for file in path.gateway_root.file("/run/stockade/credentials").glob("*/*"):
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700), file
    assert path.helper.close() == 0 and path.helper.message() == ""
    no_value_is_in(path.helper.errors(), issuer, sts)
    seen("one user may read them, no line holds a value")


# ---- Point 9: Secrets

def basic(password):
    return "Basic " + base64.b64encode(f"robot:{password}".encode()).decode()


@pytest.mark.attack(9, "a password that changes or goes, under 50 requests a second")
def test_a_changed_password_is_used_without_a_restart(started, seen):
    path = started("basic.yaml", secrets={"index": {"password": "first"}})

    def ask():
        answer = path.ask(INDEX, headers=[("Authorization", "Basic own")])
        values = [value for key, value in json.loads(answer.body)["headers"] if key == "authorization"]
        return answer.status if answer.status != 200 or len(values) != 1 else values[0]
    with Load(ask) as load:
        load.wait_for(basic("first"))
        path.gateway_root.mount("/etc/stockade/credentials/index", {"password": "second\n"})
        load.wait_for(basic("second"))
        path.gateway_root.mount("/etc/stockade/credentials/index", {})
        wait_for("the loss to be told",
                 lambda: path.helper.logged("credential cannot be updated; the one before stays in use"))
        load.wait_for(basic("second"))
        path.gateway_root.mount("/etc/stockade/credentials/index", {"password": "third"})
        load.wait_for(basic("third"))
    assert set(load.answers) == {basic("first"), basic("second"), basic("third")}, load.answers
    text = path.helper.errors() + path.gateway.errors() + path.gateway.log_path.read_text()
    assert not [word for word in ("first", "second", "third") if basic(word)[6:] in text or f'"{word}"' in text]
    seen("every request got a valid one, none failed")


@pytest.mark.attack(9, "a Secret without its key, or with an empty one")
def test_a_missing_key_is_named(public_authority, tmp_path, seen):
    root = egress_path.Root(tmp_path)
    root.write({"credentials.json": egress_path.render(conftest.HERE / "basic.yaml")["credentials"]})
    for values, what in (({}, 'the Secret "registry" is not there, or has no key "password"'),
                         ({"password": "\n"}, 'the key "password" of the Secret "registry" is empty')):
        root.mount("/etc/stockade/credentials/index", values)
        program = Program(root, public_authority.certificate, "prepare")
        assert program.wait() == 1 and program.message() == f'credential "index": {what}\n'
    seen("the gateway does not start; a message names Secret and key")
