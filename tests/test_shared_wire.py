"""One wire, many instruments: other protocols, pauses of their own, some of them dead, slow or mad."""

from __future__ import annotations

import asyncio
import random
import time
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

from drivers.api import Device, DriverError, Found, Link, NoReplyError, Profile
from drivers.catalog import make_driver
from drivers.counters import MEMORY_S, Share
from drivers.reading import Stream
from tests.simulators import misbehaviour, rack, virtual_time
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.confused_bus import ConfusedBus
from tests.simulators.invented import ABOUT
from tests.simulators.masters import agent_periods, bare_periods, needed_s
from tests.simulators.modbus_server import ModbusLine, Unit
from tests.simulators.shared_line import SharedLine
from tests.simulators.stationfile import HEAD, SO2, device, shared
from tests.simulators.text_instrument import TextLine
from tests.simulators.throttled_line import throttled
from tests.simulators.ticks import number
from tests.simulators.working_station import WorkingStation
from tests.test_confused_wire import RtuWorld

WIND = b"$WIMWV,%03d,R,1.5,M,A*%02X\r\n"
ASKED = """protocol = "dialogue"
[[device.channel]]
name = "value"
field = 1
[device.dialogue]
[[device.dialogue.request]]
name = "value"
send = "#05"
expect = '>05 [0-9.]+'
"""
TALKS = """protocol = "dialogue"
[[device.channel]]
name = "value"
field = 1
[device.dialogue]
checksum = "nmea-xor"
[[device.dialogue.request]]
name = "wind"
expect = '.*MWV.*'
separator = ","
"""


def wind(degrees: int) -> bytes:
    """A sentence of a wind sensor: NMEA 0183, the XOR of what stands between $ and *."""
    check = 0
    for byte in b"WIMWV,%03d,R,1.5,M,A" % degrees:
        check ^= byte
    return WIND % (degrees, check)


async def test_instruments_of_three_protocols_share_a_pair(tmp_path: Path) -> None:
    """Registers, questions and a sensor that just talks, also while others are about to answer: each gets its own."""
    units = {1: Unit(holding={0: 101}), 2: Unit(holding={0: 102})}
    line = SharedLine(units, {b"#05\r\n": b">05 21.5\r\n"}, tmp_path / "bus", misbehave=misbehaviour.late(0.03))
    devices = [
        device("a", 'link = "bus"', "600ms", address=1),
        device("b", 'link = "bus"', "600ms", address=2),
        device("t", 'link = "bus"', "600ms", ASKED, address=5),
        device("w", 'link = "bus"', "600ms", TALKS),
    ]
    async with (
        line,
        WorkingStation(tmp_path, HEAD + shared(f"serial://{line.path}?baud=115200") + "".join(devices)) as station,
    ):
        talking = asyncio.create_task(_talk(line))
        conditions = {name: station.poller(name).condition for name in "abtw"}
        await station.until(lambda: min(one.polled for one in conditions.values()) >= 4, "four polls of each")
        talking.cancel()
        records = {name: await station.records(Stream.MEASUREMENT, name) for name in "abtw"}
        failed = {name: conditions[name].failed for name in "abt"}

    values = {name: {tuple(one.get("values", {}).values()) for one in records[name]} for name in "abtw"}
    assert (values["a"], values["b"], values["t"]) == ({(101,)}, {(102,)}, {(21.5,)})
    assert {value for (value,) in values["w"] - {()}} <= set(range(360))
    assert failed == {"a": 0, "b": 0, "t": 0}


async def _talk(line: SharedLine) -> None:
    for degrees in range(360):
        line.say(wind(degrees))
        await asyncio.sleep(0.05)


async def test_a_line_that_comes_while_another_instrument_is_asked_still_reaches_its_listener(tmp_path: Path) -> None:
    """To the Modbus driver it is noise before the reply; to the wind sensor's it is the only reading of that second."""
    heard: list[bytes] = []
    unit = Unit(holding={0: 7})
    said = [(0.0, wind(270)), (0.02, b"")]
    line = SharedLine({1: unit}, {}, tmp_path / "bus", misbehave=lambda _, honest: [*said, (0.02, honest)])
    async with line:
        link = Link("bus", f"serial://{line.path}?baud=115200")
        link.listen(heard.append)
        try:
            scan = await make_driver(Device("a", 1, plain(SO2)), link).poll(["so2"])
        finally:
            await link.close()

    assert scan.readings["so2"].value == 7
    assert heard == [wind(270)]


