"""The first page: what is not good and what to do, then uplinks, devices and log in a line each."""

from __future__ import annotations

from collections.abc import Iterator

from agent.amounts import ago, number, size
from agent.columns import fold, table
from agent.diagnosis import Facts, Finding
from agent.language import say
from agent.screen.page import TONES, Line, Page, Tone
from agent.screen.sight import Sight
from agent.screen.values import reading

DEVICE_HEAD = ("DEVICE", "STATE", "LAST", "VALUES")
UPLINK_HEAD = ("UPLINK", "STATE", "WAITING", "OLDEST", "RATE", "EMPTY IN")


def overview(sight: Sight, columns: int) -> Page:
    """Everything in as few lines as can be; the worst first."""
    lines = [line for finding in sight.findings for line in told(finding, columns)]
    if sight.snapshot:
        for part in (_uplinks, _devices, _log):
            lines += [Line(""), *part(sight.snapshot, columns)] if lines else list(part(sight.snapshot, columns))
    return Page(body=lines)


def told(finding: Finding, columns: int) -> Iterator[Line]:
    """What is not good, in its tone, and the next step."""
    tone: Tone = TONES[finding.level] if finding.level else "plain"
    label = f"{say(finding.part)} {finding.subject}".rstrip()
    for text in fold(f"{say(finding.word)}  {label}: {say(finding.cause)}", columns, "  "):
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
    return "warning" if device["state"] in ("failing", "partial") else "plain"


def _device(device: Facts) -> tuple[str, ...]:
    measured = [channel for channel in device["channels"] if channel["stream"] == "measurement"]
    values = ", ".join(f"{channel['name']} {reading(channel)}" for channel in measured or device["channels"])
    last = say(ago(device["last_time"])) if device["last_time"] else say("never")
    return device["name"], say(device["state"]), last, values


def _log(snapshot: Facts, columns: int) -> Iterator[Line]:
    store, room = snapshot["store"], snapshot.get("room")
    words = ", ".join(f"{say(stream)} {number(last)}" for stream, last in store["last"].items())
    if room:
        words += "; " + say(f"reaches back {ago(room['since'])}")
        words += "; " + say(
            f"{size(room['used'])} of {size(room['quota'])} used, room for {ago(seconds=room['lasts_s'])}"
        )
    yield from map(Line, fold(f"{say('log')}  {words}", columns, "     "))
