"""What both hops of the egress path cost, beside TLS to the host without any proxy and through a plain one."""

import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

from environment import ROOT, say
from measure import BenchError, cpu_seconds, peak_rss_mib, percentile, private_mib, rss_mib
from report import Outcome, Row

# The conformance tests know how to run both proxies.
sys.path.insert(0, str(ROOT / "tests" / "conformance"))

import certificates  # noqa: E402
import hosts  # noqa: E402
from egress_path import EgressPath, Process, Root  # noqa: E402

SANDBOX = pathlib.Path(__file__).with_name("egress.yaml")
HOST, ADDRESS = "api.example.test", "93.184.216.10"
NAMES = (HOST, "api.anthropic.com", "git.example.test", "files.example.test", "packages.example.test")
SIDECAR_PORT, GATEWAY_PORT, PLAIN_PORT = 3128, 15443, 3129
EVENT_MS = 10
CLIENTS = 32
MIB = 1 << 20
# Processes of which the memory is told.
PROCESSES = ("sidecar", "gateway", "plain")
# What differs from the rendered configuration and arguments, and with how many threads.
SETTINGS = (
    ("rendered", "as rendered", 1), ("all_stats", "with all statistics", 1), ("8_threads", "with 8 threads", 8),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class EgressOptions:
    rounds: int
    # Of each round: requests on new connections, those on one kept connection, the streamed answer, events of a stream.
    new: int
    kept: int
    stream_mib: int
    events: int
    # Seconds for which CLIENTS ask at once.
    seconds: int


# ---- What runs


def _set_up_network() -> None:
    """In the network namespace that hack/bench makes: the host has a public address, since no gateway takes another."""
    others = {name for _, name in socket.if_nameindex()}
    if any(name.startswith(("eth", "en", "wl", "cni", "veth", "docker")) for name in others):
        raise BenchError("this is a network of the machine: start it by hack/bench egress, which makes one of its own")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)


