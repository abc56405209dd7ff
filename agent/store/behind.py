"""Reading a log in memory together with the log on disk whose place it has taken.

A disk that takes no records may still give them back: what no uplink had when it
began to refuse is delivered meanwhile. The two never share an epoch.
"""

from __future__ import annotations

from pathlib import Path

from agent.store.cursor import Cursor
from agent.store.errors import AccessError
from agent.store.reader import Extent, Gone, Parked, Reader, Series
from agent.store.record import Row
from drivers.reading import Stream


class Layered(Reader):
    """A log, and :attr:`behind` it another one with older epochs; without one it is a plain reader."""

    behind: Reader | None = None
    hidden: Path | None = None
    """A log that should be behind, and cannot be read at present: its epochs are not unknown, but out of reach."""

    def series(self) -> list[Series]:
        """As of a plain reader, the series behind first."""
        if self.behind is None:
            return super().series()
        return [one for one in self.behind.series() if one.first <= one.last] + super().series()

    def cursors(self) -> dict[tuple[str, str, Stream], Cursor]:
        """Those of both."""
        return (self.behind.cursors() if self.behind else {}) | super().cursors()

    def parked(self, uplink: str | None = None) -> list[Parked]:
        """Those of both."""
        return (self.behind.parked(uplink) if self.behind else []) + super().parked(uplink)

    def tip(self, epoch: str, stream: Stream) -> tuple[int, bytes]:
        """As of a plain reader."""
        behind = self._of(epoch)
        return behind.tip(epoch, stream) if behind else super().tip(epoch, stream)

    def extent(self, epoch: str, stream: Stream) -> Extent:
        """As of a plain reader."""
        behind = self._of(epoch)
        return behind.extent(epoch, stream) if behind else super().extent(epoch, stream)

    def head_at(self, epoch: str, stream: Stream, seq: int) -> bytes | None:
        """As of a plain reader."""
        behind = self._of(epoch)
        return behind.head_at(epoch, stream, seq) if behind else super().head_at(epoch, stream, seq)

    def gone(self, epoch: str, stream: Stream) -> list[Gone]:
        """As of a plain reader."""
        behind = self._of(epoch)
        return behind.gone(epoch, stream) if behind else super().gone(epoch, stream)

    def batch(
        self, epoch: str, stream: Stream, first: int, last: int, *, max_records: int = 500, max_bytes: int = 1 << 62
    ) -> list[Row]:
        """As of a plain reader. AccessError also for an epoch that only the hidden log can have."""
        behind = self._of(epoch)
        if behind:
            return behind.batch(epoch, stream, first, last, max_records=max_records, max_bytes=max_bytes)
        if self.hidden and not self.number(epoch):
            raise AccessError(f"{self.hidden} cannot be read at present", hint="Repair the disk")
        return super().batch(epoch, stream, first, last, max_records=max_records, max_bytes=max_bytes)

    def _of(self, epoch: str) -> Reader | None:
        """The log behind, when *epoch* is one of its own."""
        return self.behind if self.behind and not self.number(epoch) else None
