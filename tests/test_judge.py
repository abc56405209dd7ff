"""Quality of a reading: what its instrument says, and what stands elsewhere at the station."""

from __future__ import annotations

from typing import Any

import pytest

from agent.operations.alarm import Sign, Source
from agent.polling.judge import Judge
from drivers.profile import Profile
from drivers.reading import Quality, Reading
from tests.simulators.invented import ABOUT


def profile(model: str, *channels: dict[str, Any]) -> Profile:
    return Profile.model_validate({**ABOUT, "model": model, "channel": channels})


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

    evidence = {"value": 12.0, "normal": [30.0, 50.0], "affects": ["so2.so2"]}
    assert verdict.signs == {("temperature", "normal"): Sign("limit", "warning", evidence)}
    assert verdict.quality["temperature"] is Quality.VALID, "the reading itself is right"
    assert judge.judge("so2", scan(so2=5.0, state="sample"), 1.0).quality["so2"] is Quality.SUSPECT
    judge.judge("line", scan(temperature=40.0, alarms=0), 2.0)
    assert judge.judge("so2", scan(so2=5.0, state="sample"), 3.0).quality["so2"] is Quality.VALID


def test_only_what_was_read_can_say_that_an_alarm_is_over(judge: Judge) -> None:
    """A limit is looked at when there is a value, a flag when there is a status word."""
    unread = Reading("alarms", None, Quality.COMM_FAULT, "no_reply")

    assert judge.judge("line", scan(temperature=40.0, alarms=unread), 0.0).seen == {"", "temperature"}
    assert judge.judge("line", scan(alarms=0), 1.0).seen == {"", "alarms"}


def test_what_can_raise_an_alarm_is_known_beforehand(judge: Judge) -> None:
    """An alarm of what is configured no more can never be cleared by a reading."""
    assert judge.sources() == {
        Source("so2", "flow", "normal"),
        Source("line", "temperature", "normal"),
        Source("line", "alarms", "blocked"),
    }


def test_while_somebody_is_at_work_all_of_a_device_is_maintenance(judge: Judge) -> None:
    """Flow and lamp of an open instrument prove nothing; a fault is still a fault."""
    judge.at_work = "so2".__eq__
    verdict = judge.judge("so2", scan(so2=5.0, state="sample", flow=0.6), 0.0)
    broken = judge.judge("so2", scan(so2=5.0, state="broken", flow=0.6), 1.0)

    assert set(verdict.quality.values()) == {Quality.MAINTENANCE}
    assert broken.quality == {"so2": Quality.FAULT, "state": Quality.MAINTENANCE, "flow": Quality.MAINTENANCE}
    assert judge.judge("line", scan(temperature=40.0), 2.0).quality["temperature"] is Quality.VALID


def test_work_on_the_sampling_line_spoils_what_is_sampled_through_it(judge: Judge) -> None:
    """An open manifold lets room air into every analyzer; their own state is still what it says."""
    judge.at_work = "line".__eq__
    verdict = judge.judge("so2", scan(so2=5.0, state="sample", flow=0.6), 0.0)

    assert verdict.quality == {"so2": Quality.MAINTENANCE, "state": Quality.VALID, "flow": Quality.VALID}


def test_an_alarm_bit_of_the_line_covers_what_is_sampled_through_it(judge: Judge) -> None:
    """A blocked manifold is a fault of every analyzer behind it."""
    verdict = judge.judge("line", scan(alarms=1), 0.0)

    assert verdict.happenings[0].data == {"channel": "alarms", "flag": "blocked", "quality": "fault", "alarm": True}
    assert verdict.signs == {("alarms", "blocked"): Sign("state", "critical", {"value": 1})}
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
