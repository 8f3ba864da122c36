"""Point 17: programs that people use, as processes with the variables that an agent has; and what audit and WebSockets let
through."""

import json
import os
import ssl
import subprocess

import conftest
import egress_path
import packages
import pytest
from egress_path import read_head

GIT_TOKEN, NPM_TOKEN = "git-token-of-the-gateway", "npm-token-of-the-gateway"


def run(*command, cwd=None, env=None):
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def tools(dns, outside, public_authority, tmp_path_factory):
    running = egress_path.EgressPath(
        conftest.HERE / "tools.yaml", tmp_path_factory.mktemp("tools"), (3133, 15448), public_authority.certificate,
        secrets={"npm": {"npm": NPM_TOKEN}}, derived={"git": {"basic": packages.basic("x-access-token", GIT_TOKEN).removeprefix("Basic ")}})
    yield running
    running.close()


@pytest.fixture
def agent(tools, tmp_path):
    """The environment of an agent: its proxy and its trust, and nothing of ours."""
    proxy, trust = f"http://127.0.0.1:{tools.sidecar_port}", str(tools.interception.certificate)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "localhost,127.0.0.1",
           "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "PIP_CONFIG_FILE": os.devnull,
           "NPM_CONFIG_GLOBALCONFIG": os.devnull}
    env |= {name: proxy for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}
    env |= {name: trust for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
                                     "GIT_SSL_CAINFO", "PIP_CERT")}
    return env


@pytest.fixture(scope="module")
def forge(outside, tmp_path_factory):
    """A repository behind git's own HTTP server; it asks for the token."""
    root = tmp_path_factory.mktemp("forge")
    bare = packages.make_repository(root)
    outside.services["git.example.test"] = packages.git_service(root, packages.basic("x-access-token", GIT_TOKEN))
    return bare


@pytest.mark.attack(17, "curl")
def test_curl(tools, agent, seen):
    done = run("curl", "--silent", "--show-error", "--fail", "https://index.example.test/simple/", env=agent)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["server_name"] == "index.example.test"
    seen("works")


@pytest.mark.attack(17, "curl at an unlisted host")
def test_curl_elsewhere(tools, agent, seen):
    done = run("curl", "--silent", "--show-error", "--fail", "https://evil.example.test/", env=agent)
    assert done.returncode != 0 and "403" in done.stderr
    seen("403 at CONNECT, as curl says")


@pytest.mark.attack(17, "git clone and fetch, with a credential of the gateway")
def test_git_clone(tools, agent, forge, tmp_path, seen):
    done = run("git", "clone", "https://git.example.test/acme/tool.git", str(tmp_path / "clone"), env=agent)
    assert done.returncode == 0, done.stderr
    assert run("git", "-C", str(tmp_path / "clone"), "fetch", env=agent).returncode == 0
    assert run("git", "-C", str(tmp_path / "clone"), "log", "--format=%s", env=agent).stdout == "first\n"
    found = run("grep", "-r", GIT_TOKEN, str(tmp_path), env=agent)
    assert found.returncode == 1, found.stdout
    seen("works, and the clone and the home hold no credential")


@pytest.mark.attack(17, "git push where only reading is allowed")
def test_git_push(tools, agent, forge, tmp_path, seen):
    clone, work = str(tmp_path / "clone"), ["-c", "user.name=a", "-c", "user.email=a@example.test"]
    assert run("git", "clone", "https://git.example.test/acme/tool.git", clone, env=agent).returncode == 0
    assert run("git", "-C", clone, *work, "commit", "--allow-empty", "-m", "second", env=agent).returncode == 0
    before = forge.joinpath("packed-refs").read_text()
    done = run("git", "-C", clone, "push", "origin", "main", env=agent)
    assert done.returncode != 0 and "403" in done.stderr, done.stderr
    assert forge.joinpath("packed-refs").read_text() == before
    seen("403 within TLS, as git says; the repository is as it was")


@pytest.mark.attack(17, "git clone of another repository")
def test_git_clone_of_another(tools, agent, forge, tmp_path, seen):
    done = run("git", "clone", "https://git.example.test/acme/secret.git", str(tmp_path / "clone"), env=agent)
    assert done.returncode != 0 and "403" in done.stderr, done.stderr
    seen("403 within TLS, as git says")


@pytest.mark.attack(17, "pip install, from an index whose files are on another host")
def test_pip(tools, outside, agent, tmp_path, seen):
    packages.serve_wheel(outside, "files.index.example.test")
    done = run("/usr/bin/python3", "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--target",
               str(tmp_path / "site"), "--index-url", "https://index.example.test/simple/", "acme-tool", env=agent)
    assert done.returncode == 0, done.stderr
    assert "42" in (tmp_path / "site/acme_tool.py").read_text()
    seen("works")


