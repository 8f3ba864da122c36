"""The fault table of what is renewed and of what is lost: wherever the operator dies while it renews certificates or brings
in another authority, the agent's pod goes on with certificates that fit each other; and whatever of a gateway goes while
no operator runs is there again in the end."""

import base64
import json

import pytest

from cluster import eventually
from stockade import NAMESPACE, OPERATOR_USER, condition, sandbox
from test_gateway_faults import (  # noqa: F401
    AUTHORITIES, FAULTS, assert_nothing_was_open, backstage, is_making, kth_write, made, names, space, undisturbed,
)  # fmt: skip
from test_gateways import EGRESS, IMAGES, ISSUED, accepts, leaf, openssl, secret_of, trusted_by_agents

from fault_proxy import Fault, cut_after_commit  # isort: skip

# Whose certificates, where it is noted what was issued, and the writes of a renewal: Secrets, and the note.
HOLDERS = {"the sandbox's": ("pod", "asb-agent", 2), "the gateway's": ("deployment", "asg-agent", 3)}
# Of another authority: the file of agents, the gateway's two Secrets and its note.
ROTATION_WRITES = 4


def as_the_operator(stockade):
    """Nobody else may touch what is its."""
    return stockade.as_user(OPERATOR_USER, "system:masters")


def make_due(stockade, space, kind, name):  # noqa: F811
    """As if the time of its certificates had come."""
    digest = space.get(kind, name)["metadata"]["annotations"][ISSUED].split("@")[0]
    patch = json.dumps({"metadata": {"annotations": {ISSUED: f"{digest}@1"}}})
    as_the_operator(stockade).must("-n", space.name, "patch", kind, name, "--type=merge", "-p", patch)


def secrets_of(space):  # noqa: F811
    """What the operator has issued to the sandbox and to its gateway, by what it is for."""
    volumes = space.get("deployment", "asg-agent")["spec"]["template"]["spec"]["volumes"]
    of = {v["name"]: space.get("secret", v["secret"]["secretName"]) for v in volumes if "secret" in v}
    return {"sandbox": secret_of(space, space.get("pod", "asb-agent")), **of}


def serials(space):  # noqa: F811
    found = secrets_of(space)
    return {
        "the sandbox's": openssl(found["sandbox"], "tls.crt", "-serial"),
        "the gateway's": openssl(found["identity"], "tls.crt", "-serial")
        + openssl(found["leaves"], "api.example.com.crt", "-serial"),
    }  # fmt: skip


def pods_of(space):  # noqa: F811
    """The agent's pod and the gateway's, which no renewal may end."""
    pods = json.loads(space.must("get", "pods", "-o", "json"))["items"]
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}


def assert_they_fit(space, directory):  # noqa: F811
    """Sandbox and gateway take each other for what they are, and the agent takes what it is shown."""
    found = secrets_of(space)
    for one, other in (("sandbox", "identity"), ("identity", "sandbox")):
        trusted = base64.b64decode(found[one]["data"]["ca.crt"]).decode()
        assert accepts(directory, trusted, base64.b64decode(found[other]["data"]["tls.crt"])), (one, other)
    assert accepts(directory, trusted_by_agents(space), leaf(space))


def judge(stockade, space, expected, pods, tmp_path):  # noqa: F811
    made(space)
    assert_they_fit(space, tmp_path)
    assert pods_of(space) == pods, "nothing is started anew for a renewal"
    eventually(lambda: names(space) == expected, timeout=60)
    assert_nothing_was_open(stockade, space)


def is_current(space, holder):  # noqa: F811
    kind, name, _ = HOLDERS[holder]
    return not space.get(kind, name)["metadata"]["annotations"][ISSUED].endswith("@1")


def begin(space):  # noqa: F811
    space.apply(sandbox(egress=EGRESS))
    made(space)
    return serials(space), pods_of(space)


