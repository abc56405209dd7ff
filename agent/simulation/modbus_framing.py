"""How Modbus lies on the wire: MBAP, RTU and ASCII frames, written from the specification.

No Modbus library and nothing of the agent is imported, so that it can bear
witness against both.
"""

from __future__ import annotations

import struct
from typing import Protocol


def crc16(data: bytes) -> bytes:
    """The CRC of an RTU frame as it travels: low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


class Framing(Protocol):
    """How a request and its reply lie on the wire."""

    def split(self, received: bytes) -> tuple[bytes, bytes] | None:
        """The first whole request and the rest; None while the request is incomplete. ValueError for junk."""

    def unwrap(self, request: bytes) -> tuple[int, bytes]:
        """Unit number and PDU of a whole request."""

    def wrap(self, request: bytes, pdu: bytes) -> bytes:
        """The frame that carries *pdu* as the answer to *request*."""

    def forged(self, request: bytes, pdu: bytes) -> bytes:
        """The same from a unit that was not asked: its number is one higher."""


class Mbap:
    """Modbus TCP: a header with transaction, protocol, length and unit before the PDU."""

    def split(self, received: bytes) -> tuple[bytes, bytes] | None:
        """See Framing."""
        if len(received) < 7:
            return None
        protocol, length = struct.unpack(">HH", received[2:6])
        if protocol or not 2 <= length <= 254:
            raise ValueError("not an MBAP header")
        end = 6 + length
        return (received[:end], received[end:]) if len(received) >= end else None

    def unwrap(self, request: bytes) -> tuple[int, bytes]:
        """See Framing."""
        return request[6], request[7:]

    def wrap(self, request: bytes, pdu: bytes) -> bytes:
        """See Framing."""
        return request[:4] + struct.pack(">HB", len(pdu) + 1, request[6]) + pdu

    def forged(self, request: bytes, pdu: bytes) -> bytes:
        """See Framing."""
        return self.wrap(request[:6] + _next(request[6]), pdu)


class Rtu:
    """Modbus RTU: unit, PDU, CRC. A request's length follows from its function."""

    def split(self, received: bytes) -> tuple[bytes, bytes] | None:
        """See Framing."""
        if len(received) < 8:
            return None
        end = 9 + received[6] if received[1] in (15, 16) else 8
        if len(received) < end:
            return None
        if crc16(received[: end - 2]) != received[end - 2 : end]:
            raise ValueError("bad CRC")
        return received[:end], received[end:]

    def unwrap(self, request: bytes) -> tuple[int, bytes]:
        """See Framing."""
        return request[0], request[1:-2]

    def wrap(self, request: bytes, pdu: bytes) -> bytes:
        """See Framing."""
        frame = request[:1] + pdu
        return frame + crc16(frame)

    def forged(self, request: bytes, pdu: bytes) -> bytes:
        """See Framing."""
        return self.wrap(_next(request[0]), pdu)


class Ascii:
    """Modbus ASCII: a colon, unit, PDU and LRC in hexadecimal digits, CR LF (serial line guide V1.02, 2.5.2)."""

    def split(self, received: bytes) -> tuple[bytes, bytes] | None:
        """See Framing."""
        line, end, rest = received.partition(b"\r\n")
        if not end:
            return None
        frame = bytes.fromhex(line.decode("ascii").removeprefix(":"))
        if not line.startswith(b":") or len(frame) < 3 or sum(frame) & 0xFF:
            raise ValueError("bad LRC")
        return line, rest

    def unwrap(self, request: bytes) -> tuple[int, bytes]:
        """See Framing."""
        frame = bytes.fromhex(request[1:].decode("ascii"))
        return frame[0], frame[1:-1]

    def wrap(self, request: bytes, pdu: bytes) -> bytes:
        """See Framing."""
        return self._line(self.unwrap(request)[0].to_bytes() + pdu)

    def forged(self, request: bytes, pdu: bytes) -> bytes:
        """See Framing."""
        return self._line(_next(self.unwrap(request)[0]) + pdu)

    def _line(self, frame: bytes) -> bytes:
        return b":" + (frame + bytes([-sum(frame) & 0xFF])).hex().upper().encode("ascii") + b"\r\n"


def _next(number: int) -> bytes:
    """The unit number after *number*, of those that a unit may have: 1 to 247."""
    return bytes([number % 247 + 1])
