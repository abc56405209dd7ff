"""An Aeroqual AQM 60, after the IQM 60 manual, pages 30 to 40, with the order of bytes of its worked example."""

from __future__ import annotations

import struct

from tests.simulators.frame_instrument import FrameInstrument

CLOCK = bytes([5, 10, 8, 22, 11, 26])  # second, minute, hour, day, month, year: nobody here reads it


class AeroqualMonitor(FrameInstrument):
    """Answers for its sensors, each with a value and a status byte."""

    def __init__(self, number: int, sensors: dict[int, tuple[float, int]]) -> None:
        super().__init__()
        self.number = number
        self.sensors = sensors

    def length_of(self, received: bytes) -> int | None:
        return 4 if len(received) >= 4 else None

    def reply(self, request: bytes) -> bytes:
        start, number, code, _ = request
        assert start == 0x55
        assert sum(request) % 256 == 0
        assert code >= 0x20, "nothing but reading"
        if number != self.number or code not in self.sensors:
            return b""
        value, status = self.sensors[code]
        reply = bytes([0xAA, number, code]) + struct.pack(">f", value) + bytes([status]) + CLOCK
        return reply + bytes([(256 - sum(reply) % 256) % 256])
