"""The daemon: opens the log, puts the station to work, and ends in good order.

A configuration that is wrong never stops a station: at a reload the running one
stays, at start the last one that ran is taken from the log. A defect of ours
ends the daemon, and systemd starts it again: it never runs on without one of
its tasks.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from agent import __version__
from agent.clock import Clock, Step
from agent.commission.jobs import JOBS, Job, News
from agent.commission.readout import readout
from agent.commission.site import Site
from agent.control.server import Caller, Control, Flow, Verb, group_id
from agent.crew import Crew
from agent.health import Health
from agent.keeper import Keeper
from agent.lastgood import choose
from agent.naming import UnknownDeviceError
from agent.opening import open_home, open_refuge, refuge_of
from agent.recorder import Recorder
from agent.settings import Settings
from agent.station import Station
from agent.store.reader import Reader
from agent.store.record import time_text, to_ms
from agent.watchdog import Watchdog, insist, notify
from drivers.errors import StationError
from drivers.reading import Stream

log = structlog.get_logger()

FLUSH_S = 3.0
"""How long the last records may take to be committed before the uplinks say goodbye without them."""

LOOK_BACK = 1000
"""In how many of the last records of a stream a device is looked for, to say since when it was not polled."""


class Daemon:
    """One station at work."""

    def __init__(self, config: Path) -> None:
        self._path = config
        self._clock = Clock()
        self._stop = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._problem: StationError | None = None

    async def run(self) -> int:
        """Work until SIGTERM or SIGINT, and return 0; 1 after a defect, which stands in the log with its traceback.

        Raises StationError when the station cannot be opened.
        """
        settings, self._problem = choose(self._path)
        settings.station.runtime.mkdir(parents=True, exist_ok=True)
        self._recorder = await Recorder.open(
            lambda: open_home(settings, machine_id()),
            clock=self._clock,
            linger_s=settings.store.linger,
            memory=settings.store.memory,
            open_refuge=lambda: open_refuge(settings, machine_id()),
            home=settings.store.path,
            refuge=refuge_of(settings),
        )
        try:
            async with asyncio.TaskGroup() as group:
                recording = group.create_task(self._recorder.run(), name="recorder")
                try:
                    await self._work(settings)
                finally:
                    recording.cancel()
        except ExceptionGroup as errors:
            log.critical("agent_failed", error=str(_first(errors)), exc_info=True)
            return 1
        return 0

    async def _work(self, settings: Settings) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)
        self._clock.on_step(self._stepped)
        async with asyncio.TaskGroup() as group:
            crew = Crew(group)
            self._station = Station(settings, crew, self._recorder, self._clock, state=self._state)
            self._keeper = Keeper(self._recorder, self._clock, lambda: self._station.settings)
            await self._station.prepare()
            await self._announce(settings)
            await self._station.begin()
            self._staff(crew, settings)
            await insist("READY=1\nSTATUS=polling")
            await self._stop.wait()
            notify("STOPPING=1")
            await self._end(crew)

    def _staff(self, crew: Crew, settings: Settings) -> None:
        """Start the tasks that serve the station as a whole."""
        station, runtime = settings.station, settings.station.runtime
        verbs: dict[str, Verb | Flow] = {
            "read": Verb(self._answer_read),
            "reload": Verb(self._answer_reload, acts=True),
            **self._station.desk.verbs(),
            **{name: Flow(partial(self._commission, job)) for name, job in JOBS.items()},
        }
        control = Control(runtime / "control.sock", verbs, read_group=station.read_group, act_group=station.act_group)
        health = Health(
            runtime / "status.json",
            recorder=self._recorder,
            clock=self._clock,
            links=lambda: self._station.links,
            station=self._about,
            ending=self._stop.is_set,
            read_gid=group_id(station.read_group),
            disk=settings.store.path.parent,
        )
        crew.start("clock", self._clock.watch())
        crew.start("keeper", self._keeper.run())
        crew.start("archive", self._keeper.run_archive())
        crew.start("control", control.run())
        crew.start("desk", self._station.desk.run())
        crew.start("health", health.run())
        crew.start("watchdog", Watchdog(self._turns).run())
        crew.start("reloads", self._reload_when_told())

    async def _announce(self, settings: Settings) -> None:
        """Record that the agent starts, since when nothing was polled, and why a new epoch began."""
        devices = {device.name for device in settings.devices}
        last: dict[str, int] = await self._recorder.recall(lambda log: last_times(log, devices), {})
        reason, forks = self._recorder.beginning
        up_s = round(time.clock_gettime(time.CLOCK_BOOTTIME), 3)  # of the computer: was it off?
        data: dict[str, Any] = {"version": __version__, "configuration": settings.sha256, "up_s": up_s}
        if last:
            data["last"] = {device: time_text(last_ms) for device, last_ms in last.items()}
            data["silent_s"] = round(self._clock.now_s() - max(last.values()) / 1000, 3)
        self._recorder.event("agent_started", data=data)
        if reason:
            self._recorder.event("epoch_began", data={"epoch": self._recorder.epoch, "reason": reason})
        for stream, fork in forks.items():
            self._recorder.event("chain_fork", data={"stream": str(stream), "broken": str(fork)})
        if self._problem:
            self._recorder.event("configuration_refused", data={"error": str(self._problem), "runs": "last good"})
            log.error("configuration_refused", error=str(self._problem), hint=self._problem.hint, runs="last good")
        log.info("agent_started", version=__version__, epoch=self._recorder.epoch, silent_s=data.get("silent_s"))

    async def _end(self, crew: Crew) -> None:
        """Stop polling, let the uplinks deliver what is committed, then end everything."""
        await crew.stop("reloads")
        await self._station.stop_polling()
        self._recorder.event("agent_stopped", data={"version": __version__})
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._recorder.flushed()
        await self._station.stop_delivering()
        log.info("agent_stopped")
        crew.dismiss()

    async def _reload_when_told(self) -> None:
        """Apply the file at SIGHUP; a wrong one is reported, and the running one stays."""
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            try:
                await self._reload()
            except StationError as error:
                faults = [str(fault) for fault in getattr(error, "faults", ())]
                log.error("configuration_refused", error=str(error), hint=error.hint, faults=faults)

    async def _reload(self) -> list[str]:
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            told = await self._station.change(await asyncio.to_thread(Settings.load, self._path))
        except StationError as error:
            self._problem = error
            self._recorder.event("configuration_refused", data={"error": str(error), "runs": "unchanged"})
            raise
        finally:
            await insist("READY=1")
        self._problem = None
        log.info("configuration_applied", changes=told)
        return told

    async def _answer_reload(self, _request: Mapping[str, Any], caller: Caller) -> Mapping[str, Any]:
        changes = await self._reload()
        self._recorder.event("reload_ordered", data={"uid": caller.uid, "changes": changes}, stream=Stream.AUDIT)
        return {"changes": changes}

    async def _answer_read(self, request: Mapping[str, Any], _caller: Caller) -> Mapping[str, Any]:
        device = str(request.get("device"))
        if device not in self._station.devices:
            raise UnknownDeviceError(device, self._station.devices)
        scan = await self._station.read(device)
        return readout(scan, self._station.settings.profiles[device])

    def _commission(self, job: Job, request: Mapping[str, Any]) -> News:
        return job(Site(self._station.settings, self._station.links), request)

    def _stepped(self, step: Step) -> None:
        found, expected = time_text(to_ms(step.found)), time_text(to_ms(step.expected))
        data = {"by_s": round(step.by_s, 3), "expected": expected, "found": found}
        self._recorder.event("clock_stepped", data=data)
        log.warning("clock_stepped", by_s=data["by_s"])

    def _turns(self) -> Mapping[str, float]:
        own = {"recorder": self._recorder.turned_s, "keeper": self._keeper.turned_s}
        return own | dict(self._station.turns())

    def _state(self) -> dict[str, Any]:
        """What every uplink tells of the station beside its own progress."""
        return {
            "version": __version__,
            "config": self._station.settings.sha256[:8],
            "clock": {"synchronised": self._clock.synchronised},
        }

    def _about(self) -> dict[str, Any]:
        """What only the daemon knows, for the status snapshot."""
        settings = self._station.settings
        problems = (
            [{"subject": "configuration", "cause": f"{self._problem}", "hint": self._problem.hint}]
            if self._problem
            else []
        )
        return {
            "station": {
                "id": settings.station.id,
                "name": settings.station.name,
                "timezone": settings.station.timezone,
            },
            "configuration": {"file": str(settings.path), "sha256": settings.sha256},
            "uplinks": [uplink.snapshot() for uplink in self._station.uplinks.values()],
            "problems": problems + self._keeper.problems(),
            "room": self._keeper.room,
            "standing": self._station.standing(),
            **self._station.desk.snapshot(),
        }


def _first(error: BaseException) -> BaseException:
    """What failed first, out of the groups that it came up through."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def last_times(log: Reader, devices: set[str]) -> dict[str, int]:
    """When the last record of each device was made, in ms; of those among the last :data:`LOOK_BACK` records."""
    found: dict[str, int] = {}
    for series in log.series():
        if series.stream in (Stream.MEASUREMENT, Stream.PARAMETER):
            for row in log.walk(series.epoch, series.stream, max(series.first, series.last - LOOK_BACK), series.last):
                device = json.loads(row.body).get("device")
                if device in devices:
                    found[device] = max(row.time_ms, found.get(device, 0))
    return found


def machine_id() -> str:
    """A name of this computer that tells nothing about it (machine-id(5) asks for a hash)."""
    path = Path("/etc/machine-id")
    text = path.read_text().strip() if path.exists() else ""
    return hashlib.sha256(f"station-agent/{text}".encode()).hexdigest()[:16]
