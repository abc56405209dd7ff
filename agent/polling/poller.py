"""Polls the devices of one link: aligned ticks, one request at a time.

A tick that comes while the wire is busy with others waits for it; one that is
overtaken by its successor is recorded as ``not_polled``, never queued.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from agent.clock import Clock, Step
from agent.polling.device import DevicePoller
from agent.polling.pulse import Pulse
from drivers.api import Link, Quality, Scan, StationError

LEAVE_S = 5.0
"""How long a poll under way is waited for when its link ends."""


GAP_WAIT_S = 5.0
"""How long beyond two intervals a gap between two ticks is waited for, before it is said that there is none."""

YIELD_S = 0.005
"""How long after a tick came due its poll has surely asked for the wire."""


class NoGapError(StationError):
    """The polls of a link leave no room for what somebody wants to look at."""


class LinkPoller:
    """Takes the devices of one link in the order in which their ticks come."""

    def __init__(self, link: Link, devices: Sequence[DevicePoller], *, clock: Clock) -> None:
        self.link = link
        self.devices = devices
        self.turned_s = time.monotonic()
        self._clock = clock
        self._pulse = Pulse(clock)
        self._wire = asyncio.Lock()
        self._leaving = False

    async def leave(self) -> None:
        """Begin no further poll, and wait until the one under way has its answer: cancelled, it would be lost."""
        self._leaving = True
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S), self._wire:
                pass

    async def run(self) -> None:
        """Poll until cancelled; then account for what is still gathered and let go of the wire."""
        self._clock.on_step(self._realign)
        self._pulse.begin()
        try:
            while not self._leaving:
                await self._turn()
        finally:
            self._clock.off_step(self._realign)
            self._pulse.end()
            for device in self.devices:
                device.flush()
            await self.link.close()

    @asynccontextmanager
    async def gap(self, longest_s: Callable[[], float]) -> AsyncIterator[None]:
        """Have the wire for something that takes at most *longest_s*, at a moment when no tick comes due meanwhile.

        How long that is may change while others use the wire. Raises NoGapError when two
        intervals and :data:`GAP_WAIT_S` brought none, and when the link ends.
        """
        deadline_s = time.monotonic() + GAP_WAIT_S + 2 * min(device.every_s for device in self.devices)
        while True:
            async with self._wire:
                if self._leaving:
                    raise NoGapError(f"link {self.link.name} was just reconfigured", hint="Ask again")
                free_s = min(device.next_s for device in self.devices) - self._clock.now_s()
                needed_s = longest_s()
                if free_s >= needed_s:
                    yield
                    return
            if time.monotonic() > deadline_s:
                break
            await asyncio.sleep(max(free_s, 0.0) + YIELD_S)
        raise NoGapError(
            f"the polls on link {self.link.name} leave no gap of {needed_s:.3g} s",
            hint="Poll less often, or stop the daemon meanwhile; a shorter --timeout needs less of a gap",
        )

    async def read(self, name: str) -> Scan:
        """Poll one device once, now, between the ticks; nothing is recorded. Raises DriverError."""
        device = next(device for device in self.devices if device.name == name)
        async with self._wire:
            return await device.driver.poll([channel.name for channel in device.profile.channels])

    async def _turn(self) -> None:
        self.turned_s = time.monotonic()
        device = min(self.devices, key=lambda device: device.next_s)
        waited = self._clock.now_s() < device.next_s
        if waited:
            await self._clock.until(device.next_s)
            if self._clock.now_s() < device.next_s:  # not yet, or the clock was stepped meanwhile
                for one in self.devices:
                    one.flush(overdue=True)
                return
        self._pass_over(device, slept=waited)
        async with self._wire:
            self._pass_over(device, slept=False)
            self.turned_s = time.monotonic() + device.longest_s
            await device.turn()

    def _pass_over(self, device: DevicePoller, *, slept: bool) -> None:
        """Account for the ticks of *device* that are past; *slept* says that nothing but sleep came between."""
        index = device.index_at(self._clock.now_s())
        if index > device.index:
            device.overtaken(index, lambda due_s: self._why(due_s, device.every_s, slept=slept))

    def _why(self, due_s: float, every_s: float, *, slept: bool) -> tuple[Quality, str]:
        """Why a tick was not used: we did not run, there was no wire, or others had it."""
        if slept or self._pulse.paused(due_s, due_s + every_s):
            return Quality.NOT_POLLED, "agent_paused"
        if not self.link.up:
            return Quality.COMM_FAULT, "link_down"
        return Quality.NOT_POLLED, "line_busy"

    def _realign(self, _step: Step) -> None:
        for device in self.devices:
            device.realign()
