"""A rack of 32 Modbus units on one line of true speed, as a station file, and what became of each as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from drivers.counters import Counters
from tests.simulators.stationfile import HEAD, device
from tests.simulators.throttled_line import url

SLOW, GARBAGE, DEAD = 30, 31, 32
GOOD = range(1, SLOW)
SERVED = ",".join(map(str, range(1, DEAD)))
BEHAVIOUR = ("--slow", str(SLOW), "--garbage", str(GARBAGE))
COUNTS = ("asked", "good", "timeouts", "checksum", "bad", "late", "strange")
COLUMNS = ("unit", *COUNTS, "median", "worst", "share", "missed")


def station(path: Path, baud: int, *, every: str, timeout: str, registers: int) -> str:
    """All 32 units at *path*, each with *registers* in one block."""
    link = f'[[link]]\nname = "bus"\nurl = "{url(path, baud)}"\ntimeout = "{timeout}"\n'
    channels = "".join(f'[[device.channel]]\nname = "r{n}"\nregister = {n}\n' for n in range(registers))
    units = [device(f"u{unit}", 'link = "bus"', every, channels, address=unit) for unit in range(1, DEAD + 1)]
    return HEAD + link + "".join(units)


def table(counters: Mapping[str, Counters], missed: Mapping[str, int], now_s: float) -> str:
    """A line for each unit."""
    rows = [COLUMNS, *(_row(name, one, missed[name], now_s) for name, one in counters.items())]
    return "\n".join(" ".join(cell.rjust(8) for cell in row) for row in rows)


def _row(name: str, one: Counters, missed: int, now_s: float) -> tuple[str, ...]:
    counts = [getattr(one, name) for name in COUNTS]
    times = [f"{1000 * took_s:.0f} ms" if took_s else "-" for took_s in (one.median_s, one.worst_s)]
    return name, *map(str, counts), *times, f"{one.held.at(now_s):.1%}", str(missed)
