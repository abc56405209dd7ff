"""Ages, counts and sizes as people read them: pure text, without a library behind it."""

from __future__ import annotations

import math
import time
from datetime import datetime


def ago(instant: str | None = None, *, seconds: float | None = None) -> str:
    """Return an age in its two largest units: ``3 d 4 h``, ``12 min``, ``4 s``."""
    if seconds is None:
        if instant is None:
            return "-"
        seconds = max(0.0, time.time() - datetime.fromisoformat(instant).timestamp())
    for unit, length, finer, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if seconds >= length:
            rest = int(seconds % length // part)
            return f"{int(seconds // length)} {unit}" + (f" {rest} {finer}" if rest else "")
    return f"{int(seconds // 60)} min" if seconds >= 120 else f"{int(seconds)} s"


def number(value: float) -> str:
    """Return a count with thin groups: ``1 234 567``."""
    return f"{value:,.0f}".replace(",", " ")


def size(count: float) -> str:
    """Return a number of bytes: ``312 kB``, ``4.2 GB``."""
    for unit, length in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= length:
            share = count / length
            return f"{share:.1f} {unit}" if share < 100 else f"{number(share)} {unit}"
    return f"{number(count / 1e3)} kB"


def digits(value: float, most: int) -> str:
    """Return *value* in at most *most* significant digits, but never fewer than stand before the point: ``40.1``."""
    if not math.isfinite(value) or value == 0 or not 1e-4 <= abs(value) < 1e15:
        return f"{value:.{most}g}"
    places = max(most - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text
