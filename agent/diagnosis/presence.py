"""Whether there is a daemon that says anything: its snapshot, its process, its service, its log.

The one module of the diagnosis that looks at the machine, and only a little: two
files, a signal to nobody, and systemd when the daemon does not live.
"""

from __future__ import annotations

import grp
import json
import os
import select
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from agent.amounts import ago, number
from agent.diagnosis.finding import CRITICAL, UNKNOWN, WARNING, Facts, Finding
from agent.paths import Paths

HUNG_S = 10.0
"""A daemon whose snapshot is older than this does not turn any more."""

SYSTEMD_S = 1.0
"""How long systemd may take to say how the service does."""

UNIT = "station-agent"
WANTED = Path("/etc/systemd/system/multi-user.target.wants")
START = f"Run: systemctl start {UNIT}"
JOURNAL = f"Look at: journalctl -u {UNIT} -n 50"


def look(paths: Paths) -> Facts | Finding:
    """Return the snapshot, or say why there is none."""
    path = paths.runtime / "status.json"
    try:
        snapshot = json.loads(path.read_bytes())
    except PermissionError:
        hint = f"Add your user to the group {_group(path)} and log in again, or call with sudo"
        return Finding(UNKNOWN, "agent", "", f"{path} may not be read by this user", hint)
    except FileNotFoundError:
        return _absent(paths)
    except (OSError, ValueError) as error:
        return Finding(UNKNOWN, "agent", "", f"{path} cannot be read: {error}", f"Run: systemctl restart {UNIT}")
    if not isinstance(snapshot, dict) or snapshot.get("v") != 1:
        hint = "Call the station-agent that this daemon was installed with"
        return Finding(UNKNOWN, "agent", "", f"{path} was written by another version", hint)
    return snapshot


def of_daemon(snapshot: Facts, now_s: float) -> Iterator[Finding]:
    """Whether the process that wrote the snapshot still turns."""
    written, pid = snapshot["written"], snapshot["pid"]
    age_s = now_s - datetime.fromisoformat(written).timestamp()
    if snapshot["ended"]:
        yield _not_running(cause=f"the daemon was stopped {ago(written)} ago", hint=START)
    elif not lives(pid):
        yield _not_running(cause=f"the daemon died {ago(written)} ago", hint=JOURNAL)
    elif age_s > HUNG_S:
        cause = f"the daemon (pid {pid}) has not turned for {number(age_s)} s"
        yield Finding(CRITICAL, "agent", "", cause, f"Run: systemctl restart {UNIT}")


def of_service(snapshot: Facts) -> Iterator[Finding]:
    """Whether the daemon comes back after a power cut of the PC."""
    if snapshot.get("service") and not _is_there(WANTED / f"{UNIT}.service"):
        cause = "the service does not start by itself when the PC does"
        yield Finding(WARNING, "service", "", cause, f"Run: sudo systemctl enable {UNIT}")


def of_store(path: Path) -> Iterator[Finding]:
    """Whether the log is where it should be."""
    if not _is_there(path):
        yield Finding(CRITICAL, "log", "", f"{path} is not there", "Check that the disk is mounted")


def _absent(paths: Paths) -> Finding:
    """Say why there is no snapshot: never started, not since the last boot, or it is not known where to look."""
    if paths.problem:
        return Finding(UNKNOWN, "configuration", "", paths.problem, "Name the file: station-agent --config FILE status")
    cause = "the daemon has never run here: nothing is polled"
    if _is_there(paths.store):
        cause = "the daemon has not run since this machine started: nothing is polled"
    return _not_running(cause=cause, hint=START)


def _not_running(*, cause: str, hint: str) -> Finding:
    """The daemon does not live; systemd may know more than that."""
    service = _ask_systemd()
    if service.get("LoadState") == "loaded":
        state, result = service.get("ActiveState", ""), service.get("Result", "success")
        if state == "failed" or result != "success":
            cause = f"{cause}; its service failed ({result})"
            hint = JOURNAL
        elif state in ("activating", "deactivating", "reloading"):
            cause = f"{cause}; systemd is {state} it"
            hint = JOURNAL
        elif service.get("UnitFileState") == "disabled":
            cause = f"{cause}; its service is disabled"
            hint = f"Run: sudo systemctl enable --now {UNIT}"
    return Finding(CRITICAL, "agent", "", cause, hint)


def _ask_systemd() -> dict[str, str]:
    """What systemd says of the unit, empty where it cannot be asked; without subprocess, which takes long to import."""
    reading, writing = os.pipe()
    words = ["systemctl", "show", UNIT, "--property=LoadState,ActiveState,Result,UnitFileState"]
    quiet = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
    try:
        pid = os.posix_spawnp(words[0], words, os.environ, file_actions=quiet)
    except OSError:
        os.close(reading)
        return {}
    finally:
        os.close(writing)
    try:
        said = os.read(reading, 4096) if select.select([reading], [], [], SYSTEMD_S)[0] else b""
    finally:
        os.close(reading)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    pairs = (line.partition("=") for line in said.decode(errors="replace").splitlines())
    return {key: value for key, _, value in pairs}


def lives(pid: int) -> bool:
    """Whether there is a process *pid*, whoever it belongs to."""
    try:
        os.kill(pid, 0)  # /proc may be hidden from this user
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _group(path: Path) -> str:
    """The group that may read *path*, or the folder that hides it."""
    for place in (path, *path.parents):
        try:
            number = place.stat().st_gid
        except OSError:
            continue
        try:
            return grp.getgrgid(number).gr_name
        except KeyError:
            return str(number)
    return "station-agent"


def _is_there(path: Path) -> bool:
    """Whether *path* exists; where this user may not look, it does."""
    try:
        return path.exists()
    except PermissionError:
        return True
