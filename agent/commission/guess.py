"""What a line that nobody described may be: formats of the trade, told by their frames and checksums.

Pure. A checksum that fits is strong evidence, a shape alone is weak; both are said.
"""

from __future__ import annotations

import re

from agent.commission.annotate import crc16
from drivers.checksum import ChecksumError, unseal
from drivers.profile import Checksum

FRAMES: tuple[tuple[str, bytes, Checksum], ...] = (
    ("HJ 212", rb"##\d{4}.*", "hj212-crc"),
    ("NMEA 0183", rb"[$!][^*]*\*[0-9A-Fa-f]{2}", "nmea-xor"),
    ("Gill ASCII", rb"\x02[^\x02\x03]*\x03[0-9A-Fa-f]{2}", "gill-xor"),
    ("Bayern-Hessen", rb"\x02[^\x02\x03]*\x03[0-9A-Fa-f]{2}", "bayern-hessen"),
    ("Palas", rb"<[^<>]*>[0-9A-Fa-f]{2}", "palas-xor"),
    ("Vaisala or SDI-12 with CRC", rb"[0-9A-Za-z].*[@-\x7f]{3}", "vaisala-crc"),
)
"""Name, shape and checksum; Gill and Bayern-Hessen sum over other bytes of the same frame."""

SHAPES: tuple[tuple[str, bytes], ...] = (
    ("HJ 212 without its CRC", rb"##\d{4}QN=.*"),
    ("NMEA 0183 without a checksum", rb"\$[A-Z]{4,5},[^*]*"),
    ("SDI-12 values", rb"[0-9A-Za-z](?:[+-]\d+\.?\d*)+"),
    ("name=value pairs", rb"(?:[^=,;\s]+=[^,;]*[,;]?\s*){2,}"),
    ("numbers separated by commas", rb"\s*[^,;]{0,20}(?:,\s*[+-]?[\d.:/ -]*){2,}"),
    ("numbers separated by semicolons", rb"\s*[^,;]{0,20}(?:;\s*[+-]?[\d.:/ -]*){2,}"),
    ("numbers separated by blanks", rb"\s*[+-]?\d[\d.]*(?:\s+[+-]?\d[\d.]*)+\s*"),
)
SHORTEST_RTU = 5


def guesses(line: bytes) -> list[str]:
    """What *line* may be, the likeliest first; empty when it is like nothing known."""
    bare = line.strip(b"\r\n")
    framed = [f"{name}, checksum ok" for name, shape, kind in FRAMES if _fits(shape, bare) and _holds(kind, bare)]
    if framed:
        return framed
    if len(line) >= SHORTEST_RTU and crc16(line[:-2]) == line[-2:]:
        return [f"Modbus RTU frame of unit {line[0]}, function {line[1] & 0x7F}, CRC ok"]
    wrong = [f"{name}, but its checksum is wrong" for name, shape, kind in FRAMES[:5] if _fits(shape, bare)]
    return wrong or [name for name, shape in SHAPES if _fits(shape, bare)][:1]


def _fits(shape: bytes, line: bytes) -> bool:
    return re.fullmatch(shape, line, re.DOTALL) is not None


def _holds(kind: Checksum, line: bytes) -> bool:
    try:
        unseal(kind, line)
    except ChecksumError:
        return False
    return True
