"""Disks that are full, sick, gone or wrong under the running daemon: polling goes on, and no reading is lost.

The daemon is the real one on real files; it asks a disk that refuses again ten
times as often as in life, and looks for room as often. Full, read-only, covered and
missing file systems are real ones, I/O errors come from the calls into the system.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from drivers.duration import parse_duration
from tests.faults.backlog import fill
from tests.faults.books import AND_SOON_IN_MEMORY, IN_A_HURRY, Books, told
from tests.faults.mounts import Mounts
from tests.simulators.accounting import STATION
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.consumer import Consumer
from tests.simulators.disk_calls import DiskCalls
from tests.simulators.evidence import Chain

SOON = IN_A_HURRY + AND_SOON_IN_MEMORY


def fill_up(file: Path) -> None:
    """Take all the room there is, as somebody else's log file does."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(handle, bytes(4096))
    except OSError:
        os.close(handle)


def refused(books: Books, polls: int = 8) -> None:
    """Wait until the log refuses records, and poll on."""
    books.agent.until(lambda: books.agent.status()["store"]["refused"], "a refusal")
    books.work(polls)


def volatile(books: Books) -> None:
    """Wait until records are kept in a log in memory, and poll on."""
    books.agent.until(lambda: books.agent.status()["store"]["volatile"], "a log in memory")
    books.work(8)


def recovered(books: Books) -> float:
    """Wait until the log takes records and fresh data arrives; returns how long that took from now on."""
    healed_s = time.monotonic()
    books.agent.until(lambda: not books.agent.status()["store"]["refused"], "recovery", 60)
    return books.fresh(healed_s)


AILMENTS = {
    "I/O error on write": ["write EIO"],
    "I/O error on sync": ["sync EIO"],
    "I/O error on every look at it": ["look EIO"],
    "read-only under the daemon": ["write EROFS", "open EROFS"],
    "I/O error on everything": ["look EIO", "open EIO", "read EIO", "write EIO", "sync EIO"],
}
WHERE = "disk/store.db"


def disk_of(folder: Path) -> DiskCalls:
    """The disk under the log at :data:`WHERE`."""
    disk = folder / "agent" / "disk"
    disk.mkdir(parents=True)
    return DiskCalls(disk, runtime=folder / "agent" / "run", beside=folder)


def test_a_sick_disk_costs_no_reading(tmp_path: Path) -> None:
    """Records wait in memory, in their order, and the first event after recovery tells how many and of when."""
    illness = disk_of(tmp_path)
    with Books(tmp_path, where=WHERE, environment=illness.environment) as books:
        books.agent.start()
        books.work(6)
        longest_s = 0.0
        for ailment in AILMENTS.values():
            illness.begin(*ailment)
            refused(books)
            illness.end()
            longest_s = max(longest_s, recovered(books))
        evidence = books.close("disk sick", len(AILMENTS), recovery_s=longest_s)
    books.every_tick(evidence)
    for said in (every := told(evidence, "log_recovered")):
        assert said["lost"] == {}
        assert said["waited"] >= 8
        assert said["waited_from_ms"] < said["waited_to_ms"]
    assert len(every) == len(AILMENTS)


def test_a_disk_that_is_really_full_costs_no_reading(tmp_path: Path) -> None:
    """Somebody else's file takes the last block; when it is deleted everything is stored."""
    disk = tmp_path / "agent" / "disk"
    with Mounts() as mounts:
        mounts.tmpfs(disk, "4m")
        seen = mounts.seen(disk / "store.db")
        with Books(tmp_path, where="disk/store.db", inside=mounts.inside, seen=seen) as books:
            books.agent.start()
            books.work(6)
            fill_up(mounts.seen(disk / "somebody's"))
            refused(books)
            mounts.seen(disk / "somebody's").unlink()
            evidence = books.close("disk full", recovery_s=recovered(books))
    books.every_tick(evidence)


