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
from agent.accounts.stretches import NothingExpectedError, Plan, Stretch, stretches
from agent.accounts.suspicion import Suspicion
from agent.accounts.tally import Account, Day
from agent.dictionaries import Dictionaries
from agent.store.reader import Reader
from drivers.reading import Stream

AROUND_MS = 31 * 86_400_000
"""How long before a period what holds in it may have begun (alarms, work), and after it an agent may start again."""

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

    @property
    def closes(self) -> bool:
        """Whether the sum of every account closes."""
        return all(tally.closes for account in self.accounts for tally in account.days.values())


def report(
    log: Reader, days: Sequence[Day], *, now_ms: int, today: Plan | None, uplinks: Collection[str] | None
) -> Report:
    """Account for *days*, which follow each other, as far as they are over at *now_ms*.

    *today* and *uplinks* are those of the station file, if it is right. Raises NothingExpectedError when the log knows
    of no configuration that ran then.
    """
    since_ms, until_ms = days[0].since_ms, min(days[-1].until_ms, now_ms - PENDING_MS)
    parts = stretches(log, since_ms, until_ms, today)
    if not parts:
        raise NothingExpectedError(f"{days[0].name} to {days[-1].name}" if len(days) > 1 else days[0].name)
    events = list(_events(log, since_ms - AROUND_MS, until_ms + AROUND_MS))
    attendance = Attendance.of(_maintenance(log, since_ms - AROUND_MS, until_ms + AROUND_MS))
    deliveries = Deliveries(log, uplinks, since_ms)
    ledger = Ledger(list(days), deliveries, downtimes(events), Suspicion.of(events), attendance)
    dictionaries = Dictionaries(log)
    repeated = 0
    for part in parts:
        readings = Readings(log, part)
        readings.read(deliveries)
        for device, timelines in readings.timelines.items():
            for timeline in timelines:
                ledger.enter(part, timeline)
                repeated += timeline.repeated
            ledger.name(device, dictionaries, readings.metas.get(device, ""))
    accounts = [account for account in ledger.accounts.values() if account.is_fitted is not False]
    found = Report(
        station=log.station,
        days=list(days),
        since_ms=parts[0].since_ms,
        until_ms=parts[-1].until_ms,
        accounts=accounts,
        uplinks=deliveries.names,
        downs=[down for down in ledger.downs if down.until_ms > since_ms and down.since_ms < until_ms],
        uncounted=sorted(_uncounted(parts)),
        repeated=repeated,
    )
    assert found.closes, "every expected tick is valid or lost to one cause"
    return found


def _uncounted(parts: Sequence[Stretch]) -> set[str]:
    plans = [(device, expected) for part in parts for device, expected in part.plan.items()]
    return {
        f"{device}.{name}" for device, expected in plans for name, every_s in expected.channels.items() if not every_s
    }


def _events(log: Reader, since_ms: int, until_ms: int) -> Iterator[dict[str, Any]]:
    """The events of a time in the order in which they were stored, those between that carry another time as well."""
    runs = log.runs(Stream.EVENT, since_ms, until_ms)
    for epoch in dict.fromkeys(run[0] for run in runs):
        seqs = [seq for run in runs if run[0] == epoch for seq in run[1:]]
        for row in log.walk(epoch, Stream.EVENT, min(seqs), max(seqs)):
            if b'"event":"dictionary"' not in row.body:
                yield orjson.loads(row.body)


def _maintenance(log: Reader, since_ms: int, until_ms: int) -> Iterator[dict[str, Any]]:
    """The audit records of who was at work, in the order in which they were stored."""
    for row in log.between(Stream.AUDIT, since_ms, until_ms):
        if b'"event":"maintenance_' in row.body:
            yield orjson.loads(row.body)
