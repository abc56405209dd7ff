"""What one check found: a verdict, what is there, what that means, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from agent.diagnosis import CRITICAL, GOOD, UNKNOWN, WARNING, Facts, Finding

Verdict = Literal["bad", "doubtful", "unchecked", "good"]

VERDICTS: tuple[Verdict, ...] = ("bad", "doubtful", "unchecked", "good")
"""The worst first. ``unchecked`` is what could not be looked at, for a reason that is told."""

BY_LEVEL: dict[int, Verdict] = {GOOD: "good", WARNING: "doubtful", CRITICAL: "bad", UNKNOWN: "unchecked"}


class Result(NamedTuple):
    """One line of the report: of which *topic* and *subject*, what was *found* there, what it *means*, what to do."""

    verdict: Verdict
    subject: str
    found: str
    means: str = ""
    hint: str = ""
    topic: str = ""

    def facts(self) -> Facts:
        """As a program reads it."""
        return self._asdict()


def good(subject: str, found: str) -> Result:
    """Nothing is wrong here."""
    return Result("good", subject, found)


def doubtful(subject: str, found: str, means: str, hint: str) -> Result:
    """It works, but not for long, not always, or not as meant."""
    return Result("doubtful", subject, found, means, hint)


def bad(subject: str, found: str, means: str, hint: str) -> Result:
    """Something is broken."""
    return Result("bad", subject, found, means, hint)


def unchecked(subject: str, found: str, hint: str = "") -> Result:
    """It could not be looked at; *found* says why."""
    return Result("unchecked", subject, found, "", hint)


def told(finding: Finding) -> Result:
    """What the diagnosis of the snapshot says, as a line of this report."""
    subject = f"{finding.part} {finding.subject}".strip()
    return Result(BY_LEVEL[finding.level], subject, finding.cause, "", finding.hint)


def exit_code(results: Iterable[Result]) -> int:
    """2 when something is bad, 1 when something is doubtful, else 0; what could not be checked does not count."""
    verdicts = {result.verdict for result in results}
    return 2 if "bad" in verdicts else int("doubtful" in verdicts)
