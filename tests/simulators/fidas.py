"""A Palas Fidas 200, as the document "TCP/IP ASCII protocol" (10/2021) prints it.

``<getVal60;61;62>`` is answered with ``<sendVal 60=1373.361084;61=0.083834;62=0.116399>7C``. ``<sendVal…>``
sets something and is answered with ``<ok>06``: `settings` keeps it.
"""

from __future__ import annotations

import re

from tests.simulators.spoken import Spoken


class Fidas(Spoken):
    """Values by channel number, as the monitor prints them."""

    ends = (b"\r\n",)

    def __init__(self, values: dict[int, str]) -> None:
        super().__init__()
        self.values = values
        self.settings: list[str] = []

    def answer(self, request: bytes) -> bytes | None:
        text = request.decode("ascii").strip()
        asked = re.fullmatch(r"<getVal([\d;]+)>", text)
        if asked is None:
            self.settings.append(text)
            return self._checked("<ok>" if text.startswith("<sendVal") else "<fail>")
        pairs = [f"{number}={self.values[int(number)]}" for number in asked[1].split(";")]
        return self._checked("<sendVal " + ";".join(pairs) + ">")

    def _checked(self, text: str) -> bytes:
        check = 0
        for character in text:
            check ^= ord(character)
        return f"{text}{check:02X}\r\n".encode("ascii")
