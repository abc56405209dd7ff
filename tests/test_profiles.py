"""The profiles that ship: each worked example through a real server or pseudo-terminal, and what can be checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.api import Device, Link
from drivers.catalog import load_profile, make_driver, profile_names
from drivers.conditions import qualities
from drivers.profile import Channel, Example, Exchange, Flag, Profile
from drivers.reading import Quality, Reading, Stream
from drivers.units import UNITS
from tests.simulators.modbus_server import ModbusLine, ModbusTcpServer, Unit
from tests.simulators.text_instrument import TextLine
from tests.simulators.udp_instrument import UdpInstrument

NAMES = profile_names()
PROFILES = {name: load_profile(name) for name in NAMES}
EXAMPLES = [
    pytest.param(profile, example, id=f"{name}-{number}")
    for name, profile in PROFILES.items()
    for number, example in enumerate(profile.examples, 1)
]
TABLES = {"holding": "holding", "input": "input", "coil": "coils", "discrete": "discrete"}
# HJ 212-2017 annex B and table B.10, and a05024 for ozone, which only public code has.
HJ_CODES = {
    *("a01001", "a01002", "a01006", "a01007", "a01008", "a05024"),
    *("a21002", "a21003", "a21004", "a21005", "a21026", "a34002", "a34004"),
    *("w01001", "w01009", "w01010", "w01018", "w01019", "w21001", "w21003", "w21011"),
    *("i13007", "i13008", "i33001", "i33101", "i33102", "i33103"),
}

GILL_WINDSONIC = r"""
model = "WindSonic"
maker = "Gill"
kind = "wind sensor"
manual = "Gill WindSonic user manual, pages 28, 34 and 54"
source = "that manual"
confidence = "manual"
protocol = "dialogue"
serial = "9600 8N1"

[dialogue]
checksum = "gill-xor"

[[dialogue.request]]  # no send: in its usual mode it talks by itself
name = "wind"
expect = 'Q,.*'
separator = ","

[[channel]]
name = "wind_direction"
unit = "deg"
request = "wind"
field = 1
range = [0.0, 360.0]

[[channel]]
name = "wind_speed"
unit = "m/s"
request = "wind"
pattern = 'Q,\d*,(?P<value>[\d.]+),M,'

[[channel]]
name = "state"
stream = "parameter"
group = "instrument"
request = "wind"
field = 4
[channel.states]
00 = { name = "ok" }
01 = { name = "axis_u", quality = "fault", alarm = true }
02 = { name = "axis_v", quality = "fault", alarm = true }
04 = { name = "both_axes", quality = "fault", alarm = true }

