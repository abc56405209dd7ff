"""No reply, however malformed, becomes a wrong value, a traceback or a stuck link.

The first half mutates replies on a real wire, a few in a row, and then looks
whether the link still works. The second half gives every decoder, of every
profile that ships, what no instrument would send. Examples are drawn anew in
each run, and one that fails is printed and remembered.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.store.record import draft
from drivers.api import Channel, Device, Driver, DriverError, Link, Profile, Quality, Reading, Stream
from drivers.catalog import load_profile, make_driver, profile_names
from drivers.decode import decode
from drivers.lines import read
from drivers.plan import FUNCTIONS, span_of
from tests.faults.mutations import Mutation, mutations
from tests.simulators import misbehaviour
from tests.simulators.invented import ABOUT
from tests.simulators.ledger import derived
from tests.simulators.modbus_server import ModbusLine, ModbusTcpServer, Rtu, Unit
from tests.simulators.pieces import Piece
from tests.simulators.text_instrument import TextTcpServer

TIMEOUT_S = 0.01
QUIET_S = 0.004
TICK_S = 0.005
"""Between two polls: a second copy that comes within an exchange of the same question is beyond any check."""

PATIENCE = 200
"""Polls until a link that works must have given something: a busy machine answers later than TIMEOUT_S."""

REGISTERS = 6
EXAMPLES = 15
SOAKED = int(os.environ.get("FUZZ") or 500)
WIRES = ("tcp", "gateway", "rtu", "text")
PLACES = {"serial": 1} | {f"r{register}": register for register in range(2, REGISTERS)}


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Waits as short as the time-outs here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drivers.link.FIRST_RETRY_S", 0.005)
        patch.setattr("drivers.link.LAST_RETRY_S", dict.fromkeys(("serial", "tcp", "udp", "tls"), 0.01))
        patch.setattr("drivers.question.SETTLE_S", 0.005)
        yield


@dataclass
class Source:
    """An instrument that numbers its answers, and knows the last number."""

    serial: int = 0
    values: dict[str, int] = field(default_factory=dict)

    def next(self) -> dict[str, int]:
        """What the next answer says."""
        self.serial += 1
        rest = {name: derived(1, self.serial, at) for name, at in PLACES.items() if at > 1}
        self.values = {"serial": self.serial, **rest}
        return self.values

    def unit(self) -> Unit:
        """As Modbus registers: serial in two, then the rest."""

        def number(unit: Unit, _function: int, address: int, _count: int) -> None:
            if address == 0:
                serial, *rest = self.next().values()
                unit.holding.update(enumerate([serial >> 16, serial & 0xFFFF, *rest]))

        return Unit(holding=dict.fromkeys(range(REGISTERS), 0), on_read=number)

    def line(self) -> bytes:
        """As a line of text with a checksum of sixteen bits."""
        text = ",".join(["1", *map(str, self.next().values())]).encode()
        return text + crc(text) + b"\r\n"


def crc(text: bytes) -> bytes:
    """The CRC of SDI-12 and of Vaisala's messages: polynomial A001 from 0, as three characters of six bits."""
    value = 0
    for byte in text:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return bytes(0x40 | value >> shift & 0x3F for shift in (12, 6, 0))


def numbered(wire: str) -> Profile:
    """The instrument as a profile."""
    if wire == "text":
        request = {"name": "all", "send": "Q", "expect": rf"1(,\d+){{{REGISTERS - 1}}}", "separator": ","}
        words: dict[str, Any] = {
            "protocol": "dialogue",
            "dialogue": {"request": [request], "checksum": "vaisala-crc"},
            "channel": [{"name": name, "field": at} for name, at in PLACES.items()],
        }
    else:
        serial = {"name": "serial", "register": 0, "type": "uint32"}
        rest = [{"name": name, "register": at} for name, at in PLACES.items() if at > 1]
        words = {"protocol": "modbus-rtu" if wire == "gateway" else "modbus", "channel": [serial, *rest]}
    return Profile.model_validate({**ABOUT, "model": "numbered", **words})


async def lived_through(wire: str, told: list[Mutation]) -> None:
    """Answer as *told*, then honestly; AssertionError for a value that was not served last, and for a stuck link."""
    source = Source()
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        if wire == "rtu":
            server: Any = ModbusLine({1: source.unit()}, Path(folder) / "tty")
        elif wire == "text":
            server = TextTcpServer({b"Q" + crc(b"Q") + b"\r\n": source.line})
        else:
            server = ModbusTcpServer({1: source.unit()}, framing=Rtu() if wire == "gateway" else None)
        await stack.enter_async_context(server)
        url = f"serial://{server.path}?baud=115200" if wire == "rtu" else f"tcp://127.0.0.1:{server.port}"
        link = Link("wire", url, quiet_s=QUIET_S)
        stack.push_async_callback(link.close)
        driver = make_driver(Device("d1", 1, numbered(wire), timeout_s=TIMEOUT_S), link)
        server.misbehave = misbehaviour.in_turn(*told)
        for _ in told:
            await right_or_nothing(driver, source)
            await asyncio.sleep(TICK_S)
        server.misbehave = None
        for _ in range(PATIENCE):
            if await right_or_nothing(driver, source):
                return
            await asyncio.sleep(TICK_S)
        pytest.fail("the link gives nothing any more")


