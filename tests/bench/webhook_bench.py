"""The webhook's cost on one core, beside a webhook in Go that does the least that one could."""

import contextlib
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess

from burst import CONCURRENT, bench_burst
from environment import Stockade, installed_cluster, say
from measure import BenchError, cpu_seconds, peak_rss_mib
from report import Outcome, Row
from review import admission_review
from servers import Server, baseline_webhook, our_webhook

CONNECTIONS = 16
# Those that select the namespace of the review, which has to pass all of them.
POLICIES = 20
NAMESPACE = "agents"
SCRIPT = pathlib.Path(__file__).with_name("reviews.lua")


@dataclasses.dataclass(frozen=True)
class WebhookOptions:
    # Reviews a second in the rounds of load that is bounded.
    rate: int
    seconds: int
    rounds: int
    bursts: int
    # The webhook in Go; None leaves it out.
    baseline: pathlib.Path | None


def two_cores() -> tuple[int, int]:
    """The webhook's core and the load generator's."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("two cores are needed: one for the webhook, one for the load")
    return cores[0], cores[1]


def _load(server: Server, core: int, seconds: int, body: pathlib.Path, rate: int = 0) -> dict[str, float]:
    """One round of load on a webhook: as much as it takes, or about `rate` reviews a second."""
    cpu = cpu_seconds(server.process.pid)
    pause_ms = 1000 * CONNECTIONS / rate if rate else 0
    done = subprocess.run(
        [
            "taskset", "-c", str(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s",
            "-s", str(SCRIPT), server.url, "--", str(body), str(pause_ms),
        ],
        capture_output=True, text=True, check=False, timeout=seconds + 60,
    )  # fmt: skip
    server.check()
    cpu = cpu_seconds(server.process.pid) - cpu
    lines = [line for line in done.stdout.splitlines() if line.startswith("result ")]
    if done.returncode != 0 or not lines:
        raise BenchError(f"wrk failed: {done.stdout}{done.stderr}")
    result = json.loads(lines[0].removeprefix("result "))
    if result["refused"] or result["broken"] or not result["reviews"]:
        raise BenchError(f"the webhook {server.name} did not allow every review: {result}; its log is {server.log}")
    return {
        "reviews_per_second": result["reviews"] / result["seconds"],
        "p50_ms": result["p50_us"] / 1000,
        "p99_ms": result["p99_us"] / 1000,
        "cpu_us_per_review": 1e6 * cpu / result["reviews"],
    }


def _create_policies(stockade: Stockade) -> None:
    """The namespace of the review and POLICIES policies that select it, of which each has something to compare."""
    # The registration names a webhook that is not running yet.
    stockade.uninstall_webhook()
    objects = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {"team": "lab"}}}]
    for number in range(POLICIES):
        objects.append(
            {
                "apiVersion": "stockade.dev/v1alpha1",
                "kind": "AgentSandboxPolicy",
                "metadata": {"name": f"bench-{number:02}"},
                "spec": {
                    "namespaceSelector": {"matchLabels": {"team": "lab"}},
                    "minimumIsolation": "GVisor",
                    "images": {"allowedRegistries": [f"r{number}.example.com/agents", "registry.example.com/agents"]},
                    "resources": {"max": {"cpu": str(4 + number), "memory": f"{8 + number}Gi"}},
                },
            }
        )
    stockade.cluster.must("create", "-f", "-", input=objects)


def bench_reviews(stockade: Stockade, options: WebhookOptions) -> dict[str, float]:
    """Rounds of load on each webhook in turn, so that what else goes on in the machine hits both; the medians."""
    core, load_core = two_cores()
    prefix = ["taskset", "-c", str(core)]
    directory = stockade.directory
    body = directory / "review.json"
    body.write_bytes(admission_review())
    results: dict[str, float] = {}
    with contextlib.ExitStack() as stack:
        servers = {"": stack.enter_context(our_webhook(stockade, prefix))}
        if options.baseline:
            servers["go_"] = stack.enter_context(baseline_webhook(directory, prefix, options.baseline))
        rounds: dict[str, list[dict[str, float]]] = {key: [] for key in servers}
        paced: dict[str, list[dict[str, float]]] = {key: [] for key in servers}
        matched: list[dict[str, float]] = []
        for key, server in servers.items():
            if not (response := server.review(body.read_bytes()))["allowed"]:
                raise BenchError(f"the webhook {server.name} refuses the review: {response}")
        for number in range(options.rounds):
            for key, server in servers.items():
                say(f"Round {number + 1} of {options.rounds}: the webhook {server.name}, {options.seconds} s")
                rounds[key].append(_load(server, load_core, options.seconds, body))
                paced[key].append(_load(server, load_core, options.seconds, body, options.rate))
            if options.baseline:
                # As many as the other one can take at most.
                most = int(rounds["go_"][-1]["reviews_per_second"])
                say(f"Round {number + 1} of {options.rounds}: about {most:,} reviews a second")
                matched.append(_load(servers[""], load_core, options.seconds, body, most))
        for key, server in servers.items():
            for name in rounds[key][0]:
                results[key + name] = statistics.median(one[name] for one in rounds[key])
            for name in ("reviews_per_second", "p50_ms", "p99_ms"):
                results[f"{key}paced_{name}"] = statistics.median(one[name] for one in paced[key])
            if matched and not key:
                for name in ("reviews_per_second", "p50_ms", "p99_ms"):
                    results[f"matched_{name}"] = statistics.median(one[name] for one in matched)
            results[f"{key}rss_mib"] = peak_rss_mib(server.process.pid)
    return results


def bench_webhook(directory: pathlib.Path, options: WebhookOptions) -> Outcome:
    with installed_cluster(directory, nodes=0) as stockade:
        _create_policies(stockade)
        results = bench_reviews(stockade, options)
        results |= bench_burst(stockade, options.baseline, options.bursts)
    return _rows(results, options), results


def _rows(results: dict[str, float], options: WebhookOptions) -> list[Row]:
    size = len(admission_review()) / 1024
    length = f"{options.rounds} x {options.seconds} s"
    rows = [Row(f"Reviews of {size:.1f} KiB with {POLICIES} policies over {CONNECTIONS} kept connections, {length}")]
    names = [
        ("reviews_per_second", "reviews a second", ""),
        ("p50_ms", "median", "ms"),
        ("p99_ms", "99th percentile", "ms"),
        ("cpu_us_per_review", "processor time for each", "us"),
        ("rss_mib", "memory at its peak", "MiB"),
    ]
    paced = [(f"paced_{key}", text, unit) for key, text, unit in names[:3]]
    burst = [
        ("burst_p50_ms", "median", "ms"),
        ("burst_p99_ms", "99th percentile", "ms"),
        ("burst_failed", "failed", ""),
    ]
    rows += _compared(results, names)
    rows.append(Row(f"The same at about {options.rate:,} reviews a second"))
    rows += _compared(results, paced)
    if options.baseline:
        rows.append(Row("Ours at about the most that the webhook in Go takes"))
        rows += _compared(results, [(f"matched_{key}", text, unit) for key, text, unit in names[:3]])
    rows.append(Row(f"{options.bursts} bursts of {CONCURRENT} concurrent creates through the API server"))
    rows += _compared(results, burst)
    rows += [Row(f"without any webhook: {text}", results[f"none_{key}"], unit) for key, text, unit in burst[:2]]
    return rows


def _compared(results: dict[str, float], names: list[tuple[str, str, str]]) -> list[Row]:
    rows = []
    for key, text, unit in names:
        rows.append(Row(f"stockade: {text}", results[key], unit))
        if f"go_{key}" in results:
            rows.append(Row(f"in Go: {text}", results[f"go_{key}"], unit))
    return rows
