"""Durations and sizes as people write them: ``5s``, ``1500ms``, ``400d``, ``20GB``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "KiB": 2**10,
    "MB": 10**6,
    "MiB": 2**20,
    "GB": 10**9,
    "GiB": 2**30,
    "TB": 10**12,
}


def parse_duration(text: object) -> float:
    """Return seconds for a text such as ``200ms``; raises ValueError with the forms that are allowed."""
    if isinstance(text, float) and not isinstance(text, bool):
        return text  # a default, or a value that was parsed before
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*(ms|s|min|h|d)", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('a duration is a text such as "200ms", "5s", "10min", "12h" or "400d"')
    return round(float(match[1]) * SECONDS[match[2]], 6)  # 700 x 0.001 is not 0.7 otherwise


def parse_size(text: object) -> int:
    """Return bytes for a text such as ``20GB``; raises ValueError with the forms that are allowed."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*([kKMGT]i?B|B)", text) if isinstance(text, str) else None
    if match is None or match[2] not in BYTES:
        raise ValueError('a size is a text such as "256KiB", "64MB" or "20GB"')
    return int(float(match[1]) * BYTES[match[2]])


def show_duration(seconds: float) -> str:
    """Return *seconds* as a text that :func:`parse_duration` reads, in the largest unit that is exact."""
    for unit in ("d", "h", "min", "s"):
        if seconds >= SECONDS[unit] and seconds % SECONDS[unit] == 0:
            return f"{seconds / SECONDS[unit]:g}{unit}"
    return f"{seconds:g}s" if seconds >= 1 or seconds == 0 else f"{seconds * 1000:g}ms"


Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds; written as ``5s``."""

Size = Annotated[int, BeforeValidator(parse_size)]
"""Bytes; written as ``20GB`` (10^9) or ``20GiB`` (2^30)."""
