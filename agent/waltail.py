"""Whether a write-ahead file goes on behind the last transaction that SQLite takes from it.

Every transaction is synced before the next one begins, so a power cut may leave one
that is torn. SQLite ends before it without a word, and that is right; but nobody can
tell it from one that was acknowledged and damaged since.
The format is https://www.sqlite.org/fileformat2.html#walformat.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_HEADER, _FRAME_HEADER = 32, 24


def goes_on(wal: Path, frames: int, page: int) -> bool:
    """Whether a transaction of the present generation ends in *wal* behind its first *frames* frames.

    True also when the header of the file says that it is none.
    """
    if not wal.exists():
        return False
    with wal.open("rb") as file:
        header = file.read(_HEADER)
        if len(header) < _HEADER:
            return False
        return not _is_whole(header) or any(_ends(file, header[16:24], frames, page))


def _ends(file: BinaryIO, salts: bytes, frames: int, page: int) -> Iterator[bool]:
    """Of each frame behind the first *frames*, whether it ends a transaction of the generation with these *salts*."""
    file.seek(_HEADER + frames * (_FRAME_HEADER + page))
    while len(frame := file.read(_FRAME_HEADER)) == _FRAME_HEADER:
        size_after_commit = frame[4:8]
        yield any(size_after_commit) and frame[8:16] == salts
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
