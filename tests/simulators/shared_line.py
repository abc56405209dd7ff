"""One serial line with instruments of different protocols: Modbus RTU, questions in text, and one that just talks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tests.simulators.misbehaviour import Misbehave
from tests.simulators.modbus_server import ModbusLine, Rtu, ScriptedConversation, Unit


class SharedLine(ModbusLine):
    """Modbus *units*, and *replies* to whole requests in text."""

    def __init__(
        self, units: Mapping[int, Unit], replies: Mapping[bytes, bytes], path: Path, *, misbehave: Misbehave | None
    ) -> None:
        super().__init__(units, path, misbehave=misbehave)
        self.replies = dict(replies)
        self.transport: asyncio.Transport | None = None
        self._instrument = self._converse

    def _converse(self) -> asyncio.Protocol:
        return _Ear(self)

    def say(self, line: bytes) -> None:
        """Send *line* unasked."""
        if self.transport is not None:
            self.transport.write(line)


class _Ear(ScriptedConversation):
    """Who hears a request takes it: it comes whole over a pseudo-terminal."""

    def __init__(self, line: SharedLine) -> None:
        super().__init__(line, Rtu())
        self._line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._line.transport = self.transport

    def data_received(self, data: bytes) -> None:
        if data in self._line.replies:
            self._line.say(self._line.replies[data])
        else:
            super().data_received(data)
