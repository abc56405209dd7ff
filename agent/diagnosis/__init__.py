"""Why a station is not green: from the snapshot to findings, the worst first.

Pure but for :mod:`agent.diagnosis.presence`, which looks at the machine. Whoever
shows how the station does (``status``, ``watch``, ``doctor``) says the same.
Nothing heavy is imported: the answer must come at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from agent.diagnosis.certificates import of_certificates, without_refusals
from agent.diagnosis.clocks import of_clock, with_doubted_certificates
from agent.diagnosis.disks import of_disk, of_log
from agent.diagnosis.finding import (
    CRITICAL,
    GOOD,
    LEVELS,
    UNKNOWN,
    WARNING,
    Facts,
    Finding,
    by_gravity,
    overall,
    together,
)
from agent.diagnosis.instruments import of_instruments
from agent.diagnosis.operations import of_operations
from agent.diagnosis.presence import (
    is_changed,
    look,
    of_daemon,
    of_service,
    of_store,
    room_under,
    youngest_s,
)
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
    found = with_doubted_certificates(without_refusals(list(_findings(snapshot, paths))))
    return sorted(together(found), key=by_gravity)


def _findings(snapshot: Facts, paths: Paths) -> Iterator[Finding]:
    now_s = time.time()
    dead = list(of_daemon(snapshot, now_s))
    yield from dead
    yield from of_service(snapshot)
    yield from of_log(snapshot)
    yield from of_store(paths.store)
    yield from of_disk(snapshot if not dead else snapshot | {"disk": room_under(paths.store)}, now_s)
    if not dead:
        yield from _of_work(snapshot, now_s)
    for uplink in snapshot["uplinks"]:
        yield from of_certificates(uplink, now_s)
    if not dead:
        yield from of_clock(snapshot["clock"], now_s, youngest_s(paths))
    yield from _of_problems(snapshot, paths, dead=bool(dead))


def _of_work(snapshot: Facts, now_s: float) -> Iterator[Finding]:
    """What a daemon that turns says of its instruments and brokers; what a dead one said is the past."""
    yield from of_wires(snapshot)
    yield from of_instruments(snapshot)
    yield from of_operations(snapshot, now_s)
    yield from of_uplinks(snapshot["uplinks"])


def _of_problems(snapshot: Facts, paths: Paths, *, dead: bool) -> Iterator[Finding]:
    """What the daemon itself knows to be wrong, and a station file that is broken now, or is not what runs."""
    problems = snapshot.get("problems", ()) if not dead else ()
    for problem in problems:
        yield Finding(WARNING, problem["subject"], "", problem["cause"], problem["hint"])
    if "configuration" in [problem["subject"] for problem in problems]:
        return
    if paths.problem:
        hint = f"Correct it, then: station-agent --config {paths.config} check"
        yield Finding(WARNING, "configuration", "", paths.problem, hint)
    elif not dead and is_changed(snapshot, paths.config):
        cause = "the file was changed after the daemon had read it"
        yield Finding(WARNING, "configuration", "", cause, "Run: station-agent check; then: station-agent reload")
