"""agent-sandbox's own examples, converted by `stockade convert` and run: what agent-sandbox v0.5.0 has in examples/,
extensions/examples/ and the directory of its Python client. They come from its Go module, with the checksum that
hack/tools/agent-sandbox pins: nobody here wrote them.

What an example leaves to whoever applies it, such as the name of an image, is filled in first; what convert leaves to a
person is done as its messages say. All else is as it came out."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

from binding_space import BindingSpace
from cluster import ROOT, eventually
from stockade_cli import run

MODULE = "sigs.k8s.io/agent-sandbox"
KINDS = ("Sandbox", "SandboxTemplate", "SandboxWarmPool", "SandboxClaim")
# What the examples have in the place of something.
PLACEHOLDERS = (
    ("${SANDBOX_NAMESPACE}", "default"), ("${SANDBOX_TEMPLATE_NAME}", "python"), ("$PROJECT_ID", "project"),
    ("IMAGE_PLACEHOLDER", "registry.example/agent:1"), ("${IMAGE}", "registry.example/agent:1"),
    ("${AGENT_IMAGE}", "registry.example/agent:1"), ("# REPLACE_WITH_YOUR_IMAGE", "registry.example/agent:1"),
    ("2025-12-31T23:59:59Z", "2099-12-31T23:59:59Z"),
)  # fmt: skip


def pods_of(obj):
    """The PodSpec of an AgentSandbox, or of those of a template."""
    spec = obj["spec"]["template"]["spec"] if obj["kind"] == "AgentSandboxTemplate" else obj["spec"]
    return spec["podTemplate"]["spec"]


def containers_of(obj):
    pod = pods_of(obj)
    return pod["containers"] + pod.get("initContainers", [])


def without_secrets(obj):
    """Credentials stay outside of the sandbox."""
    for container in containers_of(obj):
        kept = [each for each in container.get("env", []) if "secretKeyRef" not in each.get("valueFrom", {})]
        container["env"] = kept


def with_models_to_read(obj):
    """The claim is filled beforehand."""
    without_secrets(obj)
    pods_of(obj).pop("initContainers")


CLIENT = "clients/python/agentic-sandbox-client"
SECRET = ({"SecretInAgent"}, without_secrets)
NOTHING = (set(), None)
# What belongs together, what is left to a person, by the codes of the rules, and what a person does.
EXAMPLES = {
    "aio": (["examples/aio-sandbox/aio-sandbox.yaml"], *NOTHING),
    "analytics": (["examples/analytics-tool/analytics-tool/sandbox-python.yaml"], *NOTHING),
    "analytics-jupyter": (["examples/analytics-tool/jupyterlab.yaml"], *NOTHING),
    "client": ([f"{CLIENT}/python-sandbox-template.yaml"], *NOTHING),
    "client-counter": ([f"{CLIENT}/python-counter-pool.yaml", f"{CLIENT}/python-counter-template.yaml"], *NOTHING),
    "client-kind": ([f"{CLIENT}/gateway-kind/python-sandbox-template.yaml"], *NOTHING),
    "gemini": (["examples/gemini-cu-sandbox/sandbox-gemini-computer-use.yaml"], *SECRET),
    "hello": (["examples/hello-world-sandbox/hello-world.yaml"], *NOTHING),
    "hermes": (["examples/hermes-agent/sandbox.yaml"], *SECRET),
    "hpa": ([f"examples/hpa-swp-scaling/{name}.yaml" for name in
             ("python-sandbox-template", "sandboxwarmpool", "hpa")], *NOTHING),
    "jupyter": (["examples/jupyterlab/jupyterlab.yaml"], *SECRET),
    "jupyter-full": (["examples/jupyterlab/jupyterlab-full.yaml"], *SECRET),
    "kata-aks": ([f"extensions/examples/kata-aks/{name}.yaml" for name in
                  ("sandboxtemplate", "sandboxwarmpool", "sandboxclaim")], *SECRET),
    "kata-gke": (["examples/kata-gke-sandbox/sandbox-kata-gke.yaml"], *NOTHING),
    "kyverno": (["examples/policy/kyverno/.chainsaw-tests/setup-sandbox.yaml"], *NOTHING),
    "langchain": (["examples/langchain/deployment.yaml"], {"", "SecretInAgent", "WritableMount"}, with_models_to_read),
    "llm": (["extensions/examples/llm.yaml"], *NOTHING),
    "mcp": (["examples/mcp-server-sandbox/sandbox.yaml"], *NOTHING),
    "openclaw": (["examples/openclaw-sandbox/openclaw-sandbox.yaml"], *NOTHING),
    "pdb": ([f"examples/manual-pdb/{name}.yaml" for name in
             ("sandboxtemplate", "sandboxwarmpool", "sandboxclaim", "shared-pdb")], *NOTHING),
    "python": (["examples/python-runtime-sandbox/sandbox-python-kind.yaml"], *NOTHING),
    "ray": (["examples/ray-integration/ray-autopilot-setup.yaml"], *NOTHING),
    "ray-proxy": (["examples/ray-integration/direct-proxy/manifest.yaml"], *NOTHING),
    "secure": (["extensions/examples/secure-sandboxtemplate.yaml"], *NOTHING),
    "service-account": (["examples/sandbox-ksa/sandbox.yaml"], *NOTHING),
    "volumes": ([f"extensions/examples/{name}.yaml" for name in
                 ("sandboxtemplate", "sandboxwarmpool", "sandbox-claim")], *NOTHING),
    "vscode": (["examples/vscode-sandbox/base/vscode-sandbox.yaml"], *NOTHING),
}  # fmt: skip
# Patches for Kustomize, which are no whole objects.
PATCHES = "examples/vscode-sandbox/overlays/"


@pytest.fixture(scope="module")
def module():
    """Where Go has the module; it checks it against go.sum."""
    done = subprocess.run(
        [shutil.which("go") or "/usr/local/go/bin/go", "mod", "download", "-json", MODULE],
        cwd=ROOT / "hack" / "tools" / "agent-sandbox",
        env=os.environ | {"GOWORK": "off", "GOFLAGS": "-mod=readonly"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"cannot fetch {MODULE}: {done.stdout}{done.stderr}"
    return pathlib.Path(json.loads(done.stdout)["Dir"])


@pytest.fixture(scope="module")
def microvm(stockade):
    """The RuntimeClass that the examples with Kata come to need."""
    made = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata"}, "handler": "kata"}
    stockade.cluster.must("apply", "-f", "-", input=made)
    yield
    # It is kept for as long as the sandboxes of a namespace that is being deleted.
    eventually(lambda: stockade.cluster.kubectl("delete", "runtimeclass", "kata").returncode == 0, timeout=120)


@pytest.fixture
def space(stockade, microvm):
    with stockade.cluster.new_namespace("peer") as name:
        yield BindingSpace(stockade.cluster, name)


def test_every_example_is_here(module):
    found = set()
    for directory in ("examples", "extensions/examples", "clients"):
        for path in (module / directory).rglob("*.yaml"):
            if re.search(rf"^kind: *({'|'.join(KINDS)})\b", path.read_text(), re.MULTILINE):
                found.add(str(path.relative_to(module)))
    found = {name for name in found if not name.startswith(PATCHES)}
    ours = {name for files, _, _ in EXAMPLES.values() for name in files}
    assert found - ours == set()
    assert ours - found == {"examples/hpa-swp-scaling/hpa.yaml", "examples/manual-pdb/shared-pdb.yaml"}


def converted(module, files):
    """What convert makes of them, and the codes of the errors that it reports."""
    text = "\n---\n".join((module / name).read_text() for name in files)
    for placeholder, value in PLACEHOLDERS:
        text = text.replace(placeholder, value)
    done = run("convert", "--report", "json", "-", input=text)
    assert done.returncode in (0, 1), done.stderr
    errors = {
        needed.get("code", "")
        for obj in json.loads(done.stderr)["objects"]
        for needed in obj["needsPerson"]
        if needed["severity"] == "error"
    }
    return list(yaml.safe_load_all(done.stdout)), errors


@contextlib.contextmanager
def labelled_nodes(space, objects):
    """While it lasts there are the nodes that the examples select."""
    keys = set()
    for obj in objects:
        if obj["kind"] not in ("AgentSandbox", "AgentSandboxTemplate"):
            continue
        for key, value in pods_of(obj).get("nodeSelector", {}).items():
            keys.add(key)
            space.cluster.must("label", "nodes", "--all", "--overwrite", f"{key}={value}")
    yield
    for key in keys:
        space.cluster.must("label", "nodes", "--all", f"{key}-")


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_an_example_runs(module, space, example):
    files, left, by_a_person = EXAMPLES[example]
    objects, errors = converted(module, files)
    assert errors == left
    made = [obj for obj in objects if obj["apiVersion"].startswith("stockade.dev/")]
    assert made, objects
    for obj in made:
        if by_a_person and obj["kind"] in ("AgentSandbox", "AgentSandboxTemplate"):
            by_a_person(obj)
    for obj in objects:
        obj["metadata"]["namespace"] = space.name
    with labelled_nodes(space, made):
        run_all(space, objects, made)


def run_all(space, objects, made):
    # Claims last, as whoever follows the examples applies them.
    objects.sort(key=lambda obj: obj["kind"] == "AgentSandboxClaim")
    space.apply(objects)
    for obj in made:
        name = obj["metadata"]["name"]
        if obj["kind"] == "AgentSandbox":
            space.wait_ready(name, timeout=60)
        elif obj["kind"] == "AgentSandboxPool":
            space.wait_pool(name, obj["spec"].get("replicas", 1))
        elif obj["kind"] == "AgentSandboxClaim":
            space.wait_claim(name, "Ready", "True")
    # A template alone is shown to work by a claim on it.
    for template in [obj for obj in made if obj["kind"] == "AgentSandboxTemplate"]:
        if not any(obj["kind"] in ("AgentSandboxPool", "AgentSandboxClaim") for obj in made):
            space.apply(
                {
                    "apiVersion": template["apiVersion"], "kind": "AgentSandboxClaim",
                    "metadata": {"name": "shown"}, "spec": {"templateRef": {"name": template["metadata"]["name"]}},
                }
            )  # fmt: skip
            space.wait_claim("shown", "Ready", "True")
