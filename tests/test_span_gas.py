"""Readings that are not air: span gas, what recovers after it, and a sampling line that is too cold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import drivers
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.stationfile import HEAD, at_port, device, uplink
from tests.simulators.ticks import readings, seconds

SHIPPED = Path(drivers.__file__).parent / "profiles" / "teledyne-t100.toml"
AIR, GAS = 45.5, 400.0
RECOVERY_S = 1.0
SPAN_BIT, OK_BIT = 17, 19


class Analyzer(Unit):
    """A T100 as its registers show it: sampling air, all well."""

    def __init__(self) -> None:
        super().__init__(
            discrete=dict.fromkeys(range(26), 0) | {OK_BIT: 1},
            input=dict.fromkeys(range(102), 0),
            holding={0: 0, 1: 0},
        )
        self.set_float32(22, AIR)

    def switch(self, *, gas: bool) -> None:
        """Open or close the span valve: gas and state at once."""
        self.turn_valve(gas=gas)
        self.breathe(GAS if gas else AIR)

    def turn_valve(self, *, gas: bool) -> None:
        """Show the state; the tube takes a moment."""
        self.discrete[SPAN_BIT] = int(gas)

    def breathe(self, ppb: float) -> None:
        """Measure what comes through the tube."""
        self.set_float32(22, ppb)


def quick_to_recover(folder: Path) -> None:
    """The station's own copy of the profile, with a recovery that a test can wait for."""
    (folder / "profiles").mkdir(parents=True)
    text = SHIPPED.read_text()
    assert 'recovery = "5min"' in text
    (folder / "profiles" / SHIPPED.name).write_text(text.replace('recovery = "5min"', f'recovery = "{RECOVERY_S}s"'))


def marks(records: list[dict[str, Any]]) -> list[str]:
    """The quality of each measurement."""
    return [record.get("quality", {}).get("so2", "valid") for record in readings(records)]


