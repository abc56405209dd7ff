"""Mistakes that no table shows by itself: names, wires, addresses, descriptions, uplinks."""

from __future__ import annotations

from collections.abc import Iterator

from agent.stationfile import guesses
from agent.stationfile.draft import Draft, own_link
from agent.stationfile.faults import Complaint, nearest
from agent.stationfile.instruments import undrivable
from agent.stationfile.pace import slow_answers
from agent.stationfile.targets import unknown_targets
from agent.stationfile.urls import same_wire
from agent.stationfile.words import DeviceSettings, LinkSettings, UplinkSettings

_ENCRYPTED_ONLY = ("ca_file", "cert_file", "key_file")


def mistakes(draft: Draft) -> Iterator[Complaint]:
    """Every mistake of *draft*: in its tables, between them, and what drivers say about devices that are else right."""
    found = [*draft.complaints, *(complaint for check in _CHECKS for complaint in check(draft))]
    yield from found
    wrong = {complaint.path[:2] for complaint in found}
    for index, complaints in draft.unmade.items():
        if ("device", index) not in wrong:
            yield from complaints
    yield from (complaint for complaint in undrivable(draft) if complaint.path[:2] not in wrong)


def _names_twice(draft: Draft) -> Iterator[Complaint]:
    for kind in ("link", "device", "uplink"):
        seen: dict[str, int] = {}
        for index, name in draft.names(kind).items():
            if name in seen:
                yield Complaint((kind, index, "name"), f"{kind} {seen[name] + 1} already has this name")
            seen.setdefault(name, index)


def _channels_twice(draft: Draft) -> Iterator[Complaint]:
    for index, device in draft.devices.items():
        names = [channel.name for channel in device.channels]
        for at, name in enumerate(names):
            if name in names[:at]:
                yield Complaint(
                    ("device", index, "channel", at, "name"), "another channel of this device has this name"
                )


def _links_twice(draft: Draft) -> Iterator[Complaint]:
    seen: dict[tuple[str, str], str] = {}
    for index, link in draft.links.items():
        wire = same_wire(link.endpoint)
        if wire in seen:
            hint = "one wire is one link; devices share it by its name"
            yield Complaint(("link", index, "url"), f'link "{seen[wire]}" is already this wire', hint)
        seen.setdefault(wire, link.name)


def _wires(draft: Draft) -> Iterator[Complaint]:
    names = set(draft.names("link").values())
    taken = {same_wire(link.endpoint): (f'link "{link.name}"', link.name) for link in draft.links.values()}
    for index, device in draft.devices.items():
        yield from _link_or_url(draft, index, device, names)
        if device.url is None or device.link is not None or not device.enabled:
            continue
        wire = same_wire(own_link(device).endpoint)
        if wire in taken:
            other, link = taken[wire]
            hint = (
                f'write link = "{link}"' if link else "write one [[link]] with this url, and its name in both devices"
            )
            yield Complaint(("device", index, "url"), f"{other} is already on this wire", hint)
        taken.setdefault(wire, (f'device "{device.name}"', ""))


def _link_or_url(draft: Draft, index: int, device: DeviceSettings, names: set[str]) -> Iterator[Complaint]:
    path = ("device", index)
    if not draft.wrote(*path, "link") and not draft.wrote(*path, "url"):
        yield Complaint(path, "link is missing", "name a [[link]] in link, or write url when it is alone on its wire")
    elif device.link is not None and device.url is not None:
        yield Complaint((*path, "url"), f'the wire is already said by link = "{device.link}"', "keep one of the two")
    elif device.link is not None and device.link not in names:
        known = nearest(device.link, names) or f"links: {', '.join(sorted(names)) or 'none'}"
        yield Complaint((*path, "link"), "there is no [[link]] of this name", known)
    elif device.url is not None and device.name in names:
        hint = 'a wire of its own is called like the device: write link = "NAME", or rename one of them'
        yield Complaint((*path, "name"), "a [[link]] has this name too", hint)


def _descriptions(draft: Draft) -> Iterator[Complaint]:
    for index, device in draft.devices.items():
        path = ("device", index)
        if device.profile and device.channels:
            yield Complaint((*path, "profile"), "the channels are written in place too", "keep one of the two")
        elif not draft.wrote(*path, "profile") and not draft.wrote(*path, "channel"):
            hint = "name its model in profile, or write [[device.channel]]; models: station-agent profiles"
            yield Complaint(path, "profile is missing", hint)
        elif device.profile and device.dialogue:
            yield Complaint((*path, "dialogue"), "the profile already says how this model talks", "remove it")


