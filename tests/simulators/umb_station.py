"""A Lufft UMB weather station, after the WSxxx manual, sections 19.3.1 to 19.3.5, and lufft-python for command 2F."""

from __future__ import annotations

import struct

from tests.simulators.frame_instrument import FrameInstrument

Answer = tuple[int, int, bytes]
"""Status, type byte and value of a channel; a status other than 0 goes out without type and value."""


def crc(data: bytes) -> int:
    """Bit by bit, as the appendix of the manual has it: data from the least significant bit, polynomial 8408."""
    register = 0xFFFF
    for byte in data:
        for place in range(8):
            mix = (register & 1) ^ (byte >> place & 1)
            register >>= 1
            if mix:
                register ^= 0x8408
    return register


class UmbStation(FrameInstrument):
    """Answers commands 23 and, unless it is `old`, 2F to its own address."""

    def __init__(self, address: int, channels: dict[int, Answer], *, old: bool = False) -> None:
        super().__init__()
        self.address = address
        self.channels = channels
        self.old = old

    def length_of(self, received: bytes) -> int | None:
        if len(received) < 7 or len(received) < 12 + received[6]:
            return None
        return 12 + received[6]

    def reply(self, request: bytes) -> bytes:
        to, sender = struct.unpack("<HH", request[2:6])
        payload = request[8:-4]
        assert request[:2] == b"\x01\x10"
        assert request[7] == 0x02
        assert request[-4] == 0x03
        assert request[-1] == 0x04
        assert crc(request[:-3]).to_bytes(2, "little") == request[-3:-1]
        return self._frame(sender, self._payload(payload)) if to == self.address else b""

    def _payload(self, payload: bytes) -> bytes:
        command, version = payload[:2]
        if command == 0x23:
            return bytes([command, version]) + self._one(int.from_bytes(payload[2:4], "little"))
        assert command == 0x2F, "nothing but reading"
        if self.old:
            return bytes([command, version, 0x10])
        numbers = struct.unpack(f"<{payload[2]}H", payload[3:])
        parts = [self._one(number) for number in numbers]
        return bytes([command, version, 0, len(parts)]) + b"".join(bytes([len(part)]) + part for part in parts)

    def _one(self, number: int) -> bytes:
        status, kind, value = self.channels.get(number, (0x24, 0, b""))
        head = struct.pack("<BH", status, number)
        return head if status else head + bytes([kind]) + value

    def _frame(self, to: int, payload: bytes) -> bytes:
        frame = b"\x01\x10" + struct.pack("<HH", to, self.address) + bytes([len(payload), 2]) + payload + b"\x03"
        return frame + crc(frame).to_bytes(2, "little") + b"\x04"
