"""From a recorded release to this version and back with the release's own programs, which hack/suites/skew builds: while an
upgrade goes on, each program of the one version is at work beside the other program of the other."""

import os
import pathlib

import pytest
from conftest import BUILD, CHART, NAMESPACE
from upgrades import upgrade  # noqa: F401

from cluster import eventually
from stockade import condition, sandbox

PROGRAMS = pathlib.Path(os.environ["STOCKADE_TEST_RELEASES"])  # VERSION/{operator,webhook}/stockade-*


class Skew:
    """An upgrade whose programs are of either version."""

    def __init__(self, upgrade):
        self.upgrade = upgrade
        self.cluster = upgrade.cluster
        self.programs = {"operator": upgrade.operator, "webhook": upgrade.running.webhook}
        self.steps = 0

    def run(self, **versions):
        """Both programs, each "release" or "new", and one after the other, as Deployments do it."""
        for name, version in versions.items():
            program = self.programs[name]
            directory = PROGRAMS / self.upgrade.record.name if version == "release" else BUILD
            program.stop()
            program.command[0] = str(directory / name / f"stockade-{name}")
            program.start()

    def kubectl(self, *arguments, **more):
        return self.cluster.must("-n", self.upgrade.agents, *arguments, **more)

    def ready(self, name):
        found = self.cluster.get("asb", name, "-n", self.upgrade.agents)
        return condition(found, "Ready").get("status") == "True"

    def works(self):
        """What users ask of it: a bad spec is refused; a sandbox is made, its pod made again, and all of it goes; somebody
        else makes no pod of a sandbox."""
        self.steps += 1
        name = f"step-{self.steps}"
        eventually(self.upgrade.refuses_host_network, timeout=60)
        self.kubectl("create", "-f", "-", input=sandbox(name))
        eventually(lambda: self.ready(name), timeout=60)
        uid = self.upgrade.uids()[f"asb-{name}"]
        self.kubectl("delete", "pod", f"asb-{name}", "--wait=false")
        eventually(lambda: self.upgrade.uids().get(f"asb-{name}", uid) != uid, timeout=60)
        eventually(lambda: self.ready(name), timeout=60)
        forged = {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "forged", "labels": {"stockade.dev/sandbox": name}},
            "spec": {"containers": [{"name": "agent", "image": "registry.example/agent:1"}]},
        }  # fmt: skip
        refused = self.cluster.kubectl("-n", self.upgrade.agents, "create", "--dry-run=server", "-f", "-", input=forged)
        assert refused.returncode != 0
        self.kubectl("delete", "asb", name, "--timeout=60s")
        eventually(lambda: f"asb-{name}" not in self.upgrade.pods(), timeout=60)


@pytest.fixture
def skew(upgrade):  # noqa: F811
    return Skew(upgrade)


def test_programs_of_both_versions_work_side_by_side(skew):
    upgrade = skew.upgrade  # noqa: F811
    skew.run(webhook="release", operator="release")
    wanted = upgrade.sandboxes()
    names = {f"asb-{each['metadata']['name']}" for each in wanted}
    assert len(names) > 10
    eventually(upgrade.refuses_host_network, timeout=60)
    skew.kubectl("create", "-f", "-", input=wanted)
    eventually(lambda: set(upgrade.pods()) == names, timeout=120)
    before = upgrade.uids()

    def nothing_restarted():
        assert {name: uid for name, uid in upgrade.uids().items() if name in names} == before
        assert upgrade.outdated() == set()

    skew.works()
    # helm writes CRDs, rights and registrations first; both of the release's programs go on.
    upgrade.install(CHART)
    skew.works()
    for versions in ({"webhook": "new"}, {"webhook": "release", "operator": "new"}, {"webhook": "new"}):
        skew.run(**versions)
        skew.works()
        nothing_restarted()
    # And back: first the programs, then what helm wrote.
    for versions in ({"webhook": "release"}, {"webhook": "new", "operator": "release"}, {"webhook": "release"}):
        skew.run(**versions)
        skew.works()
        nothing_restarted()
    upgrade.helm.must("rollback", "stockade", "1", "--namespace", NAMESPACE, "--wait")
    skew.works()
    nothing_restarted()
    assert names.isdisjoint(upgrade.deleted())
