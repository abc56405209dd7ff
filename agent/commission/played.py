"""A link on which one line was heard: what a driver makes of it, without asking anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from drivers.api import Device, Driver, DriverError, Foreign, FrameFinder, Garbage, Link, NoReplyError, Scan
from drivers.catalog import make_driver

NOWHERE = "udp://127.0.0.1:9"
AT_ONCE_S = 0.02
"""A driver that has not taken the line by then waits for another one."""


class Played(Link):
    """Nothing is ever sent or opened: the line that was played last answers every question that it fits."""

    def __init__(self, kind: str) -> None:
        super().__init__("played", NOWHERE)
        self._as_kind = kind
        self._line = b""

    @property
    def kind(self) -> str:
        """The kind of the link on which the line was heard."""
        return self._as_kind

    def play(self, line: bytes) -> None:
        """Let *line* be heard."""
        self._line = line
        for handler in self._listeners:
            handler(line)

    def listen(self, handler: Callable[[bytes], None]) -> Callable[[], None]:
        """See Link."""
        handler(self._line)
        return super().listen(handler)

    async def open(self) -> None:
        """Nothing is opened."""

    async def exchange(
        self,
        request: bytes,  # noqa: ARG002 - nothing is sent
        find: FrameFinder,
        *,
        device: str,
        timeout_s: float,
        **_: Any,
    ) -> bytes:
        """Return what *find* finds in the line; raises NoReplyError."""
        with suppress(Foreign, Garbage):
            if found := find(bytearray(self._line)):
                return found.frame
        raise NoReplyError(device, self.endpoint, timeout_s)


class Interpreter:
    """Reads lines as *device* would send them, by themselves or to a question."""

    def __init__(self, device: Device, kind: str) -> None:
        """Raises ProfileError when the device can have no driver."""
        self.device = device
        self._link = Played(kind)
        self._driver: Driver = make_driver(device, self._link)

    async def read(self, line: bytes) -> Scan | None:
        """What *line* says; None when it is none of this device's."""
        self._link.play(line)
        for names in self._parts():
            with suppress(DriverError, TimeoutError):
                async with asyncio.timeout(AT_ONCE_S):
                    return await self._driver.poll(names)
        return None

    def _parts(self) -> Iterable[list[str]]:
        """The channels, those of one request at a time where the profile names requests."""
        requests: dict[str | None, list[str]] = {}
        for channel in self.device.profile.channels:
            requests.setdefault(channel.request, []).append(channel.name)
        return requests.values()
