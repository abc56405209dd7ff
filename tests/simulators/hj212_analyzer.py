"""What an instrument sends that reports by HJ 212-2017: section 6.3 for the frame, annex A for the check."""

from __future__ import annotations

from collections.abc import Mapping

HEAD = "QN=20250101100500000;ST=21;CN={command};PW=123456;MN=010000A8900016F000169DC0;Flag=4;"


def check(segment: bytes) -> str:
    """CRC16 as the C code of annex A computes it: the byte meets the high half of the register."""
    register = 0xFFFF
    for byte in segment:
        register = (register >> 8) ^ byte
        for _ in range(8):
            low = register & 0x0001
            register >>= 1
            if low == 0x0001:
                register ^= 0xA001
    return f"{register:04X}"


def frame(segment: str) -> bytes:
    """*segment* with length and check, without the end of the line."""
    data = segment.encode("utf-8")
    return f"##{len(data):04d}".encode("ascii") + data + check(data).encode("ascii")


def upload(factors: Mapping[str, tuple[str, str]], *, command: int = 2011, time: str = "20250101100500") -> bytes:
    """One upload of *factors*, each code with value and mark, as it travels."""
    items = ";".join(f"{code}-Rtd={value},{code}-Flag={mark}" for code, (value, mark) in factors.items())
    return frame(HEAD.format(command=command) + f"CP=&&DataTime={time};{items}&&") + b"\r\n"
