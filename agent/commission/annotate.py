"""What the bytes on a wire are, in words: for those who compare with a manual.

Pure, and written from the specifications rather than with our decoders, so that
it also shows what those refuse: Modbus application protocol 1.1b3 and serial line
guide 1.02 for frames, CRC and LRC.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from drivers.api import Device, Profile
from drivers.checksum import ChecksumError, unseal
from drivers.modbus_frames import MEANINGS

NAMES = {
    0: "NUL",
    1: "SOH",
    2: "STX",
    3: "ETX",
    4: "EOT",
    5: "ENQ",
    6: "ACK",
    9: "TAB",
    10: "LF",
    13: "CR",
    17: "XON",
    19: "XOFF",
    21: "NAK",
    27: "ESC",
}
FUNCTIONS = {1: "coils", 2: "discrete inputs", 3: "holding registers", 4: "input registers"}


def framing_of(protocol: str, kind: str) -> str:
    """``rtu``, ``ascii``, ``mbap``, or ``text`` for what is not Modbus; *kind* is that of the link."""
    if protocol == "modbus":
        return "rtu" if kind == "serial" else "mbap"
    named = {"modbus-rtu": "rtu", "modbus-ascii": "ascii", "modbus-tcp": "mbap"}
    return named.get(protocol, "text")


def notes_of(data: bytes, device: Device, kind: str) -> list[str]:
    """What the reply *data* of *device*, on a link of that *kind*, is."""
    return notes(data, framing_of(device.profile.protocol, kind), sent=False, profile=device.profile)


def notes(data: bytes, framing: str, *, sent: bool, profile: Profile | None = None) -> list[str]:
    """What *data* is: a request when *sent*, else a reply; with the verdict on its checksum."""
    if framing == "text":
        return [named(data), *_text_notes(data, profile, sent=sent)]
    try:
        pdu, about = {"rtu": _rtu, "ascii": _ascii, "mbap": _mbap}[framing](data)
    except (ValueError, struct.error):
        return [f"no {framing} frame: {len(data)} bytes"]
    return [*about, *_pdu(pdu, sent=sent)]


def named(data: bytes) -> str:
    """*data* as text, control characters by their names: ``<STX>DA<CR>``."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"<{NAMES.get(byte, f'{byte:02X}')}>" for byte in data)


def _text_notes(data: bytes, profile: Profile | None, *, sent: bool) -> Iterator[str]:
    if sent or profile is None or profile.dialogue is None or profile.dialogue.checksum == "none":
        return
    kind = profile.dialogue.checksum
    end = profile.dialogue.terminator.encode(profile.dialogue.encoding)
    for line in filter(None, data.split(end)):
        try:
            unseal(kind, line)
        except ChecksumError as error:
            yield f"{kind}: {error}"
        else:
            yield f"{kind} ok"


def _rtu(data: bytes) -> tuple[bytes, list[str]]:
    if len(data) < 4:
        raise ValueError(data)
    expected, found = crc16(data[:-2]), data[-2:]
    check = "CRC ok" if expected == found else f"CRC {found.hex(' ')} instead of {expected.hex(' ')}"
    return data[1:-2], [f"unit {data[0]}", check]


def _ascii(data: bytes) -> tuple[bytes, list[str]]:
    line = data.strip()
    if not line.startswith(b":"):
        raise ValueError(data)
    message = bytes.fromhex(line[1:].decode("ascii"))
    unit, check = message[0], -sum(message[:-1]) & 0xFF
    verdict = "LRC ok" if check == message[-1] else f"LRC {message[-1]:02X} instead of {check:02X}"
    return message[1:-1], [f"unit {unit}", verdict]


def _mbap(data: bytes) -> tuple[bytes, list[str]]:
    transaction, protocol, length, unit = struct.unpack_from(">HHHB", data)
    verdict = "length ok" if length == len(data) - 6 else f"length {length}, but {len(data) - 6} bytes follow"
    about = [f"transaction {transaction}", f"unit {unit}", verdict]
    return data[7:], about if not protocol else [*about, f"protocol {protocol} is not Modbus"]


def _pdu(pdu: bytes, *, sent: bool) -> Iterator[str]:
    function = pdu[0] if pdu else 0
    if function & 0x80 and len(pdu) > 1:
        yield f"exception {pdu[1]} ({MEANINGS.get(pdu[1], 'a code of its own')}) to function {function & 0x7F}"
        return
    what = FUNCTIONS.get(function, "something that this program never asks")
    yield f"function {function} ({what})"
    if sent and len(pdu) == 5:
        start, count = struct.unpack_from(">HH", pdu, 1)
        yield f"{count} from {start} ({start:#06x})"
    elif not sent and len(pdu) > 1:
        yield f"{pdu[1]} bytes of data" + ("" if pdu[1] == len(pdu) - 2 else f", but {len(pdu) - 2} are there")
        if function in (3, 4):
            yield "words " + " ".join(pdu[at : at + 2].hex() for at in range(2, len(pdu) - 1, 2))


def crc16(data: bytes) -> bytes:
    """The CRC of Modbus RTU as it travels, low byte first (serial line guide 1.02, section 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")
