"""JSON schemas for kubeconform, strict ones: of the pinned Kubernetes from its own OpenAPI, of the objects of others
from their CustomResourceDefinitions, and of ours."""

import functools
import json
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "hack" / "tools"
# Where kubeconform finds them.
LOCATION = "{{ .Group }}_{{ .ResourceAPIVersion }}_{{ .ResourceKind }}.json"

FOREIGN_CRDS = {
    "github.com/cert-manager/cert-manager": [
        "deploy/crds/*certificates.yaml", "deploy/crds/*-issuers.yaml", "deploy/crds/*clusterissuers.yaml",
    ],
    "github.com/prometheus-operator/prometheus-operator": [
        "example/prometheus-operator-crd/*_servicemonitors.yaml",
        "example/prometheus-operator-crd/*_prometheusrules.yaml",
    ],
}  # fmt: skip


@functools.cache
def module_directory(group, module):
    """Where Go keeps the sources of a pinned module; they are fetched when they are not there."""
    go = os.environ.get("STOCKADE_TEST_GO", "go")
    done = subprocess.run(
        [go, "mod", "download", "-json", module], cwd=TOOLS / group, check=True, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"GOFLAGS": "-mod=mod", "GOWORK": "off"},
    )  # fmt: skip
    return pathlib.Path(json.loads(done.stdout)["Dir"])


def foreign_crds():
    """Paths of the CustomResourceDefinitions of others that the chart has objects for."""
    found = []
    for module, patterns in FOREIGN_CRDS.items():
        for pattern in patterns:
            paths = sorted(module_directory("crds", module).glob(pattern))
            assert paths, f"{module} has no {pattern}"
            found += paths
    return found


def strict(schema):
    """The same schema, closed to fields that it does not name, and without what JSON Schema does not know."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # Keys of "properties" are names of fields, whatever they are called.
    made = {
        key: {name: strict(each) for name, each in value.items()} if key == "properties" else strict(value)
        for key, value in schema.items()
    }
    if made.get("format") == "int-or-string" or made.pop("x-kubernetes-int-or-string", False):
        return {"oneOf": [{"type": "string"}, {"type": "integer"}]}
    keeps = made.pop("x-kubernetes-preserve-unknown-fields", False)
    if "properties" in made and "additionalProperties" not in made and not keeps:
        made["additionalProperties"] = False
    if made.pop("nullable", False) and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def reachable(definitions, start):
    """The definitions that a schema refers to, and those that these refer to."""
    found, waiting = {}, [start]
    while waiting:
        text = json.dumps(waiting.pop())
        for part in text.split('"#/definitions/')[1:]:
            name = part.split('"')[0]
            if name not in found:
                found[name] = definitions[name]
                waiting.append(definitions[name])
    return found


def write(directory, group, version, kind, schema):
    (directory / f"{group or version}_{version}_{kind.lower()}.json").write_text(json.dumps(schema))


def kubernetes_definitions():
    swagger = module_directory("kubernetes", "k8s.io/kubernetes") / "api" / "openapi-spec" / "swagger.json"
    definitions = strict(json.loads(swagger.read_text())["definitions"])
    # Written as a number as often as not.
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    return definitions


def write_kubernetes(directory, definitions):
    for schema in definitions.values():
        for known in schema.get("x-kubernetes-group-version-kind", []):
            made = schema | {"definitions": reachable(definitions, schema)}
            write(directory, known["group"], known["version"], known["kind"], made)


def write_crd(directory, definitions, crd):
    meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    for version in crd["spec"]["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"] |= {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"},
            "metadata": {"$ref": f"#/definitions/{meta}"},
        }  # fmt: skip
        schema["definitions"] = reachable(definitions, schema)
        write(directory, crd["spec"]["group"], version["name"], crd["spec"]["names"]["kind"], schema)


def write_schemas(directory):
    """Writes every schema, under the names of LOCATION."""
    definitions = kubernetes_definitions()
    write_kubernetes(directory, definitions)
    for path in [*foreign_crds(), *sorted((ROOT / "crds").glob("*.yaml"))]:
        for crd in yaml.safe_load_all(path.read_text()):
            if crd:
                write_crd(directory, definitions, crd)