@pytest.mark.parametrize(
    "holder, k", [(holder, k) for holder, (_, _, writes) in HOLDERS.items() for k in range(1, writes + 1)]
)
def test_crash_while_certificates_are_renewed(
    stockade, backstage, space, undisturbed, tmp_path, holder, k  # noqa: F811
):  # fmt: skip
    proxy, operator = backstage
    before, pods = begin(space)
    proxy.add(Fault(kth_write(space, k), cut_after_commit(then=operator.kill)))
    make_due(stockade, space, *HOLDERS[holder][:2])
    eventually(lambda: operator.process is None, timeout=60)
    # What was written of it is of one piece with what was not.
    assert_they_fit(space, tmp_path)
    operator.start()
    eventually(lambda: is_current(space, holder), timeout=60)
    after = serials(space)
    assert {name for name in after if after[name] != before[name]} == {holder}
    judge(stockade, space, undisturbed[0], pods, tmp_path)


@pytest.mark.parametrize("holder", HOLDERS)
def test_every_write_of_a_renewal_has_a_row(stockade, backstage, space, holder):  # noqa: F811
    proxy, _ = backstage
    begin(space)
    before = len(proxy.requests)
    make_due(stockade, space, *HOLDERS[holder][:2])
    eventually(lambda: is_current(space, holder), timeout=60)
    made(space)
    # Each once, however often: the note is written again where the Deployment's controller wrote to it meanwhile.
    written = {request.path for request in proxy.requests[before:] if is_making(request, space.name)}
    assert len(written) == HOLDERS[holder][2], written


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_a_renewal(stockade, backstage, space, undisturbed, tmp_path, name, holder):  # noqa: F811
    proxy, _ = backstage
    _, pods = begin(space)
    fault = Fault(lambda request: request.is_write and request.resource == "secrets", FAULTS[name](), times=2)
    proxy.add(fault)
    make_due(stockade, space, *HOLDERS[holder][:2])
    eventually(lambda: is_current(space, holder), timeout=60)
    assert fault.played > 0, "the fault was never played"
    judge(stockade, space, undisturbed[0], pods, tmp_path)


# Another authority


@pytest.fixture
def rotated(stockade, backstage, space):  # noqa: F811
    """Brings in the next interception authority, with a fault at one of the writes that follow; returns the pods as they
    were and what agents trusted. The next test has authorities of its own."""
    proxy, operator = backstage

    def rotate(fault=None):
        _, pods = begin(space)
        known = trusted_by_agents(space)
        operator.stop()
        # One that outlives by far what is asked for is succeeded at once.
        operator.config["egress"] = {"images": IMAGES, "interceptionAuthorityDays": 90}
        if fault is not None:
            proxy.add(fault)
        operator.start(wait_ready=fault is None)
        return pods, known

    yield rotate
    proxy.clear()
    if operator.process is not None:
        operator.stop()
    operator.config["egress"] = {"images": IMAGES}
    as_the_operator(stockade).must("-n", NAMESPACE, "delete", "secret", AUTHORITIES)
    operator.start()


def knows_both(space, known):  # noqa: F811
    trusted = trusted_by_agents(space)
    return trusted.startswith(known) and trusted.count("BEGIN CERTIFICATE") == 2


def judge_rotation(stockade, space, expected, pods, known, tmp_path):  # noqa: F811
    eventually(lambda: knows_both(space, known), timeout=60)
    space.wait_condition("agent", "PodOutdated", "True", "AuthorityRotated")
    assert accepts(tmp_path, known, leaf(space)), "the new one signs nothing yet"
    judge(stockade, space, expected, pods, tmp_path)


@pytest.mark.parametrize("k", range(1, ROTATION_WRITES + 1))
def test_crash_while_an_authority_comes_in(
    stockade, backstage, space, rotated, undisturbed, tmp_path, k  # noqa: F811
):  # fmt: skip
    _, operator = backstage
    pods, known = rotated(Fault(kth_write(space, k), cut_after_commit(then=operator.kill)))
    eventually(lambda: operator.process is None, timeout=60)
    assert accepts(tmp_path, known, leaf(space)), "processes that know the old one alone go on"
    operator.start()
    judge_rotation(stockade, space, undisturbed[0], pods, known, tmp_path)


