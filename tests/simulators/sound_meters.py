"""Three sound level meters: Svantek function #2, RION's DOD?, NTi's MEAS commands."""

from __future__ import annotations

from tests.simulators.spoken import Spoken


class SvantekMeter(Spoken):
    """``#2,1;`` gives all results of profile 1, as the SV 971A manual prints them on page 143; ``#1`` would set."""

    ends = (b";",)

    def __init__(self, results: str) -> None:
        super().__init__()
        self.results = results
        self.settings: list[str] = []

    def answer(self, request: bytes) -> bytes | None:
        text = request.decode("ascii").strip()
        if not text.startswith("#2,"):
            self.settings.append(text)
            return None
        return f"#2,1,{self.results};".encode("ascii") if self.results else b"#2,?;"


class RionMeter(Spoken):
    """``DOD?``: a line with the result code, and one with 4 channels of 16 fields (communication guide 66132)."""

    ends = (b"\r\n",)

    def __init__(self, main: list[str]) -> None:
        super().__init__()
        self.main = main
        self.settings: list[str] = []

    def answer(self, request: bytes) -> bytes | None:
        text = request.decode("ascii").strip()
        if text != "DOD?":
            self.settings.append(text)
            return b"R+0001\r\n"
        fields = [*self.main, *["-.-"] * 48]
        return ("R+0000\r\n" + ", ".join(fields) + "\r\n").encode("ascii")


class Xl2Meter(Spoken):
    """``MEAS:INIT`` freezes what is measured now; ``MEAS:SLM:123? …`` gives a line of it for each parameter."""

    ends = (b"\r\n",)

    def __init__(self, levels: dict[str, float]) -> None:
        super().__init__()
        self.levels = levels
        self.frozen: dict[str, float] = {}
        self.settings: list[str] = []

    def answer(self, request: bytes) -> bytes | None:
        text = request.decode("ascii").strip().upper()
        if text == "MEAS:INIT":
            self.frozen = dict(self.levels)
            return None
        command, _, parameters = text.partition("? ")
        if command != "MEAS:SLM:123":
            self.settings.append(text)
            return None
        return "".join(f"{self.frozen[one]:.1f} dB, OK\r\n" for one in parameters.split()).encode("ascii")
