"""The first page: what is not good and what to do, then uplinks, devices and log in a line each."""

from __future__ import annotations

from collections.abc import Iterator

from agent.amounts import ago, number, size
from agent.columns import fold, table
from agent.diagnosis import Facts, Finding
from agent.language import joined, say
from agent.screen.page import TONES, Line, Page, Tone
from agent.screen.sight import Sight
from agent.screen.values import at_a_glance, is_old

DEVICE_HEAD = ("DEVICE", "STATE", "LAST", "VALUES")
TROUBLED = ("failing", "partial")
"""States of a device that gives nothing, or not all."""

UPLINK_HEAD = ("UPLINK", "STATE", "WAITING", "OLDEST", "RATE", "EMPTY IN")

EXPECTED = (
    "valid",
    "maintenance",
    "zero_calibration",
    "span_calibration",
    "zero_check",
    "span_check",
    "accuracy_check",
    "recovering",
)
"""Qualities that need nobody: the reading is good, or somebody is at work and knows."""


def overview(sight: Sight, note: str, columns: int) -> Page:
    """Everything in as few lines as can be; *note* and the worst first."""
    lines = list(map(Line, fold(note, columns))) if note else []
    lines += [line for finding in sight.findings for line in told(finding, columns)]
    if sight.snapshot:
        for part in (_uplinks, _devices, _log):
            lines += [Line(""), *part(sight.snapshot, columns)] if lines else list(part(sight.snapshot, columns))
    return Page(body=lines)


def concerns(finding: Finding, *names: str) -> bool:
    """Whether *finding*, which may speak of several, speaks of one of *names*."""
    return not {*finding.subject.split(", ")}.isdisjoint(names)


def told(finding: Finding, columns: int) -> Iterator[Line]:
    """What is not good, in its tone, and the next step."""
    tone: Tone = TONES[finding.level] if finding.level else "plain"
    label = f"{say(finding.part)} {finding.subject}".rstrip()
    for text in fold(f"{say(finding.word)}  {joined((label, finding.told(say)), ': ')}", columns, "  "):
        yield Line(text, tone)
    if finding.hint:
        for text in fold(f"  -> {say(finding.hint)}", columns, "     "):
            yield Line(text)


def tabulated(head: tuple[str, ...], rows: list[tuple[str, ...]], tones: list[Tone], columns: int) -> list[Line]:
    """A table whose rows have tones; empty without rows."""
    if not rows:
        return []
    texts = table([say(word) for word in head], rows, columns)
    return [Line(text, tone) for text, tone in zip(texts, ["head", *tones], strict=True)]


def _uplinks(snapshot: Facts, columns: int) -> list[Line]:
    uplinks = snapshot["uplinks"]
    tones: list[Tone] = ["plain" if uplink["state"] == "connected" else "warning" for uplink in uplinks]
    return tabulated(UPLINK_HEAD, [_uplink(uplink) for uplink in uplinks], tones, columns)


def _uplink(uplink: Facts) -> tuple[str, ...]:
    waiting = sum(uplink["backlog"].values())
    return (
        uplink["name"],
        say(uplink["state"]),
        number(waiting),
        say(ago(uplink["oldest_unsent"])),
        f"{uplink['rate'] or 0:.1f}/s",
        time_to_empty(uplink),
    )


def time_to_empty(uplink: Facts) -> str:
    """How long until nothing waits any more, as the last minute went; a dash where it does not become less."""
    waits = any(uplink["backlog"].values())
    return say(ago(seconds=uplink["eta_s"])) if waits and uplink["eta_s"] is not None else "-"


def _devices(snapshot: Facts, columns: int) -> list[Line]:
    devices = snapshot["devices"]
    return tabulated(DEVICE_HEAD, [_device(device) for device in devices], [_tone(one) for one in devices], columns)


def _tone(device: Facts) -> Tone:
    return "warning" if device["state"] in TROUBLED or is_old(device) else "plain"


def is_troubled(device: Facts) -> bool:
    """Whether somebody should look at *device*: it gives nothing, not all, or something that nobody has planned."""
    return _tone(device) != "plain" or any(channel["quality"] not in EXPECTED for channel in device["channels"])


def _device(device: Facts) -> tuple[str, ...]:
    last = say(ago(device["last_time"])) if device["last_time"] else say("never")
    return device["name"], say(device["state"]), last, at_a_glance(device)


def _log(snapshot: Facts, columns: int) -> Iterator[Line]:
    store, room = snapshot["store"], snapshot.get("room")
    words = [joined(f"{say(stream)} {number(last)}" for stream, last in store["last"].items())]
    if room:
        used = f"{size(room['used'])} of {size(room['quota'])} used, room for {ago(seconds=room['lasts_s'])}"
        words += [say(f"reaches back {ago(room['since'])}"), say(used)]
    yield from map(Line, fold(f"{say('log')}  {joined(words, '; ')}", columns, "     "))
