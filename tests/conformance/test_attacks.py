"""Attacks on the egress path, as a table: each is tried against the real proxies, and none may reach a host.

A row says what is tried (its name is the documentation's), the point of docs/egress.md that it attacks, and how the
path has to answer. The audit log must tell of each attempt, and nothing may have reached the outside.
"""

import base64
import json
import subprocess

import conftest
import pytest
from egress_path import Answer, wait_for

REFUSED = Answer(403)  # at the CONNECT
MALFORMED = Answer(400)
UNVERIFIED = Answer(200, False)  # the inner TLS handshake is cut off


def inside(status):
    """The gateway itself answers, within TLS."""
    return ("inside", status)


def row(point, name, answer, authority, **what):
    return pytest.param(answer, authority, what, id=f"{point}-{name}")


API, WILD = "api.example.test:443", "a.wild.example.test:443"

NAMES = [  # points 1 and 2: host, port, TLS name and Host header
    row(1, "unlisted host", REFUSED, "evil.example.test:443"),
    row(1, "unlisted port", REFUSED, "api.example.test:8443"),
    row(1, "port 80", REFUSED, "api.example.test:80"),
    row(1, "no port", REFUSED, "api.example.test"),
    row(1, "another listed host in the TLS name", UNVERIFIED, API, server_name="open.example.test"),
    row(1, "an unlisted host in the TLS name", UNVERIFIED, API, server_name="evil.example.test"),
    row(1, "another listed host in the Host header", inside(421), API, host="open.example.test"),
    row(1, "an unlisted host in the Host header", inside(421), API, host="evil.example.test"),
    row(1, "an absolute URI of another host", inside(421), API,
        request=b"GET https://evil.example.test/v1 HTTP/1.1\r\nHost: api.example.test\r\n\r\n"),
    row(1, "two Host headers", inside(400), API,
        request=b"GET /v1 HTTP/1.1\r\nHost: api.example.test\r\nHost: evil.example.test\r\n\r\n"),
    row(1, "CONNECT within the connection", inside(404), API,
        request=b"CONNECT api.example.test:443 HTTP/1.1\r\nHost: api.example.test:443\r\n\r\n"),
    row(1, "a certificate of another name", inside(503), "wrong-name.example.test:443", host="wrong-name.example.test"),
    row(2, "apex of a wildcard", REFUSED, "wild.example.test:443"),
    row(2, "two labels", REFUSED, "x.a.wild.example.test:443"),
    row(2, "no label", REFUSED, ".wild.example.test:443"),
    row(2, "another domain that ends alike", REFUSED, "evilwild.example.test:443"),
    row(2, "the domain as a label of another", REFUSED, "a.wild.example.test.evil.test:443"),
    row(2, "trailing dot", REFUSED, "api.example.test.:443"),
    row(2, "trailing dot below a wildcard", REFUSED, "a.wild.example.test.:443"),
    row(2, "trailing dot in the Host header", inside(421), API, host="api.example.test."),
    row(2, "mixed case below a wildcard", REFUSED, "A.Wild.example.test:443"),
    row(2, "a homograph in punycode", REFUSED, "xn--pi-7kc.example.test:443"),
    row(2, "dotted decimal", REFUSED, f"{conftest.PUBLIC}:443"),
    row(2, "decimal", REFUSED, "1572395018:443"),
    row(2, "octal", REFUSED, "0135.0270.0330.012:443"),
    row(2, "hexadecimal", REFUSED, "0x5db8d80a:443"),
    row(2, "short form of loopback", REFUSED, "127.1:443"),
    row(2, "metadata address", REFUSED, "169.254.169.254:443"),
    row(2, "IPv6 loopback", REFUSED, "[::1]:443"),
    row(2, "v4-mapped", REFUSED, "[::ffff:93.184.216.10]:443"),
    row(2, "NAT64", REFUSED, "[64:ff9b::a01:203]:443"),
    row(2, "zone", REFUSED, "[fe80::1%25lo]:443"),
    row(2, "user information", REFUSED, "api.example.test:443@evil.example.test:443"),
    row(2, "another name below the wildcard in TLS", inside(403), WILD, server_name="b.wild.example.test",
        host="b.wild.example.test"),
    row(2, "another name below the wildcard in Host", inside(403), WILD, host="b.wild.example.test"),
    row(2, "two labels in TLS below a wildcard", inside(403), WILD, server_name="x.a.wild.example.test",
        host="x.a.wild.example.test"),
    row(2, "two labels in Host below a wildcard", inside(403), WILD, host="x.a.wild.example.test"),
    row(2, "a denied host below a wildcard", REFUSED, "secret.wild.example.test:443"),
    row(2, "a denied host below a wildcard in TLS and Host", inside(403), WILD,
        server_name="secret.wild.example.test", host="secret.wild.example.test"),
    row(2, "another TLS name in a tunnel", UNVERIFIED, "pinned.example.test:443", server_name="evil.example.test"),
    row(2, "two labels in a tunnel's TLS name", UNVERIFIED, "a.tunnel.example.test:443",
        server_name="x.a.tunnel.example.test"),
    row(6, "no TLS name", UNVERIFIED, API, server_name=""),
    row(6, "no TLS name in a tunnel", UNVERIFIED, "pinned.example.test:443", server_name=""),
]

