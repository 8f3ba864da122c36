"""Requests to the API server over one connection, for tests that make hundreds of them; kubectl takes 50 ms for each."""

import base64
import dataclasses
import http.client
import json
import pathlib
import ssl
import tempfile
import urllib.parse

import yaml

SANDBOXES = "/apis/stockade.dev/v1alpha1/namespaces/{namespace}/agentsandboxes"
PODS = "/api/v1/namespaces/{namespace}/pods"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the API server said: the HTTP status, the object or Status, and its warnings."""

    code: int
    body: dict
    warnings: tuple

    @property
    def admitted(self):
        return self.code in (200, 201)

    @property
    def message(self):
        return self.body.get("message", "")

    @property
    def causes(self):
        """The (reason, field) of each cause of a refusal; a reason is a rule's code when the webhook refused."""
        causes = (self.body.get("details") or {}).get("causes") or []
        return [(cause.get("reason", ""), cause.get("field", "")) for cause in causes]

    @property
    def codes(self):
        return {reason for reason, _ in self.causes}

    @property
    def by_webhook(self):
        return not self.admitted and "admission webhook" in self.message


class ApiClient:
    """One connection with the rights of a kubeconfig. For one thread."""

    def __init__(self, kubeconfig):
        config = yaml.safe_load(pathlib.Path(kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as pair:  # the ssl module reads keys from files alone
            for part in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[part]))
            pair.flush()
            context.load_cert_chain(pair.name)
        server = urllib.parse.urlsplit(cluster["server"])
        self._connection = http.client.HTTPSConnection(server.hostname, server.port, context=context, timeout=60)

    def close(self):
        self._connection.close()

    def request(self, method, path, obj=None, **query):
        """The answer to a request; `obj` is sent as JSON, text as it is. Query parameters that are None are left out."""
        query = {key: value for key, value in query.items() if value is not None}
        if query:
            path += "?" + urllib.parse.urlencode(query)
        body = obj if obj is None or isinstance(obj, str) else json.dumps(obj)
        self._connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        warnings = answer.headers.get_all("Warning") or []
        return Answer(answer.status, json.loads(answer.read()), tuple(warnings))

    def create(self, path, obj, dry_run=True, validation=None):
        """A create, to no effect unless told. `validation` is fieldValidation: Strict, Warn or Ignore."""
        return self.request("POST", path, obj, dryRun="All" if dry_run else None, fieldValidation=validation)

    def replace_spec(self, path, name, spec, dry_run=True, validation=None):
        """An update of a stored object to that spec, to no effect unless told; read again when somebody else wrote."""
        while True:
            obj = self.request("GET", f"{path}/{name}").body | {"spec": spec}
            answer = self.request(
                "PUT", f"{path}/{name}", obj, dryRun="All" if dry_run else None, fieldValidation=validation
            )
            if answer.body.get("reason") != "Conflict":
                return answer
