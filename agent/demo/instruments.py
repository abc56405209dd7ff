"""A six-parameter air station without instruments: every wire is real, only what hangs on it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Self

from agent.demo import gas_analyzers, sampling
from agent.demo.air import Air
from agent.demo.text import BetaMonitor, WeatherTransmitter
from agent.simulation.faults import WIRE, FaultError, Faults
from agent.simulation.line import PtyLine, Reply
from agent.simulation.modbus_framing import Mbap, Rtu
from agent.simulation.modbus_server import ModbusTcpServer
from agent.simulation.modbus_unit import Unit
from agent.simulation.speaking import ModbusSpeaker, TextSpeaker

MANIFOLD_ADDRESS, ENVIRONMENT_ADDRESS, ROOM_ADDRESS = 7, 10, 1
MODBUS = ("address", "exception")


class AnalyzerServer(ModbusTcpServer):
    """A gas analyzer on a port of its own, unit 1, that can be at fault."""

    def __init__(self, unit: Unit, faults: Faults) -> None:
        super().__init__({1: unit})
        self._faults = faults

    def converse(self) -> ModbusSpeaker:
        """What serves a new connection."""
        return ModbusSpeaker(self.units, Mbap(), {1: self._faults}, _unheard)


def _unheard(request: bytes, *, whole: bool) -> None:
    """Nobody keeps a journal here."""


class Station:
    """Starts the instruments and says where they are.

    `ports`: TCP port by instrument (`so2`, `nox`, `co`, `o3`), unit 1 on each.
    `paths`: serial line by name, stable links in *folder*: `pm10` and `pm25` (a
    BAM-1020 each), `weather` (WXT536), `house` (RTU: manifold 7, environment 10,
    room 1). `slaves` names the terminals behind the links. `served` counts
    answered requests by instrument; ``faults`` are those of each. A BAM gives a
    new record every *pm_period_s*; a real one every hour.
    """

    def __init__(self, folder: Path, *, seed: int = 1, pm_period_s: float = 60.0, timezone: tzinfo = UTC) -> None:
        self.folder = folder
        self.ports: dict[str, int] = {}
        self.lines: dict[str, PtyLine] = {}
        self.served: Counter[str] = Counter()
        self.faults: dict[str, Faults] = {}
        self._air = Air(seed)
        self._pm_period_s = pm_period_s
        self._timezone = timezone
        self._stack = AsyncExitStack()

    @property
    def paths(self) -> dict[str, Path]:
        """The stable name of each serial line."""
        return {name: line.path for name, line in self.lines.items()}

    async def __aenter__(self) -> Self:
        """Start every instrument; OSError, with none left running, when one cannot be."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            await self._start_gas_analyzers()
            self._plug_text("pm10", self._beta_monitor("pm10_ugm3"))
            self._plug_text("pm25", self._beta_monitor("pm25_ugm3"))
            self._plug_text("weather", WeatherTransmitter(self._air).replies)
            self._plug_house()
        except OSError:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop every instrument and remove the links."""
        await self._stack.aclose()

    async def _start_gas_analyzers(self) -> None:
        analyzers = {
            "so2": gas_analyzers.SulfurDioxide(self._air),
            "nox": gas_analyzers.nitrogen_oxides(self._air),
            "co": gas_analyzers.carbon_monoxide(self._air),
            "o3": gas_analyzers.ozone(self._air),
        }
        for name, analyzer in analyzers.items():
            server = AnalyzerServer(self._counted(name, analyzer.unit), self._faults_of(name, *MODBUS))
            await self._stack.enter_async_context(server)
            self.ports[name] = server.port

    def _beta_monitor(self, quantity: str) -> Mapping[bytes, Reply]:
        monitor = BetaMonitor(self._air, quantity, period_s=self._pm_period_s, timezone=self._timezone)
        return monitor.replies

    def _plug_text(self, name: str, replies: Mapping[bytes, Reply]) -> None:
        counted = {request: self._counted_reply(name, reply) for request, reply in replies.items()}
        faults = self._faults_of(name)
        self._plug(name, PtyLine(self.folder / name, lambda: TextSpeaker(counted, {}, 0.0, faults, _unheard)))

    def _plug_house(self) -> None:
        units = {
            MANIFOLD_ADDRESS: self._counted("manifold", sampling.manifold(self._air)),
            ENVIRONMENT_ADDRESS: self._counted("environment", sampling.environment(self._air)),
            ROOM_ADDRESS: self._counted("room", sampling.room_sensor(self._air)),
        }
        names = {MANIFOLD_ADDRESS: "manifold", ENVIRONMENT_ADDRESS: "environment", ROOM_ADDRESS: "room"}
        faults = {number: self._faults_of(name, *MODBUS) for number, name in names.items()}
        self._plug("house", PtyLine(self.folder / "house", lambda: ModbusSpeaker(units, Rtu(), faults, _unheard)))

    def _faults_of(self, name: str, *more: str) -> Faults:
        self.faults[name] = Faults((*WIRE, *more))
        return self.faults[name]

    async def tell(self, line: str) -> str:
        """Switch a fault of one instrument: ``co silent``; return what is on. Raises FaultError."""
        name, _, words = line.strip().partition(" ")
        if name in ("help", "status", ""):
            return "\n".join(f"{name:<12} {faults.state()}" for name, faults in self.faults.items())
        if name not in self.faults:
            raise FaultError(f"there is no instrument {name!r}; there are: {', '.join(self.faults)}")
        return f"{name}: {self.faults[name].tell(words)}"

    def _plug(self, name: str, line: PtyLine) -> None:
        line.plug()
        self._stack.callback(line.unplug)
        self.lines[name] = line

    def _counted(self, name: str, unit: Unit) -> Unit:
        refresh = unit.on_read

        def count(unit: Unit, function: int, address: int, quantity: int) -> None:
            self.served[name] += 1
            if refresh:
                refresh(unit, function, address, quantity)

        unit.on_read = count
        return unit

    def _counted_reply(self, name: str, reply: Reply) -> Reply:
        def count() -> bytes:
            self.served[name] += 1
            return reply if isinstance(reply, bytes) else reply()

        return count
