"""The rights that the chart grants are those that the programs use: after all other tests, the audit log is compared with
the roles. conftest.py has this run last, and only after a whole run."""

import pytest
import yaml

from stockade import NAMESPACE, OPERATOR_USER, WEBHOOK_USER, helm_template
from test_gateways import GATEWAY_SETTINGS

# What the programs need and no test makes them ask for.
NOT_REQUESTED = {
    # The API server asks for it where an owner reference blocks the deletion of its owner.
    OPERATOR_USER: {("update", "stockade.dev", "agentsandboxes/finalizers")},
    # For API servers that do not stream the first list of a watch (before Kubernetes 1.34, by default).
    WEBHOOK_USER: {
        ("list", "", "secrets"),
        ("list", "admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    },
}


# What no test makes it ask for of what it may where it makes gateways.
NOT_REQUESTED_FOR_GATEWAYS = {("list", "", "configmaps")}  # as those of the webhook


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
    for_gateways = granted(user, *GATEWAY_SETTINGS) - granted(user)
    rights = (granted(user) - NOT_REQUESTED[user]) | (for_gateways - NOT_REQUESTED_FOR_GATEWAYS)
    used -= NOT_REQUESTED_FOR_GATEWAYS & for_gateways
    assert used == rights, f"granted and not used:{lines(rights - used)}\nused and not granted:{lines(used - rights)}"
