"""Replies that are no more what they were: damaged, cut, lengthened, repeated, delayed, replaced.

A mutation is drawn by hypothesis and printed when a test fails. It never touches
what no protocol could notice: where frames have no checksum (MBAP leaves that to
TCP), only what stands around the data is damaged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.simulators.misbehaviour import is_mbap
from tests.simulators.pieces import Piece

HEADER = 9
"""Bytes of an MBAP answer before its data: header, function, byte count."""


@dataclass(frozen=True)
class Mutation:
    """What becomes of one honest reply. Places are shares of its length."""

    kind: str
    at: float
    size: int
    noise: bytes

    def __call__(self, request: bytes, honest: bytes) -> list[Piece]:
        """What is sent in place of *honest*."""
        changed = KINDS[self.kind](self, request, honest)
        if is_mbap(honest) and changed[:HEADER] == honest[:HEADER] and len(changed) >= len(honest):
            changed = honest + changed[len(honest) :]
        middle = len(changed) // 2
        return [(0, changed[:middle]), (0.001, changed[middle:])] if self.size % 3 == 0 else [(0, changed)]

    def place(self, honest: bytes) -> int:
        """Where it happens."""
        return min(int(self.at * len(honest)), len(honest) - 1)


def _flipped(one: Mutation, _request: bytes, honest: bytes) -> bytes:
    at = one.place(honest)
    return honest[:at] + bytes([honest[at] ^ (one.size or 1)]) + honest[at + 1 :]


def _without(one: Mutation, _request: bytes, honest: bytes) -> bytes:
    at = one.place(honest)
    return honest[:at] + honest[at + one.size :]


def _with(one: Mutation, _request: bytes, honest: bytes) -> bytes:
    at = one.place(honest)
    return honest[:at] + one.noise + honest[at:]


KINDS: dict[str, Callable[[Mutation, bytes, bytes], bytes]] = {
    "flipped": _flipped,
    "cut short": lambda one, _request, honest: honest[: one.place(honest)],
    "cut out": _without,
    "cut at the front": lambda one, _request, honest: honest[one.place(honest) + 1 :],
    "filled in": _with,
    "before": lambda one, _request, honest: one.noise + honest,
    "after": lambda one, _request, honest: honest + one.noise,
    "instead": lambda one, _request, _honest: one.noise,
    "twice": lambda _one, _request, honest: honest * 2,
    "many times": lambda one, _request, honest: honest * (one.size + 1),
    "backwards": lambda _one, _request, honest: honest[::-1],
    "halves exchanged": lambda one, _request, honest: honest[one.place(honest) :] + honest[: one.place(honest)],
    "echo first": lambda _one, request, honest: request + honest,
    "echo only": lambda _one, request, _honest: request,
    "nothing": lambda _one, _request, _honest: b"",
    "honest": lambda _one, _request, honest: honest,
}

mutations = st.builds(
    Mutation,
    kind=st.sampled_from(sorted(KINDS)),
    at=st.floats(0, 1, exclude_max=True),
    size=st.integers(1, 255),
    noise=st.one_of(
        st.binary(max_size=40), st.sampled_from([b"\r\n", b"\x02", b"\x03", b"\0\1\0\0\0\5", b"\1\x83\2", b"\1\3\x0c"])
    ),
)
