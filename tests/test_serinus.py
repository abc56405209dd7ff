"""Serinus Advanced: frames as the manual prints them, and an analyzer that is read over a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.api import Device, Link, NoReplyError, ProfileError, Quality, Reading
from drivers.catalog import load_profile, make_driver
from drivers.serinus import TOGETHER, framed
from tests.simulators.driven import driven
from tests.simulators.serinus_analyzer import SerinusAnalyzer

NOX = {50: 0.0125, 51: 0.0345, 52: 0.022, 85: 0.0}


@pytest.mark.parametrize(
    ("number", "command", "data", "printed"),
    [
        (0, 1, "32", "02 00 01 03 01 32 32 04"),
        (1, 1, "32 33 34", "02 01 01 03 03 32 33 34 36 04"),
        (1, 4, "55 40 00 00 00", "02 01 04 03 05 55 40 00 00 00 15 04"),
    ],
)
def test_frames_are_those_of_the_manual(number: int, command: int, data: str, printed: str) -> None:
    """A wrong checksum is answered with silence."""
    assert framed(number, command, bytes.fromhex(data)) == bytes.fromhex(printed)


async def test_all_parameters_come_with_one_request(tmp_path: Path) -> None:
    """The values and the state that judges them are of the same moment."""
    analyzer = SerinusAnalyzer(1, NOX)
    async with driven("acoem-serinus-40-advanced", analyzer, tmp_path) as driver:
        scan = await driver.poll(["state", "no2", "no", "nox"])
        plans = driver.requests(["no", "state"])

    assert {name: one.value for name, one in scan.readings.items()} == {
        "no": 0.0125,
        "nox": 0.0345,
        "no2": 0.022,
        "state": "measure",
    }
    assert len(analyzer.requests) == 1
    assert [(one.text, one.sent, one.expected) for one in plans] == [("parameters 50, 85 of id 1", 9, 17)]


async def test_a_state_that_the_manual_does_not_have_is_suspect(tmp_path: Path) -> None:
    """A new firmware may have one more: it shows as its number."""
    async with driven("acoem-serinus-40-advanced", SerinusAnalyzer(1, NOX | {85: 7.0}), tmp_path) as driver:
        scan = await driver.poll(["state"])

    assert scan.readings["state"] == Reading("state", "7", Quality.SUSPECT)


async def test_another_id_gives_silence(tmp_path: Path) -> None:
    """As at the analyzer: only the time-out tells."""
    async with driven("acoem-serinus-40-advanced", SerinusAnalyzer(2, NOX), tmp_path, timeout_s=0.1) as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(["no"])


async def test_an_echo_and_a_reply_about_other_parameters_are_passed_over(tmp_path: Path) -> None:
    """A two-wire adapter repeats the request, a late reply answers the one before."""
    analyzer = SerinusAnalyzer(1, NOX)
    other = analyzer.reply(framed(1, 1, bytes([51])))
    analyzer.spoil = lambda reply: framed(1, 1, bytes([50])) + other + reply
    async with driven("acoem-serinus-40-advanced", analyzer, tmp_path) as driver:
        scan = await driver.poll(["no"])

        assert scan.readings["no"].value == 0.0125
        assert driver.link.counters["unit"].strange == 2


async def test_many_parameters_take_several_requests(tmp_path: Path) -> None:
    """The length of a frame is one byte."""
    profile = load_profile("acoem-serinus-10-advanced")
    first = profile.channels[0]
    channels = tuple(
        first.model_copy(update={"name": f"p{one}", "options": {"parameter": one}}) for one in range(TOGETHER + 1)
    )
    many = profile.model_copy(update={"channels": channels})
    many.__dict__.pop("_by_name", None)
    analyzer = SerinusAnalyzer(1, {one: one / 8 for one in range(TOGETHER + 1)})
    async with driven(many, analyzer, tmp_path) as driver:
        scan = await driver.poll([one.name for one in channels])

    assert [one.value for one in scan.readings.values()] == [one / 8 for one in range(TOGETHER + 1)]
    assert len(analyzer.requests) == 2


@pytest.mark.parametrize(
    ("address", "options", "what"),
    [
        ("A", {"parameter": 50}, "'A', which is no number from 0 to 255"),
        (256, {"parameter": 50}, "256, which is no number from 0 to 255"),
        (1, {}, "device unit: channel o3 lacks options.parameter"),
        (1, {"parameter": 256}, r"has options.parameter = 256: Input should be less than or equal to 255"),
        (1, {"parameter": 50, "unit": "ppm"}, "has options.unit, which this protocol does not know"),
    ],
)
def test_what_the_protocol_cannot_have_is_refused(address: int | str, options: dict[str, object], what: str) -> None:
    """`check` names the key."""
    profile = load_profile("acoem-serinus-10-advanced")
    o3, *others = profile.channels
    wrong = profile.model_copy(update={"channels": (o3.model_copy(update={"options": options}), *others)})
    with pytest.raises(ProfileError, match=what):
        make_driver(Device("unit", address, wrong), Link("rack", "serial:///dev/x"))
