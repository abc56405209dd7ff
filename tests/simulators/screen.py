"""The screen of ``status`` as a technician reads it: what is not good, why, and what to do."""

from __future__ import annotations

import re
from typing import NamedTuple

BEGINS = re.compile(r"  (note|warning|critical|unknown) +(.*)")


class Told(NamedTuple):
    """One finding; ``lines`` is how many the screen takes for cause and next step."""

    level: str
    cause: str
    step: str
    lines: int


def read(screen: str) -> dict[str, Told]:
    """The findings on *screen*, in its order, by the part and the name that each begins with."""
    found: list[list[str]] = []
    for line in screen.partition("\n\n")[0].splitlines()[1:]:
        if BEGINS.match(line):
            found.append([])
        found[-1].append(line)
    return dict(map(_told, found))


def _told(lines: list[str]) -> tuple[str, Told]:
    begin = BEGINS.match(lines[0])
    assert begin is not None
    text = " ".join([begin[2], *(line.strip() for line in lines[1:])])
    told, _, step = text.partition(" -> ")
    label, _, cause = told.partition(": ")
    return label, Told(begin[1], cause, step, len(lines))
