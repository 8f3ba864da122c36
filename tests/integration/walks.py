"""Random walks of users, controllers and accidents through one namespace, and what must hold at their ends.

A walk is a list of steps, each a list of a verb and its arguments, so that it can be printed, played again and cut down
to the few that fail. What a step finds impossible, because the API server refuses it or because there is nothing to do it
to, changes nothing: every part of a walk is a walk.
"""

import collections
import contextlib
import copy
import json
import random
import time

from api_client import ApiClient
from fault_stage import assert_same, stable
from stockade import condition

GROUP = "/apis/stockade.dev/v1alpha1"
PATHS = {
    "asb": f"{GROUP}/namespaces/{{}}/agentsandboxes", "asbt": f"{GROUP}/namespaces/{{}}/agentsandboxtemplates",
    "asbpool": f"{GROUP}/namespaces/{{}}/agentsandboxpools", "asbc": f"{GROUP}/namespaces/{{}}/agentsandboxclaims",
    "pods": "/api/v1/namespaces/{}/pods", "services": "/api/v1/namespaces/{}/services",
    "networkpolicies": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
}  # fmt: skip
KINDS = {
    "asb": "AgentSandbox", "asbt": "AgentSandboxTemplate", "asbpool": "AgentSandboxPool", "asbc": "AgentSandboxClaim",
}  # fmt: skip
POLICIES = f"{GROUP}/agentsandboxpolicies"
# What an administrator may demand.
DEMANDS = (
    {"images": {"requireDigest": True}}, {"minimumIsolation": "MicroVM"}, {"access": {"forbidExec": True}},
    {"lifetime": {"required": True}},
)  # fmt: skip
NAMES = ("a", "b")
POOL, TEMPLATE, CLAIMS = "pool", "template", ("c", "d")
DAY = 86400  # seconds; no walk lasts so long
# What a claim may have beside its source, field by field of its schema, and what its template has to let it set.
CLAIM_FIELDS = {
    "env": [{"name": "TASK", "value": "claim"}],
    "podMetadata": {"labels": {"team": "blue"}, "annotations": {"note": "claim"}},
    "lifecycle": {"maxLifetimeSeconds": DAY, "shutdownTime": "2089-01-01T00:00:00Z", "ttlSecondsAfterFinished": DAY},
    "timeoutSeconds": DAY,
}
ALLOWED = {"env": ["TASK"], "labels": ["team"], "annotations": ["note"]}
SOURCES = {"pool": ("poolRef", POOL), "template": ("templateRef", TEMPLATE)}


def tame(spec):
    """A generated spec without what would make its end depend on the way there."""
    spec = copy.deepcopy(spec)
    lifetime = spec.get("lifecycle", {})
    if "maxLifetimeSeconds" in lifetime:
        lifetime["maxLifetimeSeconds"] = max(DAY, lifetime["maxLifetimeSeconds"])
    # No claim is there for a volume that names one.
    spec["mounts"] = [each for each in spec.get("mounts", []) if "persistentVolumeClaim" not in each]
    if not spec["mounts"]:
        del spec["mounts"]
    pod = spec["podTemplate"]["spec"]
    kept = [each for each in pod.get("volumes") or [] if "persistentVolumeClaim" not in each and "ephemeral" not in each]
    gone = {each["name"] for each in pod.get("volumes") or []} - {each["name"] for each in kept}
    if gone:
        pod["volumes"] = kept
        for container in pod["containers"] + (pod.get("initContainers") or []):
            for field in ("volumeMounts", "volumeDevices"):
                container[field] = [each for each in container.get(field) or [] if each["name"] not in gone]
    return spec


