"""Points 13 and 17 with the pods that the operator makes: all that stockade render prints of a sandbox, run as
processes with the users, variables and mounts of the pods; and a search for the credentials in whatever the agent
sees."""

import base64
import json
import os
import pathlib
import re
import socket
import time
import urllib.parse

import certificates
import conftest
import egress_path
import messages_api
import packages
import pods
import pytest

pytestmark = pytest.mark.skipif(not pods.can_run(), reason="needs root, to run containers as their users")

STOCKADE, CANARY = os.environ.get("STOCKADE_TEST_CLI", ""), os.environ.get("STOCKADE_TEST_CANARY", "")
CLAUDE_CODE = os.environ.get("STOCKADE_TEST_CLAUDE_CODE", "")
# What an organization says of Claude Code; the model's name is seen by whom it asks.
MANAGED_SETTINGS = {"model": "claude-of-the-organization", "permissions": {"deny": ["WebFetch"]}}
CREDENTIALS = os.environ.get("STOCKADE_TEST_CREDENTIALS", "")
GATEWAY = "192.0.2.1"  # as stockade render has it
TRUST = "/etc/ssl/certs/ca-certificates.crt"
# Of the Secrets; with characters that every way of writing them changes.
SECRETS = {"anthropic": {"api-key": "sk-ant/key+of=the~gateway.1"}, "github": {"token": "ghp_token/of+the=gateway~2"},
           "npm": {"token": "npm_token/of+the=gateway~3"}}
CONFIGURATION = {
    "apiVersion": "config.stockade.dev/v1alpha1", "kind": "OperatorConfiguration",
    "egress": {"images": {name: f"registry.example/{name}:1" for name in ("proxy", "canary", "credentials")},
               "resolvers": ["127.0.0.1"]}}


class Agent:
    """A sandbox's pod and its gateway's. `keys` are the private keys that somebody else than the agent has, as PEM."""

    def __init__(self, directory, public_authority):
        configuration = directory / "operator.yaml"
        configuration.write_text(json.dumps(CONFIGURATION))
        self.objects = pods.rendered(STOCKADE, conftest.HERE / "agent.yaml", configuration)
        self.keys = {}
        self._directory = directory
        self.identity = certificates.Authority(directory / "authorities", "identity")
        self.interception = certificates.Authority(directory / "authorities", "interception")
        for name in ("identity", "interception"):
            self.keys[name] = (directory / f"authorities/{name}.key").read_text()
        maps = {("configMap", name): dict(item["data"]) for (kind, name), item in self.objects.items()
                if kind == "ConfigMap"}
        maps["configMap", "asg-agent-authorities"]["ca.crt"] = self.interception.certificate.read_text()
        gateway = maps["configMap", "asg-agent-gateway"]
        sidecar = json.loads(maps["configMap", "asg-agent-sandboxes"]["envoy.json"])
        prefix = re.search(r"spiffe://[^\"\\]*?/profile/[0-9a-f]{64}/", gateway["envoy.json"]).group()
        name = next(each["transport_socket"]["typed_config"]["sni"] for each in sidecar["static_resources"]["clusters"])
        secrets = {
            "asg-agent-gateway-uid": self._pair(self.identity, f"DNS:{name}"),
            "asg-agent-sandbox-uid": self._pair(self.identity, f"URI:{prefix}sandbox/agent/uid-1"),
            "asg-agent-leaves-uid": self._leaves(file for file in gateway if file.startswith("leaf-")),
            **SECRETS}
        values = maps | {("secret", name): value for name, value in secrets.items()}
        program = {"/usr/local/bin/envoy": egress_path.ENVOY, TRUST: str(public_authority.certificate)}
        helper = {"/usr/bin/stockade-credentials": CREDENTIALS, TRUST: str(public_authority.certificate)}
        images = {"stockade-gateway": program, "stockade-proxy": program, "stockade-prepare": helper,
                  "stockade-credentials": helper, "stockade-canary": {"/usr/bin/stockade-canary": CANARY}}
        images = {name: image | pods.LIBRARIES for name, image in images.items()} | {"agent": self._agents_image()}
        deployment = self.objects["Deployment", "asg-agent"]
        self.network = pods.Network(GATEWAY)
        self.gateway = pods.Pod(deployment["spec"]["template"]["spec"], directory / "gateway", images, values)
        self.pod = pods.Pod(self.objects["Pod", "asb-agent"]["spec"], directory / "sandbox", images, values,
                            self.network.process)

    def start(self):
        self.gateway.start("stockade-prepare", "stockade-credentials", "stockade-gateway")
        self.pod.start("stockade-canary", "stockade-proxy")

    def close(self):
        self.pod.close()
        self.gateway.close()
        self.network.close()

    def _agents_image(self):
        settings = self._directory / "managed-settings.json"
        settings.write_text(json.dumps(MANAGED_SETTINGS))
        return pods.SYSTEM | {"/opt/node": packages.NODE, "/opt/claude": CLAUDE_CODE,
                              "/etc/claude-code/managed-settings.json": str(settings)}

    def run(self, *command, **what):
        return self.pod.run("agent", *command, **what)

    def _pair(self, authority, name):
        certificate, key = self._directory / "leaf.crt", self._directory / "leaf.key"
        authority.issue(certificate, key, name)
        self.keys[name] = key.read_text()
        return {"tls.crt": certificate.read_text(), "tls.key": key.read_text(),
                "ca.crt": authority.certificate.read_text()}

    def _leaves(self, files):
        leaves = {}
        for file in files:
            host = file.removeprefix("leaf-").removesuffix(".json")
            pair = self._pair(self.interception, f"DNS:{host}")
            leaves |= {f"{host}.crt": pair["tls.crt"], f"{host}.key": pair["tls.key"]}
        return leaves


