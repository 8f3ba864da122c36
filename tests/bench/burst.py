"""Bursts: many sandboxes created at once through a real API server, which asks the webhook about each.

The API server keeps at most a few connections to a webhook that speaks HTTP/1.1, so that most reviews of a burst come
over new ones, with a TLS handshake each.
"""

import contextlib
import http.client
import json
import pathlib
import subprocess
import threading
import time

from api_server import ApiServer, Connection, in_threads
from environment import ROOT, api_server, say
from measure import BenchError, percentile
from review import admission_review, agent_sandbox
from servers import Server, baseline_webhook, our_webhook
from stockade import Stockade, make_certificates

CONCURRENT = 200
ADDRESS = "0.0.0.0"
NAMESPACE = "bench-burst"
COLLECTION = f"/apis/stockade.dev/v1alpha1/namespaces/{NAMESPACE}/agentsandboxes"
WEBHOOK = "stockade"


class Burst:
    """Bursts against one webhook: how long the creates took, and how many failed."""

    def __init__(self, label: str):
        self.label = label
        self.milliseconds: list[float] = []
        self.failed = 0

    def run(self, api: ApiServer, number: int) -> None:
        names = [f"{self.label}-{number}-{index}" for index in range(CONCURRENT)]
        connections = [api.connect() for _ in names]
        barrier = threading.Barrier(CONCURRENT)
        in_threads(connections, lambda connection: self._create(connection, barrier, names.pop()))

    def _create(self, connection: Connection, barrier: threading.Barrier, name: str) -> None:
        body = json.dumps(agent_sandbox(name)).encode()
        barrier.wait()
        begin = time.monotonic()
        try:
            status, _ = connection.request("POST", COLLECTION, body)
        except (OSError, http.client.HTTPException):
            status = 0
        if status == 201:
            self.milliseconds.append(1000 * (time.monotonic() - begin))
        else:
            self.failed += 1

    def results(self, prefix: str) -> dict[str, float]:
        times = self.milliseconds or [float("inf")]
        return {
            f"{prefix}burst_p50_ms": percentile(times, 50),
            f"{prefix}burst_p99_ms": percentile(times, 99),
            f"{prefix}burst_failed": self.failed,
        }


def bench_burst(stockade: Stockade, baseline: pathlib.Path | None, bursts: int) -> dict[str, float]:
    """Bursts against each webhook in turn, and against none: what the API server itself takes for them."""
    api = api_server(stockade)
    stockade.cluster.must("create", "namespace", NAMESPACE)
    # The webhooks that are started from now on have it.
    command = [str(ROOT / "hack" / "make-certificates"), str(make_certificates(stockade.directory)), "--host", ADDRESS]
    subprocess.run(command, check=True)
    series = {"": Burst("stockade"), "go_": Burst("baseline"), "none_": Burst("none")}
    if not baseline:
        del series["go_"]
    for number in range(bursts):
        say(f"Burst {number + 1} of {bursts}: {CONCURRENT} concurrent creates with each webhook, and with none")
        for key, burst in series.items():
            with contextlib.ExitStack() as stack:
                if key == "none_":
                    stockade.uninstall_webhook()
                else:
                    directory = stockade.directory
                    running = baseline_webhook(directory, [], baseline) if key else our_webhook(stockade, [])
                    server = stack.enter_context(running)
                    _warm_up(server)
                    _register(stockade, server)
                _wait_until_asked(api)
                burst.run(api, number)
    results: dict[str, float] = {}
    for key, burst in series.items():
        results |= burst.results(key)
    return results


def _warm_up(server: Server) -> None:
    """So that a program is not measured while it is still being read from the disk."""
    review = admission_review()
    for _ in range(100):
        server.review(review)


def _register(stockade: Stockade, server: Server) -> None:
    """Makes the chart's registration name this webhook. The API server speaks HTTP/2 with a webhook at a loopback
    address or at "localhost", and HTTP/1.1 with every other one, so that a Service spreads the reviews over its pods
    (kubernetes/kubernetes#75791). This address leads here as well, and is no loopback address to it, so that it treats
    this webhook like those that are installed."""
    stockade.install_webhook()
    url = server.url.replace("//127.0.0.1:", f"//{ADDRESS}:")
    patch = [{"op": "replace", "path": "/webhooks/0/clientConfig/url", "value": url}]
    stockade.cluster.must(
        "patch", "validatingwebhookconfiguration", WEBHOOK, "--type", "json", "-p", json.dumps(patch)
    )


def _wait_until_asked(api: ApiServer, timeout: float = 30) -> None:
    """Waits until the API server takes a sandbox again. As long as it asks the webhook before, which is gone, or the
    one that the chart names, which never was, it takes none."""
    body = json.dumps(agent_sandbox("probe")).encode()
    deadline = time.monotonic() + timeout
    connection = api.connect()
    with contextlib.closing(connection):
        while True:
            status, answer = connection.request("POST", f"{COLLECTION}?dryRun=All", body)
            if status == 201:
                return
            if time.monotonic() > deadline:
                raise BenchError(f"the API server does not get an answer from the webhook: {status} {answer[:500]!r}")
            time.sleep(0.05)
