"""What the tests of templates, pools and claims share."""

from stockade import condition
from test_operator import Space

IMAGE = "registry.example/agent:1"


def obj(kind, name, spec):
    return {"apiVersion": "stockade.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def template(name="agents", env=None, labels=None, annotations=None, image=IMAGE, **spec):
    """An AgentSandboxTemplate and what claims may set; keyword arguments are fields of the sandbox's spec."""
    made = {"podTemplate": {"spec": {"containers": [{"name": "agent", "image": image}]}}} | spec
    claims = {"env": env, "labels": labels, "annotations": annotations}
    claims = {field: names for field, names in claims.items() if names}
    return obj("AgentSandboxTemplate", name, {"template": {"spec": made}} | ({"claims": claims} if claims else {}))


def claim(name, pool=None, of=None, **spec):
    """An AgentSandboxClaim on a pool, or else on a template."""
    reference = {"poolRef": {"name": pool}} if pool else {"templateRef": {"name": of or "agents"}}
    return obj("AgentSandboxClaim", name, reference | spec)


def pool(name="warm", replicas=2, of="agents", **spec):
    return obj("AgentSandboxPool", name, {"templateRef": {"name": of}, "replicas": replicas} | spec)


class BindingSpace(Space):
    """One namespace and what the tests ask about its pools and claims."""

    def wait_claim(self, name, kind, status, reason=None, timeout=30):
        def has_it(found):
            has = condition(found or {}, kind)
            return has.get("status") == status and reason in (None, has.get("reason"))

        return self.wait_for("asbc", name, has_it, timeout)

    def wait_pool(self, name, ready, timeout=60, **status):
        def has_it(found):
            has = (found or {}).get("status", {})
            # Nothing of a status is left out but what is zero.
            return has.get("readyReplicas") == ready and all(has.get(key) == value for key, value in status.items())

        return self.wait_for("asbpool", name, has_it, timeout)

    def owned_by(self, kind, uid=None):
        """The sandboxes whose controller is of that kind, by name."""
        found = {}
        for sandbox in self.list("asb"):
            for owner in sandbox["metadata"].get("ownerReferences", []):
                if owner["kind"] == kind and uid in (None, owner["uid"]):
                    found[sandbox["metadata"]["name"]] = sandbox
        return found

    def list_selected(self, kind, selector):
        return self.cluster.get(kind, "-n", self.name, "-l", selector)["items"]

    def list(self, kind):
        return self.cluster.get(kind, "-n", self.name)["items"]
