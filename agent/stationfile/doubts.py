"""What works, but probably not as meant: warnings beside a file that is accepted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from agent.paths import CREDENTIALS
from agent.stationfile.draft import Draft, own_link
from agent.stationfile.faults import Complaint
from agent.stationfile.pace import crowded_links, slow_neighbours
from agent.stationfile.targets import speaks_of_line
from agent.stationfile.unlikely import unlikely

_FILES = ("ca_file", "cert_file", "key_file", "password_file")
_BAUDS = (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 76800, 115200, 128000, 230400, 250000)
_FAST_BAUDS = (256000, 460800, 500000, 921600, 1000000)
_NUMBERED_PORT = re.compile(r"/dev/tty(USB|ACM)\d+")


def doubts(draft: Draft) -> Iterator[Complaint]:
    """Everything about an accepted *draft* that somebody should look at."""
    for doubt in _DOUBTS:
        yield from doubt(draft)


def _nothing_to_do(draft: Draft) -> Iterator[Complaint]:
    if not any(device.enabled for device in draft.devices.values()):
        yield Complaint((), "no [[device]] is enabled", "nothing is measured")
    if not draft.uplinks:
        yield Complaint((), "there is no [[uplink]]", "readings are kept here and delivered nowhere")


def _serial_lines(draft: Draft) -> Iterator[Complaint]:
    wires = [(("link", index, "url"), link.endpoint) for index, link in draft.links.items()]
    alone = ((index, own_link(device)) for index, device in draft.devices.items() if device.url)
    wires += [(("device", index, "url"), link.endpoint) for index, link in alone]
    for path, endpoint in wires:
        if endpoint.kind != "serial":
            continue
        if _NUMBERED_PORT.search(endpoint.path):
            hint = "use its name under /dev/serial/by-id, or a udev rule as in systemd/"
            yield Complaint(path, "this number may change when an adapter is plugged in anew", hint)
        baud = int(endpoint.options["baud"])
        if baud not in (*_BAUDS, *_FAST_BAUDS):
            usual = min(_BAUDS, key=lambda one: abs(one - baud))
            yield Complaint(path, f"{baud} is no usual baud rate", f"did you mean {usual}?")


def _seven_bits(draft: Draft) -> Iterator[Complaint]:
    for index, device in draft.devices.items():
        link, profile = draft.link_of(device), draft.profiles.get(index)
        is_rtu = profile is not None and profile.protocol in ("modbus", "modbus-rtu")
        if is_rtu and link and link.endpoint.options.get("bytesize", "8") != "8":
            hint = 'write bytesize=8, or protocol = "modbus-ascii" where the instrument speaks that'
            yield Complaint(("device", index), "Modbus RTU needs 8 data bits", hint)


def _open_brokers(draft: Draft) -> Iterator[Complaint]:
    for index, uplink in draft.uplinks.items():
        if not uplink.broker.tls and not uplink.broker.is_local:
            what = "what is sent, the password too, can be read" if uplink.password_file else "what is sent can be read"
            yield Complaint(("uplink", index, "url"), f"not encrypted: {what} and changed on the way", "use mqtts://")


def _files(draft: Draft) -> Iterator[Complaint]:
    for index, uplink in draft.uplinks.items():
        for key in _FILES:
            file: Path | None = getattr(uplink, key)
            if file is not None and file.parent != CREDENTIALS and not os.path.exists(file):  # noqa: PTH110 - Path.exists raises where a folder is closed to this user
                yield Complaint(("uplink", index, key), "no such file, or this user may not see it")


def _lines(draft: Draft) -> Iterator[Complaint]:
    for index, device in draft.devices.items():
        profile = draft.profiles.get(index)
        if profile and not device.affects and device.enabled and speaks_of_line(profile):
            message = f"states of {profile.model} concern what is sampled through it, but affects is empty"
            yield Complaint(("device", index), message, 'list those devices: affects = ["so2", "nox"]')


def _models(draft: Draft) -> Iterator[Complaint]:
    """What can hardly be meant in channels written in place, and in profiles of the station's own."""
    for index, profile in draft.profiles.items():
        device = draft.devices[index]
        if device.channels:
            yield from (Complaint(("device", index, *path), what, hint) for path, what, hint in unlikely(profile))
        elif device.profile in draft.own_profiles:
            yield from (Complaint(("device", index, "profile"), what, hint) for _, what, hint in unlikely(profile))


_DOUBTS = (
    _nothing_to_do,
    _serial_lines,
    _seven_bits,
    _open_brokers,
    _files,
    _lines,
    _models,
    crowded_links,
    slow_neighbours,
)
