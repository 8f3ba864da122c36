"""Counts writes in the API server's audit log."""

import collections
import datetime
import json
import os
import pathlib
from typing import BinaryIO, NamedTuple

# More than the API server logs within some seconds.
RECENT_BYTES = 4 << 20


class Writes(NamedTuple):
    """An identity's writes in a span of time, without those of its Lease, by "VERB RESOURCE"."""

    done: collections.Counter[str]
    failed: collections.Counter[str]

    def count(self, resource: str = "") -> int:
        """Writes that were done: all, or those of a resource."""
        return sum(number for what, number in self.done.items() if not resource or what.split()[1] == resource)


def writes_between(logs: pathlib.Path, user: str, begin: float, end: float) -> Writes:
    """Counts by when the API server received them. Times are in seconds since 1970."""
    writes = Writes(collections.Counter(), collections.Counter())
    # A log that grows large is continued in audit.log; the older parts have the time in their names.
    for path in logs.glob("audit*.log"):
        with open(path, "rb") as log:
            _count(log, user, begin, end, writes)
    return writes


def has_written_since(logs: pathlib.Path, user: str, begin: float) -> bool:
    """Whether it tried to write anything from then on; for a moment that is not long ago."""
    writes = Writes(collections.Counter(), collections.Counter())
    with open(logs / "audit.log", "rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - RECENT_BYTES))
        # The rest of a line that began before.
        log.readline()
        _count(log, user, begin, float("inf"), writes)
    return bool(writes.done or writes.failed)


def _count(log: BinaryIO, user: str, begin: float, end: float, writes: Writes) -> None:
    for line in log:
        # Decoding all of them would take long, and a line may still be in the writing.
        if user.encode() not in line or not line.endswith(b"\n"):
            continue
        event = json.loads(line)
        if event["user"]["username"] != user or event["stage"] != "ResponseComplete":
            continue
        received = datetime.datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
        target = event.get("objectRef", {})
        resource = target.get("resource", "?")
        if resource == "leases" or not begin <= received <= end:
            continue
        if target.get("subresource"):
            resource += f"/{target['subresource']}"
        code = event["responseStatus"]["code"]
        if 200 <= code < 300:
            writes.done[f"{event['verb']} {resource}"] += 1
        else:
            writes.failed[f"{event['verb']} {resource} {code}"] += 1
