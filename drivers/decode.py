"""Registers become readings: type, word order, sentinel, scale, state, range.

Pure functions. Missing is not zero: NaN, infinity, a sentinel and what cannot be
decoded are None with the quality ``no_value``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from drivers.digits import shortest_float32, stored_float, stored_integer
from drivers.instants import utc_of
from drivers.profile import Channel, Order
from drivers.reading import Quality, Reading, Value

BCD_TIME = "bcd-ymdhms"
UNDECODABLE = "undecodable"
SIGNED = ("int16", "int32", "int64")


class NoValueError(ValueError):
    """The registers say that there is no value, or nothing that the type allows."""


def decode(
    channel: Channel,
    values: Sequence[int],
    *,
    order: Order = "ABCD",
    bits: bool = False,
    timezone: tzinfo = UTC,
    now: datetime | None = None,
) -> Reading:
    """Return the reading of *channel* from its registers, or from its bits where *bits* says so.

    *order* is the instrument's; the channel's own counts first. *timezone* and
    *now* are for instrument clocks.
    """
    raw = _hex(values, bits=bits) if channel.raw else None
    try:
        value = _bits_value(channel, values) if bits else _value(channel, values, order, timezone, now)
    except NoValueError as error:
        return Reading(channel.name, None, Quality.NO_VALUE, str(error) or None, raw)
    return graded(channel, value, raw)


def graded(channel: Channel, value: Value, raw: str | None = None) -> Reading:
    """Return the reading for a decoded *value*: a state by its name, a number graded by the channel's range.

    An unknown state keeps its number, as text, and is suspect.
    """
    if channel.states:
        key = str(int(value)) if isinstance(value, bool) else str(value)
        flag = channel.states.get(key)
        return Reading(channel.name, flag.name if flag else key, Quality.VALID if flag else Quality.SUSPECT, raw=raw)
    if channel.range is None or not isinstance(value, int | float) or isinstance(value, bool):
        return Reading(channel.name, value, raw=raw)
    low, high = channel.range
    quality = Quality.UNDER_RANGE if value < low else Quality.OVER_RANGE if value > high else Quality.VALID
    return Reading(channel.name, value, quality, raw=raw)


def _value(channel: Channel, words: Sequence[int], order: Order, timezone: tzinfo, now: datetime | None) -> Value:
    kind = channel.type or "uint16"
    if kind == "string":
        return _text(channel, _arranged(words, _bytes_order(channel)))
    data = _arranged(words, channel.order or (order if len(words) > 1 else "ABCD"))
    if kind == "time":
        return _time(channel, data, timezone, now or datetime.now(UTC))
    if kind in ("float32", "float64"):
        return _float(channel, data)
    return _integer(channel, data, kind)


def _integer(channel: Channel, data: bytes, kind: str) -> Value:
    number = plain = int.from_bytes(data, "big")
    if kind in SIGNED:
        number = int.from_bytes(data, "big", signed=True)
    if channel.no_value and (plain in channel.no_value or number in channel.no_value):
        raise NoValueError
    if channel.bit is not None:
        return bool(plain >> channel.bit & 1)
    if kind == "bool":
        return bool(plain)
    if kind == "bcd":
        number = _decimal_digits(data)
    return stored_integer(number, channel.scale, channel.offset)


def _decimal_digits(data: bytes) -> int:
    digits = data.hex()
    if not digits.isdecimal():
        raise NoValueError(UNDECODABLE)
    return int(digits)


def _float(channel: Channel, data: bytes) -> float:
    (number,) = struct.unpack(">f" if len(data) == 4 else ">d", data)
    if not math.isfinite(number):
        raise NoValueError
    digits = shortest_float32(number) if len(data) == 4 else repr(number)
    if channel.no_value and Decimal(digits) in channel.no_value:
        raise NoValueError
    return stored_float(digits, channel.scale, channel.offset)


def _bits_value(channel: Channel, bits: Sequence[int]) -> Value:
    """The first bit is bit 0."""
    number = sum(bool(bit) << place for place, bit in enumerate(bits))
    if channel.bit is not None:
        return bool(number >> channel.bit & 1)
    if channel.type in (None, "bool") and len(bits) == 1:
        return bool(number)
    return stored_integer(number)


def _text(channel: Channel, data: bytes) -> str:
    try:
        text = data.decode("utf-8").strip("\0 \t\r\n")
    except UnicodeDecodeError:
        raise NoValueError(UNDECODABLE) from None
    if not text or text in channel.no_value:
        raise NoValueError
    if not text.isprintable():
        raise NoValueError(UNDECODABLE)
    return text


def _time(channel: Channel, data: bytes, timezone: tzinfo, now: datetime) -> str:
    """An instrument's clock, in the station's time zone, as UTC text."""
    if channel.format != BCD_TIME or len(data) != 6:
        raise NoValueError(UNDECODABLE)
    year, month, day, hour, minute, second = (_decimal_digits(data[at : at + 1]) for at in range(6))
    try:
        found = utc_of(channel, datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone), now)
    except ValueError:
        raise NoValueError(UNDECODABLE) from None
    if found is None:
        raise NoValueError(UNDECODABLE)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")


def _bytes_order(channel: Channel) -> Order:
    """The order of a text: as it arrives, unless the channel itself says that bytes are swapped within words."""
    return "BADC" if channel.order in ("BADC", "DCBA") else "ABCD"


def _arranged(words: Sequence[int], order: Order) -> bytes:
    """The bytes of *words*, most significant first."""
    if len(words) == 1:
        return words[0].to_bytes(2, "little" if order in ("BADC", "DCBA") else "big")
    if order in ("CDAB", "DCBA"):
        words = words[::-1]
    form = "<" if order in ("BADC", "DCBA") else ">"
    return struct.pack(f"{form}{len(words)}H", *words)


def _hex(values: Sequence[int], *, bits: bool) -> str:
    return "".join(map(str, map(int, values))) if bits else " ".join(f"{word:04x}" for word in values)
