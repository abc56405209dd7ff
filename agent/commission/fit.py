"""How well a profile fits what an instrument answered. Pure; a fit is no proof, and says why it is none."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agent.commission.strangers import is_modbus
from drivers.api import Profile, Quality, Reading, Scan
from drivers.endpoint import Endpoint

TINY = 1e-9
"""Below, a float is two registers that were not meant as one."""

SANE = {"Cel": (-100.0, 1200.0), "%": (-20.0, 200.0), "deg": (-360.0, 720.0), "hPa": (0.0, 2000.0)}
"""What no instrument of a station means, whatever its profile says of ranges: wide on purpose."""

DOUBT = 1
"""Two channels that fit are less than twenty: so many more could be wrong."""

ODD = (Quality.OVER_RANGE, Quality.UNDER_RANGE, Quality.SUSPECT)


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a profile fits: a score from 0 to 100, how many channels speak for it, and why."""

    profile: str
    score: int
    channels: int
    reasons: list[str] = field(default_factory=list)
    readings: dict[str, Any] = field(default_factory=dict)


def judged(name: str, profile: Profile, scan: Scan, endpoint: Endpoint, replies: Iterable[bytes]) -> list[Fit]:
    """Weigh the readings: values that are possible speak for a profile, odd and missing ones against it.

    Zeros say little: they stand wherever nothing else does. No fit at all when nothing speaks for it.
    """
    readings = list(scan.readings.values())
    odd = [one for one in readings if _is_odd(one, profile.channel(one.channel).unit)]
    zeros = [one for one in readings if one.value is not None and not one.value and one not in odd]
    missing = [one for one in readings if one.value is None and not profile.channel(one.channel).optional]
    good = [one for one in readings if one.value and one not in odd]
    if not good:
        return []
    weight = len(good) + len(odd) + len(missing) + len(zeros) / 2
    reasons = [f"{len(good)} of {len(readings)} channels have a value that is possible"]
    reasons += [
        f"{len(some)} {what}: {', '.join(one.channel for one in some[:5])}"
        for some, what in ((odd, "impossible, out of range or an unknown state"), (missing, "missing"), (zeros, "zero"))
        if some
    ]
    reasons += _evidence(profile, endpoint, replies)
    values = {one.channel: one.value for one in good[:8]}
    score = round(100 * max(0, len(good) - 2 * len(odd)) / (weight + DOUBT))
    return [Fit(name, score, len(good), reasons, values)]


def _is_odd(reading: Reading, unit: str | None) -> bool:
    value = reading.value
    if value is None or reading.quality in ODD:
        return value is not None
    if isinstance(value, str | bool):
        return False
    low, high = SANE.get(unit or "", (-math.inf, math.inf))
    return not low <= value <= high or 0 < abs(value) < TINY


def _evidence(profile: Profile, endpoint: Endpoint, replies: Iterable[bytes]) -> Iterator[str]:
    """What makes a fit stronger or weaker than its score."""
    if is_modbus(profile):
        yield "registers carry no name: another model with numbers at these places would fit as well"
    elif profile.dialogue and profile.dialogue.checksum != "none":
        yield f"replies have the form and the checksum ({profile.dialogue.checksum}) of this model"
    else:
        yield "replies have the form of this model"
    if {shape(reply) for reply in replies} & set(_printed_shapes(profile)):
        yield "a reply looks like a printed example, but for its digits"
    baud = (profile.serial or "").partition(" ")[0]
    if endpoint.kind == "serial" and baud.isdecimal() and baud != endpoint.options["baud"]:
        yield f"leaves the factory with {profile.serial}, this line has {endpoint.options['baud']} Bd"


def shape(reply: bytes) -> bytes:
    """What stays of *reply* when its values change: every number a 9, ends of lines left out."""
    return re.sub(rb"[+-]?\d+", b"9", reply.strip(b"\r\n"))


def _printed_shapes(profile: Profile) -> Iterator[bytes]:
    """The shapes of the text replies in the examples."""
    for example in profile.examples:
        for exchange in example.exchanges:
            if exchange.reply:
                yield shape(exchange.reply.encode("utf-8"))
