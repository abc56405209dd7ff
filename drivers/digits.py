"""Numbers without noise: what a register holds, in the digits that it means and no others.

A float32 becomes the shortest decimal that gives the same float32 back, so that
0.1 stays 0.1; scale and offset are applied in decimal, so that 123 x 0.1 is 12.3.
"""

from __future__ import annotations

import math
import struct
from decimal import ROUND_CEILING, Context, Decimal

from drivers.reading import Value

EXACT = Context(prec=60)
LARGEST_SAFE = 2**53  # beyond it not every integer is a double, and readers of JSON round
SMALLEST_NORMAL = 2.0**-126
ONE, ZERO = Decimal(1), Decimal(0)


def shortest_float32(number: float) -> str:
    """Return the shortest decimal text that reads back as the float32 *number*, the nearest one of that length.

    *number* must be finite and exactly a float32.
    """
    bits = struct.pack(">f", number)
    magnitude = abs(number)
    # Six digits always survive a float32, so that nothing shorter can be lost by beginning there.
    for digits in range(6 if magnitude >= SMALLEST_NORMAL else 1, 10):
        text = f"{number:.{digits}g}"
        if struct.pack(">f", float(text)) == bits:
            return text
        if math.frexp(magnitude)[0] == 0.5:  # a power of two has more room above than below
            above = math.copysign(float(_rounded_up(magnitude, digits)), number)
            if struct.pack(">f", above) == bits:
                return repr(above)
    return repr(number)


def _rounded_up(number: float, digits: int) -> Decimal:
    return Context(prec=digits, rounding=ROUND_CEILING).create_decimal_from_float(number)


def scaled(number: int | Decimal, scale: Decimal, offset: Decimal) -> Decimal:
    """Return number x scale + offset, exactly."""
    return EXACT.add(EXACT.multiply(Decimal(number), scale), offset)


def stored_integer(number: int, scale: Decimal = ONE, offset: Decimal = ZERO) -> Value:
    """Return a register's integer, scaled, as it is stored: an integer, a float of the same digits, else its text.

    Text where a double would change a digit, and for integers beyond 2^53.
    """
    if scale == ONE and offset == ZERO:
        return number if abs(number) <= LARGEST_SAFE else str(number)
    exact = scaled(number, scale, offset)
    if _is_whole(scale) and _is_whole(offset):
        return stored_integer(int(exact))
    nearest = float(exact)
    return nearest if Decimal(repr(nearest)) == exact else f"{exact.normalize(EXACT):f}"


def stored_float(digits: str, scale: Decimal = ONE, offset: Decimal = ZERO) -> float:
    """Return the float that prints *digits*, scaled in decimal."""
    if scale == ONE and offset == ZERO:
        return float(digits)
    return float(scaled(Decimal(digits), scale, offset))


def _is_whole(number: Decimal) -> bool:
    return number == number.to_integral_value()
