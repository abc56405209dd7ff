"""The account of a day or a month: for each channel, what every expected tick came to. Its sum closes.

expected = valid + lost to power, link, instrument, calibration, maintenance, sampling line and agent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from agent.accounts.attendance import Attendance
from agent.accounts.delivered import Deliveries
from agent.accounts.downtime import Down, downtimes
from agent.accounts.ledger import Ledger
from agent.accounts.reading import Readings
from agent.accounts.steps import clock_steps
from agent.accounts.stretches import NothingExpectedError, Plan, Stretch, stretches
from agent.accounts.suspicion import Suspicion
from agent.accounts.tally import Account, Day
from agent.dictionaries import Dictionaries
from agent.store.source import ArchiveError, Source
from drivers.reading import Stream

AROUND_MS = 31 * 86_400_000
"""How long before a period what holds in it may have begun (alarms, work), and after it an agent may start again."""

LEAD_MS = 2 * 3_600_000
"""So long before a period it is read what its first ticks may recover from."""

PENDING_MS = 90_000
"""Ticks younger than this may have records that are not written yet."""


@dataclass(slots=True)
class Report:
    """The accounts of one station over a period that was counted from ``since_ms`` up to ``until_ms``."""

    station: str
    days: list[Day]
    since_ms: int
    until_ms: int
    accounts: list[Account]
    uplinks: list[str]
    downs: list[Down]
    uncounted: list[str]
    """Channels that give a value when they have one: how many were to be expected nobody knows."""
    repeated: int
    """Readings for ticks that had one already: the clock was set back."""
    unread: list[str]
    """What of the archive could not be read, a sentence each: its ticks count as not kept."""

    @property
    def closes(self) -> bool:
        """Whether the sum of every account closes."""
        return all(tally.closes for account in self.accounts for tally in account.days.values())


def report(
    source: Source, days: Sequence[Day], *, now_ms: int, today: Plan | None, uplinks: Collection[str] | None
) -> Report:
    """Account for *days*, which follow each other, as far as they are over at *now_ms*.

    *today* and *uplinks* are those of the station file, if it is right. Raises NothingExpectedError when the log knows
    of no configuration that ran then.
    """
    since_ms, until_ms = days[0].since_ms, min(days[-1].until_ms, now_ms - PENDING_MS)
    unread: list[str] = []
    events = list(_events(source, since_ms - AROUND_MS, until_ms + AROUND_MS, unread))
    steps = clock_steps(events)
    parts = stretches(source, since_ms - LEAD_MS, until_ms, today, steps)
    if not parts or parts[-1].until_ms <= since_ms:
        name = f"{days[0].name} to {days[-1].name}" if len(days) > 1 else days[0].name
        raise NothingExpectedError(name, goes_on=days[-1].until_ms > until_ms)
    attendance = Attendance.of(_maintenance(source, since_ms - AROUND_MS, until_ms + AROUND_MS, unread), steps)
    deliveries = Deliveries(source.log, uplinks, since_ms)
    ledger = Ledger(list(days), deliveries, downtimes(events), Suspicion.of(events), attendance)
    repeated = _fill(ledger, source, parts, unread)
    found = Report(
        station=source.station,
        days=list(days),
        since_ms=max(parts[0].since_ms, since_ms),
        until_ms=parts[-1].until_ms,
        accounts=[one for one in ledger.accounts.values() if one.days and one.is_fitted is not False],
        uplinks=deliveries.names,
        downs=[down for down in ledger.downs if down.until_ms > since_ms and down.since_ms < until_ms],
        uncounted=sorted(_uncounted(parts)),
        repeated=repeated,
        unread=list(dict.fromkeys(unread)),
    )
    assert found.closes, "every expected tick is valid or lost to one cause"
    return found


def _fill(ledger: Ledger, source: Source, parts: Sequence[Stretch], unread: list[str]) -> int:
    """Enter all ticks of *parts*; return how many readings were for ticks that had one already."""
    dictionaries = Dictionaries(source)
    repeated = 0
    for part in parts:
        readings = Readings(source, part)
        readings.read(ledger.deliveries)
        unread += readings.unread
        for device, timelines in readings.timelines.items():
            for timeline in timelines:
                ledger.enter(part, timeline)
                repeated += timeline.repeated
            ledger.name(device, dictionaries, readings.metas.get(device, ""))
    ledger.close()
    return repeated


def _uncounted(parts: Sequence[Stretch]) -> set[str]:
    plans = [(device, expected) for part in parts for device, expected in part.plan.items()]
    return {
        f"{device}.{name}" for device, expected in plans for name, every_s in expected.channels.items() if not every_s
    }


def _events(source: Source, since_ms: int, until_ms: int, unread: list[str]) -> Iterator[dict[str, Any]]:
    for body in _told(source, Stream.EVENT, since_ms, until_ms, unread):
        if b'"event":"dictionary"' not in body:
            yield orjson.loads(body)


def _maintenance(source: Source, since_ms: int, until_ms: int, unread: list[str]) -> Iterator[dict[str, Any]]:
    """The audit records of who was at work."""
    for body in _told(source, Stream.AUDIT, since_ms, until_ms, unread):
        if b'"event":"maintenance_' in body:
            yield orjson.loads(body)


def _told(source: Source, stream: Stream, since_ms: int, until_ms: int, unread: list[str]) -> Iterator[bytes]:
    """The records of a time in the order in which they were stored, those between that carry another time as well."""
    for file in source.files(stream, since_ms, until_ms):
        try:
            yield from (body for _, body in source.bodies(file))
        except ArchiveError as error:
            unread.append(str(error))
    runs = source.log.runs(stream, since_ms, until_ms)
    for epoch in dict.fromkeys(run[0] for run in runs):
        seqs = [seq for run in runs if run[0] == epoch for seq in run[1:]]
        yield from (row.body for row in source.log.walk(epoch, stream, min(seqs), max(seqs)))
