"""A Sensirion SFM5xxx, after the frames of sensirion-shdlc-driver 0.1."""

from __future__ import annotations

import struct

from tests.simulators.frame_instrument import FrameInstrument

STUFFED = {0x7E: b"\x7d\x5e", 0x7D: b"\x7d\x5d", 0x11: b"\x7d\x31", 0x13: b"\x7d\x33"}


class ShdlcMeter(FrameInstrument):
    """Answers command 08 for the scalings that it has; others with an error code in the state byte."""

    def __init__(self, address: int, flows: dict[int, float], *, state: int = 0) -> None:
        super().__init__()
        self.address = address
        self.flows = flows
        self.state = state

    def length_of(self, received: bytes) -> int | None:
        end = received.find(0x7E, 1)
        return end + 1 if end > 0 else None

    def reply(self, request: bytes) -> bytes:
        content = request[1:-1]
        for plain, stuffed in STUFFED.items():
            if plain != 0x7D:
                content = content.replace(stuffed, bytes([plain]))
        content = content.replace(STUFFED[0x7D], b"\x7d")
        address, command, length, scaling = content[:4]
        assert content[-1] == 255 - sum(content[:-1]) % 256
        assert (command, length) == (0x08, 1), "nothing but reading"
        if address != self.address:
            return b""
        data = struct.pack(">f", self.flows[scaling]) if scaling in self.flows else b""
        state = self.state if data else self.state | 0x04
        reply = bytes([address, command, state, len(data)]) + data
        reply += bytes([255 - sum(reply) % 256])
        return b"\x7e" + b"".join(STUFFED.get(byte, bytes([byte])) for byte in reply) + b"\x7e"
