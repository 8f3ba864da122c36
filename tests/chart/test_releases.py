"""From each release that tests/corpus/releases has a record of to this one: hack/record-release makes them."""

import json
import pathlib
import subprocess

import pytest
import yaml
from conftest import BUILD, CHART, NAMESPACE, ROOT

RELEASES = sorted(path for path in (ROOT / "tests" / "corpus" / "releases").iterdir() if path.is_dir())


def test_there_is_a_record():
    assert RELEASES


def test_this_version_is_none_that_is_out():
    """Images of the same name would be kept, and an upgrade would change CRDs and rights and no program."""
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    assert version not in [release.name for release in RELEASES], "raise it in CMakeLists.txt and Chart.yaml"


def annotations_now(release):
    done = subprocess.run(
        [str(BUILD / "cli" / "stockade"), "render", "-o", "json", "--config", str(release / "operator.yaml"),
         str(release / "sandboxes.yaml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"a sandbox of {release.name} is refused now: {done.stderr}"
    return {
        item["metadata"]["name"]: item["metadata"]["annotations"]
        for item in json.loads(done.stdout)["items"]
        if item["kind"] == "Pod"
    }


@pytest.mark.parametrize("release", RELEASES, ids=[path.name for path in RELEASES])
def test_no_pod_of_the_release_would_be_restarted(release):
    """As the operator decides it: by the hash of the user's part, and, while the operator's part is the same, by the
    fingerprint. Where that part is another the pod is PodOutdated, and goes on."""
    recorded, now = json.loads((release / "pods.json").read_text()), annotations_now(release)
    assert len(recorded) > 50
    assert set(now) == set(recorded)
    for name, was in recorded.items():
        made = {key.removeprefix("stockade.dev/"): value for key, value in now[name].items()}
        assert made["spec-hash"] == was["spec-hash"], f"{name} would be restarted"
        if made["profile-hash"] == was["profile-hash"]:
            assert made["fingerprint"] == was["fingerprint"], f"{name} would be restarted"


def objects_of(helm, chart):
    text = helm.must("template", "stockade", str(chart), "--namespace", NAMESPACE)
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text) if each}


@pytest.mark.parametrize("release", RELEASES, ids=[path.name for path in RELEASES])
def test_what_cannot_be_changed_stays(helm, release):
    """helm upgrade fails at a field that the API server does not let change."""
    before, after = objects_of(helm, release / "chart.tgz"), objects_of(helm, pathlib.Path(CHART))
    kept = before.keys() & after.keys()
    assert {kind for kind, _ in kept} >= {"Deployment", "Service", "CustomResourceDefinition", "ClusterRoleBinding"}
    for key in kept:
        old, new = before[key], after[key]
        if key[0] == "Deployment":
            assert new["spec"]["selector"] == old["spec"]["selector"], key
        if key[0].endswith("RoleBinding"):
            assert new["roleRef"] == old["roleRef"], key
        if key[0] == "RuntimeClass":
            assert new["handler"] == old["handler"], key
        if key[0] == "Service":
            assert new["spec"].get("clusterIP") == old["spec"].get("clusterIP"), key
        if key[0] == "CustomResourceDefinition":
            assert new["spec"]["scope"] == old["spec"]["scope"]
            assert new["spec"]["names"]["plural"] == old["spec"]["names"]["plural"]
            assert {each["name"] for each in new["spec"]["versions"]} >= {
                each["name"] for each in old["spec"]["versions"] if each["storage"]
            }, "what is stored could not be read"
    gone = {key for key in before.keys() - after.keys() if key[0] == "CustomResourceDefinition"}
    assert not gone, "the sandboxes would go with it"
