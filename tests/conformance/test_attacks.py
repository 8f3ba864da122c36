"""Attacks by names, addresses, paths and messages of HTTP/1.1: each is tried against the real proxies, and none may reach
a host. A row says which point of docs/egress.md it attacks, what is tried, and how the path has to answer."""

import json

import conftest
import pytest
from egress_path import Answer, described, wait_for

REFUSED, MALFORMED = Answer(403), Answer(400)  # at the CONNECT
UNVERIFIED = Answer(200, False)  # the inner TLS handshake is cut off


def inside(status):
    """The gateway itself answers, within TLS."""
    return ("inside", status)


def row(point, name, answer, authority, **what):
    return pytest.param(answer, authority, what, id=f"{point}-{name}", marks=pytest.mark.attack(point, name))


API, WILD = "api.example.test:443", "a.wild.example.test:443"

NAMES = [  # points 1 and 2: host, port, TLS name and Host header
    row(1, "unlisted host", REFUSED, "evil.example.test:443"),
    row(1, "unlisted port", REFUSED, "api.example.test:8443"),
    row(1, "port 80", REFUSED, "api.example.test:80"),
    row(1, "no port", MALFORMED, "api.example.test"),
    row(1, "another listed host in the TLS name", UNVERIFIED, API, server_name="open.example.test"),
    row(1, "an unlisted host in the TLS name", UNVERIFIED, API, server_name="evil.example.test"),
    row(1, "another listed host in the Host header", inside(421), API, host="open.example.test"),
    row(1, "an unlisted host in the Host header", inside(421), API, host="evil.example.test"),
    row(1, "an absolute URI of another host", inside(421), API,
        request=b"GET https://evil.example.test/v1 HTTP/1.1\r\nHost: api.example.test\r\n\r\n"),
    row(1, "two Host headers", inside(421), API,
        request=b"GET /v1 HTTP/1.1\r\nHost: api.example.test\r\nHost: evil.example.test\r\n\r\n"),
    row(1, "CONNECT within the connection", inside(404), API,
        request=b"CONNECT api.example.test:443 HTTP/1.1\r\nHost: api.example.test:443\r\n\r\n"),
    row(1, "a certificate of another name", inside(503), "wrong-name.example.test:443"),
    row(1, "a certificate of another authority", inside(503), "wrong-authority.example.test:443"),
    row(1, "a certificate that has expired", inside(503), "wrong-time.example.test:443"),
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
    row(2, "zone", MALFORMED, "[fe80::1%25lo]:443"),
    row(2, "user information", MALFORMED, "api.example.test:443@evil.example.test:443"),
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
    row(1, "another name below the wildcard in a tunnel's TLS name", UNVERIFIED, "a.tunnel.example.test:443",
        server_name="inside.tunnel.example.test"),
    row(6, "no TLS name", UNVERIFIED, API, server_name=""),
    row(6, "no TLS name in a tunnel", UNVERIFIED, "pinned.example.test:443", server_name=""),
]

