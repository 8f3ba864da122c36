"""Point 15: the audit log tells of each request and each refusal, and of nothing secret."""

import base64

import conftest
import pytest

API = "api.example.test:443"


@pytest.mark.attack(15, "an allowed request")
def test_a_request_leaves_its_line(path, seen):
    assert path.ask(API, path="/v1/messages?prompt=private", method="POST", body=b"12345").status == 200
    line = path.logged(kind="request", host="api.example.test", path="/v1/messages")
    assert line["sandbox"] == path.uri
    assert (line["method"], line["status"], line["rule"]) == ("POST", 200, "allow[0]")
    assert line["bytes_received"] == 5 and line["bytes_sent"] > 0 and line["duration_ms"] >= 0
    assert line["time"].startswith("20") and line["upstream"] == f"{conftest.PUBLIC}:443"
    seen("a line with sandbox, host, method, path, status, bytes, duration, rule and address")


@pytest.mark.attack(15, "a tunnel")
def test_a_tunnel_leaves_its_lines(path, public_authority, seen):
    assert path.ask("pinned.example.test:443", trust=public_authority.certificate).status == 200
    line = path.logged(kind="tunnel", server_name="pinned.example.test")
    assert line["sandbox"] == path.uri and line["host"] == "pinned.example.test:443"
    seen("a line with sandbox, host and TLS name")


def refusal(tried, authority, what, **line):
    return pytest.param(authority, what, line, id=tried, marks=pytest.mark.attack(15, tried))


@pytest.mark.parametrize("authority, what, line", [
    refusal("a CONNECT to an unlisted host", "logged-1.example.test:443", {},
            kind="connect", host="logged-1.example.test:443", status=403, rule="default"),
    refusal("a CONNECT to a denied host", "secret.wild.example.test:443", {}, kind="connect", rule="deny[1]", status=403),
    refusal("a denied path", API, {"path": "/v1/admin/logged"}, kind="request", path="/v1/admin/logged", rule="deny[0]"),
    refusal("a path that is not listed", API, {"path": "/logged"},
            kind="request", path="/logged", rule="default", status=403),
    refusal("another Host", API, {"host": "logged-2.example.test"},
            kind="request", host="logged-2.example.test", rule="host-differs"),
    refusal("another TLS name", API, {"server_name": "logged-3.example.test"},
            kind="refused", server_name="logged-3.example.test", host=API),
    refusal("no TLS name", API, {"server_name": ""}, kind="refused", server_name=None, host=API),
    refusal("a private address", "private.example.test:443", {"path": "/logged"}, kind="request", path="/logged",
            host="private.example.test", details="rbac_access_denied_matched_policy[private-address]"),
])
def test_a_refusal_leaves_its_line(path, seen, authority, what, line):
    path.ask(authority, **what)
    found = path.logged(**line)
    assert found["sandbox"] == path.uri
    seen(f"a line of kind `{found['kind']}`, rule `{found['rule']}`")


@pytest.mark.attack(15, "credentials in headers, and the query")
def test_no_log_holds_a_credential_or_a_query(path, seen):
    secret = base64.b64encode(b"user:hidden").decode()
    path.ask(API, path="/v1/last?q=hidden", headers=[("Authorization", f"Basic {secret}"), ("X-Api-Key", "hidden")])
    path.logged(kind="request", path="/v1/last")
    text = path.gateway.log_path.read_text() + path.gateway.errors() + path.sidecar.errors()
    assert conftest.SECRET not in text and "hidden" not in text and secret not in text
    seen("none of them in any log")


@pytest.mark.attack(15, "a host that looks like the end of a line and the beginning of another")
def test_a_name_cannot_forge_a_line(path, seen):
    path.connect(b'forged.example.test","rule":"allow[0]\\u000a:443')
    for line in path.gateway.lines():
        assert line["kind"] in ("connect", "request", "refused", "tunnel")
        assert not (line["host"] or "").startswith("forged") or line["rule"] == "default"
    seen("every line is one JSON object")
