"""Which word order would make sense of an absurd value.

Manuals leave the order of the two words of a float unsaid, and what is read in
the wrong one looks like 2.7e+23 or 2.4e-41. Pure; a guess, and called so: the
value that was read is never changed.
"""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import NamedTuple, get_args

from drivers.profile import Channel, Order
from drivers.reading import Quality, Reading

FORMS = {"float32": ">f", "int32": ">i", "uint32": ">I"}
ABSURD = (1e-20, 1e15)
"""No instrument means a float that is smaller or larger than this, and not zero."""

SANE = (1e-3, 1e7)
"""Magnitudes of a float that an instrument may mean."""


class Swap(NamedTuple):
    """The order in which the value would make sense, and the value that it would give."""

    order: Order
    value: float


def swapped(channel: Channel, reading: Reading, order: Order = "ABCD") -> Swap | None:
    """Return the first other order that puts an absurd *reading* inside the range of *channel*; None if none does.

    *order* is the instrument's; the channel's own counts first. Absurd is a value of two registers that
    is outside its range, or a float of a magnitude that nothing has.
    """
    form, value = FORMS.get(channel.type or ""), reading.value
    if form is None or not isinstance(value, int | float) or not _absurd(reading, value):
        return None
    used = channel.order or order
    try:
        data = struct.pack(form, _unscaled(channel, value))
    except (struct.error, OverflowError, ZeroDivisionError):
        return None
    for other in get_args(Order):
        (number,) = struct.unpack(form, _arranged(_arranged(data, used), other))
        meant = float(Decimal(repr(number)) * channel.scale + channel.offset)
        if other != used and _makes_sense(channel, meant):
            return Swap(other, float(f"{meant:.6g}"))
    return None


def _absurd(reading: Reading, value: float) -> bool:
    if reading.quality in (Quality.OVER_RANGE, Quality.UNDER_RANGE):
        return True
    return value != 0 and not ABSURD[0] <= abs(value) <= ABSURD[1]


def _makes_sense(channel: Channel, value: float) -> bool:
    low, high = channel.range or channel.normal or (-SANE[1], SANE[1])
    return SANE[0] <= abs(value) <= SANE[1] and low <= value <= high


def _unscaled(channel: Channel, value: float) -> float | int:
    plain = (Decimal(repr(value)) - channel.offset) / channel.scale
    return float(plain) if channel.type == "float32" else int(plain)


def _arranged(data: bytes, order: Order) -> bytes:
    """Four bytes from the sequence of the wire to the most significant first, or back: each order undoes itself."""
    return bytes(data["ABCD".index(place)] for place in order)
