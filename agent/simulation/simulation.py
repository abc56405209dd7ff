"""One simulated instrument with its wire, its faults and those who switch them."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from agent.simulation.faults import FaultError
from agent.simulation.instrument import Instrument
from agent.simulation.wires import Wire, WireError


class Simulation:
    """*instrument* on *wire*, which a fault may pull out."""

    def __init__(self, instrument: Instrument, wire: Wire) -> None:
        self.instrument = instrument
        self.wire = wire

    async def tell(self, line: str) -> str:
        """Do what *line* says: switch a fault, or say which are on; raises FaultError."""
        faults = self.instrument.faults
        was_out = faults.disconnect
        answer = faults.tell(line)
        if faults.disconnect and not was_out:
            await self.wire.unplug()
        elif was_out and not faults.disconnect:
            await self._plug_again()
        return answer

    async def _plug_again(self) -> None:
        try:
            await self.wire.plug()
        except WireError as error:
            self.instrument.faults.disconnect = True
            raise FaultError(str(error)) from None

    async def __aenter__(self) -> Self:
        await self.wire.plug()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.wire.unplug()
