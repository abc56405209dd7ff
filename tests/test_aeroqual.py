"""Aeroqual binary: frames as the manual prints them, and a monitor that is read over a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.aeroqual import sealed
from drivers.api import BadReplyError, Device, Link, ProfileError
from drivers.catalog import load_profile, make_driver
from drivers.conditions import qualities
from drivers.profile import Profile
from drivers.reading import Quality
from tests.simulators.aeroqual_monitor import AeroqualMonitor
from tests.simulators.driven import driven


@pytest.mark.parametrize("printed", ["55 01 30 7A", "55 01 12 98", "55 01 02 30 3B A3 D7 0A B9"])
def test_checksums_are_those_of_the_manual(printed: str) -> None:
    """IQM 60 manual, pages 30 to 40."""
    frame = bytes.fromhex(printed)
    assert sealed(frame[:-1]) == frame


async def test_value_and_state_of_a_sensor_come_together(tmp_path: Path) -> None:
    """Zero air that the monitor switched on is never delivered as ozone of the street."""
    monitor = AeroqualMonitor(1, {0x30: (0.032, 0x10)})
    async with driven("aeroqual-aqm60", monitor, tmp_path) as driver:
        scan = await driver.poll(["o3", "o3_status"])

        assert qualities(driver.device.profile, scan.readings)["o3"] is Quality.ZERO_CHECK
    assert (scan.readings["o3"].value, scan.readings["o3_status"].value) == (0.032, 16)
    assert len(monitor.requests) == 1


async def test_each_sensor_is_asked_for_itself_and_one_that_is_missing_costs_itself(tmp_path: Path) -> None:
    """A module that was taken out for repair stays silent."""
    monitor = AeroqualMonitor(1, {0x30: (0.032, 0)})
    async with driven(with_two_sensors(), monitor, tmp_path, timeout_s=0.1) as driver:
        scan = await driver.poll(["o3", "other"])

    assert scan.readings["o3"].value == 0.032
    assert (scan.readings["other"].value, scan.readings["other"].reason) == (None, "no_reply")


async def test_the_bytes_of_a_number_may_come_the_other_way(tmp_path: Path) -> None:
    """The manual contradicts itself; one word of the profile decides."""
    monitor = AeroqualMonitor(1, {0x30: (0.032, 0)})
    monitor.spoil = lambda reply: sealed(reply[:3] + reply[6:2:-1] + reply[7:14])
    profile = load_profile("aeroqual-aqm60")
    turned = profile.channels[0].model_copy(update={"order": "DCBA"})
    async with driven(
        profile.model_copy(update={"channels": (turned, *profile.channels[1:])}), monitor, tmp_path
    ) as driver:
        scan = await driver.poll(["o3"])

    assert scan.readings["o3"].value == 0.032


async def test_a_reply_about_another_sensor_is_passed_over(tmp_path: Path) -> None:
    """It may be late; it is not this sensor's value."""
    monitor = AeroqualMonitor(1, {0x30: (0.032, 0), 0x31: (9.9, 0)})
    late = monitor.reply(sealed(bytes([0x55, 1, 0x31])))
    monitor.spoil = lambda reply: late + reply
    async with driven("aeroqual-aqm60", monitor, tmp_path, timeout_s=0.2) as driver:
        assert (await driver.poll(["o3"])).readings["o3"].value == 0.032
        assert driver.link.counters["unit"].strange == 1
        monitor.spoil = lambda _: late
        with pytest.raises(BadReplyError, match="about sensor 0x31"):
            await driver.poll(["o3"])


@pytest.mark.parametrize(
    ("address", "sensor", "what"),
    [(0, 0x30, "0, which is no number from 1 to 255"), (1, 0x12, "has options.sensor = 18")],
)
def test_what_the_protocol_cannot_have_is_refused(address: int, sensor: int, what: str) -> None:
    """Codes below 20 hex calibrate."""
    profile = load_profile("aeroqual-aqm60")
    o3, status = profile.channels
    wrong = o3.model_copy(update={"options": {"sensor": sensor}})
    with pytest.raises(ProfileError, match=what):
        make_driver(
            Device("unit", address, profile.model_copy(update={"channels": (wrong, status)})),
            Link("rack", "serial:///dev/x"),
        )


def with_two_sensors() -> Profile:
    profile = load_profile("aeroqual-aqm60")
    other = profile.channels[0].model_copy(update={"name": "other", "options": {"sensor": 0x31}})
    return profile.model_copy(update={"channels": (*profile.channels, other)})
