"""What bits and states say about channels, as far as one poll of one instrument can tell."""

from __future__ import annotations

from typing import Any

from drivers.conditions import Condition, conditions, holding, qualities
from drivers.profile import Profile
from drivers.reading import Quality, Reading
from tests.simulators.invented import ABOUT

ANALYZER = Profile.model_validate(
    {
        **ABOUT,
        "channel": [
            {"name": "no", "register": 0},
            {"name": "no2", "register": 1},
            {"name": "flow", "register": 2, "stream": "parameter", "group": "sampling"},
            {
                "name": "bits",
                "register": 3,
                "type": "bits",
                "stream": "parameter",
                "group": "instrument",
                "bits": {
                    "0": {"name": "invalid", "quality": "fault"},
                    "1": {"name": "converter", "quality": "suspect", "covers": ["no2", "weather.*"], "alarm": True},
                    "2": {"name": "system_ok", "when": False, "alarm": True},
                    "3": {"name": "reset", "alarm": True},
                },
            },
            {
                "name": "state",
                "register": 4,
                "stream": "parameter",
                "group": "instrument",
                "states": {
                    "0": {"name": "sample"},
                    "1": {"name": "span", "quality": "span_check", "recovery": "5min"},
                    "2": {"name": "span", "quality": "span_check", "recovery": "5min"},
                },
            },
        ],
    }
)


def scan(**values: Any) -> dict[str, Reading]:
    return {name: Reading(name, value) for name, value in values.items()}


def test_a_bit_covers_all_measurements_unless_it_names_its_targets() -> None:
    """Parameters prove the measurement; they are not made bad by it."""
    found = conditions(ANALYZER, scan(bits=0b0111))
    assert found == [
        Condition("no", Quality.FAULT, "invalid", "bits"),
        Condition("no2", Quality.FAULT, "invalid", "bits"),
        Condition("no2", Quality.SUSPECT, "converter", "bits", alarm=True),
        Condition("weather.*", Quality.SUSPECT, "converter", "bits", alarm=True),
    ]


def test_the_worst_class_counts_for_each_reading() -> None:
    """A fault overrules a suspicion, and a value keeps its own class when that is worse."""
    readings = scan(no=1, no2=2, flow=3, bits=0b0101) | {"no": Reading("no", None, Quality.NO_VALUE)}
    assert qualities(ANALYZER, readings) == {
        "no": Quality.NO_VALUE,
        "no2": Quality.FAULT,
        "flow": Quality.VALID,
        "bits": Quality.VALID,
    }


def test_a_bit_may_hold_when_it_is_off() -> None:
    """System OK is the one bit that should be on."""
    channel = ANALYZER.channel("bits")
    assert [flag.name for flag in holding(channel, Reading("bits", 0b1000))] == ["system_ok", "reset"]
    assert [flag.name for flag in holding(channel, Reading("bits", 0b0100))] == []


def test_a_state_holds_by_its_name_once() -> None:
    """Two numbers may mean the same state."""
    found = conditions(ANALYZER, scan(state="span"))
    assert [(one.target, one.quality, one.recovery_s) for one in found] == [
        ("no", Quality.SPAN_CHECK, 300.0),
        ("no2", Quality.SPAN_CHECK, 300.0),
    ]
    assert conditions(ANALYZER, scan(state="sample")) == []
    assert conditions(ANALYZER, scan(state="7")) == []


def test_what_was_not_read_says_nothing() -> None:
    """Whoever asks has to know that nothing is known."""
    assert conditions(ANALYZER, {"bits": Reading("bits", None, Quality.COMM_FAULT, "no_reply")}) == []
    assert conditions(ANALYZER, scan(no=1)) == []
