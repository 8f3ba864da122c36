"""stockade as users and pipelines run it, without a cluster."""

import fcntl
import json
import os
import pty
import re
import select
import subprocess
import xml.etree.ElementTree

import pytest
import yaml

from cluster import EXAMPLES, ROOT
from stockade import helm
from stockade_cli import PROGRAM, findings, run

REJECTED = sorted((EXAMPLES / "rejected").glob("*.yaml"))
MINIMAL = (EXAMPLES / "minimal.yaml").read_text(encoding="utf-8")
ROOT_USER = (EXAMPLES / "rejected" / "root-user.yaml").read_text(encoding="utf-8")


def test_examples_are_clean():
    done = run("lint", *sorted(EXAMPLES.glob("*.yaml")))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


@pytest.mark.parametrize("path", REJECTED, ids=lambda path: path.stem)
def test_a_rejected_example_is_refused_for_its_reason_at_its_line(path):
    code, field = re.match(r"# expect: (\S+) (\S+)\n", path.read_text(encoding="utf-8")).groups()
    done = run("lint", "--output", "json", path)
    assert done.returncode == 1
    (linted,) = json.loads(done.stdout)["objects"]
    (finding,) = linted["findings"]
    assert (finding["code"], finding["field"]) == (code, field)
    # The place holds the last name of the path, but for an element, which holds itself.
    line = path.read_text(encoding="utf-8").splitlines()[finding["line"] - 1]
    name = re.split(r"[.\[]", field)[-1].rstrip("]")
    assert name.isdigit() or line[finding["column"] - 1 :].startswith(name), line


def test_the_examples_expect_what_is_found():
    done = run("policy", "test", EXAMPLES)
    assert done.returncode == 0, done.stdout + done.stderr
    sandboxes = [path for path in EXAMPLES.rglob("*.yaml") if "kind: AgentSandbox\n" in path.read_text(encoding="utf-8")]
    assert done.stdout.count("\n") == len(sandboxes)


def test_directories_and_standard_input():
    done = run("lint", EXAMPLES, "-", input=ROOT_USER)
    assert done.returncode == 1
    files = {line.split(":")[0] for line in done.stdout.splitlines()}
    assert files == {str(path) for path in REJECTED} | {"<stdin>"}


def test_what_another_command_prints():
    """A pipe may be named where a file may: "<(command)" is one."""
    config = "apiVersion: config.stockade.dev/v1alpha1\nkind: OperatorConfiguration\n"
    script = '"$0" lint --config <(printf "%s" "$2") <(cat "$1")'
    done = subprocess.run(
        ["bash", "-uc", script, str(PROGRAM), str(EXAMPLES / "rejected" / "root-user.yaml"), config],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "[RootUser]" in done.stdout, done.stderr


GENERATED = MINIMAL.replace("name: minimal", "generateName: {}", 1)
REFUSED_BY_KUBECTL = {
    "misspelt group": (MINIMAL.replace("stockade.dev/", "stockade.dv/"), "apiVersion"),
    "no apiVersion": (MINIMAL.replace("apiVersion: stockade.dev/v1alpha1\n", ""), "apiVersion"),
    "no kind": (MINIMAL.replace("kind: AgentSandbox\n", ""), "kind"),
    "unknown field of the status": (MINIMAL + "status: {redy: true}\n", "status.redy"),
    "generated name that is too long": (GENERATED.format("a" * 46), "metadata.generateName"),
    "generated name that is none": (GENERATED.format("Agent-"), "metadata.generateName"),
    "word": (MINIMAL + "---\nfoo\n", None),
    "List without apiVersion": ("kind: List\nitems: []\n", None),
    "item without kind": ("apiVersion: v1\nkind: List\nitems: [{metadata: {name: a}}]\n", None),
    "list without kind": ("apiVersion: v1\nitems: []\n", None),
    "creationTimestamp that is no time": (
        MINIMAL.replace("  name: minimal\n", "  name: minimal\n  creationTimestamp: x\n", 1),
        "metadata.creationTimestamp",
    ),
}


@pytest.mark.parametrize("case", REFUSED_BY_KUBECTL)
def test_what_kubectl_refuses_lint_does_not_pass(cluster, case):
    text, field = REFUSED_BY_KUBECTL[case]
    assert cluster.kubectl("create", "--dry-run=server", "-f", "-", input=text).returncode != 0
    done = run("lint", "-", input=text)
    if field:
        assert done.returncode == 1 and f": error: {field}: " in done.stdout, done
    else:
        assert done.returncode == 2 and "stockade: <stdin>: line " in done.stderr, done


TAKEN_BY_KUBECTL = {
    "nothing between separators": MINIMAL + "---\n~\n",
    "longest generated name": GENERATED.format("a" * 45),
    "wrong type in the status": MINIMAL + "status: {conditions: 3}\n",
}


@pytest.mark.parametrize("case", TAKEN_BY_KUBECTL)
def test_what_kubectl_takes_lint_takes(cluster, case):
    text = TAKEN_BY_KUBECTL[case]
    done = cluster.kubectl("create", "--dry-run=server", "-f", "-", input=text)
    assert done.returncode == 0, done.stderr
    assert run("lint", "-", input=text).returncode == 0


def in_lists(text):
    """The object in every list of which kubectl takes it."""
    item = yaml.safe_load(text)
    untyped = {key: value for key, value in item.items() if key not in ("apiVersion", "kind")}
    kind, version = item["kind"], item["apiVersion"]
    yield {"apiVersion": "v1", "kind": "List", "items": [item]}
    yield {"apiVersion": version, "kind": f"{kind}List", "items": [untyped]}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "items": [item]}


