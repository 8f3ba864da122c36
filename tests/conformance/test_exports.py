"""What `stockade export` makes, run by its own target: with sandbox-runtime a command reaches what the sandbox may reach, and
three attacks that succeed without it fail."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
import yaml
from conftest import PUBLIC

STOCKADE, NODE, SRT = (os.environ.get(f"STOCKADE_TEST_{name}", "") for name in ("CLI", "NODE", "SANDBOX_RUNTIME"))
KEY = "sk-ant-of-the-developer"


class Machine:
    """A developer's: a home directory with a key in it, a workspace, and a reference that is only to be read."""

    def __init__(self, directory):
        self.home = directory / "home"
        self.workspace = self.home / "project"
        self.reference = directory / "reference"
        for each in (self.home / ".ssh", self.workspace, self.reference):
            each.mkdir(parents=True)
        (self.home / ".ssh" / "id_ed25519").write_text("private key")
        (self.home / ".profile").write_text("")
        (self.reference / "book").write_text("text")
        self.hosts = directory / "hosts"
        self.hosts.write_text(f"127.0.0.1 localhost\n{PUBLIC} api.example.test evil.example.test\n")
        self.settings = directory / "settings.json"
        # Its helpers run within, where home directories are not to be seen, and a cache may lie in one.
        modules = next(parent for parent in pathlib.Path(SRT).parents if parent.name == "node_modules")
        self.srt = directory / "node_modules" / pathlib.Path(SRT).relative_to(modules)
        shutil.copytree(modules, directory / "node_modules")
        self.environment = {
            "PATH": f"{NODE}/bin:{os.environ['PATH']}", "HOME": str(self.home), "ANTHROPIC_API_KEY": KEY, "LANG": "C.UTF-8",
        }  # fmt: skip

    def run(self, script, confined=True):
        command = ["sh", "-c", script]
        if confined:
            command = [f"{NODE}/bin/node", str(self.srt), "--settings", str(self.settings), "-c", script]
        names = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(self.hosts)]
        return subprocess.run(
            [*names, *command], cwd=self.workspace, env=self.environment, capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip


def exported(directory, *arguments):
    sandbox = {
        "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox", "metadata": {"name": "coder", "namespace": "agents"},
        "spec": {
            "podTemplate": {"spec": {"containers": [{"name": "agent", "image": "registry.example/agent:v1"}]}},
            "mounts": [
                {"name": "workspace", "mountPath": "/workspace", "access": "Persistent",
                 "persistentVolumeClaim": {"claimName": "workspace"}},
                {"name": "reference", "mountPath": "/reference", "persistentVolumeClaim": {"claimName": "books"}},
            ],
            "egress": {
                "model": {"anthropic": {"credential": "model"}},
                "allow": [{"host": "api.example.test", "methods": ["GET"]}],
            },
            "credentials": [{"name": "model", "header": {"name": "x-api-key", "secretKeyRef": {"name": "model", "key": "key"}}}],
        },
    }  # fmt: skip
    path = directory / "sandbox.yaml"
    path.write_text(yaml.safe_dump(sandbox))
    return subprocess.run(
        [STOCKADE, "export", "sandbox-runtime", *arguments, str(path)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def machine(outside, public_authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("laptop")
    made = Machine(directory)
    made.environment["NODE_EXTRA_CA_CERTS"] = str(public_authority.certificate)  # whom srt's proxy believes
    done = exported(directory, "-d", f"workspace={made.workspace}", "-d", f"reference={made.reference}")
    assert done.returncode == 0, done.stderr
    settings = json.loads(done.stdout)
    # What is outside has an address of this machine here, which sandbox-runtime takes for none unless it is listed itself.
    settings["network"]["allowedDomains"].append(f"{PUBLIC}:443")
    made.settings.write_text(json.dumps(settings))
    return made


def test_what_is_not_in_the_settings_is_named(machine, tmp_path):
    done = exported(tmp_path)
    assert json.loads(done.stdout)["filesystem"]["allowWrite"] == ["/workspace"]
    for field in ("spec.isolation", "spec.podTemplate", "spec.egress.allow[0].methods", "spec.mounts[0]"):
        assert f"not in the settings: {field}: " in done.stderr
    assert "no mount of that name" in exported(tmp_path, "-d", "other=/tmp").stderr
    assert "with an absolute directory" in exported(tmp_path, "-d", "workspace=here").stderr


def test_the_agent_does_its_work(machine):
    done = machine.run(f"echo done >{machine.workspace}/result && cat {machine.reference}/book")
    assert (done.returncode, done.stdout) == (0, "text"), done.stderr
    assert (machine.workspace / "result").read_text() == "done\n"
    done = machine.run("curl -sSk --max-time 20 -o /dev/null -w '%{http_code}' https://api.example.test/")
    assert done.stdout == "200", done.stderr


# What is tried in the workspace, and what it brings.
READS = {
    "a host that is not listed": ("curl -sSk --max-time 20 -f https://evil.example.test/", '"server_name"'),
    "the address itself": (f"curl -sSk --max-time 20 -f --noproxy '*' https://{PUBLIC}/", '"server_name"'),
    "a key of the user's": ("cat ~/.ssh/id_ed25519", "private key"),
}
# What is appended to, from the workspace. A write may seem to succeed, where a directory that is hidden is an empty one.
WRITES = {
    "what the next shell begins with": "../.profile",
    "what is only to be read": "../../reference/book",
    "what no mount names": "../../hosts",
}


@pytest.mark.parametrize("attack", READS.values(), ids=READS)
def test_what_is_read_without_it_is_not_read(machine, attack):
    script, brought = attack
    assert brought in machine.run(script, confined=False).stdout
    assert brought not in machine.run(script).stdout


@pytest.mark.parametrize("path", WRITES.values(), ids=WRITES)
def test_what_is_written_without_it_is_not_written(machine, path):
    file = machine.workspace / path
    before = file.read_text()
    machine.run(f"echo '# evil' >>{path}", confined=False)
    assert file.read_text() == f"{before}# evil\n"
    file.write_text(before)
    machine.run(f"echo '# evil' >>{path}")
    assert file.read_text() == before


def test_the_models_key_is_not_the_agents(machine):
    seen = machine.run("printenv ANTHROPIC_API_KEY").stdout.strip()
    assert seen and seen != KEY
