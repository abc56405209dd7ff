"""The daemon and its unit: does it run, will it run after a power cut, is it held to its limits, is it this version."""

from __future__ import annotations

from collections.abc import Iterator

from agent import __version__
from agent.amounts import ago, size
from agent.doctor.case import Case
from agent.doctor.result import Result, bad, doubtful, good, told, unchecked
from agent.doctor.unit import UNIT

MANY_RESTARTS = 3
NEAR_LIMIT = 0.9
LOOK = "Look at: journalctl -u station-agent -n 50"
COMPARE = "Compare with the unit that is shipped: systemctl cat station-agent"


def examine(case: Case) -> Iterator[Result]:
    """Look at the process first, then at what systemd will do with it."""
    yield from map(told, case.troubles)
    if case.turns:
        yield good("daemon", f"it runs as pid {case.snapshot['pid']}, since {ago(case.snapshot['started'])}")
    yield _version(case)
    if case.unit.why:
        yield unchecked("unit", case.unit.why)
    elif case.unit["LoadState"] != "loaded":
        means = "nothing starts the agent after a power cut"
        hint = "Install the service: sudo systemd/install.sh"
        yield doubtful("unit", f"systemd has no {UNIT}: {case.unit['LoadState']}", means, hint)
    else:
        yield from _unit(case)
        yield _watchdog(case)
        yield _memory(case)


def _version(case: Case) -> Result:
    runs = case.snapshot.get("version", __version__)
    if case.turns and runs != __version__:
        means = "the daemon was not started again after the upgrade, or there are two installations"
        hint = "Run: sudo systemctl restart station-agent"
        return doubtful("version", f"the daemon is {runs}, this program {__version__}", means, hint)
    return good("version", f"station-agent {__version__}")


def _unit(case: Case) -> Iterator[Result]:
    unit = case.unit
    if unit["UnitFileState"] in ("disabled", "masked"):
        means = "it does not start by itself after a power cut"
        hint = "Run: sudo systemctl enable station-agent"
        yield doubtful("unit", f"the service is {unit['UnitFileState']}", means, hint)
    else:
        yield good("unit", f"{UNIT} starts with the machine")
    if unit["ActiveState"] == "failed":
        yield bad("unit", f"systemd says that it failed: {unit['Result']}", "it is not started again", LOOK)
    restarts = unit.number("NRestarts") or 0
    if restarts > MANY_RESTARTS:
        means = "it ends again and again, and each time some polls are missing"
        yield doubtful("unit", f"systemd has started it again {restarts} times", means, LOOK)


def _watchdog(case: Case) -> Result:
    watchdog = case.unit["WatchdogUSec"]
    if watchdog in ("", "0", "infinity"):
        return doubtful("watchdog", "it is switched off", "a daemon that hangs is not started again", COMPARE)
    return good("watchdog", f"a daemon that is silent for {watchdog} is started again")


def _memory(case: Case) -> Result:
    most, used = case.unit.number("MemoryMax"), case.unit.number("MemoryCurrent")
    if most is None:
        return doubtful("memory", "there is no limit", "a defect could take the memory of the whole PC", COMPARE)
    if used is not None and used > NEAR_LIMIT * most:
        means = "at the limit it is killed and started again"
        return doubtful("memory", f"{size(used)} of at most {size(most)} are used", means, LOOK)
    return good("memory", f"at most {size(most)}")
