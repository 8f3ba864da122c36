"""The webhook against a real API server and against junk: what it refuses, how it says so, and that it goes on."""

import contextlib
import http.client
import json
import pathlib
import select
import socket
import ssl
import subprocess
import time
import warnings

import pytest
import yaml

from cluster import EXAMPLES, ROOT, eventually
from stockade import ADMISSION_POLICIES, BUILD, NAMESPACE, Stockade, free_port, sandbox

PATH = "/validate/agentsandboxes"
WEBHOOK = "agentsandboxes.stockade.dev"
MIB = 1024 * 1024


class Webhook:
    """The webhook, installed in the cluster and running: no operator is needed to be admitted or refused."""

    def __init__(self, stockade):
        self.stockade = stockade
        self.cluster = stockade.cluster
        self.program = stockade.webhook
        self.port = stockade.webhook_port
        self.certificates = stockade.directory / "certificates"
        self.program.config["certificates"]["pollSeconds"] = 1

    def is_enforced(self):
        """True once the API server, which learns of registrations by a watch, asks the webhook."""
        refused = self.cluster.kubectl("create", "--dry-run=server", "-f", str(EXAMPLES / "rejected" / "host-pid.yaml"))
        return refused.returncode != 0

    def is_out_of_the_way(self):
        return not self.is_enforced()

    def context(self):
        return ssl.create_default_context(cafile=str(self.certificates / "ca.crt"))

    @contextlib.contextmanager
    def plain(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            yield connection

    @contextlib.contextmanager
    def tls(self, context=None):
        with self.plain() as connection:
            with (context or self.context()).wrap_socket(connection, server_hostname="127.0.0.1") as secured:
                yield secured

    def post(self, body, content_type="application/json", path=PATH):
        """A request of an ordinary client: (status, body)."""
        client = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context(), timeout=60)
        with contextlib.closing(client):
            client.request("POST", path, body, {"Content-Type": content_type})
            answer = client.getresponse()
            return answer.status, answer.read().decode()

    def review(self, obj, operation="CREATE"):
        """The webhook's response to a review of that object."""
        status, body = self.post(json.dumps(review_of(obj, operation)))
        assert status == 200, body
        return json.loads(body)["response"]

    def served_serial(self):
        with self.tls() as connection:
            return connection.getpeercert()["serialNumber"]


@pytest.fixture(scope="module")
def webhook(cluster, tmp_path_factory):
    stockade = Stockade(cluster, tmp_path_factory.mktemp("webhook"))
    running = Webhook(stockade)
    stockade.install()
    # The one of the reviews that come without an API server.
    cluster.must("create", "namespace", "team")
    try:
        stockade.webhook.start()
        eventually(running.is_enforced)
        yield running
    finally:
        stockade.uninstall_webhook()
        stockade.remove(*ADMISSION_POLICIES)
        stockade.webhook.stop()
        cluster.must("delete", "namespace", NAMESPACE, "team")


@pytest.fixture
def space(webhook):
    """kubectl for a namespace of the test's own."""
    with webhook.cluster.new_namespace("webhook") as name:

        def kubectl(*args, **options):
            return webhook.cluster.kubectl("-n", name, *args, **options)

        yield kubectl


def review_of(obj, operation="CREATE"):
    kind = {"group": "stockade.dev", "version": "v1alpha1"}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "4b1bd21e-0000-4000-8000-000000000000",
            "kind": kind | {"kind": "AgentSandbox"},
            "resource": kind | {"resource": "agentsandboxes"},
            "name": obj["metadata"]["name"],
            "namespace": "team",
            "operation": operation,
            "userInfo": {"username": "alice"},
            "object": obj,
        },
    }


def with_container(name="agent", **fields):
    obj = sandbox(name)
    obj["spec"]["podTemplate"]["spec"]["containers"][0] |= fields
    return obj


def privileged(name="agent"):
    return with_container(name, securityContext={"privileged": True})


def refused(done, code, field):
    """Asserts that kubectl reports the webhook's denial with that code for that field."""
    assert done.returncode != 0, done.stdout
    assert f'admission webhook "{WEBHOOK}" denied the request' in done.stderr, done.stderr
    assert f"{field}: [{code}] " in done.stderr, done.stderr


def stored(space):
    return yaml.safe_load(space("get", "asb", "-o", "yaml").stdout)["items"]


# Through kubectl


