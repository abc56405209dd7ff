"""From a range of seqs to the bytes of one batch; runs in the thread that reads the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.cursor import Range
from agent.reader import Reader
from agent.record import Row
from agent.uplink.batch import Envelope, packet_size, room, splice


@dataclass(frozen=True, slots=True)
class Order:
    """A batch to be made of records *first* to *last*, or of as many of them as *most* and *limit* allow."""

    envelope: Envelope
    root: str
    first: int
    last: int
    most: int  # records
    limit: int  # bytes of the whole packet
    compress: Callable[[bytes], bytes] | None = None


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
    fits = room(envelope, order.root, order.limit) - order.most  # a comma each
    rows = _in_line(
        reader.batch(
            envelope.epoch, envelope.stream, order.first, order.last, max_records=order.most, max_bytes=max(fits, 1)
        )
    )
    if not rows:
        return Packed(topic, order.first, order.last, b"", 0, (order.first, order.last))
    first = rows[0].seq
    payload = splice(envelope, rows, reader.head_at(envelope.epoch, envelope.stream, first - 1))
    if order.compress is not None:
        payload = order.compress(payload)
    gone = (order.first, first - 1) if first > order.first else None
    return Packed(topic, first, rows[-1].seq, payload, packet_size(topic, payload), gone)


def _in_line(rows: Sequence[Row]) -> Sequence[Row]:
    """*rows* up to the first hole."""
    for n, row in enumerate(rows):
        if row.seq != rows[0].seq + n:
            return rows[:n]
    return rows
