"""What works, but probably not as meant: warnings beside a file that is accepted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from agent.paths import CREDENTIALS
from agent.stationfile.draft import Draft
from agent.stationfile.faults import Complaint
from agent.stationfile.pace import crowded_links, slow_neighbours
from agent.stationfile.targets import speaks_of_line

_FILES = ("ca_file", "cert_file", "key_file", "password_file")
_NUMBERED_PORT = re.compile(r"/dev/tty(USB|ACM)\d+")


def doubts(draft: Draft) -> Iterator[Complaint]:
    """Everything about an accepted *draft* that somebody should look at."""
    for doubt in (_nothing_to_do, _numbered_ports, _open_brokers, _files, _lines, crowded_links, slow_neighbours):
        yield from doubt(draft)


def _nothing_to_do(draft: Draft) -> Iterator[Complaint]:
    if not any(device.enabled for device in draft.devices.values()):
        yield Complaint((), "no [[device]] is enabled", "nothing is measured")
    if not draft.uplinks:
        yield Complaint((), "there is no [[uplink]]", "readings are kept here and delivered nowhere")


def _numbered_ports(draft: Draft) -> Iterator[Complaint]:
    urls: list[tuple[str, int, str | None]] = [("link", index, link.url) for index, link in draft.links.items()]
    urls += [("device", index, device.url) for index, device in draft.devices.items()]
    for kind, index, url in urls:
        if url and _NUMBERED_PORT.search(url):
            hint = "use its name under /dev/serial/by-id, or a udev rule as in systemd/"
            yield Complaint((kind, index, "url"), "this number may change when an adapter is plugged in anew", hint)


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
