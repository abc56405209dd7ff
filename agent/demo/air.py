"""Plausible air: a daily curve, slow weather and a little noise for every quantity, from one seed."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass

DAY_S = 86_400.0
HOURS_EAST = 8.0  # the sun of the demonstration stands where China is


@dataclass(frozen=True)
class Curve:
    """Daily mean, half the daily swing, hour of the maximum, and how much it wavers within minutes."""

    mean: float
    swing: float
    peak_hour: float
    waver: float
    floor: float = 0.0


CURVES = {
    "so2_ppb": Curve(4.0, 1.5, 9.0, 0.6),
    "no_ppb": Curve(7.0, 5.0, 8.0, 1.5),
    "no2_ppb": Curve(18.0, 8.0, 8.0, 2.0),
    "co_ppm": Curve(0.55, 0.2, 8.0, 0.05),
    "o3_ppb": Curve(42.0, 26.0, 15.0, 3.0),
    "pm10_ugm3": Curve(62.0, 18.0, 9.0, 8.0, floor=5.0),
    "pm25_ugm3": Curve(31.0, 10.0, 9.0, 4.0, floor=2.0),
    "temperature_c": Curve(21.0, 5.0, 15.0, 0.4, floor=-30.0),
    "humidity_percent": Curve(62.0, -15.0, 15.0, 2.0, floor=5.0),
    "pressure_hpa": Curve(1012.0, 1.2, 10.0, 0.3, floor=900.0),
    "wind_ms": Curve(2.4, 1.0, 14.0, 0.9),
    "wind_deg": Curve(160.0, 50.0, 14.0, 25.0),
}


class Air:
    """The air around the station at any time; the same seed gives the same slow weather."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 - weather, not secrets
        self._phases = {name: [self._random.uniform(0, math.tau) for _ in range(3)] for name in CURVES}

    def now(self, name: str) -> float:
        """The quantity *name* of CURVES, in the unit that its name ends with."""
        curve, at = CURVES[name], time.time()
        hour = (at / 3600 + HOURS_EAST) % 24
        daily = curve.swing * math.cos((hour - curve.peak_hour) / 24 * math.tau)
        periods_s = (41.0, 173.0, 947.0)
        slow = sum(
            math.sin(at / period_s * math.tau + phase)
            for period_s, phase in zip(periods_s, self._phases[name], strict=True)
        )
        return max(curve.floor, curve.mean + daily + curve.waver * (slow / 3 + self._random.gauss(0, 0.05)))

    def noisy(self, value: float, spread: float) -> float:
        """*value* as a sensor with the standard deviation *spread* gives it."""
        return self._random.gauss(value, spread)
