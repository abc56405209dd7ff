"""One device at work: its ticks, its back-off, and the way its readings go.

A device that gives nothing is left alone for a while, so that its neighbours on
the wire pay at most one time-out for it per back-off period. Every tick of it is
accounted for, also those that nobody had time for.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog

from agent.clock import Clock
from agent.operations.alarm import SILENT, Key, Sign
from agent.polling.judge import Judge
from agent.polling.parts import News, Parts
from agent.polling.scribe import Scribe
from agent.polling.watch import Watch
from agent.recorder import Recorder
from drivers.api import Driver, DriverError, LinkDownError, Profile, Quality, Reading, Scan, Stream
from drivers.link import Counters

log = structlog.get_logger()

CONDITIONS = "conditions"
"""The fact in the log that keeps what the judge must not forget."""

LOSSES_S = 600.0
"""How long it is remembered that a device was lost."""

FIRST_REST_S = 2.0
LONGEST_REST_S = 60.0


@dataclass(slots=True)
class Condition:
    """How a device does, for the screens; ``since`` is when it became so."""

    state: str = "starting"  # starting, good, partial, failing
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    error: str | None = None
    hint: str | None = None
    reason: str | None = None
    polled: int = 0
    failed: int = 0
    missed: int = 0
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=100))  # monotonic
    last: dict[str, tuple[Reading, Quality]] = field(default_factory=dict)
    last_time: datetime | None = None

    @property
    def lost_of_late(self) -> int:
        """How often the device was lost in the last LOSSES_S."""
        since_s = time.monotonic() - LOSSES_S
        return sum(lost_s > since_s for lost_s in self.losses)


Look = Callable[[str, Mapping[Key, Sign], Collection[str]], None]
"""Is told what a poll of a device shows of alarms, and which channels could tell."""


class DevicePoller:
    """One device at work: its ticks, its back-off, and the way its readings go."""

    def __init__(
        self,
        name: str,
        driver: Driver,
        profile: Profile,
        *,
        every_s: float,
        parameters_s: float,
        scribe: Scribe,
        judge: Judge,
        alarms: Look,
        watch: Watch,
        samples: dict[str, str],
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self.name = name
        self.driver = driver
        self.profile = profile
        self.every_s = every_s
        self.condition = Condition()
        self._parameters_s = parameters_s
        self._scribe = scribe
        self._judge = judge
        self._alarms = alarms
        self._watch = watch
        self._recorder = recorder
        self._clock = clock
        self._log = log.bind(device=name)
        self._rest_s = 0.0
        self._rest_until_s = 0.0  # monotonic
        self._parts = Parts(FIRST_REST_S, LONGEST_REST_S)
        self._parameters_due_s = 0.0
        self._states: dict[str, object] = {}
        self._samples = samples
        self.index = 0
        self.realign()
        measurements = {c.name for c in profile.channels if c.stream is Stream.MEASUREMENT}
        self._measurements = measurements
        self._parameters = {c.name for c in profile.channels} - measurements
        self._decisive = {c.name for c in profile.channels if c.decides or (c.normal and c.affects)} - measurements
        self._sample_times = {c.name: c.new_by for c in profile.channels if c.new_by}
        self._always = frozenset(measurements | self._decisive | set(self._sample_times.values()))
        self._everything = frozenset(c.name for c in profile.channels)
        self.longest_s = driver.longest_s(self._everything)
        """How long a poll may take when the instrument is silent: its watchdog must wait so long."""

    @property
    def counters(self) -> Counters | None:
        """What the wire counted for this device, once it was asked."""
        return self.driver.link.counters.get(self.name)

    @property
    def next_s(self) -> float:
        """When the next tick is due, seconds since 1970."""
        return self.index * self.every_s

    def index_at(self, now_s: float) -> int:
        """The number of the tick that is current at *now_s*, counted from 1970 UTC."""
        return math.floor(now_s / self.every_s + 1e-9)

    def realign(self) -> None:
        """Take the next tick of the wall clock: at start, and after the clock was stepped."""
        now_s = self._clock.now_s()
        self.index = self.index_at(now_s) + 1
        self._parameters_due_s = min(self._parameters_due_s, now_s)

    def take_over(self, old: DevicePoller) -> None:
        """Go on where *old*, the same device in the configuration before, was stopped."""
        self.index, self._parameters_due_s = old.index, old._parameters_due_s
        self.condition, self._states, self._samples = old.condition, old._states, old._samples
        self._rest_s, self._rest_until_s, self._watch = old._rest_s, old._rest_until_s, old._watch
        self._parts = old._parts

    def overtaken(self, index: int, why: Callable[[float], tuple[Quality, str]]) -> None:
        """Account for the ticks before *index* that were not used; *why* tells it of a tick that was due then."""
        missed = [tick * self.every_s for tick in range(self.index, index)]
        self.condition.missed += len(missed)
        for (quality, reason), together in itertools.groupby(missed, why):
            self._account(list(together), quality, reason)
        self.index = index

    async def turn(self) -> None:
        """Use the current tick: poll, or rest if the device failed a moment ago."""
        due_s, self.index = self.next_s, self.index + 1
        try:
            await self._use(due_s)
        except asyncio.CancelledError:
            self.index -= 1  # whoever takes over may still use it
            raise

    async def _use(self, due_s: float) -> None:
        if time.monotonic() < self._rest_until_s:
            self._account([due_s], Quality.COMM_FAULT, self.condition.reason or "no_reply")
            return
        with_parameters = not self._measurements or due_s >= self._parameters_due_s
        wanted = self._everything if with_parameters else self._always
        asked = self._worth_asking(wanted)
        if not asked:
            self._account([due_s], Quality.COMM_FAULT, self.condition.reason or "no_reply")
            return
        try:
            if self._rest_s:
                await self.driver.probe()
            scan = await self.driver.poll(asked)
        except DriverError as error:
            self._failed(error, due_s)
        else:
            self._tell(self._parts.note(scan.readings, time.monotonic()))
            whole = {**scan.readings, **self._parts.resting(wanted - asked)}
            self._answered(replace(scan, readings=whole), due_s, with_parameters=with_parameters)

    def _worth_asking(self, wanted: frozenset[str]) -> frozenset[str]:
        """Those of *wanted* that do not rest; silent ones only together with others, or the device would seem lost."""
        now_s, silent = time.monotonic(), self._parts.silent
        asked = self._parts.awake(wanted, now_s)
        return asked if not asked or asked - silent else self._parts.awake(self._everything, now_s)

    def flush(self, *, overdue: bool = False) -> None:
        """Record the ticks without a poll that are still gathered."""
        self._scribe.flush(overdue=overdue)

    def _account(self, due_s: Sequence[float], quality: Quality, reason: str) -> None:
        """Account for ticks in a row that gave nothing, in each stream that expected something of them."""
        if self._measurements:
            self._scribe.nothing(Stream.MEASUREMENT, due_s[0], quality, reason, len(due_s))
        for one_s in due_s if self._parameters else ():
            if not self._measurements or one_s >= self._parameters_due_s:
                self._scribe.nothing(Stream.PARAMETER, one_s, quality, reason)
                self._parameters_came_due(one_s)

    def _parameters_came_due(self, due_s: float) -> None:
        self._parameters_due_s = (math.floor(due_s / self._parameters_s + 1e-9) + 1) * self._parameters_s

    def _failed(self, error: DriverError, due_s: float) -> None:
        self._account([due_s], Quality.COMM_FAULT, error.reason)
        self._judge.silent(self.name)
        self._parts.wake()
        if not isinstance(error, LinkDownError):  # the link has its own back-off and fails at once meanwhile
            self._rest_s = min(LONGEST_REST_S, self._rest_s * 2 or FIRST_REST_S)
            self._rest_until_s = time.monotonic() + self._rest_s
        condition = self.condition
        condition.failed += 1
        if condition.state != "failing":
            self._log.warning("device_lost", reason=error.reason, error=str(error), hint=error.hint)
            self._recorder.event("device_lost", device=self.name, data={"reason": error.reason, "error": str(error)})
            condition.state, condition.since = "failing", self._clock.now()
            condition.losses.append(time.monotonic())
        condition.reason, condition.error, condition.hint = error.reason, str(error), error.hint
        silent = Sign("silence", "critical", {"reason": error.reason, "error": str(error)})
        self._alarms(self.name, {SILENT: silent}, ())

    def _answered(self, scan: Scan, due_s: float, *, with_parameters: bool) -> None:
        self._rest_s = 0.0
        if with_parameters:
            self._parameters_came_due(due_s)
        verdict = self._judge.judge(self.name, scan.readings, time.monotonic())
        for happening in verdict.happenings:
            self._recorder.event(happening.event, device=self.name, data=happening.data)
        if verdict.happenings:
            self._recorder.fact(CONDITIONS, self._judge.memory(time.monotonic(), self._clock.now_s()))
        self._alarms(self.name, verdict.signs, verdict.seen)
        for change in self._watch.changes(scan.readings, scan.time):
            self._recorder.event("watched_value_changed", device=self.name, data=change, stream=Stream.AUDIT)
        changed = self._changed_states(scan.readings)
        names = self._new_measurements(scan.readings) | (self._parameters if with_parameters else changed)
        self._scribe.scan(scan, verdict.quality, (Stream.MEASUREMENT, Stream.PARAMETER), names)
        self._note(scan, verdict.quality)

    def _tell(self, news: News) -> None:
        """Record that parts of the device fell silent, or are read again."""
        if news.lost:
            lost = {"channels": sorted(news.lost), "reasons": sorted(set(news.lost.values()))}
            self._log.warning("channels_lost", **lost)
            self._recorder.event("channels_lost", device=self.name, data=lost)
        if news.recovered:
            silent_s = round(max(news.recovered.values()), 3)
            self._log.info("channels_recovered", channels=sorted(news.recovered), silent_s=silent_s)
            data = {"channels": sorted(news.recovered), "silent_s": silent_s}
            self._recorder.event("channels_recovered", device=self.name, data=data)

    def _changed_states(self, readings: Mapping[str, Reading]) -> set[str]:
        """Name the deciding channels that read otherwise than at the last poll: they are recorded at once."""
        now = {name: readings[name].value for name in self._decisive & readings.keys()}
        changed = {name for name, value in now.items() if self._states.get(name, value) != value}
        self._states |= now
        return changed

    def _new_measurements(self, readings: Mapping[str, Reading]) -> set[str]:
        """Name the measurements to record: those with a sample time of their own only when it changed, and with it."""
        names = set(self._measurements)
        for name, clock_name in self._sample_times.items():
            unread = name not in readings or readings[name].quality is Quality.COMM_FAULT
            if unread or clock_name not in readings or readings[clock_name].value is None:
                continue  # not the value, or not its time: better once too often than never
            sampled = str(readings[clock_name].value)
            if self._samples.get(name) == sampled:
                names.discard(name)
            else:
                self._samples[name] = sampled
                names.add(clock_name)  # whichever stream it belongs to: a value and its time come together
                self._recorder.fact(f"sample/{self.name}/{name}", sampled)
        return names

    def _note(self, scan: Scan, quality: Mapping[str, Quality]) -> None:
        """Keep what the screens show, and tell when the device came back."""
        condition = self.condition
        condition.polled += 1
        condition.last |= {name: (reading, quality[name]) for name, reading in scan.readings.items()}
        condition.last_time = scan.time
        missing = [reading for reading in scan.readings.values() if reading.quality is Quality.COMM_FAULT]
        state = "partial" if missing else "good"
        if condition.state == "failing":
            silent_s = round((scan.time - condition.since).total_seconds(), 3)
            self._log.info("device_recovered", silent_s=silent_s)
            self._recorder.event("device_recovered", device=self.name, data={"silent_s": silent_s})
        if state != condition.state:
            condition.state, condition.since = state, scan.time
        condition.reason = missing[0].reason if missing else None
        condition.error = f"no value for {', '.join(reading.channel for reading in missing)}" if missing else None
        condition.hint = f"Run: station-agent read {self.name}" if missing else None
