"""What was measured, as one table: value or spread, target, verdict.

A target missed is printed, not failed: absolute times are the machine's as much
as the agent's, and this one may be busy. What fails a run are the limits far
beyond, where no machine is to blame.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS = ("what", "unit", "min", "median", "p99", "n", "target", "verdict")


@dataclass(frozen=True)
class Figure:
    """One line: a name, its unit, and every value that was measured; the target is for their median."""

    name: str
    unit: str
    values: Sequence[float]
    below: float | None = None

    @property
    def median(self) -> float:
        """The one that is judged."""
        return statistics.median(self.values)

    @property
    def p99(self) -> float:
        """The value that one in a hundred exceeds; the largest of fewer than a hundred."""
        return sorted(self.values)[math.ceil(0.99 * len(self.values)) - 1]

    def cells(self) -> tuple[str, ...]:
        """The line of the table; a single value stands under its median."""
        spread = (min(self.values), self.median, self.p99) if len(self.values) > 1 else (None, self.median, None)
        target, verdict = "", ""
        if self.below is not None:
            target, verdict = f"< {self.below:g}", "met" if self.median < self.below else "MISSED"
        return (self.name, self.unit, *map(_digits, spread), str(len(self.values)), target, verdict)


class Figures:
    """All figures of a run, and in what circumstances they were measured."""

    def __init__(self) -> None:
        self.circumstances: list[str] = []
        self._figures: list[Figure] = []

    def add(self, name: str, unit: str, values: Sequence[float] | float, *, below: float | None = None) -> Figure:
        """Add what was measured and return it."""
        figure = Figure(name, unit, [values] if isinstance(values, int | float) else values, below)
        self._figures.append(figure)
        return figure

    def table(self) -> str:
        """The table, for a terminal and for Markdown alike."""
        lines = [COLUMNS, *(figure.cells() for figure in self._figures)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
        rows = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
        rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        return "\n".join([*self.circumstances, "", rows[0], rule, *rows[1:]])


def _digits(value: float | None) -> str:
    """Three digits that count, as many as a timing deserves."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
