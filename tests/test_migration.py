"""What released versions left on a station is taken over: every folder beside ``fixtures/freeze.py`` is one release."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.store import schema
from agent.store.cursor import Cursor
from agent.store.errors import ForeignLogError
from agent.store.reader import Reader
from agent.store.record import event
from agent.store.store import Move, Store
from agent.store.verify import verify_files, verify_log
from drivers.reading import Stream
from tests.fixtures.freeze import MACHINE, meaning
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.logbook import NOON, open_store, reading

FIXTURES = Path(__file__).parent / "fixtures"
RELEASES = sorted(path.name for path in FIXTURES.iterdir() if (path / "store.db").exists())
STEP = "ALTER TABLE gone ADD COLUMN visit TEXT; CREATE INDEX visits ON gone (visit);"
"""What a later schema may want: something that the agents before it do not fill."""


@pytest.fixture(params=RELEASES)
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A station's folder as a release left it."""
    return Path(shutil.copytree(FIXTURES / request.param, tmp_path / "station"))


def differences(was: Any, now: Any, where: str = "") -> list[str]:
    """What of *was* is not the same in *now*; what only *now* has is an addition, and no difference."""
    if isinstance(was, dict) and isinstance(now, dict):
        return [line for key in was for line in differences(was[key], now.get(key), f"{where}.{key}")]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [line for at, one in enumerate(was) for line in differences(one, now[at], f"{where}.{at}")]
    return [] if was == now else [f"{where}: {was} became {now}"]


def rows(path: Path) -> dict[tuple[str, Stream], list[tuple[int, bytes, bytes]]]:
    """Every record of a log with its seq and head."""
    with Reader.open(path) as log:
        return {
            (one.epoch, one.stream): [
                (row.seq, row.body, row.head) for row in log.walk(one.epoch, one.stream, one.first, one.last)
            ]
            for one in log.series()
        }


def open_left(folder: Path) -> Store:
    """The log in *folder*, opened by the computer that wrote it."""
    return open_store(folder / "store.db", machine="frozen")


def raise_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this agent be of a version whose schema is one higher."""
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, STEP))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)


@pytest.mark.parametrize("name", ["station", "reference"])
def test_a_station_file_of_a_released_version_still_means_the_same(left: Path, name: str) -> None:
    """Every key that was ever released is still read, and no default has changed behind a station's back."""
    was = json.loads((left / f"{name}.json").read_text())

    assert differences(was, meaning(left / f"{name}.toml")) == []


def test_a_log_of_a_released_version_opens_verifies_and_goes_on(left: Path) -> None:
    """Same epoch, next number, one chain: no consumer notices the upgrade."""
    before = rows(left / "store.db")
    (epoch,) = {name for name, _ in before}

    store = open_left(left)
    (stamp,) = store.append([reading(0)])

    assert (store.epoch, store.reason, store.forks) == (epoch, None, {})
    assert stamp.seq == len(before[epoch, Stream.MEASUREMENT]) + 1
    assert all(proof.broken is None for proof in verify_log(store.log))
    store.close()
    now = rows(left / "store.db")
    assert {series: now[series][: len(kept)] for series, kept in before.items()} == before


def test_a_sealed_day_of_a_released_version_verifies(left: Path) -> None:
    """The law asks for it for years, over many upgrades."""
    proofs = list(verify_files(sorted((left / "archive").glob("*.jsonl.gz"))))

    assert proofs
    assert [proof.broken for proof in proofs] == [None] * len(proofs)


def test_the_daemon_takes_a_station_over_and_delivers_what_its_older_version_could_not(left: Path) -> None:
    """One broker was never there: all that the older version kept for it arrives, first to last, unchanged."""
    before = rows(left / "store.db")
    with Mosquitto(left.parent / "broker") as province, Consumer(province.port) as consumer:
        text = (left / "station.toml").read_text()
        text = text.replace("mqtt://127.0.0.1:9", f"mqtt://127.0.0.1:{province.port}")
        with AgentProcess(left, text, prelude=MACHINE) as agent:
            consumer.wait_for(lambda seen: seen.evidence().count > sum(map(len, before.values())), timeout_s=30)
            verified = agent.command("verify")

    evidence = consumer.evidence()
    assert (verified.returncode, evidence.faults) == (0, []), verified.stdout
    for (epoch, stream), kept in before.items():
        got = next(found for chain, found in evidence.records.items() if chain[1:] == (epoch, stream))
        assert [got.get(seq) for seq, _, _ in kept] == [body for _, body, _ in kept]