[[example]]
note = "as printed"
readings = { wind_direction = 229, wind_speed = 2.74, state = "ok" }
[[example.exchange]]
reply = "\u0002Q,229,002.74,M,00,\u000316"
"""


@asynccontextmanager
async def station(profile: Profile, example: Example, tmp_path: Path) -> AsyncIterator[str]:
    """The instrument of *example*; gives the URL of the link to it."""
    if profile.dialogue:
        replies = {sent(profile, one): ended(profile, one) for one in example.exchanges if one.send or one.send_hex}
        async with TextLine(replies, tmp_path / "unit") as line:
            spoken = [ended(profile, one) for one in example.exchanges if not one.send and not one.send_hex]
            async with line.saying(spoken or [b""], every_s=0.05):
                yield f"serial://{line.path}"
    elif not profile.protocol.startswith("modbus"):
        replies = {verbatim(one.send, one.send_hex): verbatim(one.reply, one.reply_hex) for one in example.exchanges}
        async with answering(profile, replies, tmp_path) as url:
            yield url
    elif profile.serial:
        async with ModbusLine({1: unit(profile, example)}, tmp_path / "unit") as line:
            yield f"serial://{line.path}"
    else:
        async with ModbusTcpServer({1: unit(profile, example)}) as server:
            yield f"tcp://127.0.0.1:{server.port}"


@asynccontextmanager
async def answering(profile: Profile, replies: dict[bytes, bytes], tmp_path: Path) -> AsyncIterator[str]:
    """An instrument that gives *replies*, in datagrams where that is how its protocol travels."""
    if profile.protocol == "horiba-ap370":
        async with UdpInstrument(replies) as instrument:
            yield f"udp://127.0.0.1:{instrument.port}"
    else:
        async with TextLine(replies, tmp_path / "unit") as line:
            yield f"serial://{line.path}"


def verbatim(text: str, in_hex: str) -> bytes:
    return text.encode("latin-1") + bytes.fromhex(in_hex)


def sent(profile: Profile, exchange: Exchange) -> bytes:
    """A request as it travels: an example prints it with its checksum and without its end."""
    assert profile.dialogue
    if exchange.send_hex:
        return bytes.fromhex(exchange.send_hex)
    end = profile.dialogue.request_terminator
    return (exchange.send + (profile.dialogue.terminator if end is None else end)).encode("latin-1")


def ended(profile: Profile, exchange: Exchange) -> bytes:
    """A reply as it travels: an example prints its lines without their ends, but whole in hex or with a trailer."""
    assert profile.dialogue
    if exchange.reply_hex:
        return bytes.fromhex(exchange.reply_hex)
    if profile.dialogue.trailer:
        return exchange.reply.encode("latin-1")
    return "".join(line + profile.dialogue.terminator for line in exchange.reply.split("\n")).encode("latin-1")


def unit(profile: Profile, example: Example) -> Unit:
    """Registers as the example prints them; what it leaves out is 0, unless an instrument may not have it."""
    tables: dict[str, dict[int, int]] = {name: {} for name in TABLES.values()}
    for channel in profile.channels:
        if not channel.optional and channel.start is not None:
            words = range(channel.start, channel.start + channel.registers)
            tables[TABLES[channel.table or profile.modbus.table]].update(dict.fromkeys(words, 0))
    for table, name in TABLES.items():
        tables[name].update({int(at): word for at, word in getattr(example, table).items()})
        for gap in range(max(tables[name], default=0)):
            if not optional_at(profile, table, gap):
                tables[name].setdefault(gap, 0)
    return Unit(**tables)


def optional_at(profile: Profile, table: str, register: int) -> bool:
    return any(
        channel.optional
        and (channel.table or profile.modbus.table) == table
        and channel.start is not None
        and channel.start <= register < channel.start + channel.registers
        for channel in profile.channels
    )


async def replay(profile: Profile, example: Example, tmp_path: Path) -> dict[str, Reading]:
    """What the driver reads of the example's channels, and of all states."""
    wanted = {*example.readings, *example.quality, *(one.name for one in profile.channels if one.decides)}
    address = 1 if profile.protocol.startswith("modbus") else example.address
    async with station(profile, example, tmp_path) as url:
        link = Link("rack", url, quiet_s=0.02)
        try:
            driver = make_driver(Device("unit", address, profile, timeout_s=0.5), link)
            return dict((await driver.poll(sorted(wanted))).readings)
        finally:
            await link.close()


@pytest.mark.parametrize(("profile", "example"), EXAMPLES)
async def test_every_example_is_read_as_printed(profile: Profile, example: Example, tmp_path: Path) -> None:
    """A register that is off by one, or a word order, shows here and not at a station."""
    readings = await replay(profile, example, tmp_path)

    assert {name: readings[name].value for name in example.readings} == plain(example)
    judged = qualities(profile, readings)
    expected = dict.fromkeys(example.readings, Quality.VALID) | example.quality
    assert {name: judged[name] for name in expected} == expected


