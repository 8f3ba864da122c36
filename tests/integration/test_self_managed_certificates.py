"""The webhook's own certificates against a real API server: two replicas that make, share and rotate them, under reviews
that never stop. Each review asks both replicas, for each has a registration of its own."""

import base64
import contextlib
import copy
import hashlib
import http.client
import itertools
import json
import socket
import ssl
import tempfile
import threading
import time

import pytest
import yaml

from cluster import eventually
from stockade import NAMESPACE, WEBHOOK_USER, Program, Stockade, free_port, sandbox

SECRET = "stockade-webhook-tls"
# Short, but long enough for a machine that is busy with other things: news takes less than the overlap.
LIFETIMES = {"authoritySeconds": 24, "leafSeconds": 12, "overlapSeconds": 4}


class ApiClient:
    """One connection to the API server, for requests at a higher rate than kubectl has. For one thread."""

    def __init__(self, kubeconfig):
        with open(kubeconfig) as file:
            config = yaml.safe_load(file)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.address = cluster["server"].removeprefix("https://")
        self.context = ssl.create_default_context(cadata=self.pem(cluster, "certificate-authority").decode())
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.pem(user, "client-certificate") + b"\n" + self.pem(user, "client-key"))
            file.flush()
            self.context.load_cert_chain(file.name)
        self.connection = None

    @staticmethod
    def pem(section, name):
        if f"{name}-data" in section:
            return base64.b64decode(section[f"{name}-data"])
        with open(section[name], "rb") as file:
            return file.read()

    def post(self, path, obj):
        """(status, body) of the answer. A connection that the API server has closed is made anew."""
        for last in (False, True):
            self.connection = self.connection or http.client.HTTPSConnection(
                self.address, context=self.context, timeout=60
            )
            try:
                self.connection.request("POST", path, json.dumps(obj), {"Content-Type": "application/json"})
                answer = self.connection.getresponse()
                return answer.status, answer.read().decode()
            except (http.client.HTTPException, OSError):
                self.connection.close()
                self.connection = None
                if last:
                    raise
        raise AssertionError("unreachable")


