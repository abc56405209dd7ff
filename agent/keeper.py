"""Keeps room in the log, saves what can be saved of a damaged one, and seals days that are over into the archive.

Works a small step at a time between two commits, so that no record waits for
it; sealing a day reads much and has a thread and a reader of its own.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog

from agent.clock import Clock
from agent.recorder import Recorder
from agent.settings import Settings
from agent.store.archive import Archive
from agent.store.cursor import Cursor
from agent.store.errors import StoreError
from agent.store.reader import Reader
from agent.store.record import Row, time_text, to_ms
from agent.store.rescue import turn as rescue
from agent.store.retention import Claim, Retention, Terms
from agent.store.room import is_settled
from agent.store.store import Store
from drivers.reading import Stream

log = structlog.get_logger()

REST_S = 5.0
SEAL_S = 60.0
"""How often it is looked whether a day is over."""


class EndingError(StoreError):
    """The agent ends, and what was begun is left."""


class Interruptible(Reader):
    """Reads until :attr:`ends` is set: a day may be long, and nobody waits for it when the agent ends."""

    ends: threading.Event

    def batch(
        self, epoch: str, stream: Stream, first: int, last: int, *, max_records: int = 500, max_bytes: int = 1 << 62
    ) -> list[Row]:
        """As of any reader; raises EndingError."""
        if self.ends.is_set():
            raise EndingError(f"{self.path} is read no further", hint="Nothing: it is done at the next start")
        return super().batch(epoch, stream, first, last, max_records=max_records, max_bytes=max_bytes)


class Keeper:
    """Two tasks: room, and archive, of one log."""

    def __init__(self, recorder: Recorder, clock: Clock, settings: Callable[[], Settings]) -> None:
        self._recorder = recorder
        self._clock = clock
        self._settings = settings
        self._retention = Retention()
        self._errors: dict[str, StoreError] = {}
        self._archive: Archive | None = None
        self._sealed: dict[tuple[str, Stream], Cursor] = {}  # how far the archive has come
        self.room: dict[str, Any] = {}
        """How much of the quota is used, since when records are kept, and for how long there is room."""
        self.turned_s = time.monotonic()

    async def run(self) -> None:
        """Make room until cancelled. What the disk refuses is tried again; ``status`` says so meanwhile."""
        while True:
            self.turned_s = time.monotonic()
            again = False
            try:
                again = await self._recorder.write(self._turn)
                self._errors.pop("room", None)
            except StoreError as error:
                self._note("room", error)
            await asyncio.sleep(0 if again else REST_S)

    async def run_archive(self) -> None:
        """Seal days until cancelled; a day that is being sealed then is left, and begun again the next time."""
        loop = asyncio.get_running_loop()
        sealing, ends = ThreadPoolExecutor(1, "archive"), threading.Event()
        try:
            while True:
                again = False
                try:
                    if not self._recorder.is_volatile:
                        again = await loop.run_in_executor(sealing, self._seal, self._recorder.path, ends)
                    self._errors.pop("archive", None)
                except StoreError as error:
                    self._note("archive", error)
                await asyncio.sleep(0 if again else SEAL_S)
        finally:
            ends.set()
            sealing.shutdown(wait=False)

    def problems(self) -> list[dict[str, Any]]:
        """What ``status`` must tell."""
        return [
            {"subject": subject, "cause": str(error), "hint": error.hint} for subject, error in self._errors.items()
        ]

    def _note(self, subject: str, error: StoreError) -> None:
        if subject not in self._errors:
            log.error("keeping_failed", subject=subject, error=str(error), hint=error.hint)
        self._errors[subject] = error

    def _turn(self, store: Store) -> bool:
        again = store.renumber() or rescue(store) or self._retention.turn(store, self._terms(), self._now_ms())
        if not again:
            store.insist_on_short_wal()
        return again

    def _seal(self, path: Path, ends: threading.Event) -> bool:
        """Seal the oldest day that is over, if there is one, and prune; True when another may follow."""
        terms = self._settings().store
        if self._archive is None or self._archive.folder != terms.archive_path:
            self._archive = Archive(terms.archive_path)
        with Interruptible.open(path) as reader:
            reader.ends = ends
            self._measure(reader)
            part = self._archive.next_slice(reader, self._now_ms())
            if part:
                sealed = self._archive.seal(reader, part)
                log.info("day_sealed", file=sealed.name)
        keep_ms = int(terms.archive.keep * 1000) if self._settled else None
        for file in self._archive.prune(self._now_ms(), keep_ms=keep_ms, quota=terms.archive.quota):
            log.info("archive_pruned", file=file.path.name)
        self._sealed = self._archive.sealed()
        return part is not None

    def _measure(self, reader: Reader) -> None:
        """Note how far back the log reaches, and how long its quota will last at the rate so far."""
        kept = [series for series in reader.series() if series.first <= series.last]
        if not kept:
            return
        used, quota = reader.used_bytes(), self._settings().store.quota
        since_ms = min(reader.time_of(series.epoch, series.stream, series.first) for series in kept)
        per_s = used / max((self._now_ms() - since_ms) / 1000, 60.0)
        left_s = max(quota - used, 0) / per_s
        self.room = {"used": used, "quota": quota, "since": time_text(since_ms), "lasts_s": round(left_s)}

    def _terms(self) -> Terms:
        settings = self._settings()
        claims = {uplink.name: Claim(frozenset(uplink.streams), int(uplink.hold * 1000)) for uplink in settings.uplinks}
        keep_ms = int(settings.store.keep * 1000)
        return Terms(claims, keep_ms=keep_ms, archived=self._sealed, settled=self._settled)

    @property
    def _settled(self) -> bool:
        """Whether the clock may decide about age."""
        step = self._clock.last_step
        stepped_ms = to_ms(step.found) if step else None
        return is_settled(self._now_ms(), synchronised=self._clock.synchronised, stepped_ms=stepped_ms)

    def _now_ms(self) -> int:
        return int(self._clock.now_s() * 1000)
