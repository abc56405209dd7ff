"""A million replies late, twice, through each other, damaged and torn; and a rack on a busy line, for FOR=1h or so."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import pytest

from drivers.duration import parse_duration
from tests.simulators import rack, virtual_time
from tests.simulators.throttled_line import throttled
from tests.simulators.working_station import WorkingStation
from tests.test_confused_wire import KINDS, LONGEST_STALE_S, WORLDS, confuse, told

pytestmark = pytest.mark.soak

EXCHANGES = {"all at once": 400_000, "a copy of each sixth": 100_000, "a rare copy": 50_000, "late and lost": 50_000}
"""For each of the two worlds: 1.2 million together."""


@pytest.mark.parametrize("kinds", KINDS)
@pytest.mark.parametrize("world", WORLDS)
def test_a_million_confusions_make_no_wrong_value(world: str, kinds: str) -> None:
    """What happens once in a hundred thousand exchanges happens every day at a station."""
    seed = random.randrange(10**6)
    account, bus = virtual_time.run(confuse(WORLDS[world](), KINDS[kinds], seed=seed, exchanges=EXCHANGES[kinds]))

    print(f"{world}, {kinds}, seed {seed}: {told(account, bus)}")
    assert account.wrong == []
    assert max(account.stale, default=0.0) < LONGEST_STALE_S


async def test_a_rack_of_32_units_keeps_every_tick_on_a_busy_line(tmp_path: Path) -> None:
    """A third of a line of 19200 baud for the good ones; the worst cycle must hold both time-outs of the others too."""
    ends_s = time.monotonic() + parse_duration(os.environ.get("FOR") or "60s")
    with throttled(tmp_path / "line", 19200, rack.SERVED, *rack.BEHAVIOUR):
        text = rack.station(tmp_path / "line", 19200, every="2s", timeout="200ms", registers=6)
        async with WorkingStation(tmp_path, text) as station:
            names = [f"u{unit}" for unit in range(1, rack.DEAD + 1)]
            link = station.link("u1").link
            await asyncio.sleep(ends_s - time.monotonic())
            missed = {name: station.poller(name).condition.missed for name in names}
            failed = {name: station.poller(name).condition.failed for name in names}
            now_s = asyncio.get_running_loop().time()
            print(f"{rack.table(link.counters, missed, now_s)}\n{link.share:.0%} of the line's time used")

    good = [f"u{unit}" for unit in rack.GOOD]
    assert [name for name in good if missed[name] or failed[name]] == []
