"""A wire on which replies come late, twice, through each other, damaged, torn or from somebody else.

Everything that it does is thrown with one dice, so that a seed tells the whole story. It keeps to
what wires and instruments do: a unit answers in the order in which it was asked, and a second copy comes
within :data:`COPY_S`. Damage is such as a checksum finds for certain; what passes it by chance, as one
in 65,536 does for 16 bits, is thrown again and counted: no receiver can know better.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from drivers.link import Link
from drivers.wire import Wire

COPY_S = 2.0
LATE_S = (0.1, 3.0)
QUICK_S = (0.001, 0.02)

Piece = tuple[float, bytes]


class Reply(NamedTuple):
    """Who answers, and what."""

    unit: int
    frame: bytes


class Instruments(Protocol):
    """Who is on the wire."""

    def answer(self, request: bytes) -> Reply:
        """What an honest unit says to *request*."""

    def forged(self, sent: bytes, frame: bytes) -> bool:
        """Whether *sent* holds what passes by chance for a reply like *frame*, and is another one."""


class ConfusedBus(Wire):
    """Stands in the place of a link's wire.

    ``kinds`` is what it does to replies and how often, by the names of its methods; ``told`` counts them.
    ``late_s`` is how late a late reply comes, from and to.
    """

    def __init__(self, link: Link, instruments: Instruments, dice: random.Random, *, kinds: dict[str, int]) -> None:
        super().__init__(link.name, link._endpoint, link._hear, link._lose)
        link._wire = self
        self.told: Counter[str] = Counter()
        self.forged = 0
        self._instruments = instruments
        self._dice = dice
        self.kinds = kinds
        self.late_s = LATE_S
        self._free_at: dict[int, float] = {}  # when a unit has said what it owes
        self._heard: deque[Reply] = deque([Reply(0, b"\0")], maxlen=8)

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    def write(self, data: bytes) -> None:
        """Have the unit that *data* is for answer in one of the ways."""
        reply = self._instruments.answer(data)
        kind = self._dice.choices(list(self.kinds), list(self.kinds.values()))[0]
        self.told[kind] += 1
        begin_s = self._when(reply.unit, late=kind == "late")
        for delay_s, piece in self._pieces_of(kind, data, reply):
            self._loop().call_at(begin_s + delay_s, self.on_bytes, piece)
        self._heard.append(reply)

    def _pieces_of(self, kind: str, request: bytes, reply: Reply) -> list[Piece]:
        while True:
            pieces: list[Piece] = list(getattr(self, f"_{kind}")(request, reply))
            if not self._instruments.forged(b"".join(piece for _, piece in pieces), reply.frame):
                return pieces
            self.forged += 1

    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def _when(self, unit: int, *, late: bool) -> float:
        """When *unit* says what it was asked just now: after all that it was asked before."""
        begin_s = self._loop().time() + self._dice.uniform(*(self.late_s if late else QUICK_S))
        self._free_at[unit] = max(begin_s, self._free_at.get(unit, 0.0) + QUICK_S[0])
        return self._free_at[unit]

    def _others(self, unit: int) -> bytes:
        """What another unit said a moment ago."""
        return next((one.frame for one in reversed(self._heard) if one.unit != unit), b"\0")

    def _honest(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        yield 0.0, reply.frame

    _late = _honest

    def _silent(self, _request: bytes, _reply: Reply) -> Iterator[Piece]:
        yield from ()

    def _twice(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        yield 0.0, reply.frame
        yield self._dice.choice((0.0, 0.004, self._dice.uniform(0, COPY_S))), reply.frame

    def _before(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        yield 0.0, self._others(reply.unit) + reply.frame

    def _instead(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        yield 0.0, self._others(reply.unit)

    def _interleaved(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        """The beginnings of two frames, then their ends."""
        frames = [reply.frame, self._others(reply.unit)]
        self._dice.shuffle(frames)
        cuts = [self._cut(frame) for frame in frames]
        yield 0.0, frames[0][: cuts[0]] + frames[1][: cuts[1]]
        yield self._dice.uniform(0, 0.01), frames[0][cuts[0] :] + frames[1][cuts[1] :]

    def _inside(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        other = self._others(reply.unit)
        cut = self._cut(other)
        yield 0.0, other[:cut] + reply.frame + other[cut:]

    def _pieces(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        cut = self._cut(reply.frame)
        yield 0.0, reply.frame[:cut]
        yield self._dice.uniform(0, 0.5), reply.frame[cut:]

    def _torn(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        yield 0.0, reply.frame[: self._cut(reply.frame)]

    def _headless(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        yield 0.0, reply.frame[self._cut(reply.frame) :]

    def _noisy(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        yield 0.0, self._dice.randbytes(self._dice.randint(1, 12)) + reply.frame

    def _echoed(self, request: bytes, reply: Reply) -> Iterator[Piece]:
        yield 0.0, request + reply.frame

    def _damaged(self, _request: bytes, reply: Reply) -> Iterator[Piece]:
        """A burst of up to eight bits, anywhere."""
        at = self._dice.randrange(8 * len(reply.frame) - 8)
        burst = self._dice.randrange(1, 256) << at
        yield 0.0, (int.from_bytes(reply.frame, "big") ^ burst).to_bytes(len(reply.frame), "big")

    def _cut(self, frame: bytes) -> int:
        return self._dice.randrange(1, len(frame)) if len(frame) > 1 else 1
