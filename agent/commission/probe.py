"""``probe``: a block of registers as it is, and what the profile reads there.

What else it may mean (:mod:`agent.commission.views`) is worked out by whoever asked:
the daemon has no time to spare for it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from agent.commission.blocks import read_around, span_of
from agent.commission.site import Site, driver_on
from agent.commission.strangers import is_modbus, modbus_among, stranger, unit_profile
from agent.commission.words import Probe, WrongRequestError, understood
from agent.naming import nearest
from agent.settings import LinkSettings
from drivers import plan
from drivers.api import Device, NoReplyError
from drivers.decode import decode
from drivers.modbus import ModbusDriver
from drivers.plan import BIT_FUNCTIONS, Span
from drivers.units import shown

TIMEOUT_S = 1.0


async def probe(site: Site, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    """Yield one block; raises StationError."""
    wanted = understood(Probe, request)
    wire, device = _whom(site, wanted)
    table = wanted.table or device.profile.modbus.table
    span = span_of(table, wanted.start, wanted.count)
    async with site.guest(wire) as guest:
        site.forbid_disturbing(wire, device.profile)
        driver = driver_on(guest, device, wanted.timeout)
        if not isinstance(driver, ModbusDriver):
            hint = f"Run: station-agent read {device.name} --raw"
            raise WrongRequestError(f"{device.name} speaks {device.profile.protocol} and has no registers", hint=hint)
        try:
            words, refusal = await read_around(driver, span)
        except NoReplyError as error:
            if wanted.unit is not None:
                error.hint = f"Look who is there: station-agent scan {wire.name}"
            raise
        yield {
            "event": "block",
            "target": wanted.target,
            "device": device.name,
            "address": device.address,
            "endpoint": guest.endpoint,
            "table": table,
            "start": span.start,
            "words": words,
            "refused": str(refusal) if refusal else None,
            "known": list(_known(device, span, words)),
        }


def _whom(site: Site, wanted: Probe) -> tuple[LinkSettings, Device]:
    """The device that is meant: by its name, or as a unit of a link; raises StationError."""
    devices = {device.name: device for device in site.settings.devices}
    if wanted.target in devices and wanted.unit is None:
        name = devices[wanted.target].link_name
        return site.wire(name), next(one for one in site.devices_on(name) if one.name == wanted.target)
    if wanted.target not in {*devices, *(wire.name for wire in site.settings.wires)}:
        names = [*devices, *(wire.name for wire in site.settings.links)]
        hint = nearest(wanted.target, names, "devices and links")
        raise WrongRequestError(f"there is no device or link called {wanted.target}", hint=hint)
    wire = site.wire(wanted.target)
    if wanted.unit is None:
        hint = f"Say which: station-agent probe {wire.name} --unit 1 {wanted.start} {wanted.count}"
        raise WrongRequestError(f"{wire.name} is a link, with more than one unit", hint=hint)
    return wire, _unit(site, wire, wanted)


def _unit(site: Site, wire: LinkSettings, wanted: Probe) -> Device:
    """Unit *wanted.unit* on *wire*: the device of that address where there is one."""
    neighbours = [device for device in site.devices_on(wire.name) if is_modbus(device.profile)]
    known = next((device for device in neighbours if device.address == wanted.unit), None)
    if known and wanted.protocol in (None, known.profile.protocol):
        return known
    profile = unit_profile(wanted.protocol or modbus_among(neighbours))
    return stranger(wanted.unit, profile, TIMEOUT_S, name=f"unit {wanted.unit}")


def _known(device: Device, span: Span, words: list[int | None]) -> Iterator[dict[str, Any]]:
    """The channels that the profile of *device* reads there, with what they say now."""
    for channel in device.profile.channels:
        if channel.start is None:
            continue
        place = plan.span_of(channel, device.profile.modbus)
        part = words[place.start - span.start : place.end - span.start] if span.holds(place) else []
        values = [word for word in part if word is not None]
        if device.profile.model != "unknown" and values and len(values) == place.count:
            bits = span.function in BIT_FUNCTIONS
            reading = decode(channel, values, order=device.profile.modbus.order, bits=bits, timezone=device.timezone)
            yield {
                "register": place.start,
                "channel": channel.name,
                "value": reading.value,
                "unit": shown(channel.unit),
            }
