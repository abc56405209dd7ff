"""``status``: one screen that answers "why is it not green", with the daemon running, hung or dead.

Everything here comes from the snapshot that the daemon leaves in the runtime
directory, and from the log where that is gone. No pydantic, no asyncio, no
structlog: a technician who presses enter wants the answer, not the imports.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from agent.cli.words import ago, number, table

GOOD, WARNING, CRITICAL, UNKNOWN = range(4)
LEVELS = ("GOOD", "WARNING", "CRITICAL", "UNKNOWN")
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
    from agent.paths import locate

    paths = locate(options.config)
    snapshot = _snapshot(paths.runtime / "status.json")
    findings = (
        sorted(_findings(snapshot, paths.store), reverse=True) if snapshot else [_absent(paths.runtime, paths.store)]
    )
    level = max((finding.level for finding in findings), default=GOOD)
    if options.json:
        words = [{**finding._asdict(), "level": LEVELS[finding.level].lower()} for finding in findings]
        print(json.dumps({"level": LEVELS[level].lower(), "findings": words, "snapshot": snapshot}, ensure_ascii=False))
    else:
        print("\n".join(_screen(snapshot, findings, level, paths.station)))
    return level


def _snapshot(path: Path) -> dict[str, Any] | None:
    try:
        snapshot: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return snapshot


def _absent(runtime: Path, store: Path) -> Finding:
    """Say why there is no snapshot: not allowed, never started, or started before the last boot."""
    if runtime.exists() and not os.access(runtime, os.X_OK):
        hint = "Add your user to the group station-agent and log in again, or call with sudo"
        return Finding(UNKNOWN, "agent", f"{runtime} may not be read by this user", hint)
    was = "has not run since this machine started" if store.exists() else "has never run here"
    return Finding(CRITICAL, "agent", f"the daemon {was}: nothing is polled", "Run: systemctl start station-agent")


def _findings(snapshot: dict[str, Any], store: Path) -> Iterator[Finding]:
    yield from _of_daemon(snapshot)
    yield from _of_store(snapshot["store"], store)
    for device in snapshot["devices"]:
        if device["state"] in ("failing", "partial"):
            cause = f"{device['error']} (for {ago(device['since'])})"
            yield Finding(WARNING, device["name"], cause, device["hint"] or "")
    devices = [device["state"] for device in snapshot["devices"]]
    if devices and all(state == "failing" for state in devices):
        yield Finding(CRITICAL, "station", "no device answers: nothing is measured", "Begin with power and cables")
    for uplink in snapshot["uplinks"]:
        yield from _of_uplink(uplink)
    if not snapshot["clock"]["synchronised"]:
        hint = "Check the time service: timedatectl, chronyc sources"
        yield Finding(WARNING, "clock", "not synchronised; records say so", hint)
    for problem in snapshot.get("problems", ()):
        yield Finding(WARNING, problem["subject"], problem["cause"], problem["hint"])


def _of_daemon(snapshot: dict[str, Any]) -> Iterator[Finding]:
    age_s = time.time() - datetime.fromisoformat(snapshot["written"]).timestamp()
    start, look = "Run: systemctl start station-agent", "Look at: journalctl -u station-agent -n 50"
    if snapshot["ended"]:
        yield Finding(CRITICAL, "agent", f"the daemon was stopped {ago(snapshot['written'])} ago", start)
    elif not Path(f"/proc/{snapshot['pid']}").exists():
        yield Finding(CRITICAL, "agent", f"the daemon died {ago(snapshot['written'])} ago", look)
    elif age_s > HUNG_S:
        cause = f"the daemon (pid {snapshot['pid']}) has not turned for {number(age_s)} s"
        yield Finding(CRITICAL, "agent", cause, "Run: systemctl restart station-agent")


def _of_store(store: dict[str, Any], path: Path) -> Iterator[Finding]:
    if refused := store["refused"]:
        lost = sum(refused["lost"].values())
        kept = f"{store['waiting']['records']} records wait in memory, {lost} are lost"
        yield Finding(CRITICAL, "log", f"{refused['error']}; {kept}", refused["hint"])
    if not path.exists():
        yield Finding(CRITICAL, "log", f"{path} is not there", "Check that the disk is mounted")
    if store.get("volatile"):
        yield Finding(
            CRITICAL, "log", "records are kept in memory only", "Repair the disk; what is in memory moves over"
        )


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
        yield Finding(GOOD, name, "deliveries are unproven", hint)


def _screen(snapshot: dict[str, Any] | None, findings: list[Finding], level: int, station: str) -> Iterator[str]:
    yield f"{LEVELS[level]:9} station {station}"
    for finding in findings:
        yield f"  {LEVELS[finding.level].lower():8} {finding.subject}: {finding.cause}"
        if finding.hint:
            yield f"           -> {finding.hint}"
    if snapshot is None:
        return
    clock = "synchronised" if snapshot["clock"]["synchronised"] else "NOT synchronised"
    yield ""
    yield (
        f"agent {snapshot['version']}, pid {snapshot['pid']}, up {ago(snapshot['started'])}, clock {clock}, "
        f"as of {ago(snapshot['written'])} ago"
    )
    yield ""
    yield from table(("DEVICE", "LINK", "STATE", "LAST", "VALUES"), map(_device_row, snapshot["devices"]), 80)
    yield ""
    yield from table(
        ("UPLINK", "STATE", "MQTT", "WAITING", "RATE", "EMPTY IN"), map(_uplink_row, snapshot["uplinks"]), 80
    )
    yield ""
    yield from _log_lines(snapshot["store"])


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
    rate = uplink.get("rate") or 0
    eta = ago(seconds=uplink["eta_s"]) if uplink.get("eta_s") else "-"
    protocol = str(uplink.get("protocol") or "-")
    return uplink["name"], uplink["state"], protocol, number(backlog), f"{rate:.1f}/s", eta if backlog else "-"


def _log_lines(store: dict[str, Any]) -> Iterator[str]:
    last = ", ".join(f"{stream} {number(seq)}" for stream, seq in store["last"].items())
    yield f"log {store['path']}, epoch {store['epoch']}: {last}"
    if room := store.get("room"):
        yield f"  {room}"
