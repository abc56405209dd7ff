"""Text instruments over real pseudo-terminals and sockets: who is asked, what counts as an answer, what is lost."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.api import Device, Link
from drivers.catalog import load_profile
from drivers.checksum import crc_vaisala
from drivers.dialogue import DialogueDriver
from drivers.errors import BadReplyError, LinkDownError, NoReplyError, ProfileError
from drivers.profile import Profile
from drivers.reading import Quality, Reading
from tests.simulators import misbehaviour
from tests.simulators.pieces import Ending, Misbehave
from tests.simulators.text_instrument import TextLine, TextTcpServer

COMMON = {"model": "T", "maker": "Acme", "kind": "test", "manual": "none", "source": "none", "confidence": "unverified"}
UTC_ZONE, SHANGHAI = ZoneInfo("UTC"), ZoneInfo("Asia/Shanghai")


def profile(requests: list[dict[str, Any]], channels: list[dict[str, Any]], **dialogue: Any) -> Profile:
    words = {"protocol": "dialogue", "dialogue": {"request": requests, **dialogue}, "channel": channels}
    return Profile.model_validate({**COMMON, **words})


def checked(line: bytes) -> bytes:
    return line + crc_vaisala(line) + b"\r\n"


WXT, BAM = load_profile("vaisala-wxt536"), load_profile("metone-bam1020")
WEATHER = {
    checked(b"0r1"): checked(b"0r1,Dn=236D,Dm=283D,Dx=031D,Sn=0.0M,Sm=1.0M,Sx=2.2M"),
    checked(b"0r2"): checked(b"0r2,Ta=23.6C,Ua=14.2P,Pa=1026.6H"),
}
RECORD = b"01/30/08 16:00, 0.084, 0.834, 0.0,0,0,30,57.0,27.1,0,0,0,0,0,0,0,0,0,0,0,0,\r\n"
GILL = profile(
    [{"name": "wind", "separator": ","}],
    [{"name": "direction", "field": 1, "unit": "deg"}, {"name": "speed", "field": 2, "unit": "m/s", "raw": True}],
    checksum="gill-xor",
)
BREEZE, CALM = b"\x02Q,229,002.74,M,00,\x0316\r\n", b"\x02Q,,000.04,M,00,\x032A\r\n"


@asynccontextmanager
async def asking(
    profile: Profile, url: str, *, address: int | str | None = "0", timeout_s: float = 0.25, zone: ZoneInfo = UTC_ZONE
) -> AsyncIterator[DialogueDriver]:
    """A driver on a link of its own."""
    link = Link("rack", url, quiet_s=0.02)
    try:
        yield DialogueDriver(Device("unit", address, profile, timeout_s=timeout_s, timezone=zone), link)
    finally:
        await link.close()


@asynccontextmanager
async def weather(tmp_path: Path, misbehave: Misbehave | None = None) -> AsyncIterator[tuple[TextLine, DialogueDriver]]:
    """A WXT536 on a serial line, and its driver."""
    async with (
        TextLine(WEATHER, tmp_path / "wxt", misbehave=misbehave) as line,
        asking(WXT, f"serial://{line.path}?baud=19200") as driver,
    ):
        yield line, driver


async def test_a_weather_transmitter_is_read_with_checksums(tmp_path: Path) -> None:
    """Requests and answers carry the CRC that the user guide prints."""
    async with weather(tmp_path) as (line, driver):
        scan = await driver.poll(["wind_speed", "wind_direction", "pressure"])

    assert {name: reading.value for name, reading in scan.readings.items()} == {
        "wind_speed": 1,
        "wind_direction": 283,
        "pressure": 1026.6,
    }
    assert [request for _, request in line.requests] == [b"0r1Goe\r\n", b"0r2Gje\r\n"]
    assert abs(datetime.now(UTC) - scan.time) < timedelta(seconds=5)


async def test_the_same_over_tcp() -> None:
    """Serial servers turn the wire into a socket and nothing else."""
    async with TextTcpServer(WEATHER) as server, asking(WXT, f"tcp://127.0.0.1:{server.port}") as driver:
        assert (await driver.poll(["temperature"])).readings["temperature"] == Reading("temperature", 23.6)


@pytest.mark.parametrize(
    "misbehave",
    [misbehaviour.byte_by_byte, misbehaviour.in_two(0.05), misbehaviour.echo_before, misbehaviour.duplicate],
)
async def test_pieces_echoes_and_repetitions_change_nothing(tmp_path: Path, misbehave: Misbehave) -> None:
    """USB adapters deliver what they like, when they like."""
    async with weather(tmp_path, misbehave) as (_, driver):
        for _ in range(3):
            assert (await driver.poll(["temperature"])).readings["temperature"].value == 23.6


def flipped(request: bytes, honest: bytes) -> list[tuple[float, bytes | Ending]]:
    """One digit of the answer damaged."""
    return [(0, honest.replace(b"3", b"7", 1))]


def cut(request: bytes, honest: bytes) -> list[tuple[float, bytes | Ending]]:
    """The answer without its end."""
    return [(0, honest[:-2])]


def other_unit(request: bytes, honest: bytes) -> list[tuple[float, bytes | Ending]]:
    """The answer of the unit with another address, its CRC in order."""
    return [(0, checked(b"1" + honest[1:-5]))]


@pytest.mark.parametrize("misbehave", [flipped, cut, other_unit, misbehaviour.torn, misbehaviour.echo_only])
async def test_a_line_that_is_not_the_answer_is_never_a_value(tmp_path: Path, misbehave: Misbehave) -> None:
    """A wrong digit looks like weather; only a failed request tells."""
    async with weather(tmp_path, misbehave) as (_, driver):
        with pytest.raises(BadReplyError):
            await driver.poll(["temperature"])


async def test_lines_that_talk_by_themselves_are_passed_over(tmp_path: Path) -> None:
    """Analyzers send warnings on the port that carries the answers."""

    def warn(_: bytes, honest: bytes) -> list[tuple[float, bytes | Ending]]:
        return [(0, b"W 194:11:29 0000 SAMPLE FLOW WARN\r\n"), (0.02, honest)]

    async with weather(tmp_path, warn) as (_, driver):
        assert (await driver.poll(["temperature"])).readings["temperature"].value == 23.6


async def test_what_came_before_the_question_is_not_its_answer(tmp_path: Path) -> None:
    """A value of a minute ago, still in the buffer, would be repeated as new."""
    counter = profile([{"name": "q", "send": "Q"}], [{"name": "x", "field": 0}])
    async with (
        TextLine({b"Q\r\n": b"2\r\n"}, tmp_path / "unit") as line,
        asking(counter, f"serial://{line.path}") as driver,
    ):
        await driver.link.open()
        line.say(b"1\r\n")
        await asyncio.sleep(0.02)
        assert (await driver.poll(["x"])).readings["x"].value == 2


async def test_a_late_answer_is_not_taken_for_the_next(tmp_path: Path) -> None:
    """After a time-out the instrument may still answer, while the next question is on its way."""
    async with weather(tmp_path, misbehaviour.in_turn(misbehaviour.late(0.3))) as (_, driver):
        with pytest.raises(NoReplyError):
            await driver.poll(["wind_speed"])
        assert (await driver.poll(["temperature"])).readings["temperature"].value == 23.6


async def test_a_failed_request_costs_its_own_channels_only(tmp_path: Path) -> None:
    """The rest of the poll is as good as ever."""
    async with weather(tmp_path) as (line, driver):
        del line.replies[b"0r2Gje\r\n"]
        scan = await driver.poll(["temperature", "wind_speed"])

    assert scan.readings["wind_speed"] == Reading("wind_speed", 1)
    assert scan.readings["temperature"] == Reading("temperature", None, Quality.COMM_FAULT, "no_reply")


async def test_a_silent_instrument_costs_one_time_out(tmp_path: Path) -> None:
    """Others on the wire wait for every further question that nobody answers."""
    async with weather(tmp_path, misbehaviour.silence) as (line, driver):
        with pytest.raises(NoReplyError):
            await driver.poll(["wind_speed", "temperature", "rain", "heater"])
    assert len(line.requests) == 1


async def test_a_wire_that_ends_in_the_middle_keeps_what_came() -> None:
    """The first answer of the poll counts; the others are lost with the connection."""

    def hang_up(request: bytes, honest: bytes) -> list[tuple[float, bytes | Ending]]:
        return [(0, honest)] if request.startswith(b"0r1") else [(0, honest[:9]), (0.01, Ending.CLOSE)]

    async with (
        TextTcpServer(WEATHER, misbehave=hang_up) as server,
        asking(WXT, f"tcp://127.0.0.1:{server.port}") as driver,
    ):
        scan = await driver.poll(["wind_speed", "temperature", "rain"])
    assert scan.readings["wind_speed"].value == 1
    assert {scan.readings[name].reason for name in ("temperature", "rain")} == {"link_down"}


async def test_a_port_that_is_not_there_is_a_link_that_is_down(tmp_path: Path) -> None:
    """The technician looks for the cable, not for the instrument."""
    async with asking(WXT, f"serial://{tmp_path}/nothing") as driver:
        with pytest.raises(LinkDownError):
            await driver.poll(["wind_speed"])


async def test_the_record_of_an_hour_says_when_it_was_sampled(tmp_path: Path) -> None:
    """The value belongs to its hour, not to the poll; the clock of the instrument is in the zone of the station."""
    async with (
        TextLine({b"\x1bQ\r": RECORD}, tmp_path / "bam") as line,
        asking(BAM, f"serial://{line.path}", zone=SHANGHAI) as driver,
    ):
        scan = await driver.poll(["pm", "sample_time"])

    assert scan.readings["pm"] == Reading("pm", 0.084)
    assert scan.sampled == (datetime(2008, 1, 30, 7, tzinfo=UTC), datetime(2008, 1, 30, 8, tzinfo=UTC))
    assert scan.readings["sample_time"].value == "2008-01-30T08:00:00Z"


async def test_unsolicited_lines_give_the_newest_once(tmp_path: Path) -> None:
    """The same line polled twice would count one measurement twice."""
    async with TextLine({}, tmp_path / "wind") as line, asking(GILL, f"serial://{line.path}") as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(["speed"])
        line.say(BREEZE + CALM)
        scan = await driver.poll(["speed", "direction"])
        with pytest.raises(NoReplyError):
            await driver.poll(["speed"])

    assert scan.readings["speed"] == Reading("speed", 0.04, raw=CALM.hex(" "))
    assert scan.readings["direction"] == Reading("direction", None, Quality.NO_VALUE)


async def test_an_unsolicited_line_is_waited_for(tmp_path: Path) -> None:
    """A poll may come just before the line."""
    async with (
        TextLine({}, tmp_path / "wind") as line,
        asking(GILL, f"serial://{line.path}", timeout_s=2) as driver,
        line.saying([BREEZE], every_s=0.05),
    ):
        assert [(await driver.poll(["speed"])).readings["speed"].value for _ in range(3)] == [2.74] * 3


async def test_half_a_line_is_no_line(tmp_path: Path) -> None:
    """Listening begins anywhere, also in the middle of a number."""
    whole = profile([{"name": "p", "expect": r"P \d+ \d+"}], [{"name": "x", "field": 2}])
    async with TextLine({}, tmp_path / "unit") as line, asking(whole, f"serial://{line.path}") as driver:
        with pytest.raises(NoReplyError):
            await driver.poll(["x"])
        line.say(b"23 456\r\nP 1")
        with pytest.raises(NoReplyError):
            await driver.poll(["x"])
        line.say(b"2 78\r\n")
        assert (await driver.poll(["x"])).readings["x"].value == 78


async def test_pieces_of_two_lines_do_not_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a plug was pulled, the rest of another line may follow the begin of the first."""
    monkeypatch.setattr("drivers.dialogue.TORN_S", 0.05)
    whole = profile([{"name": "p", "expect": r"P \d+ \d+"}], [{"name": "x", "field": 2}])
    async with TextLine({}, tmp_path / "unit") as line, asking(whole, f"serial://{line.path}") as driver:
        for piece in (b"P 12 3", b"4 99\r\n"):
            with pytest.raises(NoReplyError):
                await driver.poll(["x"])
            line.say(piece)
        with pytest.raises(NoReplyError):
            await driver.poll(["x"])


