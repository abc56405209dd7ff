"""The table that all measurements share, printed when the last of them is done."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.bench.figures import Figures
from tests.bench.process import machine_s

RECORD = {"device": "d1", "meta": "3fa09c1e", "values": {f"r{number}": number * 1000 for number in range(40)}}


@pytest.fixture(scope="session")
def figures(yardstick_us: float) -> Iterator[Figures]:
    """Collects what the tests measure; the circumstances stand above it."""
    collected = Figures()
    before = machine_s()
    yield collected
    busy_s, all_s = (end - begin for end, begin in zip(machine_s(), before, strict=True))
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, Linux {platform.machine()}"
    collected.circumstances += [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}",
        f"cores busy during the run: {100 * busy_s / all_s:.0f} % (this run's own work included)",
        f"yardstick: the standard library's json.dumps of a record of 40 values takes {yardstick_us:.1f} us here",
    ]
    print(f"\n\n{collected.table()}\n")


@pytest.fixture(scope="session")
def yardstick_us() -> float:
    """How fast this machine is, so that other figures can be given as ratios: the least disturbed of many tries."""
    took_s = []
    for _ in range(500):
        began_s = time.perf_counter()
        json.dumps(RECORD)
        took_s.append(time.perf_counter() - began_s)
    return 1e6 * min(took_s)
