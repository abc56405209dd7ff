"""The promise, counted: every reading that an instrument served arrives, and is accounted for where it could not.

The instruments number their answers and write each number down; a consumer of its
own counts at the broker. Nothing between the two is asked how it went.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Evidence
from tests.simulators.ledger import Device, LedgerProcess, derived, read_ledger

REGISTERS = 40


def station(devices: Iterable[Device], uplinks: dict[str, str], *, every: str) -> str:
    """A station file with *devices* of the ledger, and an uplink for each broker's URL."""
    parts = ['[station]\nid = "ledger"\nruntime = "run"\n[store]\npath = "store.db"\n']
    devices = list(devices)
    if any(device.kind == "rtu" for device in devices):
        path = next(device.path for device in devices if device.kind == "rtu")
        parts.append(f'[[link]]\nname = "bus"\nurl = "serial://{path}?baud=115200"\n')
    parts += [_device(device, every) for device in devices]
    parts += [f'[[uplink]]\nname = "{name}"\nurl = "{url}"\nspread = "0s"\n' for name, url in uplinks.items()]
    return "".join(parts)


def _device(device: Device, every: str) -> str:
    where = 'link = "bus"' if device.kind == "rtu" else f'url = "{device.url}"'
    lines = [f'[[device]]\nname = "d{device.number}"\n{where}\nevery = "{every}"\n']
    if device.kind == "text":
        lines.append(
            'protocol = "dialogue"\n[device.dialogue]\nterminator = "\\r\\n"\n'
            '[[device.dialogue.request]]\nname = "all"\nsend = "Q\\r"\nseparator = ","\n'
            '[[device.channel]]\nname = "serial"\nrequest = "all"\nfield = 1\n'
        )
        lines += [_text_channel(register) for register in range(2, REGISTERS)]
    else:
        lines.append(f"address = {device.unit}\n")
        lines.append('[[device.channel]]\nname = "serial"\nregister = 0\ntype = "uint32"\n')
        lines += [_channel(register) for register in range(2, REGISTERS)]
    return "".join(lines)


def _channel(register: int) -> str:
    return f'[[device.channel]]\nname = "r{register}"\nregister = {register}\ntype = "uint16"\n'


def _text_channel(register: int) -> str:
    return f'[[device.channel]]\nname = "r{register}"\nrequest = "all"\nfield = {register}\n'


def delivered(evidence: Evidence) -> dict[int, list[int]]:
    """Per device the serials that arrived, in the order of seq; every register is checked on the way."""
    found: dict[int, list[int]] = {}
    for record in evidence.of("measurement"):
        if "values" not in record:
            continue
        number, values = int(record["device"][1:]), record["values"]
        serial = values.pop("serial")
        for name, value in values.items():
            expected = derived(number, serial, int(name[1:]))
            assert value == expected, f"{record['device']} {serial}: {name} is {value}, served was {expected}"
        found.setdefault(number, []).append(serial)
    return found


def served(log: Path) -> dict[int, list[int]]:
    return {device: [one.serial for one in ones] for device, ones in read_ledger(log).items()}


def drain(consumer: Consumer, agent: AgentProcess, timeout_s: float = 30.0) -> Evidence:
    """Wait until the consumer has what the agent's log ends with, per stream."""

    def complete(consumer: Consumer) -> bool:
        records = consumer.evidence().records
        epoch = agent.status()["store"]["epoch"]
        return (
            all(
                last in records.get(("ledger", epoch, stream), {}) or not last
                for stream, last in agent.status()["store"]["last"].items()
            )
            and not consumer.evidence().gaps
        )

    consumer.wait_for(complete, timeout_s)
    return consumer.evidence()


def test_three_kinds_of_instrument_reach_an_independent_subscriber(tmp_path: Path, broker: Mosquitto) -> None:
    """Modbus TCP, Modbus RTU and a text dialogue: register to log to broker to a consumer that is not ours."""
    with (
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "1", "--rtu-devices", "1", "--text-devices", "1") as ledger,
        Consumer(broker.port) as consumer,
        AgentProcess(tmp_path / "agent", station(ledger.devices, {"city": broker.url}, every="200ms")) as agent,
    ):
        agent.until(lambda: min(agent.status()["store"]["last"].values()) >= 0 and _polls(agent) >= 30, "30 polls")
        assert agent.stop() == 0, agent.log
        evidence = drain(consumer, agent)

    evidence.assert_complete()
    assert delivered(evidence) == served(tmp_path / "ledger.txt")
    assert len(delivered(evidence)) == 3


def _polls(agent: AgentProcess) -> int:
    return sum(device["polled"] for device in agent.status()["devices"])
