"""Who is at work on which device, why, and until when. Pure: no clock, no disk.

Maintenance marks data, it never stops recording. It ends by itself, since a
mark that somebody forgot to take away would cost months of good data. Times are
seconds since 1970; after a step of the clock they are moved, so that two hours
of work are two hours whatever the clock says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from agent.operations.instants import text_of
from drivers.errors import StationError

ALL = "all"
"""Stands for every device of the station, also those that come later."""

USUAL_S = 8 * 3600.0
"""How long maintenance lasts where nobody says how long: a day's work."""

LONGEST_S = 30 * 86400.0


class NotAtWorkError(StationError):
    """There is no maintenance to be stopped."""

    exit_code = 2

    def __init__(self, subject: str, running: Sequence[str]) -> None:
        hint = f"Maintenance runs for: {', '.join(running)}" if running else "None runs: station-agent maintenance"
        super().__init__(f"no maintenance of {subject} runs", hint=hint)


@dataclass(slots=True)
class Work:
    """Maintenance of one device, or of all. ``by`` says who began it.

    ``behind_s`` is there while the clock shows a time before the start, as on a computer without a battery: the moment
    at which this was found. Until the clock is set right, the work lasts no longer from then than it was to last.
    """

    subject: str
    reason: str
    order: str | None
    by: Mapping[str, Any]
    started: str
    started_s: float
    until_s: float
    for_s: float
    behind_s: float | None = None

    @property
    def ends_s(self) -> float:
        """When it ends by itself."""
        return self.until_s if self.behind_s is None else min(self.until_s, self.behind_s + self.for_s)

    def stepped(self, by_s: float) -> None:
        """The clock was set. What began on a right clock, before one that was behind, stays where it was."""
        if self.behind_s is None or self.until_s < self.started_s:  # or it was extended by a clock that was behind
            self.until_s += by_s
        if self.behind_s is None:
            self.started_s += by_s
        else:
            behind_s = self.behind_s + by_s
            self.behind_s = behind_s if behind_s < self.started_s else None

    def words(self) -> dict[str, Any]:
        """All of it as plain data: for the log, the snapshot and the screens."""
        return {
            "subject": self.subject,
            "reason": self.reason,
            "order": self.order,
            "by": dict(self.by),
            "started": self.started,
            "started_s": self.started_s,
            "until": text_of(self.ends_s),
            "until_s": self.until_s,
            "for_s": self.for_s,
        }

    @classmethod
    def of(cls, words: Mapping[str, Any], now_s: float) -> Self:
        """What :meth:`words` told of; a clock that is behind does not make it longer than it was to be."""
        names = ("subject", "reason", "order", "by", "started", "started_s", "until_s", "for_s")
        behind_s = now_s if now_s < words["started_s"] else None
        return cls(**{name: words[name] for name in names}, behind_s=behind_s)


@dataclass(frozen=True, slots=True)
class Ended:
    """Maintenance that is over, and what the record says of it."""

    subject: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Maintenance:
    """All that runs."""

    _running: dict[str, Work] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Work]:
        """Yield what runs, the oldest first."""
        yield from self._running.values()

    def covers(self, device: str) -> bool:
        """Whether somebody is at work on *device*, or on all of them."""
        return bool(self._running) and (device in self._running or ALL in self._running)

    def start(
        self, subject: str, *, reason: str, order: str | None, for_s: float, by: Mapping[str, Any], now_s: float
    ) -> dict[str, Any]:
        """Begin, or go on with other words and another end; returns what the record says."""
        before = self._running.get(subject)
        started, started_s = (before.started, before.started_s) if before else (text_of(now_s), now_s)
        behind_s = now_s if now_s < started_s else None
        work = Work(subject, reason, order, dict(by), started, started_s, now_s + for_s, for_s, behind_s)
        self._running[subject] = work
        return {**_about(work), "for_s": for_s, "until": text_of(work.ends_s), **by}

    def stop(self, subject: str, by: Mapping[str, Any], now_s: float, remark: str | None = None) -> list[Ended]:
        """End that of *subject*; for :data:`ALL` everything that runs. Raises NotAtWorkError.

        *remark* is what came of the work; its reason was told when it began.
        """
        names = list(self._running) if subject == ALL else [name for name in self._running if name == subject]
        if not names:
            raise NotAtWorkError(subject, list(self._running))
        how = {"why": "stopped", **by} | ({"remark": remark} if remark else {})
        return [self._end(name, now_s, how) for name in names]

    def expire(self, now_s: float) -> list[Ended]:
        """End what has lasted as long as it was to."""
        due = [name for name, work in self._running.items() if work.ends_s <= now_s]
        return [self._end(name, self._running[name].ends_s, {"why": "time"}) for name in due]

    def stepped(self, by_s: float) -> None:
        """The clock was set: what was to last an hour more still is."""
        for work in self._running.values():
            work.stepped(by_s)

    def memory(self) -> list[dict[str, Any]]:
        """What must outlive this process, as plain data."""
        return [work.words() for work in self]

    def recall(self, memory: Sequence[Mapping[str, Any]], now_s: float) -> None:
        """Take up what an earlier process began; what ended since is found by :meth:`expire`."""
        self._running |= {work.subject: work for work in (Work.of(words, now_s) for words in memory)}

    def _end(self, subject: str, ended_s: float, how: Mapping[str, Any]) -> Ended:
        work = self._running.pop(subject)
        since_s = work.started_s if work.behind_s is None else work.behind_s
        seconds = round(max(ended_s - since_s, 0.0), 3)
        return Ended(subject, {**_about(work), "ended": text_of(ended_s), "seconds": seconds, **how})


def _about(work: Work) -> dict[str, Any]:
    order = {"order": work.order} if work.order else {}
    return {"subject": work.subject, "reason": work.reason, "started": work.started, **order}
