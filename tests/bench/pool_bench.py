"""How long a claim takes to be Ready: on a pool with ready sandboxes, one after another and many at once, and without."""

import dataclasses
import json
import pathlib
import time

from api_server import ApiServer, Connection, ReadyWatch, in_threads
from environment import api_server, installed_cluster, say
from measure import BenchError, percentile
from report import Outcome, Row
from stockade import Stockade, sandbox

NAMESPACE = "bench-pools"
NODES = 10
READY_TIMEOUT = 60
GROUP = "/apis/stockade.dev/v1alpha1"
CLAIMS = f"{GROUP}/namespaces/{NAMESPACE}/agentsandboxclaims"
POOL = f"{GROUP}/namespaces/{NAMESPACE}/agentsandboxpools/warm"
API_VERSION = "stockade.dev/v1alpha1"


@dataclasses.dataclass(frozen=True)
class PoolOptions:
    count: int
    burst: int
    replicas: int

    @property
    def in_store(self) -> int:
        """As many as can be claimed before the pool begins to be filled beside the claims: less than half of it."""
        return max(1, self.replicas * 9 // 20)


class PoolBench:
    """One run. Its methods are the run's steps, in their order."""

    def __init__(self, stockade: Stockade, options: PoolOptions):
        self._stockade = stockade
        self._options = options
        self._api: ApiServer = api_server(stockade)

    def run(self) -> Outcome:
        self._stockade.webhook.start()
        self._stockade.operator.start()
        self._prepare()
        options = self._options
        with ReadyWatch(self._api, CLAIMS) as watch:
            of_pool = {"poolRef": {"name": "warm"}}
            say(f"Claiming {options.in_store} sandboxes of a pool, one after another")
            warm = self._one_after_another("warm", options.in_store, of_pool, watch)
            say(f"Claiming {options.count} more, while the pool is filled again")
            filling = self._one_after_another("filling", options.count, of_pool, watch)
            say(f"Claiming {options.count} sandboxes that are made for them, one after another")
            cold = self._one_after_another("cold", options.count, {"templateRef": {"name": "agents"}}, watch)
            self._wait_full()
            say(f"Claiming {options.burst} sandboxes of a pool at once")
            burst = self._at_once(watch)
        self._check_owners(options.in_store + 2 * options.count + options.burst)
        results = {
            "count": options.count,
            "burst": options.burst,
            "replicas": options.replicas,
            "in_store": options.in_store,
            "warm_p50_ms": percentile(warm, 50),
            "warm_p99_ms": percentile(warm, 99),
            "filling_p50_ms": percentile(filling, 50),
            "filling_p99_ms": percentile(filling, 99),
            "cold_p50_ms": percentile(cold, 50),
            "cold_p99_ms": percentile(cold, 99),
            "burst_p50_ms": percentile(burst, 50),
            "burst_p99_ms": percentile(burst, 99),
        }
        return self._rows(results), results

    def _prepare(self) -> None:
        cluster, options = self._stockade.cluster, self._options
        template = {"template": {"spec": sandbox()["spec"]}}
        pool = {
            "templateRef": {"name": "agents"}, "replicas": options.replicas, "refill": {"maxStarting": 50},
        }  # fmt: skip
        cluster.must("create", "namespace", NAMESPACE)
        for kind, name, spec in (("AgentSandboxTemplate", "agents", template), ("AgentSandboxPool", "warm", pool)):
            obj = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
            cluster.must("create", "-n", NAMESPACE, "-f", "-", input=obj)
        say(f"Filling a pool of {options.replicas}")
        self._wait_full()

    def _wait_full(self) -> None:
        connection = self._api.connect()
        deadline = time.monotonic() + READY_TIMEOUT * 5
        while True:
            _, body = connection.request("GET", POOL)
            if json.loads(body).get("status", {}).get("readyReplicas", 0) >= self._options.replicas:
                break
            if time.monotonic() > deadline:
                raise BenchError(f"the pool is not full; the operator's log: {self._stockade.operator.log_path}")
            time.sleep(0.2)
        connection.close()

    def _create(self, connection: Connection, name: str, source: dict) -> float:
        """Creates a claim; when the request was begun."""
        claim = {"apiVersion": API_VERSION, "kind": "AgentSandboxClaim", "metadata": {"name": name}, "spec": source}
        body = json.dumps(claim).encode()
        begin = time.monotonic()
        status, answer = connection.request("POST", CLAIMS, body)
        if status != 201:
            raise BenchError(f"creating {name}: {status} {answer[:500].decode(errors='replace')}")
        return begin

    def _one_after_another(self, prefix: str, count: int, source: dict, watch: ReadyWatch) -> list[float]:
        connection = self._api.connect()
        times = []
        for number in range(count):
            name = f"{prefix}-{number}"
            begin = self._create(connection, name, source)
            watch.wait({f"{NAMESPACE}/{name}"}, READY_TIMEOUT, lambda: None)
            times.append(1000 * (watch.ready_at(f"{NAMESPACE}/{name}") - begin))
        connection.close()
        return times

    def _at_once(self, watch: ReadyWatch) -> list[float]:
        names = [f"burst-{number}" for number in range(self._options.burst)]
        begun: dict[str, float] = {}
        failures: list[str] = []

        def work(connection: Connection) -> None:
            name = names.pop()
            try:
                begun[f"{NAMESPACE}/{name}"] = self._create(connection, name, {"poolRef": {"name": "warm"}})
            except (BenchError, OSError) as error:
                failures.append(str(error))

        in_threads([self._api.connect() for _ in names], work)
        if failures:
            raise BenchError(failures[0])
        watch.wait(set(begun), READY_TIMEOUT, lambda: None)
        return [1000 * (watch.ready_at(key) - begin) for key, begin in begun.items()]

    def _check_owners(self, claims: int) -> None:
        """Each claim has one sandbox, and no sandbox two claims."""
        listed = self._stockade.cluster.get("asbc", "-n", NAMESPACE)["items"]
        made = [each["metadata"]["name"] for each in listed if not each["status"]["warm"]]
        if any(name.startswith("warm-") for name in made):
            raise BenchError(f"the pool was to have a sandbox for each of these: {made}")
        held = {each["status"]["sandbox"]["uid"] for each in listed}
        if len(listed) != claims or len(held) != claims:
            raise BenchError(f"{len(listed)} claims have {len(held)} sandboxes; there should be {claims} of each")

    def _rows(self, results: dict) -> list[Row]:
        def result(text: str, key: str) -> Row:
            return Row(text, results[key], "ms")

        return [
            Row("From the create call to Ready as a watch sees it, one claim after another without a pause"),
            result(f"{results['in_store']} claims on a pool of {results['replicas']}, median", "warm_p50_ms"),
            result("the same, 99th percentile", "warm_p99_ms"),
            result("claim on a pool that is filled beside it, median", "filling_p50_ms"),
            result("the same, 99th percentile", "filling_p99_ms"),
            result("claim on a template, median", "cold_p50_ms"),
            result("claim on a template, 99th percentile", "cold_p99_ms"),
            Row(f"{results['burst']} claims at once on a pool of {results['replicas']}"),
            result("median", "burst_p50_ms"),
            result("99th percentile", "burst_p99_ms"),
        ]


def bench_pools(directory: pathlib.Path, options: PoolOptions) -> Outcome:
    with installed_cluster(directory, NODES) as stockade:
        return PoolBench(stockade, options).run()
