"""Serial ports: are they there, whose are they, who holds them, and will they have the same name after a reboot."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from agent.doctor.case import Case
from agent.doctor.person import READ, WRITE, group_name, myself
from agent.doctor.result import Result, bad, doubtful, good, unchecked
from agent.doctor.usb import Adapter, adapter_of
from agent.settings import LinkSettings
from drivers.holder import holder_of

NUMBERED = re.compile(r"/dev/tty(USB|ACM)\d+")
RULES = "/etc/udev/rules.d/99-station-agent.rules"
MODEM_MANAGER = "ModemManager"
PLUGGED = ("ttyUSB*", "ttyACM*")
DEAF = "nothing on this line can be read"


def examine(case: Case) -> Iterator[Result]:
    """Look at each serial link."""
    for wire in case.settings.wires if case.settings else ():
        if wire.endpoint.kind == "serial":
            yield from _port(case, wire)


def _port(case: Case, wire: LinkSettings) -> Iterator[Result]:
    port = Path(wire.endpoint.path)
    name = f"port {wire.name}"
    try:
        found = port.stat()
    except OSError as error:
        yield _missing(name, port, error)
    else:
        if not stat.S_ISCHR(found.st_mode):
            yield bad(name, f"{port} is no serial port", DEAF, "Correct url of this link")
            return
        yield _rights(case, name, port, found)
        yield _holder(case, wire, name, port)
    if NUMBERED.fullmatch(str(port)):
        yield _unstable(wire, name, port)


def _missing(name: str, port: Path, error: OSError) -> Result:
    if isinstance(error, PermissionError):
        return unchecked(name, f"this user may not look at {port}", "Call the doctor with sudo")
    if port.is_symlink():
        hint = "Check cable and adapter; then: sudo udevadm trigger --subsystem-match=tty --action=add"
        return bad(name, f"{port} leads to {port.readlink()}, which is not there", DEAF, hint)
    there = sorted(str(path) for pattern in PLUGGED for path in Path("/dev").glob(pattern))
    hint = "Check cable and adapter; no USB adapter is plugged in"
    if there:
        hint = f"Check cable and adapter; plugged in are {', '.join(there)}"
    return bad(name, f"there is no {port}", DEAF, hint)


def _rights(case: Case, name: str, port: Path, found: os.stat_result) -> Result:
    who = case.daemon or myself()
    try:
        allowed = who.may(READ | WRITE, port)
    except OSError:
        return unchecked(name, f"this user may not look at {port}", "Call the doctor with sudo")
    if allowed:
        return good(name, f"user {who.name} may use {port}")
    group = group_name(found.st_gid)
    hint = f"Run: sudo usermod -aG {group} {who.name}, then log in again, or restart the daemon"
    return bad(name, f"user {who.name} may not use {port}, which is for the group {group}", DEAF, hint)


def _holder(case: Case, wire: LinkSettings, name: str, port: Path) -> Result:
    """Who has it open; our daemon is no rival."""
    holder = holder_of(str(port))
    if holder and not holder.endswith(f"(pid {case.snapshot.get('pid')})"):
        hint = "Stop that program, or give it another port"
        if holder.startswith(MODEM_MANAGER):
            hint = "Run: sudo systemctl disable --now ModemManager"
        return bad(name, f"{port} is held by {holder}", "two programs on one line take each other's answers", hint)
    if case.of("link", wire.name).get("up"):
        return good(name, f"{port} is open, by the daemon")
    return good(name, f"nobody else holds {port}")


def _unstable(wire: LinkSettings, name: str, port: Path) -> Result:
    """A name that says only when the adapter was plugged in."""
    adapter = adapter_of(port)
    means = "after a reboot or a new plug it may be another adapter"
    hint = f"Give it a name that stays, as the examples in {RULES} do"
    if adapter:
        hint = f'Put into {RULES}: {rule(adapter, wire.name)} and write url = "serial:///dev/analyzer/{wire.name}"'
    return doubtful(name, f"{port} is numbered in the order of plugging in", means, hint)


def rule(adapter: Adapter, link: str) -> str:
    """The udev rule that names the port after *link*, as in the rules file that is shipped."""
    return f'SUBSYSTEM=="tty", {adapter.match}, SYMLINK+="analyzer/{link}", GROUP="dialout", MODE="0660"'
