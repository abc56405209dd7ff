"""Enters timelines into accounts: each tick to its day, and each that is not valid to its cause."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from agent.accounts.causes import EXEMPT, Cause, cause_of
from agent.accounts.delivered import Deliveries
from agent.accounts.downtime import Down
from agent.accounts.stretches import Stretch
from agent.accounts.suspicion import Suspicion
from agent.accounts.tally import Account, Day, Delivery, Tally
from agent.accounts.timeline import Pattern, Timeline, cut
from agent.dictionaries import Dictionaries
from drivers.reading import Quality

GATHERED_MS = 60_000
"""Ticks that gave nothing wait so long for their record, and a power cut may find them waiting."""


class Ledger:
    """Enters timelines into accounts, run by run."""

    def __init__(self, days: list[Day], deliveries: Deliveries, downs: list[Down], suspicion: Suspicion) -> None:
        self.accounts: dict[tuple[str, str], Account] = {}
        self.deliveries = deliveries
        self.downs = downs
        self._days = days
        self._begins = [day.since_ms for day in days]
        self._suspicion = suspicion

    def name(self, device: str, dictionaries: Dictionaries, meta: str) -> None:
        """Give the accounts of *device* the titles and units of its dictionary *meta*."""
        for account in self.accounts.values():
            if account.device == device and meta:
                words = dictionaries.channel(meta, account.channel)
                account.title = words.get("title", account.title)
                account.unit = dictionaries.unit(meta, account.channel) or account.unit

    def enter(self, part: Stretch, timeline: Timeline) -> None:
        """Count every tick of *timeline*."""
        behind = {target for device, expected in part.plan.items() for target in expected.affects}
        edges = self._edges(timeline)
        entries = [
            _Entry(self._account(timeline.device, name), index, f"{timeline.device}.{name}" in behind)
            for index, name in enumerate(timeline.channels)
        ]
        before: Pattern | None = None
        for run in timeline.runs():
            for first, end in cut(run.first, run.end, edges):
                self._enter(timeline, entries, first, end, run.pattern, before)
            before = run.pattern

    def _enter(
        self,
        timeline: Timeline,
        entries: Sequence[_Entry],
        first: int,
        end: int,
        pattern: Pattern | None,
        before: Pattern | None,
    ) -> None:
        """Count ticks *first* to before *end*, of which all is the same, and which follow some that were *before*."""
        due_ms, ticks = timeline.due_ms(first), end - first
        inherits = pattern is None and before is not None and before.is_nothing
        inherits = inherits and ticks * timeline.every_us <= GATHERED_MS * 1000 + timeline.every_us
        told = before if inherits else pattern
        day = self._days[bisect_right(self._begins, due_ms) - 1].name
        for entry in entries:
            down = None if pattern else self._down(due_ms)
            if down or told is None:
                cause: Cause | None = down or (Cause.INSTRUMENT if timeline.is_sampled else Cause.AGENT)
            else:
                cause = self._cause(timeline.device, timeline.channels[entry.index], entry, told, due_ms)
            tally = entry.account.days.setdefault(day, Tally())
            tally.count(ticks, cause, has_value=pattern is not None and pattern.states[entry.index].has_value)
            self._deliver(tally, ticks, cause, pattern, entry.index, due_ms)
            entry.note(cause, pattern)

    def _cause(self, device: str, channel: str, entry: _Entry, told: Pattern, due_ms: int) -> Cause | None:
        by_line = entry.is_behind_line and not self._suspicion.is_own(device, channel, due_ms)
        return cause_of(told.states[entry.index], before=entry.cause, by_line=by_line)

    def _down(self, due_ms: int) -> Cause | None:
        downs = ((down.cause, *down.edges) for down in self.downs)
        return next((cause for cause, since_ms, until_ms in downs if since_ms <= due_ms < until_ms), None)

    def _deliver(
        self, tally: Tally, ticks: int, cause: Cause | None, pattern: Pattern | None, index: int, due_ms: int
    ) -> None:
        for number, name in enumerate(self.deliveries.names):
            delivery = tally.deliveries.setdefault(name, Delivery())
            life = self.deliveries.lives[name]
            if due_ms < life.since_ms or (life.removed_ms is not None and due_ms >= life.removed_ms):
                continue
            delivery.expected += ticks
            delivery.exempt += ticks if cause in EXEMPT else 0
            if pattern is not None and not pattern.lacking >> number & 1 and pattern.states[index].has_value:
                delivery.received += ticks
                delivery.valid += ticks if cause is None else 0

    def _edges(self, timeline: Timeline) -> list[int]:
        """The ticks at which something begins or ends that is not in the records: days, downtimes, alarms, uplinks."""
        moments = [*self._begins, *(edge for down in self.downs for edge in down.edges)]
        moments += [edge for name in timeline.channels for edge in self._suspicion.edges(timeline.device, name)]
        lives = self.deliveries.lives.values()
        moments += [edge for life in lives for edge in (life.since_ms, life.removed_ms) if edge is not None]
        return sorted({timeline.slot_at(moment) for moment in moments})

    def _account(self, device: str, channel: str) -> Account:
        return self.accounts.setdefault((device, channel), Account(device, channel))


@dataclass(slots=True)
class _Entry:
    """Where a channel of a timeline is counted, and what its last ticks were lost to."""

    account: Account
    index: int
    is_behind_line: bool
    cause: Cause | None = None

    def note(self, cause: Cause | None, pattern: Pattern | None) -> None:
        """Remember how it stands after some ticks."""
        self.cause = cause
        if pattern is None or pattern.is_nothing:
            return
        is_fitted = pattern.states[self.index].quality is not Quality.NOT_FITTED
        self.account.is_fitted = self.account.is_fitted or is_fitted
