"""Every way in which a Modbus instrument, gateway or wire is known to answer wrongly.

Each misbehaviour is called with the request and the honest reply, and returns
what is sent instead: pieces of (delay in seconds, bytes or Ending), or None for
silence. They work on MBAP and on RTU frames alike unless they say otherwise;
those that do not look into the frame serve text instruments as well.
"""

from __future__ import annotations

import struct

from agent.simulation.modbus_framing import crc16
from tests.simulators.pieces import Ending, Misbehave, Piece

__all__ = ["Ending", "Misbehave", "Piece"]


def is_mbap(reply: bytes) -> bool:
    """Whether *reply* has an MBAP header; an RTU reply never has two zero bytes and such a length there."""
    return len(reply) > 7 and reply[2:4] == b"\0\0" and int.from_bytes(reply[4:6], "big") == len(reply) - 6


def pdu_of(reply: bytes) -> bytes:
    """The PDU inside the frame *reply*."""
    return reply[7:] if is_mbap(reply) else reply[1:-2]


def reframe(reply: bytes, pdu: bytes, unit: int | None = None) -> bytes:
    """*pdu* in a correct frame like that of *reply*, from *unit* when it is given."""
    if is_mbap(reply):
        number = reply[6] if unit is None else unit
        return reply[:4] + struct.pack(">HB", len(pdu) + 1, number) + pdu
    frame = bytes([reply[0] if unit is None else unit]) + pdu
    return frame + crc16(frame)


def with_data(reply: bytes, data: bytes) -> bytes:
    """*reply* with other *data* and a byte count that fits it."""
    return reframe(reply, pdu_of(reply)[:1] + bytes([len(data)]) + data)


def silence(_request: bytes, _honest: bytes) -> None:
    """No reply at all."""
    return


def late(delay_s: float) -> Misbehave:
    """The right reply, after *delay_s*: on RTU it meets whoever asks next."""
    return lambda _request, honest: [(delay_s, honest)]


def one_behind() -> Misbehave:
    """Each request gets the reply that the request before it should have had; the first gets none."""
    replies: list[bytes] = []

    def stale(_request: bytes, honest: bytes) -> list[Piece] | None:
        replies.append(honest)
        return [(0, replies[-2])] if len(replies) > 1 else None

    return stale


def stale_with_transaction_zero() -> Misbehave:
    """MBAP: transaction 0 over the data of the request before this one, the case that no client may accept."""
    behind = one_behind()

    def stale(request: bytes, honest: bytes) -> list[Piece] | None:
        pieces = behind(request, honest)
        return pieces and [(0, b"\0\0" + piece[2:]) for _, piece in pieces if isinstance(piece, bytes)]

    return stale


def transaction_zero(_request: bytes, honest: bytes) -> list[Piece]:
    """MBAP: the right data under transaction 0."""
    return [(0, b"\0\0" + honest[2:])]


def wrong_transaction(_request: bytes, honest: bytes) -> list[Piece]:
    """MBAP: the right data under another transaction."""
    return [(0, bytes([honest[0] ^ 0x55, honest[1] ^ 0x55]) + honest[2:])]


def foreign_protocol(_request: bytes, honest: bytes) -> list[Piece]:
    """MBAP: a protocol identifier that is not Modbus's 0."""
    return [(0, honest[:2] + b"\0\1" + honest[4:])]


def wrong_length(_request: bytes, honest: bytes) -> list[Piece]:
    """MBAP: a header that promises four bytes more than come."""
    length = int.from_bytes(honest[4:6], "big") + 4
    return [(0, honest[:4] + length.to_bytes(2, "big") + honest[6:])]


def wrong_function(_request: bytes, honest: bytes) -> list[Piece]:
    """The answer of the neighbouring function: 4 for 3, 2 for 1, and back."""
    pdu = pdu_of(honest)
    neighbour = {1: 2, 2: 1, 3: 4, 4: 3}.get(pdu[0], 3)
    return [(0, reframe(honest, bytes([neighbour]) + pdu[1:]))]


def unknown_function(_request: bytes, honest: bytes) -> list[Piece]:
    """A function code that nobody defines."""
    return [(0, reframe(honest, b"\x64" + pdu_of(honest)[1:]))]


def wrong_unit(_request: bytes, honest: bytes) -> list[Piece]:
    """The right data from a unit that was not asked."""
    unit = (honest[6] if is_mbap(honest) else honest[0]) + 1
    return [(0, reframe(honest, pdu_of(honest), unit=unit & 0xFF))]


def too_few_registers(_request: bytes, honest: bytes) -> list[Piece]:
    """One register fewer than asked for, in a frame that is otherwise in order."""
    return [(0, with_data(honest, pdu_of(honest)[2:-2]))]


def too_many_registers(_request: bytes, honest: bytes) -> list[Piece]:
    """Three registers more than asked for, in a frame that is otherwise in order."""
    return [(0, with_data(honest, pdu_of(honest)[2:] + b"\x12\x34" * 3))]


def no_registers(_request: bytes, honest: bytes) -> list[Piece]:
    """A byte count of 0 and no data."""
    return [(0, with_data(honest, b""))]


