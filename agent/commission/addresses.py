"""Which addresses a scan asks: ``1-247``, ``1,2,16-31``, ``0-9,A-Z``."""

from __future__ import annotations

import re

from drivers.api import StationError

MOST = 1000


class AddressesError(StationError):
    """The list of addresses cannot be understood."""

    exit_code = 2


def parse_addresses(text: str) -> list[int | str]:
    """Return the addresses in *text*, each once, in its order; numbers as numbers. Raises AddressesError."""
    found: dict[int | str, None] = {}
    for part in text.split(","):
        found |= dict.fromkeys(_part(part.strip(), text))
        if len(found) > MOST:
            raise AddressesError(f"{text!r} names more than {MOST} addresses", hint="Scan a part of them at a time")
    return list(found)


def _part(part: str, whole: str) -> list[int | str]:
    if re.fullmatch(r"\d{1,5}", part):
        return [int(part)]
    if numbers := re.fullmatch(r"(\d{1,5})-(\d{1,5})", part):
        first, last = int(numbers[1]), int(numbers[2])
        if first <= last <= first + MOST:
            return list(range(first, last + 1))
    elif letters := re.fullmatch(r"([A-Za-z])-([A-Za-z])", part):
        if letters[1] <= letters[2]:
            return [chr(code) for code in range(ord(letters[1]), ord(letters[2]) + 1) if chr(code).isalpha()]
    elif re.fullmatch(r"[A-Za-z0-9_.:]{1,32}", part):
        return [part]
    raise AddressesError(
        f"{whole!r} is no list of addresses: {part!r} in it is not understood",
        hint="Write them as 1-247, as 1,2,16-31, or as 0-9,A-Z, the smaller one first",
    )