@pytest.mark.attack(17, "the requests of npm for a scoped package, `/@acme%2ftool`")
def test_npm_requests(tools, outside, seen):
    """What npm sends, by hand: npm itself hides which of its requests was refused."""
    packages.serve_npm_package(outside, "npm.example.test")
    for path in (packages.SCOPED, packages.TARBALL):
        assert tools.ask("npm.example.test:443", path=path).status == 200
        assert ["authorization", f"Bearer {NPM_TOKEN}"] in outside.requests[-1]["headers"]
        assert outside.requests[-1]["path"] == path
    seen("they reach the registry, with the gateway's credential")


@pytest.mark.attack(17, "npm install of a scoped package, with a credential of the gateway")
def test_npm_install(tools, outside, agent, tmp_path, seen):
    packages.serve_npm_package(outside, "npm.example.test")
    done = run(*packages.npm_install("@acme/tool", "https://npm.example.test/"), cwd=tmp_path, env=agent)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "node_modules/@acme/tool/package.json").exists()
    found = run("grep", "-r", NPM_TOKEN, str(tmp_path), env=agent)
    assert found.returncode == 1, found.stdout
    seen("works, and the home holds no credential")


@pytest.mark.parametrize("path", [
    pytest.param(path, id=tried, marks=pytest.mark.attack(5, f"with `encodedSlash`: {tried}")) for tried, path in {
        "dot segments between encoded slashes": "/@acme%2f..%2fother",
        "a dot segment behind an encoded slash": "/@acme/..%2fother",
        "an encoded backslash": "/@acme%5c..%5cother",
        "slashes encoded twice": "/@acme%252f..%252fother",
        "another scope": "/@other%2ftool",
        "a scope that begins alike": "/@acme2%2ftool",
        "the scope behind an encoded slash": "/x%2f@acme",
        "a denied package": "/@acme/secret",
        "a denied package behind an encoded slash": "/@acme%2fsecret",
        "a denied package behind two slashes, one of them encoded": "/@acme/%2Fsecret",
        "a denied package with a parameter": "/@acme/secret;v=1",
        "a denied package below a scope with a parameter": "/@acme;v=1/secret",
        "a denied package, letters encoded": "/@acme/%73ecret",
        "a denied package with its scope encoded": "/%40acme/secret",
    }.items()])
def test_encoded_slashes_open_nothing(tools, outside, seen, path):
    before = len(outside.requests)
    answer = tools.ask("npm.example.test:443", path=path)
    assert answer.status in (400, 403) and len(outside.requests) == before, answer
    seen(f"{answer.status} within TLS")


UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]


@pytest.mark.attack(6, "a WebSocket where it is allowed")
def test_a_websocket_where_it_is_allowed(tools, outside, seen):
    outside.services["live.example.test"] = lambda request: (
        101, {"connection": "Upgrade", "upgrade": "websocket"}, b"") if dict(request["headers"]).get("upgrade") else None
    with tools.open("live.example.test:443") as tls:
        head = "".join(f"{key}: {value}\r\n" for key, value in UPGRADE)
        tls.sendall(f"GET /feed HTTP/1.1\r\nHost: live.example.test\r\n{head}\r\n".encode())
        assert read_head(tls)[0] == 101
        tls.sendall(b"both ways")
        assert tls.recv(100) == b"both ways"
    seen("bytes pass both ways")


@pytest.mark.attack(6, "another upgrade where WebSockets are allowed")
def test_another_upgrade(tools, outside, seen):
    answer = tools.ask("live.example.test:443", headers=[("Connection", "Upgrade"), ("Upgrade", "other")])
    assert answer.status == 403 or "upgrade" not in dict(outside.requests[-1]["headers"]), answer
    seen("403 within TLS" if answer.status == 403 else "the host got no upgrade")


@pytest.mark.attack(18, "with `clientCredentials: Pass`: `Authorization` and a signature in the query")
def test_credentials_pass_where_they_are_let(tools, outside, seen):
    query = "/release?X-Amz-Signature=abc&a=%20b"
    assert tools.ask("signed.example.test:443", path=query, headers=[("Authorization", "Bearer mine")]).status == 200
    assert outside.requests[-1]["path"] == query
    assert ["authorization", "Bearer mine"] in outside.requests[-1]["headers"]
    seen("they pass, as is asked for")


