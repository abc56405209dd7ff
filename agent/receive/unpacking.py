"""A batch as a consumer gets it: taken apart into the very bytes of its records, and refused when it is not whole.

The counterpart of :mod:`agent.uplink.packing`, for ``receive`` and for the judge of the
demonstration. What comes from a broker is somebody else's word, so nothing here
trusts it: only the chain proves a record, and that is hashed over bytes as they
travelled, never over a new encoding.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.store.record import next_head
from agent.uplink.batch import Lane
from drivers.errors import StationError
from drivers.reading import Stream

MOST_BYTES = 268_435_455
"""Bytes of a decompressed batch: as much as MQTT could carry of it in plain."""

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_RECORDS = '"records":['
_DECODER = json.JSONDecoder()

Head = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seq = Annotated[int, Field(strict=True, ge=1, le=2**53 - 1)]


class BatchError(ValueError):
    """A message on a data topic that is no batch, or not the one it says; the text says why."""


class DecompressorMissingError(StationError):
    """The station compresses, and the library that undoes it is not installed here."""

    exit_code = 3

    def __init__(self) -> None:
        super().__init__(
            "the station sends compressed batches, and the package zstandard is not installed",
            hint="Install it with: pip install 'station-agent[zstd]'",
        )


class _Envelope(BaseModel):
    """Open for keys that we do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    v: Literal[1]
    station: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    epoch: Annotated[str, Field(pattern=r"^[a-z2-7]{12}$")]
    stream: Stream
    lane: Lane
    first: Seq
    last: Seq
    prev: Head | None
    head: Head
    replay: Annotated[str, Field(max_length=64)] | None = None
    records: Annotated[list[dict[str, Any]], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records *first* to *last* of one series as they travelled; ``prev`` is None where damage took that head."""

    station: str
    epoch: str
    stream: Stream
    lane: Lane
    first: int
    last: int
    prev: bytes | None
    head: bytes
    bodies: list[bytes]
    replay: str | None = None

    def heads(self, prev: bytes) -> list[bytes]:
        """The head after each record, when *prev* is the one before the first."""
        found = []
        for body in self.bodies:
            prev = next_head(prev, body)
            found.append(prev)
        return found


def unpack(levels: list[str], payload: bytes) -> Batch:
    """Take the message on ``…/STATION/data/STREAM/LANE`` apart; *levels* are those four.

    Raises BatchError, and DecompressorMissingError where the machine lacks what it takes.
    """
    text, words = _decoded(_plain(payload))
    try:
        envelope = _Envelope.model_validate(words)
    except ValidationError as error:
        raise BatchError(_first_fault(error)) from None
    said = [envelope.station, "data", envelope.stream, envelope.lane]
    if said != levels:
        raise BatchError(f"it says {'/'.join(said)} and came on {'/'.join(levels)}")
    bodies = _slices(text, envelope.records)
    _check_seqs(envelope)
    return Batch(
        envelope.station,
        envelope.epoch,
        envelope.stream,
        envelope.lane,
        envelope.first,
        envelope.last,
        bytes.fromhex(envelope.prev) if envelope.prev is not None else None,
        bytes.fromhex(envelope.head),
        bodies,
        envelope.replay,
    )


def _plain(payload: bytes) -> bytes:
    """The JSON of a payload that may be one zstd frame."""
    if not payload.startswith(_ZSTD_MAGIC):
        return payload
    try:
        library: Any = import_module("zstandard")
    except ImportError:
        raise DecompressorMissingError from None
    try:
        with library.ZstdDecompressor().stream_reader(io.BytesIO(payload)) as frame:
            plain: bytes = frame.read(MOST_BYTES + 1)
    except library.ZstdError as error:
        raise BatchError(f"its zstd frame is broken: {error}") from None
    if len(plain) > MOST_BYTES:
        raise BatchError(f"it is longer than {MOST_BYTES} bytes once decompressed")
    return plain


def _decoded(plain: bytes) -> tuple[str, object]:
    try:
        return plain.decode(), orjson.loads(plain)
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are
        raise BatchError(f"it is not JSON: {error}") from None


def _slices(text: str, records: list[dict[str, Any]]) -> list[bytes]:
    """The bytes of each record in *text*; BatchError when they do not mean what was decoded."""
    at = text.find(_RECORDS) + len(_RECORDS)
    bodies, decoded = [], []
    try:
        for _ in records:
            value, end = _DECODER.raw_decode(text, at)
            bodies.append(text[at:end].encode())
            decoded.append(value)
            at = end + 1
    except ValueError:
        decoded = []
    if decoded != records:
        raise BatchError("its records do not stand where a batch has them")
    return bodies


def _check_seqs(envelope: _Envelope) -> None:
    if len(envelope.records) != envelope.last - envelope.first + 1:
        raise BatchError(f"{envelope.first} to {envelope.last} cannot be {len(envelope.records)} records")
    for seq, record in enumerate(envelope.records, start=envelope.first):
        if record.get("seq") != seq:
            raise BatchError(f"record {record.get('seq')} stands in the place of {seq}")


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}" if where else fault["msg"]
