"""The rights that the chart grants are those that the programs use: after all other tests, the audit log is compared with
the roles. conftest.py has this run last, and only after a whole run."""

import pytest
import yaml

from stockade import NAMESPACE, OPERATOR_USER, WEBHOOK_USER, helm_template

# Granted without a request of that name: the API server asks for it where an owner reference blocks a deletion.
NOT_REQUESTED = {("update", "stockade.dev", "agentsandboxes/finalizers")}


def granted(user):
    """Every (verb, API group, resource) that the chart, with its default values, lets a service account do."""
    objects = [each for each in yaml.safe_load_all(helm_template()) if each]
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
    mine = [request for request in stockade.requests() if request["user"] == user]
    assert [request for request in mine if not request["allowed"]] == []
    used = {(request["verb"], request["group"], request["resource"]) for request in mine}
    rights = granted(user) - NOT_REQUESTED
    assert used == rights, f"granted and not used:{lines(rights - used)}\nused and not granted:{lines(used - rights)}"
