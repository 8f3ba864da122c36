"""The operator with a kubeconfig whose exec plugin has to be asked for a client certificate again and again."""

import base64
import json
import pathlib
import subprocess

import pytest
import yaml

from cluster import eventually
from stockade import OPERATOR_USER, operator_program, sandbox

# Short-lived, so that the plugin has to run again while a test looks on: it is asked in the last quarter of this time.
LIFE_SECONDS = 12

PLUGIN = """#!/bin/sh
# Prints the credential beside it with the time at which it is said to expire.
cd "$(dirname "$0")" || exit 1
echo run >>runs
printf '%s' "$KUBERNETES_EXEC_INFO" >info
sed "s/EXPIRES/$(date -u -d "+{life} seconds" +%Y-%m-%dT%H:%M:%SZ)/" credential.json
"""


class PluginOperator:
    """An operator that authenticates by an exec plugin, under the first one's name, not started yet."""

    def __init__(self, stockade, directory):
        self.directory = pathlib.Path(directory)
        source = yaml.safe_load((stockade.directory / "operator.kubeconfig").read_text())
        self.server = source["clusters"][0]["cluster"]["server"]
        user = source["users"][0]["user"]
        credential = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {
                "clientCertificateData": base64.b64decode(user["client-certificate-data"]).decode(),
                "clientKeyData": base64.b64decode(user["client-key-data"]).decode(),
                "expirationTimestamp": "EXPIRES",
            },
        }
        (self.directory / "credential.json").write_text(json.dumps(credential))
        self.plugin = self.directory / "credential-plugin"
        self.plugin.write_text(PLUGIN.format(life=LIFE_SECONDS))
        self.plugin.chmod(0o700)
        source["users"][0]["user"] = {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "./credential-plugin",
                "interactiveMode": "IfAvailable",
                "provideClusterInfo": True,
                "installHint": "The test has taken it away.",
            }
        }
        kubeconfig = self.directory / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(source))
        self.program = operator_program(self.directory, kubeconfig)

    def runs(self):
        return len((self.directory / "runs").read_text().splitlines())

    def info(self):
        return json.loads((self.directory / "info").read_text())


@pytest.fixture
def operator(stockade, tmp_path):
    """That operator in place of the usual one, which is started again afterwards."""
    stockade.operator.stop()
    made = PluginOperator(stockade, tmp_path)
    yield made
    if made.program.process is not None:
        made.program.stop()
    stockade.operator.start()


def has_pod(stockade, namespace, name):
    return stockade.cluster.kubectl("-n", namespace, "get", "pod", f"asb-{name}").returncode == 0


def test_an_exec_plugin_is_asked_again_before_its_certificate_expires(stockade, operator, namespace):
    operator.program.start()
    stockade.cluster.must("-n", namespace, "apply", "-f", "-", input=sandbox("first"))
    eventually(lambda: has_pod(stockade, namespace, "first"))
    eventually(lambda: operator.runs() >= 3, timeout=60)
    stockade.cluster.must("-n", namespace, "apply", "-f", "-", input=sandbox("later"))
    eventually(lambda: has_pod(stockade, namespace, "later"))

    writers = {w["user"] for w in stockade.audit() if w["namespace"] == namespace and w["resource"] == "pods"}
    assert OPERATOR_USER in writers
    assert operator.info()["spec"]["interactive"] is False
    assert operator.info()["spec"]["cluster"]["server"] == operator.server
    assert "watch reported an error" not in operator.program.log_path.read_text()


def test_a_missing_exec_plugin_ends_the_start_with_its_install_hint(operator):
    operator.plugin.unlink()
    operator.program.config_path.write_text(yaml.safe_dump(operator.program.config))
    ended = subprocess.run(operator.program.command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "].user.exec: the command" in ended.stderr
    assert ended.stderr.endswith("The test has taken it away.\n")
