"""Points 5, 6 and 7 over HTTP/2: requests that no library would send, and floods of frames."""

import http2
import pytest
from http2 import END_HEADERS, END_STREAM, block, frame, request

API, NAME = "api.example.test:443", "api.example.test"


def connect(path, authority=API):
    """An HTTP/2 connection to a Terminate host."""
    return http2.Connection(path.open(authority, protocols=["h2"]))


def outcome(path, fields, body=None, authority=API):
    """What becomes of one request with these fields."""
    connection = connect(path, authority)
    flags = END_HEADERS | (END_STREAM if body is None else 0)
    connection.send(frame(http2.HEADERS, flags, 1, block(fields)))
    if body is not None:
        connection.send(frame(http2.DATA, END_STREAM, 1, body))
    return connection.outcome()


def row(point, tried, expected, fields, body=None):
    return pytest.param(expected, fields, body, id=tried, marks=pytest.mark.attack(point, f"HTTP/2: {tried}"))


def without(name, fields):
    return [field for field in fields if field[0] != name]


ALLOWED = request(NAME, "/v1")
CLOSED = "closed"


@pytest.mark.parametrize("expected, fields, body", [
    row(5, "another method", 403, request(NAME, "/v1", "DELETE")),
    row(5, "another path", 403, request(NAME, "/v2")),
    row(5, "a path that begins alike", 403, request(NAME, "/v1evil")),
    row(5, "a denied path", 403, request(NAME, "/v1/admin")),
    row(5, "dot segments", 403, request(NAME, "/v1/../v2")),
    row(5, "an encoded slash", 400, request(NAME, "/v1/..%2fv2")),
    row(1, "another listed host as `:authority`", 421, request("open.example.test", "/v1")),
    row(1, "an unlisted host as `:authority`", 421, request("evil.example.test", "/v1")),
    row(1, "an unlisted host as Host, without `:authority`", 421,
        [*without(":authority", ALLOWED), ("host", "evil.example.test")]),
    row(1, "two `:authority`", CLOSED, [*ALLOWED, (":authority", "evil.example.test")]),
    row(5, "two `:path`", CLOSED, [*ALLOWED, (":path", "/v2")]),
    row(5, "no `:path`", CLOSED, without(":path", ALLOWED)),
    row(5, "an unknown pseudo-header", CLOSED, [*ALLOWED, (":protocol2", "x")]),
    row(5, "a pseudo-header after an ordinary one", CLOSED,
        [*without(":path", ALLOWED), ("x-a", "1"), (":path", "/v1")]),
    row(5, "a line break in a header", CLOSED, [*ALLOWED, ("x-a", "1\r\nhost: evil.example.test")]),
    row(5, "a NUL in a header", CLOSED, [*ALLOWED, ("x-a", "1\x002")]),
    row(5, "a line break in the path", CLOSED, request(NAME, "/v1 HTTP/1.1\r\nhost: evil.example.test\r\n\r\n")),
    row(5, "a space in the path", CLOSED, request(NAME, "/v1 /v2")),
    row(5, "capitals in a header's name", CLOSED, [*ALLOWED, ("X-A", "1")]),
    row(5, "Transfer-Encoding", CLOSED, [*ALLOWED, ("transfer-encoding", "chunked")]),
    row(5, "Connection", CLOSED, [*ALLOWED, ("connection", "x-a")]),
    row(5, "a body longer than its length", "reset", [*request(NAME, "/v1", "POST"), ("content-length", "1")],
        b"0\r\n\r\nGET /v2 HTTP/1.1\r\nhost: api.example.test\r\n\r\n"),
    row(5, "a body shorter than its length", "reset", [*request(NAME, "/v1", "POST"), ("content-length", "9")], b"x"),
    row(6, "an extended CONNECT for a WebSocket", CLOSED,
        [*request(NAME, "/v1", "CONNECT"), (":protocol", "websocket")]),
    row(6, "CONNECT within the connection", 404, [(":method", "CONNECT"), (":authority", API)]),
    row(18, "TRACE", 405, request(NAME, "/v1", "TRACE")),
])
def test_attack(path, outside, seen, expected, fields, body):
    before = len(outside.requests)
    assert outcome(path, fields, body) == expected
    assert len(outside.requests) == before
    seen({CLOSED: "the connection is closed", "reset": "the stream is reset"}.get(expected, f"{expected} within TLS"))


