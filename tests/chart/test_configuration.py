"""operator/config.schema.yaml and webhook/config.schema.yaml, of which the reference and the chart's schema are made,
beside the programs that they speak of. Each program tells all that is wrong with a file at once."""

import json
import re
import subprocess

import pytest
import yaml
from conftest import BUILD, ROOT, complaint_about

SOURCES = {
    "operator": ["operator/config.cc", "operator/egress_config.cc"],
    "webhook": ["webhook/config.cc", "webhook/guards/guard_config.cc"],
}
# Which the sources take from lists of their own.
LISTED = {"Container", "GVisor", "MicroVM", "cpu", "memory", "ephemeral-storage"}
# Fields that may not stand beside others: with them the others are left out.
INSTEAD = {"certificates.selfManaged": ["certificates.certificateFile", "certificates.keyFile"]}
# Of fields that have no default.
EXAMPLES = {
    "listen.address": ":8443", "http.address": "127.0.0.1:8082", "certificates.certificateFile": "/c/tls.crt",
    "certificates.keyFile": "/c/tls.key", "egress.images.proxy": "registry.example.com/envoy:v1.40.0",
    "egress.images.canary": "registry.example.com/stockade-canary:0.1.0",
    "egress.images.credentials": "registry.example.com/stockade-credentials:0.1.0",
    "egress.shutTargets": ["tcp://10.96.0.1:443"],
}  # fmt: skip


def schema_of(program):
    return yaml.safe_load((ROOT / program / "config.schema.yaml").read_text())


def leaves(schema, path=""):
    for key, value in schema["properties"].items():
        at = f"{path}.{key}" if path else key
        if "properties" in value:
            yield from leaves(value, at)
        else:
            yield at, value


def sections(schema, path=""):
    yield path
    for key, value in schema["properties"].items():
        if "properties" in value:
            yield from sections(value, f"{path}.{key}" if path else key)


def put(config, path, value):
    *parents, last = path.split(".")
    for key in parents:
        config = config.setdefault(key, {})
    config[last] = value


def valid(program):
    """A file with every field that has a default or an example, but for those that stand instead of others."""
    config = {}
    for path, leaf in leaves(schema_of(program)):
        if not any(path.startswith(f"{section}.") for section in INSTEAD):
            value = EXAMPLES.get(path, leaf.get("default", leaf.get("enum", [None])[0]))
            if value is not None:
                put(config, path, value)
    return config


def complaints(program, tmp_path, config):
    file = tmp_path / f"{program}.yaml"
    file.write_text(yaml.safe_dump(config))
    return complaint_about(file, program)


def names_of(schema):
    for key, value in schema["properties"].items():
        yield key
        if "properties" in value:
            yield from names_of(value)


@pytest.mark.parametrize("program", SOURCES)
def test_the_schema_names_what_the_program_reads(program):
    text = "".join((ROOT / source).read_text() for source in SOURCES[program])
    read = set(re.findall(r'(?:\.\w+|\bRead\w+)\(\s*(?:\w+,\s*)?"([A-Za-z]+)"', text))
    assert set(names_of(schema_of(program))) - LISTED == read


@pytest.mark.parametrize("program", SOURCES)
def test_the_program_takes_what_the_schema_has(program, tmp_path):
    assert complaints(program, tmp_path, valid(program)) == ""
    for section, others in INSTEAD.items():
        if section.split(".")[0] in schema_of(program)["properties"]:
            config = valid(program)
            for other in others:
                parent, key = other.rsplit(".", 1)
                del config[parent][key]
            for path, leaf in leaves(schema_of(program)):
                if path.startswith(f"{section}.") and "default" in leaf:
                    put(config, path, leaf["default"])
            assert complaints(program, tmp_path, config) == ""


