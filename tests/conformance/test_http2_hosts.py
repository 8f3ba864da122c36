"""Points 4, 5, 15 and 18 at hosts that speak HTTP/2, as most of those on the internet do, whatever the agent speaks."""

import json

import conftest
import http2
import pytest
from http2 import END_HEADERS, END_STREAM, block, frame, request

HOSTS = {"a listed host": "two.example.test:443", "a host below a wildcard": "two.wild.example.test:443"}
TWO, NAME = "two.example.test:443", "two.example.test"


def last(outside):
    """The latest request that reached such a host; each field once."""
    got = outside.requests[-1]
    names = [name for name, _ in got["headers"]]
    assert ":authority" in names and len(set(names)) == len(names), "not over HTTP/2"
    return got, dict(got["headers"])


def over_http2(path, authority, fields, body=None, trailers=None):
    """The status of one request over HTTP/2 from the agent to its proxy."""
    connection = http2.Connection(path.open(authority, protocols=["h2"]))
    ends = END_STREAM if body is None and trailers is None else 0
    connection.send(frame(http2.HEADERS, END_HEADERS | ends, 1, block(fields)))
    if body is not None:
        connection.send(frame(http2.DATA, 0 if trailers else END_STREAM, 1, body))
    if trailers:
        connection.send(frame(http2.HEADERS, END_HEADERS | END_STREAM, 1, block(trailers)))
    return connection.outcome()


def over_http1(path, authority, fields, body=None, trailers=None):
    """The same over HTTP/1.1; trailers need a body in chunks."""
    fields = dict(fields)
    method, target = fields.pop(":method"), fields.pop(":path")
    host = fields.pop(":authority")
    fields.pop(":scheme")
    if trailers is None:
        return path.ask(authority, host=host, method=method, path=target, headers=fields.items(), body=body or b"").status
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    tail = "".join(f"{name}: {value}\r\n" for name, value in trailers)
    text = (f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n"
            f"Trailer: {', '.join(name for name, _ in trailers)}\r\n{head}\r\n"
            f"{len(body):x}\r\n{body.decode()}\r\n0\r\n{tail}\r\n")
    return path.ask(authority, request=text.encode()).status


CLIENTS = {"HTTP/1.1": over_http1, "HTTP/2": over_http2}


def attacked(point, tried, **what):
    """A row for each version that the agent may speak."""
    return [pytest.param(ask, *what.values(), id=f"{tried} by {version}",
                         marks=pytest.mark.attack(point, f"{tried}, at a host of HTTP/2, by {version}"))
            for version, ask in CLIENTS.items()]


@pytest.mark.parametrize("ask", attacked(4, "the credential's header from the client"))
def test_the_credential_replaces_what_the_client_sends(path, outside, seen, ask):
    assert ask(path, TWO, request(NAME, "/v1", extra=[("x-api-key", "mine")])) == 200
    _, headers = last(outside)
    assert headers["x-api-key"] == conftest.SECRET
    assert (headers[":authority"], headers[":scheme"], headers[":path"]) == (NAME, "https", "/v1")
    seen("the host got the gateway's, once")


@pytest.mark.parametrize("ask", attacked(4, "another host's credential"))
def test_a_credential_stays_at_its_host(path, outside, seen, ask):
    assert ask(path, HOSTS["a host below a wildcard"], request("two.wild.example.test", "/v1")) == 200
    got, _ = last(outside)
    assert conftest.SECRET not in json.dumps(got)
    seen("the host got none")


OWN = [("authorization", "mine"), ("cookie", "a=mine"), ("proxy-authorization", "mine"), ("x-auth-token", "mine")]


@pytest.mark.parametrize("ask, authority", [
    row for host, authority in HOSTS.items()
    for row in attacked(18, f"own headers and trailers to {host}", authority=authority)])
def test_credentials_of_the_agent_do_not_pass(path, outside, seen, ask, authority):
    fields = request(authority.removesuffix(":443"), "/v1", "POST", [*OWN, ("x-kept", "kept")])
    assert ask(path, authority, fields, b"body", [*OWN, ("x-late", "late")]) == 200
    got, headers = last(outside)
    assert headers["x-kept"] == "kept" and got["body"] == "body"
    assert "mine" not in json.dumps(got)
    seen("the host got neither")


@pytest.mark.parametrize("ask, target", attacked(5, "a path that is not listed", target="/v2")
                         + attacked(5, "dot segments", target="/v1/../v2"))
def test_a_path_that_is_not_listed(path, outside, seen, ask, target):
    before = len(outside.requests)
    assert ask(path, TWO, request(NAME, target)) == 403
    assert len(outside.requests) == before
    seen("403 within TLS")


@pytest.mark.parametrize("ask", attacked(15, "an allowed request"))
def test_a_request_leaves_its_line(path, seen, ask):
    target = f"/v1/logged-{next(conftest.NUMBERS)}"
    assert ask(path, TWO, request(NAME, target, "POST"), b"12345") == 200
    line = path.logged(kind="request", host=NAME, path=target)
    assert (line["method"], line["status"], line["rule"], line["bytes_received"]) == ("POST", 200, "allow[1]", 5)
    assert line["sandbox"] == path.uri and line["upstream"] == f"{conftest.PUBLIC}:443"
    seen("a line with sandbox, host, method, path, status and bytes")


def test_a_large_answer_is_whole(path, outside):
    """Larger than any window or buffer on the way."""
    body = bytes(range(256)) * 4096
    outside.responses["/v1/large"] = (200, {"content-length": str(len(body))}, body)
    try:
        assert path.ask(TWO, path="/v1/large").body == body
    finally:
        del outside.responses["/v1/large"]
    last(outside)
