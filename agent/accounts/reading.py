"""Reads what the records of a stretch say of each tick: ten million in a month, so only what differs is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from agent.accounts.causes import VALID, State
from agent.accounts.delivered import Deliveries
from agent.accounts.sheets import Sheet, sheets
from agent.accounts.steps import ms_of
from agent.accounts.stretches import Stretch
from agent.accounts.timeline import Pattern, Timeline
from agent.store.source import ArchiveError, Source
from drivers.reading import Quality

_LATE_MS = 120_000
"""Ticks that gave nothing are recorded under the time of the first of them, up to a minute later."""

_MOST_HEADS = 50_000


class Learnt(NamedTuple):
    """What records with one beginning mean; without a timeline each of them is decoded."""

    timeline: Timeline | None
    number: int


DECODE = Learnt(None, 0)


class Readings:
    """The timelines of the devices of one stretch, filled from what was recorded."""

    def __init__(self, source: Source, stretch: Stretch) -> None:
        self._source = source
        self._stretch = stretch
        self.timelines = {device: list(_timelines(device, stretch)) for device in stretch.plan}
        self._learnt: dict[str, Learnt] = {}
        self.metas: dict[str, str] = {}
        """The last dictionary that a device used."""
        self.unread: list[str] = []
        """What of the archive could not be read, a sentence each."""

    def read(self, deliveries: Deliveries) -> None:
        """Fill the timelines."""
        for sheet in sheets(self._source, self._stretch.since_ms - _LATE_MS, self._stretch.until_ms + _LATE_MS):
            try:
                for first, last, lacking in deliveries.parts(sheet.epoch, sheet.first, sheet.last):
                    self._learnt.clear()
                    self._read_part(sheet, first, last, lacking)
            except ArchiveError as error:
                self.unread.append(str(error))

    def _read_part(self, sheet: Sheet, first: int, last: int, lacking: int) -> None:
        learnt = self._learnt
        for seq, time_ms, head in sheet.beginnings(first, last):
            known = learnt.get(head) or self._learn(head, lacking)
            if known.timeline is not None:
                known.timeline.put(time_ms, known.number)
            else:
                self._decode(sheet.body(seq), lacking)

    def _learn(self, head: str, lacking: int) -> Learnt:
        """Decode the beginning of a record; what it does not tell by itself is decoded whole, each time."""
        if len(self._learnt) > _MOST_HEADS:
            self._learnt.clear()
        known = DECODE
        try:
            record = orjson.loads(head.removesuffix(",") + "}")
        except ValueError:  # a channel called seq, say: it was cut off too early
            record = {}
        timelines = self.timelines.get(record.get("device", ""), [])
        if "meta" in record and len(timelines) == 1 and not timelines[0].is_sampled:
            self.metas[record["device"]] = record["meta"]
            known = Learnt(timelines[0], timelines[0].number(_pattern(record, timelines[0], lacking)))
        self._learnt[head] = known
        return known

    def _decode(self, body: bytes, lacking: int) -> None:
        record = orjson.loads(body)
        device = record.get("device", "")
        for timeline in self.timelines.get(device, ()):
            number = timeline.number(_pattern(record, timeline, lacking))
            time_ms = ms_of(record["time"])
            if "values" not in record:
                poll_us = round(self._stretch.plan[device].every_s * 1_000_000)
                timeline.put_nothing(time_ms, number, record.get("ticks", 1), poll_us)
            elif record["values"].keys() & set(timeline.channels):
                self.metas[device] = record.get("meta", "")
                timeline.put(time_ms, number)


def _timelines(device: str, stretch: Stretch) -> Iterator[Timeline]:
    """A timeline for all channels that come with every poll, and one for those of each interval of their own."""
    by_interval: dict[float, list[str]] = {}
    for name, every_s in stretch.plan[device].channels.items():
        by_interval.setdefault(every_s, []).append(name)
    for every_s, names in by_interval.items():
        if every_s:
            sampled = every_s != stretch.plan[device].every_s
            yield Timeline(device, names, every_s, stretch.since_ms, stretch.until_ms, is_sampled=sampled)


def _pattern(record: Mapping[str, Any], timeline: Timeline, lacking: int) -> Pattern:
    quality, reasons = record.get("quality", {}), record.get("reasons", {})
    if "*" in quality:
        nothing = State(Quality(quality["*"]), record.get("reason", ""))
        return Pattern((nothing,) * len(timeline.channels), lacking, is_nothing=True)
    states = tuple(
        State(Quality(quality[name]), reasons.get(name, "")) if name in quality else VALID for name in timeline.channels
    )
    return Pattern(states, lacking)
