"""The rights that the chart grants are those that the programs use: after all other tests, the audit log is compared with
the roles. conftest.py has this run last, and only after a whole run."""

import pytest
import yaml

from stockade import NAMESPACE, OPERATOR_USER, WEBHOOK_USER, helm_template
from test_gateways import GATEWAY_SETTINGS

# The API server asks for it where an owner reference blocks the deletion of its owner.
BY_THE_API_SERVER = {
    ("update", "stockade.dev", f"{kind}/finalizers")
    for kind in ("agentsandboxes", "agentsandboxclaims", "agentsandboxpools")
}


def granted(user, *settings):
    """Every (verb, API group, resource) that the chart, with these values, lets a service account do."""
    objects = [each for each in yaml.safe_load_all(helm_template(*settings)) if each]
    roles = {(each["kind"], each["metadata"]["name"]): each for each in objects if "rules" in each}
    subject = {"kind": "ServiceAccount", "name": user.rsplit(":", 1)[1], "namespace": NAMESPACE}
    rights = set()
    for binding in objects:
        if subject not in binding.get("subjects", []):
            continue
        for rule in roles[binding["roleRef"]["kind"], binding["roleRef"]["name"]]["rules"]:
            rights |= {(v, g, r) for v in rule["verbs"] for g in rule["apiGroups"] for r in rule["resources"]}
    return rights


def lines(rights):
    return "".join(f"\n  {verb} {resource}{'.' if group else ''}{group}" for verb, group, resource in sorted(rights))


@pytest.mark.parametrize("user", [OPERATOR_USER, WEBHOOK_USER], ids=["operator", "webhook"])
def test_rights_are_those_that_are_used(stockade, user):
    # Tests pose as the operator, too, with kubectl. A path that is no resource is open to every account.
    mine = [each for each in stockade.requests() if each["user"] == user and each["agent"].startswith("stockade/")]
    used = {(each["verb"], each["group"], each["resource"]) for each in mine if each["allowed"] and each["resource"]}
    # In Roles they are the same but for one, which asks about a Secret of one namespace: test_watch_namespaces.py.
    rights = granted(user) | granted(user, *GATEWAY_SETTINGS) | granted(user, "watchNamespaces={default}")
    # A first list is a part of its watch, but for API servers that do not stream it (before Kubernetes 1.34, by default)
    # and after a stream that broke off, which no test can count on.
    maybe = {("list", group, resource) for verb, group, resource in rights if verb == "watch"}
    unused = rights - used - maybe - BY_THE_API_SERVER
    differ = f"granted and not used:{lines(unused)}\nused and not granted:{lines(used - rights)}"
    assert not unused and used <= rights, f"{differ}\ngranted:{lines(rights)}\nused:{lines(used)}"
