"""A Modbus server written from the specification, for instruments that do not exist.

Serves any framing over TCP and over a serial line. It imports no
Modbus library, and nothing of the agent, so that it can bear witness against both.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self, cast

from agent.simulation.modbus_framing import Framing, Mbap, Rtu
from agent.simulation.modbus_unit import Unit

RTU_QUIET_S = 0.05  # far above 3.5 characters: a pseudo-terminal keeps no character times


class Conversation(asyncio.Protocol):
    """One connection, or one plugged serial line: takes requests, sends replies.

    A unit that is not there keeps silent, as it would on RS-485; so does
    everybody after a broadcast or a damaged frame.
    """

    def __init__(self, units: Mapping[int, Unit], framing: Framing) -> None:
        self.units = units
        self.framing = framing
        self.transport: asyncio.Transport | None = None
        self.over = False
        self._received = b""
        self._last_byte_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where replies go."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the wire: whatever was to be sent is lost with it."""
        self.transport = None
        self.over = True

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in *data*; a pause on a serial line ends an unfinished one."""
        now = time.monotonic()
        if isinstance(self.framing, Rtu) and now - self._last_byte_at > RTU_QUIET_S:
            self._received = b""
        self._last_byte_at = now
        self._received += data
        try:
            while whole := self.framing.split(self._received):
                request, self._received = whole
                self._answer(request)
        except ValueError:
            self._received = b""

    def _answer(self, request: bytes) -> None:
        number, pdu = self.framing.unwrap(request)
        unit = self.units.get(number)
        if unit is not None:
            self.reply(request, self.framing.wrap(request, unit.answer(pdu)))

    def reply(self, request: bytes, honest: bytes) -> None:  # noqa: ARG002 - for those who lie
        """Send the *honest* reply to *request*."""
        if self.transport is not None:
            self.transport.write(honest)


class ModbusTcpServer:
    """Units behind one TCP port of this machine; `framing=Rtu()` makes it a transparent serial gateway."""

    def __init__(
        self,
        units: Mapping[int, Unit],
        *,
        port: int = 0,
        framing: Framing | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.units = units
        self.port = port
        self.connections = 0  # ever accepted
        self.framing = framing or Mbap()
        self._tls = tls
        self._conversations: list[Conversation] = []
        self._server: asyncio.Server | None = None

    def converse(self) -> Conversation:
        """What serves a new connection."""
        return Conversation(self.units, self.framing)

    async def start(self) -> None:
        """Listen on 127.0.0.1; `port` then says where."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection; the port is kept for a later start."""
        if self._server is None:
            return
        self._server.close()
        self.drop_connections()
        await self._server.wait_closed()
        self._server = None

    def drop_connections(self) -> None:
        """Cut every open connection; the server goes on listening."""
        for conversation in self._conversations:
            if conversation.transport is not None:
                conversation.transport.abort()
        self._conversations.clear()

    def _accept(self) -> Conversation:
        self.connections += 1
        self._conversations = [one for one in self._conversations if not one.over]
        conversation = self.converse()
        self._conversations.append(conversation)
        return conversation

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
