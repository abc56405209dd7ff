"""A device with every channel: how it does, what became of the requests, the trend of one channel, all values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent.amounts import ago, number
from agent.columns import cut, fold
from agent.diagnosis import Facts, Finding
from agent.language import say
from agent.screen.overview import tabulated, told
from agent.screen.page import Line, Page, Tone
from agent.screen.values import shown

HEAD = ("CHANNEL", "VALUE", "UNIT", "QUALITY", "MEANING")
COUNTED = {
    "asked": "asked",
    "good": "answered",
    "refused": "refused",
    "timeouts": "not answered",
    "checksum": "damaged",
    "bad": "not understood",
    "late": "too late",
    "strange": "not asked for",
}
"""What became of requests: as the snapshot names it, and in words."""


def device_page(device: Facts, findings: Sequence[Finding], picked: int, curve: Sequence[Line], columns: int) -> Page:
    """One device; *curve* is the trend of the channel that is *picked*."""
    channels = device["channels"]
    tones: list[Tone] = ["plain" if channel["quality"] == "valid" else "warning" for channel in channels]
    if picked < len(tones):
        tones[picked] = "picked"
    rows = [_channel(channel) for channel in channels]
    head, *body = tabulated(HEAD, rows, tones, columns) or [Line(say("no channel has given a value yet"))]
    about = [*_about(device, columns), *_findings(device, findings, columns)]
    return Page([*about, *curve, head], body, picked)


def _about(device: Facts, columns: int) -> Iterator[Line]:
    state, age = say(device["state"]), ago(device["since"])
    yield Line(cut(f"{device['name']}  {state} {say(f'for {age}')}  {device['profile']}", columns), "head")
    polls = say(f"polled {number(device['polled'])}, failed {number(device['failed'])}")
    words = (f"{say('link')} {device['link']}", say(f"every {device['every_s']:g} s"), polls)
    yield from map(Line, fold("; ".join((*words, ", ".join(_counted(device["counters"] or {})))), columns))


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
        if finding.subject in (device["name"], device["link"]):
            yield from told(finding, columns)


def _channel(channel: Facts) -> tuple[str, ...]:
    value = shown(channel["value"])
    return channel["name"], value, channel["unit"], say(channel["quality"]), say(channel["title"])
