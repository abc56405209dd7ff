"""SDI-12: answers as the manuals print them, and sensors on a bus behind an adapter."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.api import BadReplyError, Device, Driver, Foreign, Link, NoReplyError, ProfileError, Quality
from drivers.catalog import load_profile, make_driver
from drivers.profile import Profile
from drivers.sdi12 import line_finder, ready, started, started_beside_others, values, values_with_crc
from tests.simulators.driven import driven
from tests.simulators.frame_instrument import Spoil
from tests.simulators.sdi12_bus import Sdi12Bus, Sensor

PROBE = "campbell-hygrovue5"
AIR = ["+21.45", "+48.3"]
NINE = ["+1.1", "-2.2", "+3.3", "-44.4", "+5.5", "+6.66", "-7.777", "+8", "+9.0"]
PRINTED = [
    "0+0.04+10+14.8+0.0+0+0.0INy",  # Vaisala WXT530, aRC3
    "0+168+000.02+0000GbT",  # Gill MaxiMet, aMC2
    "0+192+000.07+267+999.9+0000DQ^",
    "0+999+1.2+013.1A\\W",
]


def asking(command: str, *, longest: str = "10s", count: int = 2) -> Profile:
    """A sensor whose values are asked for with *command*."""
    first = load_profile(PROBE).channels[0]
    channels = [
        first.model_dump(exclude_unset=True) | {"name": f"v{one}", "field": one, "hj": None} for one in range(count)
    ]
    words = load_profile(PROBE).model_dump(exclude_unset=True, exclude={"channels", "examples", "options"})
    return Profile.model_validate(words | {"channel": channels, "options": {"command": command, "longest": longest}})


@pytest.mark.parametrize("printed", PRINTED)
def test_printed_answers_with_a_crc_are_accepted_and_only_those(printed: str) -> None:
    """One changed digit, and the line is none."""
    line = printed.encode("ascii")
    assert values_with_crc(line) == line[1:-3]
    for place in range(1, len(line) - 3):
        digit = b"7" if line[place : place + 1] != b"7" else b"1"
        assert values_with_crc(line[:place] + digit + line[place + 1 :]) is None


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(PRINTED),
    st.sampled_from(["change", "lose", "add", "head", "tail", "swap"]),
    st.integers(0, 40),
    st.integers(1, 255),
)
def test_a_damaged_line_with_a_crc_is_no_answer(printed: str, kind: str, place: int, other: int) -> None:
    """Sixteen bits find what a bad contact does; whatever comes, there is no traceback."""
    line = printed.encode("ascii")
    place %= len(line)
    damaged = {
        "change": line[:place] + bytes([line[place] ^ other]) + line[place + 1 :],
        "lose": line[:place] + line[place + 1 :],
        "add": line[:place] + bytes([other]) + line[place:],
        "head": line[place:],
        "tail": line[:place],
        "swap": line[:place] + line[place : place + 2][::-1] + line[place + 2 :],
    }[kind]
    try:
        found = line_finder(b"0D0!", values_with_crc)(bytearray(damaged + b"\r\n"))
    except Foreign:
        return
    assert found is None or found.frame == line[1:-3]


@pytest.mark.parametrize(
    ("line", "accept", "said"),
    [
        (b"00033", started, b"0033"),
        (b"000203", started, None),
        (b"000203", started_beside_others, b"00203"),
        (b"00023", started_beside_others, None),
        (b"0003", started, None),
        (b"0", ready, b""),
        (b"01", ready, None),
        (b"0+029+000.01+0000", values, b"+029+000.01+0000"),
        (b"0-.5+3.", values, b"-.5+3."),
        (b"0", values, b""),
        (b"0+1.2.3", values, None),
        (b"0+", values, None),
        (b"01.5", values, None),
        (b"013CampbellCS1234003STD.03.01", values, None),
        (b"0GoE", values_with_crc, None),
    ],
)
def test_a_line_is_what_it_must_be_or_nothing(line: bytes, accept: object, said: bytes | None) -> None:
    """An identification is no value, and neither is a number with two points."""
    assert callable(accept)
    assert accept(line) == said


def test_an_echo_is_passed_over_and_a_stranger_is_foreign() -> None:
    """Some adapters repeat the command; other sensors speak on the same bus."""
    find = line_finder(b"0D0!", values)
    found = find(bytearray(b"0D0!0+1.5\r\nrest"))
    assert found
    assert (found.frame, found.used) == (b"+1.5", 11)
    assert find(bytearray(b"0D0!0+1.5\r")) is None
    with pytest.raises(Foreign, match=r"'1\+1.5' is no answer"):
        find(bytearray(b"1+1.5\r\n"))


@pytest.mark.parametrize("command", ["C", "CC", "M", "MC", "R0", "RC0"])
@pytest.mark.parametrize("echo", [False, True])
async def test_every_command_gives_the_values(command: str, echo: bool, tmp_path: Path) -> None:
    """At once, where the sensor needs no time."""
    sensor = Sensor({"": AIR, "0": AIR})
    async with driven(asking(command), Sdi12Bus({"0": sensor}, echo=echo), tmp_path) as driver:
        scan = await driver.poll(["v0", "v1"])
        await driver.probe()

    assert [one.value for one in scan.readings.values()] == [21.45, 48.3]


@pytest.mark.parametrize("command", ["CC", "MC"])
async def test_more_values_than_one_answer_holds_are_fetched_in_parts(command: str, tmp_path: Path) -> None:
    """D1 follows D0 until all have come."""
    bus = Sdi12Bus({"0": Sensor({"": NINE})})
    async with driven(asking(command, count=9), bus, tmp_path) as driver:
        scan = await driver.poll([f"v{one}" for one in range(9)])

    assert [one.value for one in scan.readings.values()] == [float(one) for one in NINE]
    assert bus.requests[-2:] == [b"0D0!", b"0D1!"]


@pytest.mark.parametrize("tells", [True, False])
async def test_the_service_request_ends_the_wait_and_a_missing_one_only_costs_time(tells: bool, tmp_path: Path) -> None:
    """The values are asked for in both cases."""
    bus = Sdi12Bus({"0": Sensor({"": AIR}, takes_s=0.2, tells=tells)})
    async with driven(asking("M", longest="20s" if tells else "1s"), bus, tmp_path) as driver:
        begun = time.monotonic()
        scan = await driver.poll(["v0"])

    assert scan.readings["v0"].value == 21.45
    assert time.monotonic() - begun < 15
    assert bus.aborted == 0


@pytest.mark.parametrize("command", ["M", "C"])
async def test_a_measurement_that_takes_longer_than_a_poll_may_gives_nothing(command: str, tmp_path: Path) -> None:
    """Asking for the values would end it; the setting is named."""
    bus = Sdi12Bus({"0": Sensor({"": AIR}, takes_s=5.0)})
    async with driven(asking(command, longest="100ms"), bus, tmp_path) as driver:
        with pytest.raises(BadReplyError, match=r"measures for up to 5 s, longer than options\.longest"):
            await driver.poll(["v0"])

    assert b"0D0!" not in bus.requests


def test_whoever_waits_for_a_poll_knows_how_long() -> None:
    """The watchdog must not end the daemon while a slow sensor measures."""
    driver = make_driver(
        Device("unit", "0", asking("M", longest="60s"), timeout_s=2.0), Link("rack", "serial:///dev/x")
    )

    assert driver.longest_s(["v0"]) == 2.0 * 3 + 60.0


async def test_the_bus_is_kept_while_a_sensor_measures(tmp_path: Path) -> None:
    """A break for another one would end the measurement."""
    bus = Sdi12Bus({"0": Sensor({"": AIR}, takes_s=0.3), "1": Sensor({"0": ["+7"]})})
    async with driven(asking("M"), bus, tmp_path) as driver:
        other = neighbour(driver, asking("R0"))
        scans = await asyncio.gather(driver.poll(["v0"]), *(other.poll(["v0"]) for _ in range(3)))

    assert [scan.readings["v0"].value for scan in scans] == [21.45, 7, 7, 7]
    assert bus.aborted == 0


async def test_the_bus_is_free_while_a_sensor_measures_concurrently(tmp_path: Path) -> None:
    """Others are read meanwhile; its own values come when its time is over."""
    bus = Sdi12Bus({"0": Sensor({"": AIR}, takes_s=0.8), "1": Sensor({"0": ["+7"]})})
    async with driven(asking("C"), bus, tmp_path) as driver:
        other = neighbour(driver, asking("R0"))
        scans = await asyncio.gather(driver.poll(["v0"]), *(other.poll(["v0"]) for _ in range(3)))

    assert [scan.readings["v0"].value for scan in scans] == [21.45, 7, 7, 7]
    assert bus.requests.index(b"1R0!") < bus.requests.index(b"0D0!")
    assert bus.aborted == 0


def neighbour(driver: Driver, profile: Profile) -> Driver:
    """Another sensor on the bus of *driver*, at address 1."""
    return make_driver(Device("other", "1", profile), driver.link)


async def test_a_late_answer_is_never_that_to_another_question(tmp_path: Path) -> None:
    """R0 and R1 are answered alike; a sensor answers in order, so that its answer to 0! comes after what was late."""
    bus = Sdi12Bus({"0": Sensor({"0": ["+10"], "1": ["+11"]})})
    profile = asking("R0")
    second = profile.channels[1].model_copy(update={"field": 0, "options": {"command": "R1"}})
    profile = profile.model_copy(update={"channels": (profile.channels[0], second)})
    async with driven(profile, bus, tmp_path, timeout_s=0.3) as driver:
        bus.spoil = late_but_in_order(bus)
        with pytest.raises(NoReplyError):
            await driver.poll(["v0"])
        values = [(await driver.poll(["v1"])).readings["v1"].value for _ in range(2)]

    assert values == [11, 11]
    assert bus.requests == [b"0R0!", b"0!", b"0R1!", b"0R1!"]
    counters = driver.link.counters["unit"]
    assert counters.late + counters.strange == 1


async def test_after_somebody_else_asked_the_next_question_is_one_that_tells(tmp_path: Path) -> None:
    """A technician's command may be answered late; R would take that for its own."""
    bus = Sdi12Bus({"0": Sensor({"0": AIR})})
    async with driven(asking("R0"), bus, tmp_path) as driver:
        driver.unsettle()
        for _ in range(2):
            await driver.poll(["v0"])

    assert bus.requests == [b"0!", b"0R0!", b"0R0!"]


