"""Batches: stored records joined byte for byte into one message.

Nothing here decodes a record. Sizes are those of the whole MQTT packet, for
that is what a broker limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any

from agent.store.record import Row
from drivers.errors import StationError
from drivers.reading import Stream

ENVELOPE = 360
"""Bytes: more than anything around the records of a batch takes, but for station, epoch and replay id."""

_LEVEL = 3
"""zstd level: stronger ones cost a small PC more than they save."""


class Lane(StrEnum):
    """The order in which records travel."""

    LIVE = "live"
    BACK = "back"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a batch says about all its records."""

    station: str
    epoch: str
    stream: Stream
    lane: Lane
    replay: str | None = None  # an id that was checked to need no escaping

    def topic(self, root: str) -> str:
        """Where the batch goes."""
        return f"{root}/{self.station}/data/{self.stream}/{self.lane}"


class ZstdMissingError(StationError):
    """An uplink is to compress, and the library is not there."""

    def __init__(self) -> None:
        super().__init__(
            "compress = true needs the package zstandard, which is not installed",
            hint="Install it with: pip install 'station-agent[zstd]', or set compress = false",
        )


def splice(envelope: Envelope, rows: Sequence[Row], prev: bytes | None) -> bytes:
    """The batch of *rows*, which follow each other; *prev* is the head before the first, None where damage took it."""
    before = f'"{prev.hex()}"' if prev is not None else "null"
    replay = f'"replay":"{envelope.replay}",' if envelope.replay is not None else ""
    opening = (
        f'{{"v":1,"station":"{envelope.station}","epoch":"{envelope.epoch}","stream":"{envelope.stream}",'
        f'"lane":"{envelope.lane}",{replay}"first":{rows[0].seq},"last":{rows[-1].seq},'
        f'"prev":{before},"head":"{rows[-1].head.hex()}","records":['
    )
    return b"".join((opening.encode(), b",".join([row.body for row in rows]), b"]}"))


def room(envelope: Envelope, root: str, limit: int) -> int:
    """How many bytes of records fit into a batch whose whole packet has *limit* bytes."""
    names = len(envelope.station) + len(envelope.epoch) + len(envelope.replay or "")
    return limit - ENVELOPE - names - len(envelope.topic(root))


def packet_size(topic: str, payload: bytes) -> int:
    """Bytes of the PUBLISH packet with QoS 1, as MQTT 5 counts it (3.1.1 needs one less)."""
    rest = 2 + len(topic) + 2 + 1 + len(payload)
    length = 1 if rest < 128 else 2 if rest < 16_384 else 3 if rest < 2_097_152 else 4
    return 1 + length + rest


class Compressor:
    """Makes a zstd frame of a batch; for use in one thread. Raises ZstdMissingError when it is made."""

    def __init__(self) -> None:
        try:
            # An extra: there is no wheel for 32-bit ARM.
            library: Any = import_module("zstandard")
        except ImportError:
            raise ZstdMissingError from None
        self._zstd = library.ZstdCompressor(level=_LEVEL)

    def __call__(self, payload: bytes) -> bytes:
        """One zstd frame, or *payload* itself when that is no longer."""
        frame: bytes = self._zstd.compress(payload)
        return frame if len(frame) < len(payload) else payload
