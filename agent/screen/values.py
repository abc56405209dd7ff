"""Values as a screen shows them: as many digits as an instrument means, with unit and quality."""

from __future__ import annotations

from agent.diagnosis import Facts
from agent.language import say


def shown(value: object) -> str:
    """Return *value* in at most six digits; what is missing is a dash, never a zero."""
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def reading(channel: Facts) -> str:
    """Return value and unit of *channel*, and its quality unless it is valid."""
    text = f"{shown(channel['value'])} {channel['unit']}".rstrip()
    return text if channel["quality"] == "valid" else f"{text} ({say(channel['quality'])})"
