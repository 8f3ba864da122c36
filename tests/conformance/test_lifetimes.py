"""Points 8 to 11: streams, and what changes or goes away while requests are under way."""

import contextlib
import pathlib
import ssl
import threading
import time

import certificates
import conftest
import egress_path
import hosts
import pytest
from egress_path import Load, read_head, wait_for

API, OPEN = "api.example.test:443", "open.example.test:443"
PORTS = (3129, 15444)


@pytest.fixture(scope="module")
def own(dns, outside, public_authority, tmp_path_factory):
    """A path of its own, for what would disturb others."""
    running = egress_path.EgressPath(
        conftest.HERE / "small.yaml", tmp_path_factory.mktemp("own"), PORTS, public_authority.certificate,
        secrets={"key": {"api-key": conftest.SECRET}})
    yield running
    running.close()


@contextlib.contextmanager
def stream(path, outside, name, authority=API):
    """A response whose pieces the host sends when the test says so: (the client's socket, a function that sends)."""
    queue = outside.streams[name] = hosts.Stream()
    with path.open(authority) as tls:
        tls.sendall(f"GET {name} HTTP/1.1\r\nHost: {authority.split(':')[0]}\r\n\r\n".encode())
        queue.send(b"data: first\n\n")
        status, _, rest = read_head(tls)
        assert status == 200
        while b"first" not in rest:
            rest += tls.recv(65536)
        try:
            yield tls, queue.send
        finally:
            queue.end()


def receive(tls, text):
    got = b""
    while text not in got:
        more = tls.recv(65536)
        assert more, "the stream ended"
        got += more


# ---- Point 8

@pytest.mark.attack(8, "each event of a stream is read before the next is sent")
def test_events_pass_as_they_come(path, outside, seen):
    with stream(path, outside, "/v1/events") as (tls, send):
        for number in range(20):
            send(f"data: {number}\n\n".encode())
            receive(tls, f"data: {number}\n".encode())
    seen("20 events, each on its own")


@pytest.mark.attack(8, "a stream that is silent for 20 s, longer than Envoy's own limit of 15 s for a route")
def test_a_silent_stream_is_not_cut(path, outside, seen):
    with stream(path, outside, "/v1/silent") as (tls, send):
        time.sleep(20)  # the silence is what is tested
        send(b"data: last\n\n")
        receive(tls, b"last")
    seen("it goes on")


@pytest.mark.attack(8, "a response of 64 MB")
def test_a_long_response_is_complete(path, outside, seen):
    piece, pieces = b"x" * (1 << 20), 64
    received = 0
    with stream(path, outside, "/v1/long") as (tls, send):
        sender = threading.Thread(target=lambda: [send(piece) for _ in range(pieces)])
        sender.start()
        while received < pieces * len(piece):
            received += len(tls.recv(1 << 20))
        sender.join()
    seen("all of it")


@pytest.mark.attack(8, "a request of 16 MB")
def test_a_long_request_is_complete(path, seen):
    answer = path.ask("open.example.test:443", method="POST", body=b"x" * (16 << 20))
    assert answer.status == 200 and len(answer.body) > 16 << 20
    seen("all of it")


# ---- Points 9 and 10

def load_of(path):
    """Requests for a page with a credential, each on a new connection."""
    def ask():
        answer = path.ask(API, path="/v1/load")
        if answer.status != 200 or len(answer.body) != int(answer.headers["content-length"]):
            return answer.status
        values = [value for value in (conftest.SECRET, "changed") if value in answer.body.decode()]
        return values[0] if values else "no credential"
    return Load(ask)


@pytest.mark.attack(9, "a Secret that changes under 50 requests a second")
def test_a_changed_secret_drops_no_request(own, seen):
    with load_of(own) as load:
        load.wait_for(conftest.SECRET)
        own.gateway_root.mount("/etc/stockade/credentials/key", {"api-key": "changed"})
        load.wait_for("changed")
        own.gateway_root.mount("/etc/stockade/credentials/key", {"api-key": conftest.SECRET})
        load.wait_for(conftest.SECRET)
    assert set(load.answers) == {conftest.SECRET, "changed"}, load.answers
    seen("every request got one value or the other, none failed")


@pytest.mark.attack(10, "identities that are renewed under 50 requests a second and an open stream")
def test_renewed_identities_drop_nothing(own, outside, seen):
    with stream(own, outside, "/v1/renewal") as (tls, send), load_of(own) as load:
        load.wait_for(conftest.SECRET)
        own.identify(own.sidecar_root, f"URI:{own.uri}")
        load.wait_for(conftest.SECRET)
        own.identify(own.gateway_root, f"DNS:{own.server_name}")
        load.wait_for(conftest.SECRET)
        send(b"data: on\n\n")
        receive(tls, b"on")
    assert set(load.answers) == {conftest.SECRET}, load.answers
    seen("no request failed, the stream goes on")


