"""Sensirion SHDLC: frames of the maker's own package, and a flow meter that is read over a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.api import BadReplyError, Device, Link, NoReplyError, ProfileError, Quality, Reading, RefusedError
from drivers.catalog import load_profile, make_driver
from drivers.profile import Profile
from drivers.shdlc import framed, unescaped
from tests.simulators.driven import driven
from tests.simulators.shdlc_meter import ShdlcMeter

METER = "sensirion-sfc5000"
FLOWS = {0: 0.5, 1: 9.218262}  # the second one holds 13 and 7E


def test_frames_are_those_of_the_maker() -> None:
    """Vectors of sensirion-shdlc-driver."""
    assert framed(bytes([0, 8, 1, 1])) == bytes.fromhex("7e 00 08 01 01 f5 7e")
    frame = bytes.fromhex("7e 7d 5e 7d 5d 7d 31 03 12 7d 33 14 b7 7e")
    assert unescaped(frame[1:-1]) == bytes.fromhex("7e 7d 11 03 12 13 14 b7")
    assert framed(bytes.fromhex("7e 7d 11 03 12 13 14")) == frame


@pytest.mark.parametrize("stuffed", ["7d", "00 7d 20", "7d 7d"])
def test_what_nobody_escapes_so_is_no_frame(stuffed: str) -> None:
    """A flipped bit in an escape would else pass as another byte."""
    with pytest.raises(ValueError, match="escape"):
        unescaped(bytes.fromhex(stuffed))


async def test_a_flow_is_read_in_the_scaling_of_the_device(tmp_path: Path) -> None:
    """Its readings are like all others: shortest digits, range, quality."""
    async with driven(METER, ShdlcMeter(0, FLOWS), tmp_path) as driver:
        scan = await driver.poll(["flow"])
        plans = driver.requests(["flow"])
    async with driven(scaled("physical"), ShdlcMeter(0, FLOWS), tmp_path) as driver:
        physical = await driver.poll(["flow"])

    assert scan.readings == {"flow": Reading("flow", 0.5)}
    assert [(one.text, one.sent, one.expected) for one in plans] == [("measured value, normalized", 7, 11)]
    assert physical.readings == {"flow": Reading("flow", 9.218262, Quality.OVER_RANGE)}


async def test_a_refusal_is_one(tmp_path: Path) -> None:
    """A meter without a calibration has no physical flow."""
    async with driven(scaled("physical"), ShdlcMeter(0, {0: 0.5}), tmp_path) as driver:
        with pytest.raises(RefusedError, match="exception 4"):
            await driver.poll(["flow"])


async def test_a_device_error_is_no_refusal(tmp_path: Path) -> None:
    """Bit 7 of the state tells of the device; the value came all the same."""
    async with driven(METER, ShdlcMeter(0, FLOWS, state=0x80), tmp_path) as driver:
        assert (await driver.poll(["flow"])).readings["flow"].value == 0.5


async def test_foreign_frames_short_data_and_silence_give_nothing(tmp_path: Path) -> None:
    """The link counts and waits; the driver has no code for either."""
    meter = ShdlcMeter(0, FLOWS)
    foreign = bytes.fromhex("7e 05 08 00 04 3f 00 00 00 af 7e")
    async with driven(METER, meter, tmp_path, timeout_s=0.2) as driver:
        meter.spoil = lambda reply: framed(bytes([0, 8, 1, 0])) + foreign + reply  # an echo first
        await driver.probe()
        assert driver.link.counters["unit"].strange == 2
        meter.spoil = lambda _: bytes.fromhex("7e 00 08 00 02 3f 00 b6 7e")
        with pytest.raises(BadReplyError, match="2 bytes of data where 4"):
            await driver.probe()
    async with driven(METER, ShdlcMeter(7, FLOWS), tmp_path, timeout_s=0.1) as driver:
        with pytest.raises(NoReplyError):
            await driver.probe()


@pytest.mark.parametrize(
    ("address", "scaling", "what"),
    [
        ("A1", "user", "'A1', which is no number from 0 to 254"),
        (0, "percent", r"has options\.scaling = 'percent': Input should be 'normalized', 'physical'"),
    ],
)
def test_what_the_protocol_cannot_have_is_refused(address: int | str, scaling: str, what: str) -> None:
    """`check` names the key."""
    with pytest.raises(ProfileError, match=what):
        make_driver(Device("unit", address, scaled(scaling)), Link("rack", "serial:///dev/x"))


def scaled(scaling: str) -> Profile:
    return load_profile(METER).model_copy(update={"options": {"scaling": scaling}})