def late_but_in_order(bus: Sdi12Bus) -> Spoil:
    """Hold the first answer back until there is a second one, which comes behind it."""
    held: list[bytes] = []

    def hold(reply: bytes) -> bytes:
        if len(bus.requests) == 1:
            held.append(reply)
            return b""
        while held:
            bus.say(held.pop())
        return reply

    return hold


async def test_fewer_values_than_announced_are_no_reading(tmp_path: Path) -> None:
    """Which one is missing cannot be told."""
    bus = Sdi12Bus({"0": Sensor({"": AIR})})
    bus.spoil = lambda reply: reply.replace(b"+48.3", b"")
    async with driven(asking("C"), bus, tmp_path, timeout_s=0.2) as driver:
        with pytest.raises(BadReplyError, match="1 values where 2 were announced"):
            await driver.poll(["v0"])


async def test_a_field_beyond_the_values_has_none(tmp_path: Path) -> None:
    """A sensor with fewer of them than its profile says."""
    async with driven(asking("C", count=3), Sdi12Bus({"0": Sensor({"": AIR})}), tmp_path) as driver:
        scan = await driver.poll(["v0", "v2"])

    assert scan.readings["v2"].quality is Quality.NO_VALUE
    assert scan.readings["v2"].reason == "missing"


@pytest.mark.parametrize("command", ["C", "M", "R0"])
async def test_an_absent_sensor_costs_one_short_time_out(command: str, tmp_path: Path) -> None:
    """Not the longest that a measurement may take."""
    bus = Sdi12Bus({"1": Sensor({"": AIR})})
    async with driven(asking(command, longest="30s"), bus, tmp_path, timeout_s=0.1) as driver:
        begun = time.monotonic()
        with pytest.raises(NoReplyError):
            await driver.poll(["v0", "v1"])

    assert time.monotonic() - begun < 15
    assert len(bus.requests) == 1


