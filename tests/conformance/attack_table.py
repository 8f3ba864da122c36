"""The table of docs/egress.md: what was tried against each point and what was seen, as the tests observed it."""

import pathlib

import observed
import pytest

EXPECTED = pytest.StashKey[int]()  # how many rows there have to be
DOCUMENT = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "egress.md"
MARK = "<!-- Written by hack/test conformance with STOCKADE_UPDATE_TABLE=1 from what its tests saw. -->\n"

# What has to hold, by the number that a test's mark gives.
POINTS = {
    1: "Only listed hosts and ports; CONNECT, TLS name and Host agree",
    2: "Wildcards stand for one label, and no other form of a name or address is a way around",
    3: "Addresses are judged after resolution",
    4: "Credentials stand where they belong and nowhere else",
    5: "Methods and paths hold after normalisation, and no message has two readings",
    6: "No upgrade that is not allowed, no connection without a TLS name",
    7: "Floods are bounded, and others are served",
    8: "Streams pass as they come",
    9: "A changed credential is used without a restart",
    10: "Identities and authorities change without a break",
    11: "A gateway that is gone shuts the way out",
    12: "Nobody else can use the gateway",
    13: "Nothing secret lies open",
    14: "What is shown to the agent comes from the interception authority",
    15: "The audit log tells of each request",
    16: "Requests to AWS are signed by the gateway",
    17: "Tools work through it",
    18: "An agent's own credential does not pass, and a fake STS gets none of the gateway's",
}


def text(rows):
    """The Markdown for rows, (point, tried, seen) in the order of the tests."""
    by_point = {point: [row[1:] for row in rows if row[0] == point] for point in POINTS}
    lines = ["", "| point | attacks |", "| --- | --- |"]
    lines += [f"| {point}. {title} | {len(by_point[point])} |" for point, title in POINTS.items()]
    lines.append(f"| all | {len(rows)} |")
    for point, title in POINTS.items():
        lines += ["", f"### {point}. {title}", "", "| tried | seen |", "| --- | --- |"]
        lines += [f"| {tried.replace('|', chr(92) + '|')} | {seen} |" for tried, seen in by_point[point]]
    return "\n".join(lines) + "\n"


def compare(rows):
    """What is wrong with the document, or None."""
    return observed.compare(DOCUMENT, MARK, text(rows))
