"""The closed list of units: UCUM codes, so that a unit means one thing everywhere.

Codes from the Unified Code for Units of Measure, case-sensitive form
(ucum.org, tables 1-4). Annotations in braces name what is counted. Quantities
without a dimension (slopes, ratios, pH as a number) have the unit ``1``.
"""

from __future__ import annotations

UNITS: dict[str, str] = {
    "1": "",
    "%": "%",
    "[ppb]": "ppb",
    "[ppm]": "ppm",
    "ug/m3": "µg/m³",
    "mg/m3": "mg/m³",
    "ng/m3": "ng/m³",
    "g/m3": "g/m³",
    "mg/L": "mg/L",
    "ug/L": "µg/L",
    "g/L": "g/L",
    "[pH]": "pH",
    "{NTU}": "NTU",
    "{FNU}": "FNU",
    "{RFU}": "RFU",
    "{cells}/mL": "cells/mL",
    "Cel": "°C",
    "K": "K",
    "[degF]": "°F",
    "hPa": "hPa",
    "kPa": "kPa",
    "MPa": "MPa",
    "Pa": "Pa",
    "mbar": "mbar",
    "mm[Hg]": "mmHg",
    "[in_i'Hg]": "inHg",
    "[psi]": "psi",
    "L/min": "L/min",
    "mL/min": "mL/min",
    "cm3/min": "cm³/min",
    "L/s": "L/s",
    "m3": "m³",
    "m3/h": "m³/h",
    "L": "L",
    "m/s": "m/s",
    "km/h": "km/h",
    "[kn_i]": "kn",
    "deg": "°",
    "mm": "mm",
    "mm/h": "mm/h",
    "m": "m",
    "cm": "cm",
    "W/m2": "W/m²",
    "V": "V",
    "mV": "mV",
    "A": "A",
    "mA": "mA",
    "W": "W",
    "kW": "kW",
    "kW.h": "kWh",
    "V.A": "VA",
    "var": "var",
    "Hz": "Hz",
    "kHz": "kHz",
    "s": "s",
    "ms": "ms",
    "min": "min",
    "h": "h",
    "d": "d",
    "uS/cm": "µS/cm",
    "mS/cm": "mS/cm",
    "dB": "dB",
    "dB[SPL]": "dB",
    "{count}": "",
    "{count}/s": "1/s",
    "1/cm3": "1/cm³",
    "{hits}/cm2": "hits/cm²",
    "{hits}/cm2/h": "hits/cm²h",
}
"""UCUM code to what a screen shows. ``[pH]`` is UCUM's own arbitrary unit."""


def shown(unit: str | None) -> str:
    """Return how a screen shows *unit*; a code that is not listed shows itself."""
    return UNITS.get(unit, unit) if unit else ""
