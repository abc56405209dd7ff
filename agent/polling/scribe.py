"""Turns what a poll gave, or did not give, into records. Every tick ends here.

A tick that gave nothing is a record too. When the same thing goes on, one
record a minute stands for all its ticks: ``time`` is when the first of them was
due, ``ticks`` how many they are. Those of a line that is too busy may have
readings between them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.clock import instant
from agent.store.record import Draft, draft, meta_id, time_text, to_ms
from drivers.profile import Channel, Profile
from drivers.reading import Quality, Reading, Scan, Stream

TOGETHER_S = 60.0
"""A record of ticks that gave nothing stands for at most so long."""


@dataclass(slots=True)
class Gap:
    """Ticks that gave nothing for one reason."""

    quality: Quality
    reason: str
    opened_s: float  # monotonic: when the last record of them was made
    first_s: float = 0.0  # when the first of them was due, seconds since 1970
    ticks: int = 0


class Scribe:
    """Writes the records of one device.

    *dictionary* records the words that explain the records, once, *put* takes the
    records, *synced* says whether the clock can be trusted at this moment.
    """

    def __init__(
        self,
        device: str,
        profile: Profile,
        *,
        profile_hash: str,
        put: Callable[[Iterable[Draft]], None],
        dictionary: Callable[[str, Mapping[str, Any]], None],
        synced: Callable[[], bool],
    ) -> None:
        self._device = device
        self._channels = {channel.name: channel for channel in profile.channels}
        self._words = {stream: dictionary_words(device, stream, profile, profile_hash) for stream in STREAMS}
        self._names = {stream: meta_id(words) for stream, words in self._words.items()}
        self._put = put
        self._dictionary = dictionary
        self._synced = synced
        self._gaps: dict[tuple[Stream, Quality], Gap] = {}

    def scan(
        self, scan: Scan, quality: Mapping[str, Quality], streams: Collection[Stream], names: Collection[str]
    ) -> None:
        """Record *names* out of *scan*, a record for each of *streams* that has any."""
        for stream in streams:
            readings = [r for n, r in scan.readings.items() if n in names and self._channels[n].stream is stream]
            if readings:
                self._close(stream, Quality.COMM_FAULT)
                self._put([self._draft(stream, scan.time, self._fields(stream, scan, readings, quality))])
        self.flush(overdue=True)

    def nothing(self, stream: Stream, due_s: float, quality: Quality, reason: str, ticks: int = 1) -> None:
        """Account for *ticks*, the first of them due at *due_s*, that gave nothing."""
        gap = self._gaps.get((stream, quality))
        if gap and gap.reason != reason:
            self._close(stream, quality)
            gap = None
        if gap is None:
            gap = Gap(quality, reason, time.monotonic() - TOGETHER_S)  # the first at once
            self._gaps[stream, quality] = gap
        if gap.ticks == 0:
            gap.first_s = due_s
        gap.ticks += ticks
        if time.monotonic() - gap.opened_s >= TOGETHER_S:
            self._write(stream, gap)

    def flush(self, *, overdue: bool = False) -> None:
        """Record the ticks that are still gathered; with *overdue* only those that waited long enough."""
        for (stream, quality), gap in list(self._gaps.items()):
            if not overdue:
                self._close(stream, quality)
            elif gap.ticks and time.monotonic() - gap.opened_s >= TOGETHER_S:
                self._write(stream, gap)

    def _close(self, stream: Stream, quality: Quality) -> None:
        if gap := self._gaps.pop((stream, quality), None):
            self._write(stream, gap)

    def _write(self, stream: Stream, gap: Gap) -> None:
        if gap.ticks:
            before = self._gaps.get((stream, Quality.COMM_FAULT))
            if before and before.ticks and before is not gap:  # it began earlier
                self._write(stream, before)
            fields = {"quality": {"*": str(gap.quality)}, "reason": gap.reason, "ticks": gap.ticks}
            self._put([self._draft(stream, instant(gap.first_s), fields)])
        gap.ticks, gap.opened_s = 0, time.monotonic()

    def _fields(
        self, stream: Stream, scan: Scan, readings: Iterable[Reading], quality: Mapping[str, Quality]
    ) -> dict[str, Any]:
        readings = list(readings)
        self._dictionary(self._names[stream], self._words[stream])
        fields: dict[str, Any] = {
            "meta": self._names[stream],
            "values": {reading.channel: reading.value for reading in readings},
        }
        marks = {r.channel: str(quality[r.channel]) for r in readings if quality[r.channel] is not Quality.VALID}
        extras = {
            "quality": marks,
            "raw": {r.channel: r.raw for r in readings if r.raw is not None},
            "reasons": {r.channel: r.reason for r in readings if r.reason is not None},
        }
        fields |= {key: value for key, value in extras.items() if value}
        if scan.sampled and stream is Stream.MEASUREMENT:
            fields["sampled"] = [time_text(to_ms(end)) for end in scan.sampled]
        return fields

    def _draft(self, stream: Stream, at: datetime, fields: dict[str, Any]) -> Draft:
        fields["device"] = self._device
        if not self._synced():
            fields["clock"] = "unsynced"
        return draft(stream, at, fields)


STREAMS = (Stream.MEASUREMENT, Stream.PARAMETER)


def dictionary_words(device: str, stream: Stream, profile: Profile, profile_hash: str) -> dict[str, Any]:
    """What a reader must know to understand the records of one device and stream."""
    channels = {channel.name: dict(_channel_words(channel)) for channel in profile.channels if channel.stream is stream}
    about = {"maker": profile.maker, "model": profile.model, "version": profile.version, "hash": profile_hash}
    return {"device": device, "stream": str(stream), "profile": about, "channels": channels}


def _channel_words(channel: Channel) -> Iterator[tuple[str, Any]]:
    for key in ("title", "unit", "hj", "group"):
        if value := getattr(channel, key):
            yield key, value
    for key in ("range", "normal"):
        if limits := getattr(channel, key):
            yield key, list(limits)
    for key, flags in (("bits", channel.bits), ("states", channel.states)):
        if flags:
            yield key, {number: flag.name for number, flag in flags.items()}
