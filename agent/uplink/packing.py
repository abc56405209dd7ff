"""From a range of seqs to the bytes of one batch; runs in the thread that reads the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.store.cursor import Range
from agent.store.reader import Reader
from agent.store.record import Row
from agent.uplink.batch import Envelope, packet_size, room, splice


@dataclass(frozen=True, slots=True)
class Order:
    """A batch to be made of records *first* to *last*, or of as many of them as *most* and *limit* allow.

    ``recalled`` are the records themselves, each with the head before it, when they are not the log's.
    """

    envelope: Envelope
    root: str
    first: int
    last: int
    most: int  # records
    limit: int  # bytes of the whole packet
    compress: Callable[[bytes], bytes] | None = None
    recalled: Sequence[tuple[bytes | None, Row]] | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """A batch ready to go; ``gone`` are seqs before it that the log does not have. Without a payload all are gone."""

    topic: str
    first: int
    last: int
    payload: bytes
    size: int  # bytes of the whole packet
    gone: Range | None = None

    @property
    def count(self) -> int:
        """How many records it has."""
        return self.last - self.first + 1 if self.payload else 0


def pack(reader: Reader, order: Order) -> Packed:
    """Make the batch of *order*. One record goes in even when it is too large: the caller sees the size."""
    envelope, topic = order.envelope, order.envelope.topic(order.root)
    fits = max(room(envelope, order.root, order.limit) - order.most, 1)  # a comma each
    prev, rows = _from_log(reader, order, fits) if order.recalled is None else _recalled(order.recalled, order, fits)
    if not rows:
        return Packed(topic, order.first, order.last, b"", 0, (order.first, order.last))
    first = rows[0].seq
    payload = splice(envelope, rows, prev)
    if order.compress is not None:
        payload = order.compress(payload)
    gone = (order.first, first - 1) if first > order.first else None
    return Packed(topic, first, rows[-1].seq, payload, packet_size(topic, payload), gone)


def _from_log(reader: Reader, order: Order, fits: int) -> tuple[bytes | None, Sequence[Row]]:
    """What goes into one batch, and the head before it."""
    series = order.envelope.epoch, order.envelope.stream
    rows = _in_line(reader.batch(*series, order.first, order.last, max_records=order.most, max_bytes=fits))
    return (reader.head_at(*series, rows[0].seq - 1) if rows else None), rows


def _recalled(linked: Sequence[tuple[bytes | None, Row]], order: Order, fits: int) -> tuple[bytes | None, list[Row]]:
    """The same from the records at hand."""
    rows: list[Row] = []
    for _, row in linked[: order.most]:
        fits -= len(row.body)
        if (rows and (fits < 0 or row.seq != rows[-1].seq + 1)) or row.seq > order.last:
            break
        rows.append(row)
    return (linked[0][0] if rows else None), rows


def _in_line(rows: Sequence[Row]) -> Sequence[Row]:
    """*rows* up to the first hole."""
    for n, row in enumerate(rows):
        if row.seq != rows[0].seq + n:
            return rows[:n]
    return rows
