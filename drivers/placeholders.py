"""Places left open in the texts of a profile: an instrument's address, and what one request is asked for.

``{address}`` stands for the address as the station file writes it, ``{address:03}`` for its number in three
digits, ``{address:02X}`` in two hex digits, ``{address+1:03}`` for the number after it, and
``{address+128:c}`` for one byte of that value. ``{ask}`` stands for the word ``ask`` of a channel. Other
braces, such as those of a regular expression, stay as they are.
"""

from __future__ import annotations

import re

_FORM = re.compile(r"0?\d{0,2}[cdxX]?")
_PLACE = re.compile(r"\{(?:ask|address(?:\+(?P<more>\d{1,3}))?(?::(?P<form>[^{}]*))?)\}")


def filled(text: str, address: int | str | None, ask: str = "") -> str:
    """Return *text* with its places filled; raises ValueError for an address that is missing or of another kind."""
    return _PLACE.sub(lambda place: _written(place, address, ask), text)


def filled_expression(pattern: str, address: int | str | None, ask: str = "") -> str:
    """Return the regular expression *pattern* with its places filled by texts that match themselves only."""
    return _PLACE.sub(lambda place: re.escape(_written(place, address, ask)), pattern)


def names_address(text: str) -> bool:
    """Whether *text* leaves a place for an address."""
    return any(place[0] != "{ask}" for place in _PLACE.finditer(text))


def _written(place: re.Match[str], address: int | str | None, ask: str) -> str:
    if place[0] == "{ask}":
        return ask
    if address is None:
        raise ValueError(f"{place.string!r} needs an address")
    if not (place["more"] or place["form"]):
        return str(address)
    if not _FORM.fullmatch(place["form"] or ""):
        raise ValueError(f"{place[0]} has no form such as 03, 02X or c")
    if not str(address).isdecimal():
        raise ValueError(f"a number is needed as its address, not {address!r}")
    try:
        return format(int(address) + int(place["more"] or 0), place["form"] or "")
    except (ValueError, OverflowError):
        raise ValueError(f"{place[0]} cannot hold the address {address!r}") from None
