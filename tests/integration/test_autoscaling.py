"""A HorizontalPodAutoscaler of a pool: the real controller, by the subresource `scale`, after an external metric. What a
metrics adapter would say of it is served by this test, as an aggregated API."""

import contextlib
import http.server
import json
import ssl
import threading

import pytest

from binding_space import BindingSpace, claim, pool, template
from stockade import make_certificates

GROUP = "external.metrics.k8s.io"
ROOT_PATH = f"/apis/{GROUP}/v1beta1"
METRIC = "stockade_pool_claims_per_minute"


class Metrics(http.server.ThreadingHTTPServer):
    """The external metrics API of a cluster with one metric."""

    daemon_threads = True

    def __init__(self, certificates):
        super().__init__(("127.0.0.1", 0), Answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "tls.crt", certificates / "tls.key")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.value = 0


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.split("?")[0].endswith(f"/{METRIC}"):
            item = {
                "metricName": METRIC, "metricLabels": {}, "timestamp": "2026-01-01T00:00:00Z",
                "value": str(self.server.value),
            }  # fmt: skip
            body = {"kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/v1beta1", "metadata": {}, "items": [item]}
        else:
            resources = [{"name": METRIC, "namespaced": True, "kind": "ExternalMetricValueList", "verbs": ["get"]}]
            body = {
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1beta1", "resources": resources,
            }  # fmt: skip
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def space(stockade):
    with stockade.cluster.new_namespace("autoscaling") as name:
        yield BindingSpace(stockade.cluster, name)


@pytest.fixture
def metrics(stockade, space, tmp_path):
    """Served at a Service that is a name of this machine, which is where the API server runs, too."""
    server = Metrics(make_certificates(tmp_path))
    port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics"},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    }  # fmt: skip
    registration = {
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": f"v1beta1.{GROUP}"},
        "spec": {
            "group": GROUP, "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": True, "service": {"namespace": space.name, "name": "metrics", "port": port},
        },
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        stack.callback(server.server_close)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        space.apply(service)
        stack.callback(stockade.cluster.must, "delete", "apiservice", f"v1beta1.{GROUP}")
        stockade.cluster.must("apply", "-f", "-", input=registration)
        stockade.cluster.must("wait", "apiservice", f"v1beta1.{GROUP}", "--for=condition=Available", "--timeout=30s")
        yield server


def autoscaler():
    """As docs/pools.md has it, without the five minutes for which it would keep what there is."""
    return {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "warm"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandboxPool", "name": "warm"},
            "minReplicas": 1, "maxReplicas": 4,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
            "metrics": [{
                "type": "External",
                "external": {
                    "metric": {"name": METRIC, "selector": {"matchLabels": {"pool": "warm"}}},
                    "target": {"type": "AverageValue", "averageValue": "2"},
                },
            }],
        },
    }  # fmt: skip


def test_a_pool_follows_its_autoscaler_and_keeps_what_is_claimed(space, metrics):
    space.apply(template())
    space.apply(pool(replicas=1))
    space.wait_pool("warm", 1)
    metrics.value = 5  # a minute: two and a half sandboxes' worth
    space.apply(autoscaler())
    space.wait_pool("warm", 3, replicas=3)
    space.apply(claim("mine", pool="warm"))
    mine = space.wait_claim("mine", "Ready", "True")["status"]["sandbox"]["uid"]
    metrics.value = 0
    space.wait_pool("warm", 1, replicas=1)
    assert space.get("asbpool", "warm")["spec"]["replicas"] == 1
    assert space.wait_claim("mine", "Ready", "True")["status"]["sandbox"]["uid"] == mine
