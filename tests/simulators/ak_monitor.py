"""A particulate monitor with the AK protocol, as the Partisol 2000i manual prints it on pages 379 and 386.

``<STX>4AREG K0 245<ETX>`` is answered with ``<STX>4AREG 0 245 16.694<ETX><CR><LF>``; an unknown register
with ``<STX>4AREG 0 SE<ETX>``, an unknown command with ``<STX>4???? 0 SE<ETX>``, another station with nothing.
"""

from __future__ import annotations

from tests.simulators.spoken import Spoken


class AkMonitor(Spoken):
    """Registers by their code, as the monitor prints them; `conditions` is how many status conditions hold."""

    ends = (b"\x03",)

    def __init__(self, registers: dict[int, str], station: str = "4") -> None:
        super().__init__()
        self.registers = registers
        self.station = station
        self.conditions = 0

    def answer(self, request: bytes) -> bytes | None:
        text = request[request.rfind(b"\x02") + 1 : -1].decode("ascii")
        if not text.startswith(self.station):
            return None
        command, *words = text[len(self.station) :].split(" ")
        if command != "AREG":
            return self._framed(f"{self.station}???? {self.conditions} SE")
        value = self.registers.get(int(words[1]))
        said = "SE" if value is None else f"{words[1]} {value}"
        return self._framed(f"{self.station}AREG {self.conditions} {said}")

    def _framed(self, text: str) -> bytes:
        return b"\x02" + text.encode("ascii") + b"\x03\r\n"
