"""Times as people type and read them, in the station's zone: ``10min``, ``now``, ``2026-11-22 04:30``, ``2026-11``."""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.paths import locate
from drivers.duration import parse_duration
from drivers.errors import StationError


class MomentError(StationError):
    """What was typed is no time."""

    exit_code = 2


class Period(NamedTuple):
    """A day or month of a zone, called as it was typed: from ``since_ms`` up to ``until_ms``, which is not in it."""

    name: str
    since_ms: int
    until_ms: int


def station_zone(config: Path) -> tzinfo:
    """The zone of the station of *config*, also beside a file that is wrong; UTC where it does not say."""
    try:
        return ZoneInfo(locate(config).timezone)
    except (OSError, ValueError):  # no such zone, or no name of one
        return UTC


def moment(text: str, zone: tzinfo) -> int:
    """Return *text* in milliseconds since 1970 UTC; a duration counts back from now. Raises MomentError."""
    if text == "now":
        return int(time.time() * 1000)
    try:
        return int((time.time() - parse_duration(text)) * 1000)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        hint = 'A time is "2026-11-22 04:30", "2026-11-22T04:30:00Z", "now", or an age such as "10min"'
        raise MomentError(f"{text!r} is no time", hint=hint) from None
    return to_ms(at if at.tzinfo else at.replace(tzinfo=zone))


def day(text: str, zone: tzinfo) -> Period:
    """Return the day ``2026-11-22``, or ``today`` or ``yesterday``, of *zone*; raises MomentError."""
    today = datetime.now(zone).date()
    number = {"today": today.toordinal(), "yesterday": today.toordinal() - 1}.get(text)
    try:
        begin = datetime.fromordinal(number) if number else datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007
    except ValueError:
        hint = 'A day is "2026-11-22", "today" or "yesterday"'
        raise MomentError(f"{text!r} is no day", hint=hint) from None
    end = datetime.fromordinal(begin.toordinal() + 1)
    return Period(f"{begin:%Y-%m-%d}", to_ms(begin.replace(tzinfo=zone)), to_ms(end.replace(tzinfo=zone)))


def month(text: str, zone: tzinfo) -> Period:
    """Return the month ``2026-11`` of *zone*; raises MomentError."""
    parts = re.fullmatch(r"(\d{4})-(\d\d)", text)
    if not parts or not 1 <= int(parts[2]) <= 12:
        raise MomentError(f"{text!r} is no month", hint='A month is "2026-11"')
    year, number = int(parts[1]), int(parts[2])
    begin = datetime(year, number, 1, tzinfo=zone)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return Period(text, to_ms(begin), to_ms(end))


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 UTC."""
    return round(at.timestamp() * 1000)


def local(time_ms: int, zone: tzinfo) -> str:
    """Return a moment as the station's clocks show it, with its offset: ``2026-11-22 12:30:05.137+08:00``."""
    return datetime.fromtimestamp(time_ms / 1000, zone).isoformat(sep=" ", timespec="milliseconds")


def seconds(text: str) -> float:
    """Parse a span such as ``200ms`` for one argument."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
