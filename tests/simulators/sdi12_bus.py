"""SDI-12 sensors behind an adapter that takes commands as text, after SDI-12 1.3 as Campbell Scientific retells it.

Every command begins with a break, which wakes all sensors and ends a measurement that M
began, of whatever sensor; one that C began ends only with a command to the same sensor.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from tests.simulators.frame_instrument import FrameInstrument

PART = 35  # characters of values in one answer, after M


def crc(text: str) -> str:
    """Three characters, as the specification computes them."""
    register = 0
    for character in text.encode("ascii"):
        register ^= character
        for _ in range(8):
            carry = register & 1
            register >>= 1
            if carry:
                register ^= 0xA001
    return "".join(chr(0x40 | register >> shift & 0x3F) for shift in (12, 6, 0))


@dataclass
class Sensor:
    """A sensor: the values of each command's number, how long it measures, whether it tells when it is ready."""

    values: dict[str, list[str]]
    takes_s: float = 0.0
    tells: bool = True
    data: list[str] | None = field(default=None, init=False)
    with_crc: bool = field(default=False, init=False)
    pending: asyncio.TimerHandle | None = field(default=None, init=False)
    concurrent: bool = field(default=False, init=False)


class Sdi12Bus(FrameInstrument):
    """The bus as the serial port of the adapter shows it; with `echo` the adapter repeats what is sent."""

    def __init__(self, sensors: dict[str, Sensor], *, echo: bool = False) -> None:
        super().__init__()
        self.sensors = sensors
        self.echo = echo
        self.aborted = 0

    def length_of(self, received: bytes) -> int | None:
        end = received.find(b"!")
        return end + 1 if end >= 0 else None

    def reply(self, request: bytes) -> bytes:
        address, body = chr(request[0]), request[1:-1].decode("ascii")
        self._break(address)
        sensor = self.sensors.get(address)
        text = "" if sensor is None else self._answer(sensor, address, body)
        return (request if self.echo else b"") + (text + "\r\n" if text else "").encode("ascii")

    def _break(self, address: str) -> None:
        for name, sensor in self.sensors.items():
            if sensor.pending and (not sensor.concurrent or name == address):
                sensor.pending.cancel()
                sensor.pending = None
                self.aborted += 1

    def _answer(self, sensor: Sensor, address: str, body: str) -> str:
        if body == "":
            return address
        if data := re.fullmatch(r"D(\d)", body):
            return self._sealed(sensor, address + self._part(sensor, int(data[1])))
        command = re.fullmatch(r"([MCR])(C?)(\d?)", body)
        assert command, f"nothing but reading, not {body}"
        values = sensor.values.get(command[3], [])
        sensor.with_crc = bool(command[2])
        if command[1] == "R":
            return self._sealed(sensor, address + "".join(values))
        self._start(sensor, address, values, concurrent=command[1] == "C")
        return f"{address}{-(-sensor.takes_s // 1):03.0f}{len(values):0{2 if sensor.concurrent else 1}d}"

    def _start(self, sensor: Sensor, address: str, values: list[str], *, concurrent: bool) -> None:
        sensor.concurrent, sensor.data = concurrent, None
        if not sensor.takes_s:
            sensor.data = values
            return

        def finish() -> None:
            sensor.pending, sensor.data = None, values
            if not concurrent and sensor.tells:
                self.say(f"{address}\r\n".encode("ascii"))

        sensor.pending = asyncio.get_running_loop().call_later(sensor.takes_s, finish)

    @staticmethod
    def _part(sensor: Sensor, number: int) -> str:
        """The values that fit in the answer to D0, D1, and so on."""
        parts = [""]
        for value in sensor.data or []:
            if len(parts[-1]) + len(value) > PART:
                parts.append("")
            parts[-1] += value
        return parts[number] if number < len(parts) else ""

    @staticmethod
    def _sealed(sensor: Sensor, text: str) -> str:
        return text + crc(text) if sensor.with_crc else text