def test_crash_after_the_next_authority_is_stored(
    stockade, backstage, space, rotated, undisturbed, tmp_path  # noqa: F811
):  # fmt: skip
    """Who comes next goes on with it and makes no third."""
    _, operator = backstage

    def is_storing(request):
        return request.is_write and request.path.endswith(f"/{AUTHORITIES}")

    pods, known = rotated(Fault(is_storing, cut_after_commit(then=operator.kill)))
    eventually(lambda: operator.process is None, timeout=60)
    operator.start()
    judge_rotation(stockade, space, undisturbed[0], pods, known, tmp_path)


def test_every_write_of_a_rotation_has_a_row(backstage, space, rotated):  # noqa: F811
    proxy, _ = backstage
    _, known = rotated()
    eventually(lambda: knows_both(space, known), timeout=60)
    space.wait_condition("agent", "PodOutdated", "True", "AuthorityRotated")
    made(space)
    since = max(i for i, request in enumerate(proxy.requests) if request.path.endswith(f"/{AUTHORITIES}"))
    written = {request.path for request in proxy.requests[since:] if is_making(request, space.name)}
    assert len(written) == ROTATION_WRITES, written


# What is lost while no operator runs

# What the operator has a watch for. It reads no Secret, and looks after the account while no pod of the gateway answers.
OF_THE_GATEWAY = (
    "deployment/asg-agent", "service/asg-agent", "networkpolicy/asg-agent-gateway", "networkpolicy/asg-agent-sandboxes",
    "networkpolicy/stockade-gateway-deny-all", "configmap/asg-agent-gateway", "configmap/asg-agent-sandboxes",
    "configmap/asg-agent-authorities",
)  # fmt: skip


@pytest.mark.parametrize("lost", OF_THE_GATEWAY)
def test_what_is_lost_comes_back(stockade, backstage, space, undisturbed, tmp_path, lost):  # noqa: F811
    _, operator = backstage
    begin(space)
    kind, name = lost.split("/")
    uid = space.get(kind, name)["metadata"]["uid"]
    operator.kill()
    # What shuts pods has a finalizer, by which it would stay.
    as_the_operator(stockade).must(
        "-n", space.name, "patch", kind, name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
    as_the_operator(stockade).must("-n", space.name, "delete", kind, name, "--wait=false")
    operator.start()
    space.wait_for(kind, name, lambda found: found and found["metadata"]["uid"] != uid, 90)
    made(space)
    eventually(lambda: names(space) == undisturbed[0], timeout=60)
    assert_they_fit(space, tmp_path)
    asb = space.get("asb", "agent")
    assert condition(asb, "EgressIsolated")["status"] == "True"
    assert asb["status"]["egress"]["address"] == space.get("service", "asg-agent")["spec"]["clusterIP"]


def test_the_gateways_pods_are_lost(stockade, backstage, space, undisturbed, tmp_path):  # noqa: F811
    """The agent's pod goes on, shut in, while others take their place."""
    _, operator = backstage
    begin(space)
    agent = space.get("pod", "asb-agent")["metadata"]["uid"]
    operator.kill()
    lost = space.must("get", "pods", "-l", "stockade.dev/gateway=asg-agent", "-o", "name").split()
    assert lost
    as_the_operator(stockade).must("-n", space.name, "delete", *lost)
    operator.start()
    eventually(
        lambda: {name.split("/")[1] for name in lost}.isdisjoint(pods_of(space))
        and space.get("deployment", "asg-agent")["status"].get("availableReplicas") == 1,
        timeout=90,
    )
    made(space)
    assert space.get("pod", "asb-agent")["metadata"]["uid"] == agent
    eventually(lambda: names(space) == undisturbed[0], timeout=60)
    assert_nothing_was_open(stockade, space)
