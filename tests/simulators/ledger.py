"""Instruments that number their answers: every read takes the next serial, and is written down first.

Registers 0 and 1 of a device hold the serial of this very read (uint32, high word
first); the registers behind them follow from device and serial, so that a
reading mixed from two answers shows. A read that leaves out register 0 takes no
serial and gives the rest of the last one. The log names every serial that was
ever handed out, and outlives SIGKILL of whoever asked and of this process.

As a process, which prints one JSON line that lists the devices, then READY::

    python -m tests.simulators.ledger --devices 20 --registers 40 --log FILE
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.simulation.line import PtyLine, TextInstrument
from agent.simulation.modbus_framing import Rtu
from agent.simulation.modbus_server import Conversation, ModbusTcpServer
from agent.simulation.modbus_unit import Unit
from tests.simulators.modbus_server import until_terminated

READY = "READY"
TEXT_REQUEST = b"Q\r"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Device:
    """Where device `number` is found: a TCP port or a serial path, and its unit there."""

    number: int
    kind: str  # "tcp", "rtu" or "text"
    unit: int = 1
    port: int | None = None
    path: str | None = None

    @property
    def url(self) -> str:
        """Its link, as a station file writes it."""
        return f"tcp://127.0.0.1:{self.port}" if self.kind == "tcp" else f"serial://{self.path}"


@dataclass(frozen=True)
class Served:
    """One serial as the log has it: monotonic and wall-clock seconds, device and serial."""

    monotonic_s: float
    wall_s: float
    device: int
    serial: int


def derived(device: int, serial: int, register: int) -> int:
    """What *register* (from 2) of *device* holds beside *serial*: 16 bits that differ in all three."""
    return (serial * 40503 + device * 7919 + register * 257) & 0xFFFF


def read_ledger(log: Path) -> dict[int, list[Served]]:
    """Every serial handed out, per device and in order; a last line torn by a kill is left out."""
    served = defaultdict(list)
    for line in log.read_text().split("\n")[:-1]:
        monotonic_s, wall_s, device, serial = line.split()
        served[int(device)].append(Served(float(monotonic_s), float(wall_s), int(device), int(serial)))
    return dict(served)


class Counters:
    """Hands out the serials and keeps the log. A log that exists is continued."""

    def __init__(self, log: Path, registers: int) -> None:
        self._registers = registers
        self._last = {number: had[-1].serial for number, had in read_ledger(log).items()} if log.exists() else {}
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def serve(self, device: int) -> tuple[int, list[int]]:
        """The next serial of *device*, logged already, and the registers that carry it."""
        serial = self._last[device] = self._last.get(device, 0) + 1
        os.write(self._log, f"{time.monotonic():.6f} {time.time():.6f} {device} {serial}\n".encode())
        words = [derived(device, serial, register) for register in range(2, self._registers)]
        return serial, [serial >> 16, serial & 0xFFFF, *words]

    def unit(self, device: int) -> Unit:
        """*device* as a Modbus unit, the same block in its holding and in its input registers."""
        unit = Unit()

        def number_this_read(unit: Unit, _function: int, address: int, _count: int) -> None:
            if address == 0:
                unit.holding.update(enumerate(self.serve(device)[1]))

        unit.holding = unit.input = dict.fromkeys(range(self._registers), 0)
        unit.on_read = number_this_read
        return unit

    def line(self, device: int) -> bytes:
        """*device* as an answer in text: device, serial and the derived words, separated by commas."""
        serial, words = self.serve(device)
        return ",".join(map(str, (device, serial, *words[2:]))).encode() + b"\r\n"

    def close(self) -> None:
        """Close the log."""
        os.close(self._log)


class Ledger:
    """*devices* on Modbus TCP (a port each, or all as units of one), then RTU and text ones on serial lines."""

    def __init__(
        self,
        log: Path,
        *,
        devices: int = 1,
        registers: int = 40,
        one_port: bool = False,
        rtu_devices: int = 0,
        text_devices: int = 0,
    ) -> None:
        self.log = log
        self.devices: list[Device] = []
        self._counts = (devices, rtu_devices, text_devices)
        self._registers = registers
        self._one_port = one_port
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        counters = Counters(self.log, self._registers)
        self._stack.callback(counters.close)
        tcp, rtu, text = self._counts
        await self._serve_tcp(counters, range(1, tcp + 1))
        if rtu:
            await self._serve_rtu(counters, range(tcp + 1, tcp + rtu + 1))
        for number in range(tcp + rtu + 1, tcp + rtu + text + 1):
            await self._serve_text(counters, number)
        return self

    async def _serve_tcp(self, counters: Counters, numbers: range) -> None:
        wires = [{number: number for number in numbers}] if self._one_port else [{1: number} for number in numbers]
        for wire in wires:
            server = ModbusTcpServer({unit: counters.unit(number) for unit, number in wire.items()})
            await self._stack.enter_async_context(server)
            self.devices += [Device(number, "tcp", unit, port=server.port) for unit, number in wire.items()]

    async def _serve_rtu(self, counters: Counters, numbers: range) -> None:
        path = self.log.with_name("ledger-rtu")
        units = {unit: counters.unit(number) for unit, number in enumerate(numbers, start=1)}
        await self._stack.enter_async_context(PtyLine(path, lambda: Conversation(units, Rtu())))
        self.devices += [Device(number, "rtu", unit, path=str(path)) for unit, number in enumerate(numbers, start=1)]

    async def _serve_text(self, counters: Counters, number: int) -> None:
        path = self.log.with_name(f"ledger-text-{number}")
        replies = {TEXT_REQUEST: lambda: counters.line(number)}
        await self._stack.enter_async_context(PtyLine(path, lambda: TextInstrument(replies)))
        self.devices.append(Device(number, "text", path=str(path)))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()


class LedgerProcess:
    """The same as a process of its own, which no kill of the agent reaches; `arguments` as on its command line."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self.log = log
        self.devices: list[Device] = []
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """Of the process in which the instruments live."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.simulators.ledger", "--log", str(self.log), *self._arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self._process.stdout is not None
        described, ready = self._process.stdout.readline(), self._process.stdout.readline()
        if ready.strip() != READY:
            self.__exit__(None, None, None)
            raise RuntimeError(f"the ledger did not start: {described}{ready}")
        self.devices = [Device(**one) for one in json.loads(described)["devices"]]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=10)
            self._process = None


async def serve(options: argparse.Namespace) -> None:
    """Serve until terminated."""
    async with Ledger(
        options.log,
        devices=options.devices,
        registers=options.registers,
        one_port=options.one_port,
        rtu_devices=options.rtu_devices,
        text_devices=options.text_devices,
    ) as ledger:
        print(json.dumps({"devices": [asdict(device) for device in ledger.devices]}), flush=True)
        print(READY, flush=True)
        await until_terminated()


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="instruments that number their answers")
    parser.add_argument("--log", type=Path, required=True, help="where every serial is written down")
    parser.add_argument("--devices", type=int, default=1, help="how many on Modbus TCP")
    parser.add_argument("--registers", type=int, default=40, help="per device")
    parser.add_argument("--one-port", action="store_true", help="all TCP devices as units of one port")
    parser.add_argument("--rtu-devices", type=int, default=0, help="more, on one RTU line beside the log")
    parser.add_argument("--text-devices", type=int, default=0, help="more, each on a text line beside the log")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    asyncio.run(serve(options_of()))
