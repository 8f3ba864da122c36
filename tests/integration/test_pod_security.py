"""Pod Security admission's own fixtures, as sandboxes, through the real webhook; and as pods of the real operator in a
namespace whose Pod Security admission enforces `restricted`."""

import collections

import pytest

from admission import codes_of, direct_reviews
from api_client import PODS, SANDBOXES
from cluster import eventually
from pod_fixtures import POSITIONS, fixtures
from stockade import sandbox

RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}

# The code that answers each family of failing fixtures.
CODES = {
    "allowprivilegeescalation": {"PrivilegeEscalation"},
    "apparmorprofile": {"UnconfinedAppArmor"},
    "capabilities_baseline": {"AddedCapability"},
    "capabilities_restricted": {"AddedCapability"},
    "hostnamespaces": {"HostNamespace"},
    "hostpathvolumes": {"HostPathVolume"},
    "hostports": {"HostPort"},
    "hostprobesandhostlifecycle": {"Probe", "LifecycleHandler"},
    "privileged": {"PrivilegedContainer"},
    "procmount": {"ProcMount"},
    "procmount_restricted": {"ProcMount"},
    "restrictedvolumes": {"VolumeType", "HostPathVolume"},
    "runasnonroot": {"RootUser"},
    "runasuser": {"RootUser"},
    "seccompprofile_baseline": {"UnconfinedSeccomp"},
    "seccompprofile_restricted": {"UnconfinedSeccomp"},
    "selinuxoptions": {"SELinuxOptions"},
    "sysctls": {"UnsafeSysctl"},
    "windowshostprocess": {"WindowsPod"},
}

# Failing fixtures that only lack a field which the operator sets: they are admitted, and their pods are hardened.
REPAIRED = {
    "restricted/fail/allowprivilegeescalation2",
    "restricted/fail/allowprivilegeescalation3",
    "restricted/fail/capabilities_restricted0",
    "restricted/fail/capabilities_restricted1",
    "restricted/fail/capabilities_restricted2",
    "restricted/fail/runasnonroot0",
    "restricted/fail/seccompprofile_restricted0",
    "restricted/fail/seccompprofile_restricted2",
    "restricted/fail/seccompprofile_restricted3",
}

# Passing fixtures that Stockade refuses all the same, for these codes alone:
STRICTER = {
    "baseline/pass/apparmorprofile0": {"PodMetadata"},  # the annotation that a field replaced long ago
    "baseline/pass/capabilities_baseline0": {"AddedCapability"},  # those of a container engine
    "baseline/pass/procmount1": {"ProcMount"},  # Unmasked, in a user namespace
    "restricted/pass/apparmorprofile0": {"PodMetadata"},
    "restricted/pass/base_windows": {"WindowsPod"},
    "restricted/pass/capabilities_restricted0": {"AddedCapability"},  # NET_BIND_SERVICE
    "restricted/pass/restrictedvolumes0": {"SecretInAgent"},  # one of its volumes is a Secret
}


@pytest.fixture(scope="module")
def space(cluster):
    with cluster.new_namespace("pod-security", RESTRICTED) as name:
        yield name


@pytest.fixture(scope="module")
def existing(api, space):
    """A stored sandbox, for updates; it is suspended, so that no pod of it is in the way."""
    answer = api.create(SANDBOXES.format(namespace=space), sandbox("existing", operatingMode="Suspended"), dry_run=False)
    assert answer.admitted, answer.message
    return answer.body


def as_sandbox(template, name="fixture"):
    # hostUsers: false is for isolation Container alone, which is for trusted input alone.
    spec = {"podTemplate": template}
    if template["spec"].get("hostUsers") is False:
        spec |= {"isolation": "Container", "inputTrust": "Trusted"}
    return sandbox(name) | {"spec": spec}


Verdict = collections.namedtuple("Verdict", "position operation admitted codes text")


@pytest.fixture(scope="module")
def verdicts(api, stockade, space, existing):
    """{fixture: [Verdict]} for every fixture, in every position, on CREATE and on UPDATE. Where the schema comes before
    the webhook, the webhook is asked directly."""
    path = SANDBOXES.format(namespace=space)
    result = {}
    with direct_reviews(stockade) as webhook:

        def judge(position, operation, answer, obj):
            codes = answer.codes
            if not answer.admitted and not answer.by_webhook:
                codes = codes_of(webhook.review(obj, operation, existing if operation == "UPDATE" else None))
            return Verdict(position, operation, answer.admitted, codes, answer.message)

        for fixture in fixtures():
            found = result.setdefault(fixture.label, [])
            for position, template in fixture.variants():
                created = as_sandbox(template)
                found.append(judge(position, "CREATE", api.create(path, created), created))
                updated = existing | {"spec": created["spec"]}
                answer = api.replace_spec(path, "existing", created["spec"])
                found.append(judge(position, "UPDATE", answer, updated))
    return result