def invent(seed, specs, length=24):
    """The steps of a walk. `specs` are sandboxes' specs that the API server admits, the first an ordinary one."""
    chance = random.Random(seed)

    def spec():
        return chance.randrange(len(specs))

    verbs = {
        "create": (5, lambda: [chance.choice(NAMES), spec()]),
        "edit": (5, lambda: [chance.choice(NAMES), chance.choice(fields), spec()]),
        "suspend": (2, lambda: [chance.choice(NAMES)]),
        "resume": (2, lambda: [chance.choice(NAMES)]),
        "delete": (2, lambda: [chance.choice(NAMES)]),
        "kill": (2, lambda: [chance.randrange(4)]),
        "spoil": (3, lambda: [chance.choice(("networkpolicies", "services", "pods")), chance.randrange(6)]),
        "remove": (2, lambda: [chance.choice(("networkpolicies", "services")), chance.randrange(6)]),
        "demand": (1, lambda: [chance.randrange(len(DEMANDS)), chance.choice(("Warn", "Warn", "Enforce"))]),
        "permit": (1, lambda: []),
        "lose node": (1, lambda: [chance.randrange(3)]),
        "template": (2, lambda: [spec()]),
        "pool": (2, lambda: [chance.randrange(4), chance.choice(("OnReplenish", "Recreate")), chance.randrange(1, 4),
                             chance.choice((300, 600))]),
        "drop": (1, lambda: [chance.choice(("asbt", "asbpool"))]),
        "claim": (4, lambda: [chance.choice(CLAIMS), chance.choice(tuple(SOURCES)),
                              [field for field in CLAIM_FIELDS if chance.random() < 0.25]]),
        "put off": (1, lambda: [chance.choice(CLAIMS), chance.randrange(2090, 2100)]),
        "release": (4, lambda: [chance.choice(CLAIMS), chance.choice(("Background", "Foreground", "Orphan"))]),
        "take": (1, lambda: [chance.randrange(4)]),
        "wait": (3, lambda: [round(chance.random(), 2)]),
    }  # fmt: skip
    fields = sorted({key for each in specs for key in each})
    # Without a template of which something can be made, pools and claims only wait.
    first = [["template", 0], ["pool", 2, chance.choice(("OnReplenish", "Recreate")), 10, 300]]
    steps = first if chance.random() < 0.7 else []
    for _ in range(length):
        (verb,) = chance.choices(list(verbs), weights=[weight for weight, _ in verbs.values()])
        steps.append([verb, *verbs[verb][1]()])
    return steps


