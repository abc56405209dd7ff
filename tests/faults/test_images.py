"""A log put back from an image, and a disk that was cloned: the station must not give a number to a second record.

A consumer of its own, which keeps all that ever came, is the judge.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.images import arrived, epochs, more, put_back, take_image
from tests.faults.table import row
from tests.simulators.accounting import complete, delivered, served, silences
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.ledger import LedgerProcess
from tests.test_ledger import station

SOME = 12
"""Readings that arrive between two events of a story."""

ANOTHER_PC = "import agent.daemon\nagent.daemon.machine_id = lambda: 'another'"


def image_while_it_runs(agent: AgentProcess, image: Path) -> None:
    """As a hypervisor does: between two writes."""
    os.kill(agent.pid, signal.SIGSTOP)
    take_image(agent, image)
    os.kill(agent.pid, signal.SIGCONT)


def in_good_order(agent: AgentProcess) -> None:
    assert agent.stop() == 0, agent.log


LONG = pytest.mark.soak
"""The quick part of this is in test_epochs.py and test_uplink.py."""


@pytest.mark.parametrize(
    ("end", "mark"),
    [
        pytest.param(AgentProcess.kill, True, id="killed"),
        pytest.param(in_good_order, True, id="stopped", marks=LONG),
        pytest.param(AgentProcess.kill, False, id="killed, newer mark", marks=LONG),
        pytest.param(in_good_order, False, id="stopped, newer mark", marks=LONG),
    ],
)
def test_a_log_put_back_from_an_image_goes_on_under_a_new_epoch(
    tmp_path: Path, broker: Mosquitto, end: Callable[[AgentProcess], None], *, mark: bool
) -> None:
    """What came under the old numbers since the image was taken must not come again with something else in it."""
    with (
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "2") as ledger,
        Consumer(broker.port) as consumer,
        AgentProcess(tmp_path / "agent", station(ledger.devices, {"city": broker.url}, every="100ms")) as agent,
    ):
        more(consumer, SOME)
        image_while_it_runs(agent, tmp_path / "image")
        more(consumer, SOME)
        end(agent)
        agent.start()
        more(consumer, SOME)
        end(agent)
        put_back(agent, tmp_path / "image", mark=mark)
        agent.start()
        more(consumer, SOME)
        in_good_order(agent)
        evidence = complete(consumer, agent)
    judged(f"image put back, {'with' if mark else 'without'} its mark", consumer, tmp_path / "ledger.txt")
    assert len(epochs(consumer)) == 2
    assert silences(evidence)


@LONG
def test_what_an_image_numbered_while_it_was_offline_arrives_under_new_numbers(tmp_path: Path) -> None:
    """Nobody could tell it that these numbers were taken; now they are, and the readings must not be lost for that."""
    with (
        Mosquitto(tmp_path / "broker", persistence=True) as broker,
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "2") as ledger,
        Consumer(broker.port) as consumer,
        AgentProcess(tmp_path / "agent", station(ledger.devices, {"city": broker.url}, every="100ms")) as agent,
    ):
        more(consumer, SOME)
        image_while_it_runs(agent, tmp_path / "image")
        more(consumer, 2 * SOME)
        in_good_order(agent)
        broker.stop()
        put_back(agent, tmp_path / "image", mark=True)
        for _ in range(2):
            agent.start()
            polled_since(agent, SOME)
            agent.kill()
        broker.start()
        agent.start()
        more(consumer, SOME)
        agent.until(lambda: agent.events("records_renumbered"), "new numbers")
        more(consumer, SOME)
        in_good_order(agent)
        complete(consumer, agent)
    judged("image put back, offline", consumer, tmp_path / "ledger.txt")


@LONG
def test_two_stations_from_one_image_share_no_number(tmp_path: Path, broker: Mosquitto) -> None:
    """A cloned PC goes on with the numbers of the first one, beside it, unless it notices."""
    with (
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "2") as ledger,
        Consumer(broker.port) as consumer,
    ):
        text = station(ledger.devices, {"city": broker.url}, every="100ms")
        first = AgentProcess(tmp_path / "first", text)
        second = AgentProcess(tmp_path / "second", text + 'client_id = "clone"\n', prelude=ANOTHER_PC)
        with first:
            more(consumer, SOME)
            image_while_it_runs(first, tmp_path / "image")
            put_back(second, tmp_path / "image", mark=True)
            with second:
                consumer.wait_for(lambda consumer: len(epochs(consumer)) == 2, 30.0)
                more(consumer, 2 * SOME)
                in_good_order(second)
            in_good_order(first)
        complete(consumer, first)
        complete(consumer, second)
    judged("disk cloned", consumer, tmp_path / "ledger.txt")
    assert second.events("epoch_began")[-1]["data"]["reason"] == "machine_changed"


def polled_since(agent: AgentProcess, count: int) -> None:
    """Wait until each device was polled so often in this life."""
    agent.until(lambda: min(device["polled"] for device in agent.status()["devices"]) >= count, f"{count} polls")


def judged(fault: str, consumer: Consumer, book: Path) -> None:
    """No number came twice with different content, nothing is missing between numbers, no reading has two numbers."""
    evidence = consumer.evidence()
    came = delivered(evidence)
    twice = sum(len(serials) - len(set(serials)) for serials in came.values())
    polled = sum(map(len, served(book).values()))
    missing = sum(last - first + 1 for ranges in evidence.gaps.values() for first, last in ranges)
    row(fault, 1, polled, arrived(consumer), missing, twice)
    evidence.assert_complete()
    assert twice == 0
