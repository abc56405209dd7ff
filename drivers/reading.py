"""What one poll of one instrument gave: readings, each with its quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Value = int | float | str | bool | None
"""A value as it is stored: a number, a text, a truth value, or None for "no value"."""


class Stream(StrEnum):
    """The four streams of records; a channel belongs to one of the first two."""

    MEASUREMENT = "measurement"
    PARAMETER = "parameter"
    EVENT = "event"
    AUDIT = "audit"


class Quality(StrEnum):
    """One class per reading, in order of precedence: where several hold, the first one counts."""

    COMM_FAULT = "comm_fault"
    NOT_POLLED = "not_polled"
    NOT_FITTED = "not_fitted"
    NO_VALUE = "no_value"
    FAULT = "fault"
    STOPPED = "stopped"
    MAINTENANCE = "maintenance"
    ZERO_CALIBRATION = "zero_calibration"
    SPAN_CALIBRATION = "span_calibration"
    ZERO_CHECK = "zero_check"
    SPAN_CHECK = "span_check"
    ACCURACY_CHECK = "accuracy_check"
    RECOVERING = "recovering"
    OVER_RANGE = "over_range"
    UNDER_RANGE = "under_range"
    SUSPECT = "suspect"
    INSUFFICIENT = "insufficient"
    MANUAL = "manual"
    VALID = "valid"

    @property
    def rank(self) -> int:
        """Position in the order of precedence; 0 overrules all others."""
        return _RANK[self]


_RANK = {quality: rank for rank, quality in enumerate(Quality)}


def worst(*qualities: Quality) -> Quality:
    """Return the class that takes precedence; ``valid`` when none is given."""
    return min(qualities, key=_RANK.__getitem__, default=Quality.VALID)


@dataclass(frozen=True, slots=True)
class Reading:
    """One channel of one poll.

    ``value`` is kept beside a bad quality whenever the instrument gave one.
    ``reason`` says why there is none (``no_reply``, ``exception_2`` …), ``raw``
    holds register words or the reply line in hex where the channel asks for it.
    """

    channel: str
    value: Value
    quality: Quality = Quality.VALID
    reason: str | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """What one poll of one device gave: at least one reading that came from the instrument.

    ``time`` (aware, UTC) is when the last reply of the poll was complete.
    ``sampled`` is begin and end of the instrument's own sampling, where it says so.
    """

    time: datetime
    readings: Mapping[str, Reading] = field(default_factory=dict)
    sampled: tuple[datetime, datetime] | None = None

    @classmethod
    def of(cls, readings: Iterable[Reading], time: datetime) -> Scan:
        """The scan of *readings* that were complete at *time*."""
        return cls(time, {one.channel: one for one in readings})
