"""Whatever a Modbus instrument, gateway or wire does wrong, none of it becomes a value.

The instrument hands out a mark for each register, so that a value shows where it was
read, and a serial number for each read, so that it shows when.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drivers.link
import drivers.question
from drivers.api import BadReplyError, Device, DriverError, Link, LinkDownError, NoReplyError, Profile
from drivers.catalog import make_driver
from drivers.modbus_frames import FRAMINGS, Request
from drivers.plan import Span
from drivers.question import Foreign, Garbage
from tests.simulators import misbehaviour as lies
from tests.simulators.invented import ABOUT
from tests.simulators.modbus_server import Misbehave, ModbusLine, ModbusTcpServer, Rtu, Unit

PLACES = {"a": 0, "b": 50, "c": 100}
TIMEOUT_S = 0.04
CHANNELS = [
    {"name": f"{place}{number}", "unit": "1", "table": "input", "register": start + number}
    for place, start in PLACES.items()
    for number in range(2 if place == "c" else 3)
]


def profile(protocol: str) -> Profile:
    return Profile.model_validate({**ABOUT, "protocol": protocol, "channel": CHANNELS})


def number_reads(unit: Unit, _function: int, _address: int, _count: int) -> None:
    """Registers 0 and 2 of each place are its mark, register 1 says which read this is."""
    for start in PLACES.values():
        unit.input[start + 1] = unit.reads


@dataclass
class Witness:
    """A driver, the instrument that lies to it, and the truth."""

    server: ModbusTcpServer | ModbusLine
    unit: Unit
    link: Link
    protocol: str
    errors: list[DriverError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.profile = profile(self.protocol)
        self.driver = make_driver(Device("so2", 1, self.profile, timeout_s=TIMEOUT_S), self.link)

    async def poll(self) -> int:
        """Poll once; returns how many values came, all of which were read in this poll where they say."""
        served_before = self.unit.reads
        try:
            scan = await self.driver.poll([channel.name for channel in self.profile.channels])
        except DriverError as error:
            self.errors.append(error)
            return 0
        values = {name: reading.value for name, reading in scan.readings.items() if reading.value is not None}
        for name, value in values.items():
            if name.endswith("1"):
                assert isinstance(value, int)
                assert value > served_before, f"{name} comes from an earlier poll"
            else:
                assert value == 1000 + PLACES[name[0]] + int(name[1]), f"{name} was read elsewhere"
        assert len(scan.readings) == len(self.profile.channels)
        return len(values)

    async def until_right(self, polls: int = 10) -> None:
        """Everything is read again, after a few polls at most."""
        for _ in range(polls):
            if await self.poll() == len(self.profile.channels):
                return
            await asyncio.sleep(0.02)
        pytest.fail(f"nothing right within {polls} polls: {self.errors[-1]}")


@pytest.fixture
async def witness(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Witness]:
    """MBAP over TCP, RTU over a serial line, or RTU through a transparent gateway.

    The quiet time is far too short to catch a late reply: what catches it must be something better.
    """
    monkeypatch.setattr(drivers.link, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(drivers.question, "SETTLE_S", 0.03)
    registers = {start + number: 1000 + start + number for start in PLACES.values() for number in range(3)}
    unit = Unit(input=registers, on_read=number_reads)
    async with AsyncExitStack() as stack:
        if request.param == "rtu":
            line = await stack.enter_async_context(ModbusLine({1: unit}, tmp_path / "tty"))
            link, server = Link("rack", f"serial://{line.path}?baud=115200", quiet_s=0.01), line
        else:
            framing = Rtu() if request.param == "gateway" else None
            server = await stack.enter_async_context(ModbusTcpServer({1: unit}, framing=framing))
            link = Link("rack", f"tcp://127.0.0.1:{server.port}", quiet_s=0.01)
        stack.push_async_callback(link.close)
        yield Witness(server, unit, link, "modbus-rtu" if request.param == "gateway" else "modbus")


def second_copy_meets_the_next_request() -> Misbehave:
    """Each reply comes a second time just before the next one, as from a gateway that asked twice."""
    last = [b""]

    def twice(_request: bytes, honest: bytes) -> list[lies.Piece]:
        pieces: list[lies.Piece] = [(0, last[0]), (0.002, honest)]
        last[0] = honest
        return pieces

    return twice


ON_ALL_WIRES: dict[str, Callable[[], Misbehave]] = {
    "silence": lambda: lies.silence,
    "late, meets the next request": lambda: lies.late(TIMEOUT_S * 1.2),
    "late by two requests": lambda: lies.late(TIMEOUT_S * 2.5),
    "one behind": lies.one_behind,
    "wrong function": lambda: lies.wrong_function,
    "unknown function": lambda: lies.unknown_function,
    "wrong unit": lambda: lies.wrong_unit,
    "too few registers": lambda: lies.too_few_registers,
    "too many registers": lambda: lies.too_many_registers,
    "no registers": lambda: lies.no_registers,
    "lying byte count": lambda: lies.lying_byte_count,
    "odd byte count": lambda: lies.odd_byte_count,
    "exception to another function": lambda: lies.exception_to_another_function,
    "garbage before": lambda: lies.garbage_before,
    "garbage after": lambda: lies.garbage_after,
    "stub before": lambda: lies.stub_before,
    "echo before": lambda: lies.echo_before,
    "echo only": lambda: lies.echo_only,
    "duplicate": lambda: lies.duplicate,
    "second copy meets the next request": second_copy_meets_the_next_request,
    "byte by byte": lambda: lies.byte_by_byte,
    "torn": lambda: lies.torn,
}
ON_NETWORKS: dict[str, Callable[[], Misbehave]] = {
    "close without reply": lambda: lies.close_without_reply,
    "close after reply": lambda: lies.close_after_reply,
    "close mid reply": lambda: lies.close_mid_reply,
    "reset": lambda: lies.reset,
    "reset mid reply": lambda: lies.reset_mid_reply,
}
WITH_TRANSACTIONS: dict[str, Callable[[], Misbehave]] = {
    "transaction 0": lambda: lies.transaction_zero,
    "stale under transaction 0": lies.stale_with_transaction_zero,
    "wrong transaction": lambda: lies.wrong_transaction,
    "foreign protocol": lambda: lies.foreign_protocol,
    "wrong length": lambda: lies.wrong_length,
}
WITH_CHECKSUM: dict[str, Callable[[], Misbehave]] = {
    "bad CRC": lambda: lies.bad_crc,
    "flipped bit": lambda: lies.flipped_bit,
}
LIES = {
    "tcp": ON_ALL_WIRES | ON_NETWORKS | WITH_TRANSACTIONS,
    "rtu": ON_ALL_WIRES | WITH_CHECKSUM,
    "gateway": ON_ALL_WIRES | ON_NETWORKS | WITH_CHECKSUM,
}


@pytest.mark.parametrize(
    ("witness", "wire", "lie"), [(wire, wire, lie) for wire, told in LIES.items() for lie in told], indirect=["witness"]
)
async def test_no_lie_becomes_a_value(witness: Witness, wire: str, lie: str) -> None:
    """A plausible number from another register or another time is worse than none: nobody will ever notice it."""
    tell = LIES[wire][lie]
    await witness.until_right()

    witness.server.misbehave = tell()
    for _ in range(2):
        await witness.poll()
    witness.server.misbehave = lies.in_turn(tell(), lies.honestly, tell())
    for _ in range(2):
        await witness.poll()

    witness.server.misbehave = None
    await witness.until_right()


VERDICTS: list[tuple[str, Misbehave, type[DriverError], str]] = [
    ("tcp", lies.silence, NoReplyError, "no reply within 0.04 s"),
    ("rtu", lies.silence, NoReplyError, "no reply within 0.04"),
    ("tcp", lies.transaction_zero, BadReplyError, "transaction 0 instead of"),
    ("tcp", lies.wrong_transaction, BadReplyError, "instead of"),
    ("tcp", lies.wrong_function, BadReplyError, "function 3 instead of 4"),
    ("tcp", lies.wrong_unit, BadReplyError, "unit 2 instead of 1"),
    ("tcp", lies.too_few_registers, BadReplyError, "4 bytes of data instead of 6"),
    ("tcp", lies.too_many_registers, BadReplyError, "12 bytes of data instead of 6"),
    ("tcp", lies.lying_byte_count, BadReplyError, "a byte count that does not fit: 04 04 00"),
    ("tcp", lies.foreign_protocol, BadReplyError, "not Modbus"),
    ("tcp", lies.wrong_length, BadReplyError, "no whole reply"),
    ("tcp", lies.torn, BadReplyError, "no whole reply"),
    ("tcp", lies.close_without_reply, LinkDownError, "closed the connection"),
    ("tcp", lies.reset, LinkDownError, "reset"),
    ("rtu", lies.wrong_function, BadReplyError, "function 3 instead of 4"),
    ("rtu", lies.wrong_unit, BadReplyError, "unit 2 instead of 1"),
    ("rtu", lies.too_few_registers, BadReplyError, "bytes of data instead of 6"),
    ("rtu", lies.bad_crc, BadReplyError, "no frame with a right CRC"),
    ("rtu", lies.echo_only, BadReplyError, "an echo"),
    ("rtu", lies.torn, BadReplyError, "no whole reply"),
]


@pytest.mark.parametrize(("wire", "lie", "error", "words"), VERDICTS)
async def test_the_error_says_what_came_instead(
    tmp_path: Path, wire: str, lie: Misbehave, error: type[DriverError], words: str
) -> None:
    """A technician who reads "no reply" looks at the cable; one who reads "unit 2" looks at the address."""
    unit = Unit(input={start + number: 7 for start in PLACES.values() for number in range(3)})
    async with AsyncExitStack() as stack:
        if wire == "rtu":
            line = await stack.enter_async_context(ModbusLine({1: unit}, tmp_path / "tty", misbehave=lie))
            link = Link("rack", f"serial://{line.path}?baud=115200")
        else:
            server = await stack.enter_async_context(ModbusTcpServer({1: unit}, misbehave=lie))
            link = Link("rack", f"tcp://127.0.0.1:{server.port}")
        stack.push_async_callback(link.close)
        timeout_s = TIMEOUT_S if lie is lies.silence else 0.25
        driver = make_driver(Device("so2", 1, profile("modbus"), timeout_s=timeout_s), link)

        with pytest.raises(error, match=words) as raised:
            await driver.poll(["a0", "a1", "a2"])

    assert "so2" in str(raised.value) or "rack" in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize("witness", ["tcp", "rtu", "gateway"], indirect=True)
async def test_a_reply_after_the_time_out_is_counted_as_late(witness: Witness) -> None:
    """A time-out that is set too short shows as late replies, and only then can it be told from a broken cable."""
    witness.driver.device = Device("so2", 1, witness.profile, timeout_s=0.3)
    witness.server.misbehave = lies.in_turn(lies.late(0.4))
    await witness.poll()
    await asyncio.sleep(0.2)
    await witness.until_right()

    counters = witness.link.counters["so2"]
    assert (counters.timeouts, counters.late) == (1, 1)


NOISE = st.one_of(
    st.binary(max_size=40),
    st.lists(st.sampled_from([b"\1", b"\4", b"\6", b"\x84", b"\0", b":", b"\r\n", b"0104", b"\0\0\0\x09"])).map(
        b"".join
    ),
)


def searched(request: Request, buffer: bytearray) -> bytes | None:
    """What the finder finds in *buffer* once everything foreign is cut off; None when it waits or gives up."""
    while buffer:
        try:
            found = request.find(buffer)
        except Foreign as foreign:
            assert foreign.used > 0  # noqa: PT017 - how a finder says what is not for it
            del buffer[: foreign.used]
        except Garbage:
            return None
        else:
            return found.frame if found else None
    return None


@given(framing=st.sampled_from(sorted(FRAMINGS)), pieces=st.lists(NOISE, max_size=6))
@settings(max_examples=200, deadline=None)
def test_no_noise_makes_a_value_or_a_traceback(framing: str, pieces: list[bytes]) -> None:
    """Broken wires send everything; a finder waits, cuts off or gives up, and never loops."""
    request = FRAMINGS[framing].ask(1, Span(4, 0, 3))
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        assert searched(request, buffer) is None


@given(framing=st.sampled_from(["rtu", "ascii"]), noise=st.binary(max_size=30), data=st.binary(min_size=6, max_size=6))
@settings(deadline=None)
def test_the_reply_is_found_behind_noise(framing: str, noise: bytes, data: bytes) -> None:
    """The first bytes after a pause on RS-485 are often noise, and the reply behind them is still good."""
    frames = FRAMINGS[framing]
    reply = b"\4\6" + data
    buffer = bytearray(noise + frames.framer.encode(reply, 1, 0))

    assert searched(frames.ask(1, Span(4, 0, 3)), buffer) == reply
