"""hack/bench works, small: that each of its numbers is there, and those of them that no machine's speed changes."""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("STOCKADE_BUILD_DIR", str(ROOT / "build" / "release"))

OPERATOR_KEYS = {
    "writes_per_sandbox", "writes_at_rest", "cpu_ms_per_sandbox", "rss_idle_mib", "rss_mib",
    "ready_p50_ms", "ready_p99_ms", "bare_pod_ready_p50_ms",
    "count", "rate", "achieved_rate", "restart_cpu_s", "restart_rss_mib", "restart_writes",
    "starting_ready_p50_ms", "starting_bare_pod_ready_p50_ms", "starting_ready_p50_ratio",
}  # fmt: skip
WEBHOOK_KEYS = {
    "reviews_per_second", "p50_ms", "p99_ms", "cpu_us_per_review", "rss_mib",
    "paced_reviews_per_second", "paced_p50_ms", "paced_p99_ms",
}  # fmt: skip
EGRESS_KEYS = {
    f"{way}{name}"
    for way in ("", "direct_", "plain_")
    for name in (
        "new_p50_ms", "new_p99_ms", "kept_p50_ms", "kept_p99_ms", "stream_mib_per_second", "event_delay_p50_ms",
        "event_delay_p99_ms", "event_gap_max_ms", "requests_per_second",
    )
} | {
    f"{process}_{name}"
    for process in ("sidecar", "gateway", "plain")
    for name in ("rss_start_mib", "rss_idle_mib", "private_idle_mib", "rss_mib", "cpu_us_per_request")
} | {
    f"{process}_{setting}_{moment}_mib"
    for process in ("sidecar", "gateway")
    for setting in ("rendered", "all_stats", "8_threads")
    for moment in ("start", "used")
}  # fmt: skip
BURST_KEYS = {"burst_p50_ms", "burst_p99_ms", "burst_failed"}


def bench(*args):
    """Runs hack/bench on what is built already; its JSON."""
    done = subprocess.run(
        [str(ROOT / "hack" / "bench"), *args, "--json"],
        env=os.environ | {"STOCKADE_BUILD_DIR": BUILD},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"hack/bench ended with {done.returncode}: {done.stdout}"
    return json.loads(done.stdout.splitlines()[-1])


def test_operator_bench_counts_every_write():
    results = bench("operator", "--count", "20", "--rate", "20", "--rest", "5")
    assert results.keys() >= OPERATOR_KEYS
    assert results["count"] == 20
    # Ready within its first look at the pod, or a status in between: two writes or three, and the pod's is one.
    assert 2 <= results["writes_per_sandbox"] <= 3
    # One deny-all for each namespace, whose sandboxes all stay.
    assert results["boundary_writes_per_namespace"] == 1
    assert results["writes_at_rest"] == 0
    assert results["restart_writes"] == 0
    assert results["starting_bare_pod_ready_p50_ms"] >= 1000
    for key in OPERATOR_KEYS - {"writes_at_rest", "restart_writes"}:
        assert results[key] > 0, key


def test_webhook_bench_gets_every_review_allowed():
    results = bench("webhook", "--seconds", "1", "--rounds", "1", "--bursts", "1", "--no-baseline")
    assert results.keys() >= WEBHOOK_KEYS | BURST_KEYS
    assert not any(key.startswith("go_") for key in results)
    assert results["burst_failed"] == 0
    for key in WEBHOOK_KEYS | BURST_KEYS - {"burst_failed"}:
        assert results[key] > 0, key


def test_egress_bench_gets_every_answer():
    results = bench(
        "egress", "--rounds", "2", "--new", "20", "--kept", "50", "--stream", "8", "--events", "20", "--seconds", "1"
    )
    assert results.keys() >= EGRESS_KEYS
    assert (results["connections"], results["requests"], results["events"]) == (40, 100, 40)
    for key in EGRESS_KEYS:
        assert results[key] > 0, key


def test_failed_bench_says_where_the_logs_are(tmp_path):
    """Here there are no programs to measure."""
    done = subprocess.run(
        [str(ROOT / "hack" / "bench"), "webhook", "--no-baseline", "--dir", str(tmp_path / "bench")],
        env=os.environ | {"STOCKADE_BUILD_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"logs: {tmp_path / 'bench'}" in done.stderr


def test_pool_bench_gives_each_claim_a_sandbox():
    results = bench("pools", "--count", "5", "--burst", "10", "--replicas", "10")
    assert (results["in_store"], results["count"], results["burst"]) == (4, 5, 10)
    for kind in ("warm", "filling", "cold", "burst"):
        assert 0 < results[f"{kind}_p50_ms"] <= results[f"{kind}_p99_ms"], kind
