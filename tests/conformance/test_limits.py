"""Point 7: what is too much, too slow or too often is ended, and others are served."""

import concurrent.futures
import contextlib
import os
import pathlib
import socket
import ssl
import time

import conftest
import egress_path
import pytest
from egress_path import DEADLINE, described, read_answer, read_head

API, OPEN = "api.example.test:443", "open.example.test:443"
SLOW = 10  # seconds that the gateway gives a head or a handshake


@pytest.mark.parametrize("expected, extra", [
    pytest.param(expected, extra, id=tried, marks=pytest.mark.attack(7, tried)) for tried, expected, extra in [
        ("17 KB of headers at CONNECT", 431, b"X-A: " + b"a" * 17_000 + b"\r\n"),
        ("101 headers at CONNECT", 431, b"".join(b"X-%d: a\r\n" % number for number in range(101))),
    ]])
def test_large_heads_at_connect(path, seen, expected, extra):
    status, agent, _ = path.connect(OPEN, extra)
    agent.close()
    assert status == expected
    seen(f"{status} at CONNECT")


@pytest.mark.parametrize("headers", [
    pytest.param(headers, id=tried, marks=pytest.mark.attack(7, tried)) for tried, headers in {
        "63 KB of headers in a request": [(f"X-{number}", "a" * 6_300) for number in range(10)],
        "101 headers in a request": [(f"X-{number}", "a") for number in range(101)],
    }.items()])
def test_large_heads_of_requests(path, outside, seen, headers):
    before = len(outside.requests)
    answer = path.ask(API, path="/v1", headers=headers)
    assert answer.status == 431 and len(outside.requests) == before
    seen(described(answer))


@pytest.mark.attack(7, "a path of 70 KB")
def test_a_long_path(path, outside, seen):
    before = len(outside.requests)
    answer = path.ask(API, path="/v1/" + "a" * 70_000)
    assert answer.status in (400, 414, 431) and len(outside.requests) == before
    seen(described(answer))


# ---- What is slow: all at the same time, for each takes its while

def ended_after(connection):
    """Seconds until the other side ends the connection or answers."""
    started = time.monotonic()
    connection.settimeout(DEADLINE)
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        connection.recv(65536)
    return time.monotonic() - started


def connect_slowly(path):
    with socket.create_connection(("127.0.0.1", path.sidecar_port)) as agent:
        agent.sendall(b"CONNECT open.example.test:443 HTTP/1.1\r\nHost: ")
        return ended_after(agent)


def say_nothing_within(authority):
    def attack(path):
        _, agent, _ = path.connect(authority)
        with agent:
            return ended_after(agent)
    return attack


def send_half_a_handshake(path):
    _, agent, _ = path.connect(API)
    with agent:
        agent.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        return ended_after(agent)


def send_half_a_head(path):
    with path.open(API) as tls:
        tls.sendall(b"GET /v1 HTTP/1.1\r\nHost: api.example.test\r\nX-A: ")
        return ended_after(tls)


def say_nothing_to_the_gateway(path):
    with socket.create_connection(("127.0.0.1", path.gateway_port)) as client:
        return ended_after(client)


SLOW_CLIENTS = {
    "a CONNECT without an end": connect_slowly,
    "silence after CONNECT to a Terminate host": say_nothing_within(API),
    "silence after CONNECT to a Tunnel host": say_nothing_within("pinned.example.test:443"),
    "half a TLS handshake": send_half_a_handshake,
    "half the head of a request": send_half_a_head,
    "silence at the gateway's port": say_nothing_to_the_gateway,
}


@pytest.fixture(scope="module")
def slow_clients(path):
    with concurrent.futures.ThreadPoolExecutor(len(SLOW_CLIENTS)) as pool:
        yield {name: pool.submit(attack, path) for name, attack in SLOW_CLIENTS.items()}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.attack(7, name)) for name in SLOW_CLIENTS])
def test_a_slow_client_is_ended(path, slow_clients, seen, name):
    assert path.ask(OPEN).status == 200
    assert SLOW - 2 < slow_clients[name].result() < DEADLINE - 5
    seen(f"ended after {SLOW} s")


# ---- What is often

OF_A_SIDECAR = 256