def test_what_kubectl_finds_in_a_list_lint_finds(cluster):
    for document in in_lists(ROOT_USER):
        # Its validation stumbles over some of them, and can be turned off.
        done = cluster.kubectl("create", "--dry-run=client", "--validate=false", "-f", "-", input=document)
        assert done.returncode == 0 and "agentsandbox.stockade.dev/" in done.stdout, done
        assert [code for code, _ in findings(yaml.safe_dump(document))] == ["RootUser"], document


def test_a_list_of_policies_is_a_policy(tmp_path):
    baseline = (POLICIES / "baseline.yaml").read_text(encoding="utf-8")
    for number, document in enumerate(in_lists(baseline)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump(document))
        done = run("lint", "--policy", path, "-", input=MINIMAL)
        assert done.returncode != 2, done.stderr


def test_every_document_and_list_is_judged():
    listed = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(ROOT_USER)] * 2})
    assert [code for code, _ in findings(MINIMAL + "---\n" + ROOT_USER + "---\n" + listed)] == ["RootUser"] * 3


def test_helm_output(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: agents\nversion: 0.1.0\n")
    (tmp_path / "values.yaml").write_text("names: [one, two]\nuser: 0\n")
    (tmp_path / "templates" / "sandboxes.yaml").write_text(
        """{{- range .Values.names }}
---
apiVersion: stockade.dev/v1alpha1
kind: AgentSandbox
metadata:
  name: {{ . }}
spec:
  podTemplate:
    spec:
      containers:
        - name: agent
          image: registry.example.com/agent:v1
          securityContext: {runAsUser: {{ $.Values.user }}}
{{- end }}
"""
    )

    def template(*args):
        return subprocess.run(
            [helm(), "template", "agents", str(tmp_path), *args],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    assert [code for code, _ in findings(template())] == ["RootUser", "RootUser"]
    assert run("lint", "-", input=template("--set", "user=1000")).returncode == 0
    # The chart itself is no manifest: its templates are left out, and that is said.
    done = run("lint", tmp_path)
    assert done.returncode == 0 and "judge what helm template prints" in done.stderr
    direct = run("lint", tmp_path / "templates" / "sandboxes.yaml")
    assert direct.returncode == 2 and "judge what helm template prints" in direct.stderr


def test_kustomize_output(cluster, tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "sandbox.yaml").write_text(MINIMAL)
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [sandbox.yaml]\n")
    (tmp_path / "kustomization.yaml").write_text(
        """resources: [base]
namePrefix: production-
namespace: agents
patches:
  - target: {kind: AgentSandbox}
    patch: |
      - {op: add, path: /spec/podTemplate/spec/hostNetwork, value: true}
"""
    )
    built = cluster.must("kustomize", str(tmp_path))
    done = run("lint", "--output", "json", "-", input=built)
    (linted,) = json.loads(done.stdout)["objects"]
    assert (linted["namespace"], linted["name"]) == ("agents", "production-minimal")
    assert [finding["code"] for finding in linted["findings"]] == ["HostNamespace"]


POLICIES = EXAMPLES / "policies"


def test_policies_judge_by_the_labels_of_namespaces():
    research = ("--policy", POLICIES, "--namespace-labels", "team=research")
    elsewhere = MINIMAL.replace("docker.io/library", "registry.example.com/team")
    assert run("lint", "--policy", POLICIES, "-", input=elsewhere).returncode == 0
    done = run("lint", *research, "-", input=elsewhere)
    assert done.returncode == 1
    assert ": error: " in done.stdout and ": note: " in done.stdout, done.stdout

    namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {team: research}}\n"
    assert run("lint", "--policy", POLICIES, "-", input=elsewhere + namespace).returncode == 1
    # In Audit alone, nothing fails, warnings or not.
    audit = ("--policy", POLICIES / "digests-audit.yaml", "--namespace-labels", "team=research")
    assert run("lint", *audit, "--warnings-as-errors", "-", input=MINIMAL).returncode == 0

    codes = ("ImageRegistry", "ImageDigest", "PermissionDenyMissing", "PermissionDenyMissing", "PermissionBypassOpen")
    expected = "".join(f"# expect: {code}\n" for code in codes) + elsewhere
    tested = run("policy", "test", *research, "-", input=expected)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_policies_that_cannot_be_judged_by_are_errors(tmp_path):
    def message(text):
        (tmp_path / "policy.yaml").write_text(text)
        done = run("lint", "--policy", tmp_path, "-", input=MINIMAL)
        assert done.returncode == 2
        return done.stderr

    head = "apiVersion: stockade.dev/v1alpha1\nkind: AgentSandboxPolicy\nmetadata: {name: p}\n"
    assert "there is no AgentSandboxPolicy in it" in message("a: 1\n")
    assert "spec.resources.max.cpu" in message(head + "spec: {resources: {max: {cpu: plenty}}}\n")
    assert "not valid YAML" in message("a: [")
    done = run("lint", "--namespace-labels", "team", "-", input=MINIMAL)
    assert done.returncode == 2 and "KEY=VALUE" in done.stderr


def test_exit_codes():
    assert run("lint", "-", input=MINIMAL).returncode == 0
    assert run("lint", "-", input=ROOT_USER).returncode == 1
    assert run("lint", "-", input="a: [").returncode == 2
    assert run("lint", "missing.yaml").returncode == 2
    assert run("lint").returncode == 2
    assert run("nonsense").returncode == 2
    assert run().returncode == 0
    floating = MINIMAL.replace("3.13-slim", "latest")
    assert run("lint", "-", input=floating).returncode == 0
    assert run("lint", "--warnings-as-errors", "-", input=floating).returncode == 1


def test_a_full_disk_is_no_clean_result():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([PROGRAM, "version"], stdout=full, check=False)
    assert done.returncode == 2


def test_sarif_and_junit_are_well_formed():
    sarif = json.loads(run("lint", "-o", "sarif", EXAMPLES).stdout)
    (sarif_run,) = sarif["runs"]
    assert sarif["version"] == "2.1.0"
    assert len(sarif_run["results"]) == len(REJECTED)
    ids = [rule["id"] for rule in sarif_run["tool"]["driver"]["rules"]]
    assert len(ids) == len(set(ids))
    for result in sarif_run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] > 1 and region["startColumn"] >= 1
    relative = run("lint", "-o", "sarif", "rejected", cwd=EXAMPLES)
    location = json.loads(relative.stdout)["runs"][0]["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"].startswith("rejected/")

    suites = xml.etree.ElementTree.fromstring(run("lint", "-o", "junit", EXAMPLES).stdout)
    assert suites.get("failures") == str(len(REJECTED)) == str(len(suites.findall(".//failure")))
    assert suites.get("tests") == str(len(suites.findall(".//testcase")))


