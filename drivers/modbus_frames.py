"""Modbus frames: requests built by pymodbus, replies cut and checked by ourselves.

The one module that imports pymodbus. Its client takes late, short, long and
foreign replies for the answer; here a reply has the unit, the function, the byte
count and, where there is one, the transaction of the request, or it is none.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from binascii import Error as HexError
from binascii import unhexlify
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

from pymodbus.framer import FramerAscii, FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadCoilsResponse, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
)

from drivers.link import Foreign, Found, Garbage
from drivers.plan import BIT_FUNCTIONS, Span

REQUESTS: dict[int, type[ModbusPDU]] = {
    1: ReadCoilsRequest,
    2: ReadDiscreteInputsRequest,
    3: ReadHoldingRegistersRequest,
    4: ReadInputRegistersRequest,
}
MEANINGS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, still working",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway: the target did not answer",
}
REFUSAL = 0x80
WRITTEN_SIZE = 8  # of an RTU reply to a write, and of an RTU read request
_transactions = cycle(range(1, 65536))  # 0 is what broken servers answer to anything
_decoder = DecodePDU(is_server=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of whom: what a reply must fit."""

    unit: int
    span: Span

    @property
    def data_bytes(self) -> int:
        """Bytes of data in the reply."""
        return (self.span.count + 7) // 8 if self.span.function in BIT_FUNCTIONS else 2 * self.span.count

    def misfit(self, unit: int, pdu: bytes) -> str:
        """Why *pdu* of *unit* is not the reply; empty when it is."""
        function = self.span.function
        if unit != self.unit:
            return f"a reply of unit {unit} instead of {self.unit}"
        if len(pdu) == 2 and pdu[0] == function | REFUSAL:
            return "" if pdu[1] else "an exception without a code"
        if not pdu or pdu[0] != function:
            return f"a reply to function {pdu[0] & 0x7F if pdu else 0} instead of {function}"
        data_bytes = len(pdu) - 2
        if data_bytes < 0 or pdu[1] != data_bytes:
            return f"a byte count that does not fit: {pdu[:8].hex(' ')}"
        if data_bytes != self.data_bytes:
            return f"{data_bytes} bytes of data instead of {self.data_bytes}"
        return ""


class Frames(ABC):
    """One way of framing. ``numbered`` says that a reply names the request it answers."""

    framer: FramerRTU | FramerSocket | FramerAscii
    numbered = False
    overhead = 0  # bytes around a PDU
    units = range(1, 248)
    characters = 1  # on the wire for each byte

    def ask(self, unit: int, span: Span) -> Request:
        """The request for *span*, and what finds its reply."""
        asked = Asked(unit, span)
        transaction = next(_transactions) if self.numbered else 0
        pdu = REQUESTS[span.function](address=span.start, count=span.count, dev_id=unit, transaction_id=transaction)
        return Request(self, asked, self.framer.buildFrame(pdu), transaction)

    @abstractmethod
    def find(self, request: Request, buffer: bytearray) -> Found | None:
        """Find the reply in *buffer*, as its PDU; see FrameFinder."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it travels, and how its reply is found."""

    frames: Frames
    asked: Asked
    frame: bytes
    transaction: int

    @property
    def expected(self) -> int:
        """Length of the reply on the wire."""
        frames = self.frames
        return (2 + self.asked.data_bytes) * frames.characters + frames.overhead

    @property
    def head(self) -> bytes:
        """What a reply with data begins with on a line without headers: unit, function, byte count."""
        return bytes((self.asked.unit, self.asked.span.function, self.asked.data_bytes))

    def find(self, buffer: bytearray) -> Found | None:
        """Find the reply, as its PDU; see FrameFinder."""
        return self.frames.find(self, buffer)


class Mbap(Frames):
    """Modbus TCP: transaction, protocol 0, length and unit before the PDU."""

    numbered = True
    overhead = 7
    units = range(256)
    framer = FramerSocket(_decoder)

    def find(self, request: Request, buffer: bytearray) -> Found | None:
        """See Frames. Frames follow each other without gaps; where a header is wrong, only the reply itself is safe."""
        if len(buffer) < 8:
            return None
        transaction, protocol, length, unit = struct.unpack_from(">HHHB", buffer)
        if protocol or not 3 <= length <= 254:
            return self._behind_garbage(request, buffer)
        end = 6 + length
        if len(buffer) < end:
            return None
        if transaction != request.transaction:
            raise Foreign(end, f"a reply to transaction {transaction} instead of {request.transaction}")
        pdu = bytes(buffer[7:end])
        if misfit := request.asked.misfit(unit, pdu):
            raise Garbage(misfit)
        return Found(pdu, end, refused=pdu[0] >= REFUSAL)

    def _behind_garbage(self, request: Request, buffer: bytearray) -> Found:
        """The reply behind what some instruments put after the one before; nine bytes of it are known."""
        head = struct.pack(">HHH", request.transaction, 0, 3 + request.asked.data_bytes) + request.head
        at = buffer.find(head)
        end = at + self.overhead + 2 + request.asked.data_bytes
        if at < 0 or len(buffer) < end:
            raise Garbage(f"a header that is not Modbus: {buffer[:7].hex(' ')}")
        return Found(bytes(buffer[at + 7 : end]), end, skipped=at)


