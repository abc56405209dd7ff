"""Whether a write-ahead file goes on behind the last transaction that SQLite takes from it.

Every transaction is synced before the next one begins, so a power cut may leave one
that is torn. SQLite ends before it without a word, and that is right; but nobody can
tell it from one that was acknowledged and damaged since.
The format is https://www.sqlite.org/fileformat2.html#walformat.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import BinaryIO

_HEADER, _FRAME_HEADER = 32, 24


class Tail(Enum):
    """What lies behind the last whole transaction."""

    NOTHING = 0
    BEGUN = 1
    """Frames, but no end of a transaction: who wrote them was interrupted, or the end was damaged."""
    ENDED = 2
    """The end of a transaction that is not whole; or nothing can be told, for the header of the file is wrong."""


def tail(wal: Path, frames: int, page: int) -> Tail:
    """What lies in the file *wal* behind its first *frames* frames, which hold a page of *page* bytes each."""
    if not wal.exists():
        return Tail.NOTHING
    with wal.open("rb") as file:
        header = file.read(_HEADER)
        if len(header) < _HEADER:
            return Tail.NOTHING
        if not _is_whole(header):
            return Tail.ENDED
        file.seek(_HEADER + frames * (_FRAME_HEADER + page))
        return max(_tails(file, header[16:24], page), key=lambda found: found.value, default=Tail.NOTHING)


def cut(wal: Path, frames: int, page: int) -> None:
    """Take from the file *wal* what lies behind its first *frames* frames; raises OSError.

    A transaction whose sync failed lies there, whole. Whoever made it was told that it failed, and has stored its
    records elsewhere: replayed by the next one to open the log, they would be there twice.
    """
    end = _HEADER + frames * (_FRAME_HEADER + page)
    if wal.exists() and wal.stat().st_size > end:
        os.truncate(wal, end)


def _tails(file: BinaryIO, salts: bytes, page: int) -> Iterator[Tail]:
    """What each further frame is the tail of; one with other salts is of an older generation of the file."""
    while len(frame := file.read(_FRAME_HEADER)) == _FRAME_HEADER:
        size_after_commit, first, second = frame[4:8], frame[8:12], frame[12:16]
        if first == salts[:4] or second == salts[4:]:  # one of them is enough: it may be what was damaged
            yield Tail.ENDED if any(size_after_commit) else Tail.BEGUN
        file.seek(page, 1)


def _is_whole(header: bytes) -> bool:
    """Whether the header of a write-ahead file has its own checksum."""
    order = ">" if header[3] & 1 else "<"
    words = struct.unpack(f"{order}6I", header[:24])
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return header[:3] == b"\x37\x7f\x06" and struct.pack(">2I", first, second) == header[24:32]
