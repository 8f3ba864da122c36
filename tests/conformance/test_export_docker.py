"""What `stockade export docker` prints, run by podman and runc: the agent does its work, and three attacks that succeed
without it fail."""

import os
import pathlib
import resource
import subprocess
import sys

import hosts
import pytest
import yaml
from conftest import HERE, NAMES, OTHER, PUBLIC

STOCKADE, ENVOY = (os.environ.get(f"STOCKADE_TEST_{name}", "") for name in ("CLI", "ENVOY"))
ARCHIVE = HERE.parents[1] / "hack" / "lib" / "image_archive.py"
AGENT, PROXY = "localhost/agent:test", "localhost/envoy:test"
TOOLS = ("sh", "cat", "curl", "id", "ls", "grep", "sleep")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes networks and containers, for which it has to be root")


def with_libraries(programs):
    """What these need, by `ldd`."""
    files = {pathlib.Path(program).resolve() for program in programs}
    for program in programs:
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        files |= {pathlib.Path(word) for word in listed.split() if word.startswith("/")}
    return files


def image(directory, name, programs, renamed=()):
    """An image archive of programs of this machine, under their own paths or those that `renamed` has."""
    root = directory / name
    for file in with_libraries(programs):
        target = root / str(dict(renamed).get(str(file), file)).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
        target.chmod(0o755)
    for program in programs:
        (root / "usr/bin").mkdir(parents=True, exist_ok=True)
        link = root / "usr/bin" / pathlib.Path(program).name
        if not link.exists() and str(pathlib.Path(program).resolve()) not in dict(renamed):
            link.symlink_to(pathlib.Path(program).resolve())
    if not (root / "bin").exists():
        (root / "bin").symlink_to("usr/bin")
    layer, archive = directory / f"{name}.layer", directory / f"{name}.tar"
    subprocess.run(["tar", "-C", str(root), "--owner=0", "--group=0", "-cf", str(layer), "."], check=True)
    tag = {"agent": AGENT, "envoy": PROXY}[name]
    subprocess.run([sys.executable, str(ARCHIVE), "--name", tag, "--layer", str(layer), "--out", str(archive)], check=True)
    return archive


