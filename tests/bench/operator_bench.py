"""The operator's cost: API writes, processor time, memory, and how long a sandbox takes to be Ready."""

import contextlib
import dataclasses
import json
import math
import pathlib
import time
import urllib.error
from collections.abc import Iterator

from api_server import ApiServer, Creation, ReadyWatch, create_at_rate, rate_of
from audit import Writes, has_written_since, writes_between
from environment import api_server, installed_cluster, say
from measure import BenchError, cpu_seconds, peak_rss_mib, percentile, rss_mib
from report import Outcome, Row
from stockade import OPERATOR_USER, Program, Stockade, sandbox

NAMESPACES = 10
NODES = 10
# Bare pods and sandboxes take turns, so that what else goes on in the machine hits both.
ROUNDS = 4
BARE_PODS = 1000
READY_TIMEOUT = 60
# kwok's pods are Ready as soon as they are bound, unless this annotation names a time: see hack/config/kwok.yaml.
START_ANNOTATION = "starts-after"
# Of the pods by which it is measured what somebody feels who waits for a real one.
START_SECONDS = 1
STARTING_PODS = 200
# An operator that has not written for so long, in seconds, has come to rest.
QUIET = 3
BARE_LABEL = "stockade-bench"
SANDBOXES = "/apis/stockade.dev/v1alpha1/agentsandboxes"


@dataclasses.dataclass(frozen=True)
class OperatorOptions:
    count: int
    rate: float
    rest: float
    transport: str
    # None: the operator's own default.
    workers: int | None


@dataclasses.dataclass
class Load:
    """What creating the sandboxes and the bare pods came to."""

    sandboxes: dict[str, float] = dataclasses.field(default_factory=dict)
    sandbox_ms: list[float] = dataclasses.field(default_factory=list)
    bare_ms: list[float] = dataclasses.field(default_factory=list)
    rates: list[float] = dataclasses.field(default_factory=list)
    cpu: float = 0.0
    begin: float = 0.0
    end: float = 0.0


