"""``read --raw``: one poll of a device, as the bytes that went over the wire."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from agent.commission.annotate import framing_of, notes
from agent.commission.readout import readout
from agent.commission.site import Site, driver_on
from agent.commission.words import Raw, understood
from drivers.api import Device, DriverError


async def raw(site: Site, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    """Yield what was sent and received, then the readings; raises StationError, after what there is to show."""
    wanted = understood(Raw, request)
    wire = site.wire(site.device(wanted.device).link_name)
    device = next(one for one in site.devices_on(wire.name) if one.name == wanted.device)
    async with site.guest(wire) as guest:
        driver = driver_on(guest, device)
        try:
            answer = await driver.poll([channel.name for channel in device.profile.channels])
        except DriverError:
            for frame in frames(guest.heard, device, guest.kind):
                yield frame
            raise
        for frame in frames(guest.heard, device, guest.kind):
            yield frame
        yield {"event": "readings", **readout(answer, device.profile)}


def frames(heard: Iterable[tuple[str, bytes]], device: Device, kind: str) -> Iterator[dict[str, Any]]:
    """What was *heard*, the pieces of each direction joined, with notes."""
    framing = framing_of(device.profile.protocol, kind)
    for direction, pieces in groupby(heard, key=itemgetter(0)):
        data = [piece for _, piece in pieces]
        for whole in data if direction == "tx" else [b"".join(data)]:
            said = notes(whole, framing, sent=direction == "tx", profile=device.profile)
            yield {"event": "sent" if direction == "tx" else "received", "raw": whole.hex(" "), "notes": said}
