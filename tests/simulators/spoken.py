"""Instruments that answer in text: what arrives is cut into requests, and each gets the answer of its protocol."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import cast


class Spoken(ABC):
    """One instrument, whoever is connected; `asked` is every request as it came, without its end."""

    ends: tuple[bytes, ...] = (b"\r",)
    after_end = 0  # check characters that follow the end of a request

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self._wires: list[_Wire] = []

    @abstractmethod
    def answer(self, request: bytes) -> bytes | None:
        """The whole answer to *request*, which has its end; None where the instrument stays silent."""

    def converse(self) -> asyncio.Protocol:
        """What serves a new connection."""
        self._wires.append(_Wire(self))
        return self._wires[-1]

    def say(self, data: bytes) -> None:
        """Send *data* to everybody who listens, without being asked."""
        for wire in self._wires:
            wire.say(data)


class _Wire(asyncio.Protocol):
    def __init__(self, instrument: Spoken) -> None:
        self._instrument = instrument
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._end()) is not None:
            request, self._received = self._received[:end], self._received[end:]
            self._instrument.asked.append(request)
            answer = self._instrument.answer(request)
            if answer is not None:
                self.say(answer)

    def _end(self) -> int | None:
        found = [
            at + len(end) + (self._instrument.after_end if end == b"\x03" else 0)
            for end in self._instrument.ends
            if (at := self._received.find(end)) >= 0
        ]
        return min(found) if found and min(found) <= len(self._received) else None

    def say(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
