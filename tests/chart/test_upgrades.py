"""From a recorded release to this one and back, on a real API server with sandboxes running: helm upgrades and rolls back,
and the programs of this version take over what the release wrote.

The release's own programs are in no record (test_skew.py runs them). What they wrote is: the fingerprints of whole pods. So
the pods are made by this version's operator under the release's settings, and compared."""

import json

from conftest import CHART, NAMESPACE
from upgrades import ANNOTATIONS, upgrade  # noqa: F401

from cluster import eventually
from stockade import sandbox


def test_sandboxes_run_on_through_upgrade_and_rollback(upgrade):
    recorded = json.loads((upgrade.record / "pods.json").read_text())
    wanted = upgrade.sandboxes()
    names = {f"asb-{each['metadata']['name']}" for each in wanted}
    assert len(names) > 10
    wrote = {name: {key: recorded[name][key] for key in ANNOTATIONS} for name in names}

    # The release, with this version's webhook behind its registration.
    with upgrade.as_the_release():
        eventually(upgrade.refuses_host_network)
        upgrade.cluster.must("-n", upgrade.agents, "create", "-f", "-", input=wanted)
        eventually(lambda: set(upgrade.pods()) == names, timeout=120)
    # What it wrote, to the byte: the fingerprint is the whole pod's.
    assert {name: annotations for name, (_, annotations) in upgrade.pods().items()} == wrote
    before = upgrade.uids()

    # An operator that is newer than rights and CRDs does nothing at all.
    upgrade.operator_waits()
    assert upgrade.uids() == before

    # helm brings this version's objects, and its operator takes over.
    upgrade.install(CHART)
    upgrade.operator.start()
    eventually(lambda: upgrade.looked_at(len(names)), timeout=60)
    assert upgrade.uids() == before
    assert upgrade.outdated() == set()
    # What the release's operator creates, this version's webhook and policies admit.
    one = sorted(names)[0]
    upgrade.cluster.must("-n", upgrade.agents, "delete", "pod", one, "--wait=false")
    eventually(lambda: set(upgrade.pods()) == names and upgrade.uids()[one] != before[one], timeout=60)
    assert upgrade.pods()[one][1] == wrote[one]
    before = upgrade.uids()
    upgrade.operator.stop()

    # A version that would make other pods leaves those that run, and says which wait.
    upgrade.operator.config["defaults"] = {"tmpSize": "2Gi"}
    upgrade.operator.start()
    eventually(lambda: upgrade.outdated() == {name.removeprefix("asb-") for name in names}, timeout=120)
    assert upgrade.uids() == before
    upgrade.operator.stop()
    del upgrade.operator.config["defaults"]

    # Back to the release.
    upgrade.helm.must("rollback", "stockade", "1", "--namespace", NAMESPACE, "--wait")
    upgrade.operator_waits()
    with upgrade.as_the_release():
        eventually(lambda: upgrade.outdated() == set(), timeout=120)
        assert upgrade.uids() == before
        eventually(upgrade.refuses_host_network)
        upgrade.cluster.must("-n", upgrade.agents, "create", "-f", "-", input=sandbox("after"))
        eventually(lambda: "asb-after" in upgrade.pods(), timeout=60)
    assert upgrade.deleted() == [], "no operator restarted anything"
