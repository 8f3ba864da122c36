#!/usr/bin/python3
"""Writes the table of docs/egress.md from the rows of test_attacks.py.

usage: attack_table.py           write it
       attack_table.py --check   write nothing; exit 1 when it is not current
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs" / "egress.md"
MARK = "<!-- attacks: written by tests/conformance/attack_table.py -->\n"


def seen(expected):
    if isinstance(expected, tuple) and expected[0] == "inside":
        return f"{expected[1]} from the gateway"
    if expected.connect != 200:
        return f"{expected.connect} at CONNECT"
    return "cut off in the TLS handshake"


def table():
    sys.path.insert(0, str(HERE))
    import test_attacks

    lines = ["", "| what is tried | what is seen |", "| --- | --- |"]
    for row in (*test_attacks.NAMES, *test_attacks.ADDRESSES, *test_attacks.REQUESTS):
        lines.append(f"| {row.id.split('-', 1)[1]} | {seen(row.values[0])} |")
    return MARK + "\n".join(lines) + "\n"


def main():
    text = DOCUMENT.read_text()
    wanted = text[: text.index(MARK)] + table()
    if "--check" in sys.argv[1:]:
        return 0 if text == wanted else f"{DOCUMENT} is not current: run {sys.argv[0]}"
    DOCUMENT.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
