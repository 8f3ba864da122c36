"""Pods in the form that the operator gives them, and what a pod template would make of them."""

import copy

# What a refusal by the admission policy for their form says before the rule's code.
HARDENED_PODS_DENIED = (
    "ValidatingAdmissionPolicy 'stockade-hardened-pods' with binding 'stockade-hardened-pods' denied request: "
)

CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


def hardened(sandbox="agent", **labels):
    """A pod as the operator makes it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"asb-{sandbox}", "labels": {"stockade.dev/sandbox": sandbox} | labels},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "dnsPolicy": "None",
            "dnsConfig": {"nameservers": ["127.0.0.1"]},
            "terminationGracePeriodSeconds": 30,
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "initContainers": [container("stockade-proxy") | {"restartPolicy": "Always"}],
            "containers": [container("agent")],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
        },
    }  # fmt: skip


def container(name):
    return {
        "name": name,
        "image": "registry.example/agent:1",
        "securityContext": {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": "100m"}, "limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "4Gi"},
        },
    }  # fmt: skip


def merged(obj, change):
    """A merge patch (RFC 7386); a list of one object is merged into the first element."""
    if isinstance(change, list) and isinstance(obj, list) and len(change) == 1 and isinstance(change[0], dict):
        return [merged(obj[0], change[0])] + obj[1:]
    if not isinstance(change, dict) or not isinstance(obj, dict):
        return change
    result = copy.deepcopy(obj)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key, {}), value)
    return result


def defaults_for(given):
    """What a container of a template is merged into."""
    defaults = container("")
    # Beside privileged the API server takes no allowPrivilegeEscalation: false.
    if (given.get("securityContext") or {}).get("privileged"):
        del defaults["securityContext"]["allowPrivilegeEscalation"]
    return defaults


def pod_of(template, sandbox="case"):
    """The pod of a template: what the template says stays, for better or worse, and what it leaves out is hardened."""
    pod = hardened(sandbox)
    for key in ("labels", "annotations"):
        pod["metadata"].setdefault(key, {}).update((template.get("metadata") or {}).get(key) or {})
    for key, value in template["spec"].items():
        if key in CONTAINER_LISTS and isinstance(value, list):
            own = pod["spec"].get(key, []) if key == "initContainers" else []
            pod["spec"][key] = own + [merged(defaults_for(c) if key != "ephemeralContainers" else {}, c) for c in value]
        elif key == "volumes" and isinstance(value, list):
            pod["spec"][key] = value + pod["spec"][key]
        elif key == "securityContext":
            pod["spec"][key] = merged(pod["spec"][key], value or {})
        else:
            pod["spec"][key] = value
    return pod
