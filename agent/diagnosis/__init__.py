"""Why a station is not green: from the snapshot to findings, the worst first.

Pure but for :mod:`agent.diagnosis.presence`, which looks at the machine. Whoever
shows how the station does (``status``, ``watch``, ``doctor``) says the same.
Nothing heavy is imported: the answer must come at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from agent.diagnosis.certificates import of_certificates
from agent.diagnosis.clocks import of_clock
from agent.diagnosis.disks import of_disk, of_log
from agent.diagnosis.finding import CRITICAL, GOOD, LEVELS, UNKNOWN, WARNING, Facts, Finding, by_gravity, overall
from agent.diagnosis.instruments import of_instruments
from agent.diagnosis.operations import of_operations
from agent.diagnosis.presence import look, of_daemon, of_service, of_store
from agent.diagnosis.uplinks import of_uplinks
from agent.diagnosis.wires import of_wires
from agent.paths import Paths

__all__ = [
    "CRITICAL",
    "GOOD",
    "LEVELS",
    "UNKNOWN",
    "WARNING",
    "Facts",
    "Finding",
    "diagnose",
    "look",
    "overall",
]


def diagnose(snapshot: Facts, paths: Paths) -> list[Finding]:
    """What is not good at the station of *snapshot*, the worst first; empty when all is well."""
    return sorted(_findings(snapshot, paths), key=by_gravity)


def _findings(snapshot: Facts, paths: Paths) -> Iterator[Finding]:
    now_s = time.time()
    yield from of_daemon(snapshot, now_s)
    yield from of_service(snapshot)
    yield from of_log(snapshot)
    yield from of_store(paths.store)
    yield from of_disk(snapshot, now_s)
    yield from of_wires(snapshot)
    yield from of_instruments(snapshot)
    yield from of_operations(snapshot, now_s)
    yield from of_uplinks(snapshot["uplinks"])
    for uplink in snapshot["uplinks"]:
        yield from of_certificates(uplink, now_s)
    yield from of_clock(snapshot["clock"], now_s)
    yield from _of_problems(snapshot, paths)


def _of_problems(snapshot: Facts, paths: Paths) -> Iterator[Finding]:
    """What the daemon itself knows to be wrong, and a station file that is broken now."""
    problems = snapshot.get("problems", ())
    for problem in problems:
        yield Finding(WARNING, problem["subject"], "", problem["cause"], problem["hint"])
    if paths.problem and "configuration" not in [problem["subject"] for problem in problems]:
        hint = f"The agent goes on with what it has read. Run: station-agent --config {paths.config} check"
        yield Finding(WARNING, "configuration", "", paths.problem, hint)