def plain(example: Example) -> dict[str, object]:
    return {
        name: value if isinstance(value, str | bool | int) else float(value) for name, value in example.readings.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_shows_a_worked_example(name: str) -> None:
    """Without one nobody knows whether a register list is right."""
    profile = PROFILES[name]
    shown = {channel for example in profile.examples for channel in (*example.readings, *example.quality)}
    measured = {one.name for one in profile.channels if one.stream is Stream.MEASUREMENT and not one.optional}
    assert measured <= shown
    if any(channel.decides for channel in profile.channels):
        assert any(quality is not Quality.VALID for one in profile.examples for quality in one.quality.values())


@pytest.mark.parametrize("name", NAMES)
def test_no_expression_takes_noise_for_a_blank(name: str) -> None:
    r"""A disturbed minus can come as a tab, which \s takes for a blank: the number is then another one."""
    profile = PROFILES[name]
    expected = [one.expect or "" for one in profile.dialogue.requests] if profile.dialogue else []
    assert not [one for one in (*expected, *(channel.pattern or "" for channel in profile.channels)) if r"\s" in one]


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_says_where_its_facts_come_from(name: str) -> None:
    """Somebody will ask, in court perhaps."""
    profile = PROFILES[name]
    assert profile.manual
    assert profile.source
    assert profile.unverified or profile.confidence == "manual"


@pytest.mark.parametrize("name", NAMES)
def test_units_and_codes_are_known_ones(name: str) -> None:
    """A unit or a code that is nearly right is wrong at the other end."""
    for channel in PROFILES[name].channels:
        assert channel.unit is None or channel.unit in UNITS
        assert channel.hj is None or channel.hj in HJ_CODES, channel.name
        numeric = channel.type not in ("bits", "string", "time", "bool") and not channel.states
        assert channel.unit or not numeric or channel.stream is Stream.PARAMETER, channel.name


@pytest.mark.parametrize("name", [name for name in NAMES if PROFILES[name].protocol.startswith("modbus")])
def test_no_two_channels_share_a_register(name: str) -> None:
    """A row copied and not changed reads a pressure as a temperature."""
    profile = PROFILES[name]
    used: Counter[tuple[str, int]] = Counter()
    for channel in profile.channels:
        assert channel.start is not None, channel.name
        table = channel.table or profile.modbus.table
        used.update((table, channel.start + at) for at in range(channel.registers))
    assert [place for place, times in used.items() if times > 1] == []


@pytest.mark.parametrize("name", [name for name in NAMES if PROFILES[name].dialogue])
def test_every_request_of_a_dialogue_is_used(name: str) -> None:
    """A question that nobody needs costs time on the wire."""
    profile = PROFILES[name]
    assert profile.dialogue
    used = {profile.dialogue.request(channel.request).name for channel in profile.channels}
    assert used == {request.name for request in profile.dialogue.requests}


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_affected_or_covered_exists(name: str) -> None:
    """A target that does not exist leaves a bad value marked valid."""
    profile = PROFILES[name]
    names = {channel.name for channel in profile.channels}
    for channel in profile.channels:
        assert set(targets(channel)) <= names | {"line"}
        assert not channel.affects or channel.normal, f"{channel.name} affects others by no limit"
        covers_all = any(flag.quality and flag.covers is None for flag in flags(channel))
        assert not covers_all or any(one.stream is Stream.MEASUREMENT for one in profile.channels)
        for number in channel.bits:
            assert int(number) < (channel.count or 16), f"bit {number} of {channel.name} is not read"
        assert len({flag.name for flag in channel.bits.values()}) == len(channel.bits)


def flags(channel: Channel) -> tuple[Flag, ...]:
    return (*channel.bits.values(), *channel.states.values())


def targets(channel: Channel) -> Iterator[str]:
    yield from channel.affects
    for flag in flags(channel):
        yield from flag.covers or ()


@pytest.mark.parametrize("name", ["teledyne-t100", "teledyne-t200", "teledyne-t300", "teledyne-t400"])
def test_analyzers_in_calibration_deliver_nothing_as_valid(name: str) -> None:
    """Span gas delivered as ambient air is the classic false peak."""
    profile = PROFILES[name]
    status = profile.channel("status")
    by_name = {flag.name: (int(bit), flag) for bit, flag in status.bits.items()}
    for mode in ("zero_calibration", "span_calibration", "multipoint_calibration", "invalid_concentration"):
        bit, _ = by_name[mode]
        readings = {"status": Reading("status", 1 << bit)}
        readings |= {one.name: Reading(one.name, 1.0) for one in profile.channels if one.stream is Stream.MEASUREMENT}
        judged = qualities(profile, readings)
        assert Quality.VALID not in {judged[name] for name in readings if name != "status"}
    assert all(flag.recovery for _, flag in by_name.values() if str(flag.quality).endswith("_check"))
    assert by_name["system_ok"][1].quality is None


async def test_a_new_instrument_is_one_file_in_the_stations_folder(tmp_path: Path) -> None:
    """No Python, no release: a TOML file with its example, checked like those that ship."""
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "gill-windsonic.toml").write_text(GILL_WINDSONIC)
    profile = load_profile("gill-windsonic", [folder])

    readings = await replay(profile, profile.examples[0], tmp_path)

    assert "gill-windsonic" in profile_names([folder])
    assert {name: reading.value for name, reading in readings.items()} == plain(profile.examples[0])
