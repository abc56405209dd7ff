"""Why a tick gave no valid value: seven causes, told from the quality and the reason that its record states. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from drivers.reading import Quality


class Cause(StrEnum):
    """Who must do something about a lost tick."""

    POWER = "power"
    """The computer was off or restarting."""
    LINK = "link"
    """The wire could not be used, or gave damaged replies."""
    INSTRUMENT = "instrument"
    """It did not answer, had no value, or said that it is out of order or out of its range."""
    CALIBRATION = "calibration"
    """Zero or span gas, a check, or the recovery from one."""
    MAINTENANCE = "maintenance"
    """Somebody was at work, or set the value by hand."""
    SAMPLING = "sampling line"
    """What brings the sample was not as it should be."""
    AGENT = "agent"
    """We did not run, or had no time, or did not keep it."""


EXEMPT = frozenset({Cause.CALIBRATION, Cause.MAINTENANCE})
"""What is allowed, and so no part of the data that should have been valid (有效应收)."""

WITHOUT_VALUE = frozenset({Quality.COMM_FAULT, Quality.NOT_POLLED, Quality.NOT_FITTED, Quality.NO_VALUE})
"""Classes of readings that have no value; beside every other class it is kept."""

_OF_THE_WIRE = frozenset({"link_down", "bad_reply"})

_CAUSES = {
    Quality.NOT_POLLED: Cause.AGENT,
    Quality.MAINTENANCE: Cause.MAINTENANCE,
    Quality.MANUAL: Cause.MAINTENANCE,
    Quality.ZERO_CALIBRATION: Cause.CALIBRATION,
    Quality.SPAN_CALIBRATION: Cause.CALIBRATION,
    Quality.ZERO_CHECK: Cause.CALIBRATION,
    Quality.SPAN_CHECK: Cause.CALIBRATION,
    Quality.ACCURACY_CHECK: Cause.CALIBRATION,
}


class State(NamedTuple):
    """What the record of a tick says of one channel."""

    quality: Quality
    reason: str = ""

    @property
    def has_value(self) -> bool:
        """Whether there is a value, valid or not."""
        return self.quality not in WITHOUT_VALUE


VALID = State(Quality.VALID)


def cause_of(state: State, *, before: Cause | None, by_line: bool) -> Cause | None:
    """Why *state* is no valid value; None for one that is.

    What recovers, recovers from the cause *before*, if that was a calibration or maintenance. What is suspect is so by
    the sampling line if *by_line*, else by its own instrument.
    """
    match state.quality:
        case Quality.VALID:
            return None
        case Quality.COMM_FAULT:
            return Cause.LINK if state.reason in _OF_THE_WIRE else Cause.INSTRUMENT
        case Quality.RECOVERING:
            return before if before in EXEMPT else Cause.INSTRUMENT
        case Quality.SUSPECT:
            return Cause.SAMPLING if by_line else Cause.INSTRUMENT
    return _CAUSES.get(state.quality, Cause.INSTRUMENT)
