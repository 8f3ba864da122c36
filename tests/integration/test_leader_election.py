"""Two operators beside one API server: one leads, the other takes over, and never do both write."""

import collections
import contextlib
import datetime
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from binding_space import BindingSpace, claim, pool, template
from cluster import ROOT, eventually
from stockade import NAMESPACE, OPERATOR_USER, condition, operator_program, sandbox, second_operator

sys.path.insert(0, str(ROOT / "tests" / "fakes"))
from fault_proxy import FaultProxy  # noqa: E402

SECOND_USER = "second-operator"


@pytest.fixture(scope="module")
def second(stockade):
    """The other operator, under an identity of its own, so that the audit log tells the two apart. The guards know
    only one name of an operator, so they are away."""
    program = second_operator(stockade, SECOND_USER)
    with stockade.without_guards():
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


def lease_spec(stockade):
    return stockade.cluster.get("-n", NAMESPACE, "lease", "stockade-operator")["spec"]


def holder(stockade):
    return lease_spec(stockade).get("holderIdentity", "")


def time_in(spec, key):
    return datetime.datetime.fromisoformat(spec[key])


def wait_renewed(stockade, times):
    """Waits until the Lease was renewed so often from now on."""
    for _ in range(times):
        before = lease_spec(stockade)["renewTime"]
        eventually(lambda: lease_spec(stockade)["renewTime"] != before)


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


@contextlib.contextmanager
def behind_proxy(stockade, user, prefix=()):
    """The proxy, and an operator behind it under the identity of `user`, whose command has a prefix. Not started."""
    name = "operator" if user == OPERATOR_USER else user
    with FaultProxy(stockade.directory / f"{name}.kubeconfig") as proxy:
        kubeconfig = stockade.directory / f"proxied-{name}.kubeconfig"
        proxy.write_kubeconfig(kubeconfig)
        program = operator_program(stockade.directory, kubeconfig, instance=f"proxied-{name}")
        program.command = [*prefix, *program.command]
        try:
            yield proxy, program
        finally:
            if program.process is not None:
                program.kill()


def stop_both(stockade, second):
    for program in (second, stockade.operator):
        program.stop()


CUTS = {"silent": FaultProxy.fall_silent, "refused": FaultProxy.refuse_connections}


@pytest.mark.parametrize("cut", CUTS)
def test_a_leader_that_is_cut_from_the_api_server_ends_and_is_succeeded(stockade, second, space, cut):
    stop_both(stockade, second)
    with behind_proxy(stockade, OPERATOR_USER) as (proxy, first):
        first.start()
        first_holder = eventually(lambda: holder(stockade))
        second.start()
        apply(stockade, space, "before")
        wait_ready(stockade, space, "before", 10)
        wait_renewed(stockade, 1)

        CUTS[cut](proxy)
        apply(stockade, space, "after")
        leases = [lease_spec(stockade)]

        def is_succeeded():
            leases.append(lease_spec(stockade))
            return leases[-1].get("holderIdentity") not in ("", first_holder)

        eventually(is_succeeded, timeout=60)
        # By itself, whether its API server answers or not.
        assert first.process.wait(timeout=60) == 3
        first.process = None
        assert "leadership is lost" in first.log_path.read_text()
    wait_ready(stockade, space, "after", 30)
    assert writers(stockade, space) == [OPERATOR_USER, SECOND_USER]

    lost, won = leases[-2], leases[-1]
    assert won["leaseTransitions"] == lost["leaseTransitions"] + 1
    waited = time_in(won, "acquireTime") - time_in(lost, "renewTime")
    # The Lease's 15 seconds, and 2 until the next attempt. The other one counts from when it saw the last renewal, and
    # every wait is stretched by up to a fifth, so there is some room for both.
    assert datetime.timedelta(seconds=14) < waited < datetime.timedelta(seconds=17 + 5), waited


def fake_time(path):
    """What makes a program's wall clock differ by what the file says. Its other clocks go on as they are."""
    library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return [
        "env", f"LD_PRELOAD={library}", f"FAKETIME_TIMESTAMP_FILE={path}", "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1",
    ]  # fmt: skip


def set_time(path, offset):
    written = path.with_suffix(".new")
    written.write_text(f"{offset:+d}h\n")
    written.rename(path)


