"""Checksums of text protocols: what a request gets, and what a reply must have.

Pure functions. :func:`seal` adds a checksum the way each protocol frames it,
:func:`unseal` verifies one and cuts it off; a line that fails never becomes a
value. The CRC of Modbus is not here: pymodbus computes that one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from operator import xor

from drivers.profile import Checksum

STX, ETX = b"\x02", b"\x03"


class ChecksumError(ValueError):
    """A line without its checksum, or with another one than its text gives."""


def xor_of(data: bytes) -> int:
    """XOR of all bytes; the protocols differ in what they take it over.

    NMEA 0183: what stands between ``$`` and ``*``. Gill (WindSonic manual, page 34): between STX and ETX.
    Bayern-Hessen (Serinus 44 manual, table 14): from STX to ETX, both included. Palas (TCP/IP ASCII
    protocol, 10/2021): from ``<`` to ``>``, both included.
    """
    return reduce(xor, data, 0)


def sum8(data: bytes) -> int:
    """Sum of all bytes modulo 256, as ADAM modules print it (ADAM-4000 manual, checksum)."""
    return sum(data) & 0xFF


def sum16(data: bytes) -> int:
    """Sum of all bytes modulo 65536, as Thermo C-Link prints it (42i manual, table B-9)."""
    return sum(data) & 0xFFFF


def crc_vaisala(data: bytes) -> bytes:
    """The CRC of SDI-12 and of Vaisala's ASCII protocol (guide M211840EN), as the three characters that travel."""
    crc = _crc_a001(data, 0)
    return bytes([0x40 | crc >> 12, 0x40 | crc >> 6 & 0x3F, 0x40 | crc & 0x3F])


def crc_hj212(data: bytes) -> int:
    """The CRC of HJ 212. Not Modbus's: the byte meets the register after that was shifted by eight."""
    crc = 0xFFFF
    for byte in data:
        crc = _eight_shifts(crc >> 8 ^ byte)
    return crc


def _crc_a001(data: bytes, start: int) -> int:
    return reduce(lambda crc, byte: _eight_shifts(crc ^ byte), data, start)


def _eight_shifts(crc: int) -> int:
    for _ in range(8):
        crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def seal(kind: Checksum, text: bytes) -> bytes:
    """Return the request *text* framed and with its checksum, as far as the protocol gives requests one."""
    match kind:
        case "nmea-xor":
            return text + b"*%02X" % xor_of(text.removeprefix(b"$"))
        case "bayern-hessen":
            frame = STX + text + ETX
            return frame + b"%02X" % xor_of(frame)
        case "vaisala-crc":
            return text + crc_vaisala(text)
        case "adam-sum":
            return text + b"%02X" % sum8(text)
        case "hj212-crc":
            return b"##%04d" % len(text) + text + b"%04X" % crc_hj212(text)
        case "none" | "gill-xor" | "clink-sum" | "clink-sum-if-any" | "palas-xor":
            return text


def unseal(kind: Checksum, line: bytes) -> bytes:
    """Return the text inside the reply *line*, without framing and checksum; raises ChecksumError."""
    return line if kind == "none" else _UNSEAL[kind](line)


def _printed(form: bytes, over: Callable[[bytes], int]) -> Callable[[bytes], bytes]:
    """Verify a checksum printed in hex, of upper or lower case.

    *form* matches the whole line and has the groups ``over`` (what is summed), ``sum`` and ``text``.
    """
    pattern = re.compile(form, re.DOTALL)

    def unseal_printed(line: bytes) -> bytes:
        match = pattern.fullmatch(line)
        if match is None:
            raise ChecksumError("no checksum where one belongs")
        computed = over(match["over"])
        if int(match["sum"], 16) != computed:
            raise ChecksumError(f"checksum {match['sum'].decode()} instead of {computed:0{len(match['sum'])}X}")
        return match["text"]

    return unseal_printed


def _unseal_vaisala(line: bytes) -> bytes:
    text, crc = line[:-3], line[-3:]
    if crc != crc_vaisala(text):
        raise ChecksumError(f"CRC {crc.decode('latin-1')!r} instead of {crc_vaisala(text).decode()!r}")
    return text


def _unseal_clink_if_any(line: bytes) -> bytes:
    """Verify the sum that a Thermo adds in reply format 01; in format 00, the usual one, it adds none."""
    return _UNSEAL["clink-sum"](line) if re.search(rb"sum [0-9A-Fa-f]{4}$", line) else line


_hj212_crc = _printed(rb"(?P<text>(?P<over>.*))(?P<sum>[0-9A-Fa-f]{4})", crc_hj212)


def _unseal_hj212(line: bytes) -> bytes:
    head = re.match(rb"##(\d{4})", line)
    if head is None or len(line) != 6 + int(head[1]) + 4:
        raise ChecksumError("not ##, a length of four digits, that many bytes and a CRC")
    return _hj212_crc(line[6:])


_HEX2 = rb"(?P<sum>[0-9A-Fa-f]{2})"
_UNSEAL: dict[Checksum, Callable[[bytes], bytes]] = {
    "nmea-xor": _printed(rb"(?P<text>\$?(?P<over>[^*]*))\*" + _HEX2, xor_of),
    "gill-xor": _printed(rb"\x02(?P<text>(?P<over>[^\x02\x03]*))\x03" + _HEX2, xor_of),
    "bayern-hessen": _printed(rb"(?P<over>\x02(?P<text>[^\x02\x03]*)\x03)" + _HEX2, xor_of),
    "vaisala-crc": _unseal_vaisala,
    "adam-sum": _printed(rb"(?P<text>(?P<over>.*))" + _HEX2, sum8),
    "clink-sum": _printed(rb"(?P<text>(?P<over>[^\n]*))[\n\x80]sum (?P<sum>[0-9A-Fa-f]{4})", sum16),
    "clink-sum-if-any": _unseal_clink_if_any,
    "palas-xor": _printed(rb"(?P<text>(?P<over><[^<>]*>))" + _HEX2, xor_of),
    "hj212-crc": _unseal_hj212,
}
