"""Names that people type: which one was meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from drivers.errors import StationError


class UnknownDeviceError(StationError):
    """No device of that name is polled."""

    exit_code = 2

    def __init__(self, device: str, names: Sequence[str]) -> None:
        super().__init__(f"there is no device called {device}", hint=nearest(device, names, "devices"))


def nearest(word: str, names: Sequence[str], kind: str) -> str:
    """Which of *names* may be meant by *word*; all of them where none is near. *kind* is what they are, plural."""
    found = near(word, names)
    return f"Did you mean {' or '.join(found)}?" if found else f"The {kind} are: {', '.join(names) or 'none'}"


def near(word: str, names: Iterable[str]) -> list[str]:
    """Those of *names* that may be meant by *word*, the nearest first, three at the most."""
    return get_close_matches(word.lower(), list(names), n=3)
