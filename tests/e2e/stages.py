"""How long each stage of a sandbox's start takes, as a client of the API server sees it: watches of a namespace's
objects, and the moments at which they first told of something."""

import json
import subprocess
import threading
import time

KINDS = ("agentsandboxes", "deployments", "pods")


class Watches:
    """While the context lasts, what a namespace's objects become. `moments` are (seconds of time.monotonic, object)."""

    def __init__(self, cluster, namespace):
        self._command = [cluster.kubectl_path, "--kubeconfig", cluster.kubeconfig, "-n", namespace, "get"]
        self._processes = {}
        self._lock = threading.Lock()
        self._ended = False
        self.moments = []

    def __enter__(self):
        for kind in KINDS:
            threading.Thread(target=self._watch, args=(kind,), daemon=True).start()
        return self

    def _watch(self, kind):
        """Again whenever the API server ends it, as one does that is busy."""
        while True:
            with self._lock:
                if self._ended:
                    return
                command = [*self._command, kind, "--watch", "--output", "json"]
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                self._processes[kind] = process
            self._listen(process.stdout)
            process.wait()

    def _listen(self, stream):
        text = ""
        for line in stream:
            text += line
            # kubectl prints one indented object after another.
            if line == "}\n":
                found, text = json.loads(text), ""
                if "name" in found.get("metadata", {}):  # no Status by which a watch ends
                    self.moments.append((time.monotonic(), found))

    def __exit__(self, *_):
        with self._lock:
            self._ended = True
            for process in self._processes.values():
                process.terminate()

    def first(self, kind, holds):
        """When an object of a kind first was so, or None."""
        times = [at for at, found in self.moments if found["kind"] == kind and holds(found)]
        return min(times, default=None)


def condition(found, kind):
    conditions = found.get("status", {}).get("conditions") or []
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def container(pod, name):
    status = pod.get("status", {})
    listed = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return next((each for each in listed if each["name"] == name), {"state": {}})


def stages(watches, begun, name, agent="agent"):
    """[(stage, seconds)] of a sandbox that is Ready, one after another since `begun`; empty until it is. A stage that
    there was not, since the gateway was there already, is left out."""
    gateways = {f"asg-{name}"} | {
        found["status"]["egress"]["gateway"]
        for _, found in watches.moments
        if found["metadata"]["name"] == name and "egress" in found.get("status", {})
    }

    created = [each["metadata"]["creationTimestamp"] for _, each in watches.moments if each["metadata"]["name"] == name]

    def of_pod(holds):
        return watches.first("Pod", lambda found: found["metadata"]["name"] == f"asb-{name}" and holds(found))

    def of_gateway(holds):
        """Of one that was made for the sandbox: others were there when the watches began."""

        def is_made(found):
            gateway = found["metadata"].get("labels", {}).get("stockade.dev/gateway")
            return gateway in gateways and found["metadata"]["creationTimestamp"] >= min(created)

        return watches.first("Pod", lambda found: is_made(found) and holds(found))

    def of_sandbox(holds):
        return watches.first("AgentSandbox", lambda found: found["metadata"]["name"] == name and holds(found))

    def ran(each):
        return "running" in each["state"] or "terminated" in each["state"]

    marks = [
        ("admission", of_sandbox(lambda found: True)),
        ("gateway's objects", of_gateway(lambda found: True)),
        ("gateway's pod", of_gateway(lambda found: ran(container(found, "stockade-gateway")))),
        ("gateway answers", of_gateway(lambda found: condition(found, "Ready"))),
        ("pod is created", of_pod(lambda found: True)),
        ("pod's sandbox", of_pod(lambda found: ran(container(found, "stockade-canary")))),
        ("canary", of_pod(lambda found: "terminated" in container(found, "stockade-canary")["state"])),
        ("sidecar answers", of_pod(lambda found: "running" in container(found, "stockade-proxy")["state"])),
        ("agent runs", of_pod(lambda found: "running" in container(found, agent)["state"])),
        ("Ready", of_sandbox(lambda found: condition(found, "Ready"))),
    ]
    if marks[-1][1] is None:
        return []
    found, last = [], begun
    for stage, at in marks:
        if at is not None and at >= begun:
            found.append((stage, max(at - last, 0.0)))
            last = max(at, last)
    return found
