"""What a driver is: the only module that other people's packages import.

A driver is given its device and its link, and opens neither. It turns channel
names into requests, gives each to :meth:`Link.exchange` with a function that
finds the answer among the bytes that come, and turns answers into readings.
Packages announce their drivers in the entry-point group ``station_agent.drivers``:
the name is the protocol as profiles write it, the object the :class:`Driver`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from drivers.decode import decode, graded
from drivers.errors import (
    BadReplyError,
    DriverError,
    LinkDownError,
    NoReplyError,
    ProfileError,
    RefusedError,
    StationError,
)
from drivers.link import Foreign, Found, FrameFinder, Garbage, Link
from drivers.profile import Channel, Profile
from drivers.reading import Quality, Reading, Scan, Stream, Value

__all__ = [
    "BadReplyError",
    "Channel",
    "Device",
    "Driver",
    "DriverError",
    "Foreign",
    "Found",
    "FrameFinder",
    "Garbage",
    "Link",
    "LinkDownError",
    "NoReplyError",
    "Profile",
    "ProfileError",
    "Quality",
    "Reading",
    "RefusedError",
    "RequestPlan",
    "Scan",
    "StationError",
    "Stream",
    "Value",
    "decode",
    "graded",
    "unread",
]

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Device:
    """One instrument of the station: its name, its address on the wire, its model."""

    name: str
    address: int | str | None
    profile: Profile
    timeout_s: float = 1.0
    pause_s: float = 0.0
    timezone: ZoneInfo = UTC


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """One request that a poll would send: in words, and what it costs on the wire, in bytes."""

    text: str
    sent: int
    expected: int


class Driver(ABC):
    """Reads one instrument over a link that it may share with others."""

    def __init__(self, device: Device, link: Link) -> None:
        self.device = device
        self.link = link

    @abstractmethod
    async def poll(self, channels: Collection[str]) -> Scan:
        """Read the named channels once; each of them gets a reading.

        A request that fails costs its own channels: they are None, ``comm_fault``,
        with the reason. Raises the first DriverError when no request gave anything.
        """

    @abstractmethod
    async def probe(self) -> None:
        """Send one cheap request; return when the instrument answered anything proper, raise DriverError else."""

    @abstractmethod
    def requests(self, channels: Collection[str]) -> list[RequestPlan]:
        """The requests that a poll of *channels* would send; nothing is sent."""


def unread(channel: str, error: DriverError) -> Reading:
    """The reading of a channel whose request failed with *error*."""
    return Reading(channel, None, Quality.COMM_FAULT, error.reason)
