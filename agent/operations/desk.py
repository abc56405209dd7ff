"""Where people and the station meet: what they are told of it, what they tell it, and the records of both.

What is open or runs outlives the process: it is kept in the log, in the same
transaction as the record that tells of it. Who asks is answered only once that
record is stored.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from agent.clock import Clock, Step, instant
from agent.control.server import Caller, Verb
from agent.naming import UnknownDeviceError
from agent.operations.alarm import Key, Sign, Source, Told
from agent.operations.alarms import Alarms
from agent.operations.maintenance import ALL, Ended, Maintenance
from agent.operations.requests import Acknowledge, Begin, Close, End, Note, person, understood
from agent.recorder import Recorder
from agent.store.record import event
from drivers.reading import Stream

ALARMS = "alarms"
MAINTENANCE = "maintenance"
FACTS = (ALARMS, MAINTENANCE)
"""What the log keeps for this desk: JSON lists of :meth:`Alarm.words` and :meth:`Work.words`."""

TURN_S = 1.0
"""How often it is looked whether maintenance is over."""

STORED_S = 10.0
"""How long who asks waits until the record of it is stored; the disk may refuse."""


class Desk:
    """Alarms and maintenance of one station, with their records; *devices* names those that there are."""

    def __init__(self, recorder: Recorder, clock: Clock, devices: Callable[[], Collection[str]]) -> None:
        self.alarms = Alarms()
        self.maintenance = Maintenance()
        self._recorder = recorder
        self._clock = clock
        self._devices = devices

    def verbs(self) -> dict[str, Verb]:
        """What may be asked through the control socket: one thing that looks, the others act."""
        answers = {
            "alarms_acknowledge": self._acknowledge,
            "alarms_close": self._close,
            "maintenance_start": self._start,
            "maintenance_stop": self._stop,
            "note": self._note,
        }
        return {"operations": Verb(self._show), **{name: Verb(one, acts=True) for name, one in answers.items()}}

    def begin(self, facts: Mapping[str, str]) -> None:
        """Take up what *facts* of the log tell of an earlier process; nonsense is forgotten, with an event."""
        self._clock.on_step(self._stepped)
        now_s = self._clock.now_s()
        recall_work = partial(self.maintenance.recall, now_s=now_s)
        takers: tuple[tuple[str, Callable[[Any], None]], ...] = (
            (ALARMS, self.alarms.recall),
            (MAINTENANCE, recall_work),
        )
        for fact, take_up in takers:
            try:
                take_up(json.loads(facts.get(fact, "[]")))
            except (ValueError, TypeError, KeyError) as error:  # damaged: no reason not to measure
                self._recorder.event("operations_forgotten", data={"what": fact, "error": repr(error)})
        self._expire()

    async def run(self) -> None:
        """End maintenance that has lasted long enough, until cancelled."""
        while True:
            await asyncio.sleep(TURN_S)
            self._expire()

    def look(self, device: str, signs: Mapping[Key, Sign], seen: Collection[str]) -> None:
        """A poll of *device* showed these signs of alarms; *seen* are the channels that could tell."""
        now_s = self._clock.now_s()
        self._tell(self.alarms.look(device, signs, seen, now_s), now_s)

    def only(self, known: Collection[Source]) -> None:
        """Only these sources are configured now."""
        now_s = self._clock.now_s()
        self._tell(self.alarms.only(known, now_s), now_s)

    def snapshot(self) -> dict[str, Any]:
        """What is open and what runs, for the screens."""
        return {ALARMS: self.alarms.memory(), MAINTENANCE: self.maintenance.memory()}

    async def _show(self, _request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        return self.snapshot()

    async def _acknowledge(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        wanted, by = understood(Acknowledge, request), await _who(caller)
        named, now_s = self._named(wanted.ids), self._clock.now_s()
        for name in named:
            self._tell([self.alarms.acknowledge(name, by, now_s)], now_s, Stream.AUDIT)
        return {"alarms": named, **await self._stored()}

    async def _close(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        wanted, by = understood(Close, request), await _who(caller)
        named, now_s = self._named(wanted.ids), self._clock.now_s()
        for name in named:
            self._tell([self.alarms.close(name, wanted.reason, by)], now_s, Stream.AUDIT)
        return {"alarms": named, **await self._stored()}

    async def _start(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        wanted, by = understood(Begin, request), await _who(caller)
        self._check(wanted.device)
        extends, now_s = any(work.subject == wanted.device for work in self.maintenance), self._clock.now_s()
        words = wanted.model_dump(include={"reason", "order", "for_s"})
        data = self.maintenance.start(wanted.device, **words, by=by, now_s=now_s)
        self._record("maintenance_extended" if extends else "maintenance_started", wanted.device, data, now_s)
        return {"until": data["until"], "extended": extends, **await self._stored()}

    async def _stop(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        wanted, by = understood(End, request), await _who(caller)
        now_s = self._clock.now_s()
        ended = self.maintenance.stop(wanted.device, by, now_s, wanted.reason)
        self._ended(ended, now_s)
        return {"ended": [{"device": one.subject, **one.data} for one in ended], **await self._stored()}

    async def _note(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        wanted, by = understood(Note, request), await _who(caller)
        if wanted.device is not None:
            self._check(wanted.device, or_all=False)
        data = {**wanted.model_dump(exclude={"do", "device"}, exclude_none=True), **by}
        self._recorder.event("note_added", device=wanted.device, data=data, stream=Stream.AUDIT)
        return await self._stored()

    def _named(self, names: Iterable[str]) -> list[str]:
        """The ids that are meant, each once; raises AlarmError before anything is done."""
        return list(dict.fromkeys(self.alarms.find(name).id for name in names))

    def _check(self, device: str, *, or_all: bool = True) -> None:
        if device not in self._devices() and not (or_all and device == ALL):
            raise UnknownDeviceError(device, [*sorted(self._devices()), *([ALL] if or_all else [])])

    def _expire(self) -> None:
        now_s = self._clock.now_s()  # a step that it finds moves the ends of all work first
        self._ended(self.maintenance.expire(now_s), now_s)

    def _ended(self, ended: Iterable[Ended], now_s: float) -> None:
        for one in ended:
            self._record("maintenance_ended", one.subject, one.data, now_s)

    def _record(self, name: str, subject: str, data: Mapping[str, Any], now_s: float) -> None:
        self._put(name, None if subject == ALL else subject, data, now_s, Stream.AUDIT)
        self._recorder.fact(MAINTENANCE, json.dumps(self.maintenance.memory()))

    def _tell(self, told: Iterable[Told], now_s: float, stream: Stream = Stream.EVENT) -> None:
        for one in told:
            data = dict(one.data)
            if one.event == "alarm_raised":
                data["after"] = {str(kind): last for kind, last in self._recorder.lasts.items() if kind in _READ}
                if self.maintenance.covers(one.device):
                    data["maintenance"] = True
            self._put(one.event, one.device, data, now_s, stream)
            self._recorder.fact(ALARMS, json.dumps(self.alarms.memory()))

    def _put(self, name: str, device: str | None, data: Mapping[str, Any], now_s: float, stream: Stream) -> None:
        """Record it under the very moment that its data name."""
        synced = self._clock.synchronised
        self._recorder.put([event(name, instant(now_s), device=device, data=data, stream=stream, synced=synced)])

    def _stepped(self, step: Step) -> None:
        self.alarms.stepped(step.by_s, step.expected.timestamp())
        self.maintenance.stepped(step.by_s)
        if [*self.alarms, *self.maintenance]:
            for fact, what in self.snapshot().items():
                self._recorder.fact(fact, json.dumps(what))

    async def _stored(self) -> dict[str, bool]:
        """Wait until what was just recorded is on the disk; whether it is."""
        try:
            async with asyncio.timeout(STORED_S):
                await self._recorder.flushed()
        except TimeoutError:
            return {"stored": False}
        return {"stored": not self._recorder.is_volatile}


_READ = (Stream.MEASUREMENT, Stream.PARAMETER)


async def _who(caller: Caller) -> dict[str, Any]:
    """Who asks; a user database may be on a network, so nothing waits for it here."""
    return await asyncio.to_thread(person, caller.uid)
