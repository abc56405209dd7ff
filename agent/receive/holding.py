"""What a consumer holds of one series: which seqs came, and enough heads to prove how they hang together. Pure.

A batch has to follow from what came before it and lead to what came after it; one
that contradicts what is known is refused as a whole. Records themselves are not
kept, so that this runs for months.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from agent.receive.unpacking import Batch
from agent.store.cursor import Cursor, Range, subtract
from agent.store.record import genesis
from drivers.reading import Stream

RECENT = 10_000
"""Heads kept per series beside those at the ends of ranges: duplicates of these are compared byte for byte."""


class Kind(StrEnum):
    """What a finding is about."""

    MALFORMED = "malformed"  # no batch, or not the one it says
    BROKEN = "chain_break"  # its heads contradict what is known
    CHANGED = "changed"  # a record came again with other content
    GAP = "gap"  # seqs were passed over; they may still come
    EPOCH = "epoch"  # a log that was not known before; not a fault


class Key(NamedTuple):
    """What a seq is unique in."""

    station: str
    epoch: str
    stream: Stream

    def __str__(self) -> str:
        return "/".join(self)


class ContradictionError(ValueError):
    """A batch or a state that cannot be true together with what came before it."""

    def __init__(self, kind: Kind, what: str) -> None:
        super().__init__(what)
        self.kind = kind


class Series:
    """What came of one series. A batch that contradicts what is known is refused as a whole."""

    def __init__(self, key: Key, *, whole: bool) -> None:
        self.key = key
        self.held = Cursor()
        self.gone: list[Range] = []  # the station has said that it no longer has them
        self.told_last = 0
        self._told_first = 1
        self._whole = whole
        self._heads = {0: genesis(*key)}

    def accept(self, batch: Batch) -> list[bytes]:
        """Take *batch* and return the records that are new; raises ContradictionError."""
        heads = self._heads_of(batch)
        fresh = self.held.gaps(batch.first, batch.last)
        for seq, head in heads.items():
            if self._heads.get(seq, head) != head:
                raise self._contradiction(seq)
        self._heads |= heads
        self.held.ack(batch.first, batch.last)
        self._forget()
        return [batch.bodies[seq - batch.first] for first, last in fresh for seq in range(first, last + 1)]

    def _heads_of(self, batch: Batch) -> dict[int, bytes]:
        """Head by seq as the batch proves them, that before its first record included."""
        known = self._heads.get(batch.first - 1)
        prev = batch.prev if batch.prev is not None else known
        if prev is None:  # proven by nothing but its own word
            return {batch.last: batch.head}
        if known is not None and known != prev:
            what = f"record {batch.first} is chained to another record {batch.first - 1} than the one that is known"
            raise ContradictionError(Kind.BROKEN, what)
        heads = batch.heads(prev)
        if heads[-1] != batch.head:
            what = f"the head after {batch.last} is not that of its records {batch.first} to {batch.last}"
            raise ContradictionError(Kind.BROKEN, what)
        return {batch.first - 1: prev} | dict(enumerate(heads, start=batch.first))

    def _contradiction(self, seq: int) -> ContradictionError:
        if self.held.covers(seq):
            return ContradictionError(Kind.CHANGED, f"record {seq} came again with other content")
        what = f"the head after record {seq} is not the one that was told for it"
        return ContradictionError(Kind.BROKEN, what)

    def _forget(self) -> None:
        if len(self._heads) > 2 * RECENT:
            ends = {0, self.held.upto} | {end for first, last in self.held.ranges for end in (first - 1, last)}
            recent = list(self._heads)[-RECENT:]
            self._heads = {seq: self._heads[seq] for seq in sorted(ends & self._heads.keys()) + recent}

    def tell(self, first: int, last: int, head: bytes) -> None:
        """The station says what its log has; raises ContradictionError when its head is not ours."""
        if self._heads.setdefault(last, head) != head:
            raise ContradictionError(Kind.BROKEN, f"the station says another head after record {last} than came here")
        self._told_first, self.told_last = first, max(last, self.told_last)

    def head(self, seq: int) -> bytes | None:
        """The head after *seq*, as long as it is remembered; that after ``held.upto`` always is."""
        return self._heads.get(seq)

    @property
    def last(self) -> int:
        """The highest seq that came."""
        return self.held.ranges[-1][1] if self.held.ranges else self.held.upto

    def gaps(self, *, tail: bool = False) -> list[Range]:
        """What is missing between the first and the last record; with *tail* also what the station says it has."""
        if self._whole:
            first = self._told_first
        else:
            first = 1 if self.held.upto else self.held.ranges[0][0] if self.held.ranges else self.told_last + 1
        return self.held.gaps(first, max(self.last, self.told_last) if tail else self.last)

    @property
    def wanted(self) -> list[Range]:
        """What the station could still send and did not."""
        return subtract(self.gaps(tail=True), self.gone)

    def count(self, last: int = 2**53) -> int:
        """How many different records came, up to seq *last*."""
        return last - self.held.missing(last)
