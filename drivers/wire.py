"""The four transports behind one small interface: serial port, TCP, TLS, UDP.

A wire moves bytes and says when it is lost. It knows no request, no deadline and
no protocol; all that is the link's. pyserial is imported here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import ssl
import termios
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

import serial

from drivers.endpoint import Endpoint
from drivers.errors import LinkDownError
from drivers.holder import holder_of, opener_of

READ_SIZE = 4096
CONNECT_S = 5.0  # for name look-up, connection and TLS handshake together
KEEPALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))
UNACKNOWLEDGED_MS = 15_000

OnBytes = Callable[[bytes], None]
OnLost = Callable[[str], None]


class Wire(ABC):
    """One way to the far end. ``on_bytes`` gets what arrives, ``on_lost`` once why it ended by itself."""

    def __init__(self, link: str, endpoint: Endpoint, on_bytes: OnBytes, on_lost: OnLost) -> None:
        self.link = link
        self.endpoint = endpoint
        self.on_bytes = on_bytes
        self.on_lost = on_lost

    @abstractmethod
    async def open(self) -> None:
        """Make the wire usable; raises LinkDownError."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send *data*, all of it; what goes wrong is told through ``on_lost``."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of the far end at once, without ``on_lost``; may be called twice."""

    def down(self, why: str, hint: str) -> LinkDownError:
        """The error that says that this wire cannot be used."""
        return LinkDownError(self.link, str(self.endpoint), why, hint=hint)


def wire_for(link: str, endpoint: Endpoint, on_bytes: OnBytes, on_lost: OnLost) -> Wire:
    """The kind of wire that leads to *endpoint*."""
    kinds: dict[str, type[Wire]] = {"serial": SerialWire, "tcp": StreamWire, "tls": StreamWire, "udp": DatagramWire}
    return kinds[endpoint.kind](link, endpoint, on_bytes, on_lost)


class SerialWire(Wire):
    """A serial port that pyserial opened, its descriptor read by the event loop."""

    _port: serial.Serial | None = None
    _fd = -1
    _unsent = b""

    async def open(self) -> None:
        """See Wire. A half-dead adapter can hold an open for seconds, hence the thread."""
        self._loop = asyncio.get_running_loop()
        opening = self._loop.run_in_executor(None, self._open)
        try:
            self._port = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise
        except (OSError, ValueError, termios.error) as error:  # SerialException is an OSError
            raise await self._explained(error) from None
        self._fd, self._unsent = self._port.fileno(), b""
        self._loop.add_reader(self._fd, self._readable)

    def _open(self) -> serial.Serial:
        options = self.endpoint.options
        port = serial.Serial(
            self.endpoint.path,
            baudrate=int(options["baud"]),
            parity=options["parity"],
            stopbits=float(options["stopbits"]),
            bytesize=int(options["bytesize"]),
            timeout=0,
            inter_byte_timeout=0,  # VMIN 1: a read without data is EAGAIN, so that b"" means unplugged
            exclusive=True,
        )
        try:
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)  # flock binds only those who ask for it
            if options["parity"] != "N":
                _reject_bad_parity(port.fileno())
            _refuse_rivals(self.endpoint.path)
        except (OSError, termios.error):
            port.close()
            raise
        return port

    async def _explained(self, error: Exception) -> LinkDownError:
        path, number = self.endpoint.path, getattr(error, "errno", None)
        if number == errno.ENOENT:
            return self.down("there is no such port", f"Check the cable and the adapter: ls -l {path}")
        if number in (errno.EAGAIN, errno.EBUSY):
            if holder := await asyncio.to_thread(holder_of, path):
                return self.down(f"it is held by {holder}", "Stop that program, or give the port to one program only")
            return self.down("it is held by another program", f"See which one: sudo fuser -v {path}")
        return self.down(_plain(error), f"Check the adapter and the rights on it: ls -lL {path}")

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(_plain(error))
            return
        if data:
            self.on_bytes(data)
        else:
            self._lost("the port is gone")

    def write(self, data: bytes) -> None:
        """See Wire."""
        if self._fd < 0:
            return
        if self._unsent:
            self._unsent += data
            return
        sent = self._write(data)
        if sent < len(data):
            self._unsent = data[sent:]
            if self._fd >= 0:
                self._loop.add_writer(self._fd, self._writable)

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._lost(_plain(error))
            return 0

    def _writable(self) -> None:
        self._unsent = self._unsent[self._write(self._unsent) :]
        if not self._unsent and self._fd >= 0:
            self._loop.remove_writer(self._fd)

    def _lost(self, why: str) -> None:
        self._release()
        self.on_lost(why)

    def _release(self) -> None:
        if self._port is None:
            return
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        with contextlib.suppress(OSError, termios.error):
            termios.tcflush(self._fd, termios.TCIOFLUSH)  # else close waits for what nobody takes
        port, self._port, self._fd, self._unsent = self._port, None, -1, b""
        with contextlib.suppress(OSError):
            port.close()

    async def close(self) -> None:
        """See Wire."""
        self._release()


def _refuse_rivals(path: str) -> None:
    """Raise OSError when somebody has had *path* open since before us, without a lock: half of the replies are his."""
    if opener_of(path):
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def _close_unwanted(opening: asyncio.Future[serial.Serial]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _reject_bad_parity(fd: int) -> None:
    """Have the driver turn a character of wrong parity into NUL, which no protocol takes for a digit."""
    attributes = termios.tcgetattr(fd)
    attributes[0] = attributes[0] & ~(termios.IGNPAR | termios.PARMRK) | termios.INPCK
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


class StreamWire(Wire, asyncio.Protocol):
    """A TCP connection, bare or within TLS."""

    _transport: asyncio.Transport | None = None
    _ended: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """See Wire."""
        loop = asyncio.get_running_loop()
        host, port = self.endpoint.host, self.endpoint.port
        tls = self._context() if self.endpoint.kind == "tls" else None
        name = self.endpoint.options.get("name") or None
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(
                    lambda: self, host, port, ssl=tls, server_hostname=name if tls else None, happy_eyeballs_delay=0.25
                )
        except asyncio.CancelledError:
            self._transport = None
            raise
        except TimeoutError:
            self._transport = None
            raise self.down(f"no connection within {CONNECT_S:g} s", f"Check the network: ping {host}") from None
        except ssl.SSLError as error:
            raise self.down(f"TLS failed: {_plain(error)}", "Compare ca, cert, key and name of the URL") from None
        except (OSError, UnicodeError) as error:
            raise self.down(_plain(error), f"Check address, port and network: ping {host}") from None

    def _context(self) -> ssl.SSLContext:
        options = self.endpoint.options
        try:
            context = ssl.create_default_context(cafile=options["ca"] or None)
            if options["cert"]:
                context.load_cert_chain(options["cert"], options["key"] or None)
        except (OSError, ssl.SSLError) as error:
            why = f"its certificate files cannot be read: {_plain(error)}"
            raise self.down(why, "Check ca, cert and key of the URL, and the rights on those files") from None
        return context

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio; let the kernel notice a far end that died without a word."""
        self._transport = cast("asyncio.Transport", transport)
        self._ended = asyncio.get_running_loop().create_future()
        wire = transport.get_extra_info("socket")
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        for option, value in KEEPALIVE:
            wire.setsockopt(socket.IPPROTO_TCP, option, value)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._transport is not None:
            self.on_bytes(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio; our own close has taken the transport away before."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
        if self._transport is not None:
            self._transport = None
            self.on_lost(_plain(exc) if exc else "the far end closed the connection")

    def write(self, data: bytes) -> None:
        """See Wire."""
        if self._transport is not None:
            self._transport.write(data)

    async def close(self) -> None:
        """See Wire."""
        transport, self._transport = self._transport, None
        if transport is not None and self._ended is not None:
            transport.abort()
            await self._ended


class DatagramWire(Wire, asyncio.DatagramProtocol):
    """A UDP socket that hears its one far end only."""

    _transport: asyncio.DatagramTransport | None = None
    _ended: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """See Wire."""
        loop = asyncio.get_running_loop()
        far_end = (self.endpoint.host, self.endpoint.port)
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_datagram_endpoint(lambda: self, remote_addr=far_end)
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
            raise self.down(_plain(error), f"Check address and network: ping {self.endpoint.host}") from None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._ended = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:  # noqa: ARG002 - connected
        """Called by asyncio."""
        if self._transport is not None:
            self.on_bytes(data)

    def error_received(self, exc: Exception) -> None:
        """Called by asyncio when the far end's host says that nobody listens there."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
            self.on_lost(_plain(exc))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
        if self._transport is not None:
            self._transport = None
            self.on_lost(_plain(exc) if exc else "the socket was closed")

    def write(self, data: bytes) -> None:
        """See Wire."""
        if self._transport is not None:
            self._transport.sendto(data)

    async def close(self) -> None:
        """See Wire."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        if self._ended is not None:
            await self._ended


def _plain(error: BaseException) -> str:
    """The reason of *error* as a technician reads it, without numbers of our own machine."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, ssl.SSLError):
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return str(error) or type(error).__name__