def on_terminal(*args, env=None):
    """The output of stockade on a terminal."""
    master, slave = pty.openpty()
    fcntl.fcntl(master, fcntl.F_SETFL, os.O_NONBLOCK)
    process = subprocess.Popen(
        [PROGRAM, *args], stdin=slave, stdout=slave, stderr=subprocess.DEVNULL,
        env=os.environ | {"TERM": "xterm"} | (env or {}),
    )  # fmt: skip
    process.wait(timeout=30)
    os.close(slave)
    with os.fdopen(master, "rb", buffering=0) as terminal:
        return terminal.read(65536).decode()


def test_colours_are_for_terminals():
    path = str(EXAMPLES / "rejected" / "root-user.yaml")
    assert "\x1b[" in on_terminal("lint", path, env={"NO_COLOR": ""})
    assert "\x1b[" not in on_terminal("lint", path, env={"NO_COLOR": "1"})
    assert "\x1b[" not in run("lint", path).stdout


def test_render_is_what_the_golden_files_say():
    """The operator's rendering is reviewed in tests/golden/render; what is printed is that."""
    compared = 0
    for source in sorted((ROOT / "tests" / "golden" / "render").glob("*.yaml")):
        if "\n  egress:" in source.read_text(encoding="utf-8"):
            continue  # golden without its gateway, with which it is printed
        golden = json.loads(source.with_suffix(".json").read_text(encoding="utf-8"))["items"]
        done = run("render", source)
        if done.returncode == 1:
            continue  # an input of the renderer's tests that the rules refuse
        assert done.returncode == 0, done.stderr
        printed = list(yaml.safe_load_all(done.stdout))
        assert printed[0]["metadata"]["name"] == "stockade-deny-all"
        by_title = {(obj["kind"], obj["metadata"]["name"]): obj["spec"] for obj in printed}
        suspended = "operatingMode: Suspended" in source.read_text(encoding="utf-8")
        for wanted in golden:
            title = (wanted["kind"], wanted["metadata"]["name"])
            if suspended and wanted["kind"] == "Pod":
                assert title not in by_title
                continue
            assert by_title[title] == wanted["spec"], source
            compared += 1
        assert suspended or printed[-1]["kind"] == "Pod"
        assert json.loads(run("render", "-o", "json", source).stdout)["items"] == printed
    assert compared >= 5


