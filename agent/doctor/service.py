"""The daemon and its unit: does it run, will it run after a power cut, is it held to its limits, is it this version."""

from __future__ import annotations

import json
from collections.abc import Iterator

from agent import __version__
from agent.amounts import ago, size
from agent.diagnosis.presence import ASK
from agent.doctor.case import Case
from agent.doctor.result import Result, bad, doubtful, good, told, unchecked
from agent.doctor.system import ask
from agent.doctor.unit import UNIT

MANY_RESTARTS = 3
NEAR_LIMIT = 0.9
LEAST_FILES = 1024
"""Each link, uplink and screen takes a few; the log takes some more while it is sealed."""

LOOK = "Look at: journalctl -u station-agent -n 50"
COMPARE = "Compare with the unit that is shipped: systemctl cat station-agent"
WORDS = ("journalctl", "-u", UNIT, "-n", "50", "-o", "cat", "--no-pager")


def examine(case: Case) -> Iterator[Result]:
    """Look at the process first, then at what systemd will do with it."""
    for result in map(told, case.troubles):
        if case.error is None or not result.subject.startswith("configuration"):
            yield result._replace(hint=LOOK) if result.hint == ASK else result
    if not case.turns and case.error is None and (words := _last_words()):
        yield bad("daemon", f"its last words were: {words}", "it does not run", LOOK)
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
        yield from _starts_again(case)
        yield from _altered(case)
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


def _starts_again(case: Case) -> Iterator[Result]:
    """Whether systemd starts it anew however often it ends, and gives it what it needs."""
    if case.unit["Restart"] not in ("", "always"):
        found = f"Restart={case.unit['Restart']}"
        yield doubtful("unit", found, "a daemon that ended is not started again in every case", COMPARE)
    if case.unit["StartLimitIntervalUSec"] not in ("", "0", "infinity"):
        found = f"StartLimitIntervalSec={case.unit['StartLimitIntervalUSec']}"
        yield doubtful("unit", found, "after a few failures in a row systemd gives it up", COMPARE)
    files = case.unit.number("LimitNOFILE")
    if files is not None and files < LEAST_FILES:
        means = "links and screens may find nothing left"
        yield doubtful("unit", f"it may open {files} files at once", means, COMPARE)


def _altered(case: Case) -> Iterator[Result]:
    """What this station has changed of the unit, and whether systemd knows."""
    if case.unit["NeedDaemonReload"] == "yes":
        hint = "Run: sudo systemctl daemon-reload; sudo systemctl restart station-agent"
        means = "systemd goes on with what the file said before"
        yield doubtful("unit", "its file was changed after systemd had read it", means, hint)
    if case.unit["DropInPaths"]:
        yield good("unit", f"changed at this station by {case.unit['DropInPaths']}")


def _last_words() -> str:
    """Why the daemon ended, as it said itself; empty where this user may not read that, or it said nothing."""
    answer = ask(WORDS)
    for line in reversed(answer.stdout.splitlines() if answer else []):
        if line.startswith("station-agent: "):
            return line.removeprefix("station-agent: ")
        if line.startswith("{") and (words := _error(line)):
            return words
    return ""


def _error(line: str) -> str:
    """What a line of the log calls an error, when it is a grave one."""
    try:
        said = json.loads(line)
    except ValueError:
        return ""
    return str(said.get("error", "")) if said.get("level") == "critical" else ""


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
