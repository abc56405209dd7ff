"""The words of a station file, each with its default and its limits.

What one table alone cannot show, such as two devices with one address, is told by
:mod:`agent.stationfile.checks`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StringConstraints

from agent.paths import STORE, archive_beside, default_runtime
from agent.stationfile.spans import FileName, Rate, Text, size, span
from agent.stationfile.urls import Broker, broker_url, link_url, parse_broker
from drivers.endpoint import Endpoint, parse_url
from drivers.profile import Channel, Dialogue, HjCode, ModbusHabits, Name, Target, Words
from drivers.reading import Stream

CONSUMER = re.compile(r"consumer:([A-Za-z0-9_-]{1,32})")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError('a time zone is a name such as "Asia/Shanghai" or "UTC"') from None
    return name


def _address(address: object) -> int | str:
    if isinstance(address, int) and not isinstance(address, bool) and 0 <= address <= 65535:
        return address
    if isinstance(address, str) and re.fullmatch(r"[A-Za-z0-9_.:-]{1,32}", address):
        return address
    raise ValueError("an address is a number, or a short text of letters and digits")


def _confirm(confirm: str) -> str:
    if confirm != "puback" and not CONSUMER.fullmatch(confirm):
        raise ValueError('"puback", or "consumer:NAME" with a NAME of letters, digits, "_" and "-", at most 32')
    return confirm


def _root(root: str) -> str:
    if len(root) > 100 or not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", root):
        raise ValueError('levels of letters, digits, "_" and "-", with "/" only between them')
    return root


def _each_once(streams: tuple[Stream, ...]) -> tuple[Stream, ...]:
    if not streams or len(set(streams)) < len(streams):
        raise ValueError(f"a list of at least one of {', '.join(Stream)}, each once")
    return streams


Address = Annotated[int | str, BeforeValidator(_address)]
Group = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]


class StationSettings(Words):
    """The site, and where its people find the daemon."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    name: Text = ""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    runtime: FileName = Field(default_factory=default_runtime)
    read_group: Group = "station-agent"
    act_group: Group = "station-agent-op"

    @property
    def zone(self) -> ZoneInfo:
        """The zone of displays and of instruments' clocks; what is stored is UTC."""
        return ZoneInfo(self.timezone)


class ArchiveSettings(Words):
    """The sealed daily files that outlast the log."""

    path: FileName | None = None
    keep: Annotated[float, span("1d", "36500d")] = 1830 * 86400.0
    quota: Annotated[int, size("1MB", "1000TB")] = 20 * 10**9


class StoreSettings(Words):
    """The log, and what may wait for it."""

    path: FileName = STORE
    quota: Annotated[int, size("1MB", "1000TB")] = 20 * 10**9
    keep: Annotated[float, span("1h", "36500d")] = 400 * 86400.0
    memory: Annotated[int, size("1MB", "4GB")] = 64 * 10**6
    linger: Annotated[float, span("0s", "10s")] = 0.0
    archive: ArchiveSettings = ArchiveSettings()

    @property
    def archive_path(self) -> Path:
        """The folder of the archive; beside the log unless the file says otherwise."""
        return self.archive.path or archive_beside(self.path)


class LinkSettings(Words):
    """One wire. ``quiet`` is how long it must be silent after a time-out before the next request."""

    name: Name
    url: Annotated[str, AfterValidator(link_url)]
    timeout: Annotated[float, span("10ms", "5min")] = 1.0
    pause: Annotated[float, span("0s", "1min")] = 0.0
    quiet: Annotated[float, span("0s", "1min")] = 0.3

    @property
    def endpoint(self) -> Endpoint:
        """Where the wire leads."""
        return parse_url(self.url)


class ChannelHere(Words):
    """What a channel of a profile is at this one instrument, where its model alone does not decide it.

    A particulate monitor measures PM10 or PM2.5 according to the inlet that somebody put on it.
    """

    title: Text | None = None
    hj: HjCode | None = None


class DeviceSettings(Words):
    """One instrument: on a link or on a wire of its own, described by a profile or by channels in place."""

    name: Name
    title: Text = ""
    enabled: StrictBool = True
    link: Name | None = None
    url: Annotated[str, AfterValidator(link_url)] | None = None
    address: Address | None = None
    profile: Name | None = None
    protocol: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")] | None = None
    every: Annotated[float, span("10ms", "1d")]
    parameters_every: Annotated[float, span("10ms", "1d")] = 60.0
    timeout: Annotated[float, span("10ms", "5min")] | None = None
    pause: Annotated[float, span("0s", "1min")] | None = None
    affects: tuple[Target, ...] = ()
    modbus: ModbusHabits | None = None
    dialogue: Dialogue | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    channels: tuple[Channel, ...] = Field(default=(), alias="channel")
    channels_here: dict[Name, ChannelHere] = Field(default_factory=dict, alias="channels")

    @property
    def link_name(self) -> str:
        """The name of its wire; a wire of its own is called like the device."""
        return self.link or self.name


class UplinkSettings(Words):
    """One broker and how it is served."""

    name: Name
    url: Annotated[str, AfterValidator(broker_url)]
    streams: Annotated[tuple[Stream, ...], AfterValidator(_each_once)] = tuple(Stream)
    confirm: Annotated[str, AfterValidator(_confirm)] = "puback"
    compress: StrictBool = False
    ca_file: FileName | None = None
    cert_file: FileName | None = None
    key_file: FileName | None = None
    username: Text | None = None
    password_file: FileName | None = None
    client_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")] | None = None
    root: Annotated[str, AfterValidator(_root)] = "station/v1"
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    keepalive: Annotated[float, span("5s", "18h")] = 60.0
    window: int = Field(default=20, strict=True, ge=1, le=65535)
    batch: int = Field(default=200, strict=True, ge=1, le=10_000)
    max_packet: Annotated[int, size("1KiB", "256MB")] = 256 * 1024
    rate: Rate | None = None
    linger: Annotated[float, span("0s", "1min")] = 0.0
    spread: Annotated[float, span("0s", "1h")] = 5.0
    hold: Annotated[float, span("1h", "36500d")] = 30 * 86400.0
    start: Literal["now", "oldest"] = Field(default="now", alias="from")

    @property
    def broker(self) -> Broker:
        """Where the broker listens."""
        return parse_broker(self.url)

    @property
    def consumer(self) -> str | None:
        """The consumer whose acknowledgement moves the cursor; None when the broker's does."""
        match = CONSUMER.fullmatch(self.confirm)
        return match[1] if match else None

    def client(self, station: str) -> str:
        """The MQTT client id: no two connections at one broker may share it."""
        return self.client_id or f"{station}-{self.name}"


class StationFile(Words):
    """The whole file."""

    station: StationSettings
    store: StoreSettings = StoreSettings()
    links: tuple[LinkSettings, ...] = Field(default=(), alias="link")
    devices: tuple[DeviceSettings, ...] = Field(default=(), alias="device")
    uplinks: tuple[UplinkSettings, ...] = Field(default=(), alias="uplink")
