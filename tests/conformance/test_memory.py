"""Point 7: what one sandbox can use up of what its gateway has for all: memory, requests under way, names. The gateway's
heap is bounded by its configuration (GatewayFacts), so what has to be seen is that another sandbox is served meanwhile."""

import collections
import concurrent.futures
import contextlib
import re
import threading
import time

import conftest
import egress_path
import http2
import pytest
import test_models
from http2 import END_HEADERS, END_STREAM, block, frame, request

OPEN, NAME = "open.example.test:443", "open.example.test"
HEAP_MIB = 256
STREAMS = 16  # of one connection at once
BIG = b"x" * (8 << 20)


def resident_mib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) // 1024


@pytest.fixture
def shared(dns, outside, public_authority, tmp_path):
    """A path of its own, which these attacks may leave in any state."""
    outside.responses["/big"] = (200, {}, BIG)
    (tmp_path / "path").mkdir()
    running = egress_path.EgressPath(
        conftest.HERE / "flooded.yaml", tmp_path / "path", (3160, 15480), public_authority.certificate)
    yield running
    running.close()


@contextlib.contextmanager
def neighbour_of(path, directory, port):
    (directory / "neighbour").mkdir()
    running = egress_path.Neighbour(path, directory / "neighbour", port)
    yield running
    running.close()


def stays_served(path, ask):
    """Another sandbox is served for some seconds, and the gateway stays within its heap."""
    for _ in range(8):
        answer = ask()
        assert answer.status == 200, (answer, path.gateway.errors()[-500:])
        assert resident_mib(path.gateway) < HEAP_MIB
        time.sleep(0.5)


@pytest.mark.attack(7, "496 large answers over 31 HTTP/2 connections of one sandbox, none of them read")
def test_answers_that_nobody_reads_over_http2(shared, tmp_path, seen):
    asked = b"".join(frame(http2.HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, block(request(NAME, "/big")))
                     for n in range(STREAMS))
    with contextlib.ExitStack() as stack:
        neighbour = stack.enter_context(neighbour_of(shared, tmp_path, 3161))
        for _ in range(31):
            tls = stack.enter_context(shared.open(OPEN, protocols=["h2"]))
            http2.Connection(tls).send(asked)
        stays_served(shared, lambda: neighbour.ask(OPEN, path="/x"))
    seen("another sandbox is served")