async def test_a_listener_ends_with_its_driver(tmp_path: Path) -> None:
    """A reload replaces drivers while the link lives on."""
    async with TextLine({}, tmp_path / "wind") as line:
        link = Link("rack", f"serial://{line.path}")
        driver = DialogueDriver(Device("wind", None, GILL, timeout_s=0.01), link)
        with contextlib.suppress(NoReplyError):
            await driver.poll(["speed"])
        assert len(link._listeners) == 1
        del driver
        await asyncio.sleep(0.01)  # the loop still holds what it cancelled last
        gc.collect()
        assert link._listeners == []
        await link.close()


async def test_a_probe_is_one_cheap_request(tmp_path: Path) -> None:
    """A dead unit is asked as little as possible."""
    async with weather(tmp_path) as (line, driver):
        await driver.probe()
        line.misbehave = misbehaviour.silence
        with pytest.raises(NoReplyError):
            await driver.probe()
    assert len(line.requests) == 2


async def test_requests_say_what_a_poll_will_cost() -> None:
    """The check of a station prints bytes and time before anything is sent."""
    async with asking(WXT, "tcp://127.0.0.1:9") as driver:
        plans = driver.requests(["temperature", "wind_speed"])
    assert [(plan.text, plan.sent) for plan in plans] == [("'0r1'", 8), ("'0r2'", 8)]
    assert [plan.expected for plan in plans] == [56, 37]


