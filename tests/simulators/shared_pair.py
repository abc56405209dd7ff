"""Instruments of several protocols on one pair of wires."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tests.simulators.frame_instrument import FrameInstrument


class SharedPair(asyncio.Protocol):
    """Gives each request to the instrument whose protocol begins with its first byte; all others see noise."""

    def __init__(self, instruments: Mapping[int, FrameInstrument]) -> None:
        self.instruments = instruments

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        for instrument in self.instruments.values():
            instrument.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if instrument := self.instruments.get(data[0]):
            instrument.data_received(data)
