"""Where a frame lies among the bytes that came: what the binary protocols share.

Noise before a frame is passed over. A frame that is not whole is waited for; what
can never become one fails the exchange once the line rests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from drivers.api import Garbage
from drivers.checksum import ChecksumError

LONGEST = 1024
"""Bytes; no frame of these protocols is half as long."""
SHOWN = 24

Measure = Callable[[bytes], int | None]
"""The length of the frame that these bytes begin with; None when more must come.

ValueError when there is none, ChecksumError when it is damaged.
"""


class Span(NamedTuple):
    """A whole frame in a buffer: from ``begin`` up to, and without, ``end``."""

    begin: int
    end: int


def first_frame(buffer: bytearray, mark: int, measure: Measure) -> Span | None:
    """Return where the first whole frame lies that begins with the byte *mark*; None while one may still come.

    Raises Garbage when nothing of what lies there can become a frame.
    """
    why, waiting, damaged = "", False, False
    begin = buffer.find(mark)
    while begin >= 0:
        data = bytes(buffer[begin : begin + LONGEST])
        try:
            length = measure(data)
        except ValueError as error:
            why, damaged = why or str(error), damaged or isinstance(error, ChecksumError)
        else:
            if length is not None:
                return Span(begin, begin + length)
            waiting = waiting or len(data) < LONGEST
        begin = buffer.find(mark, begin + 1)
    if waiting:
        return None
    raise Garbage(f"{why or 'no frame begins here'}: {_shown(buffer)}", damaged=damaged)


def _shown(buffer: bytearray) -> str:
    return buffer[:SHOWN].hex(" ") + (" …" if len(buffer) > SHOWN else "")
