"""Columns and amounts: what stands in a line stays together, in both languages."""

from __future__ import annotations

import pytest

from agent.amounts import digits
from agent.columns import fold, shortened, width

LONG = "-> 请清理 /var/lib/station-agent 所在文件系统的空间，或减小 store.quota；（已持续 2 天 1 小时）"


@pytest.mark.parametrize("columns", range(12, 60))
def test_no_line_begins_with_what_closes_or_ends_with_what_opens(columns: int) -> None:
    """Chinese may be parted anywhere but there."""
    lines = list(fold(LONG, columns, "   "))

    assert max(map(width, lines)) <= columns
    assert not any(line.strip()[0] in "，。；：）" or line[-1] == "（" for line in lines)
    assert "".join("".join(lines).split()) == "".join(LONG.split())


def test_a_number_keeps_its_unit() -> None:
    """A 2 at the end of a line and 天 at the begin of the next are read twice."""
    assert list(fold("已用 287 kB，还可存 2 天", 9)) == ["已用", "287 kB，", "还可存", "2 天"]


def test_chinese_fills_a_line_that_a_word_began() -> None:
    """A sentence without blanks is no reason to leave the line empty."""
    assert list(fold("store.quota 所在文件系统", 20)) == ["store.quota 所在文件", "系统"]


@pytest.mark.parametrize(
    ("value", "most", "text"),
    [
        (24.378155, 4, "24.38"),
        (40.0, 4, "40"),
        (1013.25, 4, "1013"),
        (123456.7, 4, "123457"),
        (-0.0123456, 4, "-0.01235"),
        (0.0, 4, "0"),
        (1e-9, 4, "1e-09"),
        (float("nan"), 4, "nan"),
    ],
)
def test_a_value_has_no_more_digits_than_it_means_and_all_before_its_point(value: float, most: int, text: str) -> None:
    """A counter of six figures must not become 1.235e+05."""
    assert digits(value, most) == text


def test_of_a_long_name_both_ends_are_seen() -> None:
    """wind_direction, its least and its most are not told apart by their beginnings."""
    names = ["weather.wind_direction", "weather.wind_direction_max", "weather.wind_direction_min"]
    short = [shortened(name, 15) for name in names]

    assert len(set(short)) == 3
    assert {width(name) for name in short} == {15}
    assert shortened("天气.风向.风向最大值", 12) == "天气.风…大值"
    assert shortened("so2", 15) == "so2"
