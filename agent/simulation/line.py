"""Serial lines without hardware: a pseudo-terminal, and an instrument that speaks text over it.

A pseudo-terminal has no baud rate, no parity and no modem lines; what travels
over it travels at once and unharmed.
"""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, cast

READ_SIZE = 4096
Reply = bytes | Callable[[], bytes]


class FileTransport(asyncio.Transport):
    """An open terminal descriptor as an asyncio transport; closing it closes the descriptor."""

    def __init__(self, fd: int, protocol: asyncio.Protocol) -> None:
        super().__init__()
        os.set_blocking(fd, False)
        self._fd: int | None = fd
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._readable)
        protocol.connection_made(self)

    def _readable(self) -> None:
        try:
            data = os.read(cast("int", self._fd), READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # EIO: the other end is gone
            data = b""
        if data:
            self._protocol.data_received(data)
        else:
            self.close()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*; what nobody reads is lost once the terminal's buffer is full, as on a wire."""
        if self._fd is None:
            return
        try:
            os.write(self._fd, data)
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def is_closing(self) -> bool:
        """Whether the descriptor is closed."""
        return self._fd is None

    def close(self) -> None:
        """Stop reading and close the descriptor, once."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        self._loop.remove_reader(fd)
        os.close(fd)
        self._protocol.connection_lost(None)

    def abort(self) -> None:
        """Close at once, as `close` does anyway."""
        self.close()


class PtyLine:
    """A pseudo-terminal with an instrument at its far end and a stable name at the near one.

    The station opens `path`, a symbolic link like the ones udev makes. `unplug`
    and `plug` do what pulling and reinserting a USB adapter does: the open
    descriptor dies, and the device comes back under another number.
    """

    def __init__(self, path: Path, instrument: Callable[[], asyncio.Protocol]) -> None:
        self.path = path
        self.slave_name = ""
        self._instrument = instrument
        self._slave: int | None = None
        self._transport: FileTransport | None = None

    def plug(self) -> None:
        """Make the terminal and its link. FileExistsError when `path` is something other than a link."""
        master, self._slave = _fresh_terminal(self.slave_name)
        tty.setraw(self._slave)
        self.slave_name = os.ttyname(self._slave)
        self._transport = FileTransport(master, self._instrument())
        if self.path.is_symlink():
            self.path.unlink()
        self.path.symlink_to(self.slave_name)

    def unplug(self) -> None:
        """Take the terminal and its link away; an open reader sees end of file."""
        self.path.unlink(missing_ok=True)
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None

    async def __aenter__(self) -> Self:
        self.plug()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()


def _fresh_terminal(used: str) -> tuple[int, int]:
    """A new pseudo-terminal whose name is not *used*: an adapter seldom gets its old number back."""
    master, slave = os.openpty()
    if os.ttyname(slave) != used:
        return master, slave
    other = os.openpty()
    os.close(master)
    os.close(slave)
    return other


class TextInstrument(asyncio.Protocol):
    """Answers whole requests of a table, each with fixed bytes or with what a function gives.

    Bytes that begin no request are noise and are dropped, as instruments do.
    """

    def __init__(self, replies: Mapping[bytes, Reply]) -> None:
        self.replies = replies
        self.transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where replies go."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the wire."""
        self.transport = None

    def data_received(self, data: bytes) -> None:
        """Answer every whole request in what came so far."""
        self._received += data
        while self._received:
            request = next((one for one in self.replies if self._received.startswith(one)), None)
            if request is not None:
                self._received = self._received[len(request) :]
                reply = self.replies[request]
                self.reply(request, reply if isinstance(reply, bytes) else reply())
            elif any(one.startswith(self._received) for one in self.replies):
                return
            else:
                self._received = self._received[1:]

    def reply(self, request: bytes, honest: bytes) -> None:  # noqa: ARG002 - for those who lie
        """Send the *honest* reply to *request*."""
        self.say(honest)

    def say(self, line: bytes) -> None:
        """Send *line* unasked; nobody hears it while nothing is plugged in."""
        if self.transport is not None:
            self.transport.write(line)
