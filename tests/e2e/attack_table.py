"""The table of docs/attacks.md: what was tried, what was expected of each tier and what was seen there."""

import pathlib

import observed  # of tests/conformance: see internet.py

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "attacks.md"
MARK = "<!-- Written by hack/test e2e with STOCKADE_UPDATE_TABLE=1 from what its tests saw. -->\n"
HEADINGS = ("The network", "Secrets and processes", "Files, mounts and devices", "Rights and the kernel", "Exhaustion",
            "What outlives the agent", "From without")  # fmt: skip


TIERS = ("GVisor", "Container")


def shown(text):
    """What the table has of an outcome: all but its details."""
    return text.partition(": ")[0]


class Table:
    """What the tests have seen: for (heading, what was tried) what was expected, what was seen, by tier, and what the
    same comes to where nothing bounds it."""

    def __init__(self):
        self._rows = {}

    def add(self, heading, tried, expected, seen, unbounded=""):
        """`seen` is {tier: outcome}, of one tier or of both."""
        assert heading in HEADINGS
        row = self._rows.setdefault((heading, tried), {"expected": expected, "seen": {}, "unbounded": unbounded})
        row["seen"] |= seen

    def text(self):
        by_heading = {heading: [row for row in self._rows.items() if row[0][0] == heading] for heading in HEADINGS}
        lines = ["", "| | attacks |", "| --- | --- |"]
        lines += [f"| {heading} | {len(rows)} |" for heading, rows in by_heading.items()]
        lines.append(f"| all | {len(self._rows)} |")
        for heading, rows in by_heading.items():
            lines += ["", f"## {heading}", "", "| tried | expected | seen | unbounded |", "| --- | --- | --- | --- |"]
            for (_, tried), row in rows:
                seen = dict.fromkeys(shown(row["seen"][tier]) for tier in TIERS)
                cells = [tried, row["expected"], " / ".join(seen), shown(row["unbounded"])]
                lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
        return "\n".join(lines) + "\n"


def compare(table):
    """What is wrong with the document, or None."""
    return observed.compare(DOCUMENT, MARK, table.text())
