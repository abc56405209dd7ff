"""Values as a screen shows them: as many digits as an instrument means, with unit and quality, and marked when old."""

from __future__ import annotations

import re
import time
from datetime import datetime, tzinfo

from agent.amounts import digits
from agent.diagnosis import Facts
from agent.language import bracketed, chosen, joined, say, say_title

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z")
"""As a record has it."""

GLANCE = 4
"""Significant digits of a value among others."""

FIRST_RANGE = "，量程 1"
"""Which of its ranges an analyzer speaks of matters to who compares it with its manual."""

OVERDUE = 3
"""Values are old when nothing has come for so many polls,"""

OVERDUE_S = 10.0
"""and at least for so long."""


def shown(value: object, most: int = 6) -> str:
    """Return *value* in at most *most* significant digits; what is missing is a dash, never a zero."""
    return "-" if value is None else digits(value, most) if isinstance(value, float) else str(value)


def local(instant: str, zone: tzinfo) -> str:
    """Return an instant of a record as people of *zone* read it."""
    return f"{datetime.fromisoformat(instant).astimezone(zone):%m-%d %H:%M:%S}"


def at_a_glance(device: Facts) -> str:
    """What *device* measures, and all that it tells where it measures nothing; called old when it is not of now."""
    channels = device["channels"]
    measured = [channel for channel in channels if channel["stream"] == "measurement"]
    values = joined(map(reading, measured or channels)) or "-"
    return joined((say("old"), values), ": ") if is_old(device) else values


def reading(channel: Facts) -> str:
    """Return name, value and unit of *channel*, and its quality unless it is valid."""
    text = f"{called(channel)} {shown(channel['value'], GLANCE)} {channel['unit']}".rstrip()
    return text if channel["quality"] == "valid" else bracketed(text, say(channel["quality"]))


def called(channel: Facts) -> str:
    """The name that commands take; to who reads another language, what the channel measures."""
    if chosen() == "en" or not channel["title"]:
        return str(channel["name"])
    return say_title(channel["title"]).removesuffix(FIRST_RANGE).replace("，", " ")


def is_old(device: Facts) -> bool:
    """Whether the last values of *device* say nothing of now: it gives none any more, or nobody asks."""
    if not device["last_time"]:
        return False
    age_s = time.time() - datetime.fromisoformat(device["last_time"]).timestamp()
    overdue_s: float = max(OVERDUE * device["every_s"], OVERDUE_S)
    return device["state"] == "failing" or age_s > overdue_s
