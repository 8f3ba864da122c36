"""The objects of egress gateways, and the pods that lead to them, as tests/golden/gateway has them: a real API server knows
every field, adds nothing to what rendering decides, and takes every pod where only `restricted` ones may run."""

import contextlib
import copy
import json

import pytest

from api_client import PODS, ApiClient
from cluster import ROOT

RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}
PATHS = {
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
    "Pod": PODS,
    "Service": "/api/v1/namespaces/{namespace}/services",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
}
GOLDEN = sorted((ROOT / "tests" / "golden" / "gateway").glob("*.json"))


@pytest.fixture(scope="module")
def client(cluster):
    with contextlib.closing(ApiClient(cluster.kubeconfig)) as made:
        yield made


@pytest.fixture(scope="module")
def space(cluster, client):
    """A namespace that enforces `restricted` and has the gateways' service account, without which no pod of them is made."""
    with cluster.new_namespace("gateways", RESTRICTED) as name:
        account = next(item for item in items(GOLDEN[0], name) if item["kind"] == "ServiceAccount")
        answer = client.create(PATHS["ServiceAccount"].format(namespace=name), account, dry_run=False, validation="Strict")
        assert answer.admitted, answer.message
        yield name


def items(golden, namespace):
    """The golden file's objects, in that namespace. A RuntimeClass need not be there for them."""
    listed = json.loads(golden.read_text(encoding="utf-8"))["items"]
    for item in listed:
        item["metadata"]["namespace"] = namespace
        if item["kind"] == "Pod":
            item["spec"].pop("runtimeClassName", None)
    return listed


def pod_of(deployment):
    template = copy.deepcopy(deployment["spec"]["template"])
    template["metadata"] |= {"name": "pod", "namespace": deployment["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", **template}


def differences(wanted, stored, path="", additions=True):
    """Where the stored value is another than the wanted one, or, with `additions`, has members beside."""
    if isinstance(wanted, dict) and isinstance(stored, dict):
        found = []
        for key in sorted(wanted.keys() | (stored.keys() if additions else set())):
            where = f"{path}.{key}"
            if key not in wanted or key not in stored:
                found.append(f"{where} is only {'wanted' if key in wanted else 'stored'}")
            else:
                found += differences(wanted[key], stored[key], where, additions)
        return found
    if isinstance(wanted, list) and isinstance(stored, list) and (len(wanted) == len(stored) or not additions):
        pairs = zip(wanted, stored, strict=False)
        return [d for i, (a, b) in enumerate(pairs) for d in differences(a, b, f"{path}[{i}]", additions)]
    return [] if wanted == stored else [f"{path} is {stored}, not {wanted}"]


def create(client, space, obj):
    answer = client.create(PATHS[obj["kind"]].format(namespace=space), obj, validation="Strict")
    assert answer.admitted, (obj["kind"], obj["metadata"]["name"], answer.message)
    assert not answer.warnings, (obj["kind"], answer.warnings)
    return answer.body


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_api_server_takes_every_object_as_it_is(client, space, golden):
    kinds = set()
    for item in items(golden, space):
        if item["kind"] == "ServiceAccount":  # which is there
            continue
        kinds.add(item["kind"])
        stored = create(client, space, item)
        part = "data" if item["kind"] == "ConfigMap" else "spec"
        # A Service gets its addresses, and a pod what depends on the cluster.
        whole = item["kind"] not in ("Pod", "Service")
        assert differences(item[part], stored[part], part, additions=whole) == []
        assert differences(item["metadata"], stored["metadata"], "metadata", additions=False) == []
    assert kinds == PATHS.keys() - {"ServiceAccount"}


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_pods_of_gateways_are_taken_as_restricted(client, space, golden):
    deployments = [item for item in items(golden, space) if item["kind"] == "Deployment"]
    assert len(deployments) == 1
    create(client, space, pod_of(deployments[0]))


def test_the_same_pod_with_a_weakness_or_an_unknown_field_is_refused(client, space):
    """Else the tests above would prove nothing."""
    deployment = next(item for item in items(GOLDEN[0], space) if item["kind"] == "Deployment")
    weak = pod_of(deployment)
    del weak["spec"]["containers"][0]["securityContext"]["capabilities"]
    answer = client.create(PODS.format(namespace=space), weak, validation="Strict")
    assert answer.code == 403 and "violates PodSecurity" in answer.message, answer
    unknown = pod_of(deployment)
    unknown["spec"]["containers"][0]["securityContext"]["privilegeEscalation"] = False
    answer = client.create(PODS.format(namespace=space), unknown, validation="Strict")
    assert answer.code == 400 and "unknown field" in answer.message, answer
