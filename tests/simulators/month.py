"""A month of a station as its log tells it: written by the real scribe and store, with faults whose truth is known."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.accounts.causes import Cause
from agent.accounts.expectation import promised
from agent.clock import instant
from agent.operations.maintenance import ALL, Ended, Maintenance
from agent.polling.scribe import Scribe
from agent.settings import Settings
from agent.store.record import Draft, draft, event, time_text
from agent.store.store import Store
from drivers.reading import Quality, Reading, Scan, Stream
from tests.simulators.logbook import open_store

ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 11, 1, tzinfo=ZONE)
END = datetime(2026, 12, 1, tzinfo=ZONE)
LATENCY_S = 0.137

HEAD = '[station]\nid = "330100-A01"\ntimezone = "Asia/Shanghai"\n[store]\npath = "store.db"\n'
UPLINKS = "".join(f'[[uplink]]\nname = "{name}"\nurl = "mqtt://{name}.example.org"\n' for name in ("city", "province"))


def device(name: str, every: str, *channels: str, more: str = "") -> str:
    """A device of the station file that measures *channels*."""
    text = f'[[device]]\nname = "{name}"\nurl = "tcp://{name}.example.org:502"\naddress = 1\nevery = "{every}"\n{more}'
    return text + "".join(
        f'[[device.channel]]\nname = "{channel}"\nunit = "[ppb]"\nregister = {at}\n'
        for at, channel in enumerate(channels)
    )


MANIFOLD = (
    '[[device]]\nname = "manifold"\nurl = "tcp://manifold.example.org:502"\naddress = 1\nevery = "60s"\n'
    'affects = ["so2"]\n[[device.channel]]\nname = "temperature"\nstream = "parameter"\ngroup = "sampling"\n'
    "register = 0\n"
)


def at(day: int, clock: str) -> float:
    """A moment of November 2026 in Shanghai, in seconds since 1970."""
    hour, minute = map(int, clock.split(":"))
    return (BEGIN + timedelta(days=day - 1, hours=hour, minutes=minute)).timestamp()


@dataclass(frozen=True)
class Fault:
    """From ``since_s`` to before ``until_s`` ticks of ``device`` (all for "") come to this, one in ``each``."""

    since_s: float
    until_s: float
    cause: Cause
    device: str = ""
    quality: Quality | None = None  # None: nobody polled
    reason: str = ""
    each: int = 1

    @property
    def is_nothing(self) -> bool:
        """Whether a poll in it gives nothing."""
        return bool(self.reason)


def lasting(day: int, clock: str, minutes: float, cause: Cause, device: str = "", **words: Any) -> Fault:
    """A fault of so many minutes."""
    return Fault(at(day, clock), at(day, clock) + 60 * minutes, cause, device, **words)


@dataclass
class Instrument:
    """A device of the station: what it is asked, and what becomes of that."""

    name: str
    every_s: float
    scribe: Scribe
    channels: tuple[str, ...]
    due_s: float


@dataclass
class Month:
    """Writes the log; ``truth`` is what each channel lost to each cause, ``expected`` how many ticks it had."""

    path: Path
    faults: Sequence[Fault]
    monkeypatch: pytest.MonkeyPatch
    truth: dict[str, Counter[Cause]] = field(default_factory=dict)
    expected: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.store: Store = open_store(self.path / "store.db")
        self._queue: list[Draft] = []
        self._work = Maintenance()
        self._now_s = 0.0
        self._last_s: dict[str, float] = {}
        self._instruments: dict[str, Instrument] = {}
        self.monkeypatch.setattr("agent.polling.scribe.time", SimpleNamespace(monotonic=lambda: self._now_s))

    def configure(self, at_s: float, *devices: str) -> None:
        """Apply a station file; devices that are new begin at their next tick."""
        text = HEAD + "".join(devices) + UPLINKS
        settings = Settings.from_text(text, self.path / "station.toml")
        (self.path / "station.toml").write_text(text)
        self.event("configuration_applied", at_s, {"devices": promised(settings)}, stream=Stream.AUDIT)
        for one in settings.devices:
            if one.name not in self._instruments and one.name != "manifold":
                channels = tuple(channel.name for channel in settings.profiles[one.name].channels)
                due_s = -(-at_s // one.every) * one.every
                scribe = self._scribe(one.name, settings)
                self._instruments[one.name] = Instrument(one.name, one.every, scribe, channels, due_s)
        self._settings = settings

    def event(
        self,
        name: str,
        at_s: float,
        data: Mapping[str, Any],
        *,
        device: str | None = None,
        stream: Stream = Stream.EVENT,
    ) -> None:
        """Something happened."""
        self._queue.append(event(name, instant(at_s), device=device, data=data, stream=stream))

    def killed(self) -> None:
        """The process ends without a word: what waits in it is lost."""
        for one in self._instruments.values():
            one.scribe = self._scribe(one.name, self._settings)

    def starts(self, at_s: float, up_s: float | None) -> None:
        """An agent starts on a computer that is up for *up_s*, and tells when each device was polled last."""
        last = {name: _text(last_s) for name, last_s in self._last_s.items()}
        self.event("agent_started", at_s, {"version": "1", "last": last} | ({"up_s": up_s} if up_s else {}))
        self.configure(at_s, *self._words)

    def works(self, at_s: float, subject: str, for_s: float) -> None:
        """Somebody begins to work on a device or on all, or goes on."""
        extends = any(work.subject == subject for work in self._work)
        by = {"uid": 1000, "user": "wang"}
        data = self._work.start(subject, reason="visit", order=None, for_s=for_s, by=by, now_s=at_s)
        self._tell_work("maintenance_extended" if extends else "maintenance_started", subject, at_s, data)

    def worked(self, at_s: float, subject: str | None = None) -> None:
        """The work on *subject* is stopped; for None what has lasted long enough ends by itself."""
        by = {"uid": 1000, "user": "wang"}
        ended: list[Ended] = self._work.stop(subject, by, at_s) if subject else self._work.expire(at_s)
        for one in ended:
            self._tell_work("maintenance_ended", one.subject, at_s, one.data)

    def _tell_work(self, name: str, subject: str, at_s: float, data: Mapping[str, Any]) -> None:
        self.event(name, at_s, data, device=None if subject == ALL else subject, stream=Stream.AUDIT)

    def put(self, record: Draft) -> None:
        """Record something of one's own."""
        self._queue.append(record)

    def stepped(self, expected_s: float, found_s: float) -> None:
        """The clock is set from one moment to another."""
        data = {"expected": _text(expected_s), "found": _text(found_s), "by_s": found_s - expected_s}
        self._work.stepped(found_s - expected_s)
        self.event("clock_stepped", found_s, data)

    def rewind(self, to_s: float) -> None:
        """The clock is set back, and the ticks begin again there."""
        self.stepped(max(one.due_s for one in self._instruments.values()), to_s)
        for one in self._instruments.values():
            one.due_s = to_s

    def run(self, until_s: float, *words: str) -> None:
        """Poll until then, with the devices of *words*."""
        self._words = words
        ticks = [(one.due_s, one.name) for one in self._instruments.values()]
        heapq.heapify(ticks)
        while ticks[0][0] < until_s:
            due_s, name = ticks[0]
            one = self._instruments[name]
            self._tick(one, due_s)
            one.due_s = due_s + one.every_s
            heapq.heapreplace(ticks, (one.due_s, name))
            if len(self._queue) > 2000:
                self.flush()
        self.flush()

    def flush(self) -> None:
        """Commit what was recorded."""
        self.store.append(self._queue)
        self._queue.clear()

    def _tick(self, one: Instrument, due_s: float) -> None:
        fault = next((fault for fault in self.faults if _meets(fault, one, due_s)), None)
        if BEGIN.timestamp() <= due_s < END.timestamp():
            for channel in one.channels:
                self.expected[f"{one.name}.{channel}"] += 1
                if fault:
                    self.truth.setdefault(f"{one.name}.{channel}", Counter())[fault.cause] += 1
        self._now_s = due_s + LATENCY_S
        if fault and fault.quality is None:
            return
        self._last_s[one.name] = self._now_s
        if fault and fault.is_nothing:
            assert fault.quality is not None
            one.scribe.nothing(Stream.MEASUREMENT, due_s, fault.quality, fault.reason)
            return
        quality = (fault.quality if fault else None) or Quality.VALID
        readings = {name: Reading(name, 12.5) for name in one.channels}
        marks = dict.fromkeys(one.channels, quality)
        one.scribe.scan(Scan(instant(self._now_s), readings), marks, (Stream.MEASUREMENT,), one.channels)

    def _scribe(self, name: str, settings: Settings) -> Scribe:
        told: set[str] = set()

        def dictionary(meta: str, words: Mapping[str, Any]) -> None:
            if meta not in told:
                told.add(meta)
                fields = {"event": "dictionary", "meta": meta, "data": dict(words)}
                self._queue.append(draft(Stream.EVENT, instant(self._now_s), fields))

        return Scribe(
            name,
            settings.profiles[name],
            profile_hash="0",
            put=self._queue.extend,
            dictionary=dictionary,
            synced=lambda: True,
        )


def _text(at_s: float) -> str:
    return time_text(round(at_s * 1000))


def _meets(fault: Fault, one: Instrument, due_s: float) -> bool:
    if fault.device not in ("", one.name) or not fault.since_s <= due_s < fault.until_s:
        return False
    return round(due_s / one.every_s) % fault.each == 0
