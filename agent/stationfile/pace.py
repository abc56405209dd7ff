"""Whether a wire can keep up: time-outs against intervals, and the share of time that a serial line is busy."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from agent.stationfile.draft import Draft
from agent.stationfile.faults import Complaint
from agent.stationfile.words import DeviceSettings, LinkSettings
from drivers.duration import show_duration
from drivers.endpoint import Endpoint
from drivers.profile import Channel, Profile
from drivers.reading import Stream

DEFAULT_TIMEOUT_S = 1.0
BUSY = 0.8
"""Above this share of its time a serial line has no room left for a repeated or a slow answer."""

_MODBUS_FRAME = 13  # characters of a request and of an answer besides its registers
_LEAST_DIALOGUE = 10  # characters of the shortest answers that carry a value


def shortest_interval(device: DeviceSettings) -> float:
    """Seconds between two polls of *device*, at the fastest."""
    return min(device.every, device.parameters_every)


def timeout_of(device: DeviceSettings, link: LinkSettings, profile: Profile) -> float:
    """Seconds to wait for an answer: as written for the device, the link or the model, else the default."""
    written = device.timeout or _link_timeout(link) or profile.timeout
    return written or min(DEFAULT_TIMEOUT_S, shortest_interval(device) / 2)


def slow_answers(draft: Draft) -> Iterator[Complaint]:
    """Time-outs of more than half an interval: one silent poll would take the next one with it."""
    for index, device in draft.devices.items():
        link, profile = draft.link_of(device), draft.profiles.get(index)
        longest = shortest_interval(device) / 2
        if link is None or profile is None or timeout_of(device, link, profile) <= longest:
            continue
        allowed = f"at most half the shortest interval of the device, {show_duration(longest)}"
        if device.timeout:
            yield Complaint(("device", index, "timeout"), allowed)
        elif _link_timeout(link):
            at = next(at for at, other in draft.links.items() if other is link)
            yield Complaint(("link", at, "timeout"), f'{allowed} for "{device.name}"')
        else:
            needed = show_duration(2 * (profile.timeout or 0))
            message = f"{profile.model} may take {show_duration(profile.timeout or 0)} to answer: at least {needed}"
            key = "every" if device.every <= device.parameters_every else "parameters_every"
            yield Complaint(("device", index, key), message, "or write timeout for this device")


def crowded_links(draft: Draft) -> Iterator[Complaint]:
    """Warn of serial lines that have more to carry than they can, by the least that the polls cost."""
    for index, link in draft.links.items():
        share = sum(
            busy_share(device, link.endpoint, link.pause, draft.profiles[at])
            for at, device in draft.devices.items()
            if device.link == link.name and device.enabled and at in draft.profiles
        )
        if share > BUSY:
            message = f"the polls on this line take at least {share:.0%} of its time"
            yield Complaint(("link", index), message, "poll less often, use a higher baud rate or a second line")


def slow_neighbours(draft: Draft) -> Iterator[Complaint]:
    """Warn of time-outs that would cost other devices of the wire their polls."""
    for index, device in draft.devices.items():
        link, profile = draft.link_of(device), draft.profiles.get(index)
        if link is None or profile is None or not device.enabled:
            continue
        timeout_s = timeout_of(device, link, profile)
        for other in draft.devices.values():
            if other.link == link.name and other.enabled and timeout_s > shortest_interval(other) / 2:
                message = f"when it is silent it holds the wire for {show_duration(timeout_s)}"
                yield Complaint(("device", index), message, f'"{other.name}" is due every {show_duration(other.every)}')
                break


def busy_share(device: DeviceSettings, endpoint: Endpoint, pause_s: float, profile: Profile) -> float:
    """The least share of a serial line's time that the polls of *device* take."""
    often = [channel for channel in profile.channels if channel.stream is Stream.MEASUREMENT or channel.decides]
    rarely = [channel for channel in profile.channels if channel not in often]
    return sum(
        _least_time(channels, endpoint, pause_s, profile) / interval
        for channels, interval in ((often, device.every), (rarely, device.parameters_every))
        if channels
    )


def _least_time(channels: list[Channel], endpoint: Endpoint, pause_s: float, profile: Profile) -> float:
    if profile.dialogue:
        asked = {(profile.dialogue.request(channel.request).send, channel.ask or "") for channel in channels}
        sends = [send.replace("{ask}", ask) for send, ask in asked]
        return sum((len(send) + _LEAST_DIALOGUE) * endpoint.character_s + pause_s for send in sends)
    registers = sum(1 if channel.table in ("coil", "discrete") else channel.registers for channel in channels)
    requests = ceil(registers / profile.modbus.block)
    pause_s = max(pause_s, profile.pause or 0)
    characters = _MODBUS_FRAME * requests + 2 * registers
    return characters * endpoint.character_s + requests * (pause_s + 2 * endpoint.silence_s)


def _link_timeout(link: LinkSettings) -> float | None:
    return link.timeout if "timeout" in link.model_fields_set else None
