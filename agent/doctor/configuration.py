"""The station file: whether it is right, and whether it is what runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from agent.doctor.case import Case
from agent.doctor.result import Result, bad, doubtful, good, unchecked
from agent.stationfile.faults import Fault

MOST_FAULTS = 5


def examine(case: Case) -> Iterator[Result]:
    """Look at the file, and at what the daemon has read of it."""
    file = case.paths.config
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except PermissionError:
        yield unchecked(file.name, f"{file} may not be read by this user", "Call the doctor with sudo")
        return
    except OSError:
        text = ""
    if case.error is not None:
        yield from _mistakes(case)
    elif case.settings is not None:
        yield from _doubts(case)
    if text and case.turns and case.error is None:
        yield _running(case, text)


def _mistakes(case: Case) -> Iterator[Result]:
    assert case.error is not None
    file = case.paths.config
    means = "a daemon does not start with this file, and does not reload it"
    if case.settings is not None:
        means = "the daemon goes on with the last configuration that was right"
    for fault in list(_in_short(getattr(case.error, "faults", ())) or [str(case.error)])[:MOST_FAULTS]:
        yield bad(file.name, fault, means, case.error.hint)


def _doubts(case: Case) -> Iterator[Result]:
    assert case.settings is not None
    file = case.paths.config
    yield good(file.name, f"no mistake; devices: {len(case.settings.devices)}, uplinks: {len(case.settings.uplinks)}")
    for doubt in _in_short(case.settings.warnings)[:MOST_FAULTS]:
        means = "it works, but perhaps not as you think"
        yield doubtful(file.name, doubt, means, f"See what is meant: station-agent --config {file} check")


def _in_short(faults: Iterable[Fault]) -> list[str]:
    """Each of *faults* without all that would be allowed there: ``check`` tells that."""
    return [str(replace(fault, hint="")) for fault in faults]


def _running(case: Case, text: str) -> Result:
    """Compare the file with what the daemon runs, by their digests."""
    if hashlib.sha256(text.encode()).hexdigest() == case.snapshot["configuration"]["sha256"]:
        return good("running", "the daemon runs what the file says")
    means = "what was changed does not count yet"
    found = "the file was changed after the daemon had read it"
    return doubtful("running", found, means, "Run: station-agent reload")