def _channels_here(draft: Draft) -> Iterator[Complaint]:
    """What is said about channels of a profile that it does not have."""
    for index, profile in draft.profiles.items():
        device, known = draft.devices[index], [channel.name for channel in profile.channels]
        for name in device.channels_here:
            path = ("device", index, "channels", name)
            if device.channels:
                hint = "say it in [[device.channel]]"
                yield Complaint(path, "the channels are written in place", hint, shows=False)
            elif name not in known:
                hint = nearest(name, known) or f"it has {', '.join(known[:8])}"
                yield Complaint(path, "not a channel of this profile", hint, shows=False)


def _addresses(draft: Draft) -> Iterator[Complaint]:
    """An address is needed wherever several instruments can be on one pair of wires."""
    for index, device in draft.devices.items():
        link, profile = draft.link_of(device), draft.profiles.get(index)
        if link is None or profile is None:
            continue
        is_modbus = profile.protocol.startswith("modbus")
        asks = any("{address" in request.send for request in (profile.dialogue.requests if profile.dialogue else ()))
        if not draft.wrote("device", index, "address") and link.endpoint.kind == "serial" and (is_modbus or asks):
            factory = (
                f"{profile.model} leaves the factory with {profile.address}" if profile.address is not None else ""
            )
            yield Complaint(("device", index), "address is missing, and a serial line needs it", factory)
        elif device.address is not None and is_modbus:
            yield from _modbus_address(index, device, link)


def _modbus_address(index: int, device: DeviceSettings, link: LinkSettings) -> Iterator[Complaint]:
    low, high = (1, 247) if link.endpoint.kind == "serial" else (0, 255)
    if not isinstance(device.address, int) or not low <= device.address <= high:
        what = f"a Modbus address here is a number from {low} to {high}"
        yield Complaint(("device", index, "address"), what, guesses.number(device.address))


def _address_twice(draft: Draft) -> Iterator[Complaint]:
    seen: dict[tuple[str, str, object], str] = {}
    for index, device in draft.devices.items():
        profile = draft.profiles.get(index)
        if profile is None or device.link is None or not device.enabled or _wrong_address(draft, index, device):
            continue
        family = profile.protocol.split("-")[0]
        here = (device.link, family, device.address)
        if here in seen:
            path = ("device", index, "address") if device.address is not None else ("device", index)
            said = "this address" if device.address is not None else "no address either"
            yield Complaint(path, f'device "{seen[here]}" on link "{device.link}" has {said}', "give each its own")
        seen.setdefault(here, device.name)


def _wrong_address(draft: Draft, index: int, device: DeviceSettings) -> bool:
    return device.address is None and draft.wrote("device", index, "address")


def _uplinks(draft: Draft) -> Iterator[Complaint]:
    for index, uplink in draft.uplinks.items():
        path = ("uplink", index)
        if not uplink.broker.tls:
            for key in _ENCRYPTED_ONLY:
                if getattr(uplink, key) is not None:
                    yield Complaint((*path, key), "mqtt:// does not encrypt and uses no such file", "write mqtts://")
        if uplink.key_file and not draft.wrote(*path, "cert_file"):
            yield Complaint((*path, "key_file"), "a key is of no use without its certificate", "name it in cert_file")
        if uplink.password_file and not draft.wrote(*path, "username"):
            yield Complaint((*path, "password_file"), "a password needs a username")


def _clients_twice(draft: Draft) -> Iterator[Complaint]:
    seen: dict[tuple[str, int, str], UplinkSettings] = {}
    station = draft.station.id if draft.station else ""
    for index, uplink in draft.uplinks.items():
        here = (uplink.broker.host, uplink.broker.port, uplink.client(station))
        if here in seen:
            path = ("uplink", index, "client_id") if uplink.client_id else ("uplink", index)
            hint = "a broker throws one of the two out, for ever; give each its own client_id"
            yield Complaint(path, f'uplink "{seen[here].name}" has this client id at this broker', hint)
        seen.setdefault(here, uplink)


_CHECKS = (
    _names_twice,
    _channels_twice,
    _links_twice,
    _wires,
    _descriptions,
    _channels_here,
    _addresses,
    _address_twice,
    slow_answers,
    unknown_targets,
    _uplinks,
    _clients_twice,
)
