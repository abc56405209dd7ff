"""Alarms with a life: what raises, holds, clears and closes one, and that none of it flutters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.operations.alarm import SILENT, Key, Sign, Source, Told, alarm_id
from agent.operations.alarms import HOLD_S, LONGEST_HOLD_S, SILENCE_S, AlarmError, Alarms
from agent.operations.history import lives
from agent.store.record import time_text

NOON_S = 1_795_348_800.0
"""2026-11-22 12:00 UTC."""

COLD: Key = ("temperature", "normal")
BLOCKED: Key = ("status", "blocked")
DOOR: Key = ("status", "door")
SIGNS = {
    DOOR: Sign("state", "warning", {"value": 4}),
    COLD: Sign("limit", "warning", {"value": 12.5, "normal": [30.0, 50.0], "affects": ["so2.so2"]}),
    BLOCKED: Sign("state", "critical", {"value": 4, "quality": "fault"}),
    SILENT: Sign("silence", "critical", {"reason": "no_reply", "error": "line gave no reply"}),
}
SEEN = ("temperature", "status", "")
LI = {"uid": 1001, "user": "li"}


def poll(alarms: Alarms, at_s: float, *keys: Key, device: str = "line") -> list[Told]:
    """A poll after noon that shows the signs *keys* and no others."""
    return alarms.look(device, {key: SIGNS[key] for key in keys}, SEEN, NOON_S + at_s)


def names(told: Iterable[Told]) -> list[str]:
    return [one.event for one in told]


def only(alarms: Alarms) -> Any:
    (alarm,) = alarms
    return alarm


def test_an_alarm_goes_through_its_life() -> None:
    """Raised, seen by somebody, over, explained: each a record with the same id."""
    alarms = Alarms()
    (raised,) = poll(alarms, 0, COLD)
    name = raised.data["id"]
    acknowledged = alarms.acknowledge(name[:4].upper(), LI, NOON_S + 30)
    assert only(alarms).state == "acknowledged"
    assert poll(alarms, 60) == []
    (cleared,) = poll(alarms, 60 + HOLD_S)
    assert only(alarms).state == "cleared"
    closed = alarms.close(name, "heater fuse replaced", LI)

    assert list(alarms) == []
    assert {one.data["id"] for one in (raised, acknowledged, cleared, closed)} == {name}
    assert raised.data == {
        "id": name,
        "class": "limit",
        "severity": "warning",
        "channel": "temperature",
        "times": 1,
        **SIGNS[COLD].evidence,
    }
    assert acknowledged.data | LI == acknowledged.data
    assert (cleared.data["ended"], cleared.data["seconds"]) == ("2026-11-22T12:01:00.000Z", 60.0)
    assert (closed.data["reason"], closed.data["seconds"], closed.data["times"]) == ("heater fuse replaced", 60.0, 1)


def test_the_id_can_be_computed_from_the_record() -> None:
    """A consumer that lost its tables finds the same alarm again."""
    (raised,) = poll(Alarms(), 0, BLOCKED)

    assert raised.data["id"] == alarm_id(Source("line", "status", "blocked"), time_text(int(NOON_S * 1000)))
    assert raised.data["flag"] == "blocked"


def test_what_dances_on_its_limit_is_one_alarm() -> None:
    """A value that crosses its limit twice a second is one alarm, not thousands."""
    alarms, told = Alarms(), []
    for number in range(1000):
        told += poll(alarms, number / 2, *([COLD] if number % 2 else []))

    assert names(told) == ["alarm_raised"]


@given(st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=50, max_size=300))
def test_no_rhythm_of_a_bad_contact_makes_a_storm(polls: list[tuple[int, bool]]) -> None:
    """However it comes and goes, an hour has no more than a few records of it once it has come back a few times."""
    alarms, at_s, told = Alarms(), 0, []
    for pause_s, holds in polls:
        at_s += pause_s
        told += [(at_s, one.event) for one in poll(alarms, at_s, *([BLOCKED] if holds else []))]

    assert [name for _, name in told] == ["alarm_raised", "alarm_cleared"] * (len(told) // 2) + ["alarm_raised"] * (
        len(told) % 2
    )
    raised = [when_s for when_s, name in told if name == "alarm_raised"]
    for begin_s in raised:
        assert sum(begin_s <= when_s < begin_s + LONGEST_HOLD_S for when_s in raised) <= 7, "1, 2, 4 … 64 min"


def test_what_comes_back_soon_is_held_longer_and_what_comes_back_late_is_not() -> None:
    """One bad contact fills no platform; a second fault a day later is treated as the first was."""
    alarms = Alarms()
    poll(alarms, 0, BLOCKED)
    poll(alarms, 10)
    poll(alarms, 10 + HOLD_S)
    (again,) = poll(alarms, 100, BLOCKED)
    assert (again.data["times"], again.data["first"]) == (2, "2026-11-22T12:00:00.000Z")
    poll(alarms, 110)
    assert poll(alarms, 110 + HOLD_S) == []
    assert names(poll(alarms, 110 + 2 * HOLD_S)) == ["alarm_cleared"]

    poll(alarms, 90_000, BLOCKED)
    poll(alarms, 90_010)
    assert names(poll(alarms, 90_010 + HOLD_S)) == ["alarm_cleared"]


def test_what_comes_back_has_to_be_acknowledged_again() -> None:
    """Whoever saw it yesterday has not seen that it is back."""
    alarms = Alarms()
    name = poll(alarms, 0, COLD)[0].data["id"]
    alarms.acknowledge(name, LI, NOON_S)
    poll(alarms, 10)
    poll(alarms, 10 + HOLD_S)
    poll(alarms, 200, COLD)

    assert (only(alarms).id, only(alarms).state) == (name, "active")


def test_a_poll_that_could_not_tell_ends_nothing() -> None:
    """A status word that was not read says nothing about the lamp."""
    alarms = Alarms()
    poll(alarms, 0, BLOCKED)
    alarms.look("line", {}, ["temperature"], NOON_S + 1)

    assert alarms.look("line", {}, ["temperature"], NOON_S + 1000) == []
    assert only(alarms).is_active


def test_one_device_says_nothing_of_another() -> None:
    """Two analyzers of one model have the same flags."""
    alarms = Alarms()
    poll(alarms, 0, BLOCKED)
    poll(alarms, 1, device="so2")

    assert poll(alarms, 1000, device="so2") == []


def test_a_device_is_silent_only_after_a_while() -> None:
    """An instrument that restarts is no alarm; one that is gone is."""
    alarms = Alarms()
    assert alarms.look("line", {SILENT: SIGNS[SILENT]}, (), NOON_S) == []
    assert alarms.look("line", {SILENT: SIGNS[SILENT]}, (), NOON_S + SILENCE_S - 1) == []
    poll(alarms, SILENCE_S)
    assert alarms.look("line", {SILENT: SIGNS[SILENT]}, (), NOON_S + SILENCE_S + 1) == []
    told = alarms.look("line", {SILENT: SIGNS[SILENT]}, (), NOON_S + 2 * SILENCE_S + 1)

    assert [(one.event, one.data["class"], one.data["reason"]) for one in told] == [
        ("alarm_raised", "silence", "no_reply")
    ]


def test_who_comes_second_is_told_who_was_first() -> None:
    """Two people on the way to one fault is one too many."""
    alarms = Alarms()
    name = poll(alarms, 0, COLD)[0].data["id"]
    alarms.acknowledge(name, LI, NOON_S)

    with pytest.raises(AlarmError, match="acknowledged before, by li"):
        alarms.acknowledge(name, {"uid": 1002, "user": "wang"}, NOON_S + 1)


def test_two_alarms_of_one_class_on_one_device_live_each_for_itself() -> None:
    """Lamp and door are two things to be explained."""
    alarms = Alarms()
    poll(alarms, 0, BLOCKED, DOOR)
    poll(alarms, 10, DOOR)
    poll(alarms, 10 + HOLD_S, DOOR)
    blocked, door = sorted(alarms, key=lambda alarm: alarm.is_active)
    assert (blocked.kind, door.kind, blocked.id != door.id) == ("state", "state", True)
    alarms.close(blocked.id, "filter changed", LI)
    assert list(alarms) == [door]


def test_what_still_holds_cannot_be_closed() -> None:
    """A closed alarm that holds would be a blind eye."""
    alarms = Alarms()
    name = poll(alarms, 0, COLD)[0].data["id"]

    with pytest.raises(AlarmError, match="still holds") as caught:
        alarms.close(name, "never mind", LI)

    assert f"alarms ack {name}" in caught.value.hint


@pytest.mark.parametrize("word", ["zzzz", ""])
def test_an_id_that_means_none_is_refused(word: str) -> None:
    """A typing error must not acknowledge anything."""
    alarms = Alarms()
    poll(alarms, 0, COLD)

    with pytest.raises(AlarmError):
        alarms.acknowledge(word, LI, NOON_S)


def test_a_source_that_is_no_longer_configured_is_cleared() -> None:
    """An instrument that was taken out can never say that its lamp is well again."""
    alarms = Alarms()
    poll(alarms, 0, COLD, BLOCKED)

    told = alarms.only({Source("line", *COLD)}, NOON_S + 5)

    assert [(one.event, one.data["flag"], one.data["why"]) for one in told] == [
        ("alarm_cleared", "blocked", "not configured")
    ]
    assert {alarm.state for alarm in alarms} == {"active", "cleared"}


def test_a_step_of_the_clock_makes_no_alarm_longer_or_shorter() -> None:
    """NTP that answers at last has not been cold for twenty years."""
    alarms = Alarms()
    poll(alarms, 0, COLD)
    poll(alarms, 30)
    alarms.stepped(1e9, NOON_S + 30)

    assert poll(alarms, 1e9 + 30 + HOLD_S - 1) == []
    (cleared,) = poll(alarms, 1e9 + 30 + HOLD_S)
    assert cleared.data["seconds"] == 30.0


def test_a_clock_that_was_behind_for_a_while_makes_no_alarm_of_the_future() -> None:
    """Raised at noon, the PC wakes up in 1970 and is set right: it lasted an hour, and not minus fifty years."""
    alarms = Alarms()
    poll(alarms, 0, COLD)
    poll(alarms, 60 - NOON_S, COLD)
    alarms.stepped(NOON_S, now_s=120.0)
    poll(alarms, 3600)

    (cleared,) = poll(alarms, 3600 + HOLD_S)
    assert cleared.data["seconds"] == 3600.0


@given(
    st.lists(
        st.tuples(st.integers(1, 4000), st.sets(st.sampled_from([COLD, BLOCKED])), st.sampled_from("-ackr")),
        max_size=60,
    )
)
def test_the_records_tell_what_is_open(steps: Sequence[tuple[int, set[Key], str]]) -> None:
    """Whoever has the records has the alarms: state is nowhere else, not even after a restart."""
    alarms, at_s, records = Alarms(), 0, []
    for pause_s, keys, action in steps:
        at_s += pause_s
        told = poll(alarms, at_s, *keys)
        first = next(iter(alarms), None)
        if action == "a" and first and not first.acknowledged:
            told.append(alarms.acknowledge(first.id, LI, NOON_S + at_s))
        if action == "c" and first and not first.is_active:
            told.append(alarms.close(first.id, "looked at", LI))
        if action == "r":
            alarms, memory = Alarms(), alarms.memory()
            alarms.recall(memory)
            assert alarms.memory() == memory
        time = time_text(round((NOON_S + at_s) * 1000))
        records += [{"event": one.event, "device": one.device, "time": time, "data": one.data} for one in told]

    told_of = {one["id"]: one for one in lives(records) if one["state"] != "closed"}
    same = ("device", "channel", "flag", "class", "severity", "state", "first", "raised", "times", "cleared", "seconds")
    assert {name: [one[key] for key in same] for name, one in told_of.items()} == {
        one["id"]: [one[key] for key in same] for one in alarms.memory()
    }
