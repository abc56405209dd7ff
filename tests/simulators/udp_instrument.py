"""An instrument that answers each datagram with one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self, cast

from tests.simulators.frame_instrument import Spoil


class UdpInstrument(asyncio.DatagramProtocol):
    """On a UDP port of this machine; what is not in its table gets no answer. `spoil` changes what goes out."""

    def __init__(self, replies: Mapping[bytes, bytes]) -> None:
        self.replies = dict(replies)
        self.requests: list[bytes] = []
        self.spoil: Spoil | None = None
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.requests.append(data)
        reply = self.reply(data)
        if reply and self._transport:
            self._transport.sendto(self.spoil(reply) if self.spoil else reply, addr)

    def reply(self, request: bytes) -> bytes:
        """What answers *request*; nothing when it is for somebody else."""
        return self.replies.get(request, b"")

    async def __aenter__(self) -> Self:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport:
            self._transport.close()
