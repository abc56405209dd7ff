"""Registers become readings without noise digits, without invented zeros, in the right order."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.decode import decode
from drivers.digits import shortest_float32
from drivers.profile import Channel
from drivers.reading import Quality, Reading


def channel(**words: Any) -> Channel:
    return Channel.model_validate({"name": "x", "register": 0, **words})


def value_of(words: list[int], **profile: Any) -> object:
    return decode(channel(**profile), words).value


def float_words(number: float, form: str = ">f") -> list[int]:
    data = struct.pack(form, number)
    return list(struct.unpack(f">{len(data) // 2}H", data))


@pytest.mark.parametrize("signed", [False, True])
def test_every_word_times_a_tenth_prints_as_a_tenth(signed: bool) -> None:
    """Binary multiplication makes 0.30000000000000004 of 3 x 0.1, and that would be stored and hashed."""
    tenth = channel(type="int16" if signed else "uint16", scale=Decimal("0.1"))
    for word in range(65536):
        number = word - 65536 if signed and word >= 32768 else word
        value = decode(tenth, [word]).value

        assert isinstance(value, float)
        assert repr(value) == f"{'-' if number < 0 else ''}{abs(number) // 10}.{abs(number) % 10}"


def is_shortest(text: str, number: float) -> bool:
    """Whether no decimal of fewer digits lies nearer to *number* than to its neighbours, in exact arithmetic."""
    bits = struct.unpack(">I", struct.pack(">f", abs(number)))[0]
    here, below, above = (Fraction(_float32(max(pattern, 0))) for pattern in (bits, bits - 1, bits + 1))
    low, high = (here + below) / 2, (here + above) / 2
    fewer = len(Decimal(text).normalize().as_tuple().digits) - 1
    if not fewer:
        return True
    step = Fraction(10) ** (Decimal(number).adjusted() - fewer + 1)
    down = here // step * step
    return not any(low < decimal < high for decimal in (down, down + step))


def _float32(pattern: int) -> float:
    return struct.unpack(">f", struct.pack(">I", pattern))[0] if pattern < 0x7F800000 else 2.0**128


def as_float32(pattern: int) -> float:
    return struct.unpack(">f", struct.pack(">I", pattern))[0]


@given(st.integers(0, 2**32 - 1).map(as_float32).filter(math.isfinite))
@example(0.0)
@example(-0.0)
@example(as_float32(1))
@example(as_float32(0x007FFFFF))
@example(as_float32(0x00800000))
@example(as_float32(0x7F7FFFFF))
@example(2.0**-96)
@example(2.0**87)
@example(-(2.0**90))
def test_a_float32_is_the_shortest_decimal_that_gives_it_back(number: float) -> None:
    """An analyzer that shows 45.1 must not become 45.099998474121094 on its way."""
    text = shortest_float32(number)

    assert struct.pack(">f", float(text)) == struct.pack(">f", number)
    assert is_shortest(text, number)


@given(st.integers(0, 2**32 - 1))
def test_every_bit_pattern_is_a_finite_number_or_no_value(pattern: int) -> None:
    """NaN and infinity are how instruments say that they have nothing."""
    reading = decode(channel(type="float32"), [pattern >> 16, pattern & 0xFFFF])

    if math.isfinite(as_float32(pattern)):
        assert struct.pack(">f", reading.value) == struct.pack(">I", pattern)
        assert reading.quality is Quality.VALID
    else:
        assert reading == Reading("x", None, Quality.NO_VALUE)


SCALED = [
    ([123], {"type": "uint16", "scale": Decimal("0.1")}, 12.3),
    ([0xFF33], {"type": "int16", "scale": Decimal("0.1")}, -20.5),
    ([3], {"type": "uint16", "scale": Decimal("0.1"), "offset": Decimal(-40)}, -39.7),
    ([7], {"type": "uint16", "scale": Decimal(10)}, 70),
    ([7], {"type": "uint16"}, 7),
    ([0, 5], {"type": "int32", "scale": Decimal("0.001")}, 0.005),
    (float_words(0.1), {"type": "float32"}, 0.1),
    (float_words(0.1), {"type": "float32", "scale": Decimal(1000)}, 100.0),
    (float_words(1.1), {"type": "float32", "scale": Decimal("1.1")}, 1.21),
    (float_words(0.1, ">d"), {"type": "float64"}, 0.1),
    (float_words(0.1, ">d"), {"type": "float64", "scale": Decimal(3)}, 0.3),
    ([0x0020, 0, 0, 0], {"type": "int64"}, 2**53),
    ([0x0020, 0, 0, 1], {"type": "int64"}, "9007199254740993"),
    ([0xFFDF, 0xFFFF, 0xFFFF, 0xFFFF], {"type": "int64"}, "-9007199254740993"),
    ([0xFFFF] * 4, {"type": "uint64"}, "18446744073709551615"),
    ([0xFFFF] * 4, {"type": "uint64", "scale": Decimal("0.01")}, "184467440737095516.15"),
    ([0x1234], {"type": "bcd"}, 1234),
    ([0x0012, 0x3456], {"type": "bcd", "count": 2, "scale": Decimal("0.01")}, 1234.56),
    ([0x8000], {"type": "uint16", "bit": 15}, True),
    ([0x7FFF], {"type": "uint16", "bit": 15}, False),
    ([2], {"type": "bool"}, True),
    ([0x0001, 0x8002], {"type": "bits", "count": 2}, 0x18002),
]


@pytest.mark.parametrize(("words", "profile", "value"), SCALED)
def test_a_number_has_the_digits_that_it_means(words: list[int], profile: dict[str, Any], value: object) -> None:
    """Scale and offset are decimal; what a double cannot hold is text."""
    decoded = value_of(words, **profile)

    assert decoded == value
    assert type(decoded) is type(value)


ORDERS = [
    ("ABCD", [0x4236, 0x0000], [0x1122, 0x3344, 0x5566, 0x7788]),
    ("CDAB", [0x0000, 0x4236], [0x7788, 0x5566, 0x3344, 0x1122]),
    ("BADC", [0x3642, 0x0000], [0x2211, 0x4433, 0x6655, 0x8877]),
    ("DCBA", [0x0000, 0x3642], [0x8877, 0x6655, 0x4433, 0x2211]),
]


@pytest.mark.parametrize(("order", "two", "four"), ORDERS)
def test_the_word_order_holds_for_two_and_for_four_registers(order: Any, two: list[int], four: list[int]) -> None:
    """All four orders occur in the field; the wrong one gives a plausible number now and then."""
    assert value_of(two, type="float32", order=order) == 45.5
    assert value_of(four, type="uint64", order=order) == str(0x1122334455667788)
    assert decode(channel(type="float32"), two, order=order).value == 45.5


def test_the_order_of_the_model_leaves_single_registers_alone() -> None:
    """Models with little-endian floats have plain 16-bit registers beside them; a channel may say otherwise."""
    assert decode(channel(type="uint16"), [0x1234], order="DCBA").value == 0x1234
    assert decode(channel(type="uint16", order="DCBA"), [0x1234]).value == 0x3412


NO_VALUE = [
    ([0x7FA0, 0x0000], {"type": "float32"}),
    ([0x7F80, 0x0000], {"type": "float32"}),
    ([0xFFF0, 0, 0, 0], {"type": "float64"}),
    (float_words(-9999.9), {"type": "float32", "no_value": [Decimal("-9999.9")]}),
    (float_words(-999), {"type": "float32", "no_value": [-999], "scale": Decimal("0.1")}),
    ([32767], {"type": "int16", "no_value": [32767], "scale": Decimal("0.1")}),
    ([0xFFFF], {"type": "int16", "no_value": [65535]}),
    ([0xFFFF], {"type": "int16", "no_value": [-1]}),
    ([0x12A4], {"type": "bcd"}),
    ([0x2020, 0x2000], {"type": "string", "count": 2}),
    ([0x4E2F, 0x4100], {"type": "string", "count": 2, "no_value": ["N/A"]}),
    ([0xFFFE], {"type": "string", "count": 1}),
    ([0x0141], {"type": "string", "count": 1}),
    ([0x2613, 0x2204, 0x3005], {"type": "time", "format": "bcd-ymdhms"}),
    ([0x2A11, 0x2204, 0x3005], {"type": "time", "format": "bcd-ymdhms"}),
]


@pytest.mark.parametrize(("words", "profile"), NO_VALUE)
def test_missing_is_not_zero(words: list[int], profile: dict[str, Any]) -> None:
    """A sentinel taken for a number is the peak of the year; a zero would look like clean air."""
    reading = decode(channel(**profile), words)

    assert (reading.value, reading.quality) == (None, Quality.NO_VALUE)


def test_a_text_reads_high_byte_first_without_its_padding() -> None:
    """Serial numbers and firmware are watched: padding must not look like a change."""
    assert value_of([0x5431, 0x3030, 0x0000], type="string", count=3) == "T100"
    assert decode(channel(type="string", count=2), [0x5431, 0x3030], order="CDAB").value == "T100"
    assert value_of([0x3154, 0x3030], type="string", count=2, order="BADC") == "T100"


def test_bits_of_a_bit_table_count_from_the_first_address() -> None:
    """Bit n is the input at register + n."""
    assert decode(channel(table="discrete"), [1], bits=True).value is True
    assert decode(channel(table="discrete", type="bits", count=4), [1, 0, 0, 1], bits=True).value == 0b1001
    assert decode(channel(table="coil", count=4, bit=3), [0, 0, 0, 1], bits=True).value is True


STATES = {"0": {"name": "sample"}, "2": {"name": "span", "quality": "span_check"}}


def test_a_state_is_told_by_its_name() -> None:
    """Whoever reads the record later does not have the manual."""
    assert value_of([2], type="uint16", states=STATES) == "span"
    assert decode(channel(table="coil", states=STATES), [0], bits=True).value == "sample"


def test_an_unknown_state_is_kept_and_suspect() -> None:
    """A firmware newer than the profile must not pass for a state that is known."""
    assert decode(channel(type="uint16", states=STATES), [9]) == Reading("x", "9", Quality.SUSPECT)


@pytest.mark.parametrize(
    ("word", "quality"),
    [(0xFFCD, Quality.UNDER_RANGE), (0xFFCE, Quality.VALID), (5000, Quality.VALID), (5001, Quality.OVER_RANGE)],
)
def test_a_value_out_of_range_is_kept_and_marked(word: int, quality: Quality) -> None:
    """Zero drift below zero is real data; what the instrument cannot measure is marked, never clamped."""
    reading = decode(channel(type="int16", scale=Decimal("0.1"), range=[-5.0, 500.0]), [word])

    assert reading.quality is quality
    assert reading.value == pytest.approx((word - 65536 if word > 32767 else word) / 10)


def test_the_raw_words_are_kept_where_the_channel_asks() -> None:
    """The proof of a decoded value, also of one that could not be decoded."""
    assert decode(channel(type="float32", raw=True), [0x4236, 0]).raw == "4236 0000"
    assert decode(channel(type="bcd", raw=True), [0x12A4]).raw == "12a4"
    assert decode(channel(type="bits", count=3, raw=True, table="coil"), [1, 0, 1], bits=True).raw == "101"


CLOCK = channel(type="time", format="bcd-ymdhms")


def test_an_instrument_clock_becomes_utc() -> None:
    """Instruments keep the station's local time; what is stored is UTC."""
    reading = decode(CLOCK, [0x2611, 0x2212, 0x3005], timezone=ZoneInfo("Asia/Shanghai"))

    assert reading.value == "2026-11-22T04:30:05Z"


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-10-25T00:31:00+00:00", "2026-10-25T00:30:00Z"), ("2026-10-25T01:31:00+00:00", "2026-10-25T01:30:00Z")],
)
def test_the_hour_that_comes_twice_is_the_one_that_is_now(now: str, expected: str) -> None:
    """When clocks are put back, 02:30 comes twice within an hour."""
    reading = decode(
        CLOCK,
        [0x2610, 0x2502, 0x3000],
        timezone=ZoneInfo("Europe/Berlin"),
        now=datetime.fromisoformat(now).astimezone(UTC),
    )

    assert reading.value == expected


def test_an_hour_that_summer_time_skips_is_no_time() -> None:
    """Such a clock is wrong; what it says cannot be placed."""
    reading = decode(CLOCK, [0x2603, 0x2902, 0x3000], timezone=ZoneInfo("Europe/Berlin"))

    assert (reading.value, reading.reason) == (None, "undecodable")


@pytest.mark.parametrize(("label", "expected"), [("begin", "2026-10-25T00:00:00Z"), ("end", "2026-10-25T01:00:00Z")])
def test_a_sample_of_the_hour_that_comes_twice_has_ended_when_it_is_told(label: str, expected: str) -> None:
    """At 02:01 in winter time the hour that began at 02:00 is the summer's; the one that ended then is over too."""
    clock = channel(type="time", format="bcd-ymdhms", period="1h", label=label)
    now = datetime(2026, 10, 25, 1, 1, tzinfo=UTC)

    reading = decode(clock, [0x2610, 0x2502, 0x0000], timezone=ZoneInfo("Europe/Berlin"), now=now)

    assert reading.value == expected