class Walker:
    """Plays walks in one namespace. For one thread."""

    def __init__(self, cluster, namespace, specs):
        self.cluster, self.namespace, self.specs = cluster, namespace, specs
        self.api = ApiClient(cluster.kubeconfig)
        self.verb = ""  # of the step that is played
        self.demand = None  # of the policy that there is, and how it is enforced
        self.templates = {}  # the blueprints that there have been, by their revision as JSON
        self.effects = collections.Counter()  # how often a step of each verb has changed something

    def close(self):
        self.api.request("DELETE", f"{POLICIES}/{self.namespace}")
        self.api.close()

    def play(self, steps):
        for verb, *arguments in steps:
            self.verb = verb
            getattr(self, "step_" + verb.replace(" ", "_"))(*arguments)

    def write(self, answer):
        """Notes what a write has come to."""
        self.effects[self.verb] += answer.admitted
        return answer

    # Reading and writing

    def path(self, kind, name=""):
        return PATHS[kind].format(self.namespace) + (f"/{name}" if name else "")

    def list(self, kind):
        return self.api.request("GET", self.path(kind)).body["items"]

    def put(self, kind, name, spec):
        """Creates it, or gives it that spec."""
        obj = {
            "apiVersion": "stockade.dev/v1alpha1", "kind": KINDS[kind],
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
        }  # fmt: skip
        answer = self.api.create(self.path(kind), obj, dry_run=False)
        if answer.body.get("reason") == "AlreadyExists":
            answer = self.api.replace_spec(self.path(kind), name, spec, dry_run=False)
        return self.write(answer)

    def change(self, kind, name, edit):
        """Writes what edit(object) makes of a stored object; nothing when there is none."""
        while True:
            read = self.api.request("GET", self.path(kind, name))
            if not read.admitted:
                return
            edit(read.body)
            answer = self.api.request("PUT", self.path(kind, name), read.body)
            if answer.body.get("reason") != "Conflict":
                self.write(answer)
                return

    def delete(self, kind, name, **options):
        self.write(self.api.request("DELETE", self.path(kind, name), options or None))

    def one_of(self, kind, number):
        """One of those that are there, in the order of their names; None when there is none."""
        found = sorted(self.list(kind), key=lambda each: each["metadata"]["name"])
        return found[number % len(found)] if found else None

    # The steps

    def step_create(self, name, spec):
        self.put("asb", name, self.specs[spec])

    def step_edit(self, name, field, spec):
        def edit(sandbox):
            value = self.specs[spec].get(field)
            sandbox["spec"].pop(field, None)
            if value is not None:
                sandbox["spec"][field] = value

        self.change("asb", name, edit)

    def step_suspend(self, name):
        self.change("asb", name, lambda sandbox: sandbox["spec"].update(operatingMode="Suspended"))

    def step_resume(self, name):
        self.change("asb", name, lambda sandbox: sandbox["spec"].update(operatingMode="Running"))

    def step_delete(self, name):
        self.delete("asb", name)

    def step_kill(self, number):
        if pod := self.one_of("pods", number):
            self.delete("pods", pod["metadata"]["name"], gracePeriodSeconds=0)

    def step_spoil(self, kind, number):
        """A hand edit of what the operator made."""
        if not (found := self.one_of(kind, number)):
            return

        def edit(obj):
            obj["metadata"].setdefault("labels", {}).pop("app.kubernetes.io/managed-by", None)
            if kind == "networkpolicies":
                obj["spec"]["ingress"], obj["spec"]["policyTypes"] = [{}], ["Ingress"]
            elif kind == "services":
                obj["spec"]["selector"] = {"app": "other"}

        self.change(kind, found["metadata"]["name"], edit)

    def step_remove(self, kind, number):
        if found := self.one_of(kind, number):
            self.delete(kind, found["metadata"]["name"])

    def step_demand(self, number, enforcement):
        selector = {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}
        spec = {"namespaceSelector": selector, "enforcement": enforcement} | DEMANDS[number]
        obj = {
            "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxPolicy",
            "metadata": {"name": self.namespace}, "spec": spec,
        }  # fmt: skip
        if not self.write(self.api.create(POLICIES, obj, dry_run=False)).admitted:
            self.write(self.api.replace_spec(POLICIES, self.namespace, spec, dry_run=False))

        self.demand = (number, enforcement)

    def step_permit(self):
        self.demand = None
        self.write(self.api.request("DELETE", f"{POLICIES}/{self.namespace}"))

    def step_lose_node(self, number):
        """A node that comes back empty."""
        node = self.api.request("GET", f"/api/v1/nodes/node-{number}").body
        if node["kind"] != "Node":
            return  # another walk has just lost it
        for pod in self.list("pods"):
            if pod["spec"].get("nodeName") == f"node-{number}":
                self.delete("pods", pod["metadata"]["name"], gracePeriodSeconds=0)

    def step_template(self, spec):
        names = [{"name": "TASK", "value": "template"}]
        changed = copy.deepcopy(self.specs[spec])
        changed.pop("operatingMode", None)
        for container in changed["podTemplate"]["spec"]["containers"]:
            container.setdefault("env", names)
        answer = self.put("asbt", TEMPLATE, {"template": {"spec": changed}, "claims": ALLOWED})
        if answer.admitted:
            blueprint = answer.body["spec"]["template"]["spec"]
            self.templates[json.dumps(blueprint, sort_keys=True)] = blueprint

    def step_pool(self, replicas, strategy, starting, patience):
        spec = {"templateRef": {"name": TEMPLATE}, "replicas": replicas, "updateStrategy": {"type": strategy}}
        self.put("asbpool", POOL, spec | {"refill": {"maxStarting": starting, "startupTimeoutSeconds": patience}})

    def step_drop(self, kind):
        self.delete(kind, TEMPLATE if kind == "asbt" else POOL)

    def step_put_off(self, name, year):
        """The one thing of a claim that may change: its end."""
        end = {"lifecycle": {"shutdownTime": f"{year}-01-01T00:00:00Z"}}
        self.change("asbc", name, lambda claim: claim["spec"].update(end))

    def step_claim(self, name, source, fields):
        reference, named = SOURCES[source]
        spec = {reference: {"name": named}} | {field: CLAIM_FIELDS[field] for field in fields}
        obj = {"apiVersion": "stockade.dev/v1alpha1", "kind": KINDS["asbc"], "metadata": {"name": name}, "spec": spec}
        self.write(self.api.create(self.path("asbc"), obj, dry_run=False))

    def step_release(self, name, propagation):
        self.delete("asbc", name, propagationPolicy=propagation)

    def step_take(self, number):
        """Somebody deletes a sandbox of a pool or a claim."""
        bound = [each for each in self.list("asb") if each["metadata"].get("ownerReferences")]
        if bound:
            self.delete("asb", sorted(each["metadata"]["name"] for each in bound)[number % len(bound)])

    def step_wait(self, seconds):
        time.sleep(seconds)

    # The end

    def settle(self, timeout=120):
        """Waits until nothing has been written for two seconds and the operator has seen every last spec."""
        deadline = time.monotonic() + timeout
        before, since = None, time.monotonic()
        while True:
            objects = {kind: self.list(kind) for kind in PATHS}
            now = {
                (kind, each["metadata"]["uid"], each["metadata"]["resourceVersion"])
                for kind, found in objects.items()
                for each in found
            }
            pending = [
                f"{kind}/{each['metadata']['name']}"
                for kind in ("asb", "asbc", "asbpool")
                for each in objects[kind]
                if "deletionTimestamp" in each["metadata"]
                or each.get("status", {}).get("observedGeneration") != each["metadata"]["generation"]
            ]
            pending += [f"pod/{each['metadata']['name']}" for each in objects["pods"]
                        if "deletionTimestamp" in each["metadata"]]  # fmt: skip
            # A busy machine may be quiet for two seconds between a sandbox's end and the pool's word of it.
            owned = collections.Counter(
                owner["uid"] for each in objects["asb"] for owner in each["metadata"].get("ownerReferences", [])
            )
            pending += [f"asbpool/{each['metadata']['name']}" for each in objects["asbpool"]
                        if each.get("status", {}).get("replicas", 0) != owned[each["metadata"]["uid"]]]  # fmt: skip
            if now != before or pending:
                before, since = now, time.monotonic() if now != before else since
            if not pending and time.monotonic() - since > 2:
                return objects
            assert time.monotonic() < deadline, f"still on their way: {pending}"
            time.sleep(0.25)


