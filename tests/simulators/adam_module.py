"""An ADAM-4017 analog input module, as the ADAM-4000 manual prints its ASCII command set (pages 168, 239, 425).

``#AA`` is answered with ``>`` and seven characters for each input, ``#AAN`` with one input; AA is the address in hex.
A wrong address, bad syntax or a wrong sum gets no answer. ``%AA…`` would configure the module: `configured` keeps it.
"""

from __future__ import annotations

from tests.simulators.spoken import Spoken


class AdamModule(Spoken):
    """Eight inputs, in volts; *with_sum* is bit 6 of the data format."""

    def __init__(self, volts: list[float], address: int = 1, *, with_sum: bool = False) -> None:
        super().__init__()
        self.volts = volts
        self.address = address
        self.with_sum = with_sum
        self.configured: list[str] = []

    def answer(self, request: bytes) -> bytes | None:
        text = request.decode("ascii").removesuffix("\r")
        if self.with_sum:
            text, total = text[:-2], text[-2:]
            if f"{sum(text.encode()) % 256:02X}" != total:
                return None
        if text.startswith("%"):
            self.configured.append(text)
        if text[:3] != f"#{self.address:02X}":
            return None
        inputs = self.volts if not text[3:] else [self.volts[int(text[3:])]]
        reply = ">" + "".join(f"{volt:+07.4f}" for volt in inputs)
        end = f"{sum(reply.encode()) % 256:02X}" if self.with_sum else ""
        return f"{reply}{end}\r".encode("ascii")
