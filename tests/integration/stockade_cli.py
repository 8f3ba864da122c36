"""The command line program as users run it."""

import json
import os
import subprocess

from stockade import BUILD

PROGRAM = BUILD / "cli" / "stockade"


def run(*args, input=None, program=PROGRAM, env=None, cwd=None):
    """Runs stockade and returns its CompletedProcess, whatever the exit code."""
    return subprocess.run(
        [str(program), *map(str, args)],
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env=os.environ | (env or {}),
    )


def lint_json(text, *args):
    """What `stockade lint --output json -` says of a text, decoded."""
    done = run("lint", "--output", "json", *args, "-", input=text)
    assert done.returncode in (0, 1, 2), done.stderr
    return json.loads(done.stdout)


def findings(text, *args):
    """The findings of every object in a text, as (code, field)."""
    return [(f["code"], f["field"]) for obj in lint_json(text, *args)["objects"] for f in obj["findings"]]


def is_of_schema(code):
    """Whether a finding's code is one of the CRD's schema, and not of a rule."""
    return code == "UnknownField" or code.startswith("FieldValue")
