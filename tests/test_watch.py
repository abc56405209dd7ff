"""Values that nobody should change unseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.polling.watch import Watch
from drivers.profile import Profile
from drivers.reading import Reading
from tests.simulators.invented import ABOUT

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROFILE = Profile.model_validate(
    {
        **ABOUT,
        "channel": [
            {"name": "slope", "stream": "parameter", "group": "instrument", "register": 0, "watch": True},
            {"name": "flow", "stream": "parameter", "group": "instrument", "register": 1},
        ],
    }
)


@pytest.fixture
def facts() -> dict[str, str]:
    return {}


def watch(facts: dict[str, str]) -> Watch:
    return Watch("so2", PROFILE, recall=facts.get, keep=facts.__setitem__)


def readings(**values: float | None) -> dict[str, Reading]:
    return {name: Reading(name, value) for name, value in values.items()}


def test_a_changed_slope_is_told_with_old_new_and_the_window(facts: dict[str, str]) -> None:
    """Ten percent on the slope are ten percent on every reading."""
    seen = watch(facts)
    list(seen.changes(readings(slope=1.0), NOON))
    list(seen.changes(readings(slope=1.0), NOON + timedelta(minutes=1)))

    (change,) = seen.changes(readings(slope=1.1), NOON + timedelta(minutes=2))

    assert change == {
        "channel": "slope",
        "old": 1.0,
        "new": 1.1,
        "window": ["2026-11-22T12:01:00.000Z", "2026-11-22T12:02:00.000Z"],
    }


def test_a_change_made_while_the_agent_was_down_is_found(facts: dict[str, str]) -> None:
    """Switching the PC off first must not hide a turned screw."""
    list(watch(facts).changes(readings(slope=1.0), NOON))

    (change,) = watch(facts).changes(readings(slope=0.9), NOON + timedelta(hours=8))

    assert (change["old"], change["new"]) == (1.0, 0.9)


def test_what_is_not_watched_or_not_read_is_no_change(facts: dict[str, str]) -> None:
    """A flow moves all day, and a missing reading is not a new value."""
    seen = watch(facts)
    list(seen.changes(readings(slope=1.0, flow=0.6), NOON))

    assert list(seen.changes(readings(slope=None, flow=0.7), NOON)) == []
    assert list(seen.changes(readings(slope=1.0, flow=0.8), NOON)) == []