def expectation(example):
    words = example.read_text().splitlines()[0].split()
    assert words[:2] == ["#", "expect:"] and len(words) == 4, f"{example} begins with no expectation"
    return words[2:]


@pytest.mark.parametrize("example", sorted((EXAMPLES / "rejected").glob("*.yaml")), ids=lambda path: path.stem)
def test_rejected_example_is_refused_by_code_and_field(space, example):
    code, field = expectation(example)
    done = space("apply", "-f", str(example))
    if "admission webhook" in done.stderr:
        refused(done, code, field)
    else:
        # The schema comes before the webhook, and names rule and field too where it decides.
        assert done.returncode != 0, done.stdout
        assert f"{field}: Invalid value" in done.stderr and f" {code}: " in done.stderr, done.stderr
    assert stored(space) == []


@pytest.mark.parametrize("example", sorted((EXAMPLES / "rejected").glob("*.yaml")), ids=lambda path: path.stem)
def test_rejected_example_needs_no_schema_to_be_refused(webhook, example):
    code, field = expectation(example)
    for operation in ("CREATE", "UPDATE"):
        response = webhook.review(yaml.safe_load(example.read_text()), operation)
        assert response["allowed"] is False
        assert [(c["reason"], c["field"]) for c in response["status"]["details"]["causes"]] == [(code, field)]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_example_is_admitted_without_a_warning(space, example):
    done = space("apply", "-f", str(example))
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert space("apply", "-f", str(example)).returncode == 0


def test_denial_names_the_object_and_the_remedy(space):
    done = space("create", "-f", "-", input=privileged())
    refused(done, "PrivilegedContainer", "spec.podTemplate.spec.containers[0].securityContext.privileged")
    assert '/agent" is refused by 1 rule:' in done.stderr
    assert "; " in done.stderr.split("[PrivilegedContainer]")[1], "what to write instead"


def test_one_denial_reports_every_finding(space):
    obj = with_container(
        securityContext={"privileged": True, "runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN"]}},
        env=[{"name": "LD_PRELOAD", "value": "/x.so"}],
        ports=[{"containerPort": 80, "hostPort": 80}],
    )
    pod = obj["spec"]["podTemplate"]["spec"]
    pod |= {"hostNetwork": True, "automountServiceAccountToken": True}
    pod["initContainers"] = [
        {"name": "init", "image": "registry.example/agent:1", "securityContext": {"allowPrivilegeEscalation": True}}
    ]
    done = space("create", "-f", "-", input=obj)
    prefix = "spec.podTemplate.spec"
    container = f"{prefix}.containers[0]"
    for code, field in {
        "PrivilegedContainer": f"{container}.securityContext.privileged",
        "RootUser": f"{container}.securityContext.runAsUser",
        "AddedCapability": f"{container}.securityContext.capabilities.add[0]",
        "DynamicLinkerEnv": f"{container}.env[0].name",
        "HostPort": f"{container}.ports[0].hostPort",
        "HostNamespace": f"{prefix}.hostNetwork",
        "ServiceAccountToken": f"{prefix}.automountServiceAccountToken",
        "PrivilegeEscalation": f"{prefix}.initContainers[0].securityContext.allowPrivilegeEscalation",
    }.items():
        refused(done, code, field)


def test_warning_is_shown_and_admitted(space):
    done = space("create", "-f", "-", input=with_container(image="registry.example/agent"))
    assert done.returncode == 0, done.stderr
    assert "Warning: spec.podTemplate.spec.containers[0].image: [ImageFloating] " in done.stderr


def test_update_is_judged_like_creation(space):
    assert space("apply", "-f", "-", input=sandbox()).returncode == 0
    before = stored(space)
    code, field = "PrivilegedContainer", "spec.podTemplate.spec.containers[0].securityContext.privileged"
    refused(space("apply", "-f", "-", input=privileged()), code, field)
    refused(space("apply", "--server-side", "--force-conflicts", "-f", "-", input=privileged()), code, field)
    refused(space("replace", "-f", "-", input=privileged()), code, field)
    patch = [{"op": "add", "path": "/spec/podTemplate/spec/hostPID", "value": True}]
    done = space("patch", "asb", "agent", "--type=json", "-p", json.dumps(patch))
    refused(done, "HostNamespace", "spec.podTemplate.spec.hostPID")
    patch = {"spec": {"isolation": "Container"}}
    done = space("patch", "asb", "agent", "--type=merge", "-p", json.dumps(patch))
    refused(done, "UntrustedInputIsolation", "spec.isolation")
    assert stored(space) == before
    patch = {"spec": {"isolation": "Container", "inputTrust": "Trusted"}}
    assert space("patch", "asb", "agent", "--type=merge", "-p", json.dumps(patch)).returncode == 0


