"""Stations that go back in time, or are there twice: what is done to their disks, and what their consumer sees."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from tests.simulators.accounting import STATION
from tests.simulators.agent_process import AgentProcess
from tests.simulators.consumer import Consumer
from tests.simulators.ledger import Device
from tests.test_ledger import station

FILES = ("store.db", "store.db-wal", "store.db.high")


def agent_at(folder: Path, devices: list[Device], url: str, *, prelude: str = "") -> AgentProcess:
    """A station on *devices* with one uplink."""
    return AgentProcess(folder, station(devices, {"city": url}, every="100ms"), prelude=prelude)


def take_image(agent: AgentProcess, image: Path) -> None:
    """Copy the files of the log as they are now."""
    image.mkdir()
    for name in FILES:
        if (agent.folder / name).exists():
            shutil.copy(agent.folder / name, image)


def put_back(agent: AgentProcess, image: Path) -> None:
    """Have the disk as it was when *image* was taken."""
    for name in (*FILES, "store.db-shm"):
        (agent.folder / name).unlink(missing_ok=True)
        if (image / name).exists():
            shutil.copy(image / name, agent.folder)


def more(consumer: Consumer, count: int, timeout_s: float = 30.0) -> None:
    """Wait until so many more measurements have arrived."""
    before = arrived(consumer)
    consumer.wait_for(lambda consumer: arrived(consumer) >= before + count, timeout_s)


def arrived(consumer: Consumer) -> int:
    """How many different measurements have arrived."""
    return sum(len(records) for chain, records in consumer.evidence().records.items() if chain.stream == "measurement")


def epochs(consumer: Consumer) -> set[str]:
    """The epochs that measurements came under."""
    return {chain.epoch for chain in consumer.evidence().records if chain.stream == "measurement"}
