"""A device with every channel: how it does, what became of the requests, the trend of one channel, all values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from agent.amounts import ago, number
from agent.columns import cut, fold
from agent.diagnosis import Facts, Finding
from agent.language import joined, say, say_title
from agent.screen.overview import concerns, tabulated, told
from agent.screen.page import Line, Page, Tone
from agent.screen.values import TIME, is_old, local, shown

HEAD = ("CHANNEL", "VALUE", "UNIT", "QUALITY", "MEANING")
COUNTED = {
    "asked": "requests",
    "good": "answered",
    "refused": "refused",
    "timeouts": "not answered",
    "checksum": "damaged",
    "bad": "not understood",
    "late": "too late",
    "strange": "not asked for",
}
"""What became of requests: as the snapshot names it, and in words."""


def device_page(
    snapshot: Facts,
    number: int,
    findings: Sequence[Finding],
    picked: int,
    curve: Sequence[Line],
    zone: tzinfo,
    columns: int,
) -> Page:
    """Device *number* of *snapshot*, from 0; *curve* is the trend of the channel that is *picked*."""
    device, place = snapshot["devices"][number], f"{number + 1}/{len(snapshot['devices'])}"
    holding = [one for one in snapshot.get("standing", ()) if one["device"] == device["name"]]
    channels, old = device["channels"], is_old(device)
    tones: list[Tone] = [_tone(channel, old=old) for channel in channels]
    if picked < len(tones):
        tones[picked] = "picked"
    rows = [_channel(channel, holding, zone, old=old) for channel in channels]
    head, *body = tabulated(HEAD, rows, tones, columns) or [Line(say("no channel has given a value yet"))]
    about = [*_about(device, place, columns), *_findings(device, findings, columns)]
    return Page([*about, *curve, head], body, picked)


def _about(device: Facts, place: str, columns: int) -> Iterator[Line]:
    state, age = say(device["state"]), ago(device["since"])
    yield Line(cut(f"{device['name']}  {place}  {state} {say(f'for {age}')}  {device['profile']}", columns), "head")
    polls = say(f"polled {number(device['polled'])}, failed {number(device['failed'])}")
    words = (f"{say('link')} {device['link']}", say(f"every {device['every_s']:g} s"), polls)
    counted = joined(_counted(device["counters"] or {}))
    yield from map(Line, fold(joined((*words, counted), "; "), columns))


def _counted(counters: Facts) -> Iterator[str]:
    """What became of the requests; what never happened is left out."""
    for name, word in COUNTED.items():
        if counters.get(name):
            yield f"{say(word)} {number(counters[name])}"
    if counters.get("median_s") is not None:
        median, worst = counters["median_s"] * 1000, (counters["worst_s"] or 0) * 1000
        yield say(f"answers in {median:.3g} ms, at worst {worst:.3g} ms")
    if counters:
        yield say(f"{counters['share'] * 100:.1f} % of the wire")


def _findings(device: Facts, findings: Sequence[Finding], columns: int) -> Iterator[Line]:
    for finding in findings:
        if concerns(finding, device["name"], device["link"]):
            yield from told(finding, columns)


def _tone(channel: Facts, *, old: bool) -> Tone:
    return "warning" if old or channel["quality"] != "valid" else "plain"


def _channel(channel: Facts, holding: Sequence[Facts], zone: tzinfo, *, old: bool) -> tuple[str, ...]:
    value = channel["value"]
    told = local(value, zone) if isinstance(value, str) and TIME.fullmatch(value) else shown(value)
    quality = say(channel["quality"])
    if old:
        quality = say("old") if channel["quality"] == "valid" else joined((say("old"), quality))
    states = joined(_worded(one["what"]) for one in holding if one["channel"] == channel["name"])
    meaning = joined((say_title(channel["title"]), states), ": ")
    return channel["name"], told, channel["unit"], quality, meaning


def _worded(state: str) -> str:
    """A state that a profile names: in words of ours where there are any."""
    told = say(state)
    return told if told != state else state.replace("_", " ")
