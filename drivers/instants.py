"""The times that instruments tell: from local clocks to UTC, and from a label to the span that was sampled. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from drivers.profile import Channel, Profile
from drivers.reading import Reading

CLOCK_ERROR = timedelta(minutes=10)
"""How far an instrument's clock may be ahead before an hour that occurs twice is taken for the earlier one."""


def utc_of(channel: Channel, local: datetime, now: datetime) -> datetime | None:
    """Return the UTC instant of the aware *local* time of *channel*; None for one that never was.

    An hour that occurs twice is the later one, unless that, or the end of the period
    that begins with it, still lies ahead of *now*. One that the change to summer time
    skips is no time at all. Raises OverflowError near the ends of the calendar.
    """
    earlier, later = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if earlier.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
        return None
    return later if span(channel, later)[1] <= now + CLOCK_ERROR else earlier


def span(channel: Channel, label: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the sampling whose time *label* of *channel* is."""
    period = timedelta(seconds=channel.period)
    return (label - period, label) if channel.label == "end" else (label, label + period)


def sampled(profile: Profile, readings: Mapping[str, Reading]) -> tuple[datetime, datetime] | None:
    """When the instrument itself sampled, where one of *readings* says so in a time that other channels follow."""
    for name in dict.fromkeys(channel.new_by for channel in profile.channels if channel.new_by):
        channel, reading = profile.channel(name), readings.get(name)
        if channel.type == "time" and reading and isinstance(reading.value, str):
            return span(channel, datetime.fromisoformat(reading.value))
    return None
