"""The promise, counted: every reading that an instrument served arrives, and is accounted for where it could not.

The instruments number their answers and write each number down; a consumer of its
own counts at the broker. Nothing between the two is asked how it went.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.simulators.accounting import (
    complete,
    complete_by_replay,
    delivered,
    lost,
    missing_ticks,
    seconds,
    served,
    silences,
)
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.ledger import Device, LedgerProcess

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


def _polls(agent: AgentProcess) -> int:
    return sum(device["polled"] for device in agent.status()["devices"])


def _delivers(agent: AgentProcess, since_s: float) -> bool:
    """Whether the uplink is connected, by a snapshot that was written after *since_s* (since 1970)."""
    status = agent.status()
    return seconds(status["written"]) > since_s and status["uplinks"][0]["state"] == "connected"


def _recorded(agent: AgentProcess) -> set[str]:
    return {record["device"] for record in agent.records("measurement")}


def test_three_kinds_of_instrument_reach_an_independent_subscriber(tmp_path: Path, broker: Mosquitto) -> None:
    """Modbus TCP, Modbus RTU and a text dialogue: register to log to broker to a consumer that is not ours."""
    with (
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "1", "--rtu-devices", "1", "--text-devices", "1") as ledger,
        Consumer(broker.port) as consumer,
        AgentProcess(tmp_path / "agent", station(ledger.devices, {"city": broker.url}, every="200ms")) as agent,
    ):
        agent.until(lambda: min(agent.status()["store"]["last"].values()) >= 0 and _polls(agent) >= 30, "30 polls")
        assert agent.stop() == 0, agent.log
        evidence = complete(consumer, agent)

    evidence.assert_complete()
    assert delivered(evidence) == served(tmp_path / "ledger.txt")
    assert len(delivered(evidence)) == 3


def test_twenty_devices_at_ten_hertz_lose_nothing(tmp_path: Path, broker: Mosquitto) -> None:
    """800 registers ten times a second for six seconds: more than ten stations have."""
    with (
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "20", "--registers", str(REGISTERS)) as ledger,
        Consumer(broker.port) as consumer,
        AgentProcess(tmp_path / "agent", station(ledger.devices, {"city": broker.url}, every="100ms")) as agent,
    ):
        agent.until(lambda: _polls(agent) >= 1200, "1200 polls", timeout_s=30)
        assert agent.stop() == 0, agent.log
        evidence = complete(consumer, agent)

    evidence.assert_complete()
    assert delivered(evidence) == served(tmp_path / "ledger.txt")
    assert missing_ticks(evidence, 0.1) == {}


def test_a_black_holed_uplink_changes_nothing_for_the_other(tmp_path: Path, broker: Mosquitto) -> None:
    """The province's dead line must not cost the city a single second."""
    with (
        socket.create_server(("127.0.0.1", 0)) as hole,  # accepts, and never says a word
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "5") as ledger,
        Consumer(broker.port) as consumer,
    ):
        uplinks = {"city": broker.url, "province": f"mqtt://127.0.0.1:{hole.getsockname()[1]}"}
        with AgentProcess(tmp_path / "agent", station(ledger.devices, uplinks, every="100ms")) as agent:
            agent.until(lambda: _polls(agent) >= 200, "200 polls", timeout_s=30)
            city, province = agent.status()["uplinks"]
            assert agent.stop() == 0, agent.log
            evidence = complete(consumer, agent)

    assert (city["state"], province["state"]) == ("connected", "connecting")
    assert sum(province["backlog"].values()) >= 200, "what the province lacks stays in the log"
    evidence.assert_complete()
    assert delivered(evidence) == served(tmp_path / "ledger.txt")


@pytest.mark.parametrize("victims", [("agent",), ("broker",), ("agent", "broker")], ids="+".join)
def test_what_is_killed_at_random_loses_nothing_that_was_stored(tmp_path: Path, victims: tuple[str, ...]) -> None:
    """SIGKILL is the power cut that a process knows: only a reading that was never committed may be missing."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    dice = random.Random(seed)
    agent_kills, broker_kills = 20 * ("agent" in victims), 5 * ("broker" in victims)
    with (
        Mosquitto(tmp_path / "broker", persistence=True) as broker,
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "5", "--rtu-devices", "1", "--text-devices", "1") as ledger,
        Consumer(broker.port) as consumer,
        AgentProcess(tmp_path / "agent", station(ledger.devices, {"city": broker.url}, every="100ms")) as agent,
    ):
        agent.until(lambda: len(_recorded(agent)) == len(ledger.devices), "a record of each: silence needs a beginning")
        blows = ["agent"] * agent_kills + ["broker"] * broker_kills
        dice.shuffle(blows)
        for victim in blows:
            time.sleep(dice.uniform(0.05, 0.5))
            if victim == "agent":
                agent.kill()
                agent.start()
            else:
                broker.kill()
                broker.start()
        over_s = time.time()
        agent.until(lambda: _delivers(agent, over_s), "the uplink to connect after the last blow")
        complete_by_replay(consumer, agent)
        assert agent.stop() == 0, agent.log
        evidence = complete(consumer, agent)

    evidence.assert_complete()
    spans = silences(evidence)
    for one in lost(tmp_path / "ledger.txt", evidence):
        covered = any(begin <= one.wall_s <= end for begin, end in spans[f"d{one.device}"])
        assert covered, f"device {one.device}, serial {one.serial} is missing, and no event says why"
    assert len(lost(tmp_path / "ledger.txt", evidence)) <= agent_kills * len(ledger.devices)
    assert agent.command("verify").returncode == 0
