"""The network namespace of the conformance tests, and what every test of the egress path shares."""

import itertools
import pathlib
import resource
import socket
import subprocess

import attack_table
import certificates
import egress_path
import hosts
import pytest

HERE = pathlib.Path(__file__).resolve().parent

# Addresses of the outside that have to be this namespace's own: public ones, a private one, and a metadata service.
PUBLIC, OTHER, PRIVATE, CORPORATE, METADATA = (
    "93.184.216.10", "93.184.216.11", "10.1.2.3", "10.20.0.7", "169.254.169.254")
SHARED = "100.64.0.9"
SECRET = "s3cr3t-of-the-gateway"

NAMES = {
    "api.example.test": [PUBLIC],
    "open.example.test": [PUBLIC],
    "a.wild.example.test": [PUBLIC],
    "b.wild.example.test": [PUBLIC],
    "secret.wild.example.test": [PUBLIC],
    "two.example.test": [PUBLIC],
    "two.wild.example.test": [PUBLIC],
    "inside.wild.example.test": [PRIVATE],
    "pinned.example.test": [PUBLIC],
    "a.tunnel.example.test": [PUBLIC],
    "inside.tunnel.example.test": [PRIVATE],
    "private.example.test": [PRIVATE],
    "mixed.example.test": [PUBLIC, PRIVATE],
    "metadata.example.test": [METADATA],
    "loopback.example.test": ["127.0.0.1"],
    "shared.example.test": [SHARED],
    "tunnel-inside.example.test": [PRIVATE],
    "corporate.example.test": [CORPORATE],
    "rebinding.example.test": [PUBLIC],
    "api.anthropic.com": [PUBLIC],
    "bedrock-runtime.eu-central-1.amazonaws.com": [PUBLIC],
    "queue.eu-west-1.amazonaws.com": [PUBLIC],
    "sts.eu-central-1.amazonaws.com": [OTHER],
    "sts.eu-west-1.amazonaws.com": [OTHER],
    "europe-west1-aiplatform.googleapis.com": [PUBLIC],
    "sts.googleapis.com": [OTHER],
    "acme-models.services.ai.azure.com": [PUBLIC],
    "other-models.services.ai.azure.com": [PUBLIC],
    "cluster.example.test": ["93.184.217.5"],
    "loopback.six.example.test": ["::1"],
    "link-local.six.example.test": ["fe80::1"],
    "unique-local.six.example.test": ["fd12:3456::1"],
    "mapped.six.example.test": [f"::ffff:{PRIVATE}"],
    "nat64.six.example.test": [f"64:ff9b::{PRIVATE}"],
    "6to4.six.example.test": ["2002:a01:203::1"],
    "metadata.six.example.test": ["fd00:ec2::254"],
    "api.github.com": [PUBLIC],
    "github.com": [PUBLIC],
    "git.example.test": [PUBLIC],
    "index.example.test": [PUBLIC],
    "files.index.example.test": [OTHER],
    "npm.example.test": [PUBLIC],
    "live.example.test": [PUBLIC],
    "evil.example.test": [OTHER],
    "signed.example.test": [PUBLIC],
    "billing.apps.example.test": [PUBLIC],
    "other.apps.example.test": [PUBLIC],
    "wrong-name.example.test": [PUBLIC],
    "wrong-authority.example.test": [PUBLIC],
    "wrong-time.example.test": [PUBLIC],
}


NUMBERS = itertools.count()  # for ports and paths that no other test has
ROWS = []  # of the table in docs/egress.md: (point, what was tried, what was seen)
TABLE_TEST = "test_the_table_is_what_was_seen"


def pytest_configure(config):
    config.addinivalue_line("markers", "attack(point, tried): a row of the table in docs/egress.md")


def pytest_collection_modifyitems(config, items):
    """The table is compared at the end, when every test has run."""
    table = [item for item in items if item.name == TABLE_TEST]
    rest = [item for item in items if item.name != TABLE_TEST]
    whole = not config.option.keyword and all(pathlib.Path(path).resolve() == HERE for path in config.args)
    items[:] = rest + (table if whole else [])
    config.stash[attack_table.EXPECTED] = sum(1 for item in rest if item.get_closest_marker("attack"))


@pytest.fixture(autouse=True)
def seen(request):
    """seen(TEXT): what the attack of this test met with."""
    notes = []
    yield notes.append
    mark = request.node.get_closest_marker("attack")
    if mark and notes:
        ROWS.append((*mark.args, ", ".join(notes)))


@pytest.fixture(scope="session", autouse=True)
def network():
    """Nothing here may touch a network that somebody else uses."""
    interfaces = {name for _, name in socket.if_nameindex()}
    # Some kernels put these into every namespace.
    assert not any(name.startswith(("eth", "en", "wl", "cni", "veth", "docker")) for name in interfaces), (
        "run these tests by hack/test conformance, which gives them a network namespace of their own")
    # For those who hold thousands of connections; the proxies have what their containers would give them.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536) if most != resource.RLIM_INFINITY else 65536, most))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (PUBLIC, OTHER, PRIVATE, CORPORATE, METADATA, SHARED):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)


@pytest.fixture(scope="session")
def public_authority(tmp_path_factory):
    """Whom the gateway's system roots name."""
    return certificates.Authority(tmp_path_factory.mktemp("public"), "public")


@pytest.fixture(scope="session")
def dns(network):
    server = hosts.DnsServer()
    server.names.update(NAMES)
    yield server
    server.close()


@pytest.fixture(scope="session")
def outside(network, public_authority, tmp_path_factory):
    """Every host of NAMES, on every address, with a certificate of its own."""
    directory = tmp_path_factory.mktemp("outside")
    another = certificates.Authority(directory / "another", "public")
    files = {}
    for name in [*NAMES, "elsewhere.example.test"]:
        pair = directory / f"{name}.crt", directory / f"{name}.key"
        authority = another if name.startswith("wrong-authority") else public_authority
        time = certificates.days_ago(3) if name.startswith("wrong-time") else {}
        authority.issue(*pair, "DNS:" + ("elsewhere.example.test" if name.startswith("wrong-name") else name), **time)
        files[name] = pair
    servers = hosts.HttpsHosts([443, 8443], files, http2=("two.example.test", "two.wild.example.test"))
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def path(dns, outside, public_authority, tmp_path_factory):
    """The egress path of attacked.yaml."""
    running = egress_path.EgressPath(
        HERE / "attacked.yaml", tmp_path_factory.mktemp("path"), (3128, 15442), public_authority.certificate,
        secrets={"key": {"api-key": SECRET}}, facts={"clusterRanges": ["93.184.217.0/24"]})
    yield running
    running.close()