@pytest.fixture(scope="module")
def agent(dns, outside, public_authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("pods")
    for path in (directory, *directory.parents[:2]):
        path.chmod(0o755)  # users of containers go through
    forge = directory / "forge"
    forge.mkdir()
    packages.make_repository(forge)
    token = SECRETS["github"]["token"]
    outside.services["github.com"] = packages.git_service(forge, packages.basic("x-access-token", token))
    outside.services["api.github.com"] = lambda _: (200, {"content-type": "application/json"}, '{"login": "acme"}')
    outside.services["api.anthropic.com"] = lambda _: (200, {"content-type": "application/json"}, '{"type": "message"}')
    packages.serve_wheel(outside, "files.index.example.test")
    packages.serve_npm_package(outside, "npm.example.test")
    running = Agent(directory, public_authority)
    try:
        running.start()
        yield running
    finally:
        running.close()
        for host in ("github.com", "api.github.com", "api.anthropic.com"):
            del outside.services[host]


def last_of(outside, host):
    request = next(request for request in reversed(outside.requests) if request["server_name"] == host)
    return {**request, "headers": dict(request["headers"])}


# ---- The pods, and the tools in them

def test_the_network_is_shut_but_for_the_gateway(agent):
    assert agent.pod.message("stockade-canary")
    readiness = agent.pod.spec["initContainers"][1]["readinessProbe"]
    assert agent.pod.probe("stockade-proxy", readiness), agent.pod.log("stockade-proxy")
    connect = "import socket, sys; socket.create_connection(sys.argv[1].split(':'), 5)"
    for target, why in ((f"{conftest.PUBLIC}:443", "unreachable"), (f"{conftest.METADATA}:80", "unreachable"),
                        ("127.0.0.1:53", "refused")):
        done = agent.run("/usr/bin/python3", "-c", connect, target)
        assert done.returncode == 1 and why in done.stderr, done.stderr


@pytest.mark.attack(17, "in the rendered pods: curl at the model, with the placeholder")
def test_a_prompt(agent, outside, seen):
    done = agent.run("sh", "-c", 'curl --silent --show-error --fail --data "{}" --header "Authorization: Bearer '
                     '$ANTHROPIC_AUTH_TOKEN" "$ANTHROPIC_BASE_URL/v1/messages?beta=true"')
    assert (done.returncode, done.stdout) == (0, '{"type": "message"}'), done.stderr
    headers = last_of(outside, "api.anthropic.com")["headers"]
    assert headers["x-api-key"] == SECRETS["anthropic"]["api-key"] and "authorization" not in headers
    seen("works, and the host got the gateway's key alone")


@pytest.mark.attack(17, "in the rendered pods: curl at api.github.com, and elsewhere")
def test_curl(agent, outside, seen):
    done = agent.run("curl", "--silent", "--show-error", "--fail", "https://api.github.com/user")
    assert (done.returncode, done.stdout) == (0, '{"login": "acme"}'), done.stderr
    assert last_of(outside, "api.github.com")["headers"]["authorization"] == f"Bearer {SECRETS['github']['token']}"
    done = agent.run("curl", "--silent", "--show-error", "--fail", "https://evil.example.test/")
    assert done.returncode != 0 and "403" in done.stderr, done.stderr
    seen("works, and 403 at CONNECT")


@pytest.mark.attack(17, "in the rendered pods: git clone and fetch from github.com")
def test_git(agent, seen):
    done = agent.run("git", "clone", "https://github.com/acme/tool.git", "/home/agent/tool")
    assert done.returncode == 0, done.stderr
    done = agent.run("git", "-C", "/home/agent/tool", "fetch")
    assert done.returncode == 0, done.stderr
    assert agent.run("git", "-C", "/home/agent/tool", "log", "--format=%s").stdout == "first\n"
    seen("works")


@pytest.mark.attack(17, "in the rendered pods: pip install")
def test_pip(agent, seen):
    done = agent.run("/usr/bin/python3", "-m", "pip", "install", "--disable-pip-version-check", "--target",
                     "/home/agent/site", "--index-url", "https://index.example.test/simple/", "acme-tool")
    assert done.returncode == 0, done.stderr
    done = agent.run("/usr/bin/python3", "-c", "import acme_tool; print(acme_tool.answer)",
                     extra={"PYTHONPATH": "/home/agent/site"})
    assert done.stdout == "42\n", done.stderr
    seen("works")


@pytest.mark.attack(17, "npm install, from a pod as rendered")
def test_npm(agent, seen):
    done = agent.run(*packages.npm_install("@acme/tool", "https://npm.example.test/", "--prefix", "/home/agent",
                                           node="/opt/node"))
    assert done.returncode == 0, done.stderr
    assert agent.run("cat", "/home/agent/node_modules/@acme/tool/package.json").returncode == 0
    seen("works")


@pytest.mark.attack(17, "Claude Code asks its model, by its managed settings")
def test_claude_code(agent, outside, seen):
    usual, before = outside.services["api.anthropic.com"], len(outside.requests)
    outside.services["api.anthropic.com"] = messages_api.service
    try:
        done = agent.run("/opt/claude", "-p", "What do you say?")
    finally:
        outside.services["api.anthropic.com"] = usual
    assert done.stdout.strip() == messages_api.SENTENCE, (done.stdout, done.stderr)
    asked = [request for request in outside.requests[before:] if request["path"].startswith("/v1/messages")]
    bodies = [json.loads(request["body"]) for request in asked]
    assert MANAGED_SETTINGS["model"] in [body["model"] for body in bodies]
    tools = {tool["name"] for body in bodies for tool in body.get("tools", [])}
    assert "Bash" in tools and "WebFetch" not in tools
    for request in asked:
        assert ["x-api-key", SECRETS["anthropic"]["api-key"]] in request["headers"]
        assert not [value for name, value in request["headers"] if name == "authorization"]
    seen("the model answers it, and gets the gateway's credential")


# ---- What changes and goes away, under load from the agent's container

# 50 requests a second, each on a new connection, until its input ends; prints [[begun, ended, status or error], ...].
LOAD = """
import http.client, json, ssl, sys, threading, time
over, seen, context = threading.Event(), [], ssl.create_default_context()
def ask(host, path):
    connection = http.client.HTTPSConnection("127.0.0.1", 3128, timeout=30, context=context)
    connection.set_tunnel(host, 443)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status
def run(number):
    due = time.monotonic() + number * 0.02
    while not over.wait(max(0, due - time.monotonic())):
        due, begun = max(due + 0.1, time.monotonic()), time.monotonic()
        try:
            found = ask(*(("api.github.com", "/load"), ("github.com", "/acme/tool.git/load"))[number % 2])
        except (OSError, http.client.HTTPException) as error:
            found = repr(error)
        seen.append([begun, time.monotonic(), found])
threads = [threading.Thread(target=run, args=(number,)) for number in range(5)]
for thread in threads:
    thread.start()
sys.stdin.read()
over.set()
for thread in threads:
    thread.join()
print(json.dumps(seen))
"""


@pytest.fixture
def load(agent, outside):
    """The command that asks both hosts of GitHub, and what waits for 20 more requests with a token at each."""
    service = outside.services["github.com"]
    outside.services["github.com"] = lambda _: (200, {}, "")

    def wait(token):
        before = len(outside.requests)
        wanted = {"api.github.com": f"Bearer {token}", "github.com": packages.basic("x-access-token", token)}

        def enough():
            got = [(each["server_name"], dict(each["headers"]).get("authorization"))
                   for each in outside.requests[before:]]
            return all(got.count(pair) >= 20 for pair in wanted.items())
        egress_path.wait_for(f"requests with {wanted}", enough)
    yield agent.pod.running("agent", "/usr/bin/python3", "-c", LOAD), wait
    outside.services["github.com"] = service


@pytest.mark.attack(9, "in the rendered pods: a header's and a password's Secret, under 50 requests a second")
def test_a_changed_secret_drops_no_request(agent, outside, load, seen):
    running, wait = load
    first = SECRETS["github"]["token"]
    before = len(outside.requests)
    with running as process:
        wait(first)
        agent.gateway.update("github", {"token": "ghp_changed"})
        wait("ghp_changed")
        agent.gateway.update("github", {"token": first})
        wait(first)
    answers = json.loads(process.output)
    assert len(answers) >= 100 and {status for _, _, status in answers} == {200}, answers
    sent = {dict(each["headers"])["authorization"] for each in outside.requests[before:]}
    assert sent == {how for token in (first, "ghp_changed")
                    for how in (f"Bearer {token}", packages.basic("x-access-token", token))}
    seen("none failed")


@pytest.mark.attack(11, "in the rendered pods: the gateway is killed and started again, under the same")
def test_a_restart_is_bounded(agent, load, seen):
    """A request fails only if it was under way at some moment between the end and the first answer of the new one."""
    running, wait = load
    with running as process:
        wait(SECRETS["github"]["token"])
        stopped = time.monotonic()
        agent.gateway.restart("stockade-gateway")
        egress_path.wait_for("the gateway's port", lambda: listens(GATEWAY))
        answers = time.monotonic()
        wait(SECRETS["github"]["token"])
    answered = json.loads(process.output)
    failed = [(begun, ended) for begun, ended, status in answered if status != 200]
    assert failed and all(ended >= stopped and begun <= answers for begun, ended in failed), (stopped, answers, failed)
    assert [begun for begun, _, status in answered if status == 200 and begun > answers]
    seen("requests fail only in between")


def listens(address):
    try:
        socket.create_connection((address, 15443), timeout=5).close()
        return True
    except OSError:
        return False


# ---- The search

# Reads {name: hexadecimal} from its input, and looks for each in every regular file but those of the image, in what the
# processes say of themselves, and in its own environment.
SEARCH = """
import json, os, sys
needles = {name: bytes.fromhex(text) for name, text in json.load(sys.stdin).items()}
found, read, unread = set(), [], []
def look(path):
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        unread.append(path)
        return
    read.append(path)
    found.update((name, os.path.realpath(path)) for name, needle in needles.items() if needle in data)
for top, directories, files in os.walk("/"):
    directories[:] = [each for each in directories if os.path.join(top, each) not in ("/usr", "/proc")]
    for file in files:
        path = os.path.join(top, file)
        if os.path.isfile(path) and not os.path.realpath(path).startswith("/usr/"):
            look(path)
for process in filter(str.isdigit, os.listdir("/proc")):
    for file in ("cmdline", "environ", "mountinfo"):
        look(f"/proc/{process}/{file}")
print(json.dumps({"found": sorted(found), "read": read, "unread": unread}))
"""


def forms(value):
    """The ways in which somebody could have written a value: {how: bytes}."""
    data = value.encode()
    written = {"raw": data, "percent": urllib.parse.quote(value, safe="").encode(), "hex": data.hex().encode(),
               "HEX": data.hex().upper().encode(), "all percent": "".join(f"%{byte:02x}" for byte in data).encode(),
               "ALL PERCENT": "".join(f"%{byte:02X}" for byte in data).encode()}
    for before in range(3):  # bytes in front of it, such as a user's name
        encoded = base64.b64encode(b"\0" * before + data)
        encoded = encoded[(0, 2, 3)[before]: len(encoded) - (0, 3, 2)[(before + len(data)) % 3]]
        written[f"base64 {before}"] = encoded
        written[f"base64url {before}"] = encoded.translate(bytes.maketrans(b"+/", b"-_"))
    return written


def needles(agent):
    """Every form of every credential, and a line of every private key: {name: bytes}."""
    values = {f"{secret}, {how}": text for secret, keys in SECRETS.items() for value in keys.values()
              for how, text in forms(value).items()}
    return values | {f"key of {name}": pem.splitlines()[1].encode() for name, pem in agent.keys.items()}


def search(run, wanted, **what):
    text = json.dumps({name: value.hex() for name, value in wanted.items()})
    done = run("/usr/bin/python3", "-c", SEARCH, text=text, **what)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.attack(13, "a search for every credential, in each form, through environment, files and mounts of an "
                        "agent")
def test_the_agent_sees_no_credential(agent, seen):
    result = search(agent.run, needles(agent))
    assert result["found"] == [] and result["unread"] == []
    for path in ("/etc/stockade/ca/ca.crt", "/etc/resolv.conf", "/proc/1/environ", "/proc/1/mountinfo"):
        assert path in result["read"], result["read"]
    # Of processes it sees its own alone.
    assert {path.split("/")[2] for path in result["read"] if path.startswith("/proc/")} == {"1"}
    for mount, volume in agent.pod.mounts("agent").items():
        base = agent.pod.volume(volume)
        files = [os.path.join(top, name) for top, _, names in os.walk(base) for name in names]
        assert {f"{mount}/{os.path.relpath(file, base)}" for file in files if os.path.isfile(file)} <= set(result["read"])
    seen("none is found")


@pytest.mark.attack(13, "the same search, for credentials that were put into its files and its environment")
def test_the_search_finds_what_is_there(agent, seen):
    wanted = needles(agent)
    lines = b"".join(b"<" + value + b">\n" for value in wanted.values())
    for directory in ("/home/agent", "/tmp"):
        volume = agent.pod.volume(agent.pod.mounts("agent")[directory])
        planted = volume / ".cache/planted"
        planted.parent.mkdir(exist_ok=True)
        planted.parent.chmod(0o755)
        planted.write_bytes(lines)
        planted.chmod(0o644)
        found = search(agent.run, wanted)["found"]
        planted.unlink()
        assert found == sorted([name, f"{directory}/.cache/planted"] for name in wanted)
    found = search(agent.run, wanted, extra={"PLANTED": lines.decode()})["found"]
    assert found == sorted([name, "/proc/1/environ"] for name in wanted)
    seen("each is found, in each form")


@pytest.mark.attack(13, "the same search in the containers of gateway and sidecar")
def test_each_credential_is_where_it_belongs(agent, seen):
    def found(pod, container):
        def run(*command, **what):
            return pod.run(container, *command, image=pods.SYSTEM, **what)
        result = search(run, needles(agent))
        # Without the directory of the kubelet's version.
        return {(name, re.sub(r"/\.\.\d+/", "/", path)) for name, path in result["found"]}
    identity = next(f"key of {name}" for name in agent.keys if name.startswith("URI:"))
    assert found(agent.pod, "stockade-proxy") == {(identity, "/etc/stockade/identity/tls.key")}
    gateway = found(agent.gateway, "stockade-gateway")
    for name, key in (("anthropic", "api-key"), ("github", "token"), ("npm", "token")):
        assert (f"{name}, raw", f"/etc/stockade/credentials/{name}/{key}") in gateway, gateway
    assert ("github, base64 0", "/run/stockade/credentials/git/basic") in gateway
    others = {identity, "key of identity", "key of interception"}
    assert not [name for name, _ in gateway if name in others]
    seen("each has its own, and nobody a key of an authority")


@pytest.mark.attack(13, "the same search in the objects that the operator makes, and in what all containers said")
def test_no_object_and_no_log_holds_a_credential(agent, seen):
    text = json.dumps([*agent.objects.values()])
    for pod in (agent.pod, agent.gateway):
        for container in [*pod.spec.get("initContainers", []), *pod.spec["containers"]]:
            text += pod.log(container["name"]) + pod.message(container["name"])
    assert "api.github.com" in text
    assert [name for name, value in needles(agent).items() if value.decode() in text] == []
    seen("none is found")
