"""A poll that is a list of questions: what one that fails costs the others, and a wire that several protocols share."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from drivers.api import Device, Driver, Link, LinkDownError, NoReplyError, Quality
from drivers.catalog import load_profile, make_driver
from drivers.profile import Profile
from tests.simulators.aeroqual_monitor import AeroqualMonitor
from tests.simulators.driven import driven
from tests.simulators.pty_line import PtyLine
from tests.simulators.serinus_analyzer import SerinusAnalyzer
from tests.simulators.shared_pair import SharedPair
from tests.simulators.shdlc_meter import ShdlcMeter
from tests.simulators.umb_station import UmbStation


def monitor_with(sensors: int) -> Profile:
    """An Aeroqual that is asked once for each of its sensors, s0 and so on, codes 30 hex and on."""
    profile = load_profile("aeroqual-aqm60")
    first = profile.channels[0].model_dump(exclude_unset=True) | {"hj": None}
    channels = [first | {"name": f"s{one}", "options": {"sensor": 0x30 + one}} for one in range(sensors)]
    words = profile.model_dump(exclude_unset=True, exclude={"channels", "examples"})
    return Profile.model_validate(words | {"channel": channels})


NAMES = [f"s{one}" for one in range(4)]


async def test_a_silent_instrument_is_asked_once(tmp_path: Path) -> None:
    """Its neighbours wait for one time-out, not for one of each question."""
    monitor = AeroqualMonitor(1, {})
    async with driven(monitor_with(4), monitor, tmp_path, timeout_s=0.1) as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(NAMES)

    assert len(monitor.requests) == 1


async def test_one_answer_is_hope_for_the_rest(tmp_path: Path) -> None:
    """Each question that stays without an answer costs its own channels."""
    monitor = AeroqualMonitor(1, {0x30: (0.1, 0), 0x32: (0.3, 0)})
    async with driven(monitor_with(4), monitor, tmp_path, timeout_s=0.1) as driver:
        scan = await driver.poll(NAMES)

    assert {name: one.value for name, one in scan.readings.items()} == {"s0": 0.1, "s1": None, "s2": 0.3, "s3": None}
    assert {scan.readings[name].reason for name in ("s1", "s3")} == {"no_reply"}
    assert {scan.readings[name].quality for name in ("s1", "s3")} == {Quality.COMM_FAULT}
    assert len(monitor.requests) == 4


async def test_a_missing_part_is_not_the_whole_instrument(tmp_path: Path) -> None:
    """The first module was taken out: what was silent is asked last from then on, also by the probe."""
    monitor = AeroqualMonitor(1, {0x31: (0.2, 0), 0x32: (0.3, 0)})
    async with driven(monitor_with(3), monitor, tmp_path, timeout_s=0.1) as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(NAMES)
        await driver.probe()
        scan = await driver.poll(NAMES)

        assert {name: one.value for name, one in scan.readings.items()} == {"s0": None, "s1": 0.2, "s2": 0.3}
        monitor.sensors[0x30] = (0.1, 0)
        assert (await driver.poll(NAMES)).readings["s0"].value == 0.1
    assert [one[2] for one in monitor.requests] == [0x30, 0x31, 0x31, 0x32, 0x30, 0x31, 0x32, 0x30]


async def test_a_lost_wire_ends_the_poll(tmp_path: Path) -> None:
    """Nothing more can come; what came is kept."""
    monitor = AeroqualMonitor(1, {0x30 + one: (one / 8, 0) for one in range(4)})
    async with driven(monitor_with(4), monitor, tmp_path) as driver:
        await driver.probe()

        def pull_the_plug(reply: bytes) -> bytes:
            if reply[2] == 0x31:
                monitor.hang_up()
                return b""
            return reply

        monitor.spoil = pull_the_plug
        scan = await driver.poll(NAMES)

        assert [one.value for one in scan.readings.values()] == [0.0, None, None, None]
        assert {one.reason for one in scan.readings.values()} == {None, "link_down"}
        with pytest.raises(LinkDownError):
            await driver.poll(NAMES)


async def test_protocols_share_one_pair_of_wires(tmp_path: Path) -> None:
    """Polled all at once, again and again, each gets its own answers."""
    instruments = {
        0x02: SerinusAnalyzer(1, {50: 0.0325, 85: 0}),
        0x01: UmbStation(0x7001, {100: (0, 0x16, struct.pack("<f", 22.5)), 200: (0, 0x16, struct.pack("<f", 48.5))}),
        0x55: AeroqualMonitor(1, {0x30: (0.032, 0)}),
        0x7E: ShdlcMeter(0, {0: 0.5, 1: 9.218262}),
    }
    expected = {
        "acoem-serinus-10-advanced": {"o3": 0.0325, "state": "measure"},
        "lufft-ws-umb": {"temperature": 22.5, "humidity": 48.5},
        "aeroqual-aqm60": {"o3": 0.032, "o3_status": 0},
        "sensirion-sfc5000": {"flow": 0.5},
    }
    async with PtyLine(tmp_path / "pair", lambda: SharedPair(instruments)) as line:
        link = Link("pair", f"serial://{line.path}", quiet_s=0.02)
        drivers = {name: on(link, name) for name in expected}
        for _ in range(10):
            scans = await asyncio.gather(*(one.poll(expected[name]) for name, one in drivers.items()))
            found = [{name: one.value for name, one in scan.readings.items()} for scan in scans]
            assert found == list(expected.values())
        await link.close()

    assert {(one.asked, one.strange, one.late) for one in link.counters.values()} == {(10, 0, 0)}


def on(link: Link, name: str) -> Driver:
    profile = load_profile(name)
    return make_driver(Device(name, profile.address, profile, timeout_s=5.0), link)
