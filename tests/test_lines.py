"""What stands in a line of text, and what is no value at all."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.decode import NoValueError
from drivers.instants import span
from drivers.lines import instant, read
from drivers.profile import Channel
from drivers.reading import Quality, Reading, Value

NEW_YORK, BERLIN, SHANGHAI = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NO_VALUE = Quality.NO_VALUE


def channel(**words: Any) -> Channel:
    if "pattern" not in words:
        words.setdefault("field", 0)
    return Channel.model_validate({"name": "x", **words})


def reading(text: str, separator: str | None = ",", **words: Any) -> Reading:
    return read(channel(**words), text, separator, timezone=UTC, now=NOW)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("236", 236),
        ("031", 31),
        ("23.60", 23.6),
        ("+025.46", 25.46),
        ("-.5", -0.5),
        ("5057E-1", 505.7),
        ("1.230000e+02", 123.0),
        ("  0.084 ", 0.084),
        ("-0.003", -0.003),
        ("1373.361084", 1373.361084),
        ("9007199254740993", "9007199254740993"),
    ],
)
def test_a_number_keeps_the_digits_that_the_instrument_printed(text: str, value: Value) -> None:
    """Digits that were not printed would be invented, and beyond 2^53 a float would change them."""
    assert reading(text).value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("+2578+01", 25.78),
        ("-5384+06", -5384000),
        ("+4567-02", 0.04567),
        ("+0000+00", 0),
        ("2578+01", None),
        ("+258+01", None),
        ("+25.7+01", None),
        ("+2578+0A", None),
        ("25.78", None),
    ],
)
def test_hessen_numbers_have_their_point_after_the_first_digit(text: str, value: Value) -> None:
    """The first three are printed in the manuals; another form is another protocol."""
    assert reading(text, format="hessen").value == value


@pytest.mark.parametrize(
    "text", ["12.3.4", "1x", "--5", "0x1F", "١٢", "1e9999", "9e999", "inf", "12 13", "1_000", "²", "- 5", "e5"]
)
def test_what_is_no_number_is_no_value(text: str) -> None:
    """Python reads some of these as numbers; the instrument did not mean them."""
    assert (reading(text).value, reading(text).quality) == (None, NO_VALUE)
    assert reading(text).reason == "undecodable"


@pytest.mark.parametrize("text", ["", "   ", "nan", "NaN", "-nan"])
def test_nothing_and_nan_are_no_value_without_a_reason(text: str) -> None:
    """An empty field is how a calm wind has no direction."""
    assert reading(text) == Reading("x", None, NO_VALUE)


def test_scale_and_offset_are_applied_in_decimal() -> None:
    """0.084 mg/m3 times 1000 is 84 and nothing else."""
    assert reading("0.084", scale=Decimal(1000)).value == 84
    assert reading("123", scale=Decimal("0.1")).value == 12.3
    assert reading("76.1", scale=Decimal("0.5"), offset=Decimal(-16)).value == 22.05


def test_sentinels_are_no_value_as_text_and_as_number() -> None:
    """What an instrument prints instead of a value must not be averaged."""
    assert reading("?", no_value=["?", -999]).value is None
    assert reading("-999.0", no_value=["?", -999]).value is None
    assert reading("-99.9", no_value=["?", -999]).value == -99.9


def test_a_value_outside_the_range_is_kept_and_marked() -> None:
    """The value itself is never touched."""
    assert reading("361", range=[0.0, 360.0]) == Reading("x", 361, Quality.OVER_RANGE)
    assert reading("-1", range=[0.0, 360.0]).quality is Quality.UNDER_RANGE


def test_fields_are_divided_by_blanks_a_separator_or_line_ends() -> None:
    """Runs of blanks are one separator, runs of commas are not."""
    assert reading("A  +025.46   0.5", None, field=2).value == 0.5
    assert reading("Q,,000.04,M,00,", field=1) == Reading("x", None, NO_VALUE)
    assert reading("Q,,000.04,M,00,", field=2).value == 0.04
    assert reading("R+0000\n51.2,50.8", field=2).value == 50.8


def test_a_field_that_is_not_there_is_missing_or_not_fitted() -> None:
    """An option that nobody bought is no fault; a value that should be there is one."""
    assert reading("1,2", field=2) == Reading("x", None, NO_VALUE, "missing")
    assert reading("1,2", field=2, optional=True) == Reading("x", None, Quality.NOT_FITTED, "missing")


def test_a_pattern_knows_the_unit_and_what_stands_for_no_value() -> None:
    """Another unit letter makes no value: 36 km/h must not become 36 m/s, nor a sensor that is not fitted."""
    speed = {"pattern": r"Sm=(?P<value>[^,#]*?)(?:M|(?P<none>#))?(?:,|$)", "optional": True}
    assert reading("0r1,Dm=283D,Sm=1.0M,Sx=2.2M", **speed).value == 1
    assert reading("0r1,Dm=283D,Sm=0.0#", **speed) == Reading("x", None, NO_VALUE)
    assert reading("0r1,Dm=283D,Sm=3.6K,Sx=7.9K", **speed) == Reading("x", None, NO_VALUE, "undecodable")
    assert reading("0r1,Dm=283D", **speed) == Reading("x", None, Quality.NOT_FITTED, "missing")


def test_states_are_named_and_unknown_ones_are_suspect() -> None:
    """A state that the profile does not know may be anything, also span gas."""
    gas = {"field": 2, "states": {"sample": {"name": "sample"}, "span": {"name": "span", "quality": "span_check"}}}
    assert reading("gas mode span", None, **gas).value == "span"
    assert reading("gas mode purge", None, **gas) == Reading("x", "purge", Quality.SUSPECT)
    assert reading("02", type="uint16", states={"2": {"name": "axis"}}).value == "axis"


@pytest.mark.parametrize(
    ("text", "words", "value"),
    [
        ("11", {}, 11),
        ("0C100400", {"format": "hex"}, 0x0C100400),
        ("1,0,0,0,0,0,0,0,0,0,0,1", {"format": "flags", "pattern": "(?P<value>.*)"}, 2049),
        ("0010", {"format": "flags", "bit": 2}, True),
        ("04 80", {"format": "hex", "pattern": "(?P<value>.*)"}, 0x0480),
        ("0C10040G", {"format": "hex"}, None),
        ("4 80", {"format": "hex", "pattern": "(?P<value>.*)"}, None),
        ("1,2", {"format": "flags", "pattern": "(?P<value>.*)"}, None),
        ("-1", {}, None),
    ],
)
def test_bits_come_as_a_number_in_hex_or_as_flags(text: str, words: dict[str, Any], value: Value) -> None:
    """The first flag of a row is bit 0."""
    assert reading(text, type="bits", **words).value == value


def test_truth_and_text_are_what_stands_there() -> None:
    """Anything else than a known word is no truth value."""
    assert reading("ON", type="bool").value is True
    assert reading("0", type="bool").value is False
    assert reading("maybe", type="bool").reason == "undecodable"
    assert reading(" HEL___ ", type="string").value == "HEL___"
    assert reading("a\x07b", type="string").value is None


def test_an_instruments_clock_is_read_in_the_station_zone() -> None:
    """China has no summer time: 16:00 there is 08:00 UTC all year."""
    clock = channel(type="time", format="%m/%d/%y %H:%M", period="1h")
    found = read(clock, "01/30/08 16:00,0.084", ",", timezone=SHANGHAI, now=NOW)
    assert found.value == "2008-01-30T08:00:00Z"


@pytest.mark.parametrize(("label", "begin", "end"), [("end", 7, 8), ("begin", 8, 9)])
def test_a_sample_time_labels_begin_or_end(label: str, begin: int, end: int) -> None:
    """An hour shifted by one is the commonest error in air data."""
    clock = channel(type="time", format="%H", period="1h", label=label)
    assert [time.hour for time in span(clock, datetime(2008, 1, 30, 8, tzinfo=UTC))] == [begin, end]


def test_an_hour_that_occurs_twice_is_never_in_the_future() -> None:
    """A record of the first 01:00 must not be taken for the second, which has not come yet."""
    clock, text = channel(type="time", format="%Y-%m-%d %H:%M"), "2026-11-01 01:00"
    first, second = datetime(2026, 11, 1, 5, 0, tzinfo=UTC), datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    assert instant(clock, text, NEW_YORK, first.replace(minute=30)) == first
    assert instant(clock, text, NEW_YORK, second.replace(minute=1)) == second


def test_an_hour_that_summer_time_skips_is_no_time() -> None:
    """Such a clock is wrong; what it says cannot be placed."""
    clock = channel(type="time", format="%Y-%m-%d %H:%M")
    with pytest.raises(NoValueError):
        instant(clock, "2026-03-29 02:30", BERLIN, NOW)
    assert instant(clock, "2026-03-29 03:00", BERLIN, NOW) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["13/30/08 16:00", "01/30/08", "", "0001-01-01", "01/30/08 16:00 x"])
def test_what_is_no_time_is_no_value(text: str) -> None:
    """A record whose time cannot be read must not be counted as new."""
    assert reading(text, type="time", format="%m/%d/%y %H:%M").value is None
    assert read(channel(type="time", format="%Y-%m-%d"), text, ",", timezone=SHANGHAI, now=NOW).value is None


@settings(deadline=None)  # a busy machine is no defect
@given(
    text=st.text(st.characters(codec="utf-8"), max_size=40),
    kind=st.sampled_from(["float32", "uint16", "bits", "bool", "time", "string"]),
)
@example(text="1e400", kind="float32")
@example(text="-0", kind="float32")
@example(text="99999999999999999999999", kind="uint16")
@example(text="0" * 40, kind="bits")
def test_no_text_makes_a_traceback_or_another_number(text: str, kind: str) -> None:
    """Noise is no value; what is a number is that number in every digit that a double can hold."""
    found = reading(text, type=kind, field=0, format="%H:%M" if kind == "time" else None)
    if found.value is None:
        assert found.quality is NO_VALUE
    elif kind in ("float32", "uint16"):
        meant = Decimal(text.split(",")[0].strip())
        assert float(found.value) == float(meant)
        assert math.isfinite(float(found.value))
    elif kind == "bool":
        assert isinstance(found.value, bool)
