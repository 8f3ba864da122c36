"""The two webhooks that are compared, as processes that serve the same path with the same certificate."""

import contextlib
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping

import environment  # noqa: F401  # makes the integration tests' modules importable
from measure import BenchError
from stockade import WEBHOOK_USER, Stockade, free_port, make_certificates, webhook_program

PATH = "/validate/agentsandboxes"


class Server:
    """A webhook that runs: where it answers, and its process."""

    def __init__(self, name: str, port: int, process: subprocess.Popen, log: pathlib.Path):
        self.name = name
        self.port = port
        self.process = process
        self.log = log

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}{PATH}"

    def check(self) -> None:
        if (code := self.process.poll()) is not None:
            raise BenchError(f"the webhook {self.name} ended with {code}; its log is {self.log}")

    def review(self, body: bytes) -> Mapping:
        """Its answer to one review."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=_unverified(), timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", PATH, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        if answer.status != 200:
            raise BenchError(f"the webhook {self.name} answered {answer.status}: {text[:500]!r}")
        return json.loads(text)["response"]


def _unverified() -> ssl.SSLContext:
    """What is measured here is not who answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def our_webhook(stockade: Stockade, prefix: list[str]) -> Iterator[Server]:
    """Stockade's webhook with one thread, beside a cluster whose policies it knows; `prefix` is a command that becomes
    it, such as taskset."""
    directory = stockade.directory
    certificates, port = make_certificates(directory), free_port()
    kubeconfig = stockade.kubeconfig_of("webhook", WEBHOOK_USER)
    program = webhook_program(directory, certificates, port, kubeconfig, threads=1, log={"level": "info"})
    program.command = [*prefix, *program.command]
    program.start()
    try:
        yield Server("stockade", port, program.process, program.log_path)
    finally:
        program.stop()


@contextlib.contextmanager
def baseline_webhook(directory: pathlib.Path, prefix: list[str], binary: pathlib.Path) -> Iterator[Server]:
    """The webhook in Go, on one processor as well."""
    certificates, port = make_certificates(directory), free_port()
    log_path = directory / "baseline.log"
    command = [*prefix, str(binary), "--port", str(port), "--certificates", str(certificates)]
    with open(log_path, "ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"GOMAXPROCS": "1"}
        )
    server = Server("in Go", port, process, log_path)
    try:
        _wait_until_it_answers(server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + 30
    while True:
        server.check()
        try:
            connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=_unverified(), timeout=5)
            connection.connect()
            connection.close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise BenchError(f"the webhook {server.name} does not answer: {error}") from error
            time.sleep(0.05)
