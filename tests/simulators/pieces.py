"""What a counterpart sends instead of an honest reply: bytes and endings, each after a delay."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from enum import Enum


class Ending(Enum):
    """What a reply may do to the connection instead of sending bytes."""

    CLOSE = "close"
    RESET = "reset"


Piece = tuple[float, bytes | Ending]
Misbehave = Callable[[bytes, bytes], list[Piece] | None]


class Speaker:
    """Sends pieces over one transport; each waits its delay after the one before."""

    def __init__(self) -> None:
        self._timers: list[asyncio.TimerHandle] = []

    def say(self, transport: asyncio.Transport, pieces: Iterable[Piece]) -> None:
        """Send *pieces*; those without a delay at once, the others when they are due."""
        due_s = 0.0
        for delay_s, piece in pieces:
            due_s += delay_s
            if due_s:
                loop = asyncio.get_running_loop()
                self._timers.append(loop.call_later(due_s, _act, transport, piece))
            else:
                _act(transport, piece)

    def stop(self) -> None:
        """Forget what is not sent yet."""
        for timer in self._timers:
            timer.cancel()


def _act(transport: asyncio.Transport, piece: bytes | Ending) -> None:
    if isinstance(piece, bytes):
        transport.write(piece)
        return
    wire = transport.get_extra_info("socket")
    if piece is Ending.RESET and wire is not None:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
