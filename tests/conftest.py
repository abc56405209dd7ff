"""The counterparts that many tests need: brokers, consumers and certificates."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.simulators.bench import Bench
from tests.simulators.broker import Mosquitto
from tests.simulators.certificates import Authority

LONG = (  # noqa: SIM905 - a line for each would tell no more
    "test_disk test_network test_ledger test_daemon test_process test_demo test_scan test_install test_poller "
    "test_power test_simulate test_systemd test_status test_uplink test_broker test_modbus_lies test_watch_screen "
    "test_everything test_time test_consumers"
).split()
"""Files that take a quarter of a minute and more, the longest first."""

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what runs in the background ignore it
gc.disable()  # what is imported and collected stays for good: looking for garbage in it takes a third of the time


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first: in the end no worker is left alone with one."""
    rank = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONG)))


def pytest_collection_finish() -> None:
    """From here on there is garbage, and all that was there before is none."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A fresh mosquitto that everybody may use."""
    with Mosquitto(tmp_path / "broker") as mosquitto:
        yield mosquitto


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One certificate authority for the whole run."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Where simulated instruments serve while the test waits."""
    with Bench() as made:
        yield made


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, as those of pytest cannot be."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
