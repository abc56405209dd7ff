"""Checksums of text protocols as instruments put them on their lines, written once more for the other side.

A printed line is taken as a template: :func:`place` says where in it the text
stands, :func:`renewed` writes the check characters anew after the text was changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from drivers.profile import Checksum

SUMMED = re.compile(rb"sum [0-9A-Fa-f]{4}$")
HJ212_FRAME = 10
"""Bytes of an HJ 212 frame beside its text: ##, the length in four digits, the CRC."""


@dataclass(frozen=True, slots=True)
class Form:
    """Where text and check characters stand in a line, and what they are computed from.

    ``line`` is a regular expression with the groups ``over`` (what is summed), ``text``
    and ``sum``; ``request`` frames a text with an empty sum, where requests have one.
    """

    line: re.Pattern[bytes]
    compute: Callable[[bytes], bytes]
    request: Callable[[bytes], bytes] | None = None


def place(kind: Checksum, line: bytes) -> tuple[int, int]:
    """Begin and end of the text in *line*; raises ValueError when the line has no such form."""
    if kind == "none" or (kind == "clink-sum-if-any" and not SUMMED.search(line)):
        return 0, len(line)
    return _matched(kind, line).span("text")


def renewed(kind: Checksum, line: bytes) -> bytes:
    """Return *line* with the check characters that its text gives; ValueError as :func:`place`."""
    if kind == "none" or (kind == "clink-sum-if-any" and not SUMMED.search(line)):
        return line
    if kind == "hj212-crc":
        line = b"##%04d" % (len(line) - HJ212_FRAME) + line[6:]
    match = _matched(kind, line)
    begin, end = match.span("sum")
    return line[:begin] + FORMS[kind].compute(match["over"]) + line[end:]


def request(kind: Checksum, text: bytes) -> bytes:
    """The request *text* as the protocol frames it."""
    form = FORMS.get(kind)
    return renewed(kind, form.request(text)) if form and form.request else text


def _matched(kind: Checksum, line: bytes) -> re.Match[bytes]:
    match = FORMS[kind].line.fullmatch(line)
    if match is None:
        raise ValueError(f"{line!r} has no check characters of the kind {kind}")
    return match


def _xor(data: bytes) -> bytes:
    check = 0
    for byte in data:
        check ^= byte
    return b"%02X" % check


def _shifted(crc: int) -> int:
    for _ in range(8):
        crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def _sdi12(data: bytes) -> bytes:
    """Start 0, as three characters of six bits (SDI-12 1.4, 4.4.12; Vaisala M211840EN)."""
    crc = 0
    for byte in data:
        crc = _shifted(crc ^ byte)
    return bytes(0x40 + (crc >> shift & 0x3F) for shift in (12, 6, 0))


def _hj212(data: bytes) -> bytes:
    """Start FFFF, the byte meets the register after its shift by eight (HJ 212-2017, annex A)."""
    crc = 0xFFFF
    for byte in data:
        crc = _shifted(crc >> 8 ^ byte)
    return b"%04X" % crc


def _form(line: bytes) -> re.Pattern[bytes]:
    return re.compile(line, re.DOTALL)


CLINK = Form(
    _form(rb"(?P<text>(?P<over>[^\n]*))[\n\x80]sum (?P<sum>....)"), lambda data: b"%04x" % (sum(data) & 0xFFFF)
)
FORMS: dict[Checksum, Form] = {
    "nmea-xor": Form(_form(rb"(?P<text>\$?(?P<over>[^*]*))\*(?P<sum>..)"), _xor, lambda text: text + b"*00"),
    "gill-xor": Form(_form(rb"\x02(?P<text>(?P<over>[^\x03]*))\x03(?P<sum>..)"), _xor),
    "bayern-hessen": Form(
        _form(rb"(?P<over>\x02(?P<text>[^\x03]*)\x03)(?P<sum>..)"), _xor, lambda text: b"\x02" + text + b"\x0300"
    ),
    "vaisala-crc": Form(_form(rb"(?P<text>(?P<over>.*))(?P<sum>...)"), _sdi12, lambda text: text + b"000"),
    "adam-sum": Form(
        _form(rb"(?P<text>(?P<over>.*))(?P<sum>..)"),
        lambda data: b"%02X" % (sum(data) & 0xFF),
        lambda text: text + b"00",
    ),
    "clink-sum": CLINK,
    "clink-sum-if-any": CLINK,
    "palas-xor": Form(_form(rb"(?P<text>(?P<over><[^>]*>))(?P<sum>..)"), _xor),
    "hj212-crc": Form(
        _form(rb"##\d{4}(?P<text>(?P<over>.*))(?P<sum>....)"),
        _hj212,
        lambda text: b"##%04d" % len(text) + text + b"0000",
    ),
}
"""Sums by the name that a profile gives them."""
