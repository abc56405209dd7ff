"""What a disk holds for certain, what it was only told since, and what it may show after a power cut. Pure.

Contents and names are kept apart, as file systems keep them: writes to a file are
certain once it was synced, a new, renamed or deleted name once its folder was. What
is not certain may survive in part: any of the sectors, the last one torn; of the
names, the first few changes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

Write = tuple[int, bytes | None]
"""Offset and data of one write; None truncates there."""


@dataclass(eq=False)
class Content:
    """One file, whatever its name: what survives for certain, and what was written since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write] = field(default_factory=list)

    def sync(self) -> None:
        """Make everything certain."""
        play(self.durable, self.pending)
        self.pending = []


class Platter:
    """All files by path. A change is a dict of paths and what they name from then on; None for nothing."""

    def __init__(self, sector: int, rng: random.Random) -> None:
        self.names: dict[str, Content] = {}
        self._sector = sector
        self._rng = rng
        self._certain: dict[str, Content] = {}
        self._changes: list[dict[str, Content | None]] = []

    def found(self, path: str, content: bytes) -> Content:
        """A file that lay there before anything was written."""
        file = self.names[path] = self._certain[path] = Content(bytearray(content))
        return file

    def create(self, path: str) -> Content:
        """A new file."""
        self._change({path: Content()})
        return self.names[path]

    def rename(self, old: str, new: str) -> None:
        """The file *old* is called *new* now, in one step."""
        self._change({new: self.names.get(old), old: None})

    def delete(self, path: str) -> None:
        """Nothing is called *path* any more."""
        self._change({path: None})

    def sync(self, content: Content) -> None:
        """Make a file certain, and the name that it was made with."""
        content.sync()
        for change in self._changes:
            if list(change.values()) == [content]:
                _apply(change, self._certain)

    def sync_names(self) -> None:
        """Make all names certain."""
        for change in self._changes:
            _apply(change, self._certain)
        self._changes = []

    def survivors(self) -> dict[str, bytes]:
        """One legal state after a cut, by path."""
        names = dict(self._certain)
        for change in self._changes[: self._rng.randrange(len(self._changes) + 1)]:
            _apply(change, names)
        return {path: self._survived(content) for path, content in names.items()}

    def _change(self, change: dict[str, Content | None]) -> None:
        _apply(change, self.names)
        self._changes.append(change)

    def _survived(self, content: Content) -> bytes:
        parts = self._sectors(content.pending)
        match self._rng.choice(("none", "all", "prefix", "subset", "torn")):
            case "none":
                parts = []
            case "prefix":
                parts = parts[: self._rng.randrange(len(parts) + 1)]
            case "subset":
                parts = [part for part in parts if self._rng.random() < 0.5]
            case "torn" if parts:
                offset, data = parts[-1]
                parts[-1] = (offset, data and data[: self._rng.randrange(1, len(data) + 1)])
        return bytes(play(bytearray(content.durable), parts))

    def _sectors(self, pending: list[Write]) -> list[Write]:
        """Writes as the disk may reorder them: by sector, unless a truncation is among them."""
        if any(data is None for _, data in pending):
            return list(pending)
        return [
            (offset + at, data[at : at + self._sector])
            for offset, data in pending
            if data is not None
            for at in range(0, len(data), self._sector)
        ]


def play(data: bytearray, writes: list[Write]) -> bytearray:
    """Do *writes* to *data*, and return it."""
    for offset, chunk in writes:
        if chunk is None:
            del data[offset:]
            continue
        data.extend(bytes(max(0, offset - len(data))))
        data[offset : offset + len(chunk)] = chunk
    return data


def _apply(change: dict[str, Content | None], names: dict[str, Content]) -> None:
    for path, content in change.items():
        if content is None:
            names.pop(path, None)
        else:
            names[path] = content