def test_dry_run_is_judged(space):
    assert space("create", "--dry-run=server", "-f", "-", input=sandbox()).returncode == 0
    done = space("create", "--dry-run=server", "-f", "-", input=privileged())
    refused(done, "PrivilegedContainer", "spec.podTemplate.spec.containers[0].securityContext.privileged")
    assert stored(space) == []


def test_generated_name_is_judged(space):
    for obj, prefix in ((sandbox(), "good-"), (privileged(), "bad-")):
        obj["metadata"] = {"generateName": prefix}
        done = space("create", "-f", "-", input=obj)
        if prefix == "good-":
            assert done.returncode == 0, done.stderr
        else:
            refused(done, "PrivilegedContainer", "spec.podTemplate.spec.containers[0].securityContext.privileged")
            assert "/bad-" in done.stderr
    assert [obj["metadata"]["name"][:5] for obj in stored(space)] == ["good-"]


def test_an_object_being_deleted_is_judged_and_can_still_go(webhook, space):
    # Stored while no webhook is registered.
    webhook.stockade.uninstall_webhook()
    try:
        eventually(webhook.is_out_of_the_way)
        for name, obj in (("good", sandbox("good")), ("bad", privileged("bad"))):
            obj["metadata"]["finalizers"] = ["example.com/cleanup"]
            assert space("create", "-f", "-", input=obj).returncode == 0
            assert space("delete", "asb", name, "--wait=false").returncode == 0
    finally:
        webhook.stockade.install_webhook()
    eventually(webhook.is_enforced)

    patch = [{"op": "add", "path": "/spec/podTemplate/spec/hostPID", "value": True}]
    for name in ("good", "bad"):
        done = space("patch", "asb", name, "--type=json", "-p", json.dumps(patch))
        refused(done, "HostNamespace", "spec.podTemplate.spec.hostPID")
    for name in ("good", "bad"):
        done = space("patch", "asb", name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
        assert done.returncode == 0, done.stderr
    assert stored(space) == []


# Through the wire


def exchange(connection, pieces):
    """Sends pieces until there is an answer or nothing more to send; returns (status, body), status 0 for none."""
    connection.setblocking(False)
    received = b""
    ended = False

    def receive():
        nonlocal received, ended
        try:
            data = connection.recv(65536)
            received += data
            ended = not data
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except (ConnectionError, ssl.SSLError):
            ended = True

    for piece in pieces:
        rest = memoryview(piece)
        while rest and not received and not ended:
            try:
                rest = rest[connection.send(rest[:65536]) :]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                select.select([connection], [connection], [], 60)
            except (ConnectionError, ssl.SSLError):
                ended = True
            receive()
        if received or ended:
            break
    deadline = time.monotonic() + 60
    while not ended and not is_complete(received):
        assert time.monotonic() < deadline, f"no answer but {received!r}"
        select.select([connection], [], [], 1)
        receive()
    if not received.startswith(b"HTTP/1.1 "):
        return 0, received.decode("latin-1")
    return int(received.split()[1]), received.partition(b"\r\n\r\n")[2].decode()


def is_complete(answer):
    head, blank, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return bool(blank) and len(body) >= int(line.split(b":")[1])
    return False


def head(*fields, content_type="application/json"):
    lines = [f"POST {PATH} HTTP/1.1", "Host: webhook", f"Content-Type: {content_type}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def request(body, **options):
    return [head(f"Content-Length: {len(body)}", **options), body]


def endless_headers():
    yield f"POST {PATH} HTTP/1.1\r\nHost: webhook\r\n".encode()
    for number in range(10_000_000):
        yield f"X-Header-{number}: {'v' * 100}\r\n".encode()


def wrong_kind():
    return json.dumps(review_of(sandbox()) | {"kind": "Pod"}).encode()


JUNK = {
    "endless headers": (endless_headers, 431, "the header is larger than 16384 bytes"),
    "chunk size -2": (lambda: [head("Transfer-Encoding: chunked"), b"-2\r\n{}\r\n0\r\n\r\n"], 400, "malformed HTTP"),
    "a million brackets": (lambda: request(b"[" * 1_000_000), 400, "the body is"),
    "wrong content type": (lambda: request(b"{}", content_type="text/yaml"), 415, "must be application/json"),
    "wrong kind": (lambda: request(wrong_kind()), 400, "expected admission.k8s.io/v1 AdmissionReview"),
    "empty body": (lambda: request(b""), 400, "the text is empty"),
    "no body": (lambda: [head()], 400, "the text is empty"),
    "8 MiB": (lambda: request(b" " * (8 * MIB)), 413, "the body is larger than 7340032 bytes"),
    "8 MiB in chunks": (
        lambda: [head("Transfer-Encoding: chunked"), *[b"100000\r\n" + b" " * MIB + b"\r\n"] * 8, b"0\r\n\r\n"],
        413,
        "the body is larger than 7340032 bytes",
    ),
    "words": (lambda: [b"please let me in\r\n\r\n"], 400, "malformed HTTP"),
    "HTTP/2": (lambda: [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], 400, "malformed HTTP"),
}


@pytest.fixture
def unshaken(webhook):
    """The webhook; after the test it must be the same process, serve a good review and refuse a bad one."""
    process = webhook.program.process
    yield webhook
    assert process.poll() is None
    assert webhook.review(sandbox()) == {"uid": "4b1bd21e-0000-4000-8000-000000000000", "allowed": True}
    assert webhook.review(privileged())["allowed"] is False


@pytest.mark.parametrize("junk", JUNK)
def test_junk_gets_a_status_and_a_reason(unshaken, junk):
    pieces, status, reason = JUNK[junk]
    with unshaken.tls() as connection:
        answer = exchange(connection, pieces())
    assert answer[0] == status, answer
    assert reason in answer[1]


def test_other_paths_and_methods_get_a_status(unshaken):
    assert unshaken.post("{}", path="/validate/pods")[0] == 404
    with unshaken.tls() as connection:
        assert exchange(connection, [f"GET {PATH} HTTP/1.1\r\nHost: webhook\r\n\r\n".encode()])[0] == 405


def test_plain_http_is_told_so(unshaken):
    with unshaken.plain() as connection:
        status, body = exchange(connection, request(b"{}"))
    assert (status, body) == (400, "plain HTTP was sent to an HTTPS port\n")


@pytest.mark.parametrize(
    "junk", [b"\x00" * 1000, b"\xff" * 1000, b"\x16\x03\x01\x00\x05hello", b"SSH-2.0-client\r\n"], ids=repr
)
def test_bad_tls_gets_an_alert_at_most(unshaken, junk):
    with unshaken.plain() as connection:
        connection.sendall(junk)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        status, body = exchange(connection, [])
    assert status == 0
    assert body == "" or (body[0] == "\x15" and len(body) == 7), "an alert record of TLS, or nothing"


def test_old_tls_is_refused(unshaken):
    context = unshaken.context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        with unshaken.tls(context):
            pass


def test_clients_that_say_nothing_keep_nobody_waiting(unshaken, space):
    with contextlib.ExitStack() as stack:
        for number in range(100):
            connection = stack.enter_context(unshaken.plain() if number % 2 else unshaken.tls())
            connection.sendall(b"\x16" if number % 2 else b"POST ")
        assert space("create", "-f", "-", input=sandbox()).returncode == 0
        assert unshaken.review(sandbox())["allowed"] is True


# The process


def test_health_endpoints_tell_the_truth(webhook):
    for path, body in (("/healthz", "ok\n"), ("/readyz?verbose", "[+]running: ok\n[+]certificate: ok\n[+]cluster: ok\nok\n")):
        client = http.client.HTTPConnection("127.0.0.1", webhook.program.http_port, timeout=60)
        with contextlib.closing(client):
            client.request("GET", path)
            answer = client.getresponse()
            assert (answer.status, answer.read().decode()) == (200, body)


def test_metrics_count_reviews_and_findings(webhook):
    def denied():
        name = 'stockade_findings_total{code="PrivilegedContainer",enforcement="Floor",verdict="denied"}'
        return webhook.program.metrics().get(name, 0)

    before = denied()
    assert not webhook.review(privileged())["allowed"]
    assert denied() == before + 1
    metrics = webhook.program.metrics()
    assert metrics[f'stockade_reviews_total{{operation="CREATE",verdict="denied",webhook="{PATH}"}}'] >= 1
    assert metrics[f'controller_runtime_webhook_requests_total{{code="200",webhook="{PATH}"}}'] >= 1
    assert metrics["process_open_fds"] > 0


def test_log_is_json_and_tells_of_denials(webhook, space):
    space("create", "-f", "-", input=privileged("logged"))
    events = [json.loads(line) for line in webhook.program.log_path.read_text().splitlines()]
    denials = [e for e in events if e["event"] == "request denied" and e["name"] == "logged"]
    assert [(e["rules"], e["operation"]) for e in denials] == [("PrivilegedContainer", "CREATE")]
    assert denials[0]["user"]


def test_rotated_certificate_is_served_without_a_restart(webhook, space):
    process = webhook.program.process
    before = webhook.served_serial()
    with webhook.tls() as kept:
        subprocess.run([str(ROOT / "hack" / "make-certificates"), str(webhook.certificates)], check=True)

        def is_rotated():
            return webhook.served_serial() != before

        eventually(is_rotated)
        assert exchange(kept, request(json.dumps(review_of(sandbox())).encode()))[0] == 200
    assert webhook.program.process is process and process.poll() is None
    assert space("create", "-f", "-", input=sandbox()).returncode == 0
    assert space("create", "-f", "-", input=privileged("other")).returncode != 0


def test_broken_certificate_changes_nothing(webhook, space):
    before = webhook.served_serial()
    logged = webhook.program.log_path.stat().st_size
    certificate = webhook.certificates / "tls.crt"
    good = certificate.read_bytes()
    replace(certificate, b"no certificate")
    try:

        def is_reported():
            news = webhook.program.log_path.read_bytes()[logged:]
            return b"new serving certificate is unusable, the old one stays" in news

        eventually(is_reported)
        assert webhook.served_serial() == before
        assert space("create", "-f", "-", input=sandbox()).returncode == 0
    finally:
        replace(certificate, good)


def replace(path, contents):
    new = path.with_suffix(".new")
    new.write_bytes(contents)
    new.rename(path)


def test_nothing_is_admitted_while_the_webhook_is_down(webhook, space):
    assert space("create", "-f", "-", input=sandbox("before")).returncode == 0
    webhook.program.stop()
    try:
        for obj in (sandbox("good"), privileged("bad")):
            done = space("create", "-f", "-", input=obj)
            assert done.returncode != 0
            assert f'failed calling webhook "{WEBHOOK}"' in done.stderr
        patch = {"spec": {"operatingMode": "Suspended"}}
        done = space("patch", "asb", "before", "--type=merge", "-p", json.dumps(patch))
        assert f'failed calling webhook "{WEBHOOK}"' in done.stderr
        assert space("delete", "asb", "before").returncode == 0, "nothing has to be judged at the end"
        assert stored(space) == []
    finally:
        webhook.program.start()
    assert space("create", "-f", "-", input=sandbox("good")).returncode == 0
    assert space("create", "-f", "-", input=privileged("bad")).returncode != 0


def test_restart_costs_no_review(webhook, space):
    """The API server's connection ends with the old process; the first requests to the new one are judged."""
    for number in range(3):
        webhook.program.restart()
        done = space("create", "-f", "-", input=sandbox(f"good-{number}"))
        assert done.returncode == 0, done.stderr
        assert space("create", "-f", "-", input=privileged(f"bad-{number}")).returncode != 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("listn: {}\n", 'listn: is not a known field; did you mean "listen"?'),
        ("certificates: {certificateFile: /none, keyFile: /none}\n", "cannot read the certificate file"),
        ("listen: {address: nowhere}\n", 'listen.address: "nowhere" has no port'),
    ],
)
def test_configuration_that_is_wrong_ends_the_program_at_once(tmp_path, text, message):
    config = yaml.safe_load(text)
    config = {
        "apiVersion": "config.stockade.dev/v1alpha1",
        "kind": "WebhookConfiguration",
        "listen": {"address": f"127.0.0.1:{free_port()}"},
        "http": {"address": f"127.0.0.1:{free_port()}"},
        "certificates": {"certificateFile": "a", "keyFile": "b"},
    } | config
    file = pathlib.Path(tmp_path) / "webhook.yaml"
    file.write_text(yaml.safe_dump(config))
    # It is read, but what is wrong is said before anybody is called.
    kubeconfig = pathlib.Path(tmp_path) / "kubeconfig"
    kubeconfig.write_text(
        "{current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], "
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: {token: t}}]}"
    )
    done = subprocess.run(
        [str(BUILD / "webhook" / "stockade-webhook"), "--config", str(file), "--kubeconfig", str(kubeconfig)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr
