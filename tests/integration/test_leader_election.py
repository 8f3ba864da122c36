"""Two operators beside one API server: one leads, the other takes over, and never do both write."""

import signal
import time

import pytest

from cluster import eventually
from stockade import NAMESPACE, OPERATOR_USER, sandbox, second_operator

SECOND_USER = "second-operator"


@pytest.fixture(scope="module")
def second(stockade):
    """The other operator, under an identity of its own, so that the audit log tells the two apart."""
    program = second_operator(stockade, SECOND_USER)
    yield program
    if program.process is not None:
        program.stop()


@pytest.fixture
def space(stockade):
    with stockade.cluster.new_namespace("lead") as name:
        yield name


def apply(stockade, space, name):
    stockade.cluster.must("-n", space, "apply", "-f", "-", input=sandbox(name))


def wait_ready(stockade, space, name, timeout):
    def is_ready():
        found = stockade.cluster.get("-n", space, "asb", name)
        return any(
            c["type"] == "Ready" and c["status"] == "True" for c in found.get("status", {}).get("conditions", [])
        )

    eventually(is_ready, timeout=timeout)


def writers(stockade, space):
    """Who wrote in a namespace, in order, without repetition of the same one."""
    order = []
    for write in stockade.audit():
        if write["namespace"] != space or write["user"] not in (OPERATOR_USER, SECOND_USER):
            continue
        if not order or order[-1] != write["user"]:
            order.append(write["user"])
    return order


def holder(stockade):
    lease = stockade.cluster.get("-n", NAMESPACE, "lease", "stockade-operator")
    return lease["spec"].get("holderIdentity", "")


def lead_first(stockade, second):
    """Brings both up, with the first one leading."""
    if second.process is not None:
        second.stop()
    if stockade.operator.process is None:
        stockade.operator.start()
    eventually(lambda: holder(stockade) != "", timeout=30)
    second.start()


def test_the_second_waits_and_takes_over_at_once_when_the_first_stops(stockade, second, space):
    lead_first(stockade, second)
    apply(stockade, space, "before")
    wait_ready(stockade, space, "before", 10)
    assert writers(stockade, space) == [OPERATOR_USER]
    first_holder = holder(stockade)

    stockade.operator.stop()
    apply(stockade, space, "after")
    wait_ready(stockade, space, "after", 10)
    assert writers(stockade, space) == [OPERATOR_USER, SECOND_USER]
    assert holder(stockade) != first_holder


def test_a_leader_that_was_killed_is_succeeded_after_its_lease(stockade, second, space):
    lead_first(stockade, second)
    apply(stockade, space, "before")
    wait_ready(stockade, space, "before", 10)

    stockade.operator.kill()
    apply(stockade, space, "after")
    # 15 s of the lease and 2 s until the next attempt, and then the machine's own time.
    wait_ready(stockade, space, "after", 17 + 13)
    assert writers(stockade, space) == [OPERATOR_USER, SECOND_USER]


def test_a_leader_that_was_paused_wakes_up_to_write_nothing(stockade, second, space):
    lead_first(stockade, second)
    apply(stockade, space, "before")
    wait_ready(stockade, space, "before", 10)

    paused = stockade.operator.process
    paused.send_signal(signal.SIGSTOP)
    apply(stockade, space, "meanwhile")
    wait_ready(stockade, space, "meanwhile", 17 + 13)
    # As many events as can be, which the one that wakes up would like to act upon.
    for index in range(5):
        apply(stockade, space, f"waking-{index}")
    paused.send_signal(signal.SIGCONT)
    assert paused.wait(timeout=30) == 3
    stockade.operator.process = None
    for index in range(5):
        wait_ready(stockade, space, f"waking-{index}", 30)
    assert writers(stockade, space) == [OPERATOR_USER, SECOND_USER]
    assert "leadership is lost" in stockade.operator.log_path.read_text()


def test_one_that_waits_is_ready_and_writes_nothing(stockade, second, space):
    lead_first(stockade, second)
    eventually(second.is_ready)
    before = len([w for w in stockade.audit() if w["user"] == SECOND_USER])
    apply(stockade, space, "agent")
    wait_ready(stockade, space, "agent", 10)
    time.sleep(5)
    assert len([w for w in stockade.audit() if w["user"] == SECOND_USER]) == before
