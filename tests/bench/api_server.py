"""A small client of the API server: cheap enough that it takes little from what it measures on the same machine."""

import base64
import http.client
import itertools
import json
import pathlib
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import yaml

from measure import BenchError

TIMEOUT = 60


class Connection:
    """One connection that is kept alive. For one thread at a time."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext):
        self._http = http.client.HTTPSConnection(host, port, context=context, timeout=TIMEOUT)
        self._http.connect()

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        self.send(method, path, body)
        return self.answer()

    def send(self, method: str, path: str, body: bytes | None = None) -> None:
        self._http.request(method, path, body, {"Content-Type": "application/json"} if body else {})

    def answer(self) -> tuple[int, bytes]:
        response = self._http.getresponse()
        return response.status, response.read()

    def stream(self, path: str) -> http.client.HTTPResponse:
        """An answer that may take its time to go on."""
        self._http.sock.settimeout(None)
        self._http.request("GET", path)
        return self._http.getresponse()

    def close(self) -> None:
        self._http.close()


class ApiServer:
    """How to reach an API server with the client certificate of a kubeconfig. Safe to share between threads."""

    def __init__(self, kubeconfig: pathlib.Path, directory: pathlib.Path):
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        url = urllib.parse.urlsplit(cluster["server"])
        self._host, self._port = url.hostname, url.port
        pem = directory / "client.pem"
        pem.touch(mode=0o600)
        pem.write_bytes(
            base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
        )
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        self._context.load_cert_chain(pem)

    def connect(self) -> Connection:
        return Connection(self._host, self._port, self._context)

    def list_version(self, path: str) -> str:
        """The resourceVersion from which a watch of this collection misses nothing that comes later."""
        connection = self.connect()
        status, body = connection.request("GET", f"{path}{'&' if '?' in path else '?'}limit=1")
        connection.close()
        if status != 200:
            raise BenchError(f"GET {path}: {status} {body[:500].decode(errors='replace')}")
        return json.loads(body)["metadata"]["resourceVersion"]


class ReadyWatch:
    """Notes when each object of a collection is first seen with the condition Ready, in a thread of its own."""

    def __init__(self, api: ApiServer, path: str):
        self._api = api
        self._path = path
        self._version = api.list_version(path)
        self._changed = threading.Condition()
        self._ready: dict[str, float] = {}
        self._failure = ""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> "ReadyWatch":
        return self

    def __exit__(self, *_) -> None:
        # The thread ends at the next event or when the process does; nothing waits for it.
        self._stopping = True

    def wait(self, keys: set[str], timeout: float, check: Callable[[], None]) -> None:
        """Waits until all keys (NAMESPACE/NAME) were Ready, or until so long nothing more became Ready.

        `check` is called now and then, and raises when there is no more sense in waiting.
        """
        with self._changed:
            missing = keys - self._ready.keys()
            deadline = time.monotonic() + timeout
            while missing:
                check()
                if self._failure:
                    raise BenchError(self._failure)
                if time.monotonic() > deadline:
                    raise BenchError(f"{len(missing)} of {len(keys)} are not Ready, among them {min(missing)}")
                self._changed.wait(1)
                still = keys - self._ready.keys()
                if len(still) < len(missing):
                    deadline = time.monotonic() + timeout
                missing = still

    def ready_at(self, key: str) -> float:
        """On the monotonic clock, in seconds."""
        return self._ready[key]

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._watch_once()
        except (OSError, http.client.HTTPException, BenchError, ValueError) as error:
            with self._changed:
                self._failure = f"the watch of {self._path} failed: {error!r}"
                self._changed.notify_all()

    def _watch_once(self) -> None:
        query = f"watch=1&allowWatchBookmarks=true&timeoutSeconds=3000&resourceVersion={self._version}"
        connection = self._api.connect()
        response = connection.stream(f"{self._path}{'&' if '?' in self._path else '?'}{query}")
        if response.status != 200:
            raise BenchError(f"{response.status} {response.read()[:500]!r}")
        rest = b""
        # On a busy machine the API server ends slow watches; the next one goes on where this one was.
        while not self._stopping and (data := response.read1(1 << 16)):
            now = time.monotonic()
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._see(json.loads(line), now)
        connection.close()

    def _see(self, event: Mapping, now: float) -> None:
        target = event["object"]
        if event["type"] == "ERROR":
            raise BenchError(f"{target.get('code')} {target.get('message')}")
        metadata = target["metadata"]
        self._version = metadata["resourceVersion"]
        if event["type"] not in ("ADDED", "MODIFIED"):
            return
        key = f"{metadata['namespace']}/{metadata['name']}"
        if key in self._ready:
            return
        conditions = target.get("status", {}).get("conditions", ())
        if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            with self._changed:
                self._ready[key] = now
                self._changed.notify_all()


def in_threads(connections: Sequence[Connection], work: Callable[[Connection], None]) -> None:
    """Runs `work` with all of the connections at once, in a thread for each, and closes them afterwards."""
    threads = [threading.Thread(target=work, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in connections:
        connection.close()


class Creation(NamedTuple):
    """One request to create an object."""

    key: str
    path: str
    body: bytes


def create_at_rate(
    api: ApiServer, creations: Sequence[Creation], rate: float, threads: int = 32
) -> dict[str, float]:
    """Creates the objects, `rate` of them a second whatever the answers take, and says when each request began."""
    started: dict[str, float] = {}
    failures: list[str] = []
    numbers = itertools.count()
    connections = [api.connect() for _ in range(min(threads, len(creations)))]
    begin = time.monotonic() + 0.1

    def work(connection: Connection) -> None:
        while (number := next(numbers)) < len(creations) and not failures:
            creation = creations[number]
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            started[creation.key] = time.monotonic()
            try:
                status, answer = connection.request("POST", creation.path, creation.body)
            except (OSError, http.client.HTTPException) as error:
                failures.append(f"creating {creation.key}: {error!r}")
                return
            if status != 201:
                failures.append(f"creating {creation.key}: {status} {answer[:1000].decode(errors='replace')}")

    in_threads(connections, work)
    if failures:
        raise BenchError(failures[0])
    return started


def rate_of(started: Mapping[str, float]) -> float:
    """Creations a second that were really begun."""
    times = sorted(started.values())
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
