"""The side of systemd that a daemon talks to."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path


class Systemd:
    """What listens at $NOTIFY_SOCKET (*path*), in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"}
        """What a unit with ``WatchdogSec=0.4`` finds in its environment."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self.heard: list[tuple[float, str]] = []
        self._listening = threading.Thread(target=self._listen, name="systemd")
        self._listening.start()

    @property
    def messages(self) -> list[str]:
        """Everything so far, one assignment each."""
        return [line for _, line in self.heard]

    @property
    def fed(self) -> int:
        """How often the watchdog was fed."""
        return self.messages.count("WATCHDOG=1")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RD)
        self._listening.join(5)
        self._socket.close()

    def _listen(self) -> None:
        while message := self._socket.recv(4096):
            self.heard += [(time.monotonic(), line) for line in message.decode().splitlines()]

    def hungry_s(self) -> float:
        """For how long the watchdog has not been fed."""
        return time.monotonic() - next((at for at, line in reversed(self.heard) if line == "WATCHDOG=1"), 0.0)
