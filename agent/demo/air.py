"""Plausible air: a daily curve, slow weather and a little noise for every quantity, from one seed."""

from __future__ import annotations

import random
import time

from agent.simulation.movement import Curve, Weather

CURVES = {
    "so2_ppb": Curve(4.0, 1.5, 9.0, 0.6, floor=0.0),
    "no_ppb": Curve(7.0, 5.0, 8.0, 1.5, floor=0.0),
    "no2_ppb": Curve(18.0, 8.0, 8.0, 2.0, floor=0.0),
    "co_ppm": Curve(0.55, 0.2, 8.0, 0.05, floor=0.0),
    "o3_ppb": Curve(42.0, 26.0, 15.0, 3.0, floor=0.0),
    "pm10_ugm3": Curve(62.0, 18.0, 9.0, 8.0, floor=5.0),
    "pm25_ugm3": Curve(31.0, 10.0, 9.0, 4.0, floor=2.0),
    "temperature_c": Curve(21.0, 5.0, 15.0, 0.4, floor=-30.0),
    "humidity_percent": Curve(62.0, -15.0, 15.0, 2.0, floor=5.0),
    "pressure_hpa": Curve(1012.0, 1.2, 10.0, 0.3, floor=900.0),
    "wind_ms": Curve(2.4, 1.0, 14.0, 0.9, floor=0.0),
    "wind_deg": Curve(160.0, 50.0, 14.0, 25.0, floor=0.0),
}


class Air:
    """The air around the station at any time; the same seed gives the same weather."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 - noise, not secrets
        self._weather = Weather(seed)  # its sun stands where China is

    def now(self, name: str) -> float:
        """The quantity *name* of CURVES, in the unit that its name ends with."""
        return self._weather.at(time.time(), name, CURVES[name])

    def noisy(self, value: float, spread: float) -> float:
        """*value* as a sensor with the standard deviation *spread* gives it."""
        return self._random.gauss(value, spread)
