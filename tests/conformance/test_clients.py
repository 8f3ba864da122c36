"""Points 1, 12, 13 and 14: who may speak to the two proxies, what they hold, and what they show."""

import contextlib
import os
import pathlib
import socket
import ssl
import subprocess

import certificates
import conftest
import pytest
from egress_path import DEADLINE, read_head

OPEN = b"open.example.test:443"


def connect_with(path, certificate, key, version=ssl.TLSVersion.TLSv1_3):
    """What the gateway answers to a CONNECT of a client with that certificate, or with none; None: cut off."""
    context = ssl.create_default_context(cafile=path.identity.certificate)
    context.maximum_version = version
    if certificate:
        context.load_cert_chain(certificate, key)
    with socket.create_connection(("127.0.0.1", path.gateway_port), timeout=DEADLINE) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=path.server_name) as tls:
                tls.sendall(b"CONNECT " + OPEN + b" HTTP/1.1\r\nHost: " + OPEN + b"\r\n\r\n")
                return read_head(tls)[0]
        except (ssl.SSLError, ConnectionError):
            return None


def pair(path, tmp_path, name, authority=None):
    files = tmp_path / "client.crt", tmp_path / "client.key"
    (authority or path.identity).issue(*files, name)
    return files


def test_a_sandbox_of_the_profile_is_served(path, tmp_path):
    name = f"URI:spiffe://stockade.local/ns/team-a/profile/{path.hash}/sandbox/other/uid-2"
    assert connect_with(path, *pair(path, tmp_path, name)) == 200


NAMES = {
    "another profile of the namespace": "URI:spiffe://stockade.local/ns/team-a/profile/" + "0" * 64 + "/sandbox/case/u",
    "a profile whose hash is longer": "URI:spiffe://stockade.local/ns/team-a/profile/{hash}0/sandbox/case/u",
    "the same profile in another namespace": "URI:spiffe://stockade.local/ns/team-b/profile/{hash}/sandbox/case/u",
    "another trust domain": "URI:spiffe://stockade.local.evil.test/ns/team-a/profile/{hash}/sandbox/case/u",
    "the prefix within another URI":
        "URI:spiffe://evil.test/spiffe://stockade.local/ns/team-a/profile/{hash}/sandbox/case/u",
    "capitals in the URI": "URI:spiffe://stockade.local/ns/TEAM-A/profile/{hash}/sandbox/case/u",
    "the URI as a DNS name": "DNS:spiffe.stockade.local",
    "the gateway's own name": "DNS:{server_name}",
    "the namespace alone": "URI:spiffe://stockade.local/ns/team-a",
}


@pytest.mark.parametrize("name", [
    pytest.param(name, id=tried, marks=pytest.mark.attack(12, f"a certificate of the identity authority: {tried}"))
    for tried, name in NAMES.items()])
def test_another_identity_is_not_served(path, tmp_path, seen, name):
    files = pair(path, tmp_path, name.format(hash=path.hash, server_name=path.server_name))
    assert connect_with(path, *files) is None
    seen("cut off in the TLS handshake")


def expired(path, tmp_path):
    files = tmp_path / "client.crt", tmp_path / "client.key"
    path.identity.issue(*files, f"URI:{path.uri}", **certificates.days_ago(3))
    return files


CLIENTS = {
    "no certificate": lambda path, tmp_path: (None, None),
    "the right name from another authority": lambda path, tmp_path: pair(
        path, tmp_path, f"URI:{path.uri}", certificates.Authority(tmp_path / "other", "identity")),
    "the right name from the interception authority": lambda path, tmp_path: pair(
        path, tmp_path, f"URI:{path.uri}", path.interception),
    "an identity that has expired": expired,
}


@pytest.mark.parametrize("client", [
    pytest.param(client, id=tried, marks=pytest.mark.attack(12, tried)) for tried, client in CLIENTS.items()])
def test_a_client_without_an_identity_is_not_served(path, tmp_path, seen, client):
    assert connect_with(path, *client(path, tmp_path)) is None
    seen("cut off in the TLS handshake")


@pytest.mark.attack(12, "the right identity over TLS 1.2")
def test_an_old_version_of_tls_is_not_served(path, tmp_path, seen):
    assert connect_with(path, *pair(path, tmp_path, f"URI:{path.uri}"), version=ssl.TLSVersion.TLSv1_2) is None
    seen("cut off in the TLS handshake")


@pytest.mark.attack(12, "a CONNECT without TLS at the gateway's port")
def test_plain_text_is_not_served(path, seen):
    with socket.create_connection(("127.0.0.1", path.gateway_port), timeout=DEADLINE) as raw:
        raw.sendall(b"CONNECT " + OPEN + b" HTTP/1.1\r\nHost: " + OPEN + b"\r\n\r\n")
        assert read_head(raw)[0] is None
    seen("cut off")


def say(path, data):
    """What comes back for bytes that an agent sends to its proxy."""
    with socket.create_connection(("127.0.0.1", path.sidecar_port), timeout=DEADLINE) as agent:
        agent.sendall(data)
        return read_head(agent)[0]


