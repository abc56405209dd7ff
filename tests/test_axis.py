"""The axes of a curve: round values, round local times, whatever the clocks do."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.curves.axis import times, values
from agent.curves.points import Curve

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def labels(begin: str, length: timedelta, zone: ZoneInfo = SHANGHAI, most: int = 6) -> list[str]:
    """Of a curve that begins at a local time."""
    since_ms = round(datetime.fromisoformat(begin).replace(tzinfo=zone).timestamp() * 1000)
    curve = Curve("so2", "so2", since_ms, since_ms + round(length.total_seconds() * 1000))
    return [label for _, label in times(curve, zone, most)]


def test_after_the_clocks_were_set_forward_labels_are_round_again() -> None:
    """07:00 in place of 06:00 for the rest of the day would be counted back by everybody who reads it."""
    spring = labels("2026-03-29 00:00", timedelta(hours=22), BERLIN)
    autumn = labels("2026-10-25 00:00", timedelta(hours=25), BERLIN)

    assert spring == ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00"]
    assert autumn == ["10-25 00:00", "10-25 06:00", "10-25 12:00", "10-25 18:00", "10-26 00:00"]


def test_in_the_hour_that_comes_twice_labels_go_on() -> None:
    """Both are there, an hour apart."""
    assert labels("2026-10-25 01:00", timedelta(hours=4), BERLIN) == ["01:00", "02:00", "02:00", "03:00", "04:00"]


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(seconds=5), ["09:17:03", "09:17:04", "09:17:05", "09:17:06", "09:17:07", "09:17:08"]),
        (timedelta(minutes=1), ["09:17:10", "09:17:20", "09:17:30", "09:17:40", "09:17:50", "09:18:00"]),
        (timedelta(hours=1), ["09:20", "09:30", "09:40", "09:50", "10:00", "10:10"]),
        (timedelta(days=1), ["12:00", "16:00", "20:00", "00:00", "04:00", "08:00"]),
        (timedelta(days=3), ["11-21 12:00", "11-22 00:00", "11-22 12:00", "11-23 00:00", "11-23 12:00", "11-24 00:00"]),
        (timedelta(days=30), ["11-23", "11-30", "12-07", "12-14", "12-21"]),
        (timedelta(days=365), ["2027-01", "2027-03", "2027-05", "2027-07", "2027-09", "2027-11"]),
        (timedelta(days=3650), ["2028-01", "2030-01", "2032-01", "2034-01", "2036-01"]),
    ],
)
def test_labels_are_as_fine_as_there_is_room(length: timedelta, expected: list[str]) -> None:
    """From seconds to years; a week begins on Monday, a month on its first."""
    assert labels("2026-11-21 09:17:03", length) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 100.0, ["0", "20", "40", "60", "80", "100"]),
        (-25.1, -14.9, ["-25", "-20", "-15"]),
        (39.6, 40.4, ["39.6", "39.8", "40.0", "40.2", "40.4"]),
        (1e-9, 3e-9, ["1e-09", "1.5e-09", "2e-09", "2.5e-09", "3e-09"]),
        (1.2e9, 1.4e9, ["1.2e+09", "1.25e+09", "1.3e+09", "1.35e+09", "1.4e+09"]),
        (1013.25, 1013.25, ["1013.25"]),
        (0.0, 0.0, ["0"]),
    ],
)
def test_values_are_labelled_at_round_ones(low: float, high: float, expected: list[str]) -> None:
    """39.77 is no label; a constant has one."""
    assert [label for _, label in values(low, high, 5)] == expected
