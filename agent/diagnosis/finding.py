"""What a look at a station finds: how bad it is, which part of the station is to blame, why, and what to do."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

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
    """

    level: int
    part: Part
    subject: str
    cause: str
    hint: str

    @property
    def word(self) -> str:
        """How bad it is."""
        return LEVELS[self.level] if self.level else "note"

    def facts(self) -> Facts:
        """As a program reads it."""
        return {**self._asdict(), "level": self.word, "subject": self.subject or self.part}


def by_gravity(finding: Finding) -> int:
    """Sort key: the worst first. What cannot be told comes before what is only doubtful."""
    return (CRITICAL, UNKNOWN, WARNING, GOOD).index(finding.level)


def overall(findings: list[Finding]) -> int:
    """The level of the station: that of its worst finding, good without any."""
    return min(findings, key=by_gravity).level if findings else GOOD
