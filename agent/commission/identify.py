"""``identify``: which profiles fit what answers, and how well. A fit is no proof: many models share a map."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from typing import Any

from agent.commission.fit import Fit, judged
from agent.commission.guest import Guest
from agent.commission.listen import LONGEST
from agent.commission.played import Interpreter
from agent.commission.site import Site, driver_on
from agent.commission.strangers import is_modbus, modbus_among, stranger, unit_profile
from agent.commission.words import Identify, understood
from agent.settings import LinkSettings
from drivers.api import Device, DriverError, Profile, ProfileError, Scan
from drivers.catalog import load_profile, profile_names

TIMEOUT_S = 0.5
LISTEN_S = 2.0
FIRST_UNIT = 1


async def identify(site: Site, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    """Yield the plan, progress, and the profiles that fit, best first; raises StationError."""
    wanted = understood(Identify, request)
    wire = site.wire(wanted.link)
    candidates = await asyncio.to_thread(_candidates, site, wire, wanted.profiles)  # many files: others need the loop
    timeout_s = wanted.timeout or TIMEOUT_S
    fits: list[Fit] = []
    async with site.guest(wire) as guest:
        guest.most_s = timeout_s
        await guest.open()
        about_s = round(len(candidates) * guest.longest_s(timeout_s))
        plan = {"link": wire.name, "endpoint": guest.endpoint, "profiles": len(candidates), "about_s": about_s}
        yield {"event": "plan", **plan}
        talkers = any(_only_talks(profile) for profile in candidates.values())
        line = await _overheard(guest, LISTEN_S) if talkers else b""
        modbus = await _answers_modbus(guest, modbus_among(site.devices_on(wire.name)), wanted.address, timeout_s)
        for number, (name, profile) in enumerate(candidates.items(), 1):
            if modbus or not is_modbus(profile):
                device = stranger(_address(profile, wanted.address), profile, timeout_s)
                if scan := await _answer(guest, device, line):
                    fits += judged(name, profile, scan, wire.endpoint, replies(guest.heard) or [line])
            yield {"event": "progress", "asked": number, "of": len(candidates), "found": len(fits)}
        await guest.open()  # where the wire was lost this says so; better than that nothing fits
    for fit in sorted(fits, key=lambda fit: (-fit.score, -fit.channels, fit.profile)):
        yield {"event": "fit", **asdict(fit)}
    yield {"event": "done", "fits": len(fits)}


def _candidates(site: Site, wire: LinkSettings, names: Iterable[str]) -> dict[str, Profile]:
    """The profiles to try, Modbus first: those of *names*, else all, or all that speak as a polled link does."""
    folders = [site.settings.folder / "profiles"]
    neighbours = site.devices_on(wire.name)
    spoken = {is_modbus(device.profile) for device in neighbours}
    frames = {"protocol": modbus_among(neighbours)}
    found: dict[str, Profile] = {}
    for name in names or profile_names(folders):
        profile = load_profile(name, folders)
        if profile.protocol == "modbus":
            profile = profile.model_copy(update=frames)
        if names:
            site.forbid_disturbing(wire, profile)
        elif site.poller(wire.name) and is_modbus(profile) not in spoken:
            continue
        found[name] = profile
    return dict(sorted(found.items(), key=lambda one: not is_modbus(one[1])))


def _address(profile: Profile, wanted: int | str | None) -> int | str | None:
    """The address to ask at: the one that was named, else the usual one."""
    if wanted is not None:
        return wanted
    return FIRST_UNIT if is_modbus(profile) else profile.address


def replies(heard: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """What came between two questions, each time as a whole."""
    groups = groupby(heard, key=itemgetter(0))
    return [b"".join(data for _, data in pieces) for direction, pieces in groups if direction == "rx"]


def _only_talks(profile: Profile) -> bool:
    """Whether instruments of *profile* are never asked: their lines come by themselves."""
    return profile.dialogue is not None and not any(request.send for request in profile.dialogue.requests)


async def _overheard(guest: Guest, seconds: float) -> bytes:
    """What the line says by itself, to be compared with profiles that only listen."""
    heard = bytearray()
    stop = guest.listen(lambda data: heard.extend(data[: LONGEST - len(heard)]))
    try:
        await asyncio.sleep(seconds)
    finally:
        stop()
    return bytes(heard)


async def _answers_modbus(guest: Guest, protocol: str, address: int | str | None, timeout_s: float) -> bool:
    """Whether a Modbus unit answers at all: else none of many profiles need cost a time-out."""
    unit = FIRST_UNIT if address is None else address
    if not isinstance(unit, int):
        return False
    try:
        await driver_on(guest, stranger(unit, unit_profile(protocol), timeout_s)).probe()
    except (DriverError, ProfileError):
        await guest.close()
        return False
    return True


async def _answer(guest: Guest, device: Device, line: bytes) -> Scan | None:
    """What *device* reads, asked for where it can be asked, else from what was overheard; None when it is silent."""
    guest.heard.clear()
    try:
        if _only_talks(device.profile):
            return await Interpreter(device, guest.kind).read(line)
        driver = driver_on(guest, device)
        await driver.probe()
        return await driver.poll([channel.name for channel in device.profile.channels])
    except (DriverError, ProfileError):  # a profile that needs another kind of address
        return None
