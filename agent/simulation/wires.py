"""Where a simulated instrument can be reached: a TCP port, a pseudo-terminal, or a real serial port."""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

from agent.simulation.instrument import Instrument
from agent.simulation.line import FileTransport, PtyLine
from drivers.errors import StationError

PARITY = {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}
SIZES = {"7": termios.CS7, "8": termios.CS8}


class WireError(StationError):
    """The port or device that was asked for cannot be used."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How a serial line is set up, as a profile says it: ``9600 8N1``."""

    baud: int = 9600
    size: str = "8"
    parity: str = "N"
    stop: str = "1"

    @classmethod
    def of(cls, text: str | None, baud: int | None) -> Self:
        """The settings *text*, at *baud* where that is given; ValueError for what no port can be set to."""
        rate, _, form = (text or "9600 8N1").partition(" ")
        settings = cls(baud or int(rate), *(form or "8N1"))
        if settings.size not in SIZES or settings.parity not in PARITY or settings.stop not in ("1", "2"):
            raise ValueError(f"{text!r} are no settings of a serial line such as 9600 8N1")
        if not hasattr(termios, f"B{settings.baud}"):
            raise ValueError(f"{settings.baud} is no baud rate that this system knows")
        return settings

    @property
    def query(self) -> str:
        """The same in the words of a link's URL."""
        words = [f"baud={self.baud}"]
        words += [f"bytesize={self.size}"] if self.size != "8" else []
        words += [f"parity={self.parity}"] if self.parity != "N" else []
        words += [f"stopbits={self.stop}"] if self.stop != "1" else []
        return "&".join(words)


class Wire(ABC):
    """One wire to an instrument; it can be pulled out and put back. A link finds it at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    async def plug(self) -> None:
        """Make the instrument reachable; raises WireError."""

    @abstractmethod
    async def unplug(self) -> None:
        """Cut it off, with whatever is open."""


class Network(Wire):
    """A TCP port."""

    def __init__(self, instrument: Instrument, host: str, port: int) -> None:
        super().__init__(f"tcp://{host}:{port}")
        self._instrument = instrument
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None
        self._transports: set[asyncio.BaseTransport] = set()

    async def plug(self) -> None:
        """See Wire."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._accept, self._host, self._port)
        except OSError as error:
            hint = "Choose another one with --port, or 0 for any that is free"
            raise WireError(f"port {self._port} of {self._host} cannot be used: {error.strerror}", hint=hint) from None
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"tcp://{self._host}:{self._port}"

    async def unplug(self) -> None:
        """See Wire."""
        if self._server is not None:
            self._server.close()
            for transport in list(self._transports):
                cast("asyncio.Transport", transport).abort()
            await self._server.wait_closed()
            self._server = None

    def _accept(self) -> asyncio.Protocol:
        return _Connection(self._instrument.converse(on_network=True), self._transports)


class _Connection(asyncio.Protocol):
    """Hands everything on to the instrument, and keeps its transport among *open_ones* while it is open."""

    def __init__(self, speaker: asyncio.Protocol, open_ones: set[asyncio.BaseTransport]) -> None:
        self._speaker = speaker
        self._open_ones = open_ones
        self._transport: asyncio.BaseTransport | None = None

    def data_received(self, data: bytes) -> None:
        self._speaker.data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._open_ones.add(transport)
        self._speaker.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._open_ones.discard(self._transport)
        self._speaker.connection_lost(exc)


class Terminal(Wire):
    """A pseudo-terminal with a stable name."""

    def __init__(self, instrument: Instrument, path: Path, settings: SerialSettings) -> None:
        super().__init__(f"serial://{path}?{settings.query}")
        self._line = PtyLine(path, lambda: instrument.converse(on_network=False))

    async def plug(self) -> None:
        """See Wire."""
        try:
            self._line.plug()
        except OSError as error:
            self._line.unplug()
            hint = "Choose another name with --link"
            raise WireError(f"{self._line.path} cannot be made: {error.strerror}", hint=hint) from None

    async def unplug(self) -> None:
        """See Wire."""
        self._line.unplug()


class SerialPort(Wire):
    """A serial port of this computer, with the station at the other end of a cable."""

    def __init__(self, instrument: Instrument, device: Path, settings: SerialSettings) -> None:
        super().__init__(f"serial://{device}?{settings.query}")
        self._instrument = instrument
        self._device = device
        self._settings = settings
        self._transport: FileTransport | None = None

    async def plug(self) -> None:
        """See Wire."""
        try:
            fd = os.open(self._device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            hint = "Which ports are there? ls -l /dev/serial/by-id; who may use them: group dialout"
            raise WireError(f"{self._device} cannot be opened: {error.strerror}", hint=hint) from None
        try:
            _set_up(fd, self._settings)
        except termios.error as error:
            os.close(fd)
            hint = "Name a serial port, such as /dev/ttyUSB0"
            raise WireError(f"{self._device} is no serial port: {error.args[-1]}", hint=hint) from None
        self._transport = FileTransport(fd, self._instrument.converse(on_network=False))

    async def unplug(self) -> None:
        """See Wire."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None


def _set_up(fd: int, settings: SerialSettings) -> None:
    tty.setraw(fd)
    mode = termios.tcgetattr(fd)
    mode[2] &= ~(termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB | termios.CRTSCTS)
    mode[2] |= SIZES[settings.size] | PARITY[settings.parity] | termios.CREAD | termios.CLOCAL
    mode[2] |= termios.CSTOPB if settings.stop == "2" else 0
    mode[4] = mode[5] = getattr(termios, f"B{settings.baud}")
    termios.tcsetattr(fd, termios.TCSANOW, mode)
    termios.tcflush(fd, termios.TCIOFLUSH)
