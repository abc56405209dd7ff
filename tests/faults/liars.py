"""Instruments, gateways and wires that fail, each in a way of its own, and get well again.

Every one of them numbers its answers and writes the numbers down before it
answers, so that a value shows which answer it came from: a wrong one, an old one
or one of somebody else is recognised for certain.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulators import misbehaviour as lies
from tests.simulators.bench import Bench
from tests.simulators.ledger import TEXT_REQUEST, Counters
from tests.simulators.modbus_server import ModbusLine, ModbusTcpServer, Rtu
from tests.simulators.pieces import Misbehave, Piece
from tests.simulators.text_instrument import TextLine

TIMEOUT_S = 0.2
QUIET_S = 0.05
REGISTERS = 6

Instrument = ModbusTcpServer | ModbusLine | TextLine


@dataclass
class Case:
    """One kind of fault, on one wire, with the devices that share it."""

    name: str
    wire: str  # "tcp", "gateway" (RTU frames over TCP), "rtu" or "text"
    lie: Callable[[], Misbehave] | None  # None: the line is unplugged instead
    units: int = 1
    numbers: list[int] = field(default_factory=list)  # of the devices, as the ledger knows them
    instrument: Instrument | None = None
    injected: int = 0

    @property
    def url(self) -> str:
        """Where the station finds it."""
        if isinstance(self.instrument, ModbusTcpServer):
            return f"tcp://127.0.0.1:{self.instrument.port}"
        assert self.instrument is not None
        return f"serial://{self.instrument.path}?baud=115200"

    @property
    def protocol(self) -> str:
        """As a device of the station names it."""
        return {"gateway": "modbus-rtu", "text": "dialogue"}.get(self.wire, "modbus")

    def begin(self) -> None:
        """Let the fault begin."""
        assert self.instrument is not None
        if self.lie is None:
            assert not isinstance(self.instrument, ModbusTcpServer)
            self.injected += 1
            self.instrument.unplug()
        else:
            self.instrument.misbehave = self._counted(self.lie())

    def end(self) -> None:
        """Let everything be well again."""
        assert self.instrument is not None
        if self.lie is None:
            assert not isinstance(self.instrument, ModbusTcpServer)
            self.instrument.plug()
        self.instrument.misbehave = None

    def _counted(self, lie: Misbehave) -> Misbehave:
        def told(request: bytes, honest: bytes) -> list[Piece] | None:
            self.injected += 1
            return lie(request, honest)

        return told


def put_up(case: Case, first: int, counters: Counters, bench: Bench, folder: Path) -> None:
    """Put the instruments of *case* to work as devices number *first* and on."""
    case.numbers = list(range(first, first + case.units))
    units = {unit: counters.unit(number) for unit, number in enumerate(case.numbers, start=1)}
    if case.wire == "tcp":
        case.instrument = bench.serve(ModbusTcpServer(units))
    elif case.wire == "gateway":
        case.instrument = bench.serve(ModbusTcpServer(units, framing=Rtu()))
    elif case.wire == "rtu":
        case.instrument = bench.serve(ModbusLine(units, folder / f"bus-{first}"))
    else:
        replies = {TEXT_REQUEST: lambda: counters.line(first)}
        case.instrument = bench.serve(TextLine(replies, folder / f"text-{first}"))


def now_and_then(lie: Misbehave, seed: int) -> Misbehave:
    """*lie* to two requests of three, at random: what follows on a good reply counts too."""
    chance = random.Random(seed)
    return lambda request, honest: (lie if chance.random() < 0.67 else lies.honestly)(request, honest)


def noisy_inside(_request: bytes, honest: bytes) -> list[Piece]:
    """Bytes of somebody else in the middle of the reply."""
    middle = len(honest) // 2
    return [(0, honest[:middle] + b"\xfe\x00\xa5" + honest[middle:])]


def over_long(_request: bytes, honest: bytes) -> list[Piece]:
    """A reply that does not end: a kilobyte more than it should have."""
    return [(0, honest + honest[-3:] * 350)]


def endless(_request: bytes, _honest: bytes) -> list[Piece]:
    """Letters without an end of line, as from a printer port."""
    return [(0.002, b"U" * 200)] * 20


def sometimes(lie: Misbehave) -> Callable[[], Misbehave]:
    """*lie* now and then, the same each time that it is told."""
    return lambda: now_and_then(lie, seed=7)


def one_unit(number: int, lie: Misbehave) -> Callable[[], Misbehave]:
    """*lie* of one unit of several."""
    return lambda: lies.for_unit(number, lie)


LATE = lies.late(TIMEOUT_S * 1.3)
CASES: Sequence[Case] = [
    Case("well", "tcp", sometimes(lies.honestly)),
    *[
        Case(f"{name} ({wire})", wire, tell)
        for name, tell, wires in (
            ("silent", sometimes(lies.silence), ("tcp", "rtu", "text")),
            ("late", sometimes(LATE), ("tcp", "gateway", "rtu", "text")),
            ("slow, byte by byte", sometimes(lies.byte_by_byte), ("tcp", "rtu", "text")),
            ("noise before", sometimes(lies.garbage_before), ("tcp", "rtu", "text")),
            ("noise inside", sometimes(noisy_inside), ("gateway", "rtu", "text")),  # MBAP leaves that to TCP
            ("noise after", sometimes(lies.garbage_after), ("tcp", "rtu", "text")),
            ("truncated", sometimes(lies.torn), ("tcp", "rtu", "text")),
            ("over-long", sometimes(over_long), ("tcp", "gateway", "rtu", "text")),
            ("endless", sometimes(endless), ("rtu", "text")),
            ("one register short", sometimes(lies.too_few_registers), ("tcp", "rtu")),
            ("wrong address", sometimes(lies.wrong_unit), ("tcp", "rtu")),
            ("wrong transaction", sometimes(lies.wrong_transaction), ("tcp",)),
            ("exception 2", sometimes(lies.exception(2)), ("tcp", "rtu")),
            ("exception 6", sometimes(lies.exception(6)), ("tcp", "rtu")),
            ("flipped bit", sometimes(lies.flipped_bit), ("gateway", "rtu")),
            ("the reply before", lies.one_behind, ("rtu",)),
            ("closes after each reply", sometimes(lies.close_after_reply), ("tcp", "gateway")),
            ("resets in the middle", sometimes(lies.reset_mid_reply), ("tcp", "gateway")),
            ("unplugged", None, ("rtu", "text")),
        )
        for wire in wires
    ],
    Case("one of three is dead (rtu)", "rtu", one_unit(2, lies.silence), units=3),
    Case("one of three is dead (tcp)", "tcp", one_unit(2, lies.silence), units=3),
    Case("one of three is late (rtu)", "rtu", one_unit(2, LATE), units=3),
]
