"""Binary replies that were damaged on their way: the same reading or none, whatever the damage."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.api import (
    BadReplyError,
    Device,
    Foreign,
    Garbage,
    Inquiry,
    InquiryDriver,
    Link,
    NoReplyError,
    Reading,
)
from drivers.catalog import PROTOCOLS, load_profile, make_driver, profile_names
from drivers.frames import LONGEST, Span, first_frame
from drivers.link import Found
from drivers.profile import Example, Profile
from tests.simulators.aeroqual_monitor import AeroqualMonitor
from tests.simulators.ap370_analyzer import Ap370Analyzer
from tests.simulators.driven import Instrument, driven
from tests.simulators.serinus_analyzer import SerinusAnalyzer
from tests.simulators.shdlc_meter import ShdlcMeter
from tests.simulators.umb_station import UmbStation

TEXT = ("dialogue", "sdi12")  # disturbed in ways of their own
EXAMPLES = [
    (profile, example)
    for profile in map(load_profile, profile_names())
    if issubclass(PROTOCOLS.get(profile.protocol, object), InquiryDriver) and profile.protocol not in TEXT
    for example in profile.examples
]
INSTRUMENTS: dict[str, Instrument] = {
    "acoem-serinus-10-advanced": SerinusAnalyzer(1, {50: 0.0325}),
    "aeroqual-aqm60": AeroqualMonitor(1, {0x30: (0.032, 0)}),
    "horiba-apoa-370": Ap370Analyzer(5, {"R001": "00,1,01103 32.5"}),
    "lufft-ws-umb": UmbStation(0x7001, {100: (0, 0x16, bytes.fromhex("0000b441"))}),
    "sensirion-sfc5000": ShdlcMeter(0, {0: 0.5}),
}


def exchanges(profile: Profile, example: Example) -> list[tuple[InquiryDriver, Inquiry, bytes]]:
    """The questions of *example* with their printed replies."""
    kind = "udp://192.0.2.1:53700" if profile.protocol == "horiba-ap370" else "serial:///dev/x"
    driver = make_driver(Device("unit", example.address, profile), Link("rack", kind))
    assert isinstance(driver, InquiryDriver)
    wanted = {*example.readings, *example.quality}
    asked = driver.inquiries([one for one in profile.channels if one.name in wanted])
    replies = {bytes.fromhex(one.send_hex): bytes.fromhex(one.reply_hex) for one in example.exchanges}
    return [(driver, one, replies[one.sent]) for one in asked if one.sent in replies]


CASES = [case for profile, example in EXAMPLES for case in exchanges(profile, example)]


def read(driver: InquiryDriver, inquiry: Inquiry, data: bytes) -> list[Reading] | None:
    """What the driver makes of *data*; None for nothing."""
    buffer = bytearray(data)
    while buffer:
        try:
            found = inquiry.find(buffer)
        except Foreign as foreign:
            del buffer[: foreign.used]
            continue
        except Garbage:
            return None
        return list(driver.read(inquiry, found.frame)) if isinstance(found, Found) else None
    return None


def test_every_binary_protocol_is_here() -> None:
    """A new one brings its examples, and they are damaged too."""
    ours = {name for name, one in PROTOCOLS.items() if issubclass(one, InquiryDriver)} - set(TEXT)
    assert {driver.device.profile.protocol for driver, _, _ in CASES} == ours
    assert {load_profile(name).protocol for name in INSTRUMENTS} == ours


@st.composite
def damaged(draw: st.DrawFn) -> tuple[InquiryDriver, Inquiry, bytes, bytes]:
    """A case, and its reply with one byte changed, bytes lost at either end, noise before it, or twice."""
    driver, inquiry, reply = draw(st.sampled_from(CASES))
    place = draw(st.integers(0, len(reply) - 1))
    kind = draw(st.sampled_from(["change", "head", "tail", "lose", "noise", "twice", "cut and whole"]))
    noise = draw(st.binary(max_size=8))
    data = {
        "change": reply[:place] + bytes([reply[place] ^ draw(st.integers(1, 255))]) + reply[place + 1 :],
        "head": reply[place:],
        "tail": reply[:place],
        "lose": reply[:place] + reply[place + 1 :],
        "noise": noise + reply,
        "twice": reply + reply,
        "cut and whole": reply[:place] + reply,
    }[kind]
    return driver, inquiry, reply, data


@settings(max_examples=600, deadline=None)
@given(damaged())
def test_a_damaged_reply_gives_the_same_reading_or_none(case: tuple[InquiryDriver, Inquiry, bytes, bytes]) -> None:
    """A checksum of eight bits finds every single damage; nothing here may pass it by the way it looks for frames."""
    driver, inquiry, reply, data = case

    assert read(driver, inquiry, data) in (None, read(driver, inquiry, reply))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CASES), st.binary(max_size=40))
def test_noise_is_never_a_reading(case: tuple[InquiryDriver, Inquiry, bytes], noise: bytes) -> None:
    """Whatever comes: no traceback, no value."""
    driver, inquiry, _ = case

    assert read(driver, inquiry, noise) is None


@given(st.sampled_from(CASES), st.data())
def test_a_reply_that_comes_in_pieces_is_waited_for(
    case: tuple[InquiryDriver, Inquiry, bytes], data: st.DataObject
) -> None:
    """Adapters hand over what they have every few milliseconds: a beginning alone is not garbage."""
    _, inquiry, reply = case
    length = data.draw(st.integers(1, len(reply) - 1))

    assert inquiry.find(bytearray(reply[:length])) is None


def test_the_replies_of_the_examples_are_read() -> None:
    """Else nothing above would say anything."""
    assert all(read(*case) for case in CASES)


@pytest.mark.parametrize("name", INSTRUMENTS)
async def test_after_any_damage_the_next_question_is_answered(name: str, tmp_path: Path) -> None:
    """The link is never stuck, and no error but ours comes through."""
    instrument, honest = INSTRUMENTS[name], load_profile(name).channels[0].name
    damages = [
        lambda reply: reply[:-1],
        lambda reply: reply[1:],
        lambda reply: bytes([reply[0]]) * 3 + reply,
        lambda reply: reply + reply,
        lambda _: b"",
        lambda reply: bytes(len(reply)),
        lambda reply: reply[:5] + bytes([reply[5] ^ 0x10]) + reply[6:],
    ]
    async with driven(name, instrument, tmp_path, timeout_s=0.1) as driver:
        expected = (await driver.poll([honest])).readings
        for damage in damages:
            instrument.spoil = damage
            with suppress(NoReplyError, BadReplyError):
                assert (await driver.poll([honest])).readings == expected
            instrument.spoil = None
            await asyncio.sleep(0.03)
            assert (await driver.poll([honest])).readings == expected


def test_a_frame_is_found_past_noise_that_begins_like_one() -> None:
    """The mark may stand in noise as well."""

    def measure(data: bytes) -> int | None:
        if len(data) < 2:
            return None
        if data[1] != 0x10:
            raise ValueError("no frame")
        return 4 if len(data) >= 4 else None

    assert first_frame(bytearray(b"\x01\x02\x01\x10ab\x01"), 1, measure) == Span(2, 6)
    assert first_frame(bytearray(b"\x01\x02\x01\x10a"), 1, measure) is None
    with pytest.raises(Garbage, match="no frame: 01 02 01 03"):
        first_frame(bytearray(b"\x01\x02\x01\x03"), 1, measure)
    with pytest.raises(Garbage, match="no frame begins here: 61 62"):
        first_frame(bytearray(b"ab"), 1, measure)


def test_a_line_that_never_falls_quiet_costs_little() -> None:
    """Each byte may be the first of a frame; none is waited for beyond the longest there is."""
    seen: list[int] = []

    def measure(data: bytes) -> None:
        seen.append(len(data))

    assert first_frame(bytearray(b"\x01" + bytes(LONGEST - 2)), 1, measure) is None
    with pytest.raises(Garbage):
        first_frame(bytearray(b"\x01" + bytes(5000)), 1, measure)
    assert max(seen) == LONGEST
