"""Values as registers and bits, by the words of a profile: the way into the wire, written without the way out.

Integers are two's complement, floats IEEE 754, BCD one digit in four bits; the
orders are named by the bytes as they arrive, A being the most significant.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from agent.simulation.values import Shown
from drivers.profile import Channel, Order

Said = int | float | str | bool
"""What a reading of a channel has to say."""

BITS = {"int16": 16, "uint16": 16, "int32": 32, "uint32": 32, "int64": 64, "uint64": 64}
WIDE = ("int32", "uint32", "float32", "int64", "uint64", "float64")


@dataclass(frozen=True, slots=True)
class Encoded:
    """The registers (or bits, in a table of bits) of one channel, and what a reading of them has to say."""

    words: list[int]
    said: Said


def encode(channel: Channel, value: Shown, order: Order, *, in_bits: bool = False) -> Encoded:
    """The registers that hold *value*; *order* is the instrument's, for numbers of several registers.

    A number that the type cannot hold becomes the nearest one that it can.
    """
    if in_bits:
        number = _whole(value)
        bits = [number >> place & 1 for place in range(channel.registers)]
        return Encoded(bits, _said_bits(channel, value, number))
    kind = channel.type or "uint16"
    if kind == "string":
        return Encoded(_text_words(channel, str(value)), _state(channel, str(value)))
    if isinstance(value, datetime):
        return Encoded(_ordered(_bcd_time(value), _order_of(channel, order, 3)), iso(value))
    if kind in ("float32", "float64"):
        return _float(channel, value, order)
    return _integer(channel, value, order)


def can_swap(channel: Channel) -> bool:
    """Whether *channel* is a number that takes several registers."""
    return channel.start is not None and channel.type in WIDE


def swapped(channel: Channel, encoded: Encoded) -> list[int]:
    """The registers of a number with its words the other way round."""
    return encoded.words[::-1] if can_swap(channel) else encoded.words


def iso(instant: datetime) -> str:
    """An instrument's clock as a reading says it: UTC, whole seconds."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _float(channel: Channel, value: Shown, order: Order) -> Encoded:
    number = float((Decimal(str(value)) - channel.offset) / channel.scale)
    form = ">f" if channel.type == "float32" else ">d"
    data = struct.pack(form, number)
    (kept,) = struct.unpack(form, data)
    plain = channel.scale == 1 and channel.offset == 0
    said = float(str(value)) if plain else kept * float(channel.scale) + float(channel.offset)
    return Encoded(_ordered(data, _order_of(channel, order, len(data) // 2)), said)


def _integer(channel: Channel, value: Shown, order: Order) -> Encoded:
    if channel.bit is not None:
        bit = bool(_whole(value))
        number = bit << channel.bit
        return Encoded(_ordered(number.to_bytes(2 * channel.registers), "ABCD"), _said_bits(channel, value, int(bit)))
    if channel.type in ("bool", "bits") or channel.states:
        number = _whole(value)
        said = _said_bits(channel, value, number)
    else:
        number = _in_type(channel, round((Decimal(str(value)) - channel.offset) / channel.scale))
        said = plain(number * channel.scale + channel.offset)
    data = bytes.fromhex(f"{number:0{4 * channel.registers}d}") if channel.type == "bcd" else _bytes(channel, number)
    return Encoded(_ordered(data, _order_of(channel, order, channel.registers)), said)


def _bytes(channel: Channel, number: int) -> bytes:
    width = 2 * channel.registers
    return (number % (1 << 8 * width)).to_bytes(width)


def _in_type(channel: Channel, number: int) -> int:
    """*number* within its type, and beside what stands for "no value"."""
    kind = channel.type or "uint16"
    if kind == "bcd":
        low, high = 0, 10 ** (4 * channel.registers) - 1
    else:
        bits = BITS[kind]
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind.startswith("int") else (0, (1 << bits) - 1)
    number = min(max(number, low), high)
    while number in channel.no_value or number % (1 << 64 if low else high + 1) in channel.no_value:
        number -= 1
    return number


def plain(number: Decimal) -> int | float:
    """A decimal as readings have it: whole numbers as such."""
    return int(number) if number == number.to_integral_value() else float(number)


def _said_bits(channel: Channel, value: Shown, number: int) -> Said:
    if channel.states:
        return _state(channel, str(value) if isinstance(value, str) else str(number))
    return bool(number) if isinstance(value, bool) or channel.type == "bool" or channel.bit is not None else number


def _state(channel: Channel, key: str) -> str:
    return channel.states[key].name if key in channel.states else key


def _whole(value: Shown) -> int:
    return int(value) if isinstance(value, str | int | Decimal) else 0


def _text_words(channel: Channel, text: str) -> list[int]:
    width = 2 * channel.registers
    data = text.encode("utf-8")[:width].ljust(width, b"\0")
    return _ordered(data, "BADC" if channel.order in ("BADC", "DCBA") else "ABCD")


def _bcd_time(instant: datetime) -> bytes:
    return bytes.fromhex(f"{instant:%y%m%d%H%M%S}")


def _order_of(channel: Channel, order: Order, words: int) -> Order:
    """A single register has its bytes swapped only when the channel itself says so."""
    return channel.order or (order if words > 1 else "ABCD")


def _ordered(data: bytes, order: Order) -> list[int]:
    """The words of *data*, which has its most significant byte first, as they travel in *order*."""
    words = list(struct.unpack(f">{len(data) // 2}H", data))
    if order in ("BADC", "DCBA"):
        words = [word >> 8 | (word & 0xFF) << 8 for word in words]
    return words[::-1] if order in ("CDAB", "DCBA") else words