@pytest.mark.parametrize("expected, data", [
    pytest.param(expected, data, id=tried, marks=pytest.mark.attack(point, tried)) for point, tried, expected, data in [
        (1, "plain HTTP to a listed host", 403, b"GET http://open.example.test/ HTTP/1.1\r\nHost: open.example.test\r\n\r\n"),
        (1, "plain HTTP to an unlisted host", 403, b"GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"),
        (1, "an https URI without CONNECT", 403, b"GET https://open.example.test/ HTTP/1.1\r\nHost: open.example.test\r\n\r\n"),
        (1, "SOCKS", None, b"\x05\x01\x00\r\n\r\n"),
        (1, "HTTP/2 at the proxy", None, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
        (1, "CONNECT of HTTP/1.0", 403, b"CONNECT evil.example.test:443 HTTP/1.0\r\n\r\n"),
        (1, "CONNECT whose Host differs", 403,
         b"CONNECT evil.example.test:443 HTTP/1.1\r\nHost: open.example.test:443\r\n\r\n"),
        (13, "`/config_dump` of the proxies' administration", 403, b"GET /config_dump HTTP/1.1\r\nHost: a\r\n\r\n"),
        (13, "`/certs` of the proxies' administration", 403, b"GET /certs HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        (13, "`/quitquitquit` of the proxies' administration", 403,
         b"POST /quitquitquit HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
    ]])
def test_what_is_no_connect_is_refused(path, seen, expected, data):
    got = say(path, data)
    assert got == expected or (expected is None and got in (400, None)), got
    seen("no answer but an error" if expected is None else f"{got} from the gateway")


# ---- Point 13: what lies open

def files_of(root):
    return {file: file.read_text() for file in (root.path / "etc/stockade/proxy").iterdir()}


@pytest.mark.parametrize("side", [
    pytest.param(side, marks=pytest.mark.attack(13, f"secrets in the {side}'s ConfigMap, arguments and environment"))
    for side in ("sidecar", "gateway")])
def test_no_secret_is_in_what_everybody_may_read(path, seen, side):
    root = getattr(path, f"{side}_root")
    key = (root.file("/etc/stockade/identity") / "tls.key").read_text().splitlines()[1]
    process = pathlib.Path("/proc") / str(getattr(path, side).pid)
    texts = [*files_of(root).values(), *(process.joinpath(name).read_bytes().decode() for name in ("cmdline", "environ"))]
    for text in texts:
        assert conftest.SECRET not in text and key not in text and "PRIVATE KEY" not in text
    seen("none")


def listening(process):
    """The TCP addresses on which a process listens, and the abstract Unix sockets that it holds."""
    inodes = set()
    for entry in os.scandir(f"/proc/{process.pid}/fd"):
        # One that is closed at this moment is no listener.
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(entry.path)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in pathlib.Path(f"/proc/{process.pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and (fields[3] == "0A" or table.startswith("udp")):
                address, port = fields[1].split(":")
                found.append((table, socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)))
    for line in pathlib.Path(f"/proc/{process.pid}/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[6] in inodes and len(fields) > 7:
            found.append(("unix", fields[7], 0))
    return found


@pytest.mark.attack(13, "a second way into the sidecar: sockets, administration, hot restart")
def test_the_sidecar_listens_on_one_address(path, seen):
    assert set(listening(path.sidecar)) == {("tcp", "127.0.0.1", path.sidecar_port)}
    seen("one TCP address on loopback, no Unix socket")


@pytest.mark.attack(13, "a second way into the gateway")
def test_the_gateway_listens_on_one_address(path, seen):
    assert {one for one in listening(path.gateway) if one[0] != "udp"} == {("tcp", "0.0.0.0", path.gateway_port)}
    seen("one TCP address, no Unix socket")


# ---- Point 14: what is shown to the agent

def shown(path, authority, trust=None):
    """The names in the certificate that the agent is shown."""
    with path.open(authority, trust) as tls:
        return [value for _, value in tls.getpeercert()["subjectAltName"]]


@pytest.mark.parametrize("authority, names", [
    pytest.param(authority, names, id=tried, marks=pytest.mark.attack(14, tried)) for tried, authority, names in [
        ("the leaf of a host stands for others", "api.example.test:443", ["api.example.test"]),
        ("the leaf of a wildcard stands for more than one label", "a.wild.example.test:443", ["*.wild.example.test"]),
    ]])
def test_a_leaf_is_of_one_host(path, seen, authority, names):
    assert shown(path, authority) == names
    seen(f"it stands for `{names[0]}` alone")


@pytest.mark.attack(14, "a client that trusts public authorities alone, at a Terminate host")
def test_interception_is_seen_without_the_bundle(path, public_authority, seen):
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(path, "api.example.test:443", public_authority.certificate)
    seen("the client refuses the certificate")


@pytest.mark.attack(14, "a client that trusts this authority alone, in a tunnel")
def test_a_tunnel_shows_the_hosts_certificate(path, seen):
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(path, "pinned.example.test:443")
    seen("the client refuses the certificate, which is the host's own")


@pytest.mark.attack(14, "a key of an authority among what the proxies mount")
def test_no_authority_s_key_is_mounted(path, seen):
    keys = {subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout"], check=True, capture_output=True).stdout
            for key in (path.identity.key, path.interception.key)}
    mounted = [file for root in (path.sidecar_root, path.gateway_root) for file in root.path.rglob("*.key")]
    for file in mounted:
        public = subprocess.run(["openssl", "pkey", "-in", str(file), "-pubout"], check=True, capture_output=True).stdout
        assert public not in keys
    assert len(mounted) > 5
    seen("none: the proxies start and serve without")
