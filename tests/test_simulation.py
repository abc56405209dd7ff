"""What simulated instruments are made of: encodings against printed bytes, forms, movement, and the words of faults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import get_args

import pytest

from agent.simulation import checks
from agent.simulation.faults import FaultError
from agent.simulation.fields import written
from agent.simulation.instrument import BIT_TABLES, faults_of
from agent.simulation.modbus_framing import Ascii
from agent.simulation.movement import Weather
from agent.simulation.registers import encode, plain
from agent.simulation.values import Shown, Values
from drivers.catalog import load_profile, profile_names
from drivers.profile import Channel, Checksum

MODBUS = [name for name in profile_names() if load_profile(name).protocol.startswith("modbus")]


@pytest.mark.parametrize("name", MODBUS)
def test_the_printed_registers_come_out_of_the_printed_readings(name: str) -> None:
    """The encoding is held against the manuals' examples, not against our decoder."""
    profile = load_profile(name)
    compared = 0
    for example in profile.examples:
        for channel in (profile.channel(one) for one in example.readings):
            table = channel.table or profile.modbus.table
            printed = {int(at): word for at, word in getattr(example, table).items()}
            places = range(channel.start or 0, (channel.start or 0) + channel.registers)
            if channel.bit is None and (table in BIT_TABLES or all(at in printed for at in places)):
                value = shown_as(channel, example.readings[channel.name])
                encoded = encode(channel, value, profile.modbus.order, in_bits=table in BIT_TABLES)
                if list(encoded.words) != [printed.get(at, 0) for at in places]:
                    assert channel.type == "string", (channel.name, encoded)
                compared += 1
    assert compared


def shown_as(channel: Channel, reading: int | Decimal | str | bool) -> Shown:
    """A reading of an example in the words of the simulation: a state by its key, a clock as a time."""
    if channel.states:
        return next(key for key, flag in channel.states.items() if flag.name == reading)
    if channel.type == "time":
        return datetime.fromisoformat(str(reading))
    if channel.type in ("bits", "string") or isinstance(reading, bool):
        return reading
    return Decimal(str(reading))


@pytest.mark.parametrize(
    ("kind", "text", "framed"),
    [
        ("bayern-hessen", b"DA", b"\x02DA\x0304"),
        ("bayern-hessen", b"ST001 N", b"\x02ST001 N\x0359"),
        ("nmea-xor", b"$WIMWV,214.8,R,0.1,M,A", b"$WIMWV,214.8,R,0.1,M,A*2E"),
        ("vaisala-crc", b"0r1", b"0r1Goe"),
        ("adam-sum", b"#01", b"#0184"),
    ],
)
def test_requests_are_framed_as_makers_print_them(kind: Checksum, text: bytes, framed: bytes) -> None:
    """Vectors that makers print, so that this side cannot share a mistake with the other."""
    assert checks.request(kind, text) == framed


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("gill-xor", b"\x02Q,229,002.74,M,00,\x0316"),
        ("palas-xor", b"<sendVal 60=1373.361084;61=0.083834;62=0.116399>7C"),
        ("vaisala-crc", b"0r1,Sn=0.1M,Sm=0.1M,Sx=0.1MGOG"),
        ("clink-sum", b"o3 32.4 ppb\nsum 02eb"),
        ("clink-sum-if-any", b"o3 32.4 ppb"),
        ("none", b"anything"),
    ],
)
def test_printed_replies_keep_their_checks(kind: Checksum, line: bytes) -> None:
    """A template whose text was not changed comes out as it was printed."""
    begin, end = checks.place(kind, line)

    assert checks.renewed(kind, line) == line
    assert line[begin:end]


def test_an_ascii_frame_has_the_printed_check_and_a_damaged_one_is_none() -> None:
    """The check is the two's complement of the sum (Modbus over serial line 1.02, 2.5.2.2)."""
    framing = Ascii()
    request, rest = framing.split(b":010300000002FA\r\n:01") or (b"", b"")

    assert (framing.unwrap(request), rest) == ((1, bytes.fromhex("03 0000 0002")), b":01")
    assert framing.wrap(request, bytes.fromhex("03 0000 0002")) == b":010300000002FA\r\n"
    with pytest.raises(ValueError, match="bad LRC"):
        framing.split(b":010300000002FB\r\n")


def test_every_checksum_of_the_profiles_is_known_here_too() -> None:
    """A new one in the profiles would leave its instruments without a simulation."""
    assert set(get_args(Checksum)) == {"none", *checks.FORMS}


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("0.084", "0.0913", "0.091"),
        ("031", "7.4", "007"),
        ("+7.2111", "3.5", "+3.5000"),
        ("+7.2111", "-12", "-9.9999"),
        ("1.230000e+02", "45.6", "4.560000e+01"),
        ("5057E-1", "45.63", "456E-1"),
        (".5", "0.25", ".2"),
        ("98425", "98400.4", "98400"),
        ("-0.003", "-0.0001", "0.000"),
    ],
)
def test_a_number_is_written_in_the_form_of_the_printed_one(old: str, value: str, new: str) -> None:
    """A field of fixed width that grows would move all that follow it."""
    channel = Channel(name="x", unit="1", field=0)

    assert written(channel, old, Decimal(value)) == (new, plain(Decimal(new)))


def test_values_move_inside_what_is_normal_and_the_same_seed_moves_them_alike() -> None:
    """An alarm that nobody switched on would teach the wrong lesson, and a lesson has to be repeatable."""
    profile = load_profile("sms-8910")
    values, same_again, others = (Values(profile, Weather(seed), faults_of(profile, 1)) for seed in (1, 1, 2))
    instants = [datetime(2026, 11, 22, tzinfo=UTC) + timedelta(minutes=7 * n) for n in range(100)]
    course = [values.at(now) for now in instants]

    assert course == [same_again.at(now) for now in instants]
    assert course != [others.at(now) for now in instants]
    for channel in profile.channels:
        shown = [one[channel.name] for one in course]
        if channel.normal:
            assert all(channel.normal[0] <= float(str(value)) <= channel.normal[1] for value in shown), channel.name
    assert len({one["temperature"] for one in course}) > 30


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("spann on", "did you mean span"),
        ("late soon", "no time such as"),
        ("exception 99", "no exception code"),
        ("alarm pmt_warnin", "did you mean"),
        ("zero 3", "takes no value"),
        ("late 1s 2s", "is too much"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_what_can(line: str, why: str) -> None:
    """A trainer types in front of people."""
    faults = faults_of(load_profile("teledyne-t100"), 1)

    with pytest.raises(FaultError, match=why):
        faults.tell(line)
    assert faults.on == []


def test_faults_are_switched_one_by_one_and_all_off() -> None:
    """The words on the screen are the words that switch."""
    faults = faults_of(load_profile("teledyne-t100"), 1)
    for line in ("late 500ms", "alarm uv_lamp_warning", "alarm hvps_warning on", "span", "zero on"):
        faults.tell(line)
    assert faults.on == ["zero", "late 0.5s", "alarm hvps_warning, alarm uv_lamp_warning"]
    faults.tell("alarm hvps_warning off")
    assert faults.alarm == {"uv_lamp_warning"}

    assert faults.tell("all off") == "no fault is on"
    assert "span" in faults.tell("help")
