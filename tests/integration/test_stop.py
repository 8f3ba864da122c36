"""The operator is stopped while its API server does not answer: it ends in time, and the next one makes good what is
missing."""

import asyncio
import sys
import threading

import pytest

from cluster import ROOT, eventually
from stockade import NAMESPACE, condition, operator_program, sandbox

sys.path.insert(0, str(ROOT / "tests" / "fakes"))
from fault_proxy import Fault, FaultProxy  # noqa: E402

# Requests of the election give up after half of the renewal's deadline, and the Lease is never lost within a test: what
# ends in time was cancelled.
PATIENT = {"namespace": NAMESPACE, "leaseDurationSeconds": 300, "renewDeadlineSeconds": 240}


class Unanswered:
    """A request that is never answered, whether the API server does what was asked or not hear of it."""

    def __init__(self, committed):
        self._committed = committed
        self.reached = threading.Event()

    async def __call__(self, exchange):
        if self._committed:
            await exchange.forward()
        self.reached.set()
        await asyncio.get_running_loop().create_future()


@pytest.fixture
def space(stockade):
    with stockade.cluster.new_namespace("stop") as name:
        yield name


@pytest.fixture(params=["cpprest", "beast"])
def proxied(stockade, request):
    """The proxy, and an operator that leads behind it in place of the usual one."""
    stockade.operator.stop()
    with FaultProxy(stockade.directory / "operator.kubeconfig") as proxy:
        kubeconfig = stockade.directory / "stopped.kubeconfig"
        proxy.write_kubeconfig(kubeconfig)
        operator = operator_program(
            stockade.directory, kubeconfig, instance=f"stopped-{request.node.name}",
            leaderElection=PATIENT, transport=request.param,
        )  # fmt: skip
        operator.start()
        try:
            yield proxy, operator
        finally:
            if operator.process is not None:
                operator.kill()
            # Nobody is to wait for the end of a Lease that was not released.
            stockade.operator.stop()
            stockade.cluster.must("-n", NAMESPACE, "delete", "lease", "stockade-operator", "--ignore-not-found")


def begin_unanswered_write(stockade, proxy, space, committed):
    """A sandbox whose reconcile waits for the answer to the creation of its pod."""
    unanswered = Unanswered(committed)
    proxy.add(Fault(lambda request: request.is_write and request.resource == "pods", unanswered))
    stockade.cluster.must("-n", space, "apply", "-f", "-", input=sandbox())
    assert unanswered.reached.wait(60), "no pod was created"


def assert_cancelled(operator):
    """That a reconcile ended neither with an answer nor with its request's deadline."""
    log = operator.log_path.read_text()
    assert "reconcile was cut short" in log and "a stop was asked for" in log, log[-2000:]


def is_ready(stockade, space):
    return condition(stockade.cluster.get("-n", space, "asb", "agent"), "Ready").get("status") == "True"


@pytest.mark.parametrize("committed", [False, True], ids=["unheard", "committed"])
def test_a_write_without_an_answer_is_given_up_and_the_lease_is_released(stockade, proxied, space, committed):
    proxy, operator = proxied
    begin_unanswered_write(stockade, proxy, space, committed)
    operator.stop()
    assert_cancelled(operator)
    lease = stockade.cluster.get("-n", NAMESPACE, "lease", "stockade-operator")
    assert lease["spec"].get("holderIdentity", "") == ""

    stockade.operator.start()
    eventually(lambda: is_ready(stockade, space))
    created = [w["resource"] for w in stockade.operator_writes(space) if w["verb"] == "create" and w["code"] == 201]
    assert created == ["networkpolicies", "pods"]


def test_an_api_server_that_answers_nothing_does_not_hold_the_operator_up(stockade, proxied, space):
    proxy, operator = proxied
    begin_unanswered_write(stockade, proxy, space, committed=False)
    proxy.fall_silent()
    operator.stop()
    assert_cancelled(operator)
    assert "the lease was not released" in operator.log_path.read_text()