def test_a_disk_that_is_gone_for_a_while_costs_no_reading(tmp_path: Path) -> None:
    """A drive that falls off its cable must not make the daemon begin a new log on the empty mount point."""
    disk, drive = tmp_path / "agent" / "disk", tmp_path / "drive"
    disk.mkdir(parents=True)
    with Mounts() as mounts:
        mounts.tmpfs(drive, "4m")
        mounts.run("mount", "--bind", str(drive), str(disk))
        seen = mounts.seen(disk / "store.db")
        with Books(tmp_path, where="disk/store.db", inside=mounts.inside, seen=seen) as books:
            books.agent.start()
            books.work(6)
            mounts.run("umount", "--lazy", str(disk))
            refused(books)
            left_there = list(disk.iterdir())
            mounts.run("mount", "--bind", str(drive), str(disk))
            evidence = books.close("disk gone", recovery_s=recovered(books))
    books.every_tick(evidence)
    assert left_there == []


BARE, COVERED = "bare mount point", "another disk"


@pytest.mark.parametrize("meanwhile", [COVERED, pytest.param(BARE, marks=pytest.mark.soak)])
def test_a_log_follows_its_place_to_another_file_system(tmp_path: Path, meanwhile: str) -> None:
    """Somebody mounts a new disk where the log is: what is there goes along, and nothing is begun below a mount."""
    disk, old, new = tmp_path / "agent" / "disk", tmp_path / "old", tmp_path / "new"
    disk.mkdir(parents=True)
    with Mounts() as mounts:
        for drive in (old, new):
            mounts.tmpfs(drive, "4m")
        mounts.run("mount", "--bind", str(old), str(disk))
        seen = mounts.seen(disk / "store.db")
        with Books(tmp_path, where=WHERE, inside=mounts.inside, seen=seen, prelude=SOON) as books:
            books.agent.start()
            waits = undelivered(books)
            if meanwhile == BARE:
                mounts.run("umount", "--lazy", str(disk))
                volatile(books)
                left_there = list(disk.iterdir())
            mounts.run("mount", "--bind", str(new), str(disk))
            books.agent.until(lambda: mounts.seen(disk / "store.db").exists(), "a log on the new disk")
            books.broker.start()
            longest_s = recovered(books)
            books.agent.until(lambda: delivered(books, waits), "what waited on the old disk")
            evidence = books.close(f"another file system, {meanwhile}", recovery_s=longest_s)
    books.every_tick(evidence)
    assert [one["was"] for one in told(evidence, "log_put_back")] == ["covered by another file system"]
    assert "another_file_system" in {one["reason"] for one in told(evidence, "epoch_began")}
    assert meanwhile == COVERED or left_there == []


@pytest.mark.soak
def test_the_same_disk_under_another_number_is_the_same_log(tmp_path: Path) -> None:
    """A drive that was plugged in again is another device to the system, and has all that was stored on it."""
    disk, old, new = tmp_path / "agent" / "disk", tmp_path / "old", tmp_path / "new"
    disk.mkdir(parents=True)
    with Mounts() as mounts:
        for drive in (old, new):
            mounts.tmpfs(drive, "4m")
        mounts.run("mount", "--bind", str(old), str(disk))
        seen = mounts.seen(disk / "store.db")
        with Books(tmp_path, where=WHERE, inside=mounts.inside, seen=seen, prelude=SOON) as books:
            books.agent.start()
            books.work(6)
            mounts.run("umount", "--lazy", str(disk))
            volatile(books)
            shutil.copytree(mounts.seen(old), mounts.seen(new), dirs_exist_ok=True)
            mounts.run("mount", "--bind", str(new), str(disk))
            evidence = books.close("disk under another number", recovery_s=recovered(books))
        strangers = list(mounts.seen(disk).glob("*stranger*"))
    books.every_tick(evidence)
    assert strangers == []


SLOW_TO_READ = """
import agent.inquiry, time
from agent.store.errors import LogWriteError
honest, well_s = agent.inquiry.Layered.open, time.monotonic() + 2.0
def opened(path):
    if time.monotonic() < well_s:
        raise LogWriteError(path, "read error")
    return honest(path)
agent.inquiry.Layered.open = opened
"""
"""For two seconds nothing can be read, though it can be written."""


