"""The station file: whether it is right, and whether it is what runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from agent.doctor.case import Case
from agent.doctor.result import Result, bad, doubtful, good, unchecked

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
    yield from _faults(case)
    if text and case.turns:
        yield _running(case, text)


def _faults(case: Case) -> Iterator[Result]:
    file = case.paths.config
    if case.error is not None:
        means = "a daemon does not start with this file, and does not reload it"
        if case.settings is not None:
            means = "the daemon goes on with the last configuration that was right"
        faults = [str(fault) for fault in getattr(case.error, "faults", ())] or [str(case.error)]
        for fault in faults[:MOST_FAULTS]:
            yield bad(file.name, fault, means, f"Correct it, then run: station-agent --config {file} check")
    elif case.settings is not None:
        devices, uplinks = len(case.settings.devices), len(case.settings.uplinks)
        yield good(file.name, f"no mistake; devices: {devices}, uplinks: {uplinks}")
        if warnings := len(case.settings.warnings):
            found = f"no mistake, but doubts: {warnings}"
            yield doubtful(
                file.name, found, "it works, but perhaps not as you think", f"Run: station-agent --config {file} check"
            )


def _running(case: Case, text: str) -> Result:
    """Compare the file with what the daemon runs, by their digests."""
    if hashlib.sha256(text.encode()).hexdigest() == case.snapshot["configuration"]["sha256"]:
        return good("running", "the daemon runs what the file says")
    means = "what was changed does not count yet"
    found = "the file was changed after the daemon had read it"
    return doubtful("running", found, means, "Run: station-agent reload")