class Reviews:
    """Dry-run creations by an open loop: one is due every 10 milliseconds, whatever became of those before it. As each
    asks two replicas, those are 200 reviews a second. Where the machine does not keep up they are late, and none is left
    out: stop() waits for the last that was due."""

    CONNECTIONS = 32
    INTERVAL = 0.01  # seconds

    def __init__(self, kubeconfig, namespace):
        self.kubeconfig = kubeconfig
        self.path = f"/apis/stockade.dev/v1alpha1/namespaces/{namespace}/agentsandboxes?dryRun=All"
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.taken = 0
        self.count = 0  # creations that were answered
        self.failures = []
        self.began = time.monotonic()
        self.ended = None
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(self.CONNECTIONS)]

    def due(self, number):
        return self.began + number * self.INTERVAL

    @property
    def demanded(self):
        """How many creations were due by the end."""
        return next(number for number in itertools.count() if self.due(number) > self.ended)

    def run(self):
        client = ApiClient(self.kubeconfig)
        while True:
            with self.lock:
                due = self.due(self.taken)
                self.taken += 1
            self.done.wait(max(0, due - time.monotonic()))
            if self.ended is not None and due > self.ended:
                return
            try:
                status, body = client.post(self.path, sandbox())
            except (http.client.HTTPException, OSError) as error:
                status, body = None, repr(error)
            with self.lock:
                self.count += 1
                if status != 201:
                    self.failures.append(body)

    def stop(self):
        if self.ended is None:
            self.ended = time.monotonic()
            self.done.set()
        for thread in self.threads:
            thread.join(timeout=900)
            assert not thread.is_alive()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Replicas:
    """Two webhooks that keep their own certificates, and the registration by which the API server asks both."""

    def __init__(self, cluster, directory):
        self.stockade = Stockade(cluster, directory)
        self.cluster = cluster
        kubeconfig = self.stockade.kubeconfig_of("webhook", WEBHOOK_USER)
        self.ports = [free_port(), free_port()]
        self.programs = [
            Program(
                directory, "webhook", "WebhookConfiguration",
                {
                    "listen": {"address": f"127.0.0.1:{port}"},
                    "certificates": {"selfManaged": {"namespace": NAMESPACE, "names": ["127.0.0.1"]} | LIFETIMES},
                },
                ["--kubeconfig", str(kubeconfig)],
                instance=f"webhook-{number}",
            )
            for number, port in enumerate(self.ports)
        ]  # fmt: skip

    def objects(self):
        """The chart's, without any caBundle, and with a registration for each replica."""
        rendered = self.stockade.chart("webhook.caBundle=", "webhook.certificates.mode=selfManaged")
        objects = [obj for obj in yaml.safe_load_all(rendered) if obj]
        for obj in objects:
            if obj["kind"] == "ValidatingWebhookConfiguration":
                template = obj["webhooks"][0]
                obj["webhooks"] = [copy.deepcopy(template) for _ in self.ports]
                for number, (webhook, port) in enumerate(zip(obj["webhooks"], self.ports)):
                    webhook["name"] = f"replica-{number}.stockade.dev"
                    webhook["clientConfig"]["url"] = f"https://127.0.0.1:{port}/validate/agentsandboxes"
        return objects

    def install(self):
        self.cluster.must("apply", "--server-side", "--force-conflicts", "-f", "-", input=self.objects())

    def review(self, namespace):
        client = ApiClient(self.cluster.kubeconfig)
        path = f"/apis/stockade.dev/v1alpha1/namespaces/{namespace}/agentsandboxes?dryRun=All"
        return client.post(path, sandbox())[0]

    def served(self, number):
        """A hash of the certificate that a replica serves; nothing while it serves none."""
        try:
            with socket.create_connection(("127.0.0.1", self.ports[number]), timeout=60) as connection:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                with context.wrap_socket(connection) as secured:
                    return hashlib.sha256(secured.getpeercert(binary_form=True)).hexdigest()
        except (ConnectionError, ssl.SSLError):
            return None

    def bundles(self):
        registered = self.cluster.get("validatingwebhookconfiguration", "stockade")
        return [webhook["clientConfig"].get("caBundle", "") for webhook in registered["webhooks"]]

    def trusted(self):
        """The authorities that the API server is told to trust, as a set of PEM texts."""
        bundles = set(self.bundles())
        assert len(bundles) == 1, "every registration has the same"
        pem = base64.b64decode(bundles.pop()).decode()
        return {block + "-----END CERTIFICATE-----" for block in pem.split("-----END CERTIFICATE-----\n") if block}

    def holder(self):
        return self.cluster.get("lease", "-n", NAMESPACE, "stockade-webhook")["spec"].get("holderIdentity", "")


@pytest.fixture(scope="module")
def replicas(cluster, tmp_path_factory):
    running = Replicas(cluster, tmp_path_factory.mktemp("self-managed"))
    cluster.must("create", "namespace", NAMESPACE)
    running.earlier_writes = len(running.stockade.audit())
    try:
        running.install()
        for program in running.programs:
            program.start()
        yield running
    finally:
        running.stockade.uninstall_webhook()
        for program in running.programs:
            program.stop()
        cluster.must("delete", "namespace", NAMESPACE)


@pytest.fixture
def reviews(replicas, namespace):
    """Reviews that go on during the test; none may fail but in tests that say so by taking them out."""
    eventually(lambda: replicas.review(namespace) == 201)
    with Reviews(replicas.cluster.kubeconfig, namespace) as running:
        yield running
    assert running.count > 0


def test_starts_from_nothing(replicas, namespace):
    def is_reviewed():
        return replicas.review(namespace) == 201

    eventually(is_reviewed)
    assert replicas.served(0) == replicas.served(1) != None  # noqa: E711
    # The other replica's log tells whether it serves what it has read.
    secret = replicas.cluster.get("secret", "-n", NAMESPACE, SECRET)
    assert base64.b64decode(secret["data"]["ca.crt"]) == base64.b64decode(replicas.bundles()[0])
    bad = sandbox()
    bad["spec"]["podTemplate"]["spec"]["hostPID"] = True
    done = replicas.cluster.kubectl("create", "-n", namespace, "--dry-run=server", "-f", "-", input=bad)
    assert "denied the request" in done.stderr, "it is reviewed, not only let through"


