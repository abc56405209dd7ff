"""The profile of each device: read from a file by its name, or made of the channels written in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

import drivers
from agent.stationfile import guesses
from agent.stationfile.draft import Draft
from agent.stationfile.faults import Complaint, ConfigError, Fault, Locator
from agent.stationfile.pace import timeout_of
from agent.stationfile.textfile import parse, read_text
from agent.stationfile.wording import MISSING, complaints, meant
from agent.stationfile.words import DeviceSettings, LinkSettings
from drivers import catalog
from drivers.api import Device, Link
from drivers.errors import ProfileError
from drivers.profile import ModbusHabits, Profile, Words

SHIPPED = FilePath(drivers.__file__).parent / "profiles"


def find_profiles(draft: Draft) -> list[Fault]:
    """Give each device of *draft* its profile; returns the mistakes that stand in profile files, each once."""
    faults: dict[Fault, None] = {}
    for index, device in draft.devices.items():
        try:
            if device.profile:
                draft.profiles[index] = _adapted(_model(device.profile, draft), device)
            elif device.channels:
                draft.profiles[index] = _in_place(device)
        except ProfileError as error:
            found = _faults_in_file(str(device.profile), draft.folder)
            faults |= dict.fromkeys(found)
            if not found:
                draft.complaints.append(_missing(index, str(device.profile), draft.folder, error))
        except ValidationError as error:
            draft.unmade[index] = list(complaints(error, Profile, draft.raw["device"][index], ("device", index)))
    return list(faults)


def device_of(device: DeviceSettings, link: LinkSettings, profile: Profile, zone: ZoneInfo) -> Device:
    """Return *device* as drivers know it."""
    return Device(
        name=device.name,
        address=profile.address if device.address is None else device.address,
        profile=profile,
        timeout_s=timeout_of(device, link, profile),
        pause_s=(profile.pause or 0.0) if device.pause is None else device.pause,
        timezone=zone,
    )


def undrivable(draft: Draft) -> Iterator[Complaint]:
    """What only the driver of a device sees: it is made once, on a wire that stays closed."""
    for index, device in draft.devices.items():
        link, profile = draft.link_of(device), draft.profiles.get(index)
        if link is None or profile is None:
            continue
        try:
            catalog.make_driver(device_of(device, link, profile, ZoneInfo("UTC")), Link(link.name, link.url))
        except ProfileError as error:
            where, what = meant(str(error), draft.raw["device"][index])
            where = where or (("profile",) if device.profile else ())
            yield Complaint(("device", index, *where), what, error.hint)


def profile_folders(folder: FilePath) -> tuple[FilePath, ...]:
    """Where profiles are looked for: those of the station, in *folder* of its file, before those that ship."""
    return (folder / "profiles", SHIPPED)


def _model(name: str, draft: Draft) -> Profile:
    """The model of that name: the station's own file goes before the one that ships."""
    folders = profile_folders(draft.folder)[:1] if draft.remembered is None else ()
    content = _own_content(name, draft)
    if content is None:
        return catalog.load_profile(name, folders)
    profile = catalog.read_profile(content, f"profiles/{name}.toml")
    draft.own_profiles[name] = content.decode("utf-8")
    return profile


def _own_content(name: str, draft: Draft) -> bytes | None:
    """The station's own file of that name; None where there is none, and where only the catalog can say what it is."""
    if draft.remembered is not None:
        text = draft.remembered.get(name)
        return None if text is None else text.encode("utf-8")
    try:
        return (draft.folder / "profiles" / f"{name}.toml").read_bytes()
    except OSError:
        return None


def _adapted(profile: Profile, device: DeviceSettings) -> Profile:
    """The model as its file says, with what the station file says otherwise about this one instrument."""
    update: dict[str, object] = {}
    if device.protocol:
        update["protocol"] = device.protocol
    if device.modbus:
        update["modbus"] = profile.modbus.model_copy(update=_written(device.modbus))
    if device.options:
        update["options"] = profile.options | device.options
    if device.channels_here:
        here = {name: _written(words) for name, words in device.channels_here.items()}
        update["channels"] = tuple(each.model_copy(update=here.get(each.name, {})) for each in profile.channels)
    return profile.model_copy(update=update) if update else profile


def _written(words: Words) -> dict[str, Any]:
    return words.model_dump(include=words.model_fields_set)


def _in_place(device: DeviceSettings) -> Profile:
    return Profile(
        model=device.title or device.name,
        maker="",
        kind="described in the station file",
        manual="",
        source="station file",
        confidence="unverified",
        protocol=device.protocol or ("dialogue" if device.dialogue else "modbus"),
        modbus=device.modbus or ModbusHabits(),
        dialogue=device.dialogue,
        channel=device.channels,
        options=device.options,
    )


def _missing(index: int, name: str, folder: FilePath, error: ProfileError) -> Complaint:
    known = catalog.profile_names(profile_folders(folder))
    if name in known:
        return Complaint(("device", index, "profile"), str(error), error.hint)
    return Complaint(("device", index, "profile"), "there is no profile of this name", guesses.profile(name, known))


def _faults_in_file(name: str, folder: FilePath) -> list[Fault]:
    """The mistakes of the first file of that name, with the lines where they stand."""
    file = next((file for place in profile_folders(folder) if (file := place / f"{name}.toml").exists()), None)
    if file is None:
        return []
    shown = str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)
    try:
        parsed = parse(read_text(file), shown)
    except ConfigError as error:
        return list(error.faults)
    if not parsed.raw and parsed.faults:
        return [replace(fault, hint="") for fault in parsed.faults]
    try:
        Profile.model_validate(parsed.raw)
    except ValidationError as error:
        found = [each for each in complaints(error, Profile, parsed.raw, ()) if parsed.whole or each.message != MISSING]
        return [*parsed.faults, *Locator(shown, parsed.source, parsed.raw).faults(found)]
    return list(parsed.faults)