# ---- A host with a credential below a wildcard that is open

@pytest.mark.attack(18, "`Pass` at a wildcard: own credentials to a listed host that has one")
def test_a_wildcard_passes_no_credential_to_a_listed_host(tools, outside, seen):
    mine = [("Authorization", "Bearer mine"), ("Cookie", "session=mine")]
    assert tools.ask("other.apps.example.test:443", headers=mine).status == 200
    assert ["authorization", "Bearer mine"] in outside.requests[-1]["headers"]
    assert tools.ask("billing.apps.example.test:443", path="/v1", headers=mine).status == 200
    got = outside.requests[-1]["headers"]
    assert ["authorization", f"Bearer {NPM_TOKEN}"] in got
    assert not [value for _, value in got if "mine" in value]
    seen("the host got its own credential alone")


@pytest.mark.parametrize("request_of", [
    pytest.param(request_of, id=tried, marks=pytest.mark.attack(5, f"below an open wildcard, at a listed host: {tried}"))
    for tried, request_of in {
        "another method": {"method": "POST", "path": "/v1"}, "another path": {"path": "/v2"},
        "a WebSocket": {"path": "/v1", "headers": UPGRADE},
    }.items()])
def test_a_wildcard_opens_nothing_at_a_listed_host(tools, outside, seen, request_of):
    before = len(outside.requests)
    answer = tools.ask("billing.apps.example.test:443", **request_of)
    assert answer.status == 403 and len(outside.requests) == before, answer
    seen("403 within TLS")


# ---- Audit: what no entry allows passes, and is told; what must not, does not

@pytest.fixture(scope="module")
def audited(dns, outside, public_authority, tmp_path_factory):
    running = egress_path.EgressPath(
        conftest.HERE / "audited.yaml", tmp_path_factory.mktemp("audited"), (3134, 15449), public_authority.certificate,
        secrets={"key": {"api-key": conftest.SECRET}})
    yield running
    running.close()


@pytest.mark.attack(15, "`audit`: an unlisted host")
def test_audit_lets_a_host_pass_and_tells(audited, public_authority, seen):
    answer = audited.ask("open.example.test:443", trust=public_authority.certificate, path="/unseen")
    assert answer.status == 200
    line = audited.logged(kind="connect", host="open.example.test:443")
    assert line["rule"] == "audit"
    seen("it passes, and its line says `audit`")


@pytest.mark.attack(15, "`audit`: a path that is not listed")
def test_audit_lets_a_request_pass_and_tells(audited, seen):
    assert audited.ask("api.example.test:443", path="/v2").status == 200
    assert audited.logged(kind="request", path="/v2")["rule"] == "audit"
    seen("it passes, and its line says `audit`")


@pytest.mark.parametrize("what", [
    pytest.param(what, id=tried, marks=pytest.mark.attack(4, f"`audit`: {tried}, at the credential's host"))
    for tried, what in {"a path that is not listed": {"path": "/v2"}, "another method": {"method": "DELETE", "path": "/v1"},
                        }.items()])
def test_audit_gives_no_credential_to_what_is_not_listed(audited, outside, seen, what):
    assert audited.ask("api.example.test:443", headers=[("X-API-Key", "mine")], **what).status == 200
    assert not [value for name, value in outside.requests[-1]["headers"] if value == conftest.SECRET]
    assert audited.ask("api.example.test:443", path="/v1").status == 200
    assert ["x-api-key", conftest.SECRET] in outside.requests[-1]["headers"]
    seen("the host got it without the credential")


@pytest.mark.parametrize("authority", [
    pytest.param(authority, id=tried, marks=pytest.mark.attack(point, f"`audit`: {tried}"))
    for point, tried, authority in [
        (3, "a private address", "private.example.test:443"), (3, "loopback", "loopback.example.test:443"),
        (3, "metadata", "metadata.example.test:443"), (2, "an IP address", "93.184.216.10:443"),
        (2, "an IP address in hexadecimal", "0x5db8d80a:443"), (2, "an address of IPv6", "[::1]:443"),
        (1, "another port", "open.example.test:8443"), (1, "a denied host", "evil.example.test:443"),
    ]])
def test_audit_opens_no_more_than_names(audited, outside, public_authority, seen, authority):
    before = len(outside.connections)
    with pytest.raises((AssertionError, ssl.SSLError, OSError)) as refused:
        audited.open(authority, trust=public_authority.certificate)
    assert len(outside.connections) == before
    seen(f"{refused.value.args[0]} at CONNECT")
