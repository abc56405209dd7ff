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

import structlog

log = structlog.get_logger()

STALLED_S = 30.0
"""A task that did not turn for so long is taken for dead; every task turns every few seconds when idle."""


INSIST_S = 10.0
"""How long a systemd that is busy with itself is told again that we are ready."""


def notify(message: str) -> bool:
    """Tell systemd *message* (sd_notify(3)), where one listens; False while its queue is full.

    Nobody waits for it here: the instruments are due.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as wire:
        try:
            wire.connect("\0" + address[1:] if address.startswith("@") else address)
            wire.sendall(message.encode())
        except OSError:
            return False
    return True


async def insist(message: str) -> None:
    """Tell systemd what it must not miss, for :data:`INSIST_S` at most."""
    deadline_s = time.monotonic() + INSIST_S
    while not notify(message) and time.monotonic() < deadline_s:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


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
