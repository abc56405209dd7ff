"""The high-water mark beside the log: how far it had come, kept apart from the log itself.

A log that is older than its mark was put back from an image, or lost its last
commits; both would number new records like old ones. The mark is written after
each commit, so it is never ahead of the log, and no record waits until it is on
the medium too: that is done at most once a second, after the commit was announced.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.reading import Stream

_SLOT = 512
_SYNC_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Mark:
    """Seq and head of the last record of each stream of one epoch."""

    epoch: str
    last: Mapping[Stream, tuple[int, bytes]]

    def words(self) -> dict[str, Any]:
        """As plain data."""
        return {"epoch": self.epoch, "last": {stream: [seq, head.hex()] for stream, (seq, head) in self.last.items()}}

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Mark:
        """Read what :meth:`words` gave."""
        last = {Stream(stream): (seq, bytes.fromhex(head)) for stream, (seq, head) in words["last"].items()}
        return cls(words["epoch"], last)


class HighWater:
    """The file ``<store>.high``: two lines of 512 bytes, written in turn, so that a torn one leaves the other."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(store.name + ".high")
        self._file: int | None = None
        self._synced_at = 0.0
        self._turn, self.mark = self._read()

    def write(self, mark: Mark) -> None:
        """Note *mark*. A medium that refuses leaves the old one: it proves less, and nothing false."""
        self._turn += 1
        with contextlib.suppress(OSError):
            os.pwrite(self._open(), _line(self._turn, mark), self._turn % 2 * _SLOT)

    def tidy(self) -> None:
        """Sync if the last time is a second ago; a medium that refuses is as with :meth:`write`."""
        if time.monotonic() - self._synced_at >= _SYNC_EVERY_S:
            with contextlib.suppress(OSError):
                self.sync()

    def sync(self) -> None:
        """Bring what was written to the medium."""
        if self._file is not None:
            os.fdatasync(self._file)
            self._synced_at = time.monotonic()

    def close(self) -> None:
        """Sync and close."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self.sync()
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o640)
        return self._file

    def _read(self) -> tuple[int, Mark | None]:
        try:
            content = self._path.read_bytes()
        except OSError:
            return 0, None
        slots = (_parse(content[at : at + _SLOT]) for at in (0, _SLOT))
        return max((slot for slot in slots if slot), key=lambda slot: slot[0], default=(0, None))


def _line(turn: int, mark: Mark) -> bytes:
    text = json.dumps({"turn": turn, **mark.words()}, separators=(",", ":"))
    return f"{_sum(text)} {text}".ljust(_SLOT - 1).encode() + b"\n"


def _parse(slot: bytes) -> tuple[int, Mark] | None:
    checksum, _, text = slot.decode(errors="replace").rstrip().partition(" ")
    if not text or _sum(text) != checksum:
        return None
    words = json.loads(text)
    return words["turn"], Mark.of(words)


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