async def test_check_shows_the_commands() -> None:
    """Each group of values once, however many channels read them."""
    driver = make_driver(
        Device("unit", "0", load_profile("vaisala-wxt536-sdi12")), Link("rack", "serial:///dev/x?baud=9600")
    )
    assert [one.text for one in driver.requests(["wind_speed", "rain", "wind_direction"])] == [
        "0CC1!",
        "0D0!",
        "0CC3!",
        "0D0!",
    ]


@pytest.mark.parametrize(
    ("address", "command", "field", "what"),
    [
        ("00", "C", 0, "'00', which is none of SDI-12"),
        (None, "C", 0, "None, which is none of SDI-12"),
        ("0", "A1", 0, "has options.command = 'A1'"),
        ("0", "XWARA", 0, "has options.command = 'XWARA'"),
        ("0", "C", None, "channel temperature lacks field"),
    ],
)
def test_what_sdi12_cannot_have_is_refused(address: str | None, command: str, field: int | None, what: str) -> None:
    """Neither are commands sent that change a sensor."""
    profile = load_profile(PROBE)
    first = profile.channels[0].model_copy(update={"field": field, "options": {"command": command}})
    with pytest.raises(ProfileError, match=what):
        make_driver(
            Device("unit", address, profile.model_copy(update={"channels": (first,)})), Link("rack", "serial:///dev/x")
        )