def led_on(path):
    """How many connections a sidecar has to its gateway."""
    gateway = f":{path.gateway_port:04X}"
    sockets = {os.readlink(f"/proc/{path.sidecar.pid}/fd/{name}") for name in os.listdir(f"/proc/{path.sidecar.pid}/fd")}
    lines = [line.split() for line in pathlib.Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return sum(line[2].endswith(gateway) and line[3] == "01" and f"socket:[{line[9]}]" in sockets for line in lines)


@pytest.mark.attack(7, "600 connections of one sandbox, kept open")
def test_connections_of_one_sandbox_end_at_its_sidecar(path, tmp_path, seen):
    """Another sandbox of the gateway, which has a sidecar of its own, is served."""
    connections = [socket.create_connection(("127.0.0.1", path.sidecar_port), timeout=DEADLINE) for _ in range(600)]
    try:
        egress_path.wait_for("the sidecar to lead on what it takes", lambda: led_on(path) >= OF_A_SIDECAR - 8)
        assert led_on(path) <= OF_A_SIDECAR
        files = tmp_path / "client.crt", tmp_path / "client.key"
        path.identity.issue(*files, f"URI:spiffe://stockade.local/ns/team-a/profile/{path.hash}/sandbox/other/uid-2")
        context = ssl.create_default_context(cafile=path.identity.certificate)
        context.load_cert_chain(*files)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", path.gateway_port), timeout=DEADLINE),
                                 server_hostname=path.server_name) as tls:
            tls.sendall(f"CONNECT {OPEN} HTTP/1.1\r\nHost: {OPEN}\r\n\r\n".encode())
            assert read_head(tls)[0] == 200
    finally:
        for connection in connections:
            connection.close()
    egress_path.wait_for("the first sandbox to be served again", lambda: served(path))
    seen("its sidecar takes 256, and another sandbox is served")


def served(path):
    try:
        return path.ask(OPEN).status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def limited(dns, outside, public_authority, tmp_path_factory):
    """A path whose gateway takes ten requests and CONNECTs a second, and twenty at once."""
    running = egress_path.EgressPath(
        conftest.HERE / "small.yaml", tmp_path_factory.mktemp("limited"), (3130, 15445),
        public_authority.certificate, secrets={"key": {"api-key": conftest.SECRET}},
        facts={"maxRequestsPerSecond": 10})
    yield running
    running.close()


def open_within_limit(path, authority):
    """A connection through the path, as soon as its CONNECTs are not too many."""
    def opened():
        with contextlib.suppress(AssertionError):
            return path.open(authority)

    return egress_path.wait_for("a CONNECT within the limit", opened)


def flood(connection, request, count):
    """The statuses of so many requests on one connection, which ends with them."""
    answers = []
    with connection as tls:
        for _ in range(count):
            tls.sendall(request)
            answers.append(read_answer(tls)[0])
    return answers


@pytest.mark.attack(7, "more requests than the gateway's limit for a second, on one connection")
def test_requests_beyond_the_limit(limited, seen):
    request = b"GET /v1/often HTTP/1.1\r\nHost: api.example.test\r\n\r\n"
    answers = flood(open_within_limit(limited, API), request, 60)
    assert set(answers) == {200, 429} and answers.count(429) >= 20, answers
    seen("429 within TLS for those beyond")


@pytest.fixture(scope="module")
def neighbour(limited, tmp_path_factory):
    running = egress_path.Neighbour(limited, tmp_path_factory.mktemp("neighbour"), 3131)
    yield running
    running.close()


@pytest.mark.attack(7, "the same while another sandbox shares the gateway")
def test_a_neighbour_is_served(limited, neighbour, seen):
    """What is refused for another reason counts as well, at CONNECT and within TLS."""
    refused, allowed = (b"GET %s HTTP/1.1\r\nHost: api.example.test\r\n\r\n" % path for path in (b"/v2", b"/v1"))
    for _ in range(3):
        assert 429 in flood(open_within_limit(limited, API), refused, 60)
        assert flood(neighbour.open(API), allowed, 5) == [200] * 5
        while limited.connect("another.example.test:443")[0] != 429:
            pass
        assert neighbour.connect(OPEN)[0] == 200
    seen("the other one is served")


@pytest.mark.attack(7, "more CONNECTs than the gateway's limit for a second")
def test_refusals_beyond_the_limit(limited, seen):
    answers = [limited.connect("flood.example.test:443")[0] for _ in range(200)]
    assert answers.count(429) >= 100 and set(answers) <= {403, 429}, answers
    egress_path.wait_for("the way out to be open again", lambda: served(limited))
    lines = [line for line in limited.gateway.lines() if line["host"] == "flood.example.test:443"]
    assert len([line for line in lines if line["status"] == 403]) == answers.count(403)
    assert len(lines) < answers.count(403) + answers.count(429) / 5
    seen("429 at CONNECT for those beyond, of which few have a line")
