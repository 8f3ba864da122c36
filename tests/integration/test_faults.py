"""The fault table: whatever happens to the operator's requests, and wherever it dies, the same objects come out of it,
and no agent pod is ever without its deny-all.

Each row plays a story (a sandbox is created, changed, suspended, deleted) once undisturbed and once with a fault, and
compares what is left; fault_stage.py is the story. Random faults come from a seed that is printed;
STOCKADE_FAULT_SEEDS says how many seeds, or which (50, or 7,42, or one with a comma after it):
STOCKADE_FAULT_SEEDS=50 hack/test faults. docs/testing.md has the whole table.
"""

import os
import random

import pytest

from cluster import eventually
from fault_stage import (  # noqa: F401
    DONE,
    STEPS,
    any_write,
    assert_boundary_was_never_open,
    assert_same,
    backstage,
    is_write_of,
    new_stage,
    play,
    run_to,
    undisturbed,
    watches,
)
from stockade import NAMESPACE

from fault_proxy import (
    Fault,
    RepeatedEvents,
    Uneventful,
    cut_after_commit,
    cut_before,
    cut_within_an_event,
    fail_after_commit,
    gone_within_the_watch,
    refuse,
)


FAULTS = {
    "conflict": lambda: Fault(any_write, refuse(409, "Conflict"), times=2),
    "throttled": lambda: Fault(any_write, refuse(429, "TooManyRequests", ["Retry-After: 1"]), times=2),
    "server error": lambda: Fault(any_write, refuse(500, "InternalError"), times=3),
    "unavailable": lambda: Fault(lambda request: not request.is_watch, refuse(503, "ServiceUnavailable"), times=3),
    "forbidden for a while": lambda: Fault(is_write_of("networkpolicies"), refuse(403, "Forbidden"), times=1),
    "failed after the commit": lambda: Fault(any_write, fail_after_commit(), times=3),
    "timeout after the commit": lambda: Fault(any_write, fail_after_commit(504, "Timeout"), times=3),
    "cut before": lambda: Fault(any_write, cut_before(), times=3),
    "cut after the commit": lambda: Fault(any_write, cut_after_commit(), times=3),
}
WATCHES = 6  # that the operator has
WATCH_FAULTS = {
    "watch is gone": lambda: Fault(watches, refuse(410, "Expired"), times=WATCHES),
    "watch is gone after its start": lambda: Fault(watches, gone_within_the_watch(), times=WATCHES),
    "watch is cut within an event": lambda: Fault(watches, cut_within_an_event(), times=WATCHES),
    "watch is refused": lambda: Fault(watches, refuse(500, "InternalError"), times=WATCHES),
}


@pytest.mark.parametrize("step", ["create", "change", "delete"])
@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_a_request(new_stage, undisturbed, step, name):
    stage = new_stage()
    fault = FAULTS[name]()
    run_to(stage, step, undisturbed, lambda: stage.proxy.add(fault))
    assert_boundary_was_never_open(stage)
    if name != "forbidden for a while":
        assert fault.played > 0, "the fault was never played"


@pytest.mark.parametrize("name", WATCH_FAULTS)
def test_fault_of_the_watches(new_stage, undisturbed, name):
    """All watches begin anew with the operator, and meet the fault at once."""
    stage = new_stage()
    fault = WATCH_FAULTS[name]()

    def arm():
        stage.operator.kill()
        stage.proxy.add(fault)
        stage.operator.start(wait_ready=False)

    run_to(stage, "change", undisturbed, arm)
    assert_boundary_was_never_open(stage)
    assert fault.played > 0


@pytest.mark.parametrize("stale", [False, True], ids=["events come twice", "an old event comes again and again"])
def test_repeated_events(new_stage, undisturbed, stale):
    stage = new_stage()
    fault = Fault(watches, RepeatedEvents(stale), times=24)

    def arm():
        stage.operator.kill()
        stage.proxy.add(fault)
        stage.operator.start()

    try:
        run_to(stage, "change", undisturbed, arm)
    finally:
        # The watches that repeat themselves would go on to do so.
        stage.proxy.clear()
        stage.proxy.cut_connections()
    assert_boundary_was_never_open(stage)
    assert fault.play.sent > 0


