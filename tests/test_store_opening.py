"""How long a log takes to open that a killed process left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.store.reader import Reader
from tests.simulators.logbook import open_store, reading


def grow(path: Path, size: int) -> None:
    """A log of *size* bytes, left behind by a process that was killed while it wrote."""
    code = f"from tests.test_store_opening import write_until_killed; write_until_killed({str(path)!r}, {size})"
    root = Path(__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root).returncode == -signal.SIGKILL
    assert path.with_name("store.db-wal").stat().st_size > 0


def write_until_killed(path: str, size: int) -> None:
    store = open_store(Path(path), quota=size * 2)
    number = 0
    while store.log.used_bytes() < size:
        store.append([reading(number + n, size=600) for n in range(2000)])
        number += 2000
    os.kill(os.getpid(), signal.SIGKILL)


def opening_s(path: Path) -> float:
    """How long a process that was killed needs until it can store again."""
    began = time.monotonic()
    store = open_store(path, quota=1 << 40)
    stamp = store.append([reading(0)])[0]
    took_s = time.monotonic() - began
    with Reader.open(path) as log:
        assert log.series()[0].last == stamp.seq
    store.close()
    return took_s


def test_a_log_opens_at_once_however_big_it_is(tmp_path: Path) -> None:
    """Nothing at start may depend on the size: here 50 MB, in the soak as much as one likes."""
    grow(tmp_path / "store.db", 50 << 20)
    assert opening_s(tmp_path / "store.db") < 0.5


@pytest.mark.soak
def test_a_log_of_gigabytes_opens_within_a_second(tmp_path: Path) -> None:
    """A year of a station, after a kill."""
    size = int(float(os.environ.get("LOG_GB", "5")) * (1 << 30))
    grow(tmp_path / "store.db", size)
    took_s = opening_s(tmp_path / "store.db")
    print(f"{size >> 20} MB open in {took_s:.3f} s")
    assert took_s < 1.0