class Laptop:
    """A developer's machine with podman, whose state is in `directory`."""

    def __init__(self, directory):
        self.home, self.workspace = directory / "home", directory / "home" / "project"
        self.workspace.mkdir(parents=True)
        self.workspace.chmod(0o777)
        (self.home / "key").write_text("private key")
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        config = directory / "containers.conf"
        # Where this runs, limits may not be raised, and there is neither systemd nor a journal.
        config.write_text(
            f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]\n'
            f'dns_servers = ["{OTHER}"]\n'
            f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
            f'tmp_dir = "{directory}/tmp"\n'
        )
        storage = directory / "storage.conf"
        storage.write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{directory}/graph"\nrunroot = "{directory}/run"\n')
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "CONTAINERS_CONF": str(config),
            "CONTAINERS_STORAGE_CONF": str(storage), "CONTAINER_ENGINE": "podman", "CONTAINER_RUNTIME": "runc",
            "TMPDIR": str(directory),
        }  # fmt: skip
        self.script = directory / "agent.sh"
        self.images = (
            image(directory, "agent", [f"/usr/bin/{tool}" for tool in TOOLS]),
            image(directory, "envoy", [ENVOY], [(str(pathlib.Path(ENVOY).resolve()), "/usr/local/bin/envoy")]),
        )

    def why_it_runs_none(self):
        """Loads the images, and runs one: what is in the way, or nothing."""
        for archive in self.images:
            if (loaded := self.podman("load", "--input", str(archive))).returncode != 0:
                return loaded.stderr
        plain = self.run_free("echo runs")
        return "" if plain.stdout == "runs\n" else plain.stderr or "it says nothing"

    def podman(self, *arguments):
        return self.call("podman", *arguments)

    def call(self, *command):
        return subprocess.run(
            command, env=self.environment, cwd=self.workspace, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip

    def run(self, script):
        """In the container that the exported script makes."""
        return self.call("bash", str(self.script), "sh", "-c", script)

    def run_free(self, script):
        """In a container as people run one, with their home directory."""
        mount = f"{self.home}:{self.home}"
        return self.podman("run", "--rm", "--volume", mount, AGENT, "/usr/bin/sh", "-c", script)


def exported(directory, *arguments, **spec):
    sandbox = {
        "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox", "metadata": {"name": "coder", "namespace": "agents"},
        "spec": {
            "isolation": "Container", "inputTrust": "Trusted",
            "podTemplate": {"spec": {"containers": [
                {"name": "agent", "image": AGENT, "command": ["sh", "-c", "echo 'it is $HOME'"]}]}},
            "mounts": [
                {"name": "workspace", "mountPath": "/workspace", "access": "Persistent",
                 "persistentVolumeClaim": {"claimName": "workspace"}},
            ],
            "egress": {"allow": [{"host": "api.example.test", "methods": ["GET"]}]},
            **spec,
        },
    }  # fmt: skip
    path = directory / "sandbox.yaml"
    path.write_text(yaml.safe_dump(sandbox))
    command = [STOCKADE, "export", "docker", "--proxy-image", PROXY, *arguments, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def laptop(outside, tmp_path_factory):
    # The containers' own network is a bridge, behind which the addresses of the outside are this namespace's.
    names = hosts.DnsServer(OTHER)
    names.names.update(NAMES)
    made = Laptop(tmp_path_factory.mktemp("laptop"))
    if problem := made.why_it_runs_none():
        pytest.skip(f"podman runs no container on this machine: {problem}")
    done = exported(made.home.parent, "-d", f"workspace={made.workspace}")
    assert done.returncode == 0, done.stderr
    made.script.write_text(done.stdout)
    yield made
    made.podman("system", "reset", "--force")
    names.close()


def test_what_is_not_in_the_script_is_named(tmp_path):
    done = exported(tmp_path)
    for field in ("spec.egress.allow[0].methods", "spec.mounts[0]"):
        assert f"not in the script: {field}: " in done.stderr
    assert "no mount of that name" in exported(tmp_path, "-d", "other=/tmp").stderr


def test_the_agent_does_its_work(laptop):
    done = laptop.call("bash", str(laptop.script))
    assert (done.returncode, done.stdout) == (0, "it is $HOME\n"), done.stderr
    done = laptop.run("echo done >/workspace/result && id -u && echo x >/tmp/x && cat /tmp/x")
    assert (done.returncode, done.stdout) == (0, "10001\nx\n"), done.stderr
    assert (laptop.workspace / "result").read_text() == "done\n"
    done = laptop.run("curl -sSk --max-time 20 --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null"
                      " -w '%{http_code}' https://api.example.test/")  # fmt: skip
    assert done.stdout == "200", done.stderr
    assert laptop.run("exit 3").returncode == 3


def test_it_is_hardened(laptop):
    done = laptop.run("grep -h -e NoNewPrivs -e CapEff -e CapBnd -e Seccomp: /proc/self/status; echo x >/usr/x; ls /sys/class/net")
    words = done.stdout.split()
    assert words == ["CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2", "lo"], done.stdout
    assert "Read-only file system" in done.stderr


def test_nothing_is_left(laptop):
    assert laptop.podman("ps", "--all", "--quiet").stdout == ""


# What is tried, and what it brings where nothing is in the way. The proxies may need a moment to listen.
READS = {
    "a host that is not listed": (
        "curl -sSk --max-time 20 --retry 20 --retry-connrefused --retry-delay 1 -f https://evil.example.test/",
        '"server_name"'),
    "the address itself": (f"curl -sSk --max-time 20 -f --noproxy '*' https://{PUBLIC}/", '"server_name"'),
    "a key of the user's": ("cat {home}/key", "private key"),
}  # fmt: skip


@pytest.mark.parametrize("attack", READS.values(), ids=READS)
def test_what_is_read_without_it_is_not_read(laptop, attack):
    script, brought = attack
    script = script.replace("{home}", str(laptop.home))
    free = laptop.run_free(script)
    assert brought in free.stdout, free.stderr
    confined = laptop.run(script)
    assert confined.returncode != 0 and brought not in confined.stdout, confined.stdout