def test_jumps_of_the_clock_change_nothing(stockade, second, space, tmp_path):
    """The proxies spare the operators TLS, whose certificates do have times."""
    stop_both(stockade, second)
    clock = tmp_path / "clock"
    set_time(clock, 0)
    with (
        behind_proxy(stockade, OPERATOR_USER, fake_time(clock)) as (_, first),
        behind_proxy(stockade, SECOND_USER, fake_time(clock)) as (_, other),
    ):
        first.start()
        first_holder = eventually(lambda: holder(stockade))
        other.start()
        for hours in (5, -5, 0):
            set_time(clock, hours)
            # Each renewal is another chance for either of them to be wrong about it.
            wait_renewed(stockade, 3)
            ahead = time_in(lease_spec(stockade), "renewTime") - datetime.datetime.now(datetime.timezone.utc)
            assert abs(ahead - datetime.timedelta(hours=hours)) < datetime.timedelta(hours=1), "the clock did not jump"
            apply(stockade, space, f"agent{hours}")
            wait_ready(stockade, space, f"agent{hours}", 30)
            assert holder(stockade) == first_holder
        first.stop()
        other.stop()
    assert writers(stockade, space) == [OPERATOR_USER]


def test_one_that_waits_is_ready_and_writes_nothing(stockade, second, space):
    lead_first(stockade, second)
    eventually(second.is_ready)
    before = len([w for w in stockade.audit() if w["user"] == SECOND_USER])
    apply(stockade, space, "agent")
    wait_ready(stockade, space, "agent", 10)
    time.sleep(5)
    assert len([w for w in stockade.audit() if w["user"] == SECOND_USER]) == before


def told(claims):
    """What a watch has shown of claims so far: the sandboxes of each, in order."""
    history = {}
    for line in claims.read_text().splitlines():
        claim, _, sandbox_uid = line.partition(" ")
        # None at all is told as well.
        if history.setdefault(claim, [])[-1:] != [sandbox_uid]:
            history[claim].append(sandbox_uid)
    return history


def test_claims_keep_what_they_were_told_whoever_else_writes(stockade, second, space, tmp_path):
    """Two that both believe to lead, for as long as the test lasts and not for the moment that the Lease allows: each
    acts on caches that do not have what the other has just written."""
    bindings = BindingSpace(stockade.cluster, space)
    seen, watch, taken = tmp_path / "claims", None, set()

    def all_ready():
        found = bindings.list("asbc")
        owners = collections.Counter(
            owner["uid"] for each in bindings.list("asb") for owner in each["metadata"].get("ownerReferences", [])
        )
        return len(found) == 40 and all(
            condition(each, "Ready").get("status") == "True" and owners[each["metadata"]["uid"]] == 1 for each in found
        )

    try:
        second.config["leaderElection"] = {"enabled": False}
        lead_first(stockade, second)
        bindings.apply(template())
        bindings.apply(pool(replicas=15))
        bindings.wait_pool("warm", 15)
        with open(seen, "w") as output:
            command = [
                stockade.cluster.kubectl_path, "--kubeconfig", stockade.cluster.kubeconfig, "-n", space, "get", "asbc",
                "--watch", "-o", 'jsonpath={.metadata.name} {.status.sandbox.uid}{"\\n"}',
            ]  # fmt: skip
            watch = subprocess.Popen(command, stdout=output)
        bindings.apply([claim(f"c-{number}", pool="warm") for number in range(40)])
        eventually(all_ready, timeout=120)
        for number in range(0, 40, 4):
            has = bindings.get("asbc", f"c-{number}")["status"]["sandbox"]
            taken.add(has["uid"])
            bindings.must("delete", "asb", has["name"], "--wait=false")
        eventually(lambda: all_ready() and not taken & {each["status"]["sandbox"]["uid"] for each in bindings.list("asbc")},
                   timeout=120)  # fmt: skip
        bindings.wait_pool("warm", 15)
        owners = {each["metadata"]["uid"]: each["metadata"]["ownerReferences"] for each in bindings.list("asb")}
        assert all(len(of) == 1 for of in owners.values()), owners
        last = {each["metadata"]["name"]: each["status"]["sandbox"]["uid"] for each in bindings.list("asbc")}
        eventually(lambda: {name: of[-1] for name, of in told(seen).items()} == last)
    finally:
        if watch is not None:
            watch.terminate()
            watch.wait()
        second.stop()
        second.config["leaderElection"] = {"namespace": NAMESPACE}
    for name, sandboxes in told(seen).items():
        # No claim loses a sandbox that it was told to have, but for those that were taken from it.
        assert set(sandboxes[:-1]) <= taken | {""}, f"claim {name} was told {sandboxes}"
    assert {user for write in stockade.audit() if write["namespace"] == space and write["resource"] == "agentsandboxes"
            and (user := write["user"]) in (OPERATOR_USER, SECOND_USER)} == {OPERATOR_USER, SECOND_USER}  # fmt: skip
