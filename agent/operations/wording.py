"""What an alarm or a work says of itself, for screens. Imports nothing heavy: ``status`` must feel instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.units import shown

KINDS = ("visit", "filter", "consumable", "calibration", "repair", "other")
"""What a note is about."""


def alarm_cause(alarm: Mapping[str, Any]) -> str:
    """Return what raised *alarm* (as the snapshot has it), in English, as a phrase."""
    evidence, channel = alarm["evidence"], alarm["channel"]
    cause = f"the instrument reports {alarm['flag']}"
    if alarm["class"] == "silence":
        cause = f"it gives nothing: {evidence.get('error', '')}"
    elif alarm["class"] == "limit" and "normal" in evidence:
        low, high = evidence["normal"]
        value = f"{evidence['value']} {shown(evidence.get('unit'))}".rstrip()
        cause = f"{channel} was {value}, outside {low:g} to {high:g}"
    elif alarm["class"] == "limit":  # raised before what was looked at began
        cause = f"{channel} was outside its limits"
    return cause


def person_of(by: Mapping[str, Any]) -> str:
    """Return the name of who did something, or the user id of one without a name."""
    return str(by.get("user") or by["uid"])
