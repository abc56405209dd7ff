"""Cursors: what of one series is acknowledged, as a contiguous part plus ranges above it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

Range = tuple[int, int]
"""First and last seq, both included."""


@dataclass(slots=True)
class Cursor:
    """Seqs 1 to ``upto`` are acknowledged, and the ``ranges`` above, ascending and apart from each other."""

    upto: int = 0
    ranges: list[Range] = field(default_factory=list)

    def ack(self, first: int, last: int) -> None:
        """Add seqs *first* to *last*; saying it twice changes nothing."""
        if not 1 <= first <= last:
            raise ValueError(f"no range of seqs: {first} to {last}")
        merged = merge([*self.ranges, (first, last), (1, self.upto)] if self.upto else [*self.ranges, (first, last)])
        if merged[0][0] == 1:
            self.upto = merged.pop(0)[1]
        self.ranges = merged

    def covers(self, seq: int) -> bool:
        """Whether *seq* is acknowledged."""
        return seq <= self.upto or any(first <= seq <= last for first, last in self.ranges)

    def gaps(self, first: int, last: int) -> list[Range]:
        """The parts of *first* to *last* that are not acknowledged, ascending."""
        return subtract([(first, last)], [(1, self.upto), *self.ranges])

    def missing(self, last: int) -> int:
        """How many seqs up to *last* are not acknowledged."""
        return sum(b - a + 1 for a, b in self.gaps(1, last))

    def to_json(self) -> str:
        """The words of an acknowledgement on the wire: ``{"upto":7,"have":[[9,12]]}``."""
        return json.dumps({"upto": self.upto, "have": self.ranges}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Cursor:
        """Read what :meth:`to_json` wrote."""
        words = json.loads(text)
        return cls(words["upto"], [(first, last) for first, last in words["have"]])


def merge(ranges: Iterable[Range]) -> list[Range]:
    """The same seqs as ascending ranges that neither overlap nor touch."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def subtract(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """The seqs of *ranges* that are in none of *taken*, ascending; empty ranges (last < first) are allowed."""
    left = []
    holes = merge(hole for hole in taken if hole[0] <= hole[1])
    for first, last in merge(part for part in ranges if part[0] <= part[1]):
        start = first
        for low, high in holes:
            if high < start or low > last:
                continue
            if low > start:
                left.append((start, low - 1))
            start = high + 1
        if start <= last:
            left.append((start, last))
    return left


def intersect(ranges: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    """The seqs that are in both, ascending."""
    mine = list(ranges)
    return subtract(mine, subtract(mine, others))
