"""``scan``: asks one address after the other for something harmless, and tells who answers.

An exception is an answer, unless a gateway gave it for a unit that it cannot
reach. Damaged bytes are told too: a wrong baud rate, or two units of one address.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agent.commission.addresses import parse_addresses
from agent.commission.annotate import notes_of
from agent.commission.guest import Guest
from agent.commission.site import DisturbingError, Site, driver_on
from agent.commission.strangers import is_modbus, modbus_among, stranger, unit_profile
from agent.commission.words import Scan, WrongRequestError, serial_variants, understood
from agent.naming import nearest
from agent.settings import LinkSettings
from drivers.api import BadReplyError, Device, LinkDownError, NoReplyError, Profile, RefusedError
from drivers.catalog import load_profile, protocol_names
from drivers.placeholders import names_address

TIMEOUT_S = 0.3
UNITS = "1-247"
NUMBERS = "0-127"
LETTERS = "0-9,A-Z,a-z"
"""What addresses are where a profile writes them as numbers, or as letters; some manuals allow more."""

PROGRESS_EVERY = 8
FREE_SHARE = 0.8
"""How much of the time between two ticks is reckoned to be free; only for the time stated in advance."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a scan asks of whom: every one of *addresses* as *strange*, or as the device that it belongs to."""

    site: Site
    wire: LinkSettings
    strange: Profile
    addresses: list[int | str] | list[None]
    timeout_s: float

    async def over(self, variant: dict[str, str]) -> AsyncGenerator[dict[str, Any]]:
        """Ask them all with the port set as *variant* says; raises LinkDownError."""
        modbus = is_modbus(self.strange)
        neighbours = self.site.devices_on(self.wire.name)
        devices = {str(device.address): device for device in neighbours if is_modbus(device.profile) == modbus}
        found = 0
        async with self.site.guest(self.wire, _url(self.wire, variant)) as guest:
            await guest.open()
            yield self._plan(guest, variant)
            for number, address in enumerate(self.addresses, 1):
                known = devices.get(str(address))
                if answer := await _answer(guest, self._asked(known, address)):
                    found += 1
                    yield {"event": "found", "address": address, "device": known and known.name, **answer, **variant}
                if number % PROGRESS_EVERY == 0 or number == len(self.addresses):
                    yield {"event": "progress", "asked": number, "of": len(self.addresses), "found": found}

    def _asked(self, known: Device | None, address: int | str | None) -> Device:
        """The device at *address* as it is *known*, unless other frames are wanted than it is known to speak."""
        other = is_modbus(self.strange) and known and known.profile.protocol != self.strange.protocol
        return known if known and not other else stranger(address, self.strange, self.timeout_s)

    def _plan(self, guest: Guest, variant: dict[str, str]) -> dict[str, Any]:
        """What will be asked, and how long that takes when nobody answers: most addresses are nobody's."""
        step_s = guest.longest_s(self.timeout_s, drain=guest.kind == "serial")
        total_s = len(self.addresses) * step_s
        poller = self.site.poller(self.wire.name)
        if poller:
            every_s = min(device.every_s for device in poller.devices)
            steps = max(1, math.floor(FREE_SHARE * every_s / step_s))
            total_s = max(total_s, math.ceil(len(self.addresses) / steps) * every_s)
        return {
            "event": "plan",
            "link": self.wire.name,
            "endpoint": guest.endpoint,
            "protocol": self.strange.protocol,
            "profile": None if is_modbus(self.strange) else self.strange.model,
            "addresses": len(self.addresses),
            "timeout_s": self.timeout_s,
            "about_s": round(total_s, 1),
            "beside": [device.name for device in poller.devices] if poller else [],
            **variant,
        }