def plain(channels: str) -> Profile:
    """A Modbus profile with *channels* as a station file writes them."""
    words = tomllib.loads(channels.replace("device.channel", "channel"))
    words["channel"] = [{"unit": "1"} | one for one in words["channel"]]
    return Profile.model_validate(ABOUT | words)


async def test_an_instruments_pause_is_its_own(tmp_path: Path) -> None:
    """A sound-level meter that wants a second between commands must not cost its neighbours that second."""
    replies = {b"A\r": b"A=1\r\n", b"B\r": b"B=2\r\n"}
    sent: list[tuple[float, bytes]] = []
    async with TextLine(replies, tmp_path / "bus") as line:
        link = Link("bus", f"serial://{line.path}?baud=115200")
        link.trace = lambda way, data: sent.append((time.monotonic(), data)) if way == "tx" else None

        async def ask(name: str) -> bytes:
            def find(buffer: bytearray) -> Found | None:
                end = buffer.find(b"\n") + 1
                return Found(bytes(buffer[:end]), end) if end else None

            return await link.exchange(f"{name}\r".encode(), find, device=name, timeout_s=2, pause_s=0.8)

        await ask("A")
        await asyncio.gather(ask("A"), ask("B"))
        await link.close()

    assert [data for _, data in sent] == [b"A\r", b"B\r", b"A\r"]
    assert sent[2][0] - sent[0][0] >= 0.8


def test_what_a_dead_unit_costs_is_bounded_and_shown() -> None:
    """An hour with a unit that is switched off: one time-out and the quiet after it, each time it is looked for."""

    async def an_hour() -> tuple[float, float, float]:
        link = Link("rack", "serial:///dev/rack?baud=19200")
        world = RtuWorld()
        bus = ConfusedBus(link, world, random.Random(1), kinds={"silent": 1})
        names = [channel.name for channel in world.profile.channels]
        dead, alive = (make_driver(Device(f"u{unit}", unit, world.profile), link) for unit in (1, 2))
        for _ in range(60):
            bus.kinds = {"silent": 1}
            with pytest.raises(NoReplyError):
                await dead.probe()
            bus.kinds = {"honest": 1}
            await alive.poll(names)
            await asyncio.sleep(57)
        now_s = asyncio.get_running_loop().time()
        return link.counters["u1"].wasted.at(now_s), link.counters["u2"].wasted.at(now_s), link.share

    wasted, innocent, share = virtual_time.run(an_hour())
    assert wasted == pytest.approx((1.0 + 0.3) / 60, rel=0.2)
    assert innocent == 0
    assert wasted < share < 2 * wasted


def test_a_share_is_that_of_the_last_minutes() -> None:
    """After a year of peace a wire that is full now must look full."""
    share = Share(0.0)
    for second in range(4 * int(MEMORY_S)):
        share.add(0.25, second + 1.0)
    assert share.at(4 * MEMORY_S) == pytest.approx(0.25, rel=0.05)
    assert share.at(8 * MEMORY_S) < 0.01


async def test_replies_that_come_late_are_counted_for_who_sent_them(tmp_path: Path) -> None:
    """A time-out that is too short shows at the unit that is too slow, with how much it would take."""
    units = {number: Unit(holding={0: number}) for number in (1, 2)}
    line = SharedLine(units, {}, tmp_path / "bus", misbehave=misbehaviour.for_unit(1, misbehaviour.late(0.15)))
    async with line:
        link = Link("bus", f"serial://{line.path}?baud=115200", quiet_s=0.0)
        slow, quick = (make_driver(Device(f"u{n}", n, plain(SO2), timeout_s=t), link) for n, t in ((1, 0.1), (2, 2.0)))
        with pytest.raises(NoReplyError):
            await slow.poll(["so2"])
        line.misbehave = misbehaviour.late(0.3)
        await quick.poll(["so2"])
        await link.close()

    slow_one, quick_one = link.counters["u1"], link.counters["u2"]
    assert (slow_one.timeouts, slow_one.late, quick_one.late, quick_one.strange) == (1, 1, 0, 0)
    assert slow_one.latest_s is not None
    assert slow_one.latest_s > 0.1


