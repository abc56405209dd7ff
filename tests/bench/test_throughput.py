"""What single steps cost on a reading's way, and how fast a backlog leaves."""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.simulation.modbus_framing import Framing, Mbap, Rtu
from agent.store.record import Draft, draft
from agent.store.store import Store
from drivers.decode import decode
from drivers.modbus_frames import FRAMINGS, values_of
from drivers.plan import Span
from drivers.profile import Channel
from drivers.reading import Stream
from tests.bench.figures import Figures
from tests.bench.tap import Tap
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]

VALUES = 40
BACKLOG = 200_000
WORDS = [number * 1571 & 0xFFFF for number in range(VALUES)]
FIELDS = {"device": "d1", "meta": "3fa09c1e", "values": {f"r{number}": word for number, word in enumerate(WORDS)}}
BEGAN = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
TRIES = 1000

STATION = """[station]
id = "330100-A01"
runtime = "run"
[store]
path = "store.db"
[[uplink]]
name = "city"
url = "{url}"
from = "oldest"
spread = "0s"
"""


def each_us(step: Callable[[], object], tries: int = TRIES) -> list[float]:
    """How long *step* took, try by try, in microseconds; the first tenth, which fills caches, is left out."""
    took = []
    for _ in range(tries + tries // 10):
        began_s = time.perf_counter()
        step()
        took.append(1e6 * (time.perf_counter() - began_s))
    return took[tries // 10 :]


def record(number: int) -> Draft:
    """Reading *number* of one of 20 devices at 1 Hz."""
    return draft(Stream.MEASUREMENT, BEGAN + timedelta(seconds=number // 20), FIELDS)


def open_store(path: Path) -> Store:
    """A log with room for everything here, as another machine left it."""
    return Store.open(path, station="330100-A01", machine="bench", quota=4 << 30, now_ms=1_795_321_800_000)


def test_what_a_record_costs_to_make(figures: Figures, yardstick_us: float) -> None:
    """Once per poll; design counts on some ten microseconds."""
    made = figures.add(f"encode a record of {VALUES} values", "us", each_us(lambda: record(1)))
    figures.add("the same / json.dumps of it", "times", made.median / yardstick_us)

    assert made.median < 5000


def test_what_a_poll_costs_to_decode(figures: Figures, yardstick_us: float) -> None:
    """The largest part of the work between a reply and its record."""
    channels = [Channel(name=f"r{number}", register=number, type="uint16", scale=0.1) for number in range(VALUES)]

    def poll() -> list[object]:
        return [decode(channel, WORDS[at : at + 1], timezone=UTC) for at, channel in enumerate(channels)]

    decoded = figures.add(f"decode {VALUES} scaled registers", "us", each_us(poll))
    figures.add("the same / json.dumps of a record", "times", decoded.median / yardstick_us)

    assert decoded.median < 20_000


@pytest.mark.parametrize("framing", [Mbap(), Rtu()], ids=["mbap", "rtu"])
def test_what_an_exchange_costs_beside_the_wire(figures: Figures, framing: Framing) -> None:
    """Request built, reply found and taken apart."""
    frames, span = FRAMINGS[type(framing).__name__.lower()], Span(3, 0, VALUES)
    pdu = struct.pack(f">BB{VALUES}H", 3, 2 * VALUES, *WORDS)
    took_us = []
    for _ in range(TRIES):
        began_s = time.perf_counter()
        request = frames.ask(1, span)
        asked_s = time.perf_counter()
        reply = bytearray(framing.wrap(request.frame, pdu))
        came_s = time.perf_counter()
        found = request.find(reply)
        assert found is not None
        assert values_of(found.frame, span) == WORDS
        took_us.append(1e6 * (time.perf_counter() - came_s + asked_s - began_s))
    frame = figures.add(f"frames of one exchange, {VALUES} registers, {type(framing).__name__}", "us", took_us)

    assert frame.median < 5000


@pytest.mark.parametrize("group", [1, 20, 200, 2000])
def test_how_fast_the_log_takes_records(tmp_path: Path, figures: Figures, group: int) -> None:
    """A commit is a sync: what the disk itself needs for the same bytes is measured beside it."""
    store = open_store(tmp_path / "store.db")
    drafts = [record(number) for number in range(group)]
    plain = b"".join(one.body(1) for one in drafts)
    commits_ms, syncs_ms = [], []
    with (tmp_path / "plain").open("wb", buffering=0) as file:

        def append_and_sync() -> None:
            file.write(plain)
            os.fdatasync(file.fileno())

        for _ in range(max(10, min(300, 20_000 // group))):
            commits_ms.append(each_us(lambda: store.append(drafts), 1)[0] / 1000)
            syncs_ms.append(each_us(append_and_sync, 1)[0] / 1000)
    store.close()

    commit = figures.add(f"commit of {group}", "ms", commits_ms)
    synced = figures.add(f"the same bytes appended and synced, {group}", "ms", syncs_ms)
    figures.add(f"commit / append and sync, {group}", "times", commit.median / synced.median)
    figures.add(f"records stored per second in groups of {group}", "1/s", 1000 * group / commit.median)

    assert commit.median < 5000


def test_how_fast_a_backlog_leaves(tmp_path: Path, broker: Mosquitto, figures: Figures) -> None:
    """After days without a network: from the log to a local broker, lane back, half of the window."""
    folder = tmp_path / "agent"
    folder.mkdir()
    store = open_store(folder / "store.db")
    for begin in range(0, BACKLOG, 2000):
        store.append([record(number) for number in range(begin, begin + 2000)])
    store.close()
    with Tap(broker.port) as tap, AgentProcess(folder, STATION.format(url=tap.url), as_shipped=True) as agent:
        agent.until(lambda: is_delivered(agent), "an empty backlog", 120)
        assert agent.stop() == 0, agent.log
    batches = [flight for flight in tap.flights if flight.topic.endswith("/data/measurement/back")]
    sent = [json.loads(flight.payload) for flight in batches]
    assert sum(one["last"] - one["first"] + 1 for one in sent) == BACKLOG

    took_s = batches[-1].acknowledged_s - min(flight.published_s for flight in batches)
    rate = figures.add("backlog to a local broker", "records/s", BACKLOG / took_s)
    figures.add("the same", "MB/s", sum(len(flight.payload) for flight in batches) / took_s / 1e6)
    figures.add("PUBLISH to PUBACK meanwhile", "ms", [1000 * (one.acknowledged_s - one.published_s) for one in batches])

    assert rate.median > 500


def is_delivered(agent: AgentProcess) -> bool:
    """Whether the uplink is connected and nothing waits; before that it may not know yet what the log holds."""
    uplink = agent.status()["uplinks"][0]
    return uplink["state"] == "connected" and not any(uplink["backlog"].values())
