"""Keeps the log to its quota and its age, a chunk at a time, and tells what went.

What is freed in one go (until there is room again, or nothing old is left) is
told in one event per series and reason. Until that event is stored, a fact in
the log holds it, written with every chunk: no power cut can hide a deletion.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from agent.store.cursor import Cursor, subtract
from agent.store.reader import Reader
from agent.store.record import Draft, event
from agent.store.room import Holder, Shelf, Step, margin, next_step
from agent.store.store import CHUNK, Store
from agent.store.vouched import vouched_time
from drivers.reading import Stream

FREEING = "freeing"
"""The fact that holds what was freed and not told yet."""

_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 24 * 3_600_000
_REST_S = 5.0


@dataclass(frozen=True, slots=True)
class Claim:
    """What an uplink of the configuration may ask of the log: its streams, and for how long without a word (ms)."""

    streams: frozenset[Stream]
    hold_ms: int


@dataclass(frozen=True, slots=True)
class Terms:
    """The rules of one station. ``keep_ms`` of None keeps as long as there is room.

    ``archived`` says how far the archive has come, None where there is none; ``settled`` is false while
    the clock cannot be trusted: then nothing is old, and nobody is stale.
    """

    claims: Mapping[str, Claim]
    keep_ms: int | None = None
    archived: Mapping[tuple[str, Stream], Cursor] | None = None
    settled: bool = True


class Retention:
    """Frees what may go. One per log; call :meth:`turn` between commits."""

    def __init__(self, rest_s: float = _REST_S) -> None:
        self._rest_s = rest_s
        self._resting_until = 0.0
        self._pressed = False
        self._aging = False

    def turn(self, store: Store, terms: Terms, now_ms: int) -> bool:
        """Free one chunk if there is need; True when another turn is due at once.

        Raises what :meth:`agent.store.store.Store.free` raises; the next turn tries again.
        """
        was_pressed, self._pressed = self._pressed, self._is_short(store)
        if not (self._pressed and not was_pressed) and time.monotonic() < self._resting_until:
            return False
        step = self._next(store, terms, now_ms)
        if step is None:
            self._pressed = self._aging = False
            self._resting_until = time.monotonic() + self._rest_s
            _tell(store, now_ms)
            return False
        last = store.log.last_before(step.epoch, step.stream, step.first, step.last, step.until_ms, limit=CHUNK)
        store.free(step.epoch, step.stream, step.first, last, {FREEING: json.dumps(_noted(store, step, last))})
        return True

    def _is_short(self, store: Store) -> bool:
        """Room is made in gulps: once begun, until there is half a margin more."""
        spare = store.quota.limit - store.log.used_bytes()
        return spare < margin(store.quota.limit) * (1.5 if self._pressed else 1)

    def _next(self, store: Store, terms: Terms, now_ms: int) -> Step | None:
        cutoff_ms = None
        if terms.keep_ms is not None and terms.settled:
            # A day at a time: else every minute would see some records go, and an event for them.
            cutoff_ms = now_ms - terms.keep_ms - (0 if self._aging else _DAY_MS)
        if not self._pressed and cutoff_ms is None:
            return None
        step = next_step(
            shelves(store.log),
            holders(store.log, terms, now_ms),
            store.log.time_of if self._pressed else partial(vouched_time, store.log),
            pressure=self._pressed,
            cutoff_ms=cutoff_ms,
        )
        self._aging = step is not None and not self._pressed
        return step


def shelves(log: Reader) -> list[Shelf]:
    """What the log keeps, less what is parked."""
    parked: dict[tuple[str, Stream], list[tuple[int, int]]] = {}
    for one in log.parked():
        parked.setdefault((one.epoch, one.stream), []).append((one.first, one.last))
    kept = ((series.epoch, series.stream) for series in log.series())
    return [Shelf(*key, subtract(log.kept(*key), parked.get(key, []))) for key in kept]


def holders(log: Reader, terms: Terms, now_ms: int) -> list[Holder]:
    """Who the log keeps records for, and who of them is stale."""
    lives = log.uplinks()
    cursors: dict[str, dict[tuple[str, Stream], Cursor]] = {}
    for (uplink, epoch, stream), cursor in log.cursors().items():
        cursors.setdefault(uplink, {})[epoch, stream] = cursor
    found = []
    for name, claim in terms.claims.items():
        life = lives.get(name)
        heard_ms = max(life.since_ms, life.moved_ms or 0) if life else now_ms
        stale = terms.settled and now_ms - heard_ms > claim.hold_ms
        found.append(Holder(name, claim.streams, cursors.get(name, {}), stale))
    if terms.archived is not None:
        found.append(Holder("archive", frozenset(Stream), terms.archived, stale=True, delivers=False))
    return found


def _noted(store: Store, step: Step, last: int) -> list[dict[str, Any]]:
    """What this pass has freed so far, with the chunk up to *last* added."""
    notes: list[dict[str, Any]] = json.loads(store.fact(FREEING) or "[]")
    same = {"epoch": step.epoch, "stream": step.stream, "why": step.why, "uplinks": list(step.lacking)}
    for note in notes:
        if note["last"] + 1 == step.first and all(note[key] == value for key, value in same.items()):
            note["last"] = last
            return notes
    return [*notes, {**same, "first": step.first, "last": last}]


def _tell(store: Store, now_ms: int) -> None:
    """Turn what this pass, or one that a power cut ended, has freed into events."""
    if notes := json.loads(store.fact(FREEING) or "[]"):
        now = _UNIX + timedelta(milliseconds=now_ms)
        events: list[Draft] = [event("log_freed", now, data=note) for note in notes]
        store.append(events, facts={FREEING: "[]"})
