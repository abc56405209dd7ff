"""Maintenance: data are marked while somebody is at work, never missing, and the mark goes away by itself."""

from __future__ import annotations

import pytest

from agent.operations.maintenance import ALL, Maintenance, NotAtWorkError

NOON_S = 1_795_348_800.0
"""2026-11-22 12:00 UTC."""

LI = {"uid": 1001, "user": "li"}


def begun(subject: str = "so2", for_s: float = 7200.0) -> Maintenance:
    """Maintenance since noon."""
    maintenance = Maintenance()
    maintenance.start(subject, reason="filter", order="WO-7", for_s=for_s, by=LI, now_s=NOON_S)
    return maintenance


def test_it_ends_by_itself_when_it_was_to() -> None:
    """A mark that somebody forgot costs good data."""
    maintenance = begun()

    assert maintenance.expire(NOON_S + 7199) == []
    assert maintenance.covers("so2")
    (ended,) = maintenance.expire(NOON_S + 9000)

    assert not maintenance.covers("so2")
    assert ended.data == {
        "subject": "so2",
        "reason": "filter",
        "order": "WO-7",
        "started": "2026-11-22T12:00:00.000Z",
        "ended": "2026-11-22T14:00:00.000Z",
        "seconds": 7200.0,
        "why": "time",
    }


def test_all_covers_every_device_and_one_covers_one() -> None:
    """During an audit of the station everything is touched; else only what somebody works on is marked."""
    assert begun(ALL).covers("whatever")
    assert not begun("so2").covers("o3")


def test_to_stop_all_ends_what_runs_and_to_stop_nothing_is_a_mistake() -> None:
    """Who leaves the station wants one command; who names the wrong device wants to know."""
    maintenance = begun()
    maintenance.start("o3", reason="lamp", order=None, for_s=60.0, by=LI, now_s=NOON_S)

    with pytest.raises(NotAtWorkError, match="no maintenance of co runs") as caught:
        maintenance.stop("co", LI, NOON_S)
    assert "so2, o3" in caught.value.hint
    assert [one.subject for one in maintenance.stop(ALL, LI, NOON_S + 60)] == ["so2", "o3"]
    with pytest.raises(NotAtWorkError):
        maintenance.stop(ALL, LI, NOON_S + 60)


def test_to_start_again_is_to_go_on() -> None:
    """Work takes longer than one thinks: the beginning stays, the end moves."""
    maintenance = begun()
    data = maintenance.start("so2", reason="pump too", order=None, for_s=7200.0, by=LI, now_s=NOON_S + 3600)

    assert (data["started"], data["until"]) == ("2026-11-22T12:00:00.000Z", "2026-11-22T15:00:00.000Z")
    assert maintenance.expire(NOON_S + 10_799) == []
    assert maintenance.expire(NOON_S + 10_800)[0].data["seconds"] == 10_800


@pytest.mark.parametrize("by_s", [-20 * 365 * 86400.0, 3600.0, 20 * 365 * 86400.0])
def test_two_hours_of_work_are_two_hours_whatever_the_clock_says(by_s: float) -> None:
    """NTP that answers at last neither ends the work nor makes it last for years."""
    maintenance = begun()
    maintenance.stepped(by_s)

    assert maintenance.expire(NOON_S + by_s + 7199) == []
    assert maintenance.expire(NOON_S + by_s + 7200)[0].data["seconds"] == 7200


def test_a_restart_goes_on_with_the_rest_of_it() -> None:
    """A power cut during the work is likely: somebody works on the rack."""
    after = Maintenance()
    after.recall(begun().memory(), NOON_S + 5000)

    assert after.covers("so2")
    assert after.expire(NOON_S + 7199) == []
    assert [one.data["why"] for one in after.expire(NOON_S + 7200)] == ["time"]


def test_a_restart_with_a_clock_without_a_battery_makes_it_no_longer() -> None:
    """In the year 2000 the end is a quarter of a century away; the work is still over after two hours."""
    after = Maintenance()
    after.recall(begun().memory(), 946_684_800.0)

    assert after.expire(946_684_800.0 + 7200)[0].subject == "so2"


def test_a_clock_that_is_behind_for_a_while_changes_nothing_once_it_is_right() -> None:
    """The power goes during the work, the PC wakes up in the year 2000, and NTP answers ten minutes later."""
    woke_s = 946_684_800.0
    after = Maintenance()
    after.recall(begun().memory(), woke_s)
    after.stepped(NOON_S + 3600 - (woke_s + 600))

    assert after.expire(NOON_S + 7199) == []
    (ended,) = after.expire(NOON_S + 7200)
    assert (ended.data["ended"], ended.data["seconds"]) == ("2026-11-22T14:00:00.000Z", 7200.0)


def test_what_is_extended_while_the_clock_is_behind_lasts_as_long_as_was_said() -> None:
    """Whoever is at the rack does not know what the PC believes."""
    woke_s = 946_684_800.0
    after = Maintenance()
    after.recall(begun().memory(), woke_s)
    data = after.start("so2", reason="pump too", order=None, for_s=3600.0, by=LI, now_s=woke_s + 300)
    assert (data["started"], data["until"]) == ("2026-11-22T12:00:00.000Z", "2000-01-01T01:05:00.000Z")
    after.stepped(NOON_S + 9000 - (woke_s + 600))

    assert after.expire(NOON_S + 9000 + 3299) == []
    assert after.expire(NOON_S + 9000 + 3300)[0].data["seconds"] == 9000 + 3300


def test_what_is_stopped_while_the_clock_is_behind_lasted_as_long_as_is_known() -> None:
    """Nobody knows how long the power was off; the ten minutes since are sure."""
    after = Maintenance()
    after.recall(begun().memory(), 946_684_800.0)

    (ended,) = after.stop("so2", LI, 946_684_800.0 + 600)
    assert (ended.data["ended"], ended.data["seconds"]) == ("2000-01-01T00:10:00.000Z", 600.0)
