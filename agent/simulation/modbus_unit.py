"""An instrument as Modbus sees it: four tables, and what a request to them is answered.

Written from the Modbus application protocol specification; no Modbus library and
nothing of the agent is imported, so that it can bear witness against both.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_WORDS, MAX_BITS = 125, 2000
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
WORD_FUNCTIONS, BIT_FUNCTIONS = (3, 4), (1, 2)

ReadHook = Callable[["Unit", int, int, int], None]


@dataclass
class Unit:
    """One instrument: four tables from PDU address to value; an address that is missing does not exist.

    `on_read(unit, function, address, count)` runs before a read is answered and
    may change the tables, so that every read can be told from every other.
    """

    coils: dict[int, int] = field(default_factory=dict)
    discrete: dict[int, int] = field(default_factory=dict)
    holding: dict[int, int] = field(default_factory=dict)
    input: dict[int, int] = field(default_factory=dict)
    writable: bool = False
    on_read: ReadHook | None = None
    reads: int = 0

    def set_float32(self, address: int, value: float, table: str = "input") -> None:
        """Write an IEEE 754 float into two registers, high word first (ABCD)."""
        high, low = struct.unpack(">HH", struct.pack(">f", value))
        registers: dict[int, int] = getattr(self, table)
        registers[address], registers[address + 1] = high, low

    def set_int16(self, address: int, value: int, table: str = "input") -> None:
        """Write a signed number into one register, as two's complement."""
        registers: dict[int, int] = getattr(self, table)
        registers[address] = value & 0xFFFF

    def answer(self, pdu: bytes) -> bytes:
        """The reply PDU to the request *pdu*: values, an echo of what was written, or an exception."""
        function = pdu[0]
        try:
            if function in WORD_FUNCTIONS + BIT_FUNCTIONS and len(pdu) == 5:
                return self._read(function, *struct.unpack(">HH", pdu[1:]))
            if function in (5, 6, 15, 16) and self.writable and len(pdu) >= 5:
                return self._write(function, pdu)
        except KeyError:
            return refusal(function, ILLEGAL_ADDRESS)
        except ValueError:
            return refusal(function, ILLEGAL_VALUE)
        return refusal(function, ILLEGAL_FUNCTION)

    def _read(self, function: int, address: int, count: int) -> bytes:
        bits = function in BIT_FUNCTIONS
        if not 1 <= count <= (MAX_BITS if bits else MAX_WORDS):
            raise ValueError(count)
        self.reads += 1
        if self.on_read:
            self.on_read(self, function, address, count)
        table = {1: self.coils, 2: self.discrete, 3: self.holding, 4: self.input}[function]
        values = [table[at] for at in range(address, address + count)]
        data = pack_bits(values) if bits else struct.pack(f">{count}H", *values)
        return bytes([function, len(data)]) + data

    def _write(self, function: int, pdu: bytes) -> bytes:
        address, word = struct.unpack(">HH", pdu[1:5])
        if function in (5, 6):
            if function == 5 and word not in (0, 0xFF00):
                raise ValueError(word)
            values = [int(word == 0xFF00) if function == 5 else word]
        else:
            values = _written(function, word, pdu[5:])
        table = self.coils if function in (5, 15) else self.holding
        addresses = range(address, address + len(values))
        if not all(at in table for at in addresses):
            raise KeyError(address)
        table.update(zip(addresses, values, strict=True))
        return pdu[:5]


def _written(function: int, count: int, data: bytes) -> list[int]:
    """The values of a function 15 or 16 request; ValueError when its lengths disagree."""
    body = data[1:]
    expected = (count + 7) // 8 if function == 15 else 2 * count
    if not data or data[0] != expected or len(body) != expected or not count:
        raise ValueError(count)
    if function == 16:
        return list(struct.unpack(f">{count}H", body))
    return [body[n // 8] >> n % 8 & 1 for n in range(count)]


def pack_bits(values: list[int]) -> bytes:
    """Bits as Modbus sends them: the first one in the lowest bit of the first byte."""
    packed = bytearray((len(values) + 7) // 8)
    for n, value in enumerate(values):
        packed[n // 8] |= bool(value) << n % 8
    return bytes(packed)


def refusal(function: int, code: int) -> bytes:
    """The exception PDU *code* to a request for *function*."""
    return bytes([function | 0x80, code])