ADDRESSES = [  # point 3: what names resolve to
    row(3, "private", inside(403), "private.example.test:443"),
    row(3, "metadata, although an entry's privateRanges name it", inside(403), "metadata.example.test:443"),
    row(3, "loopback", inside(403), "loopback.example.test:443"),
    row(3, "carrier-grade NAT", inside(403), "shared.example.test:443"),
    row(3, "private below a wildcard", inside(403), "inside.wild.example.test:443"),
    row(3, "private in a tunnel", UNVERIFIED, "tunnel-inside.example.test:443"),
    row(3, "private in a tunnel below a wildcard", UNVERIFIED, "inside.tunnel.example.test:443"),
]

REQUESTS = [  # points 5, 6 and 18: methods, paths, smuggling
    row(5, "another method", inside(403), API, method="DELETE", path="/v1/x"),
    row(5, "another path", inside(403), API, path="/v2"),
    row(5, "a path that begins alike", inside(403), API, path="/v1evil"),
    row(5, "a denied path", inside(403), API, path="/v1/admin/users"),
    row(5, "dot segments", inside(403), API, path="/v1/../v2"),
    row(5, "dot segments to a denied path", inside(403), API, path="/v1/x/../admin"),
    row(5, "encoded dots", inside(403), API, path="/v1/%2e%2e/v2"),
    row(5, "an encoded slash", inside(400), API, path="/v1/..%2fv2"),
    row(5, "an encoded backslash", inside(400), API, path="/v1/..%5cv2"),
    row(5, "an encoded letter in a denied path", inside(403), API, path="/v1/%61dmin"),
    row(5, "a backslash", inside(403), API, path="/v1\\..\\v2"),
    row(5, "a dot segment with a parameter", inside(400), API, path="/v1/..;/v2"),
    row(5, "a slash encoded twice", inside(400), API, path="/v1/..%252fv2"),
    row(5, "double slashes", inside(403), API, path="//v1//admin"),
    row(5, "a fragment", inside(400), API, path="/v2#/v1"),
    row(5, "a method in lower case", inside(403), API, method="get", path="/v1"),
    row(5, "Content-Length beside Transfer-Encoding", inside(400), API,
        request=b"POST /v1 HTTP/1.1\r\nHost: api.example.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"0\r\n\r\nGET /v2 HTTP/1.1\r\nHost: api.example.test\r\n\r\n"),
    row(5, "two lengths", inside(400), API,
        request=b"POST /v1 HTTP/1.1\r\nHost: api.example.test\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\nabcd"),
    row(5, "a folded header", inside(400), API,
        request=b"GET /v1 HTTP/1.1\r\nHost: api.example.test\r\nX-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n"),
    row(5, "a space before the colon", inside(400), API,
        request=b"GET /v1 HTTP/1.1\r\nHost: api.example.test\r\nTransfer-Encoding : chunked\r\n\r\n"),
    row(5, "an unknown Transfer-Encoding", inside(501), API,
        request=b"POST /v1 HTTP/1.1\r\nHost: api.example.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    row(6, "a WebSocket", inside(403), API, path="/v1",
        headers=[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                 ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]),
    row(18, "TRACE", inside(405), "open.example.test:443", method="TRACE"),
    row(18, "a key in the query, in capitals", inside(403), API, path="/v1?API_KEY=mine"),
    row(18, "a key in the query, encoded", inside(403), API, path="/v1?a=1&%6bey=mine"),
    row(18, "a key in the query behind a semicolon", inside(403), API, path="/v1?a=1;KEY=mine"),
]


@pytest.mark.parametrize("expected, authority, what", [*NAMES, *ADDRESSES, *REQUESTS])
def test_attack(path, outside, expected, authority, what):
    before = len(outside.requests)
    answer = path.ask(authority, **what)
    if isinstance(expected, Answer):
        assert answer[:2] == expected[:2] if expected.connect == 200 else answer.connect == expected.connect, answer
    else:
        assert (answer.connect, answer.tls, answer.status) == (200, True, expected[1]), answer
    assert len(outside.requests) == before, outside.requests[-1]
    assert conftest.SECRET.encode() not in answer.body


# ---- What has to work, or an attack that fails proves nothing

@pytest.mark.parametrize("authority", ["open.example.test:443", "open.example.test:8443", WILD,
                                       "corporate.example.test:443"])
def test_what_is_listed_is_reached(path, outside, authority):
    answer = path.ask(authority, path="/a?b=c", method="POST", body=b"hello")
    assert answer.status == 200, answer
    seen = json.loads(answer.body)
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/a?b=c", "hello")
    assert seen["server_name"] == authority.split(":")[0]


@pytest.mark.parametrize("name", ["pinned.example.test", "a.tunnel.example.test"])
def test_a_tunnel_ends_at_the_host(path, public_authority, name):
    answer = path.ask(f"{name}:443", trust=public_authority.certificate)
    assert json.loads(answer.body)["server_name"] == name


def test_http_2_is_spoken_and_judged(path):
    def curl(url):
        return subprocess.run(
            ["curl", "--silent", "--http2", "--proxy", f"http://127.0.0.1:{path.sidecar_port}", "--cacert",
             str(path.interception.certificate), "--write-out", " %{http_version} %{http_code}", "--path-as-is", url],
            capture_output=True, text=True, check=True).stdout
    assert curl("https://api.example.test/v1").endswith(" 2 200")
    assert curl("https://api.example.test/v1/../v2").endswith(" 2 403")
    assert curl("https://api.example.test/v1/admin").endswith(" 2 403")


# ---- Point 3: addresses

def test_a_mixed_answer_never_leads_to_its_private_address(path, outside):
    answers = [path.ask("mixed.example.test:443").status for _ in range(20)]
    assert set(answers) <= {200, 403} and 200 in answers, answers
    assert (conftest.PRIVATE, "mixed.example.test") not in outside.connections


def test_rebinding_is_judged_for_each_connection(path, dns, outside):
    addresses = [[conftest.PUBLIC]]
    dns.names["rebinding.example.test"] = lambda: addresses[0]
    wait_for("the public address", lambda: path.ask("rebinding.example.test:443").status == 200)
    addresses[0] = [conftest.PRIVATE]
    wait_for("the refusal", lambda: path.ask("rebinding.example.test:443").status == 403)
    assert (conftest.PRIVATE, "rebinding.example.test") not in outside.connections


def test_names_that_are_not_listed_are_never_asked_for(path, dns):
    for name in ("exfiltrated-data.example.test", "x.a.wild.example.test", "secret.wild.example.test"):
        assert path.ask(f"{name}:443").connect == 403
    assert path.ask(WILD, server_name="exfiltrated.wild.example.test", host="exfiltrated.wild.example.test").status == 403
    assert not [name for name in dns.queries if "exfiltrated" in name or name.startswith(("x.a.", "secret."))]


# ---- Points 4 and 18: credentials

def headers_of(answer, name):
    return [value for key, value in json.loads(answer.body)["headers"] if key == name]


@pytest.mark.parametrize("headers", [
    pytest.param([], id="none"),
    pytest.param([("x-api-key", "mine")], id="lower case"),
    pytest.param([("X-API-KEY", "mine"), ("x-Api-Key", "mine, too")], id="two of them"),
    pytest.param([("Connection", "X-API-Key"), ("X-API-Key", "mine")], id="as hop-by-hop"),
    pytest.param([("X-API-Key", "")], id="empty"),
])
def test_the_credential_replaces_what_the_client_sends(path, headers):
    answer = path.ask(API, path="/v1", headers=headers)
    assert answer.status == 200, answer
    assert headers_of(answer, "x-api-key") == [conftest.SECRET]


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "Api-Key",
                                  "X-Goog-Api-Key", "X-Auth-Token", "PRIVATE-TOKEN", "X-Amz-Security-Token",
                                  "X-Vault-Token", "Ocp-Apim-Subscription-Key", "X-Access_Token"])