async def right_or_nothing(driver: Driver, source: Source) -> bool:
    """Poll once; whether all values came. Those that did must be of the last answer."""
    try:
        scan = await driver.poll(list(PLACES))
    except DriverError:
        return False
    found = {name: reading.value for name, reading in scan.readings.items() if reading.value is not None}
    assert found == {name: source.values[name] for name in found}
    return len(found) == len(PLACES)


@pytest.mark.parametrize("wire", WIRES)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=st.lists(mutations, min_size=1, max_size=5))
def test_a_link_outlives_whatever_it_is_told(wire: str, told: list[Mutation]) -> None:
    """What counts is not the one bad frame but what it leaves behind: in the buffer, in the count, on the wire."""
    asyncio.run(lived_through(wire, told))


@pytest.mark.soak
@pytest.mark.parametrize("wire", WIRES)
@settings(max_examples=SOAKED, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=st.lists(mutations, min_size=1, max_size=30))
def test_a_link_outlives_thousands_of_bad_answers(wire: str, told: list[Mutation]) -> None:
    """The same for long; FUZZ=… says how many conversations."""
    asyncio.run(lived_through(wire, told))


SHIPPED = {name: load_profile(name) for name in profile_names()}
REGISTER_BOUND = [name for name, one in SHIPPED.items() if one.protocol.startswith("modbus")]
TALKATIVE = [name for name, one in SHIPPED.items() if one.dialogue]
WORDS = st.one_of(st.integers(0, 0xFFFF), st.sampled_from([0, 1, 0x7FC0, 0x7F80, 0xFF80, 0x8000, 0xFFFF, 0x9999]))
NOW = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)


def storable(readings: list[Reading]) -> None:
    """AssertionError, or what the log would raise, for a reading that cannot be kept or contradicts itself."""
    values = {reading.channel: reading.value for reading in readings}
    assert draft(Stream.MEASUREMENT, NOW, {"device": "d1", "values": values}).body(1)
    for reading in readings:
        assert reading.value is not None or reading.quality in (Quality.NO_VALUE, Quality.NOT_FITTED), reading
        assert isinstance(reading.value, int | float | str | bool | None), reading


def registers_of(profile: Profile, channel: Channel) -> tuple[int, bool]:
    """How many registers or bits *channel* takes, and whether they are bits."""
    span = span_of(channel, profile.modbus)
    return span.count, span.function in (FUNCTIONS["coil"], FUNCTIONS["discrete"])


@pytest.mark.parametrize("name", REGISTER_BOUND)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_registers_are_decoded_or_refused(name: str, data: st.DataObject) -> None:
    """A register map is right for one firmware; what another one puts there must not end the daemon."""
    profile, readings = SHIPPED[name], []
    words = data.draw(st.lists(WORDS, min_size=130, max_size=130))
    for channel in profile.channels:
        count, bits = registers_of(profile, channel)
        raw = [word & 1 for word in words[:count]] if bits else (words * 2)[channel.start or 0 :][:count]
        readings.append(decode(channel, (raw + words)[:count], order=profile.modbus.order, bits=bits, now=NOW))

    storable(readings)


@pytest.mark.parametrize("name", TALKATIVE)
@settings(max_examples=15, deadline=None)
@given(mutation=mutations, garbage=st.text(max_size=60))
def test_any_text_is_read_or_refused(name: str, mutation: Mutation, garbage: str) -> None:
    """Lines come torn, merged and from other instruments; the words of a profile meet all of them."""
    profile = SHIPPED[name]
    replies = [one.reply for example in profile.examples for one in example.exchanges] or ["?"]
    for text in [garbage, *(_mutated(reply, mutation) for reply in replies[:3])]:
        storable([read(channel, text, ",", timezone=UTC, now=NOW) for channel in profile.channels])


def _mutated(reply: str, mutation: Mutation) -> str:
    pieces: list[Piece] = mutation(b"?\r", reply.encode("utf-8") or b"?")
    return b"".join(piece for _, piece in pieces if isinstance(piece, bytes)).decode("latin-1")