def test_ten_rotations_cost_none_of_200_reviews_a_second(replicas, reviews, record_property):
    certificates, authorities = set(), set()

    def is_rotated():
        assert not reviews.failures, reviews.failures[0]
        certificates.add(replicas.served(0))
        authorities.update(replicas.trusted())
        return len(certificates) > 10 and len(authorities) > 4

    eventually(is_rotated, timeout=400, interval=0.5)
    # What a slow machine answers later than it was due is no part of the rate under which they rotated.
    meanwhile = 2 * reviews.count
    reviews.stop()
    seconds = reviews.ended - reviews.began
    record_property("reviews", 2 * reviews.count)
    record_property("reviews_per_second", round(meanwhile / seconds))
    print(f"{len(certificates) - 1} rotations in {seconds:.0f} s under {meanwhile / seconds:.0f} reviews a second")
    assert reviews.count == reviews.demanded, "none was left out"
    assert not reviews.failures, reviews.failures[0]


def test_deleted_secret_costs_no_review(replicas, reviews):
    before = replicas.trusted()
    replicas.cluster.must("delete", "secret", "-n", NAMESPACE, SECRET)

    def is_succeeded():
        assert not reviews.failures, reviews.failures[0]
        return not before & replicas.trusted()

    eventually(is_succeeded, timeout=120, interval=0.5)
    assert not reviews.failures


def test_wiped_bundle_is_put_back(replicas, namespace):
    eventually(lambda: replicas.review(namespace) == 201)
    for bundle in (None, base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()):
        patch = [{"op": "remove", "path": "/webhooks/1/clientConfig/caBundle"}]
        if bundle:
            stranger = replicas.stockade.ca_bundle
            patch = [{"op": "replace", "path": "/webhooks/1/clientConfig/caBundle", "value": stranger}]
        replicas.cluster.must(
            "patch", "validatingwebhookconfiguration", "stockade", "--type=json", "-p", json.dumps(patch)
        )

        def is_put_back():
            return replicas.stockade.ca_bundle not in replicas.bundles() and len(set(replicas.bundles())) == 1

        eventually(is_put_back)
        eventually(lambda: replicas.review(namespace) == 201)


def test_applying_the_chart_again_costs_no_review(replicas, reviews):
    """Server-side apply leaves what it does not name to whoever set it."""
    for _ in range(3):
        replicas.install()
    seen = reviews.count

    def is_gone_on():
        return reviews.count > seen + 20

    eventually(is_gone_on)
    assert not reviews.failures


def test_another_replica_goes_on_when_the_leader_ends(replicas, namespace):
    holder = replicas.holder()
    logs = [program.log_path.read_text() for program in replicas.programs]
    leader = next(number for number, log in enumerate(logs) if holder in log)
    replicas.programs[leader].kill()
    try:
        authorities = replicas.trusted()

        def is_rotated():
            return replicas.holder() != holder and replicas.trusted() - authorities

        eventually(is_rotated, timeout=120, interval=0.5)
    finally:
        replicas.programs[leader].start()
    eventually(lambda: replicas.review(namespace) == 201)


def test_writes_nothing_but_its_own(replicas):
    """What the webhook did is what the chart grants, and the audit log has nothing that was refused."""
    writes = replicas.stockade.audit()[replicas.earlier_writes :]
    mine = [write for write in writes if write["user"] == WEBHOOK_USER]
    done = {(write["verb"], write["resource"]) for write in mine}
    assert done == {
        ("create", "secrets"),
        ("update", "secrets"),
        ("create", "leases"),
        ("update", "leases"),
        ("patch", "validatingwebhookconfigurations"),
    }
    assert [write for write in mine if write["code"] in (401, 403)] == []


def test_keys_are_in_no_log(replicas):
    secret = replicas.cluster.get("secret", "-n", NAMESPACE, SECRET)
    texts = [base64.b64decode(secret["data"][name]).decode() for name in ("tls.key", "authorities.json")]
    keys = [line for text in texts for line in text.replace("\\n", "\n").splitlines() if len(line) == 64]
    assert keys
    for program in replicas.programs:
        log = program.log_path.read_text()
        assert "PRIVATE KEY" not in log
        assert not [key for key in keys if key in log]


def test_without_an_api_server_it_says_so(tmp_path):
    program = Program(
        tmp_path, "webhook", "WebhookConfiguration",
        {"listen": {"address": "127.0.0.1:0"}, "certificates": {"selfManaged": {}}},
        ["--kubeconfig", str(tmp_path / "none")],
    )  # fmt: skip
    with contextlib.suppress(AssertionError):
        program.start()
    assert program.process.wait(timeout=60) == 2
    assert "none" in program.log_path.read_text()