@pytest.mark.parametrize("side", ["below", "above"])
@pytest.mark.parametrize("program", SOURCES)
def test_the_program_has_the_bounds_of_the_schema(program, side, tmp_path):
    config, wrong = valid(program), []
    for path, leaf in leaves(schema_of(program)):
        if leaf["type"] == "integer":
            put(config, path, leaf["minimum"] - 1 if side == "below" else leaf["maximum"] + 1)
            wrong.append((path, leaf))
    said = complaints(program, tmp_path, config)
    assert len(wrong) > 3
    for path, leaf in wrong:
        (line,) = [each for each in said.splitlines() if re.search(rf"(^|\s){re.escape(path)}: .*\d", each)][:1] or [""]
        assert f"{leaf['minimum']}" in line and f"{leaf['maximum']}" in line, f"{path}: {said}"


@pytest.mark.parametrize("program", SOURCES)
def test_the_program_takes_no_other_word_and_no_other_field(program, tmp_path):
    config, wrong = valid(program), []
    for path, leaf in leaves(schema_of(program)):
        if "enum" in leaf:
            put(config, path, "something-else")
            wrong.append(path)
    for section in sections(schema_of(program)):
        if not any(section.startswith(each) for each in INSTEAD):
            path = f"{section}.unheardOf" if section else "unheardOf"
            put(config, path, 1)
            wrong.append(path)
    said = complaints(program, tmp_path, config)
    for path in wrong:
        assert re.search(rf"(^|\s){re.escape(path)}: ", said, re.MULTILINE), f"{path}: {said}"


def at(config, path):
    for key in path.split("."):
        config = config[key]
    return config


def effective(program, tmp_path, config):
    """The configuration as the program has it, with all that the file leaves out."""
    file = tmp_path / f"{program}.yaml"
    file.write_text(yaml.safe_dump(config))
    command = [str(BUILD / program / f"stockade-{program}"), "--config", str(file), "--print-config"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout)


# Lists that are not empty where the file has none, without being a default in the schema: the text has them.
TOLD_IN_WORDS = {"egress.shutTargets", "policy.allowedMetadataPrefixes"}


@pytest.mark.parametrize(
    ("program", "variant"), [("operator", "files"), ("webhook", "files"), ("webhook", "selfManaged")]
)
def test_the_program_has_the_defaults_of_the_schema(program, variant, tmp_path):
    schema = schema_of(program)
    config = {key: leaf["enum"][0] for key, leaf in schema["properties"].items() if key in ("apiVersion", "kind")}
    for path, leaf in leaves(schema):
        if path in EXAMPLES and path not in TOLD_IN_WORDS and "default" not in leaf:
            put(config, path, EXAMPLES[path])
    if variant == "selfManaged":
        config["certificates"] = {"selfManaged": {}}
    printed, compared = effective(program, tmp_path, config), 0
    for path, leaf in leaves(schema):
        if variant == "files" and any(path.startswith(f"{section}.") for section in INSTEAD):
            continue
        if "default" in leaf:
            assert at(printed, path) == leaf["default"], path
            compared += 1
        elif leaf["type"] == "array" and path not in TOLD_IN_WORDS:
            assert at(printed, path) == [], path
    assert compared > 10


@pytest.mark.parametrize("program", SOURCES)
def test_the_program_prints_what_it_was_given(program, tmp_path):
    config = valid(program)
    for path, leaf in leaves(schema_of(program)):
        if leaf["type"] == "integer" and not any(path.startswith(f"{section}.") for section in INSTEAD):
            put(config, path, leaf["default"] + (1 if leaf["default"] < leaf["maximum"] else -1))
    config["watchNamespaces"] = ["team-a", "team-b"]
    printed = effective(program, tmp_path, config)
    for path, _ in leaves(config_tree(config)):
        given = at(config, path)
        # A port stands for all addresses.
        assert at(printed, path) == (f"0.0.0.0{given}" if str(given).startswith(":") else given), path
    # What it prints is a file that says the same.
    assert effective(program, tmp_path, printed) == printed


def config_tree(config):
    """A configuration in the form of a schema, for leaves()."""
    return {"properties": {key: config_tree(value) if is_section(value) else {} for key, value in config.items()}}


def is_section(value):
    return isinstance(value, dict) and not any("/" in key or "-" in key for key in value)