async def scan(site: Site, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    """Yield the plan, each find, the progress, and a summary; raises StationError."""
    wanted = understood(Scan, request)
    wire = site.wire(wanted.link)
    variants = serial_variants(wanted)
    _may_change(site, wire, variants)
    strange = await asyncio.to_thread(_profile, site, wire, wanted)
    site.forbid_disturbing(wire, strange)
    addresses = parse_addresses(wanted.addresses) if wanted.addresses else _usual_addresses(strange)
    sweep = Sweep(site, wire, strange, addresses, wanted.timeout or TIMEOUT_S)
    found = unusable = 0
    for variant in variants:
        try:
            async with aclosing(sweep.over(variant)) as all_news:
                async for news in all_news:
                    found += news["event"] == "found"
                    yield news
        except LinkDownError as error:
            unusable += 1
            if unusable == len(variants):
                raise
            yield {"event": "skipped", "why": str(error), **variant}
    hint = "" if found else _next_step(wire, strange, tried_others=variants != [{}])
    yield {"event": "done", "found": found, **({"hint": hint} if hint else {})}


def _next_step(wire: LinkSettings, strange: Profile, *, tried_others: bool) -> str:
    """What else to try where nobody answered; empty where there is nothing that a scan could do."""
    again = f"station-agent scan {wire.name}"
    if wire.endpoint.kind != "serial":
        if not is_modbus(strange):
            return ""
        if strange.protocol == "modbus-rtu":
            return f"A gateway may speak Modbus TCP itself: {again} --protocol modbus-tcp"
        return f"A gateway may only pass bytes on: {again} --protocol modbus-rtu"
    return "" if tried_others else f"Check wires A and B, then try other settings: {again} --serial 9600,19200,4800"


def _usual_addresses(profile: Profile) -> list[int | str] | list[None]:
    """Those that instruments of *profile* can have; a single None where the requests name no address."""
    if is_modbus(profile):
        return parse_addresses(UNITS)
    if profile.dialogue and not any(names_address(request.send) for request in profile.dialogue.requests):
        return [None]
    return parse_addresses(LETTERS if isinstance(profile.address, str) else NUMBERS)


async def _answer(guest: Guest, device: Device) -> dict[str, Any] | None:
    """What *device* answers to its cheapest request; None when nothing does."""
    guest.heard.clear()
    guest.most_s = device.timeout_s
    try:
        await driver_on(guest, device).probe()
    except (NoReplyError, RefusedError):  # a refusal that comes here is a gateway's: probes take others for answers
        return None
    except BadReplyError as error:
        return {"answer": "damaged", "text": str(error)}
    received = b"".join(data for direction, data in guest.heard if direction == "rx")
    return {"answer": "proper", "raw": received.hex(" "), "text": "; ".join(notes_of(received, device, guest.kind))}


def _profile(site: Site, wire: LinkSettings, wanted: Scan) -> Profile:
    """What strangers are asked as: one model, or a Modbus unit of which nothing is known but one register.

    Where no device on the wire speaks Modbus, and nothing else is *wanted*, that model is the first device's.
    """
    if wanted.profile:
        return load_profile(wanted.profile, [site.settings.folder / "profiles"])
    neighbours = site.devices_on(wire.name)
    if neighbours and not wanted.protocol and not any(is_modbus(one.profile) for one in neighbours):
        return neighbours[0].profile
    protocol = wanted.protocol or modbus_among(neighbours)
    if not protocol.startswith("modbus"):
        hint = nearest(protocol, [one for one in protocol_names() if one.startswith("modbus")], "protocols to scan")
        raise WrongRequestError(f"a scan cannot ask in the protocol {protocol}; name a profile of it", hint=hint)
    return unit_profile(protocol, wanted.table, wanted.start)


def _may_change(site: Site, wire: LinkSettings, variants: list[dict[str, str]]) -> None:
    """Refuse other settings of the port where there are none, or others use it."""
    if variants == [{}]:
        return
    if wire.endpoint.kind != "serial":
        hint = f"Scan it as it is: station-agent scan {wire.name}"
        raise WrongRequestError(f"link {wire.name} is no serial line and has no baud rate", hint=hint)
    if poller := site.poller(wire.name):
        names = ", ".join(device.name for device in poller.devices)
        raise DisturbingError(
            f"link {wire.name} is being polled, and another baud rate or parity would disturb {names}",
            hint=f"Set enabled = false for {names}, run station-agent reload, and scan then",
        )


def _url(wire: LinkSettings, variant: Mapping[str, str]) -> str | None:
    if not variant:
        return None
    options = {**wire.endpoint.options, **variant}
    return f"serial://{wire.endpoint.path}?" + "&".join(f"{key}={value}" for key, value in options.items())