@pytest.mark.parametrize("bookmarks", [False, True], ids=["silent", "bookmarks only"])
def test_watches_that_bring_nothing(new_stage, undisturbed, bookmarks):
    """What happened meanwhile is made good when they end, from the resourceVersion that the operator had."""
    stage = new_stage()
    fault = Fault(lambda request: request.is_watch and not request.is_list, Uneventful(bookmarks), times=WATCHES)

    def arm():
        # A new operator has every list behind it and every watch under way.
        stage.operator.kill()
        stage.operator.start()
        stage.proxy.add(fault)
        stage.proxy.cut_connections()
        eventually(lambda: fault.played == WATCHES)

    try:
        run_to(stage, "change", undisturbed, arm, fault.play.release)
    finally:
        fault.play.release()
    assert_boundary_was_never_open(stage)


# The most writes that a step takes, with as many to spare as a slow machine may make of Events and of statuses in
# between; what a step takes fewer of is a row that has nothing to do.
MOST_WRITES = {"create": 14, "change": 12, "suspend": 8, "delete": 8}


@pytest.mark.parametrize(
    ("step", "k"), [(step, k) for step in STEPS for k in range(1, MOST_WRITES[step] + 1)]
)
def test_crash_after_the_kth_write(new_stage, undisturbed, step, k):
    if k > undisturbed[1][step]:
        return  # an undisturbed run has no such write; MOST_WRITES is checked below
    stage = new_stage()
    written = 0

    def is_kth(request):
        nonlocal written
        written += request.is_write
        return request.is_write and written == k

    fault = Fault(is_kth, cut_after_commit(then=stage.operator.kill))

    def start_again():
        eventually(lambda: stage.operator.process is None, timeout=60)
        stage.operator.start()

    run_to(stage, step, undisturbed, lambda: stage.proxy.add(fault), start_again)
    assert_boundary_was_never_open(stage)


def test_every_write_has_a_row(undisturbed):
    for step, count in undisturbed[1].items():
        assert count <= MOST_WRITES[step], f"{step} takes {count} writes: raise MOST_WRITES"


def seeds():
    text = os.environ.get("STOCKADE_FAULT_SEEDS", "2")
    if "," in text:
        return [int(seed) for seed in text.split(",") if seed]
    return [random.SystemRandom().randrange(1 << 32) for _ in range(int(text))]


@pytest.mark.parametrize("seed", seeds())
def test_random_faults(new_stage, undisturbed, seed):
    print(f"STOCKADE_FAULT_SEEDS={seed},")
    choice = random.Random(seed)
    stage = new_stage()
    plays = [
        refuse(409, "Conflict"), refuse(429, "TooManyRequests", ["Retry-After: 1"]), refuse(500, "InternalError"),
        fail_after_commit(), cut_before(), cut_after_commit(),
    ]  # fmt: skip
    watch_plays = [refuse(410, "Expired"), gone_within_the_watch(), cut_within_an_event(), cut_before()]

    def chance(request):
        if choice.random() >= 0.3:
            return None
        return choice.choice(watch_plays if request.is_watch else plays)

    stage.proxy.set_chance(chance)
    for step in play(stage, "delete"):
        if choice.random() < 0.5:
            stage.operator.kill()
            stage.operator.start(wait_ready=False)
        # Not always to its end: the next step may come while the operator is still at the last one.
        if choice.random() < 0.7 or step == "create":
            eventually(getattr(stage, DONE[step]), timeout=120)
    stage.proxy.set_chance(None)
    stage.settle(stage.deleted)
    assert_same(stage.state(), undisturbed[0]["delete"])
    assert_boundary_was_never_open(stage)


def test_the_operators_own_namespace_is_left_alone(stockade):
    assert stockade.cluster.must("-n", NAMESPACE, "get", "networkpolicies", "-o", "name") == ""