class OperatorBench:
    """One run. Its methods are the run's steps, in their order."""

    def __init__(self, stockade: Stockade, options: OperatorOptions):
        self._stockade = stockade
        self._options = options
        self._operator: Program = stockade.operator
        self._operator.config["transport"] = options.transport
        if options.workers:
            self._operator.config["workers"] = options.workers
        self._api: ApiServer = api_server(stockade)
        self._namespaces = [f"bench-{number}" for number in range(NAMESPACES)]

    def run(self) -> Outcome:
        self._stockade.webhook.start()
        self._start_operator()
        self._drain(reconciled=0)
        idle = rss_mib(self._pid())
        self._create_namespaces()
        pod = self._rendered_pod()
        load = self._load(pod)
        writes = self._writes(load.begin, load.end)
        say(f"Resting for {self._options.rest:g} s")
        rest_begin, rest_cpu = time.time(), cpu_seconds(self._pid())
        time.sleep(self._options.rest)
        rest_cpu = cpu_seconds(self._pid()) - rest_cpu
        rest = self._writes(rest_begin, time.time())
        memory = {"rss_idle_mib": idle, "rss_mib": peak_rss_mib(self._pid()), "rss_end_mib": rss_mib(self._pid())}
        restart, restart_writes = self._restart()
        results = self._results(load, writes) | memory | restart | self._starting(pod)
        results |= {"writes_at_rest": rest.count(), "cpu_ms_at_rest": 1000 * rest_cpu}
        return self._rows(results, writes, rest, restart_writes), results

    def _pid(self) -> int:
        return self._operator.process.pid

    def _check(self) -> None:
        for program in (self._operator, self._stockade.webhook):
            if (code := program.process.poll()) is not None:
                raise BenchError(f"{program.command[0]} ended with {code}; its log is {program.log_path}")

    def _start_operator(self) -> None:
        say(f"Starting the operator with the transport {self._options.transport}")
        self._operator.start()

    def _samples(self) -> dict[str, float]:
        """The operator's metrics, summed up over their labels."""
        sums: dict[str, float] = {}
        try:
            for name, value in self._operator.metrics().items():
                name = name.partition("{")[0]
                sums[name] = sums.get(name, 0) + value
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}
        return sums

    def _drain(self, reconciled: int, timeout: float = 300) -> None:
        """Waits until the operator leads, has reconciled so often and has nothing to do."""
        deadline = time.monotonic() + timeout
        while True:
            self._check()
            samples = self._samples()
            idle = not samples.get("workqueue_depth", 1) and not samples.get("controller_runtime_active_workers", 1)
            done = samples.get("controller_runtime_reconcile_total", 0) >= reconciled
            if idle and done and samples.get("leader_election_master_status", 0) == 1:
                return
            if time.monotonic() > deadline:
                raise BenchError(f"the operator is not at rest after {timeout:g} s; its log: {self._operator.log_path}")
            # Each look costs the operator something.
            time.sleep(0.1)

    def _settle(self, timeout: float = 300) -> None:
        """Waits until the operator has come to rest: events are written later than what they tell of."""
        self._drain(reconciled=0)
        logs = self._stockade.cluster_directory / "logs"
        begin = time.time()
        while time.time() < begin + QUIET or has_written_since(logs, OPERATOR_USER, time.time() - QUIET):
            self._check()
            if time.time() > begin + timeout:
                raise BenchError(f"the operator writes on and on; its log: {self._operator.log_path}")
            time.sleep(0.5)

    def _create_namespaces(self) -> None:
        namespaces = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            for name in [*self._namespaces, "bench-probe"]
        ]
        self._stockade.cluster.must("create", "-f", "-", input=namespaces)

    def _rendered_pod(self) -> dict:
        """The pod that a sandbox becomes, made one that belongs to nobody."""
        cluster = self._stockade.cluster
        cluster.must("create", "-n", "bench-probe", "-f", "-", input=sandbox("probe"))
        cluster.must("wait", "-n", "bench-probe", "asb/probe", "--for=condition=Ready", "--timeout=30s")
        pod = json.loads(cluster.must("get", "-n", "bench-probe", "pod", "asb-probe", "-o", "json"))
        cluster.must("delete", "-n", "bench-probe", "asb/probe", "--wait=true")
        cluster.must("wait", "-n", "bench-probe", "networkpolicy/stockade-deny-all", "--for=delete", "--timeout=60s")
        self._settle()
        spec = pod["spec"]
        del spec["nodeName"]
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {BARE_LABEL: "bare"}}, "spec": spec}

    def _creations(self, resource: str, template: dict, count: int, prefix: str = "agent") -> list[Creation]:
        creations = []
        for number in range(count):
            namespace, name = self._namespaces[number % NAMESPACES], f"{prefix}-{number}"
            body = template | {"metadata": template["metadata"] | {"name": name}}
            group = "api/v1" if resource == "pods" else "apis/stockade.dev/v1alpha1"
            path = f"/{group}/namespaces/{namespace}/{resource}"
            creations.append(Creation(f"{namespace}/{name}", path, json.dumps(body).encode()))
        return creations

    def _load(self, pod: dict) -> Load:
        options, load = self._options, Load()
        sandboxes = self._creations("agentsandboxes", sandbox(), options.count)
        bare = self._creations("pods", pod, min(options.count, BARE_PODS))
        with self._watches() as (bare_watch, sandbox_watch):
            load.begin = time.time()
            for bare_part, sandbox_part in zip(_parts(bare), _parts(sandboxes), strict=True):
                parts = f"{len(bare_part)} bare pods, then {len(sandbox_part)} sandboxes"
                say(f"Creating {parts}, {options.rate:g} a second")
                started = self._create(bare_part, bare_watch)
                load.bare_ms += [1000 * (bare_watch.ready_at(key) - begin) for key, begin in started.items()]
                cpu = cpu_seconds(self._pid())
                started = self._create(sandbox_part, sandbox_watch)
                self._drain(reconciled=0)
                load.cpu += cpu_seconds(self._pid()) - cpu
                load.rates.append(rate_of(started))
                load.sandbox_ms += [1000 * (sandbox_watch.ready_at(key) - begin) for key, begin in started.items()]
            cpu = cpu_seconds(self._pid())
            self._settle()
            load.cpu += cpu_seconds(self._pid()) - cpu
            load.end = time.time()
        return load

    @contextlib.contextmanager
    def _watches(self) -> Iterator[tuple[ReadyWatch, ReadyWatch]]:
        """Of the bare pods and of the sandboxes."""
        with (
            ReadyWatch(self._api, f"/api/v1/pods?labelSelector={BARE_LABEL}%3Dbare") as bare,
            ReadyWatch(self._api, SANDBOXES) as sandboxes,
        ):
            yield bare, sandboxes

    def _starting(self, pod: dict) -> dict[str, float]:
        """How long sandboxes and bare pods take to be Ready when the kubelet takes START_SECONDS for a pod."""
        count = min(self._options.count, STARTING_PODS)
        say(f"Creating {count} bare pods, then {count} sandboxes, whose pods take {START_SECONDS} s to start")
        annotations = {START_ANNOTATION: f"{START_SECONDS}s"}
        slow_pod = pod | {"metadata": pod["metadata"] | {"annotations": annotations}}
        slow = sandbox()
        slow["spec"]["podTemplate"]["metadata"] = {"annotations": annotations}
        times: dict[str, list[float]] = {}
        with self._watches() as watches:
            for resource, template, watch in zip(("pods", "agentsandboxes"), (slow_pod, slow), watches, strict=True):
                started = self._create(self._creations(resource, template, count, "starting"), watch)
                times[resource] = [1000 * (watch.ready_at(key) - begin) for key, begin in started.items()]
        sandboxes, bare = percentile(times["agentsandboxes"], 50), percentile(times["pods"], 50)
        return {
            "starting_ready_p50_ms": sandboxes,
            "starting_bare_pod_ready_p50_ms": bare,
            "starting_ready_p50_ratio": sandboxes / bare,
        }

    def _create(self, creations: list[Creation], watch: ReadyWatch) -> dict[str, float]:
        """Creates them and waits until all are Ready; when each was begun."""
        if not creations:
            return {}
        started = create_at_rate(self._api, creations, self._options.rate)
        watch.wait(set(started), READY_TIMEOUT, self._check)
        return started

    def _writes(self, begin: float, end: float) -> Writes:
        return writes_between(self._stockade.cluster_directory / "logs", OPERATOR_USER, begin, end)

    def _restart(self) -> tuple[dict[str, float | int], Writes]:
        """A new operator process meets all those sandboxes, and finds nothing to do."""
        say("Restarting the operator")
        self._operator.stop()
        begin, started = time.time(), time.monotonic()
        self._operator.start()
        synced, synced_cpu = time.monotonic() - started, cpu_seconds(self._pid())
        self._drain(reconciled=self._options.count)
        drained = time.monotonic() - started
        results = {
            "restart_synced_cpu_s": synced_cpu,
            "restart_synced_s": synced,
            "restart_cpu_s": cpu_seconds(self._pid()),
            "restart_s": drained,
            "restart_rss_mib": peak_rss_mib(self._pid()),
        }
        self._settle()
        writes = self._writes(begin, time.time())
        return results | {"restart_writes": writes.count()}, writes

    def _results(self, load: Load, writes: Writes) -> dict[str, float | int | str]:
        count = self._options.count
        return {
            "count": count,
            "rate": self._options.rate,
            "achieved_rate": min(load.rates),
            "transport": self._options.transport,
            # A namespace's deny-all is written once, however many sandboxes it has: it is counted on its own.
            "writes_per_sandbox": (writes.count() - writes.count("networkpolicies")) / count,
            "event_writes_per_sandbox": writes.count("events") / count,
            "boundary_writes_per_namespace": writes.count("networkpolicies") / NAMESPACES,
            "failed_writes": writes.failed.total(),
            "cpu_ms_per_sandbox": 1000 * load.cpu / count,
            "ready_p50_ms": percentile(load.sandbox_ms, 50),
            "ready_p99_ms": percentile(load.sandbox_ms, 99),
            "bare_pod_ready_p50_ms": percentile(load.bare_ms, 50),
            "bare_pod_ready_p99_ms": percentile(load.bare_ms, 99),
            "ready_p50_ratio": percentile(load.sandbox_ms, 50) / percentile(load.bare_ms, 50),
        }

    def _rows(self, results: dict, writes: Writes, rest: Writes, restart: Writes) -> list[Row]:
        def result(text: str, key: str, unit: str = "") -> Row:
            return Row(text, results[key], unit)

        rows = [
            Row(f"{self._options.count} sandboxes in {NAMESPACES} namespaces, transport {self._options.transport}"),
            result("asked for", "rate", "a second"),
            result("achieved", "achieved_rate", "a second"),
            Row("From the create call to Ready as a watch sees it"),
            result("sandbox, median", "ready_p50_ms", "ms"),
            result("sandbox, 99th percentile", "ready_p99_ms", "ms"),
            result("bare pod, median", "bare_pod_ready_p50_ms", "ms"),
            result("bare pod, 99th percentile", "bare_pod_ready_p99_ms", "ms"),
            result("sandbox to bare pod, medians", "ready_p50_ratio"),
            Row(f"The same with pods that take {START_SECONDS} s to start"),
            result("sandbox, median", "starting_ready_p50_ms", "ms"),
            result("bare pod, median", "starting_bare_pod_ready_p50_ms", "ms"),
            result("sandbox to bare pod, medians", "starting_ready_p50_ratio"),
            Row("The operator's writes, without those of its Lease"),
            result("for each sandbox, without deny-alls", "writes_per_sandbox"),
            result("of those, of events", "event_writes_per_sandbox"),
            result("of deny-alls, for each namespace", "boundary_writes_per_namespace"),
            *_counted(writes),
            result(f"in {self._options.rest:g} s at rest", "writes_at_rest"),
            *_counted(rest),
            Row("The operator's processor time and resident memory"),
            result("for each sandbox", "cpu_ms_per_sandbox", "ms"),
            result(f"in {self._options.rest:g} s at rest", "cpu_ms_at_rest", "ms"),
            result("memory without sandboxes", "rss_idle_mib", "MiB"),
            result("memory at its peak", "rss_mib", "MiB"),
            result("memory at the end", "rss_end_mib", "MiB"),
            Row(f"Restart with {self._options.count} sandboxes"),
            result("processor time until its caches are full", "restart_synced_cpu_s", "s"),
            result("processor time until all are reconciled", "restart_cpu_s", "s"),
            result("time until its caches are full", "restart_synced_s", "s"),
            result("time until all are reconciled", "restart_s", "s"),
            result("memory at its peak", "restart_rss_mib", "MiB"),
            result("writes", "restart_writes"),
            *_counted(restart),
        ]
        return rows


def _parts(creations: list[Creation]) -> Iterator[list[Creation]]:
    """ROUNDS parts of nearly one size, in order."""
    size = math.ceil(len(creations) / ROUNDS)
    for number in range(ROUNDS):
        yield creations[number * size : (number + 1) * size]


def _counted(writes: Writes) -> Iterator[Row]:
    for what, number in sorted(writes.done.items()):
        yield Row(f"  {what}", number)
    for what, number in sorted(writes.failed.items()):
        yield Row(f"  failed: {what}", number)


def bench_operator(directory: pathlib.Path, options: OperatorOptions) -> Outcome:
    with installed_cluster(directory, NODES) as stockade:
        return OperatorBench(stockade, options).run()