def seen(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The measurements without those of a poll that a busy machine did not get through in time."""
    return [record for record in readings(records) if marks([record])[0] not in ("suspect", "comm_fault")]


def spells(records: list[dict[str, Any]]) -> list[str]:
    """The qualities as they followed each other, each once a spell."""
    found = marks(seen(records))
    return [mark for mark, before in zip(found, [None, *found], strict=False) if mark != before]


def of_mark(records: list[dict[str, Any]], mark: str) -> list[dict[str, Any]]:
    """The measurements of that quality."""
    return [record for record in readings(records) if marks([record]) == [mark]]


def test_span_gas_is_never_delivered_as_air(bench: Bench, broker: Mosquitto, tmp_path: Path) -> None:
    """400 ppb out of a cylinder, reported as a valid hour, is an alarm for a city; and the tube empties slowly."""
    quick_to_recover(tmp_path)
    analyzer = Analyzer()
    server = bench.serve(ModbusTcpServer({1: analyzer}))
    text = HEAD + device("so2", at_port(server), "200ms", profile=SHIPPED.stem) + uplink("city", broker.url)
    with Consumer(broker.port) as consumer, AgentProcess(tmp_path, text) as agent:

        def delivered() -> list[dict[str, Any]]:
            return consumer.evidence().of("measurement")

        agent.until(lambda: len(delivered()) >= 3, "air")
        bench.call(lambda: analyzer.turn_valve(gas=True))
        agent.until(lambda: "span_check" in marks(delivered()), "the state")
        bench.call(lambda: analyzer.breathe(GAS))
        agent.until(lambda: marks(delivered()).count("span_check") >= 5, "span gas")
        bench.call(lambda: analyzer.switch(gas=False))
        agent.until(lambda: spells(delivered())[-2:] == ["recovering", "valid"], "air again")
        records, proofs = delivered(), consumer.evidence().of("parameter")
        events = [(record["event"], record["data"]) for record in consumer.evidence().of("event")]

    assert spells(records) == ["valid", "span_check", "recovering", "valid"]
    gas = [record for record in readings(records) if record["values"]["so2"] == GAS]
    assert gas
    assert all("quality" in record for record in gas), "the value is kept, marked"
    shown = next(proof for proof in proofs if proof["values"]["status"] >> SPAN_BIT & 1)
    assert shown["time"] == of_mark(records, "span_check")[0]["time"], "one poll, state and reading"
    first, last = of_mark(records, "recovering")[0], of_mark(records, "valid")[-1]
    assert seconds(last) - seconds(first) >= RECOVERY_S
    flag = {"channel": "status", "flag": "span_calibration", "quality": "span_check"}
    assert ("condition_began", flag) in events
    assert ("condition_ended", flag) in events


def test_a_restart_does_not_cut_the_recovery_short(bench: Bench, tmp_path: Path) -> None:
    """The tube does not know that the agent was restarted: not while gas flows, not while it empties."""
    quick_to_recover(tmp_path)
    analyzer = Analyzer()
    analyzer.switch(gas=True)
    server = bench.serve(ModbusTcpServer({1: analyzer}))
    with AgentProcess(tmp_path, HEAD + device("so2", at_port(server), "100ms", profile=SHIPPED.stem)) as agent:
        agent.until(lambda: marks(agent.records("measurement")), "gas")
        agent.kill()
        analyzer.switch(gas=False)  # nobody looks
        agent.start()
        agent.until(lambda: spells(agent.records("measurement"))[:2] == ["span_check", "recovering"], "recovery")
        agent.kill()
        agent.start()
        agent.until(lambda: "valid" in marks(agent.records("measurement")), "air")
        records = agent.records("measurement")
        began, ended = agent.events("condition_began"), agent.events("condition_ended")

    assert spells(records) == ["span_check", "recovering", "valid"]
    assert (len(began), len(ended)) == (1, 1), "told once, over both restarts"
    assert seconds(of_mark(records, "valid")[0]) - seconds(of_mark(records, "recovering")[0]) >= RECOVERY_S


def test_what_is_sampled_through_a_cold_line_is_suspect(bench: Bench, tmp_path: Path) -> None:
    """Water in a cold manifold takes SO2 away before any analyzer sees it: all behind it share the doubt."""
    so2, nox, indoor, manifold = Analyzer(), Analyzer(), Analyzer(), Unit(holding=dict.fromkeys(range(11), 0))
    manifold.holding |= {6: 401, 10: 400}
    units = {"so2": so2, "nox": nox, "indoor": indoor, "manifold": manifold}
    at = {name: at_port(bench.serve(ModbusTcpServer({1: unit}))) for name, unit in units.items()}
    names = ("so2", "nox", "indoor")
    analyzers = [device(name, at[name], "100ms", profile=SHIPPED.stem) for name in names]
    line = device("manifold", at["manifold"], "100ms", profile="sms-d-h", affects='["so2", "nox.so2"]')
    with AgentProcess(tmp_path, HEAD + "".join(analyzers) + line) as agent:

        def now() -> list[str]:
            return ["".join(marks(agent.records("measurement", name))[-1:]) for name in names]

        agent.until(lambda: now() == ["valid", "valid", "valid"], "readings")
        bench.call(lambda: manifold.set_int16(6, 121, "holding"))
        agent.until(lambda: now() == ["suspect", "suspect", "valid"], "doubt")
        (alarm,) = agent.events("alarm_raised")
        bench.call(lambda: manifold.set_int16(6, 398, "holding"))
        agent.until(lambda: now() == ["valid", "valid", "valid"], "confidence")
        cold = [record["values"]["tube_temperature"] for record in agent.records("parameter", "manifold")]

    assert alarm["device"] == "manifold"
    evidence = {"channel": "tube_temperature", "value": 12.1, "normal": [30, 50], "affects": ["nox.so2", "so2.so2"]}
    assert alarm["data"] | evidence == alarm["data"]
    assert cold.count(12.1) >= 1, "what made them suspect stands beside them"
    assert not any("quality" in record for record in agent.records("parameter", "manifold")), "it was read well"
