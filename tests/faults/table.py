"""One row for each kind of fault: how often it struck, and what it cost.

A test prints its row, and adds it to the file that ``$FAULT_TABLE`` names. All
rows of such a file as one table: ``python -m tests.faults.table FILE``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

COLUMNS = {
    "fault": "fault",
    "times": "injected",
    "polled": "polled",
    "delivered": "delivered",
    "missing": "missing",
    "duplicated": "duplicated",
    "longest_fresh_s": "to fresh data",
    "recovery_s": "recovery",
    "seed": "seed",
}
"""The keys of a row, and how the table calls them."""

_GAP = "  "


def row(
    fault: str,
    times: int,
    polled: int,
    delivered: int,
    missing: int,
    duplicated: int,
    longest_fresh_s: float | None = None,
    recovery_s: float | None = None,
    *,
    seed: int | str | None = None,
) -> dict[str, Any]:
    """Tell what *fault*, injected so many *times*, did to so many readings or records.

    *duplicated* counts after de-duplication: contents that arrived under two numbers. *longest_fresh_s* is the
    longest time without fresh data, *recovery_s* the longest from the end of a fault to fresh data.
    """
    figures = (fault, times, polled, delivered, missing, duplicated, longest_fresh_s, recovery_s, seed)
    found = dict(zip(COLUMNS, figures, strict=True))
    print(table([found]))
    if name := os.environ.get("FAULT_TABLE"):
        with Path(name).open("a") as file:  # one write of a line: rows of several workers do not mix
            file.write(json.dumps(found) + "\n")
    return found


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """*rows* under one heading, aligned."""
    lines = [list(COLUMNS.values()), *([_text(row.get(key)) for key in COLUMNS] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_GAP.join(_aligned(line, widths)).rstrip() for line in lines)


def _aligned(line: list[str], widths: list[int]) -> list[str]:
    return [line[0].ljust(widths[0]), *(word.rjust(width) for word, width in zip(line[1:], widths[1:], strict=True))]


def _text(value: float | str | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1f} s" if value >= 1 else f"{value:.2f} s"
    return str(value)


if __name__ == "__main__":
    print(table(json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()))
