"""Where the axes of a curve are labelled: at round values, and at round times of the station, summer time or not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo

from agent.curves.points import Curve

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
FINE_S = (1, 2, 5, 10, 15, 30, MINUTE_S, 120, 300, 600, 900, 1800, HOUR_S)
"""Between two labels, in seconds: what goes into an hour, by which clocks are set forward and back."""

COARSE_S = (7200, 10_800, 14_400, 21_600, 43_200)
"""What goes into a day."""

DAYS = (1, 2, 7, 14)
MONTHS = (1, 2, 3, 6, 12)

Label = tuple[int, str]
"""Where it stands (ms since 1970), and what it says."""


def times(curve: Curve, zone: tzinfo, most: int) -> list[Label]:
    """At most *most* labels of the time axis, as fine as that allows."""
    since, until = (datetime.fromtimestamp(ms / 1000, zone) for ms in (curve.since_ms, curve.until_ms))
    span_s = (curve.until_ms - curve.since_ms) / 1000
    form = "%H:%M" if span_s <= DAY_S else "%m-%d %H:%M"
    if step_s := next((step for step in FINE_S if span_s <= step * most), None):
        found, form = _fine(since, until, step_s), form if step_s >= MINUTE_S else "%H:%M:%S"
    elif step_s := next((step for step in COARSE_S if span_s <= step * most), None):
        found = _coarse(since, until, step_s)
    elif days := next((days for days in DAYS if span_s <= days * DAY_S * most), None):
        found, form = _daily(since, until, days), "%m-%d"
    else:
        found, form = _monthly(since, until, most), "%Y-%m"
    return [(round(at.timestamp() * 1000), f"{at:{form}}") for at in found if since <= at <= until]


def values(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """At most *most* labels between *low* and *high*, at round values; one where they are the same."""
    if low == high:
        return [(low, f"{low:.6g}")]
    step = _round_up((high - low) / most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    places = -math.floor(math.log10(step) + 1e-9)
    plain = places <= 6 and max(abs(low), abs(high)) < 1e7
    form = f".{max(places, 0)}f" if plain else ".4g"
    return [(number * step, f"{number * step:{form}}") for number in range(first, last + 1)]


def _round_up(step: float) -> float:
    """The next of 1, 2, 5, 10, … of the same size."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if step <= factor * power * (1 + 1e-9))


def _fine(since: datetime, until: datetime, step_s: int) -> Iterator[datetime]:
    """By the seconds that pass, from a round local time on."""
    offset_s = (since.utcoffset() or timedelta()).total_seconds()
    first = -(-(since.timestamp() + offset_s) // step_s) * step_s - offset_s
    for number in range(int((until.timestamp() - first) // step_s) + 1):
        yield datetime.fromtimestamp(first + number * step_s, since.tzinfo)


def _coarse(since: datetime, until: datetime, step_s: int) -> Iterator[datetime]:
    """By the clock on the wall: a day may have 23 or 25 hours."""
    for day in _days(since, until):
        for second in range(0, DAY_S, step_s):
            yield datetime(day.year, day.month, day.day, second // HOUR_S, tzinfo=since.tzinfo)


def _daily(since: datetime, until: datetime, step: int) -> Iterator[datetime]:
    """Every *step* days; weeks begin on Monday."""
    for day in _days(since, until):
        if (day.toordinal() - 1) % step == 0:
            yield datetime(day.year, day.month, day.day, tzinfo=since.tzinfo)


def _monthly(since: datetime, until: datetime, most: int) -> Iterator[datetime]:
    """The first of months; of years where even that is too many."""
    first, last = since.year * 12 + since.month - 1, until.year * 12 + until.month - 1
    step = next((step for step in MONTHS if last - first <= step * most), 12 * (-(-(last - first) // (12 * most)) or 1))
    for month in range(-(-first // step) * step, last + 1, step):
        yield datetime(month // 12, month % 12 + 1, 1, tzinfo=since.tzinfo)


def _days(since: datetime, until: datetime) -> Iterator[date]:
    for number in range(since.toordinal(), until.toordinal() + 1):
        yield date.fromordinal(number)
