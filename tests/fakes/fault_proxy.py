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


class Exchange:
    """One request under way, as a fault sees it."""

    def __init__(self, request, raw, proxy, writer):
        self.request = request
        self.raw = raw
        self.proxy = proxy
        self.writer = writer
        self.upstream = None

    async def forward(self):
        """Sends the request to the API server and returns its whole answer: by then a write is committed."""
        reader, self.upstream = await self.proxy.connect()
        self.upstream.write(self.raw)
        await self.upstream.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        return head + await read_body(reader, head)

    async def answer(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def close(self):
        for writer in (self.upstream, self.writer):
            if writer is not None:
                writer.close()


def headers_of(head):
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


async def read_body(reader, head):
    headers = headers_of(head)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            body += line + await reader.readexactly(size + 2)
            if size == 0:
                return body
    return await reader.readexactly(int(headers.get("content-length", "0")))


# What may happen to a request. Each is a coroutine that takes the exchange and says whether the connection lives on.


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
        await exchange.close()
        return False

    return play


def cut_after_commit(then=None):
    """The API server does what was asked, then `then` is called, and the connection is cut without an answer."""

    async def play(exchange):
        await exchange.forward()
        if then is not None:
            then()
        await exchange.close()
        return False

    return play


def cut_within_an_event():
    """A watch that is cut in the middle of its first event."""

    async def play(exchange):
        reader, exchange.upstream = await exchange.proxy.connect()
        exchange.upstream.write(exchange.raw)
        await exchange.upstream.drain()
        await exchange.answer(await reader.readuntil(b"\r\n\r\n"))
        data = await reader.read(65536)
        await exchange.answer(data[: len(data) // 2])
        await exchange.close()
        return False

    return play


def gone_within_the_watch():
    """A watch whose first event says that its resourceVersion is too old."""

    async def play(exchange):
        event = json.dumps({"type": "ERROR", "object": status_object(410, "Expired")}).encode() + b"\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        await exchange.answer(head + f"{len(event):x}\r\n".encode() + event + b"\r\n0\r\n\r\n")
        return True

    return play


@dataclasses.dataclass
class Fault:
    """Plays for the next `times` requests that match."""

    matches: object  # a function from a Request to bool
    play: object
    times: int = 1
    played: int = 0


class FaultProxy:
    """Runs in a thread of its own while the context lasts. Methods are for the test's thread."""

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
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
            self.port = server.sockets[0].getsockname()[1]
            started.set()

        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(serve(), self._loop)
        assert started.wait(10)
        return self

    def __exit__(self, *_):
        async def cancel_all():
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()

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
        exchange = None
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, OSError):
            alive = True
            while alive:
                head = await reader.readuntil(b"\r\n\r\n")
                raw = head + await read_body(reader, head)
                method, target = head.split(b" ", 2)[:2]
                url = urllib.parse.urlsplit(target.decode())
                request = Request(method.decode(), url.path, dict(urllib.parse.parse_qsl(url.query)))
                exchange = Exchange(request, raw, self, writer)
                play = self._choose(request)
                if play is not None:
                    alive = await play(exchange)
                elif request.is_watch:
                    alive = await self._relay_watch(exchange)
                else:
                    await exchange.answer(await exchange.forward())
                if exchange.upstream is not None:
                    exchange.upstream.close()
        if exchange is not None:
            await exchange.close()
        writer.close()

    async def _relay_watch(self, exchange):
        """Passes a watch on for as long as both sides want it."""
        reader, exchange.upstream = await self.connect()
        exchange.upstream.write(exchange.raw)
        await exchange.upstream.drain()
        while data := await reader.read(65536):
            await exchange.answer(data)
        return False
