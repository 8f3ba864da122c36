"""An HTTP proxy in front of a real API server that plays faults, for the operator under test.

The operator speaks plain HTTP to it; it speaks TLS to the API server, with the client certificate of a kubeconfig.
Every connection of the operator has one of its own to the API server, so that cutting one cuts the other.
"""

import asyncio
import base64
import contextlib
import dataclasses
import json
import pathlib
import ssl
import threading
import urllib.parse

import yaml


@dataclasses.dataclass(frozen=True)
class Request:
    """One request of the operator."""

    method: str
    path: str  # without the query
    query: dict

    @property
    def is_watch(self):
        return "watch" in self.query

    @property
    def is_list(self):
        """A watch that begins with a list of what there is."""
        return self.query.get("sendInitialEvents") == "true"

    @property
    def is_write(self):
        """A write that counts: those of the Lease are nobody's business here."""
        return self.method != "GET" and "/leases" not in self.path

    @property
    def resource(self):
        """The plural name of the resource: "pods", "agentsandboxes"."""
        parts = self.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        if parts[:1] == ["namespaces"] and len(parts) > 2:
            parts = parts[2:]
        return parts[0] if parts else ""


def status_object(code, reason, message="a fault that a test asked for"):
    return {
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message
    }  # fmt: skip


def encode_answer(code, reason, headers=()):
    body = json.dumps(status_object(code, reason)).encode()
    lines = [f"HTTP/1.1 {code} {reason}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


WATCH_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


class Exchange:
    """One request under way, as a fault sees it."""

    def __init__(self, request, raw, proxy, writer):
        self.request = request
        self.raw = raw
        self.proxy = proxy
        self.writer = writer
        self.upstream = None

    async def begin(self):
        """Sends the request to the API server and returns the reader of its answer, and the answer's head."""
        reader, self.upstream = await self.proxy.connect()
        self.upstream.write(self.raw)
        await self.upstream.drain()
        return reader, await reader.readuntil(b"\r\n\r\n")

    async def forward(self):
        """Sends the request to the API server and returns its whole answer: by then a write is committed."""
        reader, head = await self.begin()
        return head + await read_body(reader, head)

    async def answer(self, data):
        await self.proxy.until_passable()
        self.writer.write(data)
        await self.writer.drain()


def headers_of(head):
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def is_chunked(head):
    return headers_of(head).get("transfer-encoding", "").lower() == "chunked"


LAST_CHUNK = b"0\r\n\r\n"


def encode_chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def read_chunk(reader):
    """One chunk as it came, with its size and its end."""
    line = await reader.readuntil(b"\r\n")
    return line + await reader.readexactly(int(line.split(b";")[0], 16) + 2)


async def read_body(reader, head):
    if is_chunked(head):
        body = chunk = b""
        while chunk != LAST_CHUNK:
            chunk = await read_chunk(reader)
            body += chunk
        return body
    return await reader.readexactly(int(headers_of(head).get("content-length", "0")))


# What may happen to a request. Each is a coroutine that takes the exchange and says whether the connection lives on.


async def relay(exchange):
    """What happens without a fault."""
    await exchange.answer(await exchange.forward())
    return True


async def relay_watch(exchange):
    """What happens to a watch without a fault: it is passed on for as long as both sides want it."""
    reader, head = await exchange.begin()
    await exchange.answer(head)
    if not is_chunked(head):
        await exchange.answer(await read_body(reader, head))
        return True
    chunk = None
    while chunk != LAST_CHUNK:
        chunk = await read_chunk(reader)
        await exchange.answer(chunk)
    return True


def refuse(code, reason, headers=()):
    """The API server refuses, and nothing is done."""

    async def play(exchange):
        await exchange.answer(encode_answer(code, reason, headers))
        return True

    return play


def fail_after_commit(code=500, reason="InternalError"):
    """The API server does what was asked, and answers that it failed."""

    async def play(exchange):
        await exchange.forward()
        await exchange.answer(encode_answer(code, reason))
        return True

    return play


def cut_before():
    """The connection is cut before the API server sees the request."""

    async def play(exchange):
        return False

    return play


def cut_after_commit(then=None):
    """The API server does what was asked, then `then` is called, and the connection is cut without an answer."""

    async def play(exchange):
        await exchange.forward()
        if then is not None:
            then()
        return False

    return play


def go_on_after_commit(then):
    """The API server does what was asked, then `then` is called, and the answer is passed on."""

    async def play(exchange):
        answer = await exchange.forward()
        then()
        await exchange.answer(answer)
        return True

    return play


def cut_within_an_event():
    """A watch that is cut in the middle of its first event."""

    async def play(exchange):
        reader, head = await exchange.begin()
        await exchange.answer(head)
        data = await reader.read(65536)
        await exchange.answer(data[: len(data) // 2])
        return False

    return play


def gone_within_the_watch():
    """A watch whose first event says that its resourceVersion is too old."""

    async def play(exchange):
        event = json.dumps({"type": "ERROR", "object": status_object(410, "Expired")}).encode() + b"\n"
        await exchange.answer(WATCH_HEAD + encode_chunk(event) + LAST_CHUNK)
        return True

    return play


class Uneventful:
    """Watches that bring nothing, though much may happen, until they are released: then they end. With bookmarks, which
    say that nothing has happened, or in silence."""

    def __init__(self, bookmarks):
        self._bookmarks = bookmarks
        self._released = threading.Event()

    def release(self):
        self._released.set()

    async def __call__(self, exchange):
        metadata = {"resourceVersion": exchange.request.query["resourceVersion"]}
        bookmark = json.dumps({"type": "BOOKMARK", "object": {"metadata": metadata}}).encode() + b"\n"
        await exchange.answer(WATCH_HEAD)
        while not self._released.is_set():
            if self._bookmarks:
                await exchange.answer(encode_chunk(bookmark))
            await asyncio.sleep(0.05)
        await exchange.answer(LAST_CHUNK)
        return True


class RepeatedEvents:
    """A watch that sends events again: each one at once, or after each one the first of them. `sent` counts these."""

    def __init__(self, stale):
        self._stale = stale
        self.sent = 0

    async def __call__(self, exchange):
        reader, head = await exchange.begin()
        if not is_chunked(head):
            await exchange.answer(head + await read_body(reader, head))
            return True
        await exchange.answer(head)
        rest, first = b"", None
        while (chunk := await read_chunk(reader)) != LAST_CHUNK:
            *lines, rest = (rest + chunk.split(b"\r\n", 1)[1][:-2]).split(b"\n")
            for line in lines:
                await exchange.answer(encode_chunk(line + b"\n"))
                if json.loads(line)["type"] == "BOOKMARK":
                    continue
                again = first if self._stale else line
                first = first or line
                if again is not None:
                    self.sent += 1
                    await exchange.answer(encode_chunk(again + b"\n"))
        await exchange.answer(LAST_CHUNK)
        return True


@dataclasses.dataclass
class Fault:
    """Plays for the next `times` requests that match."""

    matches: object  # a function from a Request to bool
    play: object
    times: int = 1
    played: int = 0


class FaultProxy:
    """Runs in a thread of its own while the context lasts. Methods are for the test's thread, but for coroutines, which
    are for the proxy's own."""

    def __init__(self, kubeconfig):
        config = yaml.safe_load(pathlib.Path(kubeconfig).read_text())
        server = urllib.parse.urlparse(config["clusters"][0]["cluster"]["server"])
        self.host, self.upstream_port = server.hostname, server.port
        self.context = self._context(config)
        self.port = None
        self.requests = []
        self._faults = []
        self._chance = None
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        # Of the loop's thread.
        self._server = None
        self._connections = {}  # each one's task, and its writer
        self._passable = asyncio.Event()
        self._passable.set()

    @staticmethod
    def _context(config):
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]

        def pem(entry, key):
            if f"{key}-data" in entry:
                return base64.b64decode(entry[f"{key}-data"]).decode()
            return pathlib.Path(entry[key]).read_text()

        context = ssl.create_default_context(cadata=pem(cluster, "certificate-authority"))
        # Only a file will do for the client's certificate.
        pair = pathlib.Path("/dev/shm") / f"fault-proxy-{threading.get_ident()}.pem"
        pair.touch(mode=0o600)
        try:
            pair.write_text(pem(user, "client-certificate") + pem(user, "client-key"))
            context.load_cert_chain(pair)
        finally:
            pair.unlink()
        return context

    def __enter__(self):
        started = threading.Event()

        async def serve():
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
            self.port = self._server.sockets[0].getsockname()[1]
            started.set()

        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(serve(), self._loop)
        assert started.wait(10)
        return self

    def __exit__(self, *_):
        async def cancel_all():
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def write_kubeconfig(self, path):
        """A kubeconfig for the operator: no credentials, since the proxy has them."""
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "proxy", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        }  # fmt: skip
        pathlib.Path(path).write_text(yaml.safe_dump(config))

    def add(self, fault):
        with self._lock:
            self._faults.append(fault)
        return fault

    def set_chance(self, chance):
        """`chance(request)` gives what to play for a request that no fault matches, or None."""
        with self._lock:
            self._chance = chance

    def clear(self):
        with self._lock:
            self._faults.clear()
            self._chance = None
            self.requests.clear()

    def cut_connections(self):
        """Every connection breaks now; new ones are served."""
        self._loop.call_soon_threadsafe(self._abort_all)

    def refuse_connections(self):
        """Every connection breaks now, and from here on nobody listens."""
        self._loop.call_soon_threadsafe(self._server.close)
        self.cut_connections()

    def fall_silent(self):
        """From here on nothing passes in either direction, though connections are open and new ones are taken."""
        self._loop.call_soon_threadsafe(self._passable.clear)

    def _abort_all(self):
        for task, writer in self._connections.items():
            writer.transport.abort()
            task.cancel()

    async def until_passable(self):
        await self._passable.wait()

    def _choose(self, request):
        with self._lock:
            self.requests.append(request)
            for fault in self._faults:
                if fault.played < fault.times and fault.matches(request):
                    fault.played += 1
                    return fault.play
            return self._chance(request) if self._chance else None

    async def connect(self):
        return await asyncio.open_connection(self.host, self.upstream_port, ssl=self.context, limit=1 << 24)

    async def _serve(self, reader, writer):
        self._connections[asyncio.current_task()] = writer
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, OSError):
                while await self._serve_request(reader, writer):
                    pass
        finally:
            del self._connections[asyncio.current_task()]
            writer.close()

    async def _serve_request(self, reader, writer):
        """Says whether the connection lives on."""
        head = await reader.readuntil(b"\r\n\r\n")
        raw = head + await read_body(reader, head)
        await self.until_passable()
        method, target = head.split(b" ", 2)[:2]
        url = urllib.parse.urlsplit(target.decode())
        request = Request(method.decode(), url.path, dict(urllib.parse.parse_qsl(url.query)))
        exchange = Exchange(request, raw, self, writer)
        play = self._choose(request) or (relay_watch if request.is_watch else relay)
        try:
            return await play(exchange)
        finally:
            if exchange.upstream is not None:
                exchange.upstream.close()