async def test_a_request_may_have_a_time_out_of_its_own(tmp_path: Path) -> None:
    """One slow answer must not make all others of the instrument be waited for; its watchdog knows both."""
    slow = profile(
        [{"name": "quick", "send": "A"}, {"name": "slow", "send": "B", "timeout": "2s"}],
        [{"name": "a", "field": 0, "request": "quick"}, {"name": "b", "field": 0, "request": "slow"}],
    )

    def lazy(request: bytes, honest: bytes) -> list[tuple[float, bytes | Ending]]:
        return [(0.5 if request.startswith(b"B") else 0.0, honest)]

    replies = {b"A\r\n": b"1\r\n", b"B\r\n": b"2\r\n"}
    async with (
        TextLine(replies, tmp_path / "unit", misbehave=lazy) as line,
        asking(slow, f"serial://{line.path}", timeout_s=0.25) as driver,
    ):
        scan = await driver.poll(["a", "b"])
        assert driver.longest_s(["a", "b"]) == 0.25 + 2.0 + 0.25
    assert {name: one.value for name, one in scan.readings.items()} == {"a": 1, "b": 2}


async def test_a_device_without_the_address_it_needs_is_refused() -> None:
    """The mistake is in the station file and is found before anything is asked."""
    with pytest.raises(ProfileError, match="needs an address") as error:
        async with asking(WXT, "tcp://127.0.0.1:9", address=None):
            pass
    assert "address" in error.value.hint


