"""The benchmarks' command line; hack/bench is its front."""

import argparse
import os
import pathlib
import sys

from egress_bench import EgressOptions, bench_egress
from environment import end_on_signals, work_directory
from measure import BenchError
from operator_bench import OperatorOptions, bench_operator
from pool_bench import PoolOptions, bench_pools
from report import Outcome, print_json, print_table
from webhook_bench import WebhookOptions, bench_webhook


def positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return value


def count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return value


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hack/bench", description="Measures Stockade.")
    commands = parser.add_subparsers(dest="command", required=True)
    operator = commands.add_parser("operator", help="the operator, with a cluster of its own")
    operator.add_argument("--count", type=count, default=1000, help="sandboxes (1000)")
    operator.add_argument("--rate", type=positive, default=25, help="sandboxes a second (25)")
    operator.add_argument("--rest", type=positive, default=60, help="seconds to watch it at rest (60)")
    operator.add_argument("--transport", choices=["beast", "cpprest"], default="beast", help="the HTTP client")
    operator.add_argument("--workers", type=count, help="sandboxes reconciled at once (the operator's own default)")
    webhook = commands.add_parser("webhook", help="the webhook on one core, beside one in Go")
    webhook.add_argument("--seconds", type=count, default=10, help="seconds of load in each round (10)")
    webhook.add_argument("--rate", type=count, default=2000, help="reviews a second in paced rounds (2000)")
    webhook.add_argument("--rounds", type=count, default=3, help="rounds, of which the medians are told (3)")
    webhook.add_argument("--bursts", type=count, default=5, help="bursts through the API server (5)")
    webhook.add_argument("--no-baseline", action="store_true", help="without the webhook in Go")
    egress = commands.add_parser("egress", help="sidecar and gateway, beside no proxy and a plain one")
    egress.add_argument("--rounds", type=count, default=3, help="rounds in which the three take turns (3)")
    egress.add_argument("--new", type=count, default=500, help="requests on new connections in each (500)")
    egress.add_argument("--kept", type=count, default=5000, help="requests on a kept connection in each (5000)")
    egress.add_argument("--stream", type=count, default=512, help="MiB of the streamed answer in each (512)")
    egress.add_argument("--events", type=count, default=500, help="events of the stream of events in each (500)")
    egress.add_argument("--seconds", type=count, default=10, help="seconds of load by many clients (10)")
    pools = commands.add_parser("pools", help="claims on a pool and on a template")
    pools.add_argument("--count", type=count, default=200, help="claims while the pool is filled, and on a template, one after another (200)")
    pools.add_argument("--burst", type=count, default=100, help="claims at once (100)")
    pools.add_argument("--replicas", type=count, default=200, help="sandboxes that the pool keeps ready (200)")
    for command in (operator, webhook, egress, pools):
        command.add_argument("--json", action="store_true", help="end with one line of JSON")
        command.add_argument("--dir", type=pathlib.Path, help="where state and logs go, and the logs stay")
    return parser.parse_args(arguments)


def run(directory: pathlib.Path, options: argparse.Namespace) -> Outcome:
    if options.command == "operator":
        chosen = OperatorOptions(options.count, options.rate, options.rest, options.transport, options.workers)
        return bench_operator(directory, chosen)
    if options.command == "egress":
        sizes = EgressOptions(
            options.rounds, options.new, options.kept, options.stream, options.events, options.seconds
        )
        return bench_egress(directory, sizes)
    if options.command == "pools":
        return bench_pools(directory, PoolOptions(options.count, options.burst, options.replicas))
    baseline = None
    if not options.no_baseline:
        # hack/bench builds it.
        baseline = pathlib.Path(os.environ["STOCKADE_BENCH_BASELINE"])
    return bench_webhook(directory, WebhookOptions(options.rate, options.seconds, options.rounds, options.bursts, baseline))


def main() -> int:
    options = parse(sys.argv[1:])
    end_on_signals()
    try:
        with work_directory(options.dir) as directory:
            rows, results = run(directory, options)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    print_table(rows)
    if options.json:
        print_json(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