@pytest.mark.attack(7, "200 large answers over HTTP/1.1, none of them read")
def test_answers_that_nobody_reads(shared, tmp_path, seen):
    with contextlib.ExitStack() as stack:
        neighbour = stack.enter_context(neighbour_of(shared, tmp_path, 3162))
        for _ in range(200):
            tls = stack.enter_context(shared.open(OPEN))
            tls.sendall(f"GET /big HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
        stays_served(shared, lambda: neighbour.ask(OPEN, path="/x"))
    seen("another sandbox is served")


# ---- What is counted for all

@pytest.mark.parametrize("host", [
    pytest.param(host, id=version, marks=pytest.mark.attack(
        7, f"1280 unfinished requests of one sandbox, at a host of {version}"))
    for version, host in {"HTTP/1.1": NAME, "HTTP/2": "two.example.test"}.items()])
def test_requests_that_never_end(shared, tmp_path, seen, host):
    """More than Envoy lets a host have of its own accord."""
    unfinished = b"".join(
        frame(http2.HEADERS, END_HEADERS, 2 * n + 1, block(request(host, "/x", "POST", [("content-length", "10")])))
        for n in range(STREAMS))
    authority = f"{host}:443"
    with contextlib.ExitStack() as stack:
        neighbour = stack.enter_context(neighbour_of(shared, tmp_path, 3165))
        for _ in range(80):
            tls = stack.enter_context(shared.open(authority, protocols=["h2"]))
            http2.Connection(tls).send(unfinished)
        stays_served(shared, lambda: neighbour.ask(authority, path="/x"))
    seen("another sandbox is served")


@pytest.mark.attack(7, "1200 names below a wildcard that nobody has")
def test_names_that_nobody_has(shared, tmp_path, seen):
    """Each would be a cluster of its own."""
    def ask(number):
        with contextlib.suppress(OSError):
            answer = shared.ask(f"n{number}.wild.example.test:443")
            return answer.status if answer.connect == 200 else answer.connect
        return None

    with neighbour_of(shared, tmp_path, 3166) as neighbour:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            counts = collections.Counter(pool.map(ask, range(1200)))
        # Of those that are led on none is found.
        assert counts[429] > 0 and counts[403] + counts[503] >= 100 and counts[200] == 0, counts
        stays_served(shared, lambda: neighbour.ask("a.wild.example.test:443", path="/x"))
    seen("429 at CONNECT beyond its limit, and another sandbox is served")


# ---- Bodies that are held until they can be signed

@pytest.fixture
def signing(dns, outside, public_authority, tmp_path):
    (tmp_path / "path").mkdir()
    running = egress_path.EgressPath(
        conftest.HERE / "bedrock.yaml", tmp_path / "path", (3163, 15483), public_authority.certificate,
        derived={"stockade-model": {"aws": test_models.credentials_file("AKIAFIRST")},
                 "queue": {"aws": test_models.credentials_file("AKIAQUEUE")}})
    yield running
    running.close()


def post(path, length, body):
    """A connection with a prompt that does not end, and what is answered; None where the gateway just waits."""
    host = test_models.BEDROCK.rsplit(":", 1)[0]
    tls = path.open(test_models.BEDROCK)
    tls.settimeout(2)
    try:
        tls.sendall(f"POST {test_models.MODEL} HTTP/1.1\r\nHost: {host}\r\n{length}\r\n\r\n".encode() + body)
        return tls, egress_path.read_head(tls)[0]
    except OSError:
        return tls, None


@pytest.mark.parametrize("length, body", [
    pytest.param(length, body, id=tried, marks=pytest.mark.attack(7, f"signed hosts: 60 unfinished bodies, {tried}"))
    for tried, length, body in [
        ("whose length is told", "Content-Length: 8000000", b"x" * 7_900_000),
        ("whose length is not told", "Transfer-Encoding: chunked", b"7a1200\r\n" + b"x" * 7_900_000),
        ("too small to be counted", "Content-Length: 250000", b"x" * 240_000),
    ]])
def test_bodies_that_never_end(signing, outside, tmp_path, seen, length, body):
    before, answers, held = len(outside.requests), [], []

    def attack():
        for _ in range(10):
            with contextlib.suppress(AssertionError, OSError):
                tls, status = post(signing, length, body)
                held.append(tls)
                answers.append(status)

    with neighbour_of(signing, tmp_path, 3164) as neighbour:
        threads = [threading.Thread(target=attack) for _ in range(6)]
        for thread in threads:
            thread.start()
        stays_served(signing, lambda: neighbour.ask(test_models.BEDROCK, method="POST", path=test_models.MODEL,
                                                    body=b"{}"))
        for thread in threads:
            thread.join()
        assert resident_mib(signing.gateway) < HEAP_MIB
    for tls in held:
        tls.close()
    assert {200, 429, None} >= set(answers) and len(outside.requests) > before
    if "250000" not in length:
        assert answers.count(429) >= 30, answers
    seen("429 but for a few, and another sandbox is served" if 429 in answers
         else "another sandbox is served")


@pytest.mark.attack(7, "signed hosts: a body of 9 MB")
def test_a_body_that_is_too_large(signing, outside, seen):
    before = len(outside.requests)
    answer = signing.ask(test_models.BEDROCK, method="POST", path=test_models.MODEL, body=b"x" * (9 << 20))
    assert answer.status == 413 and len(outside.requests) == before, answer
    seen("413 within TLS")
