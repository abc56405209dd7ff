"""The log: can it be opened and read, is it this station's, how far does it reach."""

from __future__ import annotations

from collections.abc import Iterator

from agent.amounts import number
from agent.doctor.case import Case
from agent.doctor.result import Result, bad, good, unchecked
from agent.store.errors import StoreError
from agent.store.reader import Reader
from agent.store.record import time_text


def examine(case: Case) -> Iterator[Result]:
    """Open it as every screen does; the whole chain is for ``verify``."""
    path = case.paths.store
    try:
        if not path.exists():
            yield from _absent(case)
            return
        with Reader.open(path) as log:
            yield _whose(case, log)
            yield _reach(log)
    except PermissionError:
        yield unchecked(path.name, f"{path} may not be read by this user", "Call the doctor with sudo")
    except StoreError as error:
        yield bad(path.name, str(error), "readings cannot be shown or proved", error.hint)


def _absent(case: Case) -> Iterator[Result]:
    if case.turns:
        means = "what was kept before is not seen"
        yield bad(
            case.paths.store.name, f"{case.paths.store} is not there", means, "Check that its disk is mounted: findmnt"
        )
    else:
        yield unchecked(case.paths.store.name, "there is no log yet")


def _whose(case: Case, log: Reader) -> Result:
    if case.paths.station and log.station != case.paths.station:
        found = f"it is the log of station {log.station}, the file says {case.paths.station}"
        return bad(log.path.name, found, "the daemon refuses to start", "Correct station.id, or move that log away")
    return good(log.path.name, f"the log of station {log.station}")


def _reach(log: Reader) -> Result:
    kept = [one for one in log.series() if one.first <= one.last]
    if not kept:
        return good(log.path.name, "it is empty")
    records = sum(one.last - one.first + 1 for one in kept)
    since_ms = min(log.time_of(one.epoch, one.stream, one.first) for one in kept)
    return good(log.path.name, f"{number(records)} records since {time_text(since_ms)[:16]} UTC")
