"""The harness outside, its hands in a sandbox: the Python client of the examples with the rights of their Role and no
others, against pods under gVisor."""

import functools
import pathlib
import sys

import pytest
import yaml

from cluster import EXAMPLES, eventually
from pods import RESTRICTED, Pods

sys.path.insert(0, str(EXAMPLES / "python"))
import kubernetes  # noqa: E402
from stockade_sandbox import ClaimFailed, CommandFailed, Sandbox  # noqa: E402

AGENT_IMAGE = "localhost/stockade-agent:test"
# As Pod Security's level restricted wants a container.
UNPRIVILEGED = {
    "runAsNonRoot": True, "runAsUser": 1000, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
ARCHIVE_THAT_LEADS_OUTSIDE = b"""
import io, sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|gz") as tar:
    member = tarfile.TarInfo("../outside")
    member.size = 1
    tar.addfile(member, io.BytesIO(b"x"))
"""


@pytest.fixture(scope="module")
def hands(installed):
    """A namespace with what docs/brain-and-hands.md has its readers apply; the pools are full."""
    with installed.new_namespace("hands", RESTRICTED) as name:
        pods = Pods(installed, name)
        texts = [path.read_text() for path in (EXAMPLES / "brain-and-hands").glob("*.yaml")]
        objects = [each for text in texts for each in yaml.safe_load_all(text) if each]
        for each in objects:
            each["metadata"].pop("namespace", None)
            for subject in each.get("subjects", []):
                subject["namespace"] = name
            if each["kind"] == "AgentSandboxTemplate":
                each["spec"]["template"]["spec"]["podTemplate"]["spec"]["containers"][0]["image"] = AGENT_IMAGE
        pods.must("apply", "-f", "-", input=objects)
        wait_full(pods)
        wait_full(pods, "tools")
        yield pods


def wait_full(pods, name="hands"):
    def is_full():
        pool = pods.cluster.get("-n", pods.namespace, "agentsandboxpool", name)
        return pool.get("status", {}).get("readyReplicas") == pool["spec"]["replicas"]

    eventually(is_full, timeout=120)


@pytest.fixture(scope="module")
def harness(hands):
    """The official client with the harness' own token."""
    config = yaml.safe_load(pathlib.Path(hands.cluster.kubeconfig).read_text())
    token = hands.must("create", "token", "harness").strip()
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    return kubernetes.config.new_client_from_config_dict(config)


def claim(hands, harness, **options):
    return Sandbox.claim(hands.namespace, api_client=harness, **{"pool": "hands", **options})


def test_a_session_from_claim_to_release(hands, harness, tmp_path):
    wait_full(hands)
    with claim(hands, harness) as sandbox:
        assert sandbox.warm
        sandbox.write("/tmp/job.py", b"print(6 * 7)")
        done = sandbox.run("python3", "/tmp/job.py")
        assert (done.stdout, done.stderr, done.exit_code) == ("42\n", "", 0)
        failed = sandbox.run("sh", "-c", "echo oh >&2; exit 3")
        assert (failed.stderr, failed.exit_code) == ("oh\n", 3)
        assert "Starting gVisor" in sandbox.run("dmesg").stdout
        name = sandbox.name
    eventually(lambda: name not in hands.must("get", "agentsandboxes", "-o", "name"))
    eventually(lambda: f"asb-{name}" not in hands.must("get", "pods", "-o", "name"), timeout=90)


def test_files_go_in_and_out_as_they_are(hands, harness, tmp_path):
    source = tmp_path / "project"
    (source / "deep" / "er").mkdir(parents=True)
    # More than one message of the stream, with every byte.
    (source / "deep" / "er" / "blob").write_bytes(bytes(range(256)) * 4096)
    (source / "empty").write_bytes(b"")
    with claim(hands, harness) as sandbox:
        sandbox.copy_in(source, "/tmp")
        back = tmp_path / "back"
        back.mkdir()
        sandbox.copy_out("/tmp/project", back)
        assert sandbox.read("/tmp/project/deep/er/blob") == (source / "deep" / "er" / "blob").read_bytes()
    found = {path.relative_to(back / "project"): path.read_bytes() for path in back.rglob("*") if path.is_file()}
    wanted = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    assert found == wanted


def test_a_sandbox_that_was_taken_over_does_not_get_out(hands, harness, tmp_path):
    """What it can put into an archive, print without end, or take for ever."""
    back = tmp_path / "back"
    back.mkdir()
    with claim(hands, harness) as sandbox:
        made = "mkdir /tmp/out; cd /tmp/out; ln -s /etc/passwd link; echo x >file; mkfifo pipe"
        assert sandbox.run("sh", "-c", made).exit_code == 0
        sandbox.copy_out("/tmp/out", back)
        assert [path.name for path in (back / "out").iterdir()] == ["file"]
        # Its own tar may say anything: here, that a file is one directory further up.
        sandbox.write("/tmp/tar.py", ARCHIVE_THAT_LEADS_OUTSIDE)
        instead = functools.partial(sandbox.run, "sh", "-c", "python3 /tmp/tar.py | base64")
        with pytest.MonkeyPatch.context() as patch, pytest.raises(CommandFailed, match="names '../outside'"):
            patch.setattr(sandbox, "run", lambda *_, **bounds: instead(**bounds))
            sandbox.copy_out("/tmp/out", back)
        assert not (tmp_path / "outside").exists()
        with pytest.raises(CommandFailed, match="printed more than"):
            sandbox.run("cat", "/dev/zero", limit=1 << 20)
        with pytest.raises(TimeoutError):
            sandbox.run("sleep", "60", timeout=2)


def test_variables_make_a_sandbox_of_their_own(hands, harness):
    with claim(hands, harness, env={"TASK_ID": "42"}) as sandbox:
        assert not sandbox.warm
        assert sandbox.run("sh", "-c", "echo $TASK_ID").stdout == "42\n"


# What urllib of the guide sends; the pod has Perl alone.
POST = """
my $connection = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => 8080, Timeout => 3) or exit 1;
print $connection "POST / HTTP/1.0\r\nContent-Length: " . length($ARGV[1]) . "\r\n\r\n" . $ARGV[1];
print while <$connection>;
"""


def test_tools_answer_the_harness_by_their_service_and_nobody_else(hands, harness):
    meant = {"runtime_class": None, "command": ["sleep", "infinity"], "securityContext": UNPRIVILEGED}
    hands.run("harness", labels={"app": "harness"}, **meant)
    hands.run("stranger", labels={"app": "other"}, **meant)
    wait_full(hands, "tools")
    with claim(hands, harness, pool="tools") as sandbox:
        assert sandbox.warm and sandbox.service.startswith(f"asb-{sandbox.name}.{hands.namespace}.svc.")
        # The node of these tests has no DNS.
        address = hands.cluster.get("-n", hands.namespace, "pod", sandbox.pod)["status"]["podIP"]

        def posts(pod):
            call = ("timeout", "5", "perl", "-MIO::Socket::INET", "-e", POST, address, "print(6 * 7)")
            return hands.execute(pod, *call).stdout

        eventually(lambda: '"stdout": "42\\n"' in posts("harness"), timeout=30)
        assert posts("stranger") == ""
    # Who lets go of the claim is let in no more.
    eventually(lambda: posts("harness") == "", timeout=60)


def test_a_claim_that_fails_says_why_and_leaves_nothing(hands, harness):
    with pytest.raises(ClaimFailed, match="TimedOut: .* PoolNotFound: there is no AgentSandboxPool"):
        claim(hands, harness, pool="nowhere", timeout=3)
    assert "nowhere" not in hands.must("get", "agentsandboxclaims", "-o", "json")


def test_the_harness_may_do_nothing_else(hands, harness):
    core, objects = kubernetes.client.CoreV1Api(harness), kubernetes.client.CustomObjectsApi(harness)
    templates = ("stockade.dev", "v1alpha1", hands.namespace, "agentsandboxtemplates")
    for forbidden in (
        lambda: core.list_namespaced_secret(hands.namespace),
        lambda: core.list_namespaced_pod("default"),
        lambda: objects.list_namespaced_custom_object(*templates),
    ):
        with pytest.raises(kubernetes.client.ApiException) as refused:
            forbidden()
        assert refused.value.status == 403