async def test_damage_is_counted_apart_from_what_is_merely_wrong(tmp_path: Path) -> None:
    """Wrong checksums are a matter of cable and termination, wrong answers one of addresses and maps."""
    line = SharedLine({1: Unit(holding={0: 1})}, {}, tmp_path / "bus", misbehave=misbehaviour.bad_crc)
    async with line:
        link = Link("bus", f"serial://{line.path}?baud=115200", quiet_s=0.0)
        driver = make_driver(Device("u1", 1, plain(SO2), timeout_s=0.3), link)
        for lie in (misbehaviour.bad_crc, misbehaviour.wrong_unit, misbehaviour.exception(4), misbehaviour.silence):
            line.misbehave = lie
            with suppress(DriverError):
                await driver.probe()
        await link.close()

    one = link.counters["u1"]
    assert (one.asked, one.good, one.refused, one.timeouts, one.checksum, one.bad) == (4, 0, 1, 1, 1, 1)
    assert one.strange == 1


def test_the_snapshot_shows_what_each_address_and_the_wire_are_worth(tmp_path: Path, bench: Bench) -> None:
    """A technician sees which unit costs the others their time before anybody loses a tick."""
    line = bench.serve(ModbusLine({1: Unit(holding={0: 1})}, tmp_path / "bus"))
    waits = {1: '"500ms"', 2: '"50ms"'}
    devices = [device(f"u{n}", 'link = "bus"', "1s", address=n, timeout=wait) for n, wait in waits.items()]
    text = HEAD + shared(f"serial://{line.path}?baud=115200") + "".join(devices)
    with AgentProcess(tmp_path / "agent", text) as agent:

        def counters() -> list[dict[str, float]]:
            return [one["counters"] or {"asked": 0} for one in agent.status()["devices"]]

        agent.until(lambda: min(one["asked"] for one in counters()) >= 2, "requests to both")
        good, dead = counters()
        (link,) = agent.status()["links"]

    assert (good["wasted"], good["timeouts"], good["strange"], good["checksum"]) == (0, 0, 0, 0)
    assert (dead["good"], dead["timeouts"] > 0) == (0, True)
    assert 0 < dead["wasted"] <= dead["share"]
    assert 0 < good["share"] < link["share"] <= 1


async def test_thirty_two_units_one_dead_one_slow_one_mad_and_the_others_keep_every_tick(tmp_path: Path) -> None:
    """What is wrong with one instrument of a rack is no reason to lose a reading of any other."""
    every_s = 3.0
    with throttled(tmp_path / "line", 115200, rack.SERVED, *rack.BEHAVIOUR):
        text = rack.station(tmp_path / "line", 115200, every="3s", timeout="600ms", registers=2)
        async with WorkingStation(tmp_path, text) as station:
            good = [f"u{unit}" for unit in rack.GOOD]
            conditions = {name: station.poller(name).condition for name in good}
            await station.until(lambda: min(one.polled for one in conditions.values()) >= 2, "two polls", 30)
            counters = station.link("u1").link.counters
            missed = {name: station.poller(name).condition.missed for name in counters}
            records = {name: await station.records(Stream.MEASUREMENT, name) for name in good}
            print(rack.table(counters, missed, asyncio.get_running_loop().time()))

    assert {name: one.failed for name, one in conditions.items()} == dict.fromkeys(good, 0)
    for name in good:
        numbers = [number(record, every_s) for record in records[name]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"{name} lost a tick"
        assert all(record["values"]["r0"] == 1000 * int(name[1:]) for record in records[name])
    slow, mad, dead = (counters[f"u{unit}"] for unit in (rack.SLOW, rack.GARBAGE, rack.DEAD))
    assert slow.good == slow.asked
    assert mad.checksum + mad.bad == mad.asked
    assert dead.timeouts == dead.asked


def test_the_agent_uses_a_slow_line_as_well_as_a_bare_loop_does(tmp_path: Path) -> None:
    """The least disturbed of twelve, for this machine is shared; `make bench` has the figures."""
    baud, registers = 19200, 10
    with throttled(tmp_path / "line", baud):
        agent = min(agent_periods(tmp_path / "line", baud, registers, 12))
        bare = min(bare_periods(tmp_path / "line", baud, registers, 12))

    least = needed_s(baud, registers)
    ours_ms, theirs_ms = 1000 * (agent - least), 1000 * (bare - least)
    print(f"{ours_ms:.2f} ms added, {theirs_ms:.2f} by a bare loop; {least / agent:.0%} of the line's time used")
    assert agent >= least
    assert agent < 2 * bare
