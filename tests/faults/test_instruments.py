"""Instruments that are silent, late, garbled, unplugged or somebody else: no value is ever wrong, no wire stuck.

All of them fail at once, each on a wire of its own; each test then tells what
became of one. In ``make test`` rests are some ten times shorter than in life;
``make soak`` leaves them as they are, for ten minutes or as long as FOR says.
"""

from __future__ import annotations

import os

import pytest

from drivers.duration import parse_duration
from tests.faults.liars import CASES
from tests.faults.ordeal import Ordeal, Result, suffer
from tests.faults.table import row

LENGTH_S = 3.5
BOUND_S = 20.0
LONG_BOUND_S = 180.0
"""The longest rest is a minute, and a busy machine may add something."""


@pytest.fixture(scope="module", params=["quick", pytest.param("long", marks=pytest.mark.soak)])
def ordeal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ordeal:
    """Lived through once for all tests of this file."""
    long = request.param == "long"
    return suffer(
        tmp_path_factory.mktemp("ordeal"),
        CASES,
        length_s=parse_duration(os.environ.get("FOR") or "10min") if long else LENGTH_S,
        bound_s=LONG_BOUND_S if long else BOUND_S,
        hurried=not long,
    )


def told(ordeal: Ordeal, name: str) -> Result:
    """The result of the case called *name*, added to the table of all faults."""
    result = ordeal.results[name]
    row(
        name,
        result.case.injected,
        result.polled,
        result.delivered,
        result.polled - result.delivered + result.untold,
        result.doubled,
        result.stalest_s,
        result.recovery_s,
    )
    return result


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_no_value_is_wrong_no_tick_untold_and_the_device_comes_back(ordeal: Ordeal, name: str) -> None:
    """A plausible number that was never measured is the worst that can happen; a hole that nobody explains is next."""
    result = told(ordeal, name)

    assert result.wrong == []
    assert result.doubled == 0
    assert result.untold == 0
    assert result.delivered == result.polled > 0
    assert result.case.injected > 0
    assert result.recovery_s is not None


def test_the_daemon_is_none_the_worse(ordeal: Ordeal) -> None:
    """No traceback, no task that stands still, no record that lies; and it ends when it is told to."""
    ordeal.evidence.assert_complete()
    assert "Traceback" not in ordeal.log
    assert "task_stalled" not in ordeal.log
    assert (ordeal.exit_code, ordeal.verified) == (0, 0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("silent (tcp)", "no_reply"),
        ("truncated (rtu)", "bad_reply"),
        ("one register short (tcp)", "bad_reply"),
        ("wrong address (rtu)", "bad_reply"),
        ("exception 6 (tcp)", "exception_6"),
        ("resets in the middle (tcp)", "link_down"),
        ("unplugged (rtu)", "link_down"),
    ],
)
def test_the_reason_is_that_of_the_fault(ordeal: Ordeal, name: str, reason: str) -> None:
    """Who reads "no reply" looks at the cable, who reads "exception" at the register map."""
    (reasons,) = ordeal.results[name].reasons.values()

    assert reason in reasons


@pytest.mark.parametrize("name", ["unplugged (rtu)", "unplugged (text)"])
def test_a_loss_and_the_return_are_told_once_each(ordeal: Ordeal, name: str) -> None:
    """A line that is pulled out for an hour is two events and an alarm, not one a tick."""
    (events,) = ordeal.results[name].events.values()

    assert [event for event in events if not event.startswith("alarm_")] == ["device_lost", "device_recovered"]
    assert events.count("alarm_raised") <= 1


@pytest.mark.parametrize(
    "name", ["one of three is dead (rtu)", "one of three is dead (tcp)", "one of three is late (rtu)"]
)
def test_a_dead_unit_takes_few_ticks_from_its_neighbours(ordeal: Ordeal, name: str) -> None:
    """It costs them a time-out now and then, and never a value."""
    first, dead, third = ordeal.results[name].shares.values()
    events = list(ordeal.results[name].events.values())[1]

    assert min(first, third) > max(0.6, dead)
    told = [event for event in events if not event.startswith("alarm_")]
    assert (told[0], told[-1]) == ("device_lost", "device_recovered")