@contextlib.contextmanager
def _host(directory: pathlib.Path, authority: certificates.Authority) -> Iterator[None]:
    """The host that is asked, as a process, and the name server that knows it."""
    server = hosts.DnsServer()
    server.names.update(dict.fromkeys(NAMES, [ADDRESS]))
    certificate, key = directory / "host.crt", directory / "host.key"
    authority.issue(certificate, key, f"DNS:{HOST}")
    with open(directory / "host.log", "ab") as log:
        process = subprocess.Popen(
            [_program(), "serve", "--address", f"{ADDRESS}:443", "--certificate", str(certificate), "--key", str(key)],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _wait_for_port(ADDRESS, 443)
        yield
    finally:
        process.kill()
        process.wait()
        server.close()


@contextlib.contextmanager
def _path(directory: pathlib.Path, authority: certificates.Authority) -> Iterator[EgressPath]:
    own = directory / "path"
    own.mkdir()
    path = EgressPath(
        SANDBOX, own, (SIDECAR_PORT, GATEWAY_PORT), authority.certificate,
        secrets={"key": {"key": "secret-of-the-gateway"}, "model": {"model": "secret-of-the-model"}},
        # What is measured would run into the limit.
        facts={"maxRequestsPerSecond": 1_000_000},
    )  # fmt: skip
    try:
        yield path
    finally:
        path.close()


@contextlib.contextmanager
def _plain_proxy(directory: pathlib.Path) -> Iterator[Process]:
    """The least that an Envoy can be as a forward proxy: CONNECT to any name, and nothing judged."""
    root = Root(directory / "plain")
    root.write({"envoy.json": _plain_configuration()})
    process = Process(root, PLAIN_PORT)
    try:
        _wait_for_port("127.0.0.1", PLAIN_PORT)
        yield process
    finally:
        process.close()


def _plain_configuration() -> Mapping:
    types = "type.googleapis.com/envoy.extensions"

    def address(name: str, port: int) -> Mapping:
        return {"socket_address": {"address": name, "port_value": port}}

    cache = {
        "name": "names",
        "dns_lookup_family": "V4_ONLY",
        "typed_dns_resolver_config": {
            "name": "envoy.network.dns_resolver.cares",
            "typed_config": {
                "@type": f"{types}.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                "resolvers": [address("127.0.0.1", 53)],
            },
        },
    }
    manager = {
        "@type": f"{types}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "plain",
        "upgrade_configs": [{"upgrade_type": "CONNECT"}],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"connect_matcher": {}},
                            "route": {
                                "cluster": "names",
                                "timeout": "0s",
                                "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}],
                            },
                        }
                    ],
                }
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.dynamic_forward_proxy",
                "typed_config": {
                    "@type": f"{types}.filters.http.dynamic_forward_proxy.v3.FilterConfig",
                    "dns_cache_config": cache,
                },
            },
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{types}.filters.http.router.v3.Router"},
            },
        ],
    }
    listener = {
        "name": "plain",
        "address": address("127.0.0.1", PLAIN_PORT),
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    cluster = {
        "name": "names",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {
            "name": "envoy.clusters.dynamic_forward_proxy",
            "typed_config": {
                "@type": f"{types}.clusters.dynamic_forward_proxy.v3.ClusterConfig",
                "dns_cache_config": cache,
            },
        },
    }
    return {
        "node": {"id": "plain", "cluster": "plain"},
        "stats_config": {"stats_matcher": {"reject_all": True}},
        "static_resources": {"listeners": [listener], "clusters": [cluster]},
    }


def _wait_for_port(address: str, port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((address, port), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise BenchError(f"nothing answers at {address}:{port}: {error}") from error
            time.sleep(0.05)


# ---- What is measured


def _program() -> str:
    """hack/bench builds it."""
    return os.environ["STOCKADE_BENCH_EGRESS_LOAD"]


class Way:
    """One way to the host. `arguments` are the client's."""

    def __init__(self, prefix: str, text: str, roots: pathlib.Path, *arguments: str):
        self.prefix = prefix
        self.text = text
        self._command = [_program(), "ask", "--url", f"https://{HOST}", "--roots", str(roots), *arguments]

    def ask(self, **what: object) -> dict:
        options = [text for key, value in what.items() for text in (f"--{key}", str(value))]
        done = subprocess.run([*self._command, *options], capture_output=True, text=True, check=False, timeout=600)
        if done.returncode != 0:
            raise BenchError(f"{self.text}: {done.stderr.strip()}")
        return json.loads(done.stdout)


def _measure(ways: list[Way], options: EgressOptions) -> dict[str, float]:
    """Rounds in which the ways take turns, so that what else goes on in the machine hits all of them."""
    times: dict[str, list[float]] = {}
    streams: dict[str, list[float]] = {way.prefix: [] for way in ways}
    for number in range(options.rounds):
        for way in ways:
            say(f"Round {number + 1} of {options.rounds}: {way.text}")
            seen = way.ask(new=options.new, kept=options.kept, stream=options.stream_mib * MIB, events=options.events,
                           every=f"{EVENT_MS}ms")  # fmt: skip
            for name, key in (("new", "new_us"), ("kept", "kept_us"), ("event_delay", "event_delays_us"),
                              ("event_gap", "event_gaps_us")):  # fmt: skip
                times.setdefault(f"{way.prefix}{name}", []).extend(seen[key])
            streams[way.prefix].append(seen["stream_bytes_per_second"] / MIB)
    results: dict[str, float] = {}
    for name, values in times.items():
        results |= _percentiles_ms(name, values)
    for prefix, values in streams.items():
        results[f"{prefix}stream_mib_per_second"] = statistics.median(values)
    for name in ("new_p50_ms", "new_p99_ms", "kept_p50_ms", "kept_p99_ms"):
        results[f"added_{name}"] = results[name] - results[f"direct_{name}"]
        results[f"added_to_plain_{name}"] = results[name] - results[f"plain_{name}"]
    return results


def _percentiles_ms(name: str, values_us: list[float]) -> dict[str, float]:
    if name.endswith("event_gap"):
        return {f"{name}_max_ms": max(values_us) / 1000}
    return {f"{name}_p{percent}_ms": percentile(values_us, percent) / 1000 for percent in (50, 99)}


def _measure_load(ways: list[Way], processes: Mapping[str, Process], options: EgressOptions) -> dict[str, float]:
    """Many clients at once: requests a second, what each costs the proxies, and their memory before and at its peak."""
    results: dict[str, float] = {}
    for name, process in processes.items():
        results[f"{name}_rss_idle_mib"] = rss_mib(process.pid)
        results[f"{name}_private_idle_mib"] = private_mib(process.pid)
    for way in ways:
        say(f"{CLIENTS} clients at once: {way.text}")
        before = {name: cpu_seconds(process.pid) for name, process in processes.items()}
        # The streams that follow the requests are not in the processor time for each.
        seen = way.ask(clients=CLIENTS, **{"for": f"{options.seconds}s"})
        results[f"{way.prefix}requests_per_second"] = seen["load_requests"] / seen["load_seconds"]
        for name, process in processes.items():
            used = 1e6 * (cpu_seconds(process.pid) - before[name]) / seen["load_requests"]
            if (name == "plain") == (way.prefix == "plain_") and way.prefix != "direct_":
                results[f"{name}_cpu_us_per_request"] = used
        way.ask(clients=CLIENTS, each=max(1, options.stream_mib // 8) * MIB, **{"for": "0s"})
    for name, process in processes.items():
        results[f"{name}_rss_mib"] = peak_rss_mib(process.pid)
    return results


def _measure_settings(path: EgressPath, way: Way) -> dict[str, float]:
    """What the proxies take of their own without the settings that keep them small: as they start, and when CLIENTS
    have asked at once. The other proxy is as rendered."""
    found: dict[str, float] = {}
    for name, root, port in (
        ("sidecar", path.sidecar_root, SIDECAR_PORT), ("gateway", path.gateway_root, GATEWAY_PORT),
    ):  # fmt: skip
        file = root.file("/etc/stockade/proxy/envoy.json")
        rendered = file.read_text()
        with_stats = json.loads(rendered)
        del with_stats["stats_config"]
        for setting, text, threads in SETTINGS:
            say(f"{name}, {text}")
            file.write_text(json.dumps(with_stats) if setting == "all_stats" else rendered)
            getattr(path, name).close()
            process = Process(root, port, concurrency=threads)
            setattr(path, name, process)
            path.wait_until_it_answers()
            found[f"{name}_{setting}_start_mib"] = private_mib(process.pid)
            way.ask(clients=CLIENTS, **{"for": "1s"})
            found[f"{name}_{setting}_used_mib"] = private_mib(process.pid)
        file.write_text(rendered)
        getattr(path, name).close()
        setattr(path, name, Process(root, port))
        path.wait_until_it_answers()
    return found


def bench_egress(directory: pathlib.Path, options: EgressOptions) -> Outcome:
    _set_up_network()
    authority = certificates.Authority(directory / "public", "public")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_host(directory, authority))
        path = stack.enter_context(_path(directory, authority))
        plain = stack.enter_context(_plain_proxy(directory))
        ways = [
            Way("direct_", "TLS to the host, without a proxy", authority.certificate, "--connect", f"{ADDRESS}:443"),
            Way("plain_", "a plain forward proxy", authority.certificate, "--proxy", f"http://127.0.0.1:{PLAIN_PORT}"),
            Way("", "sidecar and gateway", path.interception.certificate, "--proxy",
                f"http://127.0.0.1:{SIDECAR_PORT}"),
        ]  # fmt: skip
        processes = {"sidecar": path.sidecar, "gateway": path.gateway, "plain": plain}
        results = {"connections": options.new * options.rounds, "requests": options.kept * options.rounds,
                   "events": options.events * options.rounds}  # fmt: skip
        results |= {f"{name}_rss_start_mib": rss_mib(process.pid) for name, process in processes.items()}
        results |= _measure(ways, options)
        results |= _measure_load(ways, processes, options)
        results |= _measure_settings(path, ways[-1])
    return _rows(results, options), results


def _rows(results: Mapping[str, float], options: EgressOptions) -> list[Row]:
    kinds = (("direct_", "directly"), ("plain_", "plain proxy"), ("", "sidecar and gateway"))
    rows = [Row(f"One client, {options.rounds} rounds")]
    for key, text, unit in (
        ("new_p50_ms", "a request on a new connection, median", "ms"),
        ("new_p99_ms", "99th percentile", "ms"),
        ("kept_p50_ms", "a request on a kept connection, median", "ms"),
        ("kept_p99_ms", "99th percentile", "ms"),
        ("stream_mib_per_second", f"a streamed answer of {options.stream_mib} MiB", "MiB/s"),
        ("event_delay_p50_ms", f"an event of a stream, every {EVENT_MS} ms, median delay", "ms"),
        ("event_delay_p99_ms", "99th percentile", "ms"),
        ("event_gap_max_ms", "the longest time between two events", "ms"),
    ):
        rows += [Row(f"{text}: {kind}", results[prefix + key], unit) for prefix, kind in kinds]
    rows.append(Row(f"{CLIENTS} clients at once"))
    rows += [Row(f"requests a second: {kind}", results[f"{prefix}requests_per_second"]) for prefix, kind in kinds]
    for name in PROCESSES:
        rows.append(Row(f"{name}: processor time for each request", results[f"{name}_cpu_us_per_request"], "us"))
    rows.append(Row("Memory"))
    for name in PROCESSES:
        rows.append(Row(f"{name}: resident at the start", results[f"{name}_rss_start_mib"], "MiB"))
        rows.append(Row(f"{name}: at rest, after requests", results[f"{name}_rss_idle_mib"], "MiB"))
        rows.append(Row(f"{name}: of which its own", results[f"{name}_private_idle_mib"], "MiB"))
        rows.append(Row(f"{name}: at its peak, {CLIENTS} clients at once", results[f"{name}_rss_mib"], "MiB"))
    rows.append(Row("Memory of their own, by setting"))
    for name in ("sidecar", "gateway"):
        for setting, text, _ in SETTINGS:
            rows.append(Row(f"{name} {text}: at the start", results[f"{name}_{setting}_start_mib"], "MiB"))
            rows.append(Row(f"{CLIENTS} clients later", results[f"{name}_{setting}_used_mib"], "MiB"))
    return rows
