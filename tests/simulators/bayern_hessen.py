"""An analyzer with the Bayern-Hessen protocol, as Thermo 42i (appendix, pages 315-318) and Serinus manuals print it.

It answers ``<STX>DA[kkk]<ETX>bb`` and ``<STX>DA[kkk]<CR>``, each in the form of the question; a wrong
address or block check gets no answer. A control command (ST) is obeyed without an answer: `switched` keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulators.spoken import Spoken


@dataclass
class Gas:
    """One record of an answer: what follows its address."""

    number: str  # +2578+01 is 25.78
    status: int = 0
    failure: int = 0
    rest: str = "0000000000"


class BayernHessen(Spoken):
    """Gases by their address."""

    ends = (b"\x03", b"\r")
    after_end = 2

    def __init__(self, gases: dict[int, Gas]) -> None:
        super().__init__()
        self.gases = gases
        self.switched: list[str] = []

    def answer(self, request: bytes) -> bytes | None:
        text = self._text(request)
        if text is None:
            return None
        if text.startswith("ST"):
            self.switched.append(text)
        if not text.startswith("DA") or (text[2:] and int(text[2:]) not in self.gases):
            return None
        groups = "".join(
            f" {address:03} {gas.number} {gas.status:02X} {gas.failure:02X} {gas.rest}"
            for address, gas in self.gases.items()
        )
        return self._framed(f"MD{len(self.gases):02}{groups} ", checked=request[-1:] != b"\r")

    def _text(self, request: bytes) -> str | None:
        begin = request.rfind(b"\x02")
        if begin < 0:
            return None
        frame = request[begin:]
        if frame.endswith(b"\r"):
            return frame[1:-1].decode("ascii")
        return frame[1:-3].decode("ascii") if frame[-2:] == block_check(frame[:-2]) else None

    def _framed(self, text: str, *, checked: bool) -> bytes:
        if not checked:
            return b"\x02" + text.encode("ascii") + b"\r"
        frame = b"\x02" + text.encode("ascii") + b"\x03"
        return frame + block_check(frame)


def block_check(frame: bytes) -> bytes:
    """Two hex digits: every byte from STX to ETX, both included, joined by exclusive or."""
    check = 0
    for byte in frame:
        check ^= byte
    return f"{check:02X}".encode("ascii")
