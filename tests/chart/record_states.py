#!/usr/bin/python3
"""Records an AgentSandbox in each of its states, as a real operator leaves it, for the health checks of gitops/.

usage: record_states.py [DIRECTORY]    writes DIRECTORY/STATE.json (default: recorded/ beside this file)

Run it when the conditions have changed, after hack/build release. It brings up a cluster of its own, or uses the one
that STOCKADE_TEST_KUBECONFIG names.
"""

import json
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from cluster import eventually, running_cluster  # noqa: E402
from stockade import condition, running_stockade, sandbox  # noqa: E402


def recorded(obj):
    """What a GitOps controller looks at; the rest differs with each run."""
    metadata = {key: obj["metadata"][key] for key in ("name", "namespace", "generation")}
    if "deletionTimestamp" in obj["metadata"]:
        metadata["deletionTimestamp"] = obj["metadata"]["deletionTimestamp"]
    metadata["namespace"] = "agents"
    return {key: obj[key] for key in ("apiVersion", "kind", "spec", "status") if key in obj} | {"metadata": metadata}


class Recorder:
    def __init__(self, stockade, namespace, directory):
        self.stockade, self.namespace, self.directory = stockade, namespace, directory

    def kubectl(self, *args, input=None):
        return self.stockade.cluster.must("-n", self.namespace, *args, input=input)

    def get(self, name):
        return json.loads(self.kubectl("get", "asb", name, "-o", "json"))

    def apply(self, name, **spec):
        self.kubectl("apply", "-f", "-", input=sandbox(name=name, **spec))

    def save(self, name, until):
        """Waits until the object is so, and writes it down under its name."""

        def reached():
            obj = self.get(name)
            return obj if until(obj) else None

        reached.__name__ = f"state_{name}"
        text = json.dumps(recorded(eventually(reached)), indent=2, sort_keys=True)
        (self.directory / f"{name}.json").write_text(text + "\n")


def is_so(kind, status, reason=None):
    def check(obj):
        found = condition(obj, kind)
        return found.get("status") == status and reason in (None, found.get("reason"))

    return check


def record(recorder):
    stockade = recorder.stockade
    recorder.apply("ready")
    recorder.save("ready", is_so("Ready", "True"))

    recorder.apply("unpullable", image="unpullable.invalid/agent:1")
    recorder.save("unpullable", is_so("Ready", "False", "ImagePullFailed"))
    recorder.apply("crashing", image="crashing.invalid/agent:1")
    recorder.save("crashing", is_so("Ready", "False", "CrashLoop"))
    recorder.apply("missing-runtime", isolation="MicroVM")
    recorder.save("missing-runtime", is_so("Ready", "False", "RuntimeClassMissing"))

    recorder.apply("suspended", operatingMode="Suspended")
    recorder.save("suspended", is_so("Suspended", "True"))
    recorder.apply("expired", lifecycle={"shutdownTime": "2026-01-01T00:00:00Z"})
    recorder.save("expired", is_so("Finished", "True", "Expired"))
    recorder.apply("suspending", image="ignores-sigterm.invalid/agent:1")
    eventually(lambda: is_so("Ready", "True")(recorder.get("suspending")))
    recorder.apply("suspending", image="ignores-sigterm.invalid/agent:1", operatingMode="Suspended")
    recorder.save("suspending", is_so("Suspended", "False", "PodTerminating"))

    for name, phase in (("succeeded", "Succeeded"), ("failed", "Failed")):
        recorder.apply(name, podTemplate={"spec": {
            "restartPolicy": "Never", "containers": [{"name": "agent", "image": "registry.example/agent:1"}],
        }})  # fmt: skip
        eventually(lambda name=name: is_so("Ready", "True")(recorder.get(name)))
        terminated = {"terminated": {"exitCode": 0 if phase == "Succeeded" else 1, "reason": phase}}
        recorder.kubectl(
            "patch", "pod", f"asb-{name}", "--subresource=status", "--type=merge", "-p",
            json.dumps({"status": {"phase": phase, "containerStatuses": [{
                "name": "agent", "image": "registry.example/agent:1", "imageID": "", "ready": False,
                "restartCount": 0, "state": terminated,
            }]}}),
        )  # fmt: skip
        recorder.save(name, is_so("Finished", "True"))

    stockade.uninstall_webhook()
    recorder.apply("stalled", podTemplate={"spec": {
        "hostNetwork": True, "containers": [{"name": "agent", "image": "registry.example/agent:1"}],
    }})  # fmt: skip
    recorder.save("stalled", is_so("Stalled", "True"))
    stockade.install_webhook()

    recorder.apply("widened")
    eventually(lambda: is_so("Ready", "True")(recorder.get("widened")))
    recorder.kubectl("apply", "-f", "-", input={
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "open"},
        "spec": {
            "podSelector": {"matchLabels": {"stockade.dev/sandbox": "widened"}}, "policyTypes": ["Egress"],
            "egress": [{}],
        },
    })  # fmt: skip
    recorder.save("widened", is_so("EgressIsolated", "False"))

    # Nobody looks at the next ones.
    recorder.apply("unobserved")
    eventually(lambda: is_so("Ready", "True")(recorder.get("unobserved")))
    stockade.operator.stop()
    recorder.apply("unobserved", operatingMode="Suspended")
    recorder.save("unobserved", lambda obj: obj["metadata"]["generation"] > obj["status"]["observedGeneration"])
    recorder.apply("new")
    recorder.save("new", lambda obj: True)
    stockade.operator.start()


def main():
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "recorded"
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        with running_cluster(work / "cluster") as cluster:
            cluster.install_crds()
            (work / "stockade").mkdir()
            with running_stockade(cluster, work / "stockade") as stockade, cluster.new_namespace() as namespace:
                record(Recorder(stockade, namespace, directory))


if __name__ == "__main__":
    main()
