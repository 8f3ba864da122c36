"""What a process used, and percentiles."""

import math
import pathlib
import time
from collections.abc import Sequence

MIB = 1024 * 1024


class BenchError(Exception):
    """The benchmark cannot go on, or what it measured is broken. Its text is for the person who runs it."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that at least so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, those of its threads that have ended included."""
    # The clock of another process as clock_getcpuclockid(3) names it; utime and stime in /proc only count in 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


def _status_mib(pid: int, field: str) -> float:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / MIB
    raise BenchError(f"process {pid} has no {field}: it has ended")


def rss_mib(pid: int) -> float:
    """Resident memory now."""
    return _status_mib(pid, "VmRSS")


def private_mib(pid: int) -> float:
    """What of it is the process' own: pages of its program's file, which others that run it share, are not in it."""
    return _status_mib(pid, "RssAnon")


def peak_rss_mib(pid: int) -> float:
    """The most resident memory since the process began."""
    return _status_mib(pid, "VmHWM")