@pytest.mark.parametrize("authority", [API, "open.example.test:443", WILD])
def test_credentials_of_the_agent_do_not_pass(path, authority, name):
    answer = path.ask(authority, path="/v1", headers=[(name, "mine")])
    assert "mine" not in answer.body.decode()


@pytest.mark.parametrize("query", ["key=mine", "api_key=mine", "access_token=mine", "token=mine", "sig=mine"])
def test_keys_in_a_query_are_taken_off(path, query):
    answer = path.ask(API, path=f"/v1?a=1&{query}&b=2")
    assert answer.status == 200, answer
    assert json.loads(answer.body)["path"] == "/v1?a=1&b=2"


def test_a_credential_stays_at_its_host(path):
    for authority, trust in ((WILD, None), ("open.example.test:443", None)):
        assert conftest.SECRET not in path.ask(authority, path="/v1", trust=trust).body.decode()


def test_a_redirect_is_not_followed(path, outside):
    outside.responses["/v1/moved"] = (302, {"location": "https://evil.example.test/"}, "")
    assert path.ask(API, path="/v1/moved").status == 302
    assert not [seen for seen in outside.requests if seen["server_name"] == "evil.example.test"]


def test_nothing_of_the_gateway_is_told_to_the_host(path):
    names = {key for key, _ in json.loads(path.ask(WILD).body)["headers"]}
    assert not {name for name in names if name.startswith(("x-envoy", "x-forwarded", "x-stockade", "x-request"))}


