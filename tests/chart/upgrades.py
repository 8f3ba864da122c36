"""A recorded release and this version, one after the other in a cluster with sandboxes: what the tests of upgrades share."""

import contextlib
import json

import pytest
import yaml
from conftest import CHART, NAMESPACE, ROOT, Helm, remove_crds, sets

from cluster import CRDS, crd_name, eventually
from stockade import OPERATOR_USER, Stockade, condition, operator_program, sandbox

RELEASES = sorted(path for path in (ROOT / "tests" / "corpus" / "releases").iterdir() if path.is_dir())
# Of whole pods, and of what the operator adds. (spec-hash is of the sandbox as the API server has it, with defaults, and
# the record of sandboxes as they are in files.)
ANNOTATIONS = ("profile-hash", "fingerprint")
SUPPLEMENT = "later-kinds"
NEWER = "agentsandboxtemplates.stockade.dev,agentsandboxpools.stockade.dev,agentsandboxclaims.stockade.dev"
EVERY = 6  # of the recorded sandboxes one out of so many; tests/chart/test_releases.py compares all of them


class Upgrade:
    """A release and the version after it, in one namespace with sandboxes."""

    def __init__(self, cluster, record, directory, agents):
        self.cluster = cluster
        self.record = record
        self.agents = agents
        self.helm = Helm(cluster.kubeconfig)
        self.running = Stockade(cluster, directory)
        settings = yaml.safe_load((record / "operator.yaml").read_text())
        # Both versions of the operator have the release's settings, on which it depends what pods look like.
        self.operator = operator_program(
            directory, self.running.directory / "operator.kubeconfig", runtimeClasses={}, egress=settings["egress"]
        )
        self.values = {
            "operator.deploy": "false", "webhook.deploy": "false", "webhook.certificates.mode": "files",
            "webhook.url": f"https://127.0.0.1:{self.running.webhook_port}", "webhook.caBundle": self.running.ca_bundle,
            "runtimeClasses.create.gvisor": "runsc", "runtimeClasses.create.kata": "kata",
        } | {f"operator.config.egress.images.{name}": image for name, image in settings["egress"]["images"].items()}  # fmt: skip

    def install(self, chart):
        self.helm.must(
            "upgrade", "--install", "stockade", str(chart), "--namespace", NAMESPACE, "--reset-values", "--wait",
            *sets(self.values),
        )  # fmt: skip

    @contextlib.contextmanager
    def as_the_release(self):
        """The operator in the release's place: with kinds that this version reads and the release does not know, and the
        rights to, as long as the context lasts."""
        known = {each["metadata"]["name"] for each in self.cluster.get("crd")["items"]}
        lacking = [path for path in CRDS.glob("*.yaml") if crd_name(path) not in known]
        for path in lacking:
            self.cluster.must("apply", "--server-side", "-f", str(path))
        eventually(lambda: self.cluster.kubectl("get", NEWER).returncode == 0)
        self.cluster.must("create", "clusterrole", SUPPLEMENT, "--verb=get,list,watch", f"--resource={NEWER},events.events.k8s.io")
        self.cluster.must("create", "clusterrolebinding", SUPPLEMENT, f"--clusterrole={SUPPLEMENT}", f"--user={OPERATOR_USER}")
        try:
            self.operator.start()
            yield
        finally:
            self.operator.stop()
            self.cluster.must("delete", "clusterrolebinding,clusterrole", SUPPLEMENT)
            if lacking:
                remove_crds(self.cluster, *lacking)

    def operator_waits(self):
        """This version's operator without rights that it needs gets not ready, and says which it lacks."""
        self.operator.start(wait_ready=False)
        began = self.operator.log_path.read_text().count("operator has started")

        def says_so():
            log = self.operator.log_path.read_text().split("operator has started")
            return len(log) > began and "cannot watch resource" in log[-1]

        eventually(says_so)
        assert not self.operator.is_ready()
        self.operator.stop()

    def sandboxes(self):
        """Those of which this version makes the same pods: it plays the release. Of the others, which are those with a
        gateway, test_releases.py says what waits."""
        recorded = yaml.safe_load_all((self.record / "sandboxes.yaml").read_text())
        return [each for each in recorded if "egress" not in each["spec"]][::EVERY]

    def pods(self):
        """{name: (uid, ANNOTATIONS)} of the sandboxes' pods."""
        items = json.loads(
            self.cluster.must("-n", self.agents, "get", "pods", "-l", "stockade.dev/sandbox", "-o", "json")
        )["items"]
        return {
            each["metadata"]["name"]: (
                each["metadata"]["uid"],
                {name: each["metadata"]["annotations"][f"stockade.dev/{name}"] for name in ANNOTATIONS},
            )
            for each in items
        }

    def uids(self):
        return {name: uid for name, (uid, _) in self.pods().items()}

    def outdated(self):
        items = json.loads(self.cluster.must("-n", self.agents, "get", "asb", "-o", "json"))["items"]
        return {each["metadata"]["name"] for each in items if condition(each, "PodOutdated").get("status") == "True"}

    def looked_at(self, count):
        """So many sandboxes were reconciled since the operator started."""
        kinds = ("controller_runtime_reconcile_total{", 'controller="sandbox"')
        return sum(value for name, value in self.operator.metrics().items() if all(kind in name for kind in kinds)) >= count

    def refuses_host_network(self):
        """The registration is in force, and the webhook answers it."""
        bad = sandbox("bad")
        bad["spec"]["podTemplate"]["spec"]["hostNetwork"] = True
        done = self.cluster.kubectl("-n", self.agents, "create", "--dry-run=server", "-f", "-", input=bad)
        return "is refused by" in done.stderr

    def deleted(self):
        return [
            write["name"] for write in self.running.audit()
            if write["user"] == OPERATOR_USER and write["verb"] == "delete" and write["resource"] == "pods"
            and write["namespace"] == self.agents
        ]  # fmt: skip


def there_is_a_namespace(cluster):
    cluster.kubectl("create", "namespace", NAMESPACE)
    found = cluster.kubectl("get", "namespace", NAMESPACE, "-o", "jsonpath={.status.phase}")
    return found.stdout == "Active"


@pytest.fixture(params=RELEASES, ids=[path.name for path in RELEASES])
def upgrade(request, cluster, tmp_path):
    # One of other tests may be there, or on its way out.
    eventually(lambda: there_is_a_namespace(cluster), timeout=90)
    with cluster.new_namespace("agents") as agents:
        made = Upgrade(cluster, request.param, tmp_path, agents)
        try:
            made.install(request.param / "chart.tgz")
            made.running.webhook.start()
            yield made
            made.install(CHART)
            if made.operator.process is None:
                made.operator.start()
            cluster.must("-n", agents, "delete", "asb", "--all", "--wait=false")
            eventually(lambda: not cluster.get("networkpolicies", "-n", agents)["items"], timeout=120)
        finally:
            made.operator.stop()
            made.running.webhook.stop()
            # Deleted at last, by hand: RuntimeClasses are guarded, and nobody answers any more.
            cluster.must("delete", "validatingwebhookconfiguration", "stockade-guards", "--ignore-not-found")
            made.helm.must("uninstall", "stockade", "--namespace", NAMESPACE, "--no-hooks", "--wait")
    remove_crds(cluster)
    cluster.must("delete", "namespace", NAMESPACE)
