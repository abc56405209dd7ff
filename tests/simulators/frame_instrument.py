"""What the simulated instruments with binary protocols share: whole requests in, replies out, perhaps spoiled.

Each is written from its maker's manual and shares no code with the drivers.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

Spoil = Callable[[bytes], bytes]


class FrameInstrument(asyncio.Protocol, ABC):
    """One end of a wire. A subclass cuts requests off what came and answers them; `spoil` changes what goes out."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.spoil: Spoil | None = None
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (length := self.length_of(self._received)) is not None:
            request, self._received = self._received[:length], self._received[length:]
            self.requests.append(request)
            if reply := self.reply(request):
                self.say(self.spoil(reply) if self.spoil else reply)

    def say(self, data: bytes) -> None:
        if self._transport:
            self._transport.write(data)

    def hang_up(self) -> None:
        """Close the wire, as an adapter that is pulled out does."""
        if self._transport:
            self._transport.close()

    @abstractmethod
    def length_of(self, received: bytes) -> int | None:
        """How long the request at the beginning is; None while it is not whole."""

    @abstractmethod
    def reply(self, request: bytes) -> bytes:
        """What answers *request*; nothing when it is for somebody else."""