def test_a_changed_secret_is_used_without_a_restart(path):
    path.gateway_root.mount("/etc/stockade/credentials/key", {"api-key": "changed\n"})
    wait_for("the new value", lambda: headers_of(path.ask(API, path="/v1"), "x-api-key") == ["changed"])
    path.gateway_root.mount("/etc/stockade/credentials/key", {"api-key": conftest.SECRET})
    wait_for("the old value", lambda: headers_of(path.ask(API, path="/v1"), "x-api-key") == [conftest.SECRET])


# ---- Point 15: the audit log

def test_a_request_leaves_its_line(path):
    assert path.ask(API, path="/v1/messages?prompt=private&token=mine", method="POST", body=b"12345").status == 200
    line = path.logged(kind="request", host="api.example.test", path="/v1/messages")
    assert line["sandbox"] == path.uri
    assert (line["method"], line["status"], line["rule"]) == ("POST", 200, "allow[0]")
    assert line["bytes_received"] == 5 and line["bytes_sent"] > 0 and line["duration_ms"] >= 0
    assert line["time"].startswith("20")


@pytest.mark.parametrize("authority, what, line", [
    ("logged-1.example.test:443", {}, {"kind": "connect", "host": "logged-1.example.test:443", "status": 403,
                                       "rule": "default"}),
    ("secret.wild.example.test:443", {}, {"kind": "connect", "rule": "deny[1]", "status": 403}),
    (API, {"path": "/v1/admin/logged"}, {"kind": "request", "path": "/v1/admin/logged", "rule": "deny[0]"}),
    (API, {"path": "/logged"}, {"kind": "request", "path": "/logged", "rule": "default", "status": 403}),
    (API, {"host": "logged-2.example.test"}, {"kind": "request", "host": "logged-2.example.test",
                                              "rule": "host-differs"}),
    (API, {"server_name": "logged-3.example.test"}, {"kind": "refused", "server_name": "logged-3.example.test",
                                                     "host": API}),
    (API, {"server_name": ""}, {"kind": "refused", "server_name": None, "host": API}),
    ("private.example.test:443", {"path": "/logged"}, {"kind": "request", "path": "/logged",
                                                       "host": "private.example.test",
                                                       "details": "rbac_access_denied_matched_policy[private-address]"}),
])
def test_a_refusal_leaves_its_line(path, authority, what, line):
    path.ask(authority, **what)
    assert path.logged(**line)["sandbox"] == path.uri


def test_no_log_holds_a_credential_or_a_query(path):
    secret = base64.b64encode(b"user:hidden").decode()
    path.ask(API, path="/v1/last?token=hidden", headers=[("Authorization", f"Basic {secret}"), ("X-Api-Key", "hidden")])
    path.logged(kind="request", path="/v1/last")
    text = path.gateway.log_path.read_text() + path.gateway.errors() + path.sidecar.errors()
    assert conftest.SECRET not in text and "hidden" not in text and secret not in text


def test_a_name_cannot_forge_a_line(path):
    path.connect(b'forged.example.test","rule":"allow[0]\\u000a:443')
    for line in path.gateway.lines():
        assert line["kind"] in ("connect", "request", "refused", "tunnel")
        assert not (line["host"] or "").startswith("forged") or line["rule"] == "default"
