"""Alarms with a life: raised, acknowledged, cleared, closed with a reason. Pure: no clock, no disk.

An alarm is open from the moment it is raised until a person closes it, and one
source has at most one that is open: what comes back before that is the same
alarm, raised again. Nothing flutters: an alarm is cleared only after what
raised it has stayed away for a while, and one that comes back soon is held
longer each time, so that a bad contact makes two records an hour and not two a
minute.

Times are seconds since 1970; after a step of the clock all of them are moved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.operations.alarm import LIMITS, SILENCE, Alarm, Key, Sign, Source, Told, alarm_id
from agent.operations.instants import text_of
from drivers.errors import StationError

HOLD_S = 60.0
"""How long what raised an alarm must have stayed away before the alarm is cleared."""

LONGEST_HOLD_S = 3600.0
"""An alarm that comes back within this is held twice as long as the last time, up to this."""

SILENCE_S = 60.0
"""So long a device must give nothing before that is an alarm: a restarted instrument is none."""


class AlarmError(StationError):
    """No open alarm is meant by an id, or it is in no state for what was asked."""

    exit_code = 2


@dataclass(slots=True)
class Alarms:
    """Every open alarm of the station, and what may become one or end one."""

    _open: dict[Source, Alarm] = field(default_factory=dict)
    _pending: dict[Source, float] = field(default_factory=dict)  # signs that must last: since when
    _away: dict[Source, float] = field(default_factory=dict)  # active alarms whose sign is gone: since when

    def __iter__(self) -> Iterator[Alarm]:
        """Yield those that are open, the oldest first."""
        yield from sorted(self._open.values(), key=lambda alarm: alarm.first)

    def look(self, device: str, signs: Mapping[Key, Sign], seen: Collection[str], now_s: float) -> list[Told]:
        """Take note of what a poll of *device* shows, and return what that raises and clears.

        *seen* are the channels that could tell: whatever of them is not among the *signs* does not hold.
        """
        told = [self._holds(Source(device, *key), sign, now_s) for key, sign in signs.items()]
        told += [self._is_away(source, now_s) for source in self._of(device, seen) if source[1:] not in signs]
        return [one for one in told if one]

    def only(self, known: Collection[Source], now_s: float) -> list[Told]:
        """Clear what is active but none of the *known* sources: the configuration does not name it any more."""
        gone = [alarm for source, alarm in self._open.items() if alarm.is_active and source not in known]
        return [self._clear(alarm, now_s, now_s, why="not configured") for alarm in gone]

    def acknowledge(self, name: str, by: Mapping[str, Any], now_s: float) -> Told:
        """Somebody has seen the alarm *name*, an id or its beginning; raises AlarmError."""
        alarm = self.find(name)
        if alarm.acknowledged:
            who = alarm.acknowledged.get("user") or alarm.acknowledged["uid"]
            raise AlarmError(f"alarm {alarm.id} was acknowledged before, by {who}", hint="See: station-agent alarms")
        alarm.acknowledged = {**by, "time": text_of(now_s)}
        return _told("alarm_acknowledged", alarm, {"raised": alarm.raised, **by})

    def close(self, name: str, reason: str, by: Mapping[str, Any]) -> Told:
        """Somebody knows why the alarm *name* was, which is over; raises AlarmError."""
        alarm = self.find(name)
        if alarm.is_active:
            hint = f"Acknowledge it: station-agent alarms ack {alarm.id}; it can be closed once it is cleared"
            raise AlarmError(f"alarm {alarm.id} still holds", hint=hint)
        del self._open[alarm.source]
        life = {"first": alarm.first, "raised": alarm.raised, "cleared": alarm.cleared, "times": alarm.times}
        return _told("alarm_closed", alarm, {**life, "seconds": alarm.lasted_s, "reason": reason, **by})

    def find(self, name: str) -> Alarm:
        """The open alarm whose id is *name* or begins so; raises AlarmError."""
        found = [alarm for alarm in self if name and alarm.id.startswith(name.lower())]
        if len(found) == 1:
            return found[0]
        if found:
            raise AlarmError(f"{name} may be any of {', '.join(one.id for one in found)}", hint="Type more of the id")
        raise AlarmError(f"no open alarm is called {name}", hint="See which are open: station-agent alarms")

    def stepped(self, by_s: float, now_s: float) -> None:
        """The clock, which would show *now_s*, was set: what began a minute ago still did.

        What is still to come, by a clock that was behind, was recorded by one that was right, and stays.
        """
        for alarm in self._open.values():
            alarm.raised_s += by_s if alarm.raised_s <= now_s else 0.0
            alarm.cleared_s += by_s if alarm.cleared_s <= now_s else 0.0
        for spans in (self._pending, self._away):
            for source in spans:
                spans[source] += by_s

    def memory(self) -> list[dict[str, Any]]:
        """What must outlive this process, as plain data."""
        return [alarm.words() for alarm in self]

    def recall(self, memory: Sequence[Mapping[str, Any]]) -> None:
        """Take up the alarms of an earlier process; the next polls tell which of them still hold."""
        self._open |= {alarm.source: alarm for alarm in map(Alarm.of, memory)}

    def _of(self, device: str, channels: Collection[str]) -> list[Source]:
        return [one for one in (*self._open, *self._pending) if one.device == device and one.channel in channels]

    def _holds(self, source: Source, sign: Sign, now_s: float) -> Told | None:
        self._away.pop(source, None)
        alarm = self._open.get(source)
        if alarm and alarm.is_active:
            return None
        if source.flag == SILENCE and now_s - self._pending.setdefault(source, now_s) < SILENCE_S:
            return None
        self._pending.pop(source, None)
        return self._raise_again(alarm, sign, now_s) if alarm else self._raise(source, sign, now_s)

    def _raise(self, source: Source, sign: Sign, now_s: float) -> Told:
        raised = text_of(now_s)
        name, evidence = alarm_id(source, raised), dict(sign.evidence)
        alarm = Alarm(name, source, sign.kind, sign.severity, raised, raised, now_s, HOLD_S, evidence)
        self._open[source] = alarm
        return _told("alarm_raised", alarm, {"times": 1, **alarm.evidence})

    def _raise_again(self, alarm: Alarm, sign: Sign, now_s: float) -> Told:
        soon = now_s - alarm.cleared_s < LONGEST_HOLD_S
        alarm.hold_s = min(2 * alarm.hold_s, LONGEST_HOLD_S) if soon else HOLD_S
        alarm.times += 1
        alarm.raised, alarm.raised_s, alarm.cleared = text_of(now_s), now_s, None
        alarm.severity, alarm.evidence, alarm.acknowledged = sign.severity, dict(sign.evidence), None
        return _told("alarm_raised", alarm, {"first": alarm.first, "times": alarm.times, **alarm.evidence})

    def _is_away(self, source: Source, now_s: float) -> Told | None:
        self._pending.pop(source, None)
        alarm = self._open.get(source)
        if alarm is None or not alarm.is_active:
            return None
        since_s = self._away.setdefault(source, now_s)
        return None if now_s - since_s < alarm.hold_s else self._clear(alarm, since_s, now_s)

    def _clear(self, alarm: Alarm, ended_s: float, now_s: float, **more: str) -> Told:
        self._away.pop(alarm.source, None)
        alarm.lasted_s = round(max(ended_s - alarm.raised_s, 0.0), 3)
        alarm.cleared, alarm.cleared_s = text_of(ended_s), now_s
        life = {"raised": alarm.raised, "ended": alarm.cleared, "seconds": alarm.lasted_s, "times": alarm.times}
        return _told("alarm_cleared", alarm, {**life, **more})


def _told(event: str, alarm: Alarm, data: Mapping[str, Any]) -> Told:
    flag = {} if alarm.source.flag in (LIMITS, SILENCE) else {"flag": alarm.source.flag}
    channel = {"channel": alarm.source.channel} if alarm.source.channel else {}
    about = {"id": alarm.id, "class": alarm.kind, "severity": alarm.severity}
    return Told(event, alarm.source.device, {**about, **channel, **flag, **data})
