"""What a benchmark runs on: a cluster of its own with the chart installed, in a directory that goes away again."""

import contextlib
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

# The integration tests know how to run both programs beside a cluster.
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from cluster import Cluster  # noqa: E402
from stockade import Stockade  # noqa: E402

from api_server import ApiServer  # noqa: E402
from measure import BenchError  # noqa: E402


def say(message: str) -> None:
    """Tells the person who waits; standard output is for the results."""
    print(f"==> {message}", file=sys.stderr, flush=True)


def end_on_signals() -> None:
    """Makes SIGTERM end the process as Ctrl-C does: by an exception, so that everything is taken down."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


@contextlib.contextmanager
def work_directory(chosen: pathlib.Path | None) -> Iterator[pathlib.Path]:
    """A directory for state and logs. One that was not chosen by the user is deleted unless the benchmark fails."""
    if chosen is None:
        directory = pathlib.Path(tempfile.mkdtemp(prefix="stockade-bench-"))
    else:
        directory = chosen.absolute()
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise BenchError(f"{directory} is not empty: choose another --dir")
    try:
        yield directory
    except Exception as error:
        raise BenchError(f"{error or repr(error)}\n    logs: {directory}") from error
    except KeyboardInterrupt:
        if chosen is None:
            shutil.rmtree(directory)
        raise
    if chosen is None:
        shutil.rmtree(directory)


@contextlib.contextmanager
def installed_cluster(directory: pathlib.Path, nodes: int) -> Iterator[Stockade]:
    """A cluster with the chart installed; the operator and the webhook are configured for it, but not started.

    Whatever runs of all this at the end is ended. The logs stay in the directory.
    """
    state = directory / "cluster"
    script = str(ROOT / "hack" / "cluster")
    stockade = None
    try:
        subprocess.run([script, "up", "--dir", str(state), "--nodes", str(nodes)], check=True)
        cluster = Cluster(str(state / "kubeconfig"), str(state / "bin" / "kubectl"))
        say("Installing the chart")
        cluster.install_crds()
        stockade = Stockade(cluster, directory)
        stockade.install()
        for program in (stockade.operator, stockade.webhook):
            program.config["log"] = {"level": "info"}
        yield stockade
    finally:
        if stockade:
            _end(stockade)
        if (state / "logs").is_dir():
            shutil.move(state / "logs", directory / "cluster-logs")
        subprocess.run([script, "down", "--dir", str(state)], check=True)


def _end(stockade: Stockade) -> None:
    """Ends both programs. That one of them does not end well only counts when nothing else is wrong already."""
    failing = sys.exc_info()[0] is not None
    for program in (stockade.operator, stockade.webhook):
        try:
            program.stop()
        except (AssertionError, subprocess.TimeoutExpired):
            if program.process:
                program.kill()
            if not failing:
                raise


def api_server(stockade: Stockade) -> ApiServer:
    return ApiServer(pathlib.Path(stockade.cluster.kubeconfig), stockade.directory)
