"""A Serinus analyzer in its Advanced protocol, after the Serinus 44 manual 2.2, pages 166 and 172."""

from __future__ import annotations

import struct

from tests.simulators.frame_instrument import FrameInstrument


class SerinusAnalyzer(FrameInstrument):
    """Answers command 1 for its own id with the parameters that it has; 0 for all others."""

    def __init__(self, number: int, parameters: dict[int, float]) -> None:
        super().__init__()
        self.number = number
        self.parameters = parameters

    def length_of(self, received: bytes) -> int | None:
        if len(received) < 5 or len(received) < 7 + received[4]:
            return None
        return 7 + received[4]

    def reply(self, request: bytes) -> bytes:
        start, number, command, separator, length = request[:5]
        data, check, end = request[5:-2], request[-2], request[-1]
        assert (start, separator, end) == (0x02, 0x03, 0x04)
        expected = number ^ command ^ length
        for byte in data:
            expected ^= byte
        assert check == expected
        assert command == 1, "nothing but reading"
        if number != self.number:
            return b""
        values = b"".join(bytes([one]) + struct.pack(">f", self.parameters.get(one, 0.0)) for one in data)
        check = number ^ command ^ len(values)
        for byte in values:
            check ^= byte
        return bytes([0x02, number, command, 0x03, len(values)]) + values + bytes([check, 0x04])
