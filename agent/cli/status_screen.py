"""The screen of ``status``: findings first, then the station in a few lines and two tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

from agent.amounts import ago, number, size
from agent.cli.words import painted
from agent.columns import cut, fold, padded, table
from agent.diagnosis.disks import days_to_full_s
from agent.diagnosis.finding import GOOD, LEVELS, Facts, Finding
from agent.language import joined, say
from agent.screen.values import at_a_glance

LEVEL_ROOM = 9
"""Columns of the word that says how bad something is, with the blank behind it."""

KEY_ROOM = 8

DEVICE_HEAD = ("DEVICE", "LINK", "STATE", "LAST", "VALUES")
UPLINK_HEAD = ("UPLINK", "STATE", "MQTT", "WAITING", "OLDEST", "RATE", "EMPTY IN")


def screen(snapshot: Facts | None, findings: list[Finding], level: int, station: str, columns: int) -> Iterator[str]:
    """Yield the lines, *columns* wide at most; *snapshot* is None where there is none to be shown."""
    yield _headline(snapshot, findings, level, station, columns)
    for finding in findings:
        yield from _told(finding, columns)
    if snapshot is None:
        return
    yield ""
    for key, text in _facts(snapshot):
        indent = " " * (KEY_ROOM + 1)
        yield from fold(f"{padded(say(key), KEY_ROOM)} {text}", columns, indent)
    devices, uplinks = map(_device_row, snapshot["devices"]), map(_uplink_row, snapshot["uplinks"])
    for head, rows in ((DEVICE_HEAD, list(devices)), (UPLINK_HEAD, list(uplinks))):
        if rows:
            yield ""
            yield from table([say(word) for word in head], rows, columns)


def _headline(snapshot: Facts | None, findings: list[Finding], level: int, station: str, columns: int) -> str:
    """How the station does and what is to blame: all that a monitoring system shows of it."""
    word = say(LEVELS[level].upper())
    about = (snapshot or {}).get("station") or {}
    name = " ".join(part for part in (about.get("id") or station, about.get("name")) if part)
    line = f"{padded(word, LEVEL_ROOM)} {say('station')} {name}".rstrip()
    line = joined((line, _blamed(findings)), ": ")
    return cut(line, columns).replace(word, painted(word, LEVELS[level]), 1)


def _blamed(findings: list[Finding]) -> str:
    """The parts that are not well, each with the names that it has here."""
    names: dict[str, list[str]] = {}
    for finding in findings:
        if finding.level != GOOD and finding.subject not in (known := names.setdefault(finding.part, [])):
            known.append(finding.subject)
    return joined(f"{say(part)} {' '.join(known)}".rstrip() for part, known in names.items())


def _told(finding: Finding, columns: int) -> Iterator[str]:
    """What is not good in one line, and the next step in another; longer ones go on below."""
    word, indent = say(finding.word), " " * (LEVEL_ROOM + 2)
    text = f"  {padded(word, LEVEL_ROOM - 1)} {joined((_label(finding), finding.told(say)), ': ')}"
    first, *rest = fold(text, columns, indent)
    yield first.replace(word, painted(word, LEVELS[finding.level]), 1)
    yield from rest
    if finding.hint:
        yield from fold(f"{indent}-> {say(finding.hint)}", columns, f"{indent}   ")


def _label(finding: Finding) -> str:
    """Which part of the station to look at, and its name."""
    return f"{say(finding.part)} {finding.subject}".rstrip()


def _facts(snapshot: Facts) -> Iterator[tuple[str, str]]:
    """Agent, clock, disk, log, links and certificates: a line each."""
    started, written = ago(snapshot["started"]), ago(snapshot["written"])
    about = say(f"{snapshot['version']}, pid {snapshot['pid']}, up {started}, as of {written} ago")
    yield "agent", joined((about, say("under systemd") if snapshot.get("service") else ""))
    yield "clock", say("synchronised" if snapshot["clock"]["synchronised"] else "NOT synchronised")
    disk, room = snapshot.get("disk"), snapshot.get("room")
    if disk:
        yield "disk", _disk(disk, room)
    yield "log", _log(snapshot["store"], room)
    yield "links", _links(snapshot) or "-"
    if lifetimes := [text for uplink in snapshot["uplinks"] if (text := _lifetimes(uplink))]:
        yield "TLS", joined(lifetimes, "; ")


def _disk(disk: Facts, room: Facts | None) -> str:
    free = say(f"{size(disk['free'])} of {size(disk['total'])} free")
    left_s = days_to_full_s(disk, room, time.time()) if room else None
    if left_s is not None:
        return joined((free, say(f"full in {ago(seconds=left_s)}")))
    return joined((free, say("more than store.quota needs") if room else ""))


def _log(store: Facts, room: Facts | None) -> str:
    last = joined(f"{say(stream)} {number(seq)}" for stream, seq in store["last"].items())
    text = joined((last, joined((f"{say('epoch')} {store['epoch']}", store["path"]))), "; ")
    if not room:
        return text
    used = say(f"{size(room['used'])} of {size(room['quota'])} used, room for {ago(seconds=room['lasts_s'])}")
    reach = say(f"reaches back {ago(room['since'])}")
    return joined((reach, used, text), "; ")


def _links(snapshot: Facts) -> str:
    """Each wire that is shared or down, then the names of those that serve one device."""
    served = [device["link"] for device in snapshot["devices"]]
    plain = [link for link in snapshot["links"] if link["up"] and served.count(link["name"]) == 1]
    told = [_link(link) for link in snapshot["links"] if link not in plain]
    return joined([*told, f"{joined(link['name'] for link in plain)} {say('up')}" if plain else ""], "; ")


def _link(link: Facts) -> str:
    state = say("up") if link["up"] else say("DOWN")
    busy = say(f"{link['share'] * 100:.0f} % busy") if link["up"] and "share" in link else ""
    return " ".join(part for part in (link["name"], link["endpoint"], state, busy) if part)


def _lifetimes(uplink: Facts) -> str:
    """How long each certificate of *uplink* is good for."""
    ends = {whose: end for whose, end in uplink.get("certificates", {}).items() if end}
    left = [f"{say(whose)} {_left(end)}" for whose, end in ends.items()]
    return joined((uplink["name"], joined(left)), ": ") if left else ""


def _left(end: str) -> str:
    left_s = datetime.fromisoformat(end).timestamp() - time.time()
    return say(ago(seconds=left_s)) if left_s > 0 else say("expired")


def _device_row(device: Facts) -> tuple[str, ...]:
    last = ago(device["last_time"]) if device["last_time"] else "never"
    return device["name"], device["link"], say(device["state"]), say(last), at_a_glance(device)


def _uplink_row(uplink: Facts) -> tuple[str, ...]:
    backlog = sum(uplink["backlog"].values())
    broker, eta_s = uplink["broker"] or {}, uplink["eta_s"]
    return (
        uplink["name"],
        say(uplink["state"]),
        str(broker.get("protocol", "-")),
        number(backlog),
        say(ago(uplink["oldest_unsent"])),
        f"{uplink['rate'] or 0:.1f}/s",
        say(ago(seconds=eta_s)) if backlog and eta_s is not None else "-",
    )
