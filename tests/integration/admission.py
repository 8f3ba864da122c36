"""The webhook asked directly, as the API server would, and what is common to tests that compare both."""

import base64
import contextlib
import http.client
import json
import ssl

from cluster import EXAMPLES, eventually

PATH = "/validate/agentsandboxes"
GUARDS_PATH = "/validate/guards"


class ReviewClient:
    """AdmissionReviews over one connection to the webhook: no API server, and so no schema, comes first. For one
    thread."""

    def __init__(self, stockade):
        context = ssl.create_default_context(cadata=base64.b64decode(stockade.ca_bundle).decode())
        self._connection = http.client.HTTPSConnection("127.0.0.1", stockade.webhook_port, context=context, timeout=60)

    def close(self):
        self._connection.close()

    def post(self, body, path=PATH):
        """(HTTP status, text) of any body."""
        self._connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode()

    def review(self, obj, operation="CREATE", old=None):
        """The webhook's response to a review of that object."""
        status, text = self.post(json.dumps(review_of(obj, operation, old)))
        assert status == 200, text
        return json.loads(text)["response"]

    def review_pod(self, pod, user):
        """The guards' response to the creation of that pod by that user."""
        review = review_of(pod)
        kind = {"group": "", "version": "v1"}
        review["request"] |= {
            "kind": kind | {"kind": "Pod"}, "resource": kind | {"resource": "pods"}, "userInfo": {"username": user},
        }  # fmt: skip
        status, text = self.post(json.dumps(review), GUARDS_PATH)
        assert status == 200, text
        return json.loads(text)["response"]


def review_of(obj, operation="CREATE", old=None):
    kind = {"group": "stockade.dev", "version": "v1alpha1"}
    metadata = obj.get("metadata") or {}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "4b1bd21e-0000-4000-8000-000000000000",
            "kind": kind | {"kind": "AgentSandbox"},
            "resource": kind | {"resource": "agentsandboxes"},
            "name": metadata.get("name", ""),
            # One that is there: nothing is admitted to a namespace that the webhook does not know.
            "namespace": "default",
            "operation": operation,
            # Who may read every Secret that an object names.
            "userInfo": {"username": "alice", "groups": ["system:masters"]},
            "object": obj,
            "oldObject": old,
        },
    }


def codes_of(response):
    """The codes for which a review's response denies."""
    assert response["allowed"] or findings_of(response), response
    return {cause["reason"] for cause in findings_of(response)}


def findings_of(response):
    return response.get("status", {}).get("details", {}).get("causes", [])


def wait_until_enforced(cluster):
    """Waits until the API server, which learns of registrations by a watch, asks the webhook."""

    def is_enforced():
        bad = EXAMPLES / "rejected" / "host-pid.yaml"
        refused = cluster.kubectl("create", "--dry-run=server", "-f", str(bad))
        return refused.returncode != 0 and "denied the request" in refused.stderr

    eventually(is_enforced)


@contextlib.contextmanager
def direct_reviews(stockade):
    with contextlib.closing(ReviewClient(stockade)) as client:
        yield client
