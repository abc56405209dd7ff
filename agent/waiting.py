"""What had to wait in memory, or was lost, while the log took no records: told by the first event after it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.store.record import Draft


@dataclass(slots=True)
class Waiting:
    """One time of refusal, from the first word of it to the first record that is stored again."""

    since: float  # seconds since 1970
    error: str
    hint: str
    by_quota: bool = False  # it is our own limit, and what is delivered makes room
    waited: int = 0  # records that were stored late
    waited_from_ms: int | None = None
    waited_to_ms: int | None = None
    lost: dict[str, int] = field(default_factory=dict)  # records per stream that found the memory full
    lost_from_ms: int | None = None
    lost_to_ms: int | None = None

    def end(self, queue: Sequence[Draft]) -> None:
        """The first records of *queue* were stored; what is in it has waited. Said again, it changes nothing."""
        if not self.waited and queue:
            self.waited, self.waited_from_ms, self.waited_to_ms = len(queue), queue[0].time_ms, queue[-1].time_ms

    def lose(self, one: Draft) -> None:
        """There was no room for *one*."""
        self.lost[one.stream] = self.lost.get(one.stream, 0) + 1
        self.lost_from_ms = self.lost_from_ms or one.time_ms
        self.lost_to_ms = one.time_ms

    def words(self, now_s: float) -> dict[str, Any]:
        """What the event says."""
        words: dict[str, Any] = {"error": self.error, "seconds": round(now_s - self.since, 3), "lost": self.lost}
        words |= {"waited": self.waited, "waited_from_ms": self.waited_from_ms, "waited_to_ms": self.waited_to_ms}
        words |= {"lost_from_ms": self.lost_from_ms, "lost_to_ms": self.lost_to_ms}
        return {key: value for key, value in words.items() if value is not None}