def test_render_takes_the_operators_configuration(tmp_path):
    config = tmp_path / "operator.yaml"
    config.write_text(
        "apiVersion: config.stockade.dev/v1alpha1\nkind: OperatorConfiguration\nruntimeClasses: {GVisor: runsc-x}\n"
    )
    done = run("render", "--config", config, "-", input=MINIMAL)
    assert list(yaml.safe_load_all(done.stdout))[-1]["spec"]["runtimeClassName"] == "runsc-x"
    config.write_text(
        "apiVersion: config.stockade.dev/v1alpha1\nkind: OperatorConfiguration\nruntimeClass: {}\n"
    )
    done = run("render", "--config", config, "-", input=MINIMAL)
    assert done.returncode == 2 and 'did you mean "runtimeClasses"?' in done.stderr


def complete(*words):
    """What bash offers for a command line whose last word is being typed."""
    script = """
source <("$0" completion bash)
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_stockade
printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(
        ["bash", "-euc", script, str(PROGRAM), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_bash_completes():
    assert complete("stockade", "l") == ["lint"]
    assert complete("stockade", "policy", "") == ["test"]
    assert complete("stockade", "lint", "-o", "") == ["text", "json", "sarif", "junit"]
    assert complete("stockade", "lint", "--output", "=", "s") == ["sarif"]
    assert "--warnings-as-errors" in complete("stockade", "lint", "--w")
    assert "RootUser" in complete("stockade", "explain", "Root")
    assert "--kubeconfig" in complete("stockade", "explain", "sandbox", "--k")
    assert complete("stockade", "completion", "f") == ["fish"]
    assert complete("kubectl-stockade", "completion", "k") == ["kubectl"]
    assert str(EXAMPLES / "minimal.yaml") in complete("stockade", "lint", str(EXAMPLES / "min"))


def test_bash_completes_the_plugin_too():
    script = 'source <("$0" completion bash); complete -p kubectl-stockade'
    done = subprocess.run(["bash", "-euc", script, str(PROGRAM)], capture_output=True, text=True, check=True)
    assert "-F _stockade kubectl-stockade" in done.stdout


def completed_by_zsh(line):
    """The command line that zsh makes of another by the Tab key, at a terminal."""
    setup = f"autoload -U compinit; compinit -D -u; source <({PROGRAM} completion zsh); PS1='[rea''dy] '\n"
    # To the beginning of the line, to print it; a pattern that holds what is printed alone, not what is typed.
    keys = f"{line}\t\x01print -r -- 'line''=' \n"
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["zsh", "-f", "-i"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env=os.environ | {"TERM": "dumb", "PS1": "[start] ", "HOME": "/nonexistent"},
    )  # fmt: skip
    os.close(slave)
    seen = ""

    def read_until(pattern):
        nonlocal seen
        while not (found := re.search(pattern, seen)):
            readable, _, _ = select.select([master], [], [], 30)
            assert readable, seen
            seen += os.read(master, 65536).decode()
        seen = seen[found.end() :]
        return found

    try:
        read_until(r"\[start\] ")
        os.write(master, setup.encode())
        read_until(r"\[ready\] ")
        os.write(master, keys.encode())
        return read_until(r"line= ([^\r\n]*?) *\r?\n")[1]
    finally:
        process.kill()
        process.wait(timeout=30)
        os.close(master)


@pytest.mark.parametrize("program", ["stockade", "kubectl-stockade"])
def test_zsh_completes(program):
    assert completed_by_zsh(f"{program} lint --output sar") == f"{program} lint --output sarif"
    assert completed_by_zsh(f"{program} expl") == f"{program} explain"


@pytest.mark.parametrize("program", ["stockade", "kubectl-stockade"])
def test_fish_completes(program):
    def complete(line):
        script = f"{PROGRAM} completion fish | source; complete -C '{program} {line}'"
        done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True)
        return [candidate.split("\t")[0] for candidate in done.stdout.splitlines()]

    assert complete("lin") == ["lint"]
    assert complete("policy ") == ["test"]
    assert complete("lint --output s") == ["sarif"]
    assert "RootUser" in complete("explain Root")


def test_kubectl_completes_its_plugin(cluster, tmp_path):
    """kubectl asks kubectl_complete-stockade, as the shells ask kubectl."""
    script = tmp_path / "kubectl_complete-stockade"
    script.write_text(run("completion", "kubectl").stdout)
    script.chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}:{PROGRAM.parent}:{os.environ['PATH']}"}

    def complete(*words):
        command = [cluster.kubectl_path, "__complete", "stockade", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.split()

    no_files, files = ":4", ":0"
    assert complete("l") == ["lint", no_files]
    assert complete("lint", "--output", "s") == ["sarif", no_files]
    assert complete("lint", "--output=j") == ["json", "junit", no_files]
    assert complete("lint", "--output=") == ["text", "json", "sarif", "junit", no_files]
    assert complete("policy", "") == ["test", no_files]
    assert complete("lint", "--namespace", "") == [no_files]
    assert complete("lint", "") == complete("lint", "--config", "man") == [files]


def test_it_is_a_plugin_of_kubectl(cluster):
    """kubectl finds kubectl-stockade on the PATH, and the help is that of the plugin."""
    env = {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [cluster.kubectl_path, "stockade", "lint", "--help"],
        capture_output=True, text=True, check=False, env=os.environ | env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Usage: kubectl stockade lint" in done.stdout
