"""Every golden configuration is what the library renders, and Envoy takes it."""

import json
import os
import pathlib
import subprocess

import certificates
import egress_path
import pytest

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "envoy"
SANDBOXES = sorted(GOLDEN.glob("*.yaml"))


def test_there_are_enough_profiles():
    assert len(SANDBOXES) >= 12
    assert {file.stem for file in GOLDEN.glob("*.json")} == {file.stem for file in SANDBOXES}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pair")
    authority = certificates.Authority(directory, "any")
    authority.issue(directory / "any-leaf.crt", directory / "any-leaf.key", "DNS:any.example.test")
    return authority.certificate, directory / "any-leaf.crt", directory / "any-leaf.key"


@pytest.mark.parametrize("side", ["sidecar", "gateway"])
@pytest.mark.parametrize("sandbox", SANDBOXES, ids=lambda file: file.stem)
def test_envoy_takes_it(sandbox, side, tmp_path, pair):
    files = json.loads(sandbox.with_suffix(".json").read_text())[side]
    authorities, certificate, key = pair
    root = egress_path.Root(tmp_path)
    root.write(files)
    identity = {"tls.crt": certificate.read_text(), "tls.key": key.read_text(), "ca.crt": authorities.read_text()}
    root.mount("/etc/stockade/identity", identity)
    leaves = {}
    for name in files:
        if name.startswith("leaf-"):
            leaf = name.removeprefix("leaf-").removesuffix(".json")
            leaves |= {f"{leaf}.crt": identity["tls.crt"], f"{leaf}.key": identity["tls.key"]}
    root.mount("/etc/stockade/leaves", leaves)
    for base in ("/etc/stockade/credentials", "/run/stockade/credentials"):
        for name in ("stockade-model", "anthropic", "gateway", "foundry", "github", "npm", "queue"):
            values = dict.fromkeys(("api-key", "token", "key", "password", "basic"), "value")
            root.mount(f"{base}/{name}", values | {"aws": "[default]\naws_access_key_id=a\naws_secret_access_key=b\n"})
    done = subprocess.run(
        [os.environ["STOCKADE_TEST_ENVOY"], "--mode", "validate", "--disable-hot-restart", "--log-level", "warning",
         "--config-path", str(root.file("/etc/stockade/proxy/envoy.json"))],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # A field that Envoy takes and warns about may mean something else in its next version.
    assert "deprecated" not in done.stderr.lower(), done.stderr
