"""A link for somebody who is not its poller: every exchange waits for a gap between the ticks."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from drivers.api import FrameFinder, Link

Gap = Callable[[Callable[[], float]], AbstractAsyncContextManager[None]]
"""Gives the wire away for something that takes at most so many seconds, which may change while it waits."""


@asynccontextmanager
async def at_any_time(_longest_s: Callable[[], float]) -> AsyncIterator[None]:
    """The gap of a wire that nobody polls."""
    yield


class Guest(Link):
    """The wire of *host*, for drivers that read for a technician; all its state is that of *host*.

    ``heard`` is what went over the wire for this guest: ``tx`` or ``rx``, and the bytes.
    ``most_s`` limits the time-outs, whatever a profile says.
    Where others use the wire too, *unsettle* is called with the name of a device after an
    exchange without an answer: its own driver must not take a late one for one of its own.
    """

    def __init__(self, host: Link, gap: Gap, unsettle: Callable[[str], None] | None = None) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.most_s = math.inf
        self._host = host
        self._gap = gap
        self._unsettle = unsettle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    @property
    def shared(self) -> bool:
        """Whether somebody else uses the wire, too."""
        return self._unsettle is not None

    async def open(self) -> None:
        """See Link."""
        await self._host.open()

    async def close(self) -> None:
        """Let go of the wire where nobody else uses it; the next exchange opens it again."""
        if not self.shared:
            await self._host.close()

    async def exchange(
        self,
        request: bytes,
        find: FrameFinder,
        *,
        device: str,
        timeout_s: float,
        pause_s: float = 0.0,
        drain: bool = True,
        patient: bool = True,
    ) -> bytes:
        """See Link. Raises NoGapError where the polls leave no room."""
        timeout_s = min(timeout_s, self.most_s)
        await asyncio.sleep(self._rested_at.get(device, 0.0) - asyncio.get_running_loop().time())
        async with self._gap(lambda: self._host.longest_s(timeout_s, drain=drain)):
            former, self._host.trace = self._host.trace, self._take_note
            try:
                return await self._host.exchange(
                    request, find, device=device, timeout_s=timeout_s, pause_s=pause_s, drain=drain, patient=patient
                )
            except BaseException:  # a cancellation too: the answer may still come
                if self._unsettle:
                    self._unsettle(device)
                raise
            finally:
                self._host.trace = former

    def _take_note(self, direction: str, data: bytes) -> None:
        self.heard.append((direction, data))
