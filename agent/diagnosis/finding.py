"""What a look at a station finds: how bad it is, which part of the station is to blame, why, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from agent.amounts import ago

GOOD, WARNING, CRITICAL, UNKNOWN = range(4)
LEVELS = ("good", "warning", "critical", "unknown")
"""By number, which is also the exit code that monitoring systems expect."""

Part = Literal[
    "address",
    "agent",
    "archive",
    "broker",
    "cable",
    "certificate",
    "clock",
    "configuration",
    "consumer",
    "disk",
    "instrument",
    "log",
    "network",
    "password",
    "PC",
    "profile",
    "room",
    "sampling line",
    "service",
    "station",
]

Facts = dict[str, Any]
"""The snapshot, or a part of it, as JSON gives it."""


class Finding(NamedTuple):
    """Something worth telling; ``part`` is what to look at, ``subject`` the name that it has at this station.

    A finding of level GOOD is a remark: nothing is wrong. ``hint`` is the next step, empty where there is none.
    ``since`` is when it began, where that is known, so that ``cause`` stays the same while it lasts; ``effect`` is
    what it leads to.
    """

    level: int
    part: Part
    subject: str
    cause: str
    hint: str
    since: str | None = None
    effect: str = ""

    @property
    def word(self) -> str:
        """How bad it is."""
        return LEVELS[self.level] if self.level else "note"

    def told(self, say: Callable[[str], str]) -> str:
        """Return the cause with what it leads to and how long it has lasted, in the language of *say*."""
        text = say(self.cause)
        if self.effect:
            text = say("{}; {}").format(text, say(self.effect))
        if self.since:
            text = say("{} (for {})").format(text, say(ago(self.since)))
        return text

    def facts(self) -> Facts:
        """As a program reads it."""
        return {**self._asdict(), "level": self.word, "subject": self.subject or self.part}


def by_gravity(finding: Finding) -> int:
    """Sort key: the worst first. What cannot be told comes before what is only doubtful."""
    return (CRITICAL, UNKNOWN, WARNING, GOOD).index(finding.level)


def overall(findings: list[Finding]) -> int:
    """The level of the station: that of its worst finding, good without any."""
    return min(findings, key=by_gravity).level if findings else GOOD


def together(findings: list[Finding]) -> list[Finding]:
    """*findings* with those that say the same of several subjects as one: one certificate may serve five uplinks."""
    merged: dict[tuple[int, Part, str, str], Finding] = {}
    for one in findings:
        key = (one.level, one.part, one.cause, one.hint)
        if known := merged.get(key):
            earliest = min((since for since in (known.since, one.since) if since), default=None)
            one = known._replace(subject=f"{known.subject}, {one.subject}", since=earliest)
        merged[key] = one
    return list(merged.values())
