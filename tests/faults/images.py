"""Stations that go back in time, or are there twice: what is done to their disks."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.simulators.agent_process import AgentProcess
from tests.simulators.consumer import Consumer

LOG = ("store.db", "store.db-wal")
MARK = "store.db.high"


def take_image(agent: AgentProcess, image: Path) -> None:
    """Copy the log, and the mark beside it, as they are now; the daemon must not write meanwhile."""
    image.mkdir()
    for name in (*LOG, MARK):
        if (agent.folder / name).exists():
            shutil.copy(agent.folder / name, image)


def put_back(agent: AgentProcess, image: Path, *, mark: bool) -> None:
    """Have the log as it was when *image* was taken, and with *mark* the mark too."""
    for name in (*LOG, "store.db-shm", *([MARK] if mark else [])):
        (agent.folder / name).unlink(missing_ok=True)
        if (image / name).exists():
            shutil.copy(image / name, agent.folder)


def arrived(consumer: Consumer) -> int:
    """How many different measurements have arrived."""
    return sum(len(records) for chain, records in consumer.evidence().records.items() if chain.stream == "measurement")


def more(consumer: Consumer, count: int) -> None:
    """Wait until so many more measurements have arrived."""
    before = arrived(consumer)
    consumer.wait_for(lambda consumer: arrived(consumer) >= before + count, 30.0)


def epochs(consumer: Consumer) -> set[str]:
    """The epochs that measurements came under."""
    return {chain.epoch for chain in consumer.evidence().records if chain.stream == "measurement"}
