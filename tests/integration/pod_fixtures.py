"""Pod Security admission's own test fixtures, and how they become sandboxes.

They come from the Go module k8s.io/pod-security-admission, of the version and with the checksum that
hack/tools/kubernetes pins: nobody here wrote them.
"""

import copy
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess

import yaml

from cluster import ROOT

MODULE = "k8s.io/pod-security-admission"
VERSION = "v1.35"  # the newest version of the standards that the module has fixtures for
POSITIONS = ("ordinary", "init", "sidecar", "ephemeral")


def fixture_directory():
    """Where the fixtures are, fetched by Go, which checks them against go.sum."""
    done = subprocess.run(
        [shutil.which("go") or "/usr/local/go/bin/go", "mod", "download", "-json", MODULE],
        cwd=ROOT / "hack" / "tools" / "kubernetes",
        env=os.environ | {"GOWORK": "off", "GOFLAGS": "-mod=readonly"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"cannot fetch {MODULE}: {done.stdout}{done.stderr}"
    return pathlib.Path(json.loads(done.stdout)["Dir"]) / "test" / "testdata"


@dataclasses.dataclass(frozen=True)
class Fixture:
    level: str  # "baseline" or "restricted"
    verdict: str  # "pass" or "fail"
    name: str
    pod: dict

    @property
    def label(self):
        return f"{self.level}/{self.verdict}/{self.name}"

    @property
    def family(self):
        """What the fixture is about: "hostports" of "hostports2"."""
        return self.name.rstrip("0123456789")

    def containers(self):
        """The fixture's containers that are not like those of every fixture, or else one of these."""
        spec = self.pod["spec"]
        found = [c for key in ("containers", "initContainers") for c in spec.get(key, []) if not is_plain(c)]
        return found or [spec["containers"][0]]

    def variants(self):
        """(position, pod template) of the fixture as it is, and with each of its containers in every position."""
        yield "as it is", self._template(self.pod["spec"])
        for container in self.containers():
            for position in POSITIONS:
                spec = copy.deepcopy(self.pod["spec"])
                put(spec, copy.deepcopy(container), position)
                yield position, self._template(spec)

    def _template(self, spec):
        metadata = self.pod.get("metadata", {})
        kept = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}
        return {"metadata": kept, "spec": spec}


def is_plain(container):
    """Whether nothing but what the level asks of every container is in it."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    rest = {key: value for key, value in container.items() if key not in ("name", "image")}
    return rest in ({}, {"securityContext": context})


def put(spec, container, position):
    """Leaves that container alone in its position of the spec, beside an ordinary one that says nothing of itself."""
    main = {"name": "main", "image": "registry.example/main:1"}
    for key in ("containers", "initContainers", "ephemeralContainers"):
        spec.pop(key, None)
    if position == "ordinary":
        spec["containers"] = [main, container]
        return
    spec["containers"] = [main]
    if position == "sidecar":
        container["restartPolicy"] = "Always"
    spec["ephemeralContainers" if position == "ephemeral" else "initContainers"] = [container]


def fixtures():
    directory = fixture_directory()
    return [
        Fixture(level, verdict, path.stem, yaml.safe_load(path.read_text()))
        for level in ("baseline", "restricted")
        for verdict in ("pass", "fail")
        for path in sorted((directory / level / VERSION / verdict).glob("*.yaml"))
    ]
