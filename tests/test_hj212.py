"""HJ 212 from the instrument's side: lines that come by themselves, their check, their marks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.api import Device, Driver, Link, NoReplyError
from drivers.catalog import load_profile, make_driver
from drivers.conditions import qualities
from drivers.profile import Profile
from drivers.reading import Quality, Reading
from tests.simulators.hj212_analyzer import frame, upload
from tests.simulators.text_instrument import TextLine

PRINTED = "QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"
BOQU = b"##0076ST=32;CN=2011;PW=;MN=;CP=&&DataTime=20080731155849;011-Rtd=40.6,011-Flag=N&&8487\r\n"
GOOD = upload({"w01001": ("7.21", "N"), "w21003": ("0.152", "N")})


def impatient(name: str) -> Profile:
    """A profile that waits for its lines as long as its device says, so that a test need not wait a minute."""
    profile = load_profile(name)
    assert profile.dialogue
    requests = tuple(one.model_copy(update={"timeout": None}) for one in profile.dialogue.requests)
    return profile.model_copy(update={"dialogue": profile.dialogue.model_copy(update={"requests": requests})})


@asynccontextmanager
async def reporting(name: str, lines: list[bytes], folder: Path, timeout_s: float = 5.0) -> AsyncIterator[Driver]:
    """The driver of an instrument that says *lines* over and over."""
    async with TextLine({}, folder / "unit") as line, line.saying(lines, every_s=0.02):
        link = Link("rack", f"serial://{line.path}", quiet_s=0.02)
        try:
            yield make_driver(Device("unit", None, impatient(name), timeout_s=timeout_s), link)
        finally:
            await link.close()


def test_the_simulator_computes_the_check_that_the_standard_prints() -> None:
    """HJ 212-2017, annex A; by the Modbus algorithm it would be 0759."""
    assert frame(PRINTED) == f"##0101{PRINTED}1C80".encode("ascii")


@pytest.mark.parametrize(
    ("mark", "state", "quality"),
    [
        ("N", "normal", Quality.VALID),
        ("F", "stopped", Quality.STOPPED),
        ("M", "maintenance", Quality.MAINTENANCE),
        ("S", "set_by_hand", Quality.MANUAL),
        ("D", "fault", Quality.FAULT),
        ("C", "calibration", Quality.SPAN_CALIBRATION),
        ("T", "over_range", Quality.OVER_RANGE),
        ("B", "comm_fault", Quality.COMM_FAULT),
    ],
)
async def test_every_mark_of_the_standard_has_its_class(
    mark: str, state: str, quality: Quality, tmp_path: Path
) -> None:
    """Table 8. The mark is about its own factor and no other."""
    lines = [upload({"w01001": ("7.21", "N"), "w21003": ("0.152", mark)})]
    async with reporting("hj212-water", lines, tmp_path) as driver:
        scan = await driver.poll(["ph", "ph_flag", "nh3_n", "nh3_n_flag", "tp", "tp_flag"])

        judged = qualities(driver.device.profile, scan.readings)
    assert (scan.readings["nh3_n"].value, scan.readings["nh3_n_flag"].value) == (0.152, state)
    assert (judged["nh3_n"], judged["ph"]) == (quality, Quality.VALID)
    assert judged["tp"] is Quality.NOT_FITTED


async def test_minute_and_hour_data_are_not_taken_for_the_moment(tmp_path: Path) -> None:
    """The same instrument may send averages over the same line."""
    lines = [upload({"w01001": ("9.99", "N")}, command=number) for number in (2051, 2061, 2031)]
    async with reporting("hj212-water", [*lines, GOOD], tmp_path) as driver:
        readings = [(await driver.poll(["ph"])).readings["ph"] for _ in range(5)]

    assert readings == [Reading("ph", 7.21)] * 5


@pytest.mark.parametrize(
    "line",
    [
        BOQU,
        GOOD.replace(b"7.21", b"7.27"),
        GOOD.replace(b"##0", b"##1"),
        GOOD.replace(b"##", b"#"),
        GOOD.replace(b"&&DataTime", b"&& DataTime"),
        GOOD[:60] + b"\r\n",
        GOOD[60:],
        frame(PRINTED) + b"\r\n",
    ],
)
async def test_a_line_that_is_not_right_gives_nothing(line: bytes, tmp_path: Path) -> None:
    """Damaged, cut, with another check, or no upload: a value stands in most of them."""
    async with reporting("hj212-water", [line], tmp_path, timeout_s=0.15) as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(["ph"])


def test_whoever_waits_for_a_line_knows_how_long() -> None:
    """The watchdog must not end the daemon while an instrument is silent between its uploads."""
    driver = make_driver(Device("unit", None, load_profile("hj212-water")), Link("rack", "serial:///dev/x"))

    assert driver.longest_s(["ph"]) == 56.0


async def test_a_line_of_the_2005_kind_is_read(tmp_path: Path) -> None:
    """Without QN and Flag, with empty PW and MN; the printed one has a check that is not its own."""
    async with reporting("boqu-cod-hj212", [BOQU.replace(b"8487", b"C241")], tmp_path) as driver:
        scan = await driver.poll(["cod", "cod_flag"])

    assert [one.value for one in scan.readings.values()] == [40.6, "normal"]
