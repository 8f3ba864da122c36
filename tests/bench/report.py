"""How a benchmark tells its results: a table for people, and one JSON object for programs."""

import json
from typing import NamedTuple


class Row(NamedTuple):
    """A line of the table: a result, or with neither value nor unit a heading."""

    text: str
    value: float | int | str | None = None
    unit: str = ""


# The table, and the JSON object's members.
Outcome = tuple[list[Row], dict[str, float | int | str]]


def show(value: float | int | str) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else value


def print_table(rows: list[Row]) -> None:
    width = max(len(row.text) for row in rows) + 2
    for row in rows:
        if row.value is None:
            print(f"\n{row.text}")
        else:
            print(f"  {row.text:<{width}}{show(row.value):>12} {row.unit}".rstrip())


def print_json(results: dict[str, float | int | str]) -> None:
    """The last line of standard output."""
    print(json.dumps({key: round(v, 4) if isinstance(v, float) else v for key, v in results.items()}), flush=True)