def test_an_honest_request_passes(path):
    assert outcome(path, ALLOWED) == 200
    assert outcome(path, [*request(NAME, "/v1", "POST"), ("content-length", "2")], b"ab") == 200


@pytest.mark.attack(5, "HTTP/2: another Host beside `:authority`")
def test_host_beside_authority(path, outside, seen):
    got = outcome(path, [*ALLOWED, ("host", "evil.example.test")])
    assert got in ("reset", 200, 400, 421)
    if got == 200:
        assert ["host", NAME] in outside.requests[-1]["headers"]
        assert "evil" not in str(outside.requests[-1]["headers"])
    seen("the host got `:authority` alone" if got == 200 else "refused")


# ---- Floods

def flood(path, frames, first=b""):
    """Sends frames until the gateway has had enough, and returns how it ended the connection."""
    connection = connect(path)
    try:
        connection.send(first)
        for data in frames:
            connection.send(data)
    except TimeoutError:
        raise
    except OSError:
        return "closed"
    return connection.outcome(stream=None)


def many(kind, flags, payload=b"", count=40_000, stream=0):
    return (frame(kind, flags, stream, payload) for _ in range(count))


def bursts(kind, payload=b""):
    """Frames that ask for an answer each: too many is what is not sent yet at a time, so they come faster than a busy
    machine can send answers, and for long."""
    return (frame(kind, 0, 0, payload) * 4096 for _ in range(200))


def streams(count, *frames_of):
    return (b"".join(make(2 * number + 1) for make in frames_of) for number in range(count))


def open_stream(stream, flags=END_HEADERS):
    return frame(http2.HEADERS, flags, stream, block(request(NAME, "/v1", "POST")))


def cancel(stream):
    return frame(http2.RST_STREAM, 0, stream, b"\x00\x00\x00\x08")


FLOODS = {
    "pings": lambda: (b"", bursts(http2.PING, b"8 octets")),
    "settings": lambda: (b"", bursts(http2.SETTINGS)),
    "priorities": lambda: (open_stream(1), many(http2.PRIORITY, 0, b"\x00\x00\x00\x00\x10", stream=1)),
    "empty frames of data": lambda: (open_stream(1), many(http2.DATA, 0, stream=1)),
    "window updates": lambda: (open_stream(1), many(http2.WINDOW_UPDATE, 0, b"\x00\x00\x00\x01", stream=1)),
    "streams that are cancelled at once": lambda: (b"", streams(40_000, open_stream, cancel)),
    "continuations without an end": lambda: (
        frame(http2.HEADERS, 0, 1, block(request(NAME, "/v1"))),
        many(http2.CONTINUATION, 0, block([("x-a", "a" * 8000)]), count=400, stream=1)),
}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.attack(7, f"HTTP/2: a flood of {name}")) for name in FLOODS])
def test_a_flood_is_ended_and_others_are_served(path, seen, name):
    first, frames = FLOODS[name]()
    assert flood(path, frames, first) in ("goaway", "closed")
    assert path.ask(API, path="/v1").status == 200
    seen("the connection is ended, another one is served")


@pytest.mark.attack(7, "HTTP/2: 400 KB of headers in 5 KB of bytes")
def test_headers_that_expand(path, outside, seen):
    before = len(outside.requests)
    connection = connect(path)
    bomb = block(request(NAME, "/v1")) + block([("x-a", "a" * 3900)], indexed=True) + b"\xbe" * 100
    connection.send(frame(http2.HEADERS, END_HEADERS | END_STREAM, 1, bomb))
    assert connection.outcome() in ("reset", "goaway", "closed", 431)
    assert len(outside.requests) == before
    seen("refused")


@pytest.mark.attack(7, "HTTP/2: 120 streams at once")
def test_streams_at_once(path, seen):
    connection = connect(path)
    connection.send(b"".join(open_stream(2 * number + 1) for number in range(120)))
    assert connection.outcome(stream=2 * 119 + 1) in ("reset", "goaway", "closed")
    assert path.ask(API, path="/v1").status == 200
    seen("the 17th and later are refused, another connection is served")
