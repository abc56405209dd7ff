"""Keeps room in the log, and seals the days that are over into the archive.

Works a small step at a time in the writing thread, between two commits, so
that no record waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from agent.clock import Clock
from agent.record import to_ms
from agent.recorder import Recorder
from agent.retention import Claim, Retention, Terms
from agent.room import is_settled
from agent.settings import Settings
from agent.store import Store
from agent.store_errors import StoreError

log = structlog.get_logger()

REST_S = 5.0


class Keeper:
    """One task: room and archive of one log."""

    def __init__(self, recorder: Recorder, clock: Clock, settings: Callable[[], Settings]) -> None:
        self._recorder = recorder
        self._clock = clock
        self._settings = settings
        self._retention = Retention()
        self._error: StoreError | None = None
        self.turned_s = time.monotonic()

    async def run(self) -> None:
        """Work until cancelled. What the disk refuses is tried again; ``status`` says so meanwhile."""
        while True:
            self.turned_s = time.monotonic()
            try:
                again = await self._recorder.write(self._turn)
                self._error = None
            except StoreError as error:
                if self._error is None:
                    log.error("room_not_made", error=str(error), hint=error.hint)
                self._error, again = error, False
            await asyncio.sleep(0 if again else REST_S)

    def _turn(self, store: Store) -> bool:
        return self._retention.turn(store, self._terms(), int(self._clock.now_s() * 1000))

    def _terms(self) -> Terms:
        settings = self._settings()
        step = self._clock.last_step
        settled = is_settled(
            int(self._clock.now_s() * 1000),
            synchronised=self._clock.synchronised,
            stepped_ms=to_ms(step.found) if step else None,
        )
        claims = {uplink.name: Claim(frozenset(uplink.streams), int(uplink.hold * 1000)) for uplink in settings.uplinks}
        return Terms(claims, keep_ms=int(settings.store.keep * 1000), settled=settled)

    def problems(self) -> list[dict[str, Any]]:
        """What ``status`` must tell."""
        if self._error is None:
            return []
        return [{"subject": "log", "cause": str(self._error), "hint": self._error.hint}]
