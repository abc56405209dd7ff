"""Enters timelines into accounts: each tick to its day, and each that is not valid to its cause."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agent.accounts.attendance import Attendance, Span
from agent.accounts.causes import Cause, cause_of
from agent.accounts.delivered import Deliveries
from agent.accounts.downtime import Down
from agent.accounts.hours import HOUR_MS, Hour, by_hour
from agent.accounts.stretches import Stretch
from agent.accounts.suspicion import Suspicion
from agent.accounts.tally import Account, Day, Delivery, Tally
from agent.accounts.timeline import Pattern, Timeline, cut
from agent.dictionaries import Dictionaries
from drivers.reading import Quality

GATHERED_MS = 60_000
"""Ticks that gave nothing wait so long for their record, and a power cut may find them waiting."""

_UNRECORDABLE = frozenset({Cause.POWER, Cause.AGENT})
"""Why there is no record at all, whoever was at work."""


class Piece(NamedTuple):
    """Ticks in a row, the first due at ``due_ms``, of which ``pattern`` is said, or nothing.

    ``told`` is what counts for them then. They have ``cause`` where no record decides it.
    """

    due_ms: int
    ticks: int
    pattern: Pattern | None
    told: Pattern | None
    cause: Cause | None


class Ledger:
    """Enters timelines into accounts, run by run."""

    def __init__(
        self,
        days: list[Day],
        deliveries: Deliveries,
        downs: list[Down],
        suspicion: Suspicion,
        attendance: Attendance,
    ) -> None:
        self.accounts: dict[tuple[str, str], Account] = {}
        self.deliveries = deliveries
        self.downs = downs
        self._days = days
        self._begins = [day.since_ms for day in days]
        self._suspicion = suspicion
        self._attendance = attendance

    def name(self, device: str, dictionaries: Dictionaries, meta: str) -> None:
        """Give the accounts of *device* the titles and units of its dictionary *meta*."""
        for account in self.accounts.values():
            if account.device == device and meta:
                words = dictionaries.channel(meta, account.channel)
                account.title = words.get("title", account.title)
                account.unit = dictionaries.unit(meta, account.channel) or account.unit

    def enter(self, part: Stretch, timeline: Timeline) -> None:
        """Count every tick of *timeline*."""
        entries = [self._entry(part, timeline.device, name, index) for index, name in enumerate(timeline.channels)]
        every_ms = timeline.every_us / 1000
        for piece in self._pieces(timeline, self._edges(timeline, entries)):
            for entry in entries:
                self._count(entry, piece, every_ms)

    def close(self) -> None:
        """Count the last hours."""
        for account in self.accounts.values():
            self._settle(account)

    def _entry(self, part: Stretch, device: str, name: str, index: int) -> _Entry:
        channel = f"{device}.{name}"
        is_behind_line = any(channel in expected.affects for expected in part.plan.values())
        lines = [line for line, expected in part.plan.items() if channel in expected.line]
        return _Entry(self._account(device, name), index, is_behind_line, self._attendance.at(device, *lines))

    def _pieces(self, timeline: Timeline, edges: Sequence[int]) -> Iterator[Piece]:
        before: Pattern | None = None
        for run in timeline.runs():
            for first, end in cut(run.first, run.end, edges):
                due_ms, ticks = timeline.due_ms(first), end - first
                is_short = (end - 1 - run.first) * timeline.every_us <= GATHERED_MS * 1000
                told = before if run.pattern is None and before and before.is_nothing and is_short else run.pattern
                down = self._down(due_ms, is_explained=told is not None) if run.pattern is None else None
                unknown = Cause.INSTRUMENT if timeline.is_sampled else Cause.AGENT
                yield Piece(due_ms, ticks, run.pattern, told, down or (unknown if told is None else None))
            before = run.pattern

    def _count(self, entry: _Entry, piece: Piece, every_ms: float) -> None:
        cause, pattern, account = self._cause(entry, piece), piece.pattern, entry.account
        has_value = pattern is not None and pattern.states[entry.index].has_value
        entry.note(cause, pattern)
        if piece.due_ms < self._begins[0]:
            return
        tally = account.days.setdefault(self._day(piece.due_ms).name, Tally())
        tally.count(piece.ticks, cause, has_value=has_value)
        received = {"": has_value}
        for number, name in enumerate(self.deliveries.names):
            delivery = tally.deliveries.setdefault(name, Delivery())
            if self.deliveries.serves(name, piece.due_ms):
                has_it = pattern is not None and not pattern.lacking >> number & 1
                received[name] = has_value and has_it
                delivery.count(piece.ticks, cause, received=received[name])
        if every_ms <= HOUR_MS:
            self._count_hours(account, piece, every_ms, received, valid=cause is None)

    def _count_hours(
        self, account: Account, piece: Piece, every_ms: float, received: Mapping[str, bool], *, valid: bool
    ) -> None:
        midnight_ms = self._day(piece.due_ms).since_ms
        for begin_ms, ms in by_hour(piece.due_ms, piece.ticks, every_ms, midnight_ms):
            if begin_ms != account.hour.begin_ms:
                self._settle(account)
                account.hour = Hour(begin_ms)
            for name, has_it in received.items():
                account.hour.span(name).count(ms, received=has_it, valid=valid)

    def _settle(self, account: Account) -> None:
        """Count the hour that *account* was in."""
        for name, span in account.hour.spans.items():
            tally = account.days[self._day(account.hour.begin_ms).name]
            (tally.deliveries[name].hours if name else tally.hours).add(span.settled())
        account.hour = Hour()

    def _cause(self, entry: _Entry, piece: Piece) -> Cause | None:
        """Why *piece* is not valid: whatever its records say, somebody was at work, unless nobody could record."""
        cause = piece.cause
        if cause in _UNRECORDABLE:
            return cause
        if piece.told is not None:
            is_own = self._suspicion.is_own(entry.account.device, entry.account.channel, piece.due_ms)
            by_line = entry.is_behind_line and not is_own
            cause = cause_of(piece.told.states[entry.index], before=entry.account.before, by_line=by_line)
        return Cause.MAINTENANCE if cause and entry.is_worked_on(piece.due_ms) else cause

    def _day(self, due_ms: int) -> Day:
        return self._days[max(bisect_right(self._begins, due_ms) - 1, 0)]

    def _down(self, due_ms: int, *, is_explained: bool) -> Cause | None:
        covering = (down.cause for down in self.downs if down.covers(due_ms, is_explained=is_explained))
        return next(covering, None)

    def _edges(self, timeline: Timeline, entries: Iterable[_Entry]) -> list[int]:
        """Ticks at which something begins or ends that no measurement tells: days, downtimes, alarms, work, uplinks."""
        moments = [*self._begins, *(edge for down in self.downs for edge in down.edges)]
        moments += [edge for name in timeline.channels for edge in self._suspicion.edges(timeline.device, name)]
        moments += [edge for entry in entries for span in entry.work for edge in span]
        moments += self.deliveries.edges()
        return sorted({timeline.slot_at(moment) for moment in moments})

    def _account(self, device: str, channel: str) -> Account:
        return self.accounts.setdefault((device, channel), Account(device, channel))


@dataclass(slots=True)
class _Entry:
    """Where a channel of a timeline is counted, and when somebody was at work on it."""

    account: Account
    index: int
    is_behind_line: bool
    work: tuple[Span, ...]

    def is_worked_on(self, due_ms: int) -> bool:
        """Whether somebody was at work on the device then, or on what it is sampled through."""
        return any(since_ms <= due_ms < until_ms for since_ms, until_ms in self.work)

    def note(self, cause: Cause | None, pattern: Pattern | None) -> None:
        """Remember how it stands after some ticks."""
        self.account.before = cause
        if pattern is None or pattern.is_nothing:
            return
        is_fitted = pattern.states[self.index].quality is not Quality.NOT_FITTED
        self.account.is_fitted = self.account.is_fitted or is_fitted
