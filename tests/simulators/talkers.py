"""Instruments that speak without being asked, each line in the form that its manual or driver prints."""

from __future__ import annotations

from tests.simulators.spoken import Spoken


class Talker(Spoken):
    """Answers nothing; a question to it would be a mistake of who asks."""

    ends = (b"\r", b"\n", b"\x03")

    def answer(self, request: bytes) -> bytes | None:  # noqa: ARG002 - it does not listen
        return None


def windsonic(node: str, direction: str, speed: str, unit: str = "M", status: str = "00") -> bytes:
    """Polar format of the WindSonic manual, page 34: the sum is that of everything between STX and ETX."""
    text = f"{node},{direction},{speed},{unit},{status},"
    return f"\x02{text}\x03{_exclusive_or(text):02X}\r\n".encode("ascii")


def mwv(angle: str, reference: str, speed: str, unit: str = "M", valid: str = "A", talker: str = "WI") -> bytes:
    """Wind speed and angle of NMEA 0183: the sum is that of everything between $ and *."""
    text = f"{talker}MWV,{angle},{reference},{speed},{unit},{valid}"
    return f"${text}*{_exclusive_or(text):02X}\r\n".encode("ascii")


def young(address: str, speed: str, direction: str, status: str = "00") -> bytes:
    """ASCII output of an R. M. Young 86000: the sum is that of everything before the star."""
    text = f"{address} {speed} {direction} {status}"
    return f"{text}*{_exclusive_or(text):02X}\r".encode("ascii")


def grimm_mass(sixth: int, pm10: int, pm25: int, pm1: int) -> bytes:
    """The mass line that an EDM 180 sends every six seconds, in tenths of a microgram."""
    return f"N{sixth}, {pm10:4} {pm25:4} {pm1:4}\r".encode("ascii")


def grimm_minute(errors: int) -> bytes:
    """The line of the minute: date, time, location, factor, errors, battery, pump, and what is not read."""
    return f"P: 26 11 22 8 30 0 20 {errors} 70 40 0 0 0 0 0\r".encode("ascii")


def _exclusive_or(text: str) -> int:
    total = 0
    for character in text:
        total ^= ord(character)
    return total
