"""What lies in a write-ahead file behind the last transaction that SQLite takes from it.

Every transaction is synced before the next one begins. So a power cut leaves at most
one that is torn; SQLite ends before it without a word. Nobody can tell it from one
that was acknowledged and then damaged. When there are several it was damage.
The format is https://www.sqlite.org/fileformat2.html#walformat.
"""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER, _FRAME_HEADER = 32, 24


def transactions_behind(wal: Path, frames: int, page: int) -> int:
    """How many transactions of the present generation end in *wal* behind its first *frames* frames.

    1 also when there are frames and the header of the file says that it is none.
    """
    if not wal.exists():
        return 0
    with wal.open("rb") as file:
        header = file.read(_HEADER)
        if len(header) < _HEADER:
            return 0
        if not _is_whole(header):
            return 1
        salts, behind = header[16:24], 0
        file.seek(_HEADER + frames * (_FRAME_HEADER + page))
        while len(frame := file.read(_FRAME_HEADER)) == _FRAME_HEADER:
            size_after_commit = int.from_bytes(frame[4:8])
            behind += size_after_commit > 0 and frame[8:16] == salts
            file.seek(page, 1)
    return behind


def _is_whole(header: bytes) -> bool:
    """Whether the header of a write-ahead file has its own checksum."""
    order = ">" if header[3] & 1 else "<"
    words = struct.unpack(f"{order}6I", header[:24])
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return header[:3] == b"\x37\x7f\x06" and struct.pack(">2I", first, second) == header[24:32]