ADDRESSES = [  # point 3: what names resolve to
    row(3, "private", inside(403), "private.example.test:443"),
    row(3, "metadata, although an entry's privateRanges name it", inside(403), "metadata.example.test:443"),
    row(3, "loopback", inside(403), "loopback.example.test:443"),
    row(3, "carrier-grade NAT", inside(403), "shared.example.test:443"),
    row(3, "a range of the cluster that is public otherwise", inside(403), "cluster.example.test:443"),
    row(3, "loopback of IPv6", inside(403), "loopback.six.example.test:443"),
    row(3, "link-local of IPv6", inside(403), "link-local.six.example.test:443"),
    row(3, "unique local of IPv6", inside(403), "unique-local.six.example.test:443"),
    row(3, "v4-mapped, although privateRanges name what it holds", inside(403), "mapped.six.example.test:443"),
    row(3, "NAT64, although privateRanges name what it holds", inside(403), "nat64.six.example.test:443"),
    row(3, "6to4, although privateRanges name what it holds", inside(403), "6to4.six.example.test:443"),
    row(3, "metadata by IPv6, although privateRanges name it", inside(403), "metadata.six.example.test:443"),
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
    row(5, "a denied path with a parameter", inside(403), API, path="/v1/admin;a=b/users"),
    row(5, "a denied path below a parameter", inside(403), API, path="/v1;a=b/admin"),
    row(5, "an encoded letter in a denied path", inside(403), API, path="/v1/%61dmin"),
    row(5, "a backslash", inside(403), API, path="/v1\\..\\v2"),
    row(5, "a dot segment with a parameter", inside(403), API, path="/v1/..;/v2"),
    row(5, "a slash encoded twice", inside(400), API, path="/v1/..%252fv2"),
    row(5, "double slashes", inside(403), API, path="//v1//admin"),
    row(5, "a fragment", inside(400), API, path="/v2#/v1"),
    row(5, "a method in lower case", inside(400), API, method="get", path="/v1"),
    row(5, "Content-Length beside Transfer-Encoding", inside(400), API,
        request=b"POST /v1 HTTP/1.1\r\nHost: api.example.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"0\r\n\r\nGET /v2 HTTP/1.1\r\nHost: api.example.test\r\n\r\n"),
    row(5, "two lengths", inside(400), API,
        request=b"POST /v1 HTTP/1.1\r\nHost: api.example.test\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\nabcd"),
    row(5, "a space before the colon", inside(400), API,
        request=b"GET /v1 HTTP/1.1\r\nHost: api.example.test\r\nTransfer-Encoding : chunked\r\n\r\n"),
    row(5, "an unknown Transfer-Encoding", inside(501), API,
        request=b"POST /v1 HTTP/1.1\r\nHost: api.example.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    row(6, "a WebSocket", inside(403), API, path="/v1",
        headers=[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                 ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]),
    row(18, "TRACE", inside(405), "open.example.test:443", method="TRACE"),
    row(5, "a line break in the query, encoded, at a denied path", inside(403), API, path="/v2?a=%0d%0aX:%201"),
]


@pytest.mark.parametrize("expected, authority, what", [*NAMES, *REQUESTS])
def test_attack(path, outside, seen, expected, authority, what):
    before = len(outside.requests)
    answer = path.ask(authority, **what)
    if isinstance(expected, Answer):
        assert answer[:2] == expected[:2] if expected.connect == 200 else answer.connect == expected.connect, answer
    else:
        assert (answer.connect, answer.tls, answer.status) == (200, True, expected[1]), answer
    assert len(outside.requests) == before, outside.requests[-1]
    assert conftest.SECRET.encode() not in answer.body
    seen(described(answer))


@pytest.mark.parametrize("expected, authority, what", ADDRESSES)
def test_address(path, outside, seen, expected, authority, what):
    before = len(outside.accepted)
    answer = path.ask(authority, **what)
    if isinstance(expected, Answer):
        assert answer[:2] == expected[:2], answer
    else:
        assert answer.status == expected[1], answer
    assert len(outside.accepted) == before
    seen(described(answer) + ", no connection")


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


@pytest.mark.attack(5, "a folded header that hides a Transfer-Encoding")
def test_a_folded_header_is_one_value(path, seen):
    answer = path.ask(API, request=b"GET /v1 HTTP/1.1\r\nHost: api.example.test\r\nX-A: 1\r\n"
                                   b" Transfer-Encoding: chunked\r\n\r\n")
    assert ["x-a", "1 Transfer-Encoding: chunked"] in json.loads(answer.body)["headers"]
    seen("the host got one header with one value")


OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_Method_Override", "X-Original-URL",
             "X-Original-URI", "X-Rewrite-URL")


@pytest.mark.attack(5, "headers by which some hosts take another method or path than the request's")
def test_no_header_overrides_what_was_judged(path, seen):
    answer = path.ask(API, method="POST", path="/v1", headers=[(name, "overridden") for name in OVERRIDES])
    assert answer.status == 200 and "overridden" not in answer.body.decode(), answer
    seen("the host got none of them")


# ---- Point 3: addresses

@pytest.mark.attack(3, "a public and a private address, twenty times")
def test_a_mixed_answer_never_leads_to_its_private_address(path, outside, seen):
    answers = [path.ask("mixed.example.test:443").status for _ in range(20)]
    assert set(answers) <= {200, 403} and 200 in answers, answers
    assert conftest.PRIVATE not in outside.accepted
    seen("200 or 403 within TLS, no connection to the private one")


@pytest.mark.attack(3, "a public address that turns into a private one")
def test_rebinding_is_judged_for_each_connection(path, dns, outside, seen):
    addresses = [[conftest.PUBLIC]]
    dns.names["rebinding.example.test"] = lambda: addresses[0]
    wait_for("the public address", lambda: path.ask("rebinding.example.test:443").status == 200)
    addresses[0] = [conftest.PRIVATE]
    wait_for("the refusal", lambda: path.ask("rebinding.example.test:443").status == 403)
    assert conftest.PRIVATE not in outside.accepted
    seen("200, then 403 within TLS, no connection to the private one")


@pytest.mark.attack(3, "names as a way out: data in the labels of names that are not listed")
def test_names_that_are_not_listed_are_never_asked_for(path, dns, seen):
    for name in ("exfiltrated-data.example.test", "x.a.wild.example.test", "secret.wild.example.test"):
        assert path.ask(f"{name}:443").connect == 403
    assert path.ask(WILD, server_name="exfiltrated.wild.example.test", host="exfiltrated.wild.example.test").status == 403
    assert path.ask("a.tunnel.example.test:443", server_name="exfiltrated.tunnel.example.test").tls is False
    assert path.ask("a.tunnel.example.test:443", server_name="exfiltrated.a.tunnel.example.test").tls is False
    assert not [name for name in dns.queries if "exfiltrated" in name or name.startswith(("x.a.", "secret."))]
    seen("no query reached the name server")
