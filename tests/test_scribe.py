"""Every tick ends as a record: readings, or why there are none."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.polling.scribe import TOGETHER_S, Scribe, dictionary_words
from agent.store.record import Draft, meta_id
from drivers.profile import Profile
from drivers.reading import Quality, Reading, Scan, Stream
from tests.simulators.invented import ABOUT

NOON = datetime(2026, 11, 22, 4, 30, 5, 137000, UTC)
PROFILE = Profile.model_validate(
    {
        **ABOUT,
        "channel": [
            {"name": "so2", "unit": "[ppb]", "hj": "a21026", "register": 0, "type": "float32", "range": [-5, 500]},
            {"name": "flow", "stream": "parameter", "group": "instrument", "unit": "L/min", "register": 2},
        ],
    }
)


class Desk:
    """A scribe, and what it put."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.words: list[Any] = []
        self.synced = True
        self.scribe = Scribe(
            "so2",
            PROFILE,
            profile_hash="cafe",
            put=self.drafts.extend,
            dictionary=self.dictionary,
            synced=lambda: self.synced,
        )

    def dictionary(self, name: str, words: Any) -> None:
        self.words.append((name, words))

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(draft.body(7)) for draft in self.drafts]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets monotonic time pass at once."""
    passed = [0.0]
    real = time.monotonic
    monkeypatch.setattr("agent.polling.scribe.time.monotonic", lambda: real() + passed[0])

    def pass_s(seconds: float) -> None:
        passed[0] += seconds

    return pass_s


def test_a_poll_gives_one_record_for_each_stream_at_one_time(desk: Desk) -> None:
    """The parameters prove the measurement: they carry the same time."""
    readings = {"so2": Reading("so2", 182.4), "flow": Reading("flow", 0.612)}
    quality = {"so2": Quality.SPAN_CHECK, "flow": Quality.VALID}

    desk.scribe.scan(Scan(NOON, readings), quality, (Stream.MEASUREMENT, Stream.PARAMETER), {"so2", "flow"})

    assert desk.records == [
        {
            "device": "so2",
            "meta": meta_id(dictionary_words("so2", Stream.MEASUREMENT, PROFILE, "cafe")),
            "quality": {"so2": "span_check"},
            "seq": 7,
            "time": "2026-11-22T04:30:05.137Z",
            "values": {"so2": 182.4},
        },
        {
            "device": "so2",
            "meta": meta_id(dictionary_words("so2", Stream.PARAMETER, PROFILE, "cafe")),
            "seq": 7,
            "time": "2026-11-22T04:30:05.137Z",
            "values": {"flow": 0.612},
        },
    ]


def test_a_channel_that_failed_is_null_with_its_reason_and_the_rest_is_kept(desk: Desk) -> None:
    """Half an answer is worth more than none, and never looks whole."""
    readings = {"so2": Reading("so2", None, Quality.COMM_FAULT, "no_reply")}

    desk.scribe.scan(Scan(NOON, readings), {"so2": Quality.COMM_FAULT}, (Stream.MEASUREMENT,), {"so2"})

    (record,) = desk.records
    assert (record["values"], record["quality"], record["reasons"]) == (
        {"so2": None},
        {"so2": "comm_fault"},
        {"so2": "no_reply"},
    )


def test_the_dictionary_tells_units_codes_and_limits(desk: Desk) -> None:
    """A consumer that never saw our configuration understands every number."""
    desk.scribe.scan(Scan(NOON, {"so2": Reading("so2", 1)}), {"so2": Quality.VALID}, (Stream.MEASUREMENT,), {"so2"})

    assert desk.words[0][1]["channels"] == {"so2": {"unit": "[ppb]", "hj": "a21026", "range": [-5.0, 500.0]}}


def test_the_first_tick_that_gives_nothing_is_recorded_at_once_and_the_next_ones_together(
    desk: Desk, later: Any
) -> None:
    """A dead analyzer at 1 Hz must not fill the log, and still no tick is unaccounted for."""
    due_s = NOON.timestamp()
    for tick in range(100):
        desk.scribe.nothing(Stream.MEASUREMENT, due_s + tick, Quality.COMM_FAULT, "no_reply")
        later(1.0)
    desk.scribe.flush()

    records = desk.records
    assert records[0]["ticks"] == 1
    assert sum(record["ticks"] for record in records) == 100
    assert len(records) == 3, f"one at once, one per {TOGETHER_S:g} s"
    assert records[0]["quality"] == {"*": "comm_fault"}
    assert records[1]["time"] == "2026-11-22T04:30:06.137Z", "the instant the first of its ticks was due"


def test_what_was_gathered_is_recorded_before_the_next_reading(desk: Desk) -> None:
    """Records of one device stand in the order in which things happened."""
    for tick in range(3):
        desk.scribe.nothing(Stream.MEASUREMENT, NOON.timestamp() + tick, Quality.COMM_FAULT, "no_reply")
    desk.scribe.scan(Scan(NOON, {"so2": Reading("so2", 1)}), {"so2": Quality.VALID}, (Stream.MEASUREMENT,), {"so2"})

    assert [record.get("ticks") for record in desk.records] == [1, 2, None]


def test_another_reason_begins_another_record(desk: Desk) -> None:
    """A cable fault that follows a dead instrument is told apart from it."""
    desk.scribe.nothing(Stream.MEASUREMENT, 0.0, Quality.COMM_FAULT, "no_reply")
    desk.scribe.nothing(Stream.MEASUREMENT, 1.0, Quality.COMM_FAULT, "no_reply")
    desk.scribe.nothing(Stream.MEASUREMENT, 2.0, Quality.NOT_POLLED, "line_busy")
    desk.scribe.flush()

    assert [(record["reason"], record["ticks"]) for record in desk.records] == [
        ("no_reply", 1),
        ("no_reply", 1),
        ("line_busy", 1),
    ]


def test_a_record_made_with_an_unsynchronised_clock_says_so(desk: Desk) -> None:
    """Whoever orders readings by time must know which times to trust."""
    desk.synced = False
    desk.scribe.nothing(Stream.MEASUREMENT, 0.0, Quality.COMM_FAULT, "no_reply")

    assert desk.records[0]["clock"] == "unsynced"
