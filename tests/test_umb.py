"""Lufft UMB binary: frames as the manual prints them, and a weather station that is read over a line."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from drivers.api import Device, Link, NoReplyError, ProfileError, Quality, Reading, RefusedError
from drivers.catalog import load_profile, make_driver
from drivers.profile import Profile
from drivers.umb import crc_umb, framed, parts_of
from tests.simulators.driven import driven
from tests.simulators.umb_station import Answer, UmbStation

STATION = "lufft-ws-umb"


def number(kind: int, form: str, value: float) -> Answer:
    return (0, kind, struct.pack(form, value))


CHANNELS = {
    100: number(0x16, "<f", -3.5),
    200: number(0x12, "<H", 81),
    300: number(0x17, "<d", 1012.4),
    460: number(0x16, "<f", 2.6),
    580: number(0x15, "<l", 231),
    110: number(0x13, "<h", -6),
    620: number(0x14, "<L", 12),
    820: number(0x11, "<b", -1),
    700: number(0x10, "<B", 70),
}


def test_the_request_is_that_of_the_manual() -> None:
    """WSxxx-UMB manual, section 19.3.4."""
    request = framed(0x7001, 0x23, struct.pack("<H", 100))
    assert request == bytes.fromhex("01 10 01 70 01 F0 04 02 23 10 64 00 03 61 D9 04")


@pytest.mark.parametrize(
    ("frame", "crc"),
    [
        ("01 10 16 F0 01 30 0A 02 23 10 00 59 02 16 00 00 FA 44 03", "5E 11"),
        ("01 10 01 70 01 F0 04 02 23 10 64 00 03", "61 D9"),
    ],
)
def test_the_umb_crc_is_that_of_lufft_low_byte_first(frame: str, crc: str) -> None:
    """The byte order on the wire is what drivers get wrong."""
    data = bytes.fromhex(frame)
    assert crc_umb(data).to_bytes(2, "little") == bytes.fromhex(crc)


async def test_many_channels_come_with_one_request(tmp_path: Path) -> None:
    """Each in the type that the station chooses."""
    station = UmbStation(0x7001, CHANNELS)
    names = ["temperature", "humidity", "pressure", "wind_speed", "wind_direction", "dew_point", "rain"]
    async with driven(STATION, station, tmp_path) as driver:
        scan = await driver.poll([*names, "rain_intensity", "precipitation", "wind_speed_max"])

    assert {name: one.value for name, one in scan.readings.items()} == {
        "temperature": -3.5,
        "humidity": 81,
        "pressure": 1012.4,
        "wind_speed": 2.6,
        "wind_direction": 231,
        "dew_point": -6,
        "rain": 12,
        "rain_intensity": -1,
        "precipitation": "snow",
        "wind_speed_max": None,
    }
    assert scan.readings["wind_speed_max"] == Reading("wind_speed_max", None, Quality.NOT_FITTED, "umb_24")
    assert len(station.requests) == 1


async def test_a_channel_in_trouble_says_why_and_costs_only_itself(tmp_path: Path) -> None:
    """The status codes are per channel."""
    station = UmbStation(0x7001, CHANNELS | {200: (0x2A, 0, b""), 300: (0x28, 0, b"")})
    async with driven(STATION, station, tmp_path) as driver:
        scan = await driver.poll(["temperature", "humidity", "pressure"])

    assert scan.readings["temperature"].value == -3.5
    assert scan.readings["humidity"] == Reading("humidity", None, Quality.NO_VALUE, "umb_2a")
    assert scan.readings["pressure"] == Reading("pressure", None, Quality.NO_VALUE, "umb_28")


async def test_a_float_that_is_no_number_is_no_value(tmp_path: Path) -> None:
    """NaN is never 0."""
    station = UmbStation(0x7001, {100: number(0x16, "<f", float("nan"))})
    async with driven(STATION, station, tmp_path) as driver:
        scan = await driver.poll(["temperature"])

    assert scan.readings["temperature"] == Reading("temperature", None, Quality.NO_VALUE)


async def test_an_old_station_refuses_and_is_then_asked_one_by_one(tmp_path: Path) -> None:
    """What to do about it is one word in the station file."""
    station = UmbStation(0x7001, CHANNELS, old=True)
    async with driven(STATION, station, tmp_path) as driver:
        with pytest.raises(RefusedError, match="exception 16 \\(unknown command\\)"):
            await driver.poll(["temperature", "humidity"])
    async with driven(options(together=1), station, tmp_path) as driver:
        scan = await driver.poll(["temperature", "humidity"])

    assert [one.value for one in scan.readings.values()] == [-3.5, 81]


async def test_a_class_and_an_id_make_the_address(tmp_path: Path) -> None:
    """Other sensors of the maker are other classes; another address stays silent."""
    station = UmbStation(0x8003, CHANNELS)
    async with driven(options(**{"class": 8}), station, tmp_path, address=3) as driver:
        await driver.probe()
    async with driven(STATION, station, tmp_path, timeout_s=0.1) as driver:
        with pytest.raises(NoReplyError):
            await driver.probe()


async def test_frames_of_others_are_passed_over(tmp_path: Path) -> None:
    """An echo, another station's reply, and a reply about other channels."""
    station = UmbStation(0x7001, CHANNELS)
    stranger = UmbStation(0x7002, CHANNELS).reply(framed(0x7002, 0x23, struct.pack("<H", 100)))
    late = station.reply(framed(0x7001, 0x23, struct.pack("<H", 200)))
    station.spoil = lambda reply: framed(0x7001, 0x23, struct.pack("<H", 100)) + stranger + late + reply
    async with driven(STATION, station, tmp_path) as driver:
        scan = await driver.poll(["temperature"])

        assert scan.readings["temperature"].value == -3.5
        assert driver.link.counters["unit"].strange == 3


@pytest.mark.parametrize(
    "payload",
    [
        "2f 10 00 02 08 64 00",  # cut within a part
        "2f 10 00 01 03 00 64 00 00",  # longer than its parts
        "2f 10 00 01 08 00 64 00 18 00 00 00 00",  # a type that there is not
        "2f 10 00 01 06 00 64 00 16 00 00",  # a float of two bytes
        "2f 10 00 01 02 00 64",  # a part without its channel
        "23 10 00",
    ],
)
def test_a_reply_that_is_not_made_so_is_none(payload: str) -> None:
    """Its CRC may be right all the same."""
    content = bytes.fromhex(payload)
    frame = b"\x01\x10\x01\xf0\x01\x70" + bytes([len(content), 2]) + content + b"\x03\0\0\x04"
    assert parts_of(frame) == []


@pytest.mark.parametrize(
    ("address", "words", "what"),
    [
        (0, {}, "0, which is no number from 1 to 255"),
        (None, {}, "None, which is no number from 1 to 255"),
        (1, {"class": 16}, "has options.class = 16"),
        (1, {"together": 99}, "has options.together = 99"),
    ],
)
def test_what_the_protocol_cannot_have_is_refused(address: int | None, words: dict[str, int], what: str) -> None:
    """Address 0 would be a broadcast."""
    with pytest.raises(ProfileError, match=what):
        make_driver(Device("unit", address, options(**words)), Link("rack", "serial:///dev/x"))


def options(**words: int) -> Profile:
    profile = load_profile(STATION)
    return profile.model_copy(update={"options": profile.options | words})
