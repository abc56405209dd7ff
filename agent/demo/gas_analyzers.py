"""Teledyne T100, T200, T300 and T400 as Modbus units, by the register lists of their manuals.

Analog values are input registers, floats with the high word first; states are
discrete inputs. Options (O2, CO2, external inputs) are not fitted, so their
registers refuse with exception 2.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container, Mapping, Sequence

from agent.demo.air import Air
from agent.simulation.modbus_unit import Unit

SPAN_PPB = 400.0
SPAN_EVERY_S, SPAN_LASTS_S, FIRST_SPAN_AFTER_S = 60.0, 15.0, 6.0
GAS_EXCHANGE_S = 1.5  # time constant of the reaction cell, far shorter than a real one

T100_STEADY = {
    0: 152.0,  # PMT detector, mV
    2: 3480.0,  # UV lamp, mV
    4: 98.6,  # lamp ratio, %
    6: 24.0,  # PMT electrical offset, mV
    8: 12.0,  # UV electrical offset, mV
    10: 1.012,  # slope R1
    12: 1.012,
    14: 31.5,  # offset R1, mV
    16: 31.5,
    26: 0.3,  # stability, ppb
    28: 9.7,  # stray light, ppb
    30: 50.0,  # reaction cell, Cel
    32: 7.0,  # PMT, Cel
    34: 28.4,  # sample pressure, inHg
    36: 31.2,  # box, Cel
    38: 612.0,  # HVPS, V
    40: 0.0,
    42: 0.0,
    44: 0.0,
    46: 0.0,
    48: 4096.0,
    50: 652.0,  # sample flow, cc/min
    52: 44.9,  # IZS, Cel
    54: 8.1,  # vacuum, inHg
}
T200_STEADY = {
    0: 210.0,
    2: 0.998,
    4: 0.998,
    6: 1.004,
    8: 1.004,
    10: 1.2,
    12: 1.2,
    14: 0.9,
    16: 0.9,
    **dict.fromkeys(range(18, 30, 2), 0.0),  # concentrations during calibration
    42: 0.4,
    44: 36.0,
    46: 79.0,
    48: 4.9,
    50: 50.1,
    52: 50.3,
    54: 0.992,
    56: 0.992,
    58: 315.0,
    60: 7.1,
    62: 497.0,
    64: 28.2,
    66: 32.0,
    68: 640.0,
    78: 44.8,
    84: 205.0,
    86: 88.0,
}
T300_STEADY = {
    0: 4180.0,
    2: 3350.0,
    4: 1.248,
    6: 1.003,
    8: 1.003,
    10: 0.012,
    12: 0.012,
    14: 0.0,
    16: 0.0,
    22: 0.01,
    24: 48.0,
    26: 42.0,
    28: 68.0,
    30: 55.0,
    32: 41.5,
    34: 28.9,
    36: 31.8,
    38: 2650.0,
    52: 7.4,
    54: 801.0,
    56: 9.0,
    58: 33.0,
    62: 1.195,
}
T400_STEADY = {
    0: 4230.0,
    2: 4236.0,
    4: 0.02,
    6: 1.008,
    8: 1.008,
    10: 0.4,
    12: 0.4,
    14: 0.0,
    16: 0.0,
    22: 0.3,
    24: 2380.0,
    26: 812.0,
    28: 48.0,
    30: 110.0,
    32: 60.0,
    34: 58.0,
    36: 51.0,
    38: 36.4,
    40: 792.0,
    42: 28.7,
    44: 33.1,
}


class Analyzer:
    """A unit whose registers are written anew before each read: steady ones, which waver, and living ones.

    *factors* are the registers of slopes, offsets and efficiencies, which only a calibration moves;
    *system_ok* is the discrete input that says so, *bits* how many there are;
    *targets* are the calibration targets in the holding registers.
    """

    def __init__(
        self,
        air: Air,
        steady: Mapping[int, float],
        *,
        factors: Container[int],
        system_ok: int,
        bits: int,
        targets: Sequence[float],
    ) -> None:
        self.unit = Unit(on_read=lambda *_: self.refresh())
        self.unit.discrete = dict.fromkeys(range(bits), 0)
        self.unit.discrete[system_ok] = 1
        self.unit.coils = dict.fromkeys(range(20, 24), 0)  # calibration triggers, none pulled
        for address, target in enumerate(targets):
            self.unit.set_float32(2 * address, target, "holding")
        self.air = air
        self._steady = steady
        self._factors = factors
        self._living: dict[int, Callable[[], float]] = {}

    def measure(self, address: int, source: Callable[[], float]) -> None:
        """Let the registers at *address* and behind it (ranges 1 and 2) follow *source*."""
        self._living[address] = self._living[address + 2] = source

    def refresh(self) -> None:
        """Write every register as it is now."""
        for address, value in self._steady.items():
            wavers = value and address not in self._factors
            self.unit.set_float32(address, self.air.noisy(value, abs(value) * 2e-4) if wavers else value)
        for address, source in self._living.items():
            self.unit.set_float32(address, source())


class SulfurDioxide(Analyzer):
    """T100. Once a minute it measures span gas for a quarter of it, and says so."""

    SPAN_BIT, DURING_CALIBRATION = 17, 18

    def __init__(self, air: Air, steady: Mapping[int, float] = T100_STEADY) -> None:
        super().__init__(air, steady, factors=range(10, 18), system_ok=19, bits=27, targets=(SPAN_PPB, SPAN_PPB))
        self._began = self._seen_at = time.monotonic()
        self._concentration = air.now("so2_ppb")

    @property
    def on_span(self) -> bool:
        """Whether the span valve is open now."""
        since_first = time.monotonic() - self._began - FIRST_SPAN_AFTER_S
        return since_first >= 0 and since_first % SPAN_EVERY_S < SPAN_LASTS_S

    def refresh(self) -> None:
        """Let the cell fill with what the valve admits, and write every register."""
        target = SPAN_PPB if self.on_span else self.air.now("so2_ppb")
        now = time.monotonic()
        share = 1 - math.exp((self._seen_at - now) / GAS_EXCHANGE_S)
        self._seen_at = now
        self._concentration += (target - self._concentration) * share
        self.unit.discrete[self.SPAN_BIT] = int(self.on_span)
        super().refresh()
        for address in (22, 24):
            self.unit.set_float32(address, self._concentration)
        for address in (self.DURING_CALIBRATION, self.DURING_CALIBRATION + 2):
            self.unit.set_float32(address, self._concentration if self.on_span else 0.0)


def nitrogen_oxides(air: Air) -> Analyzer:
    """T200. NOx is the sum of what it shows for NO and NO2."""
    analyzer = Analyzer(
        air, T200_STEADY, factors=(*range(2, 18), *range(54, 58)), system_ok=21, bits=31, targets=(400.0,) * 4
    )
    shown = {"no_ppb": 0.0, "no2_ppb": 0.0}

    def take(name: str) -> float:
        shown[name] = air.now(name)
        return shown[name]

    analyzer.measure(34, lambda: take("no_ppb"))
    analyzer.measure(38, lambda: take("no2_ppb"))
    analyzer.measure(30, lambda: sum(shown.values()))
    return analyzer


def carbon_monoxide(air: Air) -> Analyzer:
    """T300, in ppm."""
    analyzer = Analyzer(air, T300_STEADY, factors=range(6, 14), system_ok=18, bits=27, targets=(40.0, 40.0))
    analyzer.measure(18, lambda: air.now("co_ppm"))
    return analyzer


def ozone(air: Air) -> Analyzer:
    """T400, in ppb."""
    analyzer = Analyzer(air, T400_STEADY, factors=range(6, 14), system_ok=24, bits=27, targets=(0.0, 400.0) * 2)
    analyzer.unit.coils = dict.fromkeys(range(20, 26), 0)
    analyzer.measure(18, lambda: air.now("o3_ppb"))
    return analyzer