async def test_a_profile_without_a_dialogue_is_refused() -> None:
    """A Modbus profile has nothing that could be said in lines."""
    with pytest.raises(ProfileError, match="no dialogue"):
        async with asking(load_profile("sms-d-h"), "tcp://127.0.0.1:9"):
            pass


@pytest.mark.parametrize(
    ("request_", "channel", "fault"),
    [
        ({"name": "q"}, {"field": 0}, "need expect or a checksum"),
        ({"name": "q", "send": "Q", "expect": "("}, {"field": 0}, "not a regular expression"),
        ({"name": "q", "send": "Q"}, {"field": 0, "request": "r"}, "not a request"),
        ({"name": "q", "send": "Q"}, {"field": 0, "ask": "o3"}, "ask belongs to"),
        ({"name": "q", "send": "{ask}"}, {"field": 0}, "ask belongs to"),
        ({"name": "q", "send": "Q"}, {}, "by field or by pattern"),
        ({"name": "q", "send": "Q"}, {"field": 0, "pattern": "(?P<value>.)"}, "by field or by pattern"),
    ],
)
def test_a_dialogue_that_cannot_work_is_refused(request_: dict[str, Any], channel: dict[str, Any], fault: str) -> None:
    """Mistakes in a profile are found when it is read."""
    with pytest.raises(ValidationError, match=fault):
        profile([request_], [{"name": "x", **channel}])


