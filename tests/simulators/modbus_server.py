"""Modbus servers for tests: the honest core of the demonstration, and a way to make it lie.

In a test::

    unit = Unit(input={22: 0x4236, 23: 0})
    async with ModbusTcpServer({1: unit}) as server:
        server.misbehave = misbehaviour.late(2.0)

As a process, which prints one JSON line and then READY::

    python -m tests.simulators.modbus_server --units '{"1": {"holding": {"0": 17}}}' [--pty LINK]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from agent.simulation import modbus_server as core
from agent.simulation.line import PtyLine
from agent.simulation.modbus_framing import Framing, Mbap, Rtu, crc16
from agent.simulation.modbus_unit import Unit
from tests.simulators.pieces import Misbehave, Speaker

__all__ = ["Mbap", "ModbusLine", "ModbusTcpServer", "ModbusUdpServer", "Rtu", "Unit", "crc16"]


class ScriptedConversation(core.Conversation):
    """Replies as `misbehave` of its owner says."""

    def __init__(self, owner: ModbusTcpServer | ModbusLine, framing: Framing) -> None:
        super().__init__(owner.units, framing)
        self._owner = owner
        self._speaker = Speaker()

    def reply(self, request: bytes, honest: bytes) -> None:
        self._owner.requests.append((time.monotonic(), request))
        if self._owner.misbehave is None:
            super().reply(request, honest)
        elif self.transport is not None:
            self._speaker.say(self.transport, self._owner.misbehave(request, honest) or ())

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._speaker.stop()


class ModbusTcpServer(core.ModbusTcpServer):
    """The core's server, with a script for lies and a list of `requests` as (monotonic time, frame)."""

    def __init__(
        self,
        units: Mapping[int, Unit],
        *,
        port: int = 0,
        framing: Framing | None = None,
        tls: ssl.SSLContext | None = None,
        misbehave: Misbehave | None = None,
    ) -> None:
        super().__init__(units, port=port, framing=framing, tls=tls)
        self.misbehave = misbehave
        self.requests: list[tuple[float, bytes]] = []

    def converse(self) -> core.Conversation:
        return ScriptedConversation(self, self.framing)


class ModbusLine(PtyLine):
    """Units on one RTU line, reachable at `path`; unplugged and plugged like a USB adapter."""

    def __init__(self, units: Mapping[int, Unit], path: Path, *, misbehave: Misbehave | None = None) -> None:
        super().__init__(path, lambda: ScriptedConversation(self, Rtu()))
        self.units = units
        self.misbehave = misbehave
        self.requests: list[tuple[float, bytes]] = []


class ModbusUdpServer(asyncio.DatagramProtocol):
    """Units behind one UDP port: one MBAP frame a datagram. `lose_next` datagrams get no reply."""

    def __init__(self, units: Mapping[int, Unit]) -> None:
        self.units = units
        self.port = 0
        self.lose_next = 0
        self._transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        number, pdu = Mbap().unwrap(data)
        if self.lose_next:
            self.lose_next -= 1
        elif number in self.units and self._transport is not None:
            self._transport.sendto(Mbap().wrap(data, self.units[number].answer(pdu)), addr)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self.port))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._transport is not None:
            self._transport.close()
            await asyncio.sleep(0)


def units_from_json(text: str) -> dict[int, Unit]:
    """Units as `{"1": {"holding": {"0": 17}, "writable": true}}` describes them."""
    units = {}
    for number, content in json.loads(text).items():
        unit = units[int(number)] = Unit(writable=content.get("writable", False))
        for name in ("coils", "discrete", "holding", "input"):
            getattr(unit, name).update({int(at): value for at, value in content.get(name, {}).items()})
    return units


async def until_terminated() -> None:
    """Return at SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


async def serve(units: dict[int, Unit], pty: Path | None) -> None:
    """Serve until terminated, over TCP, and over RTU too when *pty* names a link."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(core.ModbusTcpServer(units))
        if pty:
            await stack.enter_async_context(PtyLine(pty, lambda: core.Conversation(units, Rtu())))
        print(json.dumps({"port": server.port, "pty": str(pty) if pty else None}), flush=True)
        print("READY", flush=True)
        await until_terminated()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="a Modbus server for tests")
    parser.add_argument("--units", type=units_from_json, required=True, help="tables as JSON, per unit")
    parser.add_argument("--pty", type=Path, help="serve RTU too, at this link")
    options = parser.parse_args()
    asyncio.run(serve(options.units, options.pty))