def test_a_log_that_cannot_be_read_at_the_start_delays_deliveries_and_no_poll(tmp_path: Path) -> None:
    """What it remembers is wanted by the uplinks; instruments are polled without."""
    with Books(tmp_path, prelude=IN_A_HURRY + SLOW_TO_READ.replace("+ 2.0", "- 1.0")) as books:
        books.agent.start()
        books.work(4)
        assert books.agent.stop() == 0
        books.infect(IN_A_HURRY + SLOW_TO_READ)
        books.agent.start()
        books.work(4)
        books.close("cannot be read at the start")
        assert "log_not_read" in books.agent.log


def full(mounts: Mounts, disk: Path) -> Callable[[], None]:
    """Somebody else has taken all the room."""
    fill_up(mounts.seen(disk / "somebody's"))
    return mounts.seen(disk / "somebody's").unlink


def read_only(mounts: Mounts, disk: Path) -> Callable[[], None]:
    """The kernel has found an error in the file system."""
    mounts.run("mount", "-o", "remount,bind,ro", str(disk))
    return lambda: mounts.run("mount", "-o", "remount,bind,rw", str(disk))


STARTS = ["look EIO", "read EIO", "write EIO", "write ENOSPC", "open ENOSPC"]


@pytest.mark.parametrize("ailment", ["open EIO", *(pytest.param(one, marks=pytest.mark.soak) for one in STARTS)])
def test_a_start_on_a_sick_disk_works_in_memory_and_comes_home(tmp_path: Path, ailment: str) -> None:
    """A daemon that ended there would be started anew for ever, and measure nothing meanwhile."""
    illness = disk_of(tmp_path)
    with Books(tmp_path, where=WHERE, environment=illness.environment, prelude=SOON) as books:
        books.agent.start()
        books.work(4)
        assert books.agent.stop() == 0
        illness.begin(ailment)
        books.agent.start()
        volatile(books)
        illness.end()
        evidence = books.close(f"started with {ailment}", recovery_s=recovered(books))
    assert len(told(evidence, "log_came_home")) == 1


def test_what_was_kept_in_memory_outlives_the_process(tmp_path: Path) -> None:
    """It was numbered and partly delivered: a crash while the disk is sick must not take it."""
    illness = disk_of(tmp_path)
    with Books(tmp_path, where=WHERE, environment=illness.environment, prelude=SOON) as books:
        books.agent.start()
        books.work(4)
        illness.begin("write EIO")
        volatile(books)
        waits = undelivered(books)
        books.agent.kill()
        books.agent.start()
        books.agent.kill()
        illness.end()
        books.agent.start()
        books.broker.start()
        books.agent.until(lambda: delivered(books, waits), "what was kept in memory")
        evidence = books.close("killed while in memory", 2, recovery_s=recovered(books))
    assert len(told(evidence, "log_came_home")) == 1


def test_a_start_on_a_disk_that_refuses_delivers_what_lies_on_it_and_works_in_memory(tmp_path: Path) -> None:
    """Power comes back to a broken file system: the station measures and delivers, and what waits there can be read."""
    disk = tmp_path / "agent" / "disk"
    with Mounts() as mounts:
        mounts.tmpfs(disk, "4m")
        seen = mounts.seen(disk / "store.db")
        with Books(tmp_path, where="disk/store.db", inside=mounts.inside, seen=seen, prelude=SOON) as books:
            books.agent.start()
            longest_s = 0.0
            for trouble in (full, read_only):
                waits = undelivered(books)
                books.agent.kill()
                repair = trouble(mounts, disk)
                books.agent.start()
                volatile(books)
                books.broker.start()
                books.agent.until(lambda waits=waits: delivered(books, waits), "what waits on the disk")
                repair()
                longest_s = max(longest_s, recovered(books))
            evidence = books.close("started on a disk that refuses", 2, recovery_s=longest_s)
    assert len(told(evidence, "log_volatile")) == 2
    assert len(told(evidence, "log_came_home")) == 2