FIXTURES = {fixture.label: fixture for fixture in fixtures()}
FAILING = sorted(label for label, fixture in FIXTURES.items() if fixture.verdict == "fail")
PASSING = sorted(label for label, fixture in FIXTURES.items() if fixture.verdict == "pass")


def in_position(verdicts, label, position, operation):
    return [v for v in verdicts[label] if (v.position, v.operation) == (position, operation)]


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
@pytest.mark.parametrize("label", [label for label in FAILING if label not in REPAIRED])
def test_failing_fixture_is_refused_in_every_position(verdicts, label, operation):
    expected = CODES[FIXTURES[label].family]
    for position in ("as it is", *POSITIONS):
        found = in_position(verdicts, label, position, operation)
        # Of a fixture with two containers, one may be as it should be.
        assert any(not v.admitted and v.codes & expected for v in found), (position, found)


@pytest.mark.parametrize("label", sorted(REPAIRED))
def test_failing_fixture_that_rendering_repairs_is_admitted(verdicts, label):
    assert_admitted_but_for_ephemeral(verdicts[label])


@pytest.mark.parametrize("label", [label for label in PASSING if label not in STRICTER])
def test_passing_fixture_is_admitted_in_every_position(verdicts, label):
    assert_admitted_but_for_ephemeral(verdicts[label])


def assert_admitted_but_for_ephemeral(found):
    for verdict in found:
        if verdict.position == "ephemeral":
            assert verdict.codes == {"EphemeralContainer"}, verdict
        else:
            assert verdict.admitted, verdict


@pytest.mark.parametrize("label", sorted(STRICTER))
def test_passing_fixture_that_the_floor_refuses_is_refused_for_the_known_reason(verdicts, label):
    for verdict in verdicts[label]:
        assert verdict.codes - {"EphemeralContainer"} == STRICTER[label], verdict


def test_admitted_fixtures_become_pods_that_restricted_admits(api, space):
    """The operator creates the pods; Pod Security admission, in that namespace, would refuse any that falls short."""
    expected = {}
    for number, label in enumerate(sorted(REPAIRED) + [label for label in PASSING if label not in STRICTER]):
        templates = {"as it is": None}
        templates |= {position: template for position, template in FIXTURES[label].variants()}
        for position, template in templates.items():
            # A probe in an init container is the API server's to refuse, whatever the standards say.
            if position == "ephemeral" or (position == "init" and "probes" in label):
                continue
            name = f"f{number}-{position.replace(' ', '-')}"
            answer = api.create(SANDBOXES.format(namespace=space), as_sandbox(template, name), dry_run=False)
            assert answer.admitted, (label, position, answer.message)
            expected[f"asb-{name}"] = (label, position)

    def missing():
        pods = api.request("GET", PODS.format(namespace=space)).body["items"]
        return expected.keys() - {pod["metadata"]["name"] for pod in pods}

    try:
        eventually(lambda: not missing(), timeout=60)
    except AssertionError:
        why = {}
        for name in missing():
            found = api.request("GET", SANDBOXES.format(namespace=space) + "/" + name.removeprefix("asb-")).body
            why[expected[name]] = found.get("status", {}).get("conditions")
        raise AssertionError(why) from None


def test_namespace_of_these_tests_refuses_what_is_not_hardened(api, space):
    """Else the test above would prove nothing: as pods, the fixtures that rendering repairs are refused there."""
    for label in sorted(REPAIRED):
        answer = api.create(PODS.format(namespace=space), FIXTURES[label].pod | {"metadata": {"name": "fixture"}})
        assert answer.code == 403 and "violates PodSecurity" in answer.message, (label, answer.message)


def test_count_of_fixtures(verdicts, capsys):
    """Prints the table of counts, and holds it to what the module of this version has."""
    counts = collections.Counter()
    for label, found in verdicts.items():
        level, verdict, _ = label.split("/")
        as_it_is = [v for v in found if v.position == "as it is"]
        admitted = {v.admitted for v in as_it_is}
        assert len(admitted) == 1, as_it_is
        counts[level, verdict, "admitted" if admitted.pop() else "refused"] += 1
    with capsys.disabled():  # the suite's log has it
        print("\nPod Security fixtures, as sandboxes; each in every position, on CREATE and on UPDATE")
        print(f"{'fixtures':<20}{'all':>5}{'refused':>9}{'admitted':>10}")
        for level in ("baseline", "restricted"):
            for verdict in ("fail", "pass"):
                refused, admitted = counts[level, verdict, "refused"], counts[level, verdict, "admitted"]
                print(f"{level + ' ' + verdict:<20}{refused + admitted:>5}{refused:>9}{admitted:>10}")
        print(f"requests: {sum(len(found) for found in verdicts.values())}")
    assert counts == {
        ("baseline", "fail", "refused"): 34,
        ("baseline", "pass", "refused"): 3,
        ("baseline", "pass", "admitted"): 12,
        ("restricted", "fail", "refused"): 67,
        ("restricted", "fail", "admitted"): 9,  # rendering hardens these
        ("restricted", "pass", "refused"): 4,
        ("restricted", "pass", "admitted"): 19,
    }