def visible(objects, names):
    """What the sandboxes of those names have come to, without whose they are."""
    state = {}
    for kind in ("asb", "pods", "services", "networkpolicies"):
        for each in objects[kind]:
            metadata = each["metadata"]
            name = metadata["name"] if kind == "asb" else metadata.get("labels", {}).get("stockade.dev/sandbox")
            if name not in names:
                continue
            kept = copy.deepcopy(each)
            if kind == "asb":
                kept = {"spec": kept["spec"], "status": kept["status"]}
                for each in kept["status"].get("conditions", []):
                    # What the scheduler says of the nodes depends on when it last looked.
                    each["message"] = each["message"].partition("nodes are available")[0]
                if "maxLifetimeSeconds" in kept["spec"].get("lifecycle", {}):
                    # It counts from when it was made.
                    kept["status"].pop("expiresAt", None)
            else:
                # A pod's status is the kubelet's.
                kept.pop("status", None)
                kept["metadata"].get("labels", {}).pop("stockade.dev/pool", None)
                template_keys = kept["metadata"].get("annotations", {})
                if "stockade.dev/template-keys" in template_keys:
                    keys = json.loads(template_keys["stockade.dev/template-keys"])
                    keys["labels"] = [key for key in keys["labels"] if key != "stockade.dev/pool"]
                    template_keys["stockade.dev/template-keys"] = json.dumps(keys)
                for owner in kept["metadata"].get("ownerReferences", []):
                    owner.pop("uid")
            if kind == "services":
                kept["spec"].pop("ipFamilies", None)
            state[f"{kind}/{metadata['name']}"] = stable(kept)
    return state


def check_owners(objects):
    """Every sandbox has at most one owner, every claim one sandbox, and every pool as many as it says."""
    sandboxes, claims, pools = objects["asb"], objects["asbc"], objects["asbpool"]
    owners = {each["metadata"]["uid"]: each["metadata"].get("ownerReferences", []) for each in sandboxes}
    known = {each["metadata"]["uid"] for each in claims + pools}
    for sandbox in sandboxes:
        name, of = sandbox["metadata"]["name"], owners[sandbox["metadata"]["uid"]]
        labels = {"stockade.dev/pool", "stockade.dev/claim"} & sandbox["metadata"].get("labels", {}).keys()
        assert len(of) == len(labels) <= 1, f"sandbox {name} has the owners {of} and the labels {labels}"
        assert {each["uid"] for each in of} <= known, f"the owner of sandbox {name} is gone"
    for claim in claims:
        own = [uid for uid, of in owners.items() if any(each["uid"] == claim["metadata"]["uid"] for each in of)]
        status = claim["status"]
        bound = condition(claim, "Bound")["status"] == "True"
        assert len(own) == bound, f"claim {claim['metadata']['name']} has {len(own)} sandboxes and says {status}"
        assert [status["sandbox"]["uid"]] == own if bound else "sandbox" not in status
        # Nothing but what is wrong with the template, or a name that is taken, keeps it from having one.
        if not bound:
            assert condition(claim, "Bound")["reason"] != "Pending", status
    for pool in pools:
        own = [uid for uid, of in owners.items() if any(each["uid"] == pool["metadata"]["uid"] for each in of)]
        wanted, ready = pool["spec"]["replicas"], condition(pool, "Ready")
        starting = len(own) - pool["status"].get("readyReplicas", 0)
        # Sandboxes that its claims wait for count too.
        starting += sum(each["spec"].get("poolRef", {}).get("name") == pool["metadata"]["name"] and
                        "readyAt" not in each["status"] for each in claims)  # fmt: skip
        # A template that went bad keeps the pool from making more, and takes nothing away. One whose pods the API
        # server does not take is found out when the first of them are given up.
        assert len(own) == wanted or (len(own) < wanted and (ready["reason"] in
               ("TemplateNotFound", "TemplateInvalid", "SandboxRefused", "BackingOff") or
               starting >= pool["spec"]["refill"]["maxStarting"])), pool["status"]  # fmt: skip
        if pool["spec"]["updateStrategy"]["type"] == "Recreate" and ready["status"] == "True":
            check_revisions(pool, [each for each in sandboxes if each["metadata"]["uid"] in own])


