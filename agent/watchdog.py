"""systemd's view of the daemon: ready, reloading, alive.

The watchdog asks for life, not for success: it is fed while every task turned
in time, a dead disk or broker included. A task that stopped turning ends the
feeding, and systemd ends the daemon.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog

log = structlog.get_logger()

STALLED_S = 30.0
"""A task that did not turn for so long is taken for dead; every task turns every few seconds when idle."""


def notify(message: str, *, patience_s: float = 0.0) -> None:
    """Tell systemd *message* (sd_notify(3)); does nothing where no systemd listens.

    Where its queue is full for longer than *patience_s* it is not told: the instruments are due.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
        wire.settimeout(patience_s)
        wire.connect("\0" + address[1:] if address.startswith("@") else address)
        wire.sendall(message.encode())


class Watchdog:
    """Feeds systemd's watchdog while all tasks turn."""

    def __init__(self, turns: Callable[[], Mapping[str, float]]) -> None:
        """*turns* gives, per task, when it last turned (monotonic seconds)."""
        self._turns = turns
        self._period_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6

    def stalled(self) -> list[str]:
        """The tasks that stopped turning."""
        now_s = time.monotonic()
        return [name for name, turned_s in self._turns().items() if now_s - turned_s > STALLED_S]

    async def run(self) -> None:
        """Feed until cancelled, four times a period."""
        complained: list[str] = []
        while True:
            stalled = self.stalled()
            if not stalled:
                notify("WATCHDOG=1")
            elif stalled != complained:
                log.critical("task_stalled", tasks=stalled, silent_s=STALLED_S)
            complained = stalled
            await asyncio.sleep(self._period_s / 4 if self._period_s else 5.0)
