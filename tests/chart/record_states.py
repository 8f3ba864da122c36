#!/usr/bin/python3
"""Records objects of each kind in each of their states, as a real operator leaves them, for the health checks of
gitops/.

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

from binding_space import claim, pool, template  # noqa: E402
from cluster import eventually, running_cluster  # noqa: E402
from stockade import condition, running_stockade, sandbox  # noqa: E402

# Of an operator that makes gateways.
IMAGES = {name: f"registry.example/{name}:1" for name in ("proxy", "canary", "credentials")}
EGRESS = {"allow": [{"host": "api.example.com"}]}


def recorded(obj):
    """What a GitOps controller looks at; the rest differs with each run."""
    kept = ("name", "namespace", "generation", "deletionTimestamp")
    metadata = {key: obj["metadata"][key] for key in kept if key in obj["metadata"]}
    if "namespace" in metadata:
        metadata["namespace"] = "agents"
    return {key: obj[key] for key in ("apiVersion", "kind", "spec", "status") if key in obj} | {"metadata": metadata}


class Recorder:
    def __init__(self, stockade, namespace, directory):
        self.stockade, self.namespace, self.directory = stockade, namespace, directory

    def kubectl(self, *args, input=None):
        return self.stockade.cluster.must("-n", self.namespace, *args, input=input)

    def write_pod_status(self, name, status):
        """As one of the control plane: the guards let nobody else."""
        writer = self.stockade.as_user("system:kube-controller-manager", "system:masters")
        writer.must(
            "-n", self.namespace, "patch", "pod", f"asb-{name}", "--subresource=status", "--type=merge",
            "-p", json.dumps({"status": status}),
        )  # fmt: skip

    def get(self, name, kind="asb"):
        return json.loads(self.kubectl("get", kind, name, "-o", "json"))

    def apply(self, name, **spec):
        self.kubectl("apply", "-f", "-", input=sandbox(name=name, **spec))

    def make(self, *objects):
        for obj in objects:
            self.kubectl("apply", "-f", "-", input=obj)

    def save(self, name, until, kind="asb"):
        """Waits until the object is so, and writes it down under its name."""

        def reached():
            obj = self.get(name, kind)
            return obj if until(obj) else None

        reached.__name__ = f"state_{name}"
        text = json.dumps(recorded(eventually(reached)), indent=2, sort_keys=True)
        (self.directory / f"{name}.json").write_text(text + "\n")


def is_so(kind, status, reason=None):
    def check(obj):
        found = condition(obj, kind)
        return found.get("status") == status and reason in (None, found.get("reason"))

    return check


def end_pod(recorder, name, phase):
    """As if the agent had ended by itself."""
    terminated = {"terminated": {"exitCode": 0 if phase == "Succeeded" else 1, "reason": phase}}
    recorder.write_pod_status(name, {"phase": phase, "containerStatuses": [{
        "name": "agent", "image": "registry.example/agent:1", "imageID": "", "ready": False, "restartCount": 0,
        "state": terminated,
    }]})  # fmt: skip


def record_sandboxes(recorder):
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
        end_pod(recorder, name, phase)
        recorder.save(name, is_so("Finished", "True"))

    stockade.uninstall_webhook()
    recorder.apply("stalled", podTemplate={"spec": {
        "hostNetwork": True, "containers": [{"name": "agent", "image": "registry.example/agent:1"}],
    }})  # fmt: skip
    recorder.save("stalled", is_so("Stalled", "True"))
    stockade.install_webhook()

    recorder.apply("widened")
    eventually(lambda: is_so("Ready", "True")(recorder.get("widened")))
    with stockade.without_guards():
        recorder.make({
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


def record_claims(recorder):
    recorder.make(template(), template("invalid", isolation="MicroVM"), pool("pool-full", replicas=1))
    recorder.save("pool-full", is_so("Ready", "True", "Full"), "asbpool")
    recorder.make(claim("claim-ready", pool="pool-full"))
    recorder.save("claim-ready", is_so("Ready", "True", "SandboxReady"), "asbc")
    recorder.make(claim("claim-expired", lifecycle={"shutdownTime": "2026-01-01T00:00:00Z"}))
    recorder.save("claim-expired", is_so("Finished", "True", "Expired"), "asbc")
    recorder.make(claim("claim-timed-out", of="invalid", timeoutSeconds=1))
    recorder.save("claim-timed-out", is_so("Finished", "True", "TimedOut"), "asbc")
    recorder.make(claim("claim-starting", of="invalid"))
    recorder.save("claim-starting", is_so("Ready", "False", "RuntimeClassMissing"), "asbc")
    recorder.make(template("crashing", image="crashing.invalid/agent:1"), claim("claim-crashing", of="crashing"))
    recorder.save("claim-crashing", is_so("Ready", "False", "CrashLoop"), "asbc")
    recorder.make(claim("claim-without-template", of="nowhere"))
    recorder.save("claim-without-template", is_so("Ready", "False", "TemplateNotFound"), "asbc")
    recorder.make(claim("claim-not-allowed", env=[{"name": "OTHER", "value": "1"}]))
    recorder.save("claim-not-allowed", is_so("Ready", "False", "EnvNotAllowed"), "asbc")
    recorder.apply("claim-stalled")
    recorder.make(claim("claim-stalled"))
    recorder.save("claim-stalled", is_so("Stalled", "True", "NameConflict"), "asbc")
    recorder.make(template("once", podTemplate={"spec": {
        "restartPolicy": "Never", "containers": [{"name": "agent", "image": "registry.example/agent:1"}],
    }}))  # fmt: skip
    recorder.make(claim("claim-finished", of="once"))
    eventually(lambda: is_so("Ready", "True")(recorder.get("claim-finished", "asbc")))
    end_pod(recorder, "claim-finished", "Succeeded")
    recorder.save("claim-finished", is_so("Finished", "True", "SandboxFinished"), "asbc")

    recorder.make(pool("pool-filling", replicas=2, of="invalid"))
    recorder.save("pool-filling", is_so("Ready", "False", "Filling"), "asbpool")
    recorder.make(pool("pool-without-template", of="nowhere"))
    recorder.save("pool-without-template", is_so("Ready", "False", "TemplateNotFound"), "asbpool")
    recorder.make(pool("pool-backing-off", replicas=1, of="invalid", refill={"startupTimeoutSeconds": 10}))
    recorder.save("pool-backing-off", is_so("Ready", "False", "BackingOff"), "asbpool")


def record_policies(recorder):
    def policy(name, registry):
        return {
            "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxPolicy", "metadata": {"name": name},
            "spec": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "nowhere"}},
                "images": {"allowedRegistries": [registry]},
            },
        }  # fmt: skip

    recorder.make(policy("policy-applied", "registry.example/team"))
    recorder.save("policy-applied", is_so("Ready", "True", "Applied"), "asbp")
    recorder.stockade.uninstall_webhook()
    try:
        # The API server may ask for a moment yet.
        eventually(lambda: recorder.stockade.cluster.kubectl(
            "apply", "-f", "-", input=policy("policy-invalid", "acme")
        ).returncode == 0)  # fmt: skip
        recorder.save("policy-invalid", is_so("Ready", "False", "Invalid"), "asbp")
    finally:
        recorder.stockade.install_webhook()


def record_gateways(recorder):
    """Of an operator that makes gateways; kwok plays the kubelet, and what the canary found is written for it."""
    recorder.stockade.settings = tuple(
        f"operator.config.egress.images.{name}={image}" for name, image in IMAGES.items()
    )
    recorder.stockade.install_webhook()
    operator = recorder.stockade.operator
    operator.stop()
    operator.config["egress"] = {"images": IMAGES}
    operator.start()
    recorder.apply("proven", egress=EGRESS)
    recorder.save("proven", is_so("EgressIsolated", "True", "ProvenByCanary"))

    recorder.apply("network-open", egress=EGRESS)
    eventually(lambda: is_so("Ready", "True")(recorder.get("network-open")))
    found = {"exitCode": 1, "reason": "Error", "message": "tcp://10.96.0.1:443 is open"}
    write_status(recorder, "network-open", "Pending", {"stockade-canary": {
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
        "lastState": {"terminated": found}, "restartCount": 1,
    }}, {"waiting": {"reason": "PodInitializing"}})  # fmt: skip
    recorder.save("network-open", is_so("EgressIsolated", "False", "NetworkOpen"))

    recorder.apply("probe-fails", egress=EGRESS)
    eventually(lambda: is_so("Ready", "True")(recorder.get("probe-fails")))
    write_status(recorder, "probe-fails", "Running", {"stockade-proxy": {"ready": False}}, None)
    recorder.save("probe-fails", is_so("EgressIsolated", "Unknown", "ProbeFails"))

    # No pod of a gateway comes to be.
    recorder.make({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}},
    })  # fmt: skip
    eventually(lambda: "hard" in recorder.get("none", "resourcequota").get("status", {}))
    recorder.apply("gateway-not-ready", egress=EGRESS)
    recorder.save("gateway-not-ready", is_so("Ready", "False", "GatewayNotReady"))


def write_status(recorder, name, phase, init, agent):
    """As the kubelet would: the state of some containers of the operator's, and of all others where one is given."""
    status = recorder.get(f"asb-{name}", "pod")["status"]
    for each in status["initContainerStatuses"]:
        each |= init.get(each["name"], {})
    for each in status["containerStatuses"]:
        if agent:
            each |= {"state": agent, "ready": False, "started": False}
    for each in status["conditions"]:
        if each["type"] in ("Ready", "ContainersReady"):
            each |= {"status": "False", "reason": "ContainersNotReady"}
    recorder.write_pod_status(name, status | {"phase": phase})


def main():
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "recorded"
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        with running_cluster(work / "cluster") as cluster:
            cluster.install_crds()
            (work / "stockade").mkdir()
            with running_stockade(cluster, work / "stockade") as stockade, cluster.new_namespace() as namespace:
                recorder = Recorder(stockade, namespace, directory)
                for record in (record_sandboxes, record_claims, record_policies, record_gateways):
                    record(recorder)


if __name__ == "__main__":
    main()
