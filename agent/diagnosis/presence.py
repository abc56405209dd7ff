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
from contextlib import suppress
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
START = f"Run: sudo systemctl start {UNIT}"
RESTART = f"Run: sudo systemctl restart {UNIT}"
ASK = "Run: sudo station-agent doctor"
CONFIGURATION = "2"
"""The exit code of a daemon whose station file is wrong."""


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
        return Finding(UNKNOWN, "agent", "", f"{path} cannot be read: {error}", RESTART)
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
        yield _not_running(cause=f"the daemon died {ago(written)} ago", hint=ASK)
    elif age_s > HUNG_S:
        cause = f"the daemon (pid {pid}) has not turned for {number(age_s)} s"
        yield Finding(CRITICAL, "agent", "", cause, RESTART)


def of_service(snapshot: Facts) -> Iterator[Finding]:
    """Whether the daemon comes back after a power cut of the PC."""
    if snapshot.get("service") and not _is_there(WANTED / f"{UNIT}.service"):
        cause = "the service does not start by itself when the PC does"
        yield Finding(WARNING, "service", "", cause, f"Run: sudo systemctl enable {UNIT}")


def of_store(path: Path) -> Iterator[Finding]:
    """Whether the log is where it should be."""
    if not _is_there(path):
        yield Finding(CRITICAL, "log", "", f"{path} is not there", "Check that the disk is mounted")


def is_changed(snapshot: Facts, config: Path) -> bool:
    """Whether the station file is another one than the daemon has read; False where this user cannot tell."""
    try:
        if config.stat().st_mtime < datetime.fromisoformat(snapshot["started"]).timestamp():
            return False  # spares the import below, which costs milliseconds
        text = config.read_bytes().decode("utf-8-sig", errors="replace")
        runs: str = snapshot["configuration"]["sha256"]
    except (OSError, KeyError):
        return False
    from hashlib import sha256

    return sha256(text.encode()).hexdigest() != runs


def room_under(store: Path) -> Facts | None:
    """The room on the file system of the log, as the daemon tells it while it lives."""
    try:
        found = os.statvfs(store.parent)
    except OSError:
        return None
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    return {"folder": str(store.parent), "free": free, "total": total}


def youngest_s(paths: Paths) -> float:
    """When the youngest of the files was written that were there before now, in seconds since 1970; 0 if none was."""
    times = [0.0]
    for file in (paths.config, Path(__file__)):
        with suppress(OSError):
            times.append(file.stat().st_mtime)
    return max(times)


def _absent(paths: Paths) -> Finding:
    """Say why there is no snapshot: never started, not since the last boot, or it is not known where to look."""
    if paths.problem:
        return Finding(UNKNOWN, "configuration", "", paths.problem, _to_read(paths.config))
    cause = "the daemon has never run here: nothing is polled"
    if _is_there(paths.store):
        cause = "the daemon has not run since this machine started: nothing is polled"
    return _not_running(cause=cause, hint=START)


def _to_read(config: Path) -> str:
    """How a station file that cannot be used comes to be read."""
    if os.access(config, os.R_OK):
        return f"Correct it, then: station-agent --config {config} check"
    if _is_there(config):
        return f"Add your user to the group {_group(config)} and log in again, or call with sudo"
    return "Write one with: sudo station-agent init (or copy station.toml.example), or name another: --config FILE"


def _not_running(*, cause: str, hint: str) -> Finding:
    """The daemon does not live; systemd may know more than that."""
    service = _ask_systemd()
    if service.get("LoadState") == "loaded":
        why, step = _of_unit(service)
        cause, hint = f"{cause}; {why}" if why else cause, step or hint
    return Finding(CRITICAL, "agent", "", cause, hint)


def _of_unit(service: dict[str, str]) -> tuple[str, str]:
    """Why the unit of a dead daemon does not run, and what to do; both empty where it was just stopped."""
    state, result = service.get("ActiveState", ""), service.get("Result", "success")
    if result == "exit-code" and service.get("ExecMainStatus") == CONFIGURATION:
        return "its configuration is wrong", "Run: sudo station-agent check"
    if service.get("SubState") == "auto-restart":
        return f"systemd starts it again and again ({result})", ASK
    if state == "failed" or result != "success":
        return f"its service failed ({result})", ASK
    if state in ("activating", "deactivating", "reloading"):
        return f"systemd is {state} it", "Wait a minute, then look again"
    if service.get("UnitFileState") == "disabled":
        return "its service is disabled", f"Run: sudo systemctl enable --now {UNIT}"
    return "", ""


def _ask_systemd() -> dict[str, str]:
    """What systemd says of the unit, empty where it cannot be asked; without subprocess, which takes long to import."""
    reading, writing = os.pipe()
    words = ["systemctl", "show", UNIT, "--property=LoadState,ActiveState,SubState,Result,ExecMainStatus,UnitFileState"]
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