def lying_byte_count(_request: bytes, honest: bytes) -> list[Piece]:
    """All the data, but a byte count of two less."""
    pdu = pdu_of(honest)
    return [(0, reframe(honest, pdu[:1] + bytes([pdu[1] - 2]) + pdu[2:]))]


def odd_byte_count(_request: bytes, honest: bytes) -> list[Piece]:
    """Half a register missing at the end."""
    return [(0, with_data(honest, pdu_of(honest)[2:-1]))]


def exception(code: int) -> Misbehave:
    """An exception reply with *code*, whatever it means."""
    return lambda request, honest: [(0, reframe(honest, bytes([_asked(request, honest) | 0x80, code])))]


def exception_to_another_function(request: bytes, honest: bytes) -> list[Piece]:
    """Exception 2, but to a function that was not asked."""
    return [(0, reframe(honest, bytes([(_asked(request, honest) ^ 7) | 0x80, 2])))]


def _asked(request: bytes, honest: bytes) -> int:
    return request[7] if is_mbap(honest) else request[1]


def garbage_before(_request: bytes, honest: bytes) -> list[Piece]:
    """Bytes of somebody else before the reply."""
    return [(0, b"\xfe\xff\x00\xa5\x5a" + honest)]


def garbage_after(_request: bytes, honest: bytes) -> list[Piece]:
    """Bytes of somebody else after the reply."""
    return [(0, honest + b"\xfe\xff\x00\xa5\x5a")]


def stub_before(_request: bytes, honest: bytes) -> list[Piece]:
    """The first three bytes of the reply, a pause, then the whole reply."""
    return [(0, honest[:3]), (0.05, honest)]


def bad_crc(_request: bytes, honest: bytes) -> list[Piece]:
    """RTU: the last byte of the CRC damaged."""
    return [(0, honest[:-1] + bytes([honest[-1] ^ 0xFF]))]


def flipped_bit(_request: bytes, honest: bytes) -> list[Piece]:
    """RTU: one bit of the data damaged, the CRC as it was."""
    return [(0, honest[:4] + bytes([honest[4] ^ 1]) + honest[5:])]


def echo_before(request: bytes, honest: bytes) -> list[Piece]:
    """The request comes back first, as from a two-wire adapter that hears itself."""
    return [(0, request + honest)]


def echo_only(request: bytes, _honest: bytes) -> list[Piece]:
    """Only the request comes back."""
    return [(0, request)]


def duplicate(_request: bytes, honest: bytes) -> list[Piece]:
    """The reply twice in a row."""
    return [(0, honest + honest)]


def duplicate_later(_request: bytes, honest: bytes) -> list[Piece]:
    """The reply, and again 50 ms later."""
    return [(0, honest), (0.05, honest)]


def byte_by_byte(_request: bytes, honest: bytes) -> list[Piece]:
    """The reply in single bytes, 1 ms apart."""
    return [(0.001, bytes([byte])) for byte in honest]


def in_two(pause_s: float) -> Misbehave:
    """The reply in two halves, *pause_s* apart."""
    return lambda _request, honest: [
        (0, honest[: len(honest) // 2]),
        (pause_s, honest[len(honest) // 2 :]),
    ]


def torn(_request: bytes, honest: bytes) -> list[Piece]:
    """The first half of the reply, and nothing more."""
    return [(0, honest[: len(honest) // 2])]


def close_without_reply(_request: bytes, _honest: bytes) -> list[Piece]:
    """The connection closed instead of a reply."""
    return [(0, Ending.CLOSE)]


def close_after_reply(_request: bytes, honest: bytes) -> list[Piece]:
    """The connection closed after each reply, as instruments with one socket do."""
    return [(0, honest), (0, Ending.CLOSE)]


def close_mid_reply(_request: bytes, honest: bytes) -> list[Piece]:
    """The connection closed in the middle of a reply."""
    return [(0, honest[: len(honest) // 2]), (0.01, Ending.CLOSE)]


def reset(_request: bytes, _honest: bytes) -> list[Piece]:
    """TCP: RST instead of a reply."""
    return [(0, Ending.RESET)]


def reset_mid_reply(_request: bytes, honest: bytes) -> list[Piece]:
    """TCP: RST in the middle of a reply."""
    return [(0, honest[: len(honest) // 2]), (0.01, Ending.RESET)]


def honestly(_request: bytes, honest: bytes) -> list[Piece]:
    """The right reply at once, to be combined with the others."""
    return [(0, honest)]


def in_turn(*steps: Misbehave) -> Misbehave:
    """One of *steps* per request, in order; when they are used up, honest replies."""
    left = list(steps)
    return lambda request, honest: (left.pop(0) if left else honestly)(request, honest)


def for_unit(number: int, misbehave: Misbehave) -> Misbehave:
    """*misbehave* for requests to one unit of several on the wire."""

    def one_unit(request: bytes, honest: bytes) -> list[Piece] | None:
        asked = request[6] if is_mbap(honest) else request[0]
        return (misbehave if asked == number else honestly)(request, honest)

    return one_unit