def undelivered(books: Books) -> tuple[Chain, int]:
    """Stop the broker and poll on; returns the series that waits now, and how far it has come."""
    books.broker.stop()
    books.work(10)
    store = books.agent.status()["store"]
    return Chain(STATION, store["epoch"], "measurement"), store["last"]["measurement"]


def delivered(books: Books, waits: tuple[Chain, int]) -> bool:
    """Whether that series has arrived so far."""
    chain, last = waits
    return len(books.consumer.evidence().records.get(chain, ())) >= last


def test_a_disk_that_is_sick_for_long_is_replaced_by_memory(tmp_path: Path) -> None:
    """Live data reaches the centre, the backlog too if it can be read, and all comes home under its own epoch."""
    illness = disk_of(tmp_path)
    with Books(tmp_path, where=WHERE, environment=illness.environment, prelude=SOON) as books:
        books.agent.start()
        longest_s = 0.0
        for ailment in ("I/O error on write", "I/O error on everything"):
            books.work(4)
            waits = undelivered(books)
            illness.begin(*AILMENTS[ailment])
            volatile(books)
            books.broker.start()
            books.fresh(time.monotonic())
            assert "records are kept in memory only" in " ".join(books.agent.command("status").stdout.split())
            if ailment == "I/O error on write":
                books.agent.until(lambda waits=waits: delivered(books, waits), "what waits on the disk")
            illness.end()
            longest_s = max(longest_s, recovered(books))
        evidence = books.close("disk sick for long", 2, recovery_s=longest_s)
    books.every_tick(evidence)
    assert len({chain.epoch for chain in evidence.records}) == 5


def deleted(log: Path) -> None:
    """`rm store.db`."""
    log.unlink()


def deleted_with_all(log: Path) -> None:
    """`rm -rf` of everything beside it too."""
    for path in log.parent.glob("store.db*"):
        path.unlink()


def without_wal(log: Path) -> None:
    """Somebody tidied up a file that looked superfluous."""
    log.with_name("store.db-wal").unlink()


def replaced(log: Path) -> None:
    """A file that is no log."""
    log.with_name("other").write_bytes(b"another file" * 4096)
    log.with_name("other").replace(log)


def an_older_copy(log: Path) -> None:
    """`cp -a` from yesterday's image."""
    shutil.copy(log, log.with_name("copy"))
    log.with_name("copy").replace(log)


def moved(log: Path) -> None:
    """`mv`, which takes the open file along."""
    log.rename(log.with_name("moved.db"))


def alarmed(books: Books, times: int) -> None:
    """Wait until the daemon has put its log back so many times."""
    books.agent.until(lambda: books.agent.log.count('"log_put_back"') == times, "an alarm", 10)


BLOWS = [deleted, deleted_with_all, without_wal, replaced, an_older_copy, moved]


def test_a_log_that_is_taken_away_under_the_daemon_is_noticed_and_put_back(tmp_path: Path) -> None:
    """SQLite would go on writing to a file without a name, say that all is well, and lose it with the process."""
    with Books(tmp_path) as books:
        books.agent.start()
        books.work(6)
        longest_s = 0.0
        for number, blow in enumerate(BLOWS, 1):
            books.work(4)
            blow(books.agent.store)
            hit_s = time.monotonic()
            alarmed(books, number)
            longest_s = max(longest_s, books.fresh(hit_s))
        evidence = books.close("log taken away", len(BLOWS), recovery_s=longest_s)
    books.every_tick(evidence)
    assert [one["was"] for one in told(evidence, "log_put_back")] == [
        "deleted",
        "deleted",
        "deleted",
        "replaced",
        "replaced",
        "deleted",
    ]
    assert len({chain.epoch for chain in evidence.records}) == 1, "nothing was lost, so the numbers go on"
    strangers = list(books.agent.store.parent.glob("store.db.stranger-*"))
    assert len(strangers) == 2, "what stood in its place is kept"


