"""What one check found: a verdict, what is there, what that means, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

from agent.amounts import ago
from agent.diagnosis import CRITICAL, GOOD, UNKNOWN, WARNING, Facts, Finding
from agent.diagnosis.finding import Part

Verdict = Literal["bad", "doubtful", "unchecked", "good"]

VERDICTS: tuple[Verdict, ...] = ("bad", "doubtful", "unchecked", "good")
"""The worst first. ``unchecked`` is what could not be looked at, for a reason that is told."""

NAMED = frozenset({"uplink", "link", "port", "user", *get_args(Part)})
"""What subjects consist of a word and a name."""

BY_LEVEL: dict[int, Verdict] = {GOOD: "good", WARNING: "doubtful", CRITICAL: "bad", UNKNOWN: "unchecked"}


class Result(NamedTuple):
    """One line of the report: of which *topic* and *subject*, what was *found* there, what it *means*, what to do."""

    verdict: Verdict
    subject: str
    found: str
    means: str = ""
    hint: str = ""
    topic: str = ""

    @property
    def name(self) -> str:
        """The name of the link, device, uplink or user that this is about; empty where it has none."""
        what, _, name = self.subject.rpartition(" ")
        return name if what in NAMED else ""

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
    means = finding.effect or (f"it has been so for {ago(finding.since)}" if finding.since else "")
    return Result(BY_LEVEL[finding.level], subject, finding.cause, means, finding.hint)


def broken(finding: Finding) -> Result:
    """The same of something that does not work at all, though the station goes on without it."""
    result = told(finding)
    return result._replace(verdict="bad") if result.verdict == "doubtful" else result


def exit_code(results: Iterable[Result]) -> int:
    """2 when something is bad, 1 when something is doubtful, else 0; what could not be checked does not count."""
    verdicts = {result.verdict for result in results}
    return 2 if "bad" in verdicts else int("doubtful" in verdicts)