def check_revisions(pool, members):
    """All of them are made from the template as it is."""
    status = pool["status"]
    revisions = {each["metadata"]["annotations"]["stockade.dev/template-revision"] for each in members}
    assert revisions <= {status["templateRevision"]} and status["updatedReplicas"] == len(members), status


def as_claimed(blueprint, claim):
    """The spec of a sandbox of that template and claim, as far as a claim has a say."""
    spec = copy.deepcopy(blueprint)
    for container in spec["podTemplate"]["spec"]["containers"]:
        variables = {each["name"]: each for each in container.get("env", [])}
        variables |= {each["name"]: each for each in claim.get("env", [])}
        container["env"] = variables
    metadata = spec["podTemplate"].setdefault("metadata", {})
    for kind in ("labels", "annotations"):
        metadata[kind] = claim.get("podMetadata", {}).get(kind, {}) | metadata.get(kind, {})
    return spec


def check_made(objects, templates):
    """What pools and claims have is what a template said at some time, and what the claim adds."""
    claims = {each["metadata"]["uid"]: each["spec"] for each in objects["asbc"]}
    for sandbox in objects["asb"]:
        for owner in sandbox["metadata"].get("ownerReferences", []):
            found = as_claimed(sandbox["spec"], {})
            expected = [as_claimed(each, claims.get(owner["uid"], {})) for each in templates.values()]
            assert found in expected, f"{sandbox['metadata']['name']} of {owner['kind']} {owner['name']} is {found}"


def check_walk(cluster, specs, steps):
    """Plays a walk; then every sandbox must be what a fresh one of its last spec is. Returns Walker.effects."""
    with contextlib.ExitStack() as stack:
        namespace = stack.enter_context(cluster.new_namespace("walk"))
        walker = stack.enter_context(contextlib.closing(Walker(cluster, namespace, specs)))
        walker.play(steps)
        effects = walker.effects.copy()
        objects = walker.settle()
        check_owners(objects)
        check_made(objects, walker.templates)
        names = [each["metadata"]["name"] for each in objects["asb"]]

        fresh_space = stack.enter_context(cluster.new_namespace("fresh"))
        fresh = stack.enter_context(contextlib.closing(Walker(cluster, fresh_space, specs)))
        for sandbox in objects["asb"]:
            answer = fresh.put("asb", sandbox["metadata"]["name"], sandbox["spec"])
            assert answer.admitted, answer.message
        if walker.demand is not None:
            # What violates a policy was there before it.
            fresh.settle()
            fresh.step_demand(*walker.demand)
        expected = visible(fresh.settle(), names)
        found = json.loads(json.dumps(visible(objects, names)).replace(namespace, fresh_space))
        assert_same(found, expected)
    return effects


def shortest(fails, steps, tries=40):
    """Fewer steps of which fails(steps) is still true, found with at most so many tries."""
    size = max(1, len(steps) // 2)
    while tries > 0:
        position = 0
        cut = False
        while position < len(steps) and tries > 0:
            fewer = steps[:position] + steps[position + size :]
            tries -= 1
            if fails(fewer):
                steps, cut = fewer, True
            else:
                position += size
        if size == 1 and not cut:
            return steps
        size = max(1, size // 2)
    return steps

