"""What became of the requests to each device of a wire, and what part of the wire's time they took."""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import dataclass, field

MEMORY_S = 300.0
"""A share is that of the last minutes: what lies this long ago weighs a third of what is now."""


class Share:
    """What part of the recent past something took; times in seconds of one clock that only goes forward."""

    def __init__(self, now_s: float) -> None:
        self._since_s = self._at_s = now_s
        self._sum_s = 0.0

    def add(self, took_s: float, now_s: float) -> None:
        """Count *took_s*, which ended at *now_s*."""
        self._sum_s = self._sum_s * math.exp((self._at_s - now_s) / MEMORY_S) + took_s
        self._at_s = now_s

    def at(self, now_s: float) -> float:
        """The share as it stands at *now_s*, from 0 to 1; 0 before any time has passed."""
        seen_s = MEMORY_S * -math.expm1((self._since_s - now_s) / MEMORY_S)
        return self._sum_s * math.exp((self._at_s - now_s) / MEMORY_S) / seen_s if seen_s > 0 else 0.0


@dataclass(slots=True)
class Counters:
    """What became of the requests to one device; reply times are those of its last hundred answers.

    Every request ends in one of ``good``, ``refused`` (an exception of its own), ``timeouts``, ``checksum`` (what
    came was damaged) or ``bad`` (what came cannot be its answer), unless the wire was lost under it. ``late`` are
    replies that came after their time-out, ``strange`` whole frames that answered nothing that was asked: echoes,
    second copies, lines that come by themselves. ``latest_s`` is the longest that a late reply took.
    ``wasted`` is the part of ``held`` that gave no answer, with the silence that is waited for after it.
    """

    held: Share
    wasted: Share
    asked: int = 0
    good: int = 0
    refused: int = 0
    timeouts: int = 0
    checksum: int = 0
    bad: int = 0
    late: int = 0
    strange: int = 0
    latest_s: float | None = None
    times_s: deque[float] = field(default_factory=lambda: deque(maxlen=100))

    @classmethod
    def since(cls, now_s: float) -> Counters:
        """Nothing asked yet, at *now_s*."""
        return cls(Share(now_s), Share(now_s))

    def answered(self, took_s: float, *, refused: bool) -> None:
        """Count an answer."""
        self.good += not refused
        self.refused += refused
        self.times_s.append(took_s)

    def came_late(self, took_s: float) -> None:
        """Count a reply that came *took_s* after its request, when nobody waited for it any more."""
        self.late += 1
        self.latest_s = max(took_s, self.latest_s or 0.0)

    def took(self, held_s: float, now_s: float, *, wasted: bool) -> None:
        """Count the time that the wire was not free for others."""
        self.held.add(held_s, now_s)
        if wasted:
            self.wasted.add(held_s, now_s)

    @property
    def median_s(self) -> float | None:
        """Median reply time; None before the first answer."""
        return statistics.median(self.times_s) if self.times_s else None

    @property
    def worst_s(self) -> float | None:
        """Longest reply time; None before the first answer."""
        return max(self.times_s, default=None)
