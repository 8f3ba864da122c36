"""The state machine: whatever users, other controllers and accidents have done, and in whatever order, each sandbox ends as
a fresh one of its last spec, each claim with one sandbox, and each pool with as many as it says.

    STOCKADE_WALK_SEEDS   how many walks there are, or which: "200", or "4711,4712"; 6 unless set. Seeds are printed
    STOCKADE_WALK         one walk, as a failure prints it, instead
"""

import collections
import concurrent.futures
import json
import os
import secrets
import subprocess

import pytest
import yaml

from cluster import CRDS, eventually
from test_random_sandboxes import GENERATOR
from walks import ALLOWED, CLAIM_FIELDS, SOURCES, check_walk, invent, shortest, tame

SEEDS = os.environ.get("STOCKADE_WALK_SEEDS", "6")
AT_ONCE = 4
SPECS = 150  # of generated sandboxes; about half of them are admitted


def seeds():
    if "," in SEEDS:
        return [int(seed) for seed in SEEDS.split(",") if seed]
    return [secrets.randbelow(10**6) for _ in range(int(SEEDS))]


@pytest.fixture(scope="module")
def space(cluster):
    """A namespace of a cluster that has the RuntimeClass of microVMs as well."""
    microvm = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata"}, "handler": "kata"}
    cluster.must("apply", "-f", "-", input=microvm)
    with cluster.new_namespace("walks") as name:
        yield name
    # It is kept for as long as the sandboxes of a namespace that is being deleted.
    eventually(lambda: cluster.kubectl("delete", "runtimeclass", "kata").returncode == 0, timeout=120)


@pytest.fixture(scope="module")
def specs(api, space):
    """Specs of sandboxes, made from the CRD's schema, that the API server admits."""
    done = subprocess.run([str(GENERATOR), "1", str(SPECS)], check=True, capture_output=True, text=True)
    made = [json.loads(line) for line in done.stdout.splitlines()]
    tamed = [tame(each["sandbox"]["spec"]) for each in made if each["pod"] is not None]
    path = f"/apis/stockade.dev/v1alpha1/namespaces/{space}/agentsandboxes"
    admitted = [{"podTemplate": {"spec": {"containers": [{"name": "agent", "image": "registry.example/agent:1"}]}}}]
    for number, spec in enumerate(tamed):
        obj = {"apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox", "metadata": {"name": f"s-{number}"}}
        if api.create(path, obj | {"spec": spec}, validation="Strict").admitted:
            admitted.append(spec)
    assert len(admitted) > SPECS / 10
    return admitted


def test_walks_have_every_field_of_templates_pools_and_claims():
    """Sandboxes are made from their schema; these are written out, and the schema says whether all of it is there."""
    schemas = {}
    for path in CRDS.glob("*.yaml"):
        names = yaml.safe_load(path.read_text())["spec"]
        (version,) = names["versions"]
        schemas[names["names"]["kind"]] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    sources = {reference for reference, _ in SOURCES.values()}
    claim = schemas["AgentSandboxClaim"]
    assert claim.keys() == CLAIM_FIELDS.keys() | sources
    for field, value in CLAIM_FIELDS.items():
        assert claim[field].get("properties", {}).keys() == (value.keys() if isinstance(value, dict) else set()), field
    template = schemas["AgentSandboxTemplate"]
    assert (template.keys(), template["claims"]["properties"].keys()) == ({"template", "claims"}, ALLOWED.keys())
    pool = schemas["AgentSandboxPool"]
    assert pool.keys() == {"templateRef", "replicas", "updateStrategy", "refill"}
    assert pool["refill"]["properties"].keys() == {"maxStarting", "startupTimeoutSeconds"}


def failure_of(cluster, specs, steps, effects=None):
    """What is wrong with the end of a walk, or None. Adds to `effects` what the steps have changed."""
    try:
        found = check_walk(cluster, specs, steps)
    except AssertionError as error:
        return str(error) or "an assertion"
    if effects is not None:
        effects.update(found)
    return None


def test_every_walk_ends_where_a_fresh_start_ends(stockade, specs, record_property, capsys):
    cluster = stockade.cluster
    if "STOCKADE_WALK" in os.environ:
        walks = {"given": json.loads(os.environ["STOCKADE_WALK"])}
    else:
        walks = {seed: invent(seed, specs) for seed in seeds()}
    record_property("seeds", ",".join(map(str, walks)))
    with capsys.disabled():
        print(f"\nwalks, seeds {','.join(map(str, walks))}")
    # Hand edits have to come through, for the operator to make them good.
    effects = collections.Counter()
    with stockade.without_guards():
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            played = pool.map(lambda walk: failure_of(cluster, specs, walk, effects), walks.values())
            failed = {seed: found for seed, found in zip(walks, played, strict=True) if found}
        for seed, found in failed.items():
            few = shortest(lambda steps: failure_of(cluster, specs, steps) is not None, walks[seed])
            pytest.fail(f"seed {seed} of {list(failed)}: STOCKADE_WALK='{json.dumps(few)}'\n{failure_of(cluster, specs, few) or found}")
    with capsys.disabled():
        print(f"steps that changed something: {dict(sorted(effects.items()))}")
    assert len(walks) < 6 or len(effects) > 12, effects
