"""How values move: a daily curve, slow weather and a little noise, as a pure function of the time.

The same seed gives the same value at the same instant, so that a record which an
instrument repeats for an hour stays the same for that hour.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache

PERIODS_S = (41.0, 173.0, 947.0)
NOISE = 0.05
"""Standard deviation of the noise, as a part of what wavers."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Daily mean, half the daily swing, hour of the maximum, and how much it wavers within minutes."""

    mean: float
    swing: float = 0.0
    peak_hour: float = 14.0
    waver: float = 0.0
    floor: float = -math.inf


class Weather:
    """What all curves of one simulation share: the seed, and how many hours east of Greenwich its sun stands."""

    def __init__(self, seed: int = 1, *, hours_east: float = 8.0) -> None:
        self._seed = seed
        self._hours_east = hours_east

    def at(self, instant_s: float, name: str, curve: Curve) -> float:
        """The value of the quantity *name* at *instant_s* since 1970."""
        hour = (instant_s / 3600 + self._hours_east) % 24
        daily = curve.swing * math.cos((hour - curve.peak_hour) / 24 * math.tau)
        turns = zip(PERIODS_S, self._phases(name), strict=True)
        slow = sum(math.sin((instant_s / period_s + phase) * math.tau) for period_s, phase in turns)
        noise = random.Random(f"{self._seed}/{name}/{instant_s:.2f}").gauss(0, NOISE)  # noqa: S311
        return max(curve.floor, curve.mean + daily + curve.waver * (slow / len(PERIODS_S) + noise))

    @cache  # noqa: B019 - there is one weather in a simulation, and it lasts as long
    def _phases(self, name: str) -> list[float]:
        dice = random.Random(f"{self._seed}/{name}")  # noqa: S311 - weather, not secrets
        return [dice.random() for _ in PERIODS_S]
