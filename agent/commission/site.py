"""The station as a technician sees it: its links and devices by name, whoever owns the wires."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from agent.commission.annotate import framing_of
from agent.commission.guest import Guest, at_any_time
from agent.naming import UnknownDeviceError, nearest
from agent.polling.poller import LinkPoller
from agent.settings import DeviceSettings, LinkSettings, Settings, station_device
from drivers.api import Device, Driver, Link, Profile, StationError
from drivers.catalog import make_driver

TIMES_WORST, LEAST_S = 4, 0.05
"""A device that is polled is given so many times its slowest answer of late, but never less than this."""


class UnknownLinkError(StationError):
    """No link of that name is configured."""

    exit_code = 2


class DisturbingError(StationError):
    """What is asked for would cost the devices of a link their readings."""

    exit_code = 2


class Site:
    """The links of *settings*; *pollers* are those that are at work here and now."""

    def __init__(self, settings: Settings, pollers: Mapping[str, LinkPoller]) -> None:
        self.settings = settings
        self._pollers = pollers

    def wire(self, name: str) -> LinkSettings:
        """Return the link of that name, which may be that of a device; raises UnknownLinkError."""
        wires = {wire.name: wire for wire in self.settings.wires}
        device = {device.name: device.link_name for device in self.settings.devices}.get(name, "")
        if name not in wires and device not in wires:
            hint = nearest(name, [*wires], "links")
            raise UnknownLinkError(f"there is no link called {name}", hint=hint)
        return wires.get(name) or wires[device]

    def device(self, name: str) -> DeviceSettings:
        """Return the device of that name; raises UnknownDeviceError."""
        devices = {device.name: device for device in self.settings.devices}
        if name not in devices:
            raise UnknownDeviceError(name, list(devices))
        return devices[name]

    def devices_on(self, wire: str) -> list[Device]:
        """The devices on the link called *wire*, as drivers know them."""
        return [station_device(self.settings, one) for one in self.settings.devices if one.link_name == wire]

    def forbid_disturbing(self, wire: LinkSettings, profile: Profile) -> None:
        """Raise DisturbingError where requests of *profile* would break the framing of a connection that is polled.

        On a serial line they are noise, which a checksum tells; a TCP stream has nothing to find its frames again.
        """
        if wire.endpoint.kind == "serial" or wire.name not in self._pollers:
            return
        kind = wire.endpoint.kind
        spoken = {framing_of(device.profile.protocol, kind) for device in self.devices_on(wire.name)}
        if framing_of(profile.protocol, kind) not in spoken:
            raise DisturbingError(
                f"link {wire.name} is being polled, and requests of a {profile.protocol} instrument would disturb it",
                hint="Stop the daemon meanwhile, or give that instrument a link of its own",
            )

    def poller(self, wire: str) -> LinkPoller | None:
        """Who polls the link called *wire* here and now."""
        return self._pollers.get(wire)

    @asynccontextmanager
    async def guest(self, wire: LinkSettings, url: str | None = None) -> AsyncIterator[Guest]:
        """Be a guest on *wire*: that of its poller, else one opened for this alone, perhaps with another *url*."""
        if poller := self.poller(wire.name):
            drivers = {device.name: device.driver for device in poller.devices}
            yield Guest(poller.link, poller.gap, lambda name: _unsettle(drivers, name))
            return
        guest = Guest(Link(wire.name, url or wire.url, pause_s=wire.pause, quiet_s=wire.quiet), at_any_time)
        try:
            yield guest
        finally:
            await guest.close()


def driver_on(guest: Guest, device: Device, timeout_s: float | None = None) -> Driver:
    """A driver of its own for *device*, which reads through *guest*, perhaps with a time-out of its own.

    Beside polls it waits no longer than the device has shown to need, for the gaps are short.
    """
    counters = guest.counters.get(device.name) if guest.shared else None
    if timeout_s is None and counters and counters.worst_s is not None:
        timeout_s = min(device.timeout_s, max(TIMES_WORST * counters.worst_s, LEAST_S))
    driver = make_driver(device if timeout_s is None else replace(device, timeout_s=timeout_s), guest)
    if guest.shared:
        driver.unsettle()  # its poller may have left a question open
    return driver


def _unsettle(drivers: Mapping[str, Driver], name: str) -> None:
    if name in drivers:
        drivers[name].unsettle()
