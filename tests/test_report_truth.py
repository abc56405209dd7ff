"""The report against a second model of a station, which knows the cause of every tick and nothing of the accounts."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.accounts.causes import Cause
from agent.accounts.report import Report, report
from agent.accounts.tally import Day
from agent.store.archive import Archive
from agent.store.reader import Reader
from agent.store.source import Source
from agent.store.store import CHUNK
from drivers.reading import Stream
from tests.simulators.logbook import open_store
from tests.simulators.technician import Technician
from tests.simulators.world import Gauge, Span, World, text

SHANGHAI = ZoneInfo("Asia/Shanghai")
SO2, NO2, CO = "so2", "no2", "co"
EVERY_S = 120


def at(when: str, zone: ZoneInfo = SHANGHAI) -> float:
    """A moment of 2026 at the station, such as ``11-03 10:00``."""
    return datetime.strptime(f"2026-{when}", "%Y-%m-%d %H:%M").replace(tzinfo=zone).timestamp()


def span(what: str, since: str, until: str, device: str = "") -> Span:
    return Span(what, at(since), at(until), device)


BEGIN, END, EVER = at("11-01 00:00"), at("12-01 00:00"), at("12-31 00:00")
SPANS = [
    span("span", "10-31 23:30", "10-31 23:50", NO2),
    span("purge", "10-31 23:50", "11-01 00:10", NO2),  # recovers from what was before the month
    span("span", "10-31 23:30", "11-01 00:45", SO2),
    span("purge", "11-01 00:45", "11-01 01:05", SO2),
    span("line", "11-03 10:00", "11-03 16:00"),
    span("work", "11-03 11:00", "11-03 15:00", SO2),
    span("off", "11-03 12:00", "11-03 13:00"),  # the power goes during work on a faulty line
    span("span", "11-05 23:40", "11-06 00:35", SO2),
    span("purge", "11-06 00:35", "11-06 00:50", SO2),
    span("dead", "11-07 08:00", "11-14 08:00", NO2),
    span("busy", "11-15 00:00", "11-15 12:00", NO2),
    span("span", "11-16 09:00", "11-16 12:00", SO2),
    span("link", "11-16 10:00", "11-16 14:00", SO2),
    span("link", "11-16 11:00", "11-16 11:30", NO2),
    span("garbled", "11-16 11:30", "11-16 11:33", NO2),
    span("off", "11-20 03:00", "11-20 04:33"),  # its last minutes it runs, in the year 2000
    span("stopped", "11-24 09:00", "11-24 09:20"),
    span("fault", "11-25 10:00", "11-25 18:00", "so2-new"),
    span("work", "11-25 12:00", "11-25 13:00"),
    span("span", "11-25 17:00", "11-25 19:00", "so2-new"),
    span("work", "11-26 08:00", "11-26 12:00", "manifold"),
    span("dead", "11-26 09:00", "11-26 09:20", "so2-new"),
    span("unkept", "11-27 10:00", "11-28 16:00"),  # then the log of the 27th is put back
    span("span", "11-30 23:30", "12-01 00:45", "so2-new"),
]


@dataclass
class November:
    """What was written where, and what is true of it."""

    folder: Path
    truth: dict[str, Counter[str]]
    valid_hours: Counter[str]

    def accounted(self, first: int = 1, last: int = 30) -> Report:
        with Reader.open(self.folder / "store.db") as log:
            source = Source(log, self.folder / "archive")
            return report(source, days(first, last), now_ms=round(EVER * 1000), today=None, uplinks=None)


def days(first: int, last: int) -> list[Day]:
    edges = [round((BEGIN + 86_400 * number) * 1000) for number in range(first - 1, last + 1)]
    return [Day(f"2026-11-{first + n:02}", *edge) for n, edge in enumerate(pairwise(edges))]


@pytest.fixture(scope="module")
def november(tmp_path_factory: pytest.TempPathFactory) -> November:
    """A month in which one thing comes on top of another."""
    folder = tmp_path_factory.mktemp("november")
    gauges = [
        Gauge(SO2, EVERY_S, at("10-31 12:00"), EVER, line="manifold"),
        Gauge(NO2, EVERY_S, at("10-31 12:00"), EVER, ("no", "no2"), line="manifold"),
    ]
    world = World(open_store(folder / "store.db"), gauges, SPANS)
    first_half(world)
    second_half(world)
    put_back(world, folder)
    world.store.close()
    return November(folder, world.truth(BEGIN, END), world.valid_hours(BEGIN, END))


def first_half(world: World) -> None:
    """A faulty line, work and a power cut together; a device comes, one goes, one is renamed."""
    began = at("10-31 12:00")
    world.tell("agent_started", began, {"version": "1", "up_s": 100})
    world.configure(began)
    world.live(began, at("11-03 10:00"))
    alarm = {"id": "a", "channel": "flow", "affects": ["no2.no", "no2.no2", "so2.so2"]}
    world.tell("alarm_raised", at("11-03 10:00") - 1, alarm, device="manifold")
    world.live(at("11-03 10:00"), at("11-03 11:00"))
    started = text(at("11-03 11:00") - 1)
    world.works("started", at("11-03 11:00") - 1, SO2, started=started, until=text(at("11-03 15:00") - 1), for_s=14400)
    world.live(at("11-03 11:00"), at("11-03 13:00"))
    world.start(at("11-03 13:00") - 3, up_s=30)
    world.live(at("11-03 13:00"), at("11-03 15:00"))
    ended = text(at("11-03 15:00") - 1)
    world.works("ended", at("11-03 15:00") - 1, SO2, started=started, ended=ended, seconds=14400.0, why="time")
    world.live(at("11-03 15:00"), at("11-03 16:00"))
    world.tell("alarm_cleared", at("11-03 16:00"), {"id": "a", "channel": "flow"}, device="manifold")
    world.live(at("11-03 16:00"), at("11-10 08:17"))
    world.gauges.append(Gauge(CO, EVERY_S, at("11-10 08:17"), at("11-18 14:03")))
    for change, until in (("11-10 08:17", "11-18 14:03"), ("11-18 14:03", "11-19 10:30")):
        world.configure(at(change))
        world.live(at(change), at(until))
    world.renamed(SO2, "so2-new", at("11-19 10:30"))
    world.configure(at("11-19 10:30"))
    world.live(at("11-19 10:30"), at("11-20 04:30"))


def second_half(world: World) -> None:
    """A boot in the year 2000 with another station file, other intervals, a new epoch, work on all and on the line."""
    wrong_s = 946_684_860 - at("11-20 04:30")
    world.renamed(NO2, NO2, at("11-20 04:30"), every_s=20)
    world.start(at("11-20 04:30"), up_s=20, wrong_s=wrong_s)
    world.live(at("11-20 04:30"), at("11-20 04:33"), wrong_s)
    found_s = at("11-20 04:33")
    world.tell(
        "clock_stepped", found_s, {"expected": text(found_s + wrong_s), "found": text(found_s), "by_s": -wrong_s}
    )
    world.live(found_s, at("11-22 06:00"))
    world.renamed(NO2, NO2, at("11-22 06:00"), every_s=EVERY_S)
    world.configure(at("11-22 06:00"))
    world.live(at("11-22 06:00"), at("11-23 12:00"))
    world.tell("epoch_began", at("11-23 12:00"), {"epoch": world.store.begin_epoch("test"), "reason": "test"})
    world.live(at("11-23 12:00"), at("11-24 09:00"))
    world.tell("agent_stopped", at("11-24 09:00") - 1, {})
    world.live(at("11-24 09:00"), at("11-24 09:20"))
    world.start(at("11-24 09:20") - 3, up_s=400_000)
    world.live(at("11-24 09:20"), at("11-25 12:00"))
    worked(world, "all", "11-25 12:00", "11-25 13:00")
    world.live(at("11-25 13:00"), at("11-26 08:00"))
    worked(world, "manifold", "11-26 08:00", "11-26 12:00", extended="11-26 08:30")
    world.live(at("11-26 12:00"), at("11-27 10:00"))


def worked(world: World, subject: str, since: str, until: str, extended: str = "") -> None:
    """Somebody works, and says so at both ends; what was to last an hour is *extended* by a day."""
    started, ended = at(since) - 1, at(until) - 1
    world.works("started", started, subject, started=text(started), until=text(started + 3600), for_s=3600)
    if extended:
        world.live(at(since), at(extended))
        day = {"until": text(at(extended) + 86_400), "for_s": 86_400}
        world.works("extended", at(extended), subject, started=text(started), **day)
    world.live(at(extended or since), at(until))
    data = {"ended": text(ended), "seconds": ended - started, "why": "stopped"}
    world.works("ended", ended, subject, started=text(started), **data)


def put_back(world: World, folder: Path) -> None:
    """The disk of the 27th is put back on the 28th, and a broker knows better."""
    world.store.close()
    kept = folder / "image"
    shutil.copy(folder / "store.db", kept)
    world.store = open_store(folder / "store.db")
    last = dict(world.last)
    world.live(at("11-27 10:00"), at("11-28 15:00"))
    world.store.close()
    kept.rename(folder / "store.db")
    (folder / "store.db.high").unlink()
    world.store, world.last = open_store(folder / "store.db"), last
    world.start(at("11-28 16:00") - 5, up_s=60)
    reason = "the state at broker city shows measurement 99999, which this log does not have"
    world.tell("epoch_began", at("11-28 16:00") - 4, {"epoch": world.store.begin_epoch(reason), "reason": reason})
    world.live(at("11-28 16:00"), END + 86_400)


def moved(folder: Path) -> Archive:
    """Move the days before the 25th from the log in *folder* to the archive."""
    store = open_store(folder / "store.db")
    archive = Archive(folder / "archive")
    while part := archive.next_slice(store.log, round(at("11-25 12:00") * 1000)):
        archive.seal(store.log, part)
    for (epoch, stream), upto in archive.sealed().items():
        for first in range(1, upto.upto + 1, CHUNK):
            store.free(epoch, stream, first, min(first + CHUNK - 1, upto.upto))
    store.close()
    return archive


def differences(found: Report, truth: dict[str, Counter[str]]) -> dict[str, dict[str, tuple[int, int]]]:
    """By channel and cause, what is more than one tick from the truth: counted, and true."""
    wrong: dict[str, dict[str, tuple[int, int]]] = {}
    for account in found.accounts:
        counted = Counter({str(cause): ticks for cause, ticks in account.total.lost.items()})
        counted["valid"] = account.total.valid
        true = truth[account.device]
        wrong[f"{account.device}.{account.channel}"] = {
            cause: (counted[cause], true[cause])
            for cause in counted.keys() | true.keys()
            if abs(counted[cause] - true[cause]) > 1
        }
    return {channel: causes for channel, causes in wrong.items() if causes}


def test_every_cause_is_within_a_tick_of_the_truth(november: November) -> None:
    """Overlapping causes, edges of months and configurations, wrong clocks, a new epoch and an old image."""
    found = november.accounted()
    assert differences(found, november.truth) == {}
    assert found.closes
    assert {(one.device, one.channel) for one in found.accounts} == {
        (SO2, "so2"),
        ("so2-new", "so2"),
        (NO2, "no"),
        (NO2, "no2"),
        (CO, "so2"),
    }
    assert sum(account.total.expected for account in found.accounts if account.channel == "no2") == sum(
        november.truth[NO2].values()
    )


def test_hours_are_counted_as_the_authorities_do(november: November) -> None:
    """An hour is valid that has 45 valid minutes."""
    found = november.accounted().accounts
    assert {one.device: one.total.hours.valid for one in found} == november.valid_hours
    assert {one.device: one.total.hours.expected for one in found if one.channel in ("no2", "so2")} == {
        SO2: 18 * 24 + 10,  # renamed at half past ten, of which hour nobody counts half
        "so2-new": 11 * 24 + 13,
        NO2: 720,
        CO: 15 + 7 * 24 + 14,
    }


def test_a_month_half_of_which_lies_in_the_archive_is_the_same_month(november: November, tmp_path: Path) -> None:
    """Days that were moved from the log to the archive still close, with their events and configurations."""
    folder = tmp_path / "moved"
    shutil.copytree(november.folder, folder)
    archive = moved(folder)
    assert any(file.stream is Stream.AUDIT for file in archive.files())
    found = replace(november, folder=folder).accounted()
    assert differences(found, november.truth) == {}
    assert (found.unread, found.accounts) == ([], november.accounted().accounts)


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25)])
def test_a_day_on_which_summer_time_begins_or_ends_has_the_hours_that_it_had(
    day: str, hours: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In Berlin: neither is an hour lost in spring, nor found in autumn."""
    noon = datetime.strptime(day, "%Y-%m-%d").replace(hour=12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    world = World(open_store(tmp_path / "store.db"), [Gauge(SO2, 300, noon - 86_400, noon + 86_400)], [])
    world.configure(noon - 86_400)
    world.live(noon - 86_400, noon + 86_400)
    world.store.close()
    station = '[station]\nid = "330100-A01"\ntimezone = "Europe/Berlin"\n[store]\npath = "store.db"\n'
    said = Technician(tmp_path, capsys, station).asks(("report", "--day", day))
    (so2,) = said.news[0]["channels"]
    assert (so2["expected"], so2["valid"], so2["hours"]["valid"]) == (12 * hours, 12 * hours, hours)


def test_a_day_of_the_archive_that_cannot_be_read_is_named_and_counts_as_not_kept(
    november: November, tmp_path: Path
) -> None:
    """The month is wanted all the same."""
    folder = tmp_path / "moved"
    shutil.copytree(november.folder, folder)
    archive = moved(folder)
    (day,) = [one for one in archive.files() if one.stream is Stream.MEASUREMENT and one.day == "2026-11-08"]
    day.path.write_bytes(day.path.read_bytes()[:200])
    found = replace(november, folder=folder).accounted()
    assert found.closes
    assert [day.path.name in sentence for sentence in found.unread] == [True]
    so2 = next(account for account in found.accounts if account.device == SO2)
    assert so2.total.lost[Cause.AGENT] == pytest.approx(86_400 / EVERY_S, abs=2)
