"""Records: their canonical bytes, and the hash chain over them.

A record is encoded once, when it is made, in two parts around its seq; the
writer joins, hashes and stores those bytes, and batches splice them in as they
are. What is hashed is RFC 8785, so that anyone can rebuild it from the parsed
record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import rfc8785

from drivers.reading import Stream

_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EXACT = 2**53 - 1
_PLAINLY_WRITTEN_FROM = 1e-5
_AS_THEY_ARE = frozenset((str, bool, type(None)))


@dataclass(frozen=True, slots=True)
class Draft:
    """A record that has no seq yet: its bytes are ``head``, the seq in decimal digits, ``tail``."""

    stream: Stream
    time_ms: int
    head: bytes
    tail: bytes

    def body(self, seq: int) -> bytes:
        """The canonical bytes of the record as number *seq* of its stream."""
        return b"%b%d%b" % (self.head, seq, self.tail)


@dataclass(frozen=True, slots=True)
class Row:
    """A record as the log keeps it: canonical bytes, and the head of the chain after it (32 bytes)."""

    seq: int
    time_ms: int
    body: bytes
    head: bytes


def draft(stream: Stream, time: datetime, fields: Mapping[str, object]) -> Draft:
    """Encode the record of *fields* at *time* (aware); ``seq`` and ``time`` are added here.

    Raises ValueError for what JSON cannot carry: NaN, infinity, broken text, keys outside ASCII.
    """
    time_ms = to_ms(time)
    before = {key: value for key, value in fields.items() if key < "seq"}
    after = {key: value for key, value in fields.items() if key > "seq"}
    after["time"] = time_text(time_ms)
    if len(before) + len(after) != len(fields) + 1 or not all(map(str.isascii, fields)):
        raise ValueError(f"a record brings neither seq nor time, and its keys are ASCII: {sorted(fields)}")
    opened = canonical(before)[:-1] + b"," if before else b"{"
    return Draft(stream, time_ms, opened + b'"seq":', b"," + canonical(after)[1:])


def event(
    name: str,
    time: datetime,
    *,
    device: str | None = None,
    uplink: str | None = None,
    data: Mapping[str, object] | None = None,
    stream: Stream = Stream.EVENT,
    synced: bool = True,
) -> Draft:
    """An event, or with ``stream=Stream.AUDIT`` an audit record, called *name* (a past-tense constant).

    *synced* says whether the clock could be trusted.
    """
    clock = None if synced else "unsynced"
    fields = {"event": name, "device": device, "uplink": uplink, "data": data, "clock": clock}
    return draft(stream, time, {key: value for key, value in fields.items() if value is not None})


def to_ms(time: datetime) -> int:
    """Whole milliseconds since 1970 UTC; ValueError for a time without a zone."""
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone")
    return (time - _UNIX) // _MILLISECOND


def time_text(time_ms: int) -> str:
    """The time as records write it: ``2026-11-22T04:30:05.137Z``."""
    return (_UNIX + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds")[:-6] + "Z"


def canonical(value: object) -> bytes:
    """The RFC 8785 bytes of *value*; an integer that a double cannot hold is written as text.

    Raises ValueError for what JSON cannot carry, TypeError for what is no JSON value at all.
    """
    odd: list[float] = []
    plain = _plain(value, odd)
    try:
        text = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"not representable as JSON: {error}") from error
    if not odd and text.isascii():
        return text
    return rfc8785.dumps(plain)  # type: ignore[arg-type]  # _plain gave nothing but JSON values


def _plain(value: object, odd: list[float]) -> object:
    """*value* in the types that orjson writes as RFC 8785 does; floats that it writes otherwise are added to *odd*."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is float:
        assert isinstance(value, float)
        return _number(value, odd)
    if kind is int:
        assert isinstance(value, int)
        return value if -_EXACT <= value <= _EXACT else str(value)
    if isinstance(value, Mapping):
        return {key if type(key) is str else _key(key): _plain(item, odd) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, odd) for item in value]
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{kind.__name__} is not a JSON value")


def _number(value: float, odd: list[float]) -> float | int:
    if value.is_integer() and -_EXACT <= value <= _EXACT:
        return int(value)
    if not _PLAINLY_WRITTEN_FROM <= abs(value) < _EXACT:
        odd.append(value)
    return value


def _key(key: object) -> str:
    if isinstance(key, str):
        return str(key)
    raise TypeError(f"{key!r} is not a key of a JSON object")


def meta_id(dictionary: Mapping[str, object]) -> str:
    """The name of a dictionary of channels: the first 8 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(canonical(dictionary)).hexdigest()[:8]


def genesis(station: str, epoch: str, stream: Stream) -> bytes:
    """The head before the first record of a series."""
    return hashlib.sha256(f"station-agent/genesis/1\0{station}/{epoch}/{stream}".encode()).digest()


def next_head(head: bytes, body: bytes) -> bytes:
    """The head after the record *body* that follows *head*; both heads are raw digests of 32 bytes."""
    return hashlib.sha256(b"station-agent/record/1\0" + head + hashlib.sha256(body).digest()).digest()
