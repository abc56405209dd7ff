"""Text instruments with habits of their own: prompts, echoes, other line ends, other letters, other numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drivers.errors import BadReplyError
from drivers.profile import Profile
from drivers.reading import Quality, Reading, Value
from tests.simulators.pieces import Misbehave, Piece
from tests.simulators.text_instrument import TextLine
from tests.test_dialogue import asking, profile

ASK = b"T?\r\n"


def thermometer(channel: dict[str, Any] | None = None, **dialogue: Any) -> Profile:
    """One question, T?, and one number in its answer."""
    place = channel or {"field": 0}
    return profile([{"name": "q", "send": "T?"}], [{"name": "t", **place}], request_terminator="\r\n", **dialogue)


NUMBER = {"pattern": r"(?P<value>[-+\d.]+)"}
UNDERSTOOD: dict[str, tuple[dict[str, Any] | None, dict[str, Any], bytes]] = {
    "line feeds only": (None, {"terminator": "\n"}, b"21.5\n"),
    "line feeds said, carriage returns too": (None, {"terminator": "\n"}, b"21.5\r\n"),
    "carriage returns only": (None, {"terminator": "\r"}, b"21.5\r"),
    "no end but a prompt": (None, {"terminator": ">"}, b"\r\n21.5\r\n>"),
    "a prompt behind the answer": (None, {}, b"21.5\r\n> "),
    "an echo in a line of its own": (None, {}, b"T?\r\n21.5\r\n"),
    "an echo as a terminal gives it": (None, {}, b"T?\r\r\n21.5\r\n>"),
    "empty lines before it": (None, {}, b"\r\n\r\n21.5\r\n"),
    "a degree sign": (NUMBER, {"encoding": "latin-1"}, b"21.5 \xb0C\r\n"),
    "a Chinese degree sign": (NUMBER, {"encoding": "gb18030"}, "21.5 ℃\r\n".encode("gbk")),
    "a decimal comma": ({"field": 0, "format": "comma"}, {}, b"21,5\r\n"),
    "a power of ten": (None, {}, b"+2.150E+01\r\n"),
}


@pytest.mark.parametrize("case", UNDERSTOOD.values(), ids=UNDERSTOOD)
async def test_a_habit_that_a_profile_can_say_changes_no_value(
    case: tuple[dict[str, Any] | None, dict[str, Any], bytes], tmp_path: Path
) -> None:
    """Poll after poll: what one answer leaves behind must not begin the next."""
    channel, dialogue, reply = case
    async with (
        TextLine({ASK: reply}, tmp_path / "t") as line,
        asking(thermometer(channel, **dialogue), f"serial://{line.path}") as driver,
    ):
        for _ in range(3):
            assert (await driver.poll(["t"])).readings == {"t": Reading("t", 21.5)}


def and_then(more: bytes, delay_s: float) -> Misbehave:
    """*more*, by itself, some time after the answer."""

    def prompt(_request: bytes, honest: bytes) -> list[Piece]:
        return [(0, honest), (delay_s, more)]

    return prompt


@pytest.mark.parametrize("delay_s", [0.0, 0.02])
async def test_a_prompt_that_comes_late_begins_no_answer(delay_s: float, tmp_path: Path) -> None:
    """It arrives when nobody asks, or just as somebody does."""
    async with (
        TextLine({ASK: b"21.5\r\n"}, tmp_path / "t", misbehave=and_then(b"READY>", delay_s)) as line,
        asking(thermometer({"pattern": r"^(?P<value>[\d.]+)$"}), f"serial://{line.path}") as driver,
    ):
        found = [(await driver.poll(["t"])).readings["t"].value for _ in range(5)]
    assert set(found) <= {21.5, None}
    assert 21.5 in found


NOT_UNDERSTOOD = {
    "another line end": (b"21.5\n", r"5 bytes came that are no whole reply: '21\.5\\n'"),
    "no line end": (b"21.5", r"4 bytes came that are no whole reply: '21\.5'"),
    "not text at all": (b"\x02\x9f21.5", "6 bytes came that are no whole reply: 02 9f 32"),
    "another encoding": (b"21.5 \xb0C\r\n", "byte b0 is none of encoding ascii"),
    "noise inside": (b"21\x00.5\r\n", "control characters inside"),
}


@pytest.mark.parametrize(("reply", "words"), NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
async def test_an_answer_that_cannot_be_read_is_shown(reply: bytes, words: str, tmp_path: Path) -> None:
    """What came, as text where it is text, is what the profile has to be corrected with."""
    async with (
        TextLine({ASK: reply}, tmp_path / "t") as line,
        asking(thermometer(), f"serial://{line.path}", timeout_s=0.1) as driver,
    ):
        with pytest.raises(BadReplyError, match=words):
            await driver.poll(["t"])


FIELDS: dict[bytes, Value] = {
    b"-0.0": 0,
    b"-999": -999,  # a value, unless the profile says otherwise
    b"+1.23E-02": 0.0123,
    b"1e400": None,
    b"****": None,
    b"--.--": None,
    b"NaN": None,
    b"-nan": None,
    b"Infinity": None,
    b"0x10": None,
    b"1_000": None,
    b"1,234.5": None,
    b"21,5": None,
    b"<0.1": None,
    b">500": None,
    b"1.2.3": None,
    b"21.5*": None,
}


@pytest.mark.parametrize(("text", "value"), FIELDS.items(), ids=[text.decode() for text in FIELDS])
async def test_what_is_nearly_a_number_is_none(text: bytes, value: Value, tmp_path: Path) -> None:
    """Half of what stands there would be another value."""
    async with (
        TextLine({ASK: text + b"\r\n"}, tmp_path / "t") as line,
        asking(thermometer(), f"serial://{line.path}") as driver,
    ):
        reading = (await driver.poll(["t"])).readings["t"]
    assert (reading.value, reading.quality) == (value, Quality.VALID if value is not None else Quality.NO_VALUE)