def test_the_last_good_configuration_of_a_released_version_runs_when_the_file_is_wrong(left: Path) -> None:
    """The first start after an upgrade is no time to lose what ran before it."""
    text = (left / "station.toml").read_text()
    with AgentProcess(left, "wrong = " + text, prelude=MACHINE) as agent:
        assert [device["name"] for device in agent.status()["devices"]] == ["room", "ozone", "silent"]


def test_a_log_of_the_schema_before_is_migrated_when_it_is_opened(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a step adds is there, every record has kept its bytes and its head, and the second opening does nothing."""
    before = rows(left / "store.db")
    raise_schema(monkeypatch)

    for _ in range(2):
        store = open_left(left)
        assert store.reason is None
        assert all(proof.broken is None for proof in verify_log(store.log))
        store.close()

    assert rows(left / "store.db") == before
    with sqlite3.connect(left / "store.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert "visit" in [column[1] for column in db.execute("PRAGMA table_info(gone)")]
    db.close()


def test_a_new_log_is_of_the_newest_schema_without_its_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables are written as they now are; a step on top of that would fail."""
    raise_schema(monkeypatch)

    open_store(tmp_path / "store.db").close()
    open_store(tmp_path / "store.db").close()

    with sqlite3.connect(tmp_path / "store.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    db.close()


def test_a_column_more_needs_no_step_and_bars_no_older_version(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Going back to the version before stays possible: it writes on beside columns that it does not know."""
    more = [("epoch", "visit", "TEXT"), ("gone", "seen", "INTEGER NOT NULL DEFAULT 0"), ("event_record", "who", "TEXT")]
    with monkeypatch.context() as newer:
        newer.setattr(schema, "MORE_COLUMNS", tuple(more))
        for _ in range(2):
            open_left(left).close()

    store = open_left(left)
    store.set_uplinks({"city": "oldest"})
    store.append([reading(0), event("tried", NOON)], [Move("city", store.epoch, Stream.EVENT, Cursor(1).to_json())])
    store.free(store.epoch, Stream.MEASUREMENT, 1, 1)
    store.park("city", store.epoch, Stream.EVENT, 1, 1, "too large")
    store.begin_epoch("tried")
    assert all(proof.broken is None for proof in verify_log(store.log))
    store.close()
    with contextlib.closing(sqlite3.connect(left / "store.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        found = {name: [column[1] for column in db.execute(f"PRAGMA table_info({name})")] for name, _, _ in more}
    assert all(column in found[name] for name, column, _ in more)


def test_a_migration_that_is_killed_half_way_has_changed_nothing(left: Path) -> None:
    """The power may go in the very second of the upgrade; the older version must still be able to go on."""
    before = rows(left / "store.db")
    program = f"""
import os, signal
from pathlib import Path
from agent.store import schema, store
from tests.simulators.logbook import open_store
connect = store.connect_writer
def deadly(*words):
    db = connect(*words)
    db.create_scalar_function("kill", lambda: os.kill(os.getpid(), signal.SIGKILL))
    return db
store.connect_writer = deadly
schema.STEPS, schema.VERSION = ({STEP!r}, "SELECT kill()"), schema.VERSION + 2
open_store(Path({str(left / "store.db")!r}), machine="frozen")
"""

    killed = subprocess.run([sys.executable, "-c", program], cwd=FIXTURES.parent.parent, capture_output=True, text=True)

    assert killed.returncode == -9, killed.stderr
    store = open_left(left)
    assert store.reason is None
    assert all(proof.broken is None for proof in verify_log(store.log))
    store.close()
    assert rows(left / "store.db") == before


def test_a_log_that_a_newer_version_migrated_is_refused_and_left_as_it_is(
    left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going back over a step is no use: the older version says so, and the newer one goes on."""
    with monkeypatch.context() as newer:
        raise_schema(newer)
        open_left(left).close()
    before = (left / "store.db").read_bytes()

    known = f"its schema is {schema.VERSION + 1}, this one knows {schema.VERSION}"
    with pytest.raises(ForeignLogError, match=known) as refused:
        open_left(left)

    assert "Install the newer station-agent again" in refused.value.hint
    assert (left / "store.db").read_bytes() == before


def test_a_log_of_another_station_is_refused_before_it_is_migrated(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong path must not put another station's log out of the reach of its own, older agent."""
    raise_schema(monkeypatch)
    before = rows(left / "store.db")

    with pytest.raises(ForeignLogError, match="is the log of station 330100-A01, not of 330100-B02"):
        open_store(left / "store.db", station="330100-B02", machine="frozen")

    with sqlite3.connect(left / "store.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION - 1,)
    db.close()
    assert rows(left / "store.db") == before
