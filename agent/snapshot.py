"""What the snapshot says of links and devices, as plain data."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from agent.polling.device import DevicePoller
from agent.polling.poller import LinkPoller
from drivers.counters import Counters
from drivers.profile import Channel
from drivers.reading import Quality, Reading
from drivers.swapped import swapped
from drivers.units import shown


def link_words(name: str, poller: LinkPoller) -> dict[str, Any]:
    """One wire."""
    link = poller.link
    return {
        "name": name,
        "endpoint": link.endpoint,
        "kind": link.kind,
        "up": link.up,
        "share": round(min(link.share, 1.0), 4),  # a wait that goes on is counted as a whole
    }


def device_words(device: DevicePoller, link: str) -> dict[str, Any]:
    """One device, with the last reading of each of its channels."""
    condition = device.condition
    counters = device.counters
    return {
        "name": device.name,
        "link": link,
        "address": device.driver.device.address,
        "profile": f"{device.profile.maker} {device.profile.model}",
        "every_s": device.every_s,
        "state": condition.state,
        "since": condition.since,
        "reason": condition.reason,
        "error": condition.error,
        "hint": condition.hint,
        "polled": condition.polled,
        "failed": condition.failed,
        "missed": condition.missed,
        "losses": condition.lost_of_late,
        "counters": counters and counter_words(counters),
        "last_time": condition.last_time,
        "channels": [
            _channel(device, channel, *condition.last[channel.name])
            for channel in device.profile.channels
            if channel.name in condition.last
        ],
    }


def _channel(device: DevicePoller, channel: Channel, reading: Reading, quality: Quality) -> dict[str, Any]:
    words: dict[str, Any] = {
        "name": channel.name,
        "title": channel.title,
        "stream": channel.stream,
        "group": channel.group,
        "value": reading.value,
        "unit": shown(channel.unit),
        "quality": quality,
    }
    words |= {key: limits for key in ("range", "normal") if (limits := getattr(channel, key))}
    if swap := swapped(channel, reading, device.profile.modbus.order):
        words["order"] = {"is": swap.order, "value": swap.value}
    return words


def counter_words(counters: Counters) -> dict[str, Any]:
    """What became of the requests to one device; shares are parts of the wire's time in the last minutes."""
    now_s = time.monotonic()
    return {
        "asked": counters.asked,
        "good": counters.good,
        "refused": counters.refused,
        "timeouts": counters.timeouts,
        "checksum": counters.checksum,
        "bad": counters.bad,
        "late": counters.late,
        "strange": counters.strange,
        "median_s": counters.median_s,
        "worst_s": counters.worst_s,
        "latest_s": counters.latest_s,
        "share": round(counters.held.at(now_s), 4),
        "wasted": round(counters.wasted.at(now_s), 4),
    }


def disk_words(folder: Path) -> dict[str, Any] | None:
    """The room on the file system of *folder*, in bytes; None where it cannot be asked. A sick disk takes long."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return {
        "folder": str(folder),
        "free": found.f_bavail * found.f_frsize,
        "total": found.f_blocks * found.f_frsize,
    }
