"""One station whose instruments fail in all known ways at once, each on a wire of its own.

The daemon is the real one. How the devices of one case came through is a :class:`Result`.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.faults.liars import QUIET_S, REGISTERS, TIMEOUT_S, Case, put_up
from tests.simulators.accounting import complete
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Evidence
from tests.simulators.ledger import Counters, Served, derived, read_ledger
from tests.simulators.stationfile import uplink
from tests.simulators.ticks import number, readings, seconds, ticks

EVERY_S = 0.4
CALM_S = 0.5
MOST_PARTS = 6
"""Into so many requests a poll may fall apart."""

ROUNDING_S = 0.001
"""The time of a record is cut to whole milliseconds."""

IN_A_HURRY = """
from agent.polling import device
import drivers.link
device.FIRST_REST_S, device.LONGEST_REST_S = 0.2, 0.8
drivers.link.FIRST_RETRY_S, drivers.link.LAST_RETRY_S = 0.1, dict.fromkeys(drivers.link.LAST_RETRY_S, 0.4)
"""
"""Rests some ten times shorter than the real ones, which hold in ``make soak``: so that more faults find a question."""


@dataclass
class Result:
    """How the devices of one case came through."""

    case: Case
    polled: int = 0  # readings that the log has
    delivered: int = 0  # readings that arrived
    wrong: list[str] = field(default_factory=list)
    doubled: int = 0
    untold: int = 0  # ticks that no record tells of
    stalest_s: float = 0.0
    recovery_s: float | None = None
    shares: dict[str, float] = field(default_factory=dict)  # by device, of ticks that gave a reading
    reasons: dict[str, set[str]] = field(default_factory=dict)  # by device, why ticks gave nothing
    events: dict[str, list[str]] = field(default_factory=dict)  # by device, its events in order


@dataclass
class Ordeal:
    """What became of the station."""

    results: dict[str, Result]
    evidence: Evidence
    log: str
    exit_code: int
    verified: int


def suffer(folder: Path, cases: Sequence[Case], *, length_s: float, bound_s: float, hurried: bool) -> Ordeal:
    """Live through all *cases* for *length_s*; then every device has *bound_s* to be read again."""
    counters = Counters(folder / "ledger.txt", REGISTERS)
    with Bench() as bench, Mosquitto(folder / "broker") as broker, Consumer(broker.port) as consumer:
        first = 1
        for case in cases:
            put_up(case, first, counters, bench, folder)
            first += case.units
        agent = AgentProcess(folder / "agent", _station(cases, broker.url), prelude=IN_A_HURRY if hurried else "")
        agent.start()
        try:
            agent.until(lambda: _all_read(agent, cases, 0.0, folder), "reading of every device", timeout_s=30)
            time.sleep(CALM_S)
            bench.call(lambda: _each(cases, Case.begin))
            time.sleep(length_s)
            bench.call(lambda: _each(cases, Case.end))
            ended_s = time.monotonic()
            agent.until(lambda: _all_read(agent, cases, ended_s, folder), "reading of every device again", bound_s)
        finally:
            exit_code = agent.stop()
        evidence = complete(consumer, agent)
        ledger = read_ledger(folder / "ledger.txt")
        stored = agent.records("measurement")
        results = {case.name: _result(case, stored, evidence, ledger, ended_s) for case in cases}
        return Ordeal(results, evidence, agent.log, exit_code, agent.command("verify").returncode)


def _each(cases: Iterable[Case], act: Callable[[Case], None]) -> None:
    for case in cases:
        act(case)


def _station(cases: Iterable[Case], broker: str) -> str:
    head = '[station]\nid = "ledger"\nruntime = "run"\n[store]\npath = "store.db"\n'
    return head + "".join(map(_wire, cases)) + uplink("city", broker) + 'from = "oldest"\n'


def _wire(case: Case) -> str:
    link = f"w{case.numbers[0]}"
    text = f'[[link]]\nname = "{link}"\nurl = "{case.url}"\nquiet = "{QUIET_S * 1000:g}ms"\n'
    for unit, device in enumerate(case.numbers, start=1):
        text += f'[[device]]\nname = "d{device}"\nlink = "{link}"\naddress = {unit}\nprotocol = "{case.protocol}"\n'
        text += f'every = "{EVERY_S * 1000:g}ms"\ntimeout = "{TIMEOUT_S * 1000:g}ms"\n'
        text += _asked() if case.wire == "text" else _registers()
    return text


def _registers() -> str:
    channels = ['name = "serial"\nregister = 0\ntype = "uint32"\n']
    channels += [f'name = "r{register}"\nregister = {register}\n' for register in range(2, REGISTERS)]
    return "".join(f"[[device.channel]]\n{channel}" for channel in channels)


def _asked() -> str:
    dialogue = [
        "[device.dialogue]",
        'request_terminator = "\\r"',
        "[[device.dialogue.request]]",
        'name = "all"\nsend = "Q"\nseparator = ","',
        rf"expect = '\d+(,\d+){{{REGISTERS - 1}}}'",
    ]
    fields = {"serial": 1} | {f"r{register}": register for register in range(2, REGISTERS)}
    channels = [f'[[device.channel]]\nname = "{name}"\nfield = {at}' for name, at in fields.items()]
    return "\n".join([*dialogue, *channels, ""])


def _all_read(agent: AgentProcess, cases: Iterable[Case], since_s: float, folder: Path) -> bool:
    """Whether every device has a reading that was served after *since_s* (monotonic)."""
    ledger = read_ledger(folder / "ledger.txt").items()
    served = {(f"d{number}", one.serial) for number, ones in ledger for one in ones if one.monotonic_s > since_s}
    stored = readings(agent.records("measurement"))
    read = {one["device"] for one in stored if (one["device"], one["values"]["serial"]) in served}
    return read >= {f"d{number}" for case in cases for number in case.numbers}


def _result(
    case: Case, stored: list[dict[str, Any]], evidence: Evidence, ledger: dict[int, list[Served]], ended_s: float
) -> Result:
    result, in_parts = Result(case), case.name.startswith("exception 2")
    for one in case.numbers:
        name, served = f"d{one}", ledger[one]
        own = [record for record in stored if record["device"] == name]
        arrived = [record for record in readings(evidence.of("measurement")) if record["device"] == name]
        result.polled += len(readings(own))
        result.delivered += len(arrived)
        result.wrong += [words for record in arrived if (words := _wrong(record, one, served, in_parts=in_parts))]
        serials = [serial for record in arrived if (serial := record["values"]["serial"]) is not None]
        result.doubled += len(serials) - len(set(serials))
        result.untold += _untold(own)
        result.shares[name] = len(readings(own)) / ticks(own)
        result.reasons[name] = {record["reason"] for record in own if "reason" in record}
        events = [record for record in evidence.of("event") if record.get("device") == name]
        result.events[name] = [record["event"] for record in events if record["event"] != "dictionary"]
        _note_freshness(result, arrived, served, ended_s)
    return result


def _untold(records: list[dict[str, Any]]) -> int:
    """How many ticks between two readings of *records* none of them tells of.

    A reading has the time of its reply. Of those at the ends of the span that one is taken
    which came in the first half of a tick, and so belongs to it also on a busy machine.
    """
    prompt = [record for record in readings(records) if seconds(record) % EVERY_S < EVERY_S / 2]
    first, last = prompt[0], prompt[-1]
    told = ticks(record for record in records if seconds(first) <= seconds(record) <= seconds(last))
    return max(0, number(last, EVERY_S) - number(first, EVERY_S) + 1 - told)


def _wrong(record: dict[str, Any], device: int, served: list[Served], *, in_parts: bool) -> str:
    """What is wrong with a reading, in words: it is not what was served last when it was made.

    *in_parts* is for an instrument that refuses blocks: of one poll, each part has what was served last for it.
    """
    times = [one.wall_s for one in served]
    last, until = (bisect.bisect(times, seconds(record) + later_s) for later_s in (0.0, ROUNDING_S))
    right = [one.serial for one in served[max(0, last - (MOST_PARTS if in_parts else 1)) : until]]
    found = {name: value for name, value in record["values"].items() if value is not None}
    wrong = {name: value for name, value in found.items() if value not in [_holds(device, one, name) for one in right]}
    return f"d{device} at {record['time']}: {wrong}, where {right} was served" if wrong else ""


def _holds(device: int, serial: int, name: str) -> int:
    """What the channel *name* says in the answer *serial*."""
    return serial if name == "serial" else derived(device, serial, int(name[1:]))


def _note_freshness(result: Result, arrived: list[dict[str, Any]], served: list[Served], ended_s: float) -> None:
    at = {one.serial: one.monotonic_s for one in served}
    times = sorted(at[record["values"]["serial"]] for record in arrived if record["values"]["serial"] in at)
    pauses = [after - before for before, after in pairwise(times)]
    result.stalest_s = max([result.stalest_s, *pauses])
    back = next((when for when in times if when > ended_s), None)
    if back is not None:
        result.recovery_s = max(result.recovery_s or 0.0, back - ended_s)