@pytest.mark.attack(10, "an authority that is replaced by overlap, under the same")
def test_a_new_authority_drops_nothing(own, outside, seen):
    """Publish both, sign with the new, drop the old; and at the end the old one opens nothing."""
    old, new = own.identity, certificates.Authority(own.directory / "authorities-2", "identity")
    sides = ((own.sidecar_root, f"URI:{own.uri}"), (own.gateway_root, f"DNS:{own.server_name}"))
    with stream(own, outside, "/v1/overlap") as (tls, send), load_of(own) as load:
        for signs, trusted in ((old, (old, new)), (new, (old, new)), (new, (new,))):
            for root, name in sides:
                own.identify(root, name, signs, trusted)
                load.wait_for(conftest.SECRET)
        send(b"data: on\n\n")
        receive(tls, b"on")
    assert set(load.answers) == {conftest.SECRET}, load.answers
    own.identify(own.sidecar_root, f"URI:{own.uri}", old, (new,))
    wait_for("the old authority's identity to be refused", lambda: status_of(own) is None)
    own.identity = new
    own.identify(own.sidecar_root, f"URI:{own.uri}")
    wait_for("the new identity", lambda: status_of(own) == 200)
    seen("nothing failed, and the old identity is refused")


def status_of(path):
    try:
        return path.connect(OPEN)[0]
    except OSError:
        return None


@pytest.mark.attack(10, "leaves that are renewed by a new interception authority")
def test_renewed_leaves_are_shown(own, seen):
    own.interception, old = certificates.Authority(own.directory / "authorities-3", "interception"), own.interception
    own.make_leaves(own.interception)

    def shown_by(authority):
        try:
            own.open(API, authority.certificate).close()
            return True
        except ssl.SSLError:
            return False
    wait_for("a leaf of the new authority", lambda: shown_by(own.interception))
    assert not shown_by(old)
    assert own.ask(API, path="/v1").status == 200
    seen("new connections get the new leaf")


# ---- Point 11

@pytest.mark.attack(11, "the gateway is killed")
def test_a_lost_gateway_shuts_the_way_out(own, outside, seen):
    with stream(own, outside, "/v1/lost") as (tls, _):
        own.gateway.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            assert tls.recv(65536) == b""
    before = len(outside.requests), len(outside.connections)
    started = time.monotonic()
    assert [status_of(own) for _ in range(20)] == [None] * 20
    assert time.monotonic() - started < 10
    assert (len(outside.requests), len(outside.connections)) == before
    own.start_gateway()
    wait_for("the way out to be open again", lambda: status_of(own) == 200)
    assert own.ask(API, path="/v1").status == 200
    seen("all is cut off at once, nothing reaches a host, it comes back by itself")


@pytest.mark.attack(11, "the gateway is stopped by SIGTERM and started again under 50 requests a second")
def test_a_restart_is_bounded(own, seen):
    """A request fails only if it was under way at some moment between the signal and the first answer of the new one."""
    with load_of(own) as load:
        load.wait_for(conftest.SECRET)
        stopped = time.monotonic()
        own.gateway.terminate()
        own.start_gateway()
        own.wait_until_it_answers()
        answers = time.monotonic()
        load.wait_for(conftest.SECRET, more=100)
    # Cut off before, at or after the head of the answer.
    assert set(load.answers) <= {conftest.SECRET, None, 200}, load.answers
    failed = [(begun, ended) for begun, ended, answer in load.times if answer != conftest.SECRET]
    assert all(ended >= stopped and begun <= answers for begun, ended in failed), (stopped, answers, failed)
    seen("requests fail only in between")


@pytest.mark.attack(11, "a gateway whose certificate has another name")
def test_another_gateway_is_not_trusted(own, seen):
    own.identify(own.gateway_root, "DNS:another.gateway.stockade.internal")
    wait_for("the refusal", lambda: status_of(own) is None)
    own.identify(own.gateway_root, f"DNS:{own.server_name}")
    wait_for("the way out to be open again", lambda: status_of(own) == 200)
    seen("the sidecar refuses it")


def test_both_proxies_run_as_one_process_each(own):
    """No admin, no hot restart, so no child: what is killed is gone."""
    for process in (own.sidecar, own.gateway):
        assert pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text() == ""
