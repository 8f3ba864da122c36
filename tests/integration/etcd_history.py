"""What etcd itself remembers: every change of every key, in order, whoever made it and whatever the audit log missed.

An API server that is killed has committed writes that its audit log does not show. etcd's revisions show them all,
until they are compacted, which the API server does every five minutes.
"""

import base64
import dataclasses
import json
import urllib.request


@dataclasses.dataclass(frozen=True)
class Change:
    """A key was written or deleted."""

    revision: int
    key: str
    deleted: bool


class EtcdHistory:
    """Asks a local cluster's etcd, through its JSON gateway."""

    def __init__(self, cluster_directory):
        port = (cluster_directory / "ports").read_text().split()[0]
        self._url = f"http://127.0.0.1:{port}/v3"

    def _post(self, path, body):
        request = urllib.request.Request(f"{self._url}/{path}", json.dumps(body).encode())
        return urllib.request.urlopen(request, timeout=30)

    def revision(self):
        """The number of the last change."""
        with self._post("kv/range", {"key": _encode("\0"), "limit": "1", "keys_only": True}) as answer:
            return int(json.load(answer)["header"]["revision"])

    def changes(self, after):
        """Every change since revision `after`, without it, in order."""
        last = self.revision()
        found = []
        everything = {"key": _encode("\0"), "range_end": _encode("\0"), "start_revision": str(after + 1)}
        if last == after:
            return found
        with self._post("watch", {"create_request": everything}) as answer:
            # One JSON object to a line, for as long as one reads.
            for line in answer:
                result = json.loads(line)["result"]
                assert "compact_revision" not in result, f"revision {after} is compacted: {result}"
                for event in result.get("events", []):
                    pair = event["kv"]
                    key = base64.b64decode(pair["key"]).decode()
                    found.append(Change(int(pair["mod_revision"]), key, event.get("type") == "DELETE"))
                if found and found[-1].revision >= last:
                    return found
        raise AssertionError("etcd ended the watch")


def _encode(text):
    return base64.b64encode(text.encode()).decode()


def assert_no_pod_without_deny_all(changes, namespace):
    """At no revision was a sandbox's pod in the namespace without its deny-all beside it. The changes begin before the
    first of them."""
    deny_all, pods = False, set()
    for change in changes:
        if change.key == f"/registry/networkpolicies/{namespace}/stockade-deny-all":
            deny_all = not change.deleted
        elif change.key.startswith(f"/registry/pods/{namespace}/asb-"):
            (pods.discard if change.deleted else pods.add)(change.key)
        assert deny_all or not pods, f"{pods} without the deny-all at revision {change.revision}"