def test_a_quiet_station_notices_too_that_its_log_was_taken_away(tmp_path: Path) -> None:
    """With a poll an hour nothing is written for long; all that time only the open file would have the readings."""
    with Books(tmp_path) as books:
        books.agent.start()
        books.work(6)
        books.agent.config.write_text(books.agent.config.read_text().replace('"100ms"', '"1h"'))
        assert books.agent.command("reload").returncode == 0
        books.agent.store.unlink()
        alarmed(books, 1)
        books.close("log deleted in silence")


def cut_short(log: Path) -> None:
    """A file system check has taken the end of the file."""
    os.truncate(log, log.stat().st_size // 8192 * 4096)


def flipped(log: Path) -> None:
    """A bad block in the middle of a table."""
    content = bytearray(log.read_bytes())
    middle = len(content) // 8192 * 4096
    content[middle : middle + 4096] = random.Random(1).randbytes(4096)
    log.write_bytes(content)


def flipped_wal(log: Path) -> None:
    """Bits of what was written last."""
    wal = log.with_name("store.db-wal")
    content = bytearray(wal.read_bytes())
    content[len(content) // 2] ^= 0xFF
    wal.write_bytes(content)


def test_a_log_that_is_damaged_while_the_daemon_is_down_goes_on_with_what_can_be_read(tmp_path: Path) -> None:
    """What was not delivered and can still be read arrives; what the medium took is named, and nothing is made up."""
    blows = (flipped, flipped_wal, cut_short)
    with Books(tmp_path) as books:
        fill(books.agent.store, 400, registers=4)
        books.agent.start()
        longest_s = 0.0
        for blow in blows:
            books.settled()
            undelivered(books)
            books.agent.kill()
            blow(books.agent.store)
            books.agent.start()
            books.broker.start()
            longest_s = max(longest_s, books.fresh(time.monotonic()))
        books.close("log damaged", len(blows), recovery_s=longest_s, named=books.named())


FOREIGN = {
    "UPDATE about SET station = 'somebody'": "is the log of station somebody",
    "PRAGMA user_version = 99": "was written by a newer station-agent",
}
"""What makes a log one of others, and what is said of it."""


def test_a_log_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """The path is wrong, or an upgrade was taken back: to set it aside would take a station its past."""
    with Books(tmp_path) as books:
        books.agent.start()
        books.work(4)
        assert books.agent.stop() == 0
        for words, cause in FOREIGN.items():
            with contextlib.closing(sqlite3.connect(books.agent.store, isolation_level=None)) as log:
                log.execute(words)
            before = books.agent.store.read_bytes()
            refused = books.agent.command("run")

            assert refused.returncode == 3
            assert cause in refused.stderr
            assert "next:" in refused.stderr
            assert "Traceback" not in refused.stderr
            assert books.agent.store.read_bytes() == before
    assert list(books.agent.store.parent.glob("*damaged*")) == []


def test_at_the_quota_a_stale_uplink_loses_what_an_event_names_and_nothing_else(tmp_path: Path) -> None:
    """One consumer that is silent for good must not cost the others the log; when it is back, it knows its gap."""
    province = Mosquitto(tmp_path / "province", persistence=True)
    stale, clock = 'quota = "1MB"\n', "import agent.clock; agent.clock.kernel_says = lambda: True\n"
    hold = "from agent.store.retention import Claim; agent.keeper.Claim = lambda streams, _: Claim(streams, 1000)"
    with Books(tmp_path, store=stale, others={"province": province.url}, prelude=clock + IN_A_HURRY + hold) as books:
        fill(books.agent.store, 1800, registers=40)
        books.agent.start()
        books.agent.until(lambda: books.agent.events("log_freed"), "freeing", 30)
        books.work(6)
        freed = [event["data"] for event in books.agent.events("log_freed")]
        with province, Consumer(province.port) as late:
            books.settled(2)
            evidence = books.close("quota, one uplink stale", named=0)
            late.wait_for(lambda late: late.evidence().count >= evidence.count - sum(map(_count, freed)), 20)
            missing = {(chain.epoch, chain.stream): ranges for chain, ranges in late.evidence().gaps.items()}
    assert {one["stream"] for one in freed} == {"measurement"}
    assert all("province" in one["uplinks"] for one in freed)
    assert missing == {(freed[0]["epoch"], "measurement"): [(1, freed[-1]["last"])]}


def test_at_the_quota_what_no_uplink_has_stays_although_all_are_stale(tmp_path: Path) -> None:
    """Every broker is silent for longer than `hold`: the log is the only one that has the readings, and keeps them."""
    stale, clock = 'quota = "1MB"\n', "import agent.clock; agent.clock.kernel_says = lambda: True\n"
    hold = "from agent.store.retention import Claim; agent.keeper.Claim = lambda streams, _: Claim(streams, 1000)\n"
    others = {"province": f"mqtt://127.0.0.1:{free_port()}"}
    with Books(tmp_path, store=stale, others=others, prelude=clock + SOON + "\n" + hold) as books:
        books.agent.start()
        books.work(40)
        books.settled()
        books.broker.stop()
        had = {series: len(records) for series, records in books.consumer.evidence().records.items()}
        books.agent.stop()
        fill(books.agent.store, 2600, registers=40)
        books.agent.start()
        books.agent.until(lambda: waits_for_quota(books) >= 20, "records that nothing is left to be freed for", 60)
        is_volatile = books.agent.status()["store"]["volatile"]
        freed = [event["data"] for event in books.agent.events("log_freed")]
        books.broker.start()
        longest_s = recovered(books)
        books.settled(1)
        evidence = books.close("quota, all uplinks stale", recovery_s=longest_s, named=0)
    assert not is_volatile, "another log would fill up too"
    assert freed
    assert all(one["last"] <= had[Chain(STATION, one["epoch"], one["stream"])] for one in freed), "city has had these"
    assert max(one["waited"] for one in told(evidence, "log_recovered")) >= 20


def waits_for_quota(books: Books) -> int:
    """How many records the quota has refused by now; as long as something can be freed it takes them in between."""
    store = books.agent.status()["store"]
    waiting: int = store["waiting"]["records"] if store["refused"] and store["refused"]["by_quota"] else 0
    return waiting


def _count(freed: dict[str, Any]) -> int:
    count: int = freed["last"] - freed["first"] + 1
    return count


def test_an_archive_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """It is the second copy: that it fails is said, and the log keeps what it would have freed."""
    with Books(tmp_path) as books:
        fill(books.agent.store, 400, registers=4, ended=timedelta(days=3))
        (books.agent.folder / "archive").write_text("no folder")
        books.agent.start()
        books.work(10)
        screen = books.agent.command("status")
        books.close("archive unwritable")
    assert "archive" in screen.stdout


@pytest.mark.soak
def test_faults_of_disk_and_process_one_after_another_lose_nothing(tmp_path: Path) -> None:
    """For as long as FOR says, a minute if nothing is said; SEED replays the order of another run."""
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    dice, illness, times, longest_s, away = random.Random(seed), disk_of(tmp_path), 0, 0.0, 0
    with Books(tmp_path, where=WHERE, environment=illness.environment, prelude=SOON) as books:
        books.agent.start()
        ends_s = time.monotonic() + parse_duration(os.environ.get("FOR") or "60s")
        while time.monotonic() < ends_s:
            times += 1
            books.work(dice.randrange(2, 20))
            fault = dice.choice(("sick", "away", "kill", "stop"))
            if fault == "sick":
                illness.begin(*dice.choice(list(AILMENTS.values())))
                refused(books, dice.randrange(2, 60))
                illness.end()
            elif fault == "away":
                away += 1
                dice.choice(BLOWS)(books.agent.store)
                alarmed(books, away)
            elif fault == "kill":
                books.agent.kill()
                books.agent.start()
            else:
                os.kill(books.agent.pid, signal.SIGSTOP)
                time.sleep(dice.uniform(0.1, 5))
                os.kill(books.agent.pid, signal.SIGCONT)
            longest_s = max(longest_s, recovered(books))
        books.close("disk and process at random", times, recovery_s=longest_s, seed=seed)
