"""Points 4 and 18: the gateway's credentials stand where they belong, and the agent's own do not pass."""

import json

import conftest
import pytest
from egress_path import wait_for

API, OPEN, WILD = "api.example.test:443", "open.example.test:443", "a.wild.example.test:443"


def headers_of(answer, name):
    return [value for key, value in json.loads(answer.body)["headers"] if key == name]


def replaced(name, *headers):
    return pytest.param(headers, id=name, marks=pytest.mark.attack(4, f"the credential's header from the client: {name}"))


@pytest.mark.parametrize("headers", [
    replaced("none"),
    replaced("in lower case", ("x-api-key", "mine")),
    replaced("twice, in two cases", ("X-API-KEY", "mine"), ("x-Api-Key", "mine, too")),
    replaced("named as hop-by-hop", ("Connection", "X-API-Key"), ("X-API-Key", "mine")),
    replaced("empty", ("X-API-Key", "")),
    replaced("very long", ("X-API-Key", "m" * 8000)),
])
def test_the_credential_replaces_what_the_client_sends(path, seen, headers):
    answer = path.ask(API, path="/v1", headers=headers)
    assert answer.status == 200, answer
    assert headers_of(answer, "x-api-key") == [conftest.SECRET]
    seen("the host got the gateway's, once")


OWN = ("Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "Api-Key", "X-Goog-Api-Key", "X-Auth-Token",
       "PRIVATE-TOKEN", "X-Amz-Security-Token", "X-Vault-Token", "Ocp-Apim-Subscription-Key", "X-Access_Token",
       "X-Auth-Key", "Api_Key", "Token", "X-RapidAPI-Key", "Fastly-Key", "X-Tableau-Auth", "X-Session-Id", "DPoP",
       "X-TrackerToken", "X-Registry-Auth", "X-JFrog-Art-Api", "Sec-WebSocket-Protocol")
HOSTS = {"the credential's host": API, "a host without one": OPEN, "a host below a wildcard": WILD}


@pytest.mark.parametrize("authority, name", [
    pytest.param(authority, name, id=f"{name} to {host}", marks=pytest.mark.attack(18, f"`{name}` to {host}"))
    for host, authority in HOSTS.items() for name in OWN
])
def test_credentials_of_the_agent_do_not_pass(path, seen, authority, name):
    answer = path.ask(authority, path="/v1", headers=[(name, "mine")])
    assert answer.status == 200, answer
    assert "mine" not in answer.body.decode()
    seen("the host did not get it")


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.attack(18, f"`{name}` in the query"))
    for name in ("key", "KEY", "api_key", "access_token", "token", "sig", "%6bey", "to%6Ben", "client%5fsecret",
                 "X-Amz-Signature", "X-Goog-Credential", "bearer_token", "job_token", "personal_access_token",
                 "q-signature", "subscription-key", "x-api-key", "token[]", "%20token")])
def test_keys_in_a_query_do_not_pass(path, outside, seen, name):
    before = len(outside.requests)
    for query in (f"{name}=mine", f"a=1&{name}=mine&b=2", f"a=1;{name}=mine", name):
        assert path.ask(API, path=f"/v1?{query}").status == 403
    assert len(outside.requests) == before
    seen("403 within TLS, first, in the middle, behind a semicolon and without a value")


def test_what_only_looks_like_a_credential_passes(path):
    headers = [("Idempotency-Key", "1"), ("X-Token-Count", "2"), ("X-Keyword", "3"), ("Author", "4")]
    answer = path.ask(API, path="/v1?page_token=5&tokens=6&api_key_id=7", headers=headers)
    assert answer.status == 200, answer
    assert [headers_of(answer, name.lower()) for name, _ in headers] == [["1"], ["2"], ["3"], ["4"]]


@pytest.mark.parametrize("query", ["a=1%202+3%2b4&b", "a=%c3%a9", "a=%0d%0aX-Evil:%20yes", "a=%26token%3d1", "a=%00",
                                   "keys=1&monkey=2&token_type=3", "a=1&a=2", "%"])
def test_the_rest_of_a_query_passes_as_it_is(path, query):
    """What takes a parameter out of it would write it anew, decoded."""
    assert json.loads(path.ask(API, path=f"/v1?{query}").body)["path"] == f"/v1?{query}"


@pytest.mark.parametrize("authority", [
    pytest.param(authority, id=host, marks=pytest.mark.attack(4, f"a credential at another host: {host}"))
    for host, authority in {"another listed one": OPEN, "one below a wildcard": WILD}.items()
])
def test_a_credential_stays_at_its_host(path, seen, authority):
    answer = path.ask(authority, path="/v1")
    assert answer.status == 200 and conftest.SECRET not in answer.body.decode()
    seen("the host got none")


@pytest.mark.attack(4, "a credential in a tunnel")
def test_no_credential_enters_a_tunnel(path, public_authority, seen):
    answer = path.ask("pinned.example.test:443", trust=public_authority.certificate, headers=[("X-Own", "mine")])
    assert answer.status == 200 and headers_of(answer, "x-own") == ["mine"]
    assert conftest.SECRET not in answer.body.decode()
    seen("the host got what the client sent")


@pytest.mark.attack(18, "a redirect to another host")
def test_a_redirect_is_not_followed(path, outside, seen):
    outside.responses["/v1/moved"] = (302, {"location": "https://evil.example.test/"}, "")
    assert path.ask(API, path="/v1/moved").status == 302
    assert not [got for got in outside.requests if got["server_name"] == "evil.example.test"]
    assert path.ask("evil.example.test:443").connect == 403
    seen("302 handed to the client, nothing followed")


@pytest.mark.parametrize("what", [
    pytest.param({"path": "/v2"}, marks=pytest.mark.attack(4, "the page of a refusal")),
    pytest.param({"host": "evil.example.test"}, marks=pytest.mark.attack(4, "the page of another Host")),
    pytest.param({"path": "/v1/%00"}, marks=pytest.mark.attack(4, "the page of a malformed path")),
])
def test_no_page_of_the_gateway_holds_a_credential(path, seen, what):
    answer = path.ask(API, **what)
    assert answer.status in (400, 403, 421), answer
    assert conftest.SECRET not in answer.body.decode() + json.dumps(answer.headers)
    seen(f"{answer.status} within TLS, without it")


def test_nothing_of_the_gateway_is_told_to_the_host(path):
    names = {key for key, _ in json.loads(path.ask(WILD).body)["headers"]}
    assert not {name for name in names if name.startswith(("x-envoy", "x-forwarded", "x-stockade", "x-request"))}


@pytest.mark.attack(9, "a Secret that changes")
def test_a_changed_secret_is_used_without_a_restart(path, seen):
    path.gateway_root.mount("/etc/stockade/credentials/key", {"api-key": "changed\n"})
    wait_for("the new value", lambda: headers_of(path.ask(API, path="/v1"), "x-api-key") == ["changed"])
    path.gateway_root.mount("/etc/stockade/credentials/key", {"api-key": conftest.SECRET})
    wait_for("the old value",
             lambda: headers_of(path.ask(API, path="/v1"), "x-api-key") == [conftest.SECRET])
    seen("the host got the new value, without its line break")
