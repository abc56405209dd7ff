"""``status``: one screen that answers "why is it not green", with the daemon running, hung or dead.

Everything here comes from the snapshot that the daemon leaves in the runtime
directory. No pydantic, no asyncio, no structlog: a technician who presses enter
wants the answer, not the imports.
"""

from __future__ import annotations

import argparse
import grp
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from agent.cli.words import ago, fold, number, table
from agent.language import say
from agent.paths import Paths, locate

GOOD, WARNING, CRITICAL, UNKNOWN = range(4)
LEVELS = ("GOOD", "WARNING", "CRITICAL", "UNKNOWN")
COLUMNS = 80
HUNG_S = 10.0
"""A daemon whose snapshot is older than this does not turn any more."""


class Finding(NamedTuple):
    """Something that is not good: how bad, what, why, and what to do."""

    level: int
    subject: str
    cause: str
    hint: str


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--json", action="store_true", help="the snapshot and the findings as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the screen; the exit code is the level, as monitoring systems expect it."""
    paths = locate(options.config)
    found = _look(paths)
    snapshot = None if isinstance(found, Finding) else found
    findings = [found] if isinstance(found, Finding) else sorted(_findings(found, paths), key=_worst_first)
    level = max((finding.level for finding in findings), default=GOOD)
    if options.json:
        words = [{**finding._asdict(), "level": LEVELS[finding.level].lower()} for finding in findings]
        print(json.dumps({"level": LEVELS[level].lower(), "findings": words, "snapshot": snapshot}, ensure_ascii=False))
    else:
        for line in _screen(snapshot, findings, level, paths.station):
            print(line)
    return level


def _worst_first(finding: Finding) -> int:
    return -finding.level


def _look(paths: Paths) -> dict[str, Any] | Finding:
    """Return the snapshot, or say why there is none."""
    path = paths.runtime / "status.json"
    try:
        snapshot = json.loads(path.read_bytes())
    except PermissionError:
        hint = f"Add your user to the group {_group(path)} and log in again, or call with sudo"
        return Finding(UNKNOWN, "agent", f"{path} may not be read by this user", hint)
    except FileNotFoundError:
        return _absent(paths)
    except (OSError, ValueError) as error:
        return Finding(UNKNOWN, "agent", f"{path} cannot be read: {error}", "Run: systemctl restart station-agent")
    if not isinstance(snapshot, dict) or snapshot.get("v") != 1:
        hint = "Call the station-agent that this daemon was installed with"
        return Finding(UNKNOWN, "agent", f"{path} was written by another version", hint)
    return snapshot


def _absent(paths: Paths) -> Finding:
    """Say why there is no snapshot: never started, not since the last boot, or it is not known where to look."""
    if paths.problem:
        return Finding(UNKNOWN, "configuration", paths.problem, "Name the file: station-agent --config FILE status")
    was = "has never run here"
    if _is_there(paths.store):
        was = "has not run since this machine started"
    return Finding(CRITICAL, "agent", f"the daemon {was}: nothing is polled", "Run: systemctl start station-agent")


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


def _findings(snapshot: dict[str, Any], paths: Paths) -> Iterator[Finding]:
    yield from _of_daemon(snapshot)
    yield from _of_store(snapshot["store"], paths.store)
    yield from _of_devices(snapshot["devices"])
    for uplink in snapshot["uplinks"]:
        yield from _of_uplink(uplink)
    if not snapshot["clock"]["synchronised"]:
        hint = "Check the time service: timedatectl, chronyc sources"
        yield Finding(WARNING, "clock", "not synchronised; records say so", hint)
    problems = snapshot.get("problems", ())
    for problem in problems:
        yield Finding(WARNING, problem["subject"], problem["cause"], problem["hint"])
    if paths.problem and "configuration" not in [problem["subject"] for problem in problems]:
        hint = f"The agent goes on with what it has read. Run: station-agent --config {paths.config} check"
        yield Finding(WARNING, "configuration", paths.problem, hint)


def _of_daemon(snapshot: dict[str, Any]) -> Iterator[Finding]:
    age_s = time.time() - datetime.fromisoformat(snapshot["written"]).timestamp()
    start, look = "Run: systemctl start station-agent", "Look at: journalctl -u station-agent -n 50"
    if snapshot["ended"]:
        yield Finding(CRITICAL, "agent", f"the daemon was stopped {ago(snapshot['written'])} ago", start)
    elif not _lives(snapshot["pid"]):
        yield Finding(CRITICAL, "agent", f"the daemon died {ago(snapshot['written'])} ago", look)
    elif age_s > HUNG_S:
        cause = f"the daemon (pid {snapshot['pid']}) has not turned for {number(age_s)} s"
        yield Finding(CRITICAL, "agent", cause, "Run: systemctl restart station-agent")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # /proc may be hidden from this user
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _of_store(store: dict[str, Any], path: Path) -> Iterator[Finding]:
    if refused := store["refused"]:
        lost = sum(refused["lost"].values())
        kept = f"{store['waiting']['records']} records wait in memory, {lost} are lost"
        yield Finding(CRITICAL, "log", f"{refused['error']}; {kept}", refused["hint"])
    if not _is_there(path):
        yield Finding(CRITICAL, "log", f"{path} is not there", "Check that the disk is mounted")
    if store.get("volatile"):
        yield Finding(
            CRITICAL, "log", "records are kept in memory only", "Repair the disk; what is in memory moves over"
        )


def _of_devices(devices: list[dict[str, Any]]) -> Iterator[Finding]:
    if devices and all(device["state"] == "failing" for device in devices):
        yield Finding(CRITICAL, "station", "no device answers: nothing is measured", "Begin with power and cables")
    for device in devices:
        if device["state"] in ("failing", "partial"):
            cause = f"{device['error']} (for {ago(device['since'])})"
            yield Finding(WARNING, device["name"], cause, device["hint"] or "")


def _of_uplink(uplink: dict[str, Any]) -> Iterator[Finding]:
    name, error, pause = uplink["name"], uplink["error"], uplink["pause"]
    if pause:
        yield Finding(WARNING, name, f"paused: {pause['reason']}", pause["hint"])
    elif uplink["state"] != "connected" and error:
        yield Finding(WARNING, name, f"{error['what']} (for {ago(uplink['since'])})", error["hint"])
    if uplink["parked"]:
        hint = "See which and why: station-agent records --stream event"
        yield Finding(WARNING, name, f"the broker refuses {len(uplink['parked'])} ranges of records", hint)
    if uplink["no_subscriber"]:
        streams = ", ".join(uplink["no_subscriber"])
        yield Finding(
            WARNING, name, f"nobody subscribes to {streams} at the broker", "Start the consumer at the centre"
        )
    if uplink["puback_proven"] is False and uplink["confirm"] == "puback":
        hint = 'On MQTT 3.1.1 a refusal looks like success; set confirm = "consumer:NAME"'
        if uplink.get("may_refuse_silently"):
            cause = "our own state does not come back from the broker: it may refuse everything without a word"
            yield Finding(WARNING, name, cause, f"Ask its operator for the right to publish. {hint}")
        else:
            yield Finding(GOOD, name, "deliveries are unproven", hint)


def _screen(snapshot: dict[str, Any] | None, findings: list[Finding], level: int, station: str) -> Iterator[str]:
    yield f"{say(LEVELS[level]):9} station {station}".rstrip()
    for finding in findings:
        yield from fold(f"  {LEVELS[finding.level].lower():8} {finding.subject}: {finding.cause}", COLUMNS, " " * 11)
        if finding.hint:
            yield from fold(f"{' ' * 11}-> {finding.hint}", COLUMNS, " " * 14)
    if snapshot is None:
        return
    clock = "synchronised" if snapshot["clock"]["synchronised"] else "NOT synchronised"
    about = (
        f"agent {snapshot['version']}, pid {snapshot['pid']}, up {ago(snapshot['started'])}, clock {clock}, "
        f"as of {ago(snapshot['written'])} ago"
    )
    yield ""
    yield from fold(about, COLUMNS)
    yield ""
    yield from table(("DEVICE", "LINK", "STATE", "LAST", "VALUES"), map(_device_row, snapshot["devices"]), COLUMNS)
    yield ""
    head = ("UPLINK", "STATE", "MQTT", "WAITING", "OLDEST", "RATE", "EMPTY IN")
    yield from table(head, map(_uplink_row, snapshot["uplinks"]), COLUMNS)
    yield ""
    for line in _log_lines(snapshot["store"], snapshot.get("room")):
        yield from fold(line, COLUMNS, "  ")


def _device_row(device: dict[str, Any]) -> tuple[str, ...]:
    values = [channel for channel in device["channels"] if channel["stream"] == "measurement"] or device["channels"]
    shown = ", ".join(_value(channel) for channel in values)
    last = ago(device["last_time"]) if device["last_time"] else "never"
    return device["name"], device["link"], device["state"], last, shown


def _value(channel: dict[str, Any]) -> str:
    value = "-" if channel["value"] is None else str(channel["value"])
    mark = "" if channel["quality"] == "valid" else f" ({channel['quality']})"
    return f"{channel['name']} {value} {channel['unit']}".rstrip() + mark


def _uplink_row(uplink: dict[str, Any]) -> tuple[str, ...]:
    backlog = sum(uplink["backlog"].values())
    broker, eta_s = uplink["broker"] or {}, uplink["eta_s"]
    return (
        uplink["name"],
        uplink["state"],
        str(broker.get("protocol", "-")),
        number(backlog),
        ago(uplink["oldest_unsent"]),
        f"{uplink['rate'] or 0:.1f}/s",
        ago(seconds=eta_s) if backlog and eta_s is not None else "-",
    )


def _log_lines(store: dict[str, Any], room: dict[str, Any] | None) -> Iterator[str]:
    last = ", ".join(f"{stream} {number(seq)}" for stream, seq in store["last"].items())
    yield f"log {store['path']}, epoch {store['epoch']}: {last}"
    if room:
        used, quota = number(room["used"] / 1e6), number(room["quota"] / 1e6)
        yield f"  reaches back {ago(room['since'])}; {used} of {quota} MB used, room for {ago(seconds=room['lasts_s'])}"
