"""Quality of a reading: what its instrument says, and what stands elsewhere at the station."""

from __future__ import annotations

from typing import Any

import pytest

from agent.polling.judge import ALARM_HOLD_S, Judge
from drivers.profile import Profile
from drivers.reading import Quality, Reading

COMMON = {"maker": "Acme", "kind": "test", "manual": "none", "source": "none", "confidence": "unverified"}


def profile(model: str, *channels: dict[str, Any]) -> Profile:
    return Profile.model_validate({"model": model, **COMMON, "channel": channels})


ANALYZER = profile(
    "SO2",
    {"name": "so2", "register": 0, "type": "float32"},
    {
        "name": "state",
        "stream": "parameter",
        "group": "instrument",
        "register": 4,
        "states": {
            "0": {"name": "sample"},
            "1": {"name": "span", "quality": "span_check", "recovery": "60s"},
            "2": {"name": "broken", "quality": "fault"},
        },
    },
    {
        "name": "flow",
        "stream": "parameter",
        "group": "instrument",
        "register": 6,
        "normal": [0.5, 0.7],
        "affects": ["so2"],
    },
)
MANIFOLD = profile(
    "manifold",
    {
        "name": "temperature",
        "stream": "parameter",
        "group": "sampling",
        "register": 0,
        "normal": [30.0, 50.0],
        "affects": ["line"],
    },
    {
        "name": "alarms",
        "stream": "parameter",
        "group": "sampling",
        "register": 1,
        "type": "bits",
        "bits": {"0": {"name": "blocked", "quality": "fault", "covers": ["line"], "alarm": True}},
    },
)


@pytest.fixture
def judge() -> Judge:
    return Judge({"so2": ANALYZER, "line": MANIFOLD}, {"line": ("so2",)})


def scan(**values: Any) -> dict[str, Reading]:
    return {name: value if isinstance(value, Reading) else Reading(name, value) for name, value in values.items()}


def names(verdict: Any) -> list[str]:
    return [happening.event for happening in verdict.happenings]


def test_a_state_marks_the_measurements_of_the_same_poll(judge: Judge) -> None:
    """Span gas read as clean-air data for even one poll would be a false peak."""
    verdict = judge.judge("so2", scan(so2=400.0, state="span", flow=0.6), 0.0)

    assert verdict.quality == {"so2": Quality.SPAN_CHECK, "state": Quality.VALID, "flow": Quality.VALID}
    assert names(verdict) == ["condition_began"]


def test_after_span_gas_the_analyzer_recovers_before_it_is_valid(judge: Judge) -> None:
    """The cell still holds span gas when the valve has turned."""
    judge.judge("so2", scan(so2=400.0, state="span"), 0.0)

    assert judge.judge("so2", scan(so2=90.0, state="sample"), 10.0).quality["so2"] is Quality.RECOVERING
    assert judge.judge("so2", scan(so2=9.0, state="sample"), 69.0).quality["so2"] is Quality.RECOVERING
    assert judge.judge("so2", scan(so2=8.0, state="sample"), 70.0).quality["so2"] is Quality.VALID


def test_where_two_classes_hold_the_order_of_precedence_decides(judge: Judge) -> None:
    """A broken analyzer on span gas is broken."""
    judge.judge("so2", scan(so2=1.0, state="span"), 0.0)

    verdict = judge.judge("so2", scan(so2=1.0, state="broken", flow=0.1), 1.0)

    assert verdict.quality["so2"] is Quality.FAULT


def test_states_that_cannot_be_read_make_the_measurement_suspect(judge: Judge) -> None:
    """A number without its state might be span gas."""
    unread = Reading("state", None, Quality.COMM_FAULT, "no_reply")

    assert judge.judge("so2", scan(so2=5.0, state=unread), 0.0).quality["so2"] is Quality.SUSPECT
    assert judge.judge("so2", scan(so2=5.0, state="sample"), 1.0).quality["so2"] is Quality.VALID


def test_a_cold_sampling_line_makes_the_analyzers_behind_it_suspect(judge: Judge) -> None:
    """Water in the line eats SO2; the analyzer itself sees nothing wrong."""
    verdict = judge.judge("line", scan(temperature=12.0, alarms=0), 0.0)

    assert names(verdict) == ["alarm_raised"]
    assert verdict.quality["temperature"] is Quality.VALID, "the reading itself is right"
    assert judge.judge("so2", scan(so2=5.0, state="sample"), 1.0).quality["so2"] is Quality.SUSPECT
    judge.judge("line", scan(temperature=40.0, alarms=0), 2.0)
    assert judge.judge("so2", scan(so2=5.0, state="sample"), 3.0).quality["so2"] is Quality.VALID


def test_an_alarm_is_cleared_only_after_the_value_stayed_normal(judge: Judge) -> None:
    """A value that dances on its limit is one alarm, not hundreds."""
    assert names(judge.judge("line", scan(temperature=29.9), 0.0)) == ["alarm_raised"]
    assert names(judge.judge("line", scan(temperature=30.1), 1.0)) == []
    assert names(judge.judge("line", scan(temperature=29.9), 2.0)) == []
    assert names(judge.judge("line", scan(temperature=31.0), 3.0)) == []
    assert names(judge.judge("line", scan(temperature=31.0), 3.0 + ALARM_HOLD_S)) == ["alarm_cleared"]


def test_an_alarm_bit_of_the_line_covers_what_is_sampled_through_it(judge: Judge) -> None:
    """A blocked manifold is a fault of every analyzer behind it."""
    verdict = judge.judge("line", scan(alarms=1), 0.0)

    assert verdict.happenings[0].data == {"channel": "alarms", "flag": "blocked", "quality": "fault", "alarm": True}
    assert judge.judge("so2", scan(so2=5.0, state="sample"), 1.0).quality["so2"] is Quality.FAULT


def test_a_silent_manifold_proves_nothing(judge: Judge) -> None:
    """Without the line's alarm bits nobody can say that air came through it."""
    judge.silent("line")

    assert judge.judge("so2", scan(so2=5.0, state="sample"), 1.0).quality["so2"] is Quality.SUSPECT


def test_a_device_that_left_the_station_decides_nothing_any_more(judge: Judge) -> None:
    """A manifold taken out of the configuration must not mark data for ever."""
    judge.judge("line", scan(temperature=12.0, alarms=1), 0.0)

    judge.forget("line")

    assert judge.judge("so2", scan(so2=5.0, state="sample"), 1.0).quality["so2"] is Quality.VALID
