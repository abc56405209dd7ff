"""One connection to an instrument that can be at fault: what goes out, when, and what is noted of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from agent.simulation.faults import Faults
from agent.simulation.line import Reply, TextInstrument
from agent.simulation.modbus_framing import Framing
from agent.simulation.modbus_server import Conversation
from agent.simulation.modbus_unit import Unit, refusal

NAMES = {1: "<SOH>", 2: "<STX>", 3: "<ETX>", 4: "<EOT>", 6: "<ACK>", 10: "<LF>", 13: "<CR>", 21: "<NAK>", 27: "<ESC>"}


class Sent(Protocol):
    """Is told each request, and whether its honest answer went out."""

    def __call__(self, request: bytes, *, whole: bool) -> None:
        """Take note."""


def speak(transport: asyncio.Transport, faults: Faults, honest: bytes) -> bool:
    """Send *honest*, or what the faults make of it, now or later; whether it went out as it is."""
    said = faults.spoil(honest)
    if said is None:
        return False
    if faults.late_s:
        asyncio.get_running_loop().call_later(faults.late_s, _write, transport, said)
    else:
        _write(transport, said)
    return said == honest


def _write(transport: asyncio.Transport, data: bytes) -> None:
    if not transport.is_closing():
        transport.write(data)


class ModbusSpeaker(Conversation):
    """A Modbus unit that may be late, silent, foreign, or refuse."""

    def __init__(self, units: Mapping[int, Unit], framing: Framing, faults: Mapping[int, Faults], sent: Sent) -> None:
        super().__init__(units, framing)
        self._faults = faults
        self._sent = sent

    def _answer(self, request: bytes) -> None:
        number, pdu = self.framing.unwrap(request)
        if number not in self.units or self.transport is None:
            return
        faults = self._faults[number]
        reply = refusal(pdu[0], faults.exception) if faults.exception else self.units[number].answer(pdu)
        wrap = self.framing.forged if faults.address else self.framing.wrap
        whole = speak(self.transport, faults, wrap(request, reply))
        self._sent(pdu, whole=whole and not faults.address and not reply[0] & 0x80)


class TextSpeaker(TextInstrument):
    """An instrument that answers in text, and says by itself what nobody asks for."""

    def __init__(
        self,
        replies: Mapping[bytes, Reply],
        talk: Mapping[str, Callable[[], bytes]],
        every_s: float,
        faults: Faults,
        sent: Sent,
    ) -> None:
        super().__init__(replies)
        self._talk = talk
        self._every_s = every_s
        self._faults = faults
        self._sent = sent
        self._turn: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to talk."""
        super().connection_made(transport)
        if self._talk:
            self._turn = asyncio.get_running_loop().call_soon(self._say_all)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fall silent."""
        super().connection_lost(exc)
        if self._turn is not None:
            self._turn.cancel()

    def reply(self, request: bytes, honest: bytes) -> None:
        """Send the *honest* reply to *request*, or what the faults make of it."""
        if self.transport is not None:
            self._sent(request, whole=speak(self.transport, self._faults, honest))

    def _say_all(self) -> None:
        for name, line in self._talk.items():
            self.reply(name.encode(), line())
        self._turn = asyncio.get_running_loop().call_later(self._every_s, self._say_all)


def readable(data: bytes) -> str:
    """Bytes as a person reads them: printable ASCII, the rest by name or in hex."""
    return "".join(chr(byte) if 32 <= byte < 127 else NAMES.get(byte, f"<{byte:02X}>") for byte in data)
