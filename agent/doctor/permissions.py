"""Who may do what: the user at the keyboard, and the one that the daemon runs as."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from agent.doctor.case import Case
from agent.doctor.person import READ, SEARCH, WRITE, Person, myself
from agent.doctor.result import Result, bad, doubtful, good, unchecked
from agent.paths import CREDENTIALS

SECRETS = ("key_file", "password_file")


def examine(case: Case) -> Iterator[Result]:
    """Look at groups, then at folders and files."""
    me = myself()
    if me.uid:
        yield from _groups(case, me)
    if case.daemon is None:
        yield unchecked("daemon", "nobody knows which user it runs as")
    elif not case.daemon.exists:
        means = "systemd cannot start the service"
        hint = "Install again: sudo systemd/install.sh"
        yield bad(f"user {case.daemon.name}", "there is no such user", means, hint)
    else:
        yield from _folders(case, case.daemon)
    yield from _secrets(case)


def _groups(case: Case, me: Person) -> Iterator[Result]:
    """Who looks, who acts, who opens ports when the daemon does not run."""
    station = case.settings.station if case.settings else None
    reads, acts = (station.read_group, station.act_group) if station else ("station-agent", "station-agent-op")
    for group, what in (
        (reads, "status, records and read through the daemon are refused"),
        (acts, "reload, maintenance and other orders to the daemon are refused"),
        ("dialout", "serial ports cannot be opened when the daemon does not run"),
    ):
        if me.is_in(group):
            yield good(f"user {me.name}", f"is in the group {group}")
        else:
            hint = f"Run: sudo usermod -aG {group} {me.name}, then log in again"
            yield doubtful(f"user {me.name}", f"is not in the group {group}", what, hint)


def _folders(case: Case, daemon: Person) -> Iterator[Result]:
    name = daemon.name
    config, folder = case.paths.config, case.paths.store.parent
    yield from _right(
        daemon,
        READ,
        config,
        f"the daemon, user {name}, may not read it",
        "it cannot start, nor reload",
        f"Run: sudo chgrp station-agent {config}; sudo chmod 640 {config}",
    )
    yield from _right(
        daemon,
        WRITE | SEARCH,
        folder,
        f"the daemon, user {name}, may not write there",
        "no reading is kept",
        f"Run: sudo chown {name}: {folder}",
    )


def _right(who: Person, right: int, path: Path, found: str, means: str, hint: str) -> Iterator[Result]:
    """Whether *who* has *right* on *path*; what is missing is told by who needs it."""
    try:
        allowed = who.may(right, path)
    except FileNotFoundError:
        return
    except OSError:
        yield unchecked(str(path), "this user may not look there", "Call the doctor with sudo")
        return
    if allowed:
        yield good(str(path), f"user {who.name} has the rights that it needs")
    else:
        yield bad(str(path), found, means, hint)


def _secrets(case: Case) -> Iterator[Result]:
    """Files that hold a secret: the daemon must read them, the world must not."""
    for uplink in case.settings.uplinks if case.settings else ():
        for key in SECRETS:
            file: Path | None = getattr(uplink, key)
            if file is None:
                continue
            if file.parent == CREDENTIALS:
                yield good(f"uplink {uplink.name}", f"{key} is a credential, handed over by systemd")
                continue
            if case.daemon:
                found = f"the daemon, user {case.daemon.name}, may not read this {key}"
                hint = f"Run: sudo chgrp station-agent {file}; sudo chmod 640 {file}"
                yield from _right(case.daemon, READ, file, found, f"uplink {uplink.name} cannot connect", hint)
            yield from _open_secret(file, key)


def _open_secret(file: Path, key: str) -> Iterator[Result]:
    try:
        world = file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)
    except OSError:
        return
    if world:
        means = "whoever logs in here can deliver data in the name of this station"
        yield doubtful(str(file), f"everybody on this PC may read this {key}", means, f"Run: sudo chmod o= {file}")
