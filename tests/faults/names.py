"""Which record each name stands for: (epoch, stream, seq), over all lives of a log and wherever one was seen."""

from __future__ import annotations

from collections.abc import Mapping

from agent.store.reader import Reader
from drivers.reading import Stream

Name = tuple[str, Stream, int]
"""Epoch, stream and seq."""


class Names:
    """Every name that was ever told, found or received, with the head of the chain after its record."""

    def __init__(self) -> None:
        self.heads: dict[Name, bytes] = {}
        self.twice: list[Name] = []
        """Names that stood for two records."""

    def note(self, found: Mapping[Name, bytes]) -> None:
        """Add what was *found*; a head stands for its record and for all before it."""
        for name, head in found.items():
            if self.heads.setdefault(name, head) != head:
                self.twice.append(name)


def heads(log: Reader) -> dict[Name, bytes]:
    """The head of every record that *log* keeps, by name."""
    return {
        (series.epoch, series.stream, row.seq): row.head
        for series in log.series()
        for row in log.walk(series.epoch, series.stream, series.first, series.last)
    }