class Rtu(Frames):
    """Modbus RTU: unit, PDU, CRC. Where a frame begins, only its CRC proves."""

    overhead = 3
    framer = FramerRTU(_decoder)

    def find(self, request: Request, buffer: bytearray) -> Found | None:
        """See Frames. The reply may stand behind noise; another frame at the beginning is cut off."""
        if len(buffer) < request.expected and buffer.startswith(request.head):
            return None  # quickly, for serial ports hand over single bytes
        if buffer.startswith(request.frame):
            raise Foreign(len(request.frame), "the request itself, as an echo")
        size = _frame_size(buffer)
        if size <= len(buffer) and _crc_holds(buffer, 0, size):
            return self._whole(request.asked, buffer, 0, size)
        waiting = len(buffer) < size
        for at, length in self._places(request.asked, buffer):
            if at + length > len(buffer):
                waiting = True
            elif _crc_holds(buffer, at, length):
                return self._whole(request.asked, buffer, at, length)
        if waiting:
            return None
        raise Garbage(f"no frame with a right CRC in {buffer[:32].hex(' ')}", damaged=True)

    def _whole(self, asked: Asked, buffer: bytearray, at: int, size: int) -> Found:
        """The reply at *at*; raises Foreign for another frame."""
        pdu = bytes(buffer[at + 1 : at + size - 2])
        if misfit := asked.misfit(buffer[at], pdu):
            raise Foreign(at + size, misfit, own=pdu if buffer[at] == asked.unit else b"")
        return Found(pdu, at + size, refused=pdu[0] >= REFUSAL, skipped=at)

    def _places(self, asked: Asked, buffer: bytearray) -> Iterator[tuple[int, int]]:
        """Where a reply to *asked* could begin, and how long it would be."""
        function = asked.span.function
        at = buffer.find(asked.unit)
        while at >= 0:
            after = buffer[at + 1 : at + 3]
            if not after or (after[0] == function and after[1:] in (b"", bytes([asked.data_bytes]))):
                yield at, 5 + asked.data_bytes
            elif after[0] == function | REFUSAL:
                yield at, 5
            at = buffer.find(asked.unit, at + 1)


def _crc_holds(buffer: bytearray, at: int, size: int) -> bool:
    end = at + size - 2
    return FramerRTU.check_CRC(bytes(buffer[at:end]), int.from_bytes(buffer[end : end + 2], "big"))


def _frame_size(buffer: bytearray) -> int:
    """How long the frame at the beginning is, of whatever unit and function; one more than there is when unknown."""
    if len(buffer) < 3:
        return 5
    function = buffer[1]
    if function >= REFUSAL:
        return 5
    return 5 + buffer[2] if function <= 4 else WRITTEN_SIZE


class Ascii(Frames):
    """Modbus ASCII: a colon, hexadecimal digits, an LRC, CR LF."""

    overhead = 7
    characters = 2
    framer = FramerAscii(_decoder)

    def find(self, request: Request, buffer: bytearray) -> Found | None:
        """See Frames. A colon begins a frame wherever it stands."""
        damaged = b""
        begin = 0
        while (end := buffer.find(b"\r\n", begin)) >= 0:
            line = bytes(buffer[begin:end])
            message = _ascii_message(line[line.rfind(b":") + 1 :]) if b":" in line else b""
            if not message:
                damaged = line
            elif misfit := request.asked.misfit(message[0], message[1:]):
                raise Foreign(end + 2, misfit, own=message[1:] if message[0] == request.asked.unit else b"")
            elif line + b"\r\n" == request.frame:
                raise Foreign(end + 2, "the request itself, as an echo")
            else:
                return Found(message[1:], end + 2, refused=message[1] >= REFUSAL)
            begin = end + 2
        if damaged:
            raise Garbage(f"a damaged line: {damaged[:40].decode('ascii', 'replace')}", damaged=True)
        return None


def _ascii_message(digits: bytes) -> bytes:
    """Unit and PDU of a line without its colon; empty when the line is damaged."""
    try:
        *message, check = unhexlify(digits)
    except (HexError, ValueError):
        return b""
    return bytes(message) if len(message) > 1 and FramerAscii.check_LRC(bytes(message), check) else b""


def refusal_code(pdu: bytes) -> int:
    """The exception code of a reply; 0 when it is no refusal."""
    return pdu[1] if pdu[0] >= REFUSAL else 0


def values_of(pdu: bytes, span: Span) -> list[int]:
    """Registers, or bits, of the reply *pdu* to a request for *span*."""
    if span.function in BIT_FUNCTIONS:
        bits = ReadCoilsResponse()
        bits.decode(pdu[1:])
        return [int(bit) for bit in bits.bits[: span.count]]
    words = ReadHoldingRegistersResponse()
    words.decode(pdu[1:])
    return list(words.registers)


FRAMINGS: dict[str, Frames] = {"mbap": Mbap(), "rtu": Rtu(), "ascii": Ascii()}
