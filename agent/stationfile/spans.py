"""Durations, sizes and texts as the station file takes them: written out, and within limits.

A bare number is refused where a unit belongs: ``5`` could be seconds or milliseconds.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from agent.paths import file_named
from drivers.duration import parse_duration, parse_size


def span(low: str, high: str) -> BeforeValidator:
    """A duration from *low* to *high*, written as a text."""
    return BeforeValidator(partial(_span, low=low, high=high))


def size(low: str, high: str) -> BeforeValidator:
    """A size from *low* to *high*, written as a text."""
    return BeforeValidator(partial(_size, low=low, high=high))


def _span(written: object, low: str, high: str) -> float:
    seconds = parse_duration(written if isinstance(written, str) and len(written) < 32 else None)
    if not parse_duration(low) <= seconds <= parse_duration(high):
        raise ValueError(f'allowed: "{low}" to "{high}"')
    return round(seconds, 6)  # 700 x 0.001 is not quite 0.7


def _size(written: object, low: str, high: str) -> int:
    octets = parse_size(written if isinstance(written, str) and len(written) < 32 else None)
    if not parse_size(low) <= octets <= parse_size(high):
        raise ValueError(f'allowed: "{low}" to "{high}"')
    return octets


def _per_second(written: object) -> object:
    return written.removesuffix("/s") if isinstance(written, str) else written


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a character that cannot be shown")
    if len(text) > 200:
        raise ValueError("longer than 200 characters")
    return text


def _file(written: object, info: ValidationInfo) -> Path:
    if not isinstance(written, str) or not written or not written.isprintable():
        raise ValueError('a file is a text such as "ca.pem", "/etc/ssl/ca.pem" or "credential:NAME"')
    if written.startswith("credential:") and not re.fullmatch(r"credential:[A-Za-z0-9_.-]+", written):
        raise ValueError('a credential is "credential:" and its name in the unit, of letters, digits, "_", "." and "-"')
    folder = (info.context or {}).get("folder", Path())
    return file_named(written, folder)


Text = Annotated[str, AfterValidator(_plain)]
"""Words for people: one line, any script."""

FileName = Annotated[Path, BeforeValidator(_file)]
"""A file, relative to the station file, or ``credential:NAME``; absolute once it is read."""

Rate = Annotated[int, size("100B", "10GB"), BeforeValidator(_per_second)]
"""Bytes per second, written as ``20kB/s``."""