@pytest.mark.parametrize(
    ("dialogue", "fault"), [({"begin": "\x02"}, "has one line"), ({"trailer": 2}, "needs a checksum")]
)
def test_a_frame_that_cannot_be_is_refused(dialogue: dict[str, Any], fault: str) -> None:
    """Several lines have no common begin, and check characters that nobody checks prove nothing."""
    lines = 2 if "begin" in dialogue else 1
    with pytest.raises(ValidationError, match=fault):
        profile([{"name": "q", "send": "Q", "lines": lines}], [{"name": "x", "field": 0}], **dialogue)


async def test_a_request_is_put_once_for_each_word_that_channels_ask(tmp_path: Path) -> None:
    """Two channels of one answer share a question; the order is that of the profile."""
    asks = profile(
        [{"name": "q", "send": "{address+128:c}{ask}", "expect": "{ask} .*"}],
        [
            {"name": "o3", "field": 1, "ask": "o3"},
            {"name": "unit", "type": "string", "field": 2, "ask": "o3"},
            {"name": "flow", "field": 1, "ask": "flow"},
        ],
        terminator="\r",
        encoding="latin-1",
    )
    replies = {b"\xb1o3\r": b"o3 5057E-1 ppb\r", b"\xb1flow\r": b"flow 0.6 l/m\r"}
    async with (
        TextLine(replies, tmp_path / "unit") as line,
        asking(asks, f"serial://{line.path}", address=49) as driver,
    ):
        scan = await driver.poll(["flow", "unit", "o3"])
        plans = driver.requests(["o3", "flow"])
    assert {name: reading.value for name, reading in scan.readings.items()} == {"flow": 0.6, "unit": "ppb", "o3": 505.7}
    assert [request for _, request in line.requests] == list(replies)
    assert [plan.sent for plan in plans] == [4, 6]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.binary(min_size=1, max_size=12), max_size=5))
def test_noise_on_the_wire_never_becomes_weather(tmp_path: Path, noise: list[bytes]) -> None:
    """Whatever comes, a reading is the one that was sealed, or there is none."""

    def noisy(_: bytes, honest: bytes) -> list[tuple[float, bytes | Ending]]:
        return [*((0.0, piece) for piece in noise), (0.0, b"\r\n" + honest)]

    async def once() -> Reading:
        async with (
            TextTcpServer(WEATHER, misbehave=noisy) as server,
            asking(WXT, f"tcp://127.0.0.1:{server.port}") as driver,
        ):
            return (await driver.poll(["temperature"])).readings["temperature"]

    assert asyncio.run(once()) == Reading("temperature", 23.6)
