"""Station files that come, change, break and vanish while the station works: what did not change notices nothing.

Good files and bad ones follow each other at one daemon, in ``make test`` each kind
once, in ``make soak`` at random for ten minutes or as long as FOR says. Then the
daemon is killed again and again, and finds another bad file at each start.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.duration import parse_duration
from tests.faults.reloading import EVERY_S, Reloads, half, live, sha256
from tests.faults.table import row
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.ledger import derived
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.stationfile import HEAD, at_port, device
from tests.simulators.ticks import gaps, readings, unaccounted


@pytest.fixture(scope="module", params=["quick", pytest.param("long", marks=pytest.mark.soak)])
def reloads(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reloads:
    """Lived through once for all tests that ask for it."""
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    print(f"\nseed {seed}; the same again: SEED={seed}")
    length_s = parse_duration(os.environ.get("FOR") or "10min") if request.param == "long" else None
    return live(tmp_path_factory.mktemp("reloads"), seed, length_s)


def test_what_does_not_change_loses_no_tick_and_no_connection(reloads: Reloads) -> None:
    """A corrected line about one analyzer is no reason for a hole in the data of another."""
    reloads.evidence.assert_complete()
    measured = [record for record in readings(reloads.evidence.of("measurement")) if record["device"] == "d1"]
    arrived = [record["values"]["serial"] for record in measured]
    row(
        "station file changed, spoilt, removed",
        len(reloads.good) - 1 + len(reloads.spoilt),
        len(reloads.served[1]),
        len(arrived),
        len(set(reloads.served[1]) - set(arrived)),
        len(arrived) - len(set(arrived)),
        seed=reloads.seed,
    )

    assert arrived == reloads.served[1]
    assert all(record["values"]["r2"] == derived(1, record["values"]["serial"], 2) for record in measured)
    assert reloads.asked["d1"] == pytest.approx(len(reloads.served[1]), abs=3), "one link all the time, with its counts"
    assert len(reloads.sessions) == 1
    for name in ("d1", "d2"):
        records = reloads.records[name]
        assert unaccounted(records, EVERY_S) == 0, name
        assert not gaps(records, "link_down"), name
        assert len(readings(records)) > len(reloads.good)
    assert "Traceback" not in reloads.log
    assert reloads.exit_code == 0


def test_each_configuration_that_ran_is_an_audit_record_with_its_hash(reloads: Reloads) -> None:
    """Years later somebody asks what was configured that night; the text may be gone, its digest is in the chain."""
    assert [data["sha256"] for data in reloads.applied] == [sha256(text) for text in reloads.good]


def test_each_bad_file_is_refused_in_words_and_changes_nothing(reloads: Reloads) -> None:
    """The running configuration stays; who saved the file learns what is wrong with it."""
    assert len(reloads.refused) == len(reloads.spoilt) >= 8
    for kind, told in zip(reloads.spoilt, reloads.refused, strict=True):
        assert told["runs"] == "unchanged", kind
        assert "station.toml" in told["error"] or "store.path" in told["error"], (kind, told)


def test_a_renamed_device_goes_on_under_its_new_name(reloads: Reloads) -> None:
    """It is another device to everybody who reads the data, and the instrument is the same."""
    assert readings(reloads.records["third"])


PROFILE = """model = "T1"
maker = "Acme"
kind = "test"
manual = "none"
source = "none"
confidence = "unverified"
[[channel]]
name = "so2"
register = 0
scale = 0.1
"""


def remove(file: Path, folder: Path) -> None:
    file.unlink()
    shutil.rmtree(folder)


def test_whatever_the_files_are_at_start_the_last_good_ones_run(bench: Bench, tmp_path: Path) -> None:
    """Power comes back at night, and half of a file or of a profile is on the disk: the station measures as before."""
    chance = random.Random(1)
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 25})}))
    good = HEAD + device("so2", at_port(server), "300ms", profile="acme-t1")
    own = tmp_path / "agent" / "profiles" / "acme-t1.toml"
    own.parent.mkdir(parents=True)
    own.write_text(PROFILE)
    found = f"import agent.paths, pathlib; agent.paths.STORE = pathlib.Path({str(tmp_path / 'agent' / 'store.db')!r})"
    agent = AgentProcess(tmp_path / "agent", good, prelude=found)  # where a station has its log, file or no file
    spoilt: dict[str, Callable[[], object]] = {
        "its profile half written": lambda: own.write_text(PROFILE[: len(PROFILE) // 2]),
        "a half written file": lambda: agent.config.write_text(half(good, chance, tmp_path, len(HEAD))),
        "nothing there at all": lambda: remove(agent.config, own.parent),
    }

    def measured() -> int:
        return len(readings(agent.records("measurement")))

    agent.start()
    agent.until(measured, "a reading")
    for kind, spoil in spoilt.items():
        agent.kill()
        spoil()
        before, refused = measured(), len(agent.events("configuration_refused"))
        agent.start()
        agent.until(lambda least=before: measured() > least, f"reading with {kind}")  # type: ignore[misc]
        assert len(agent.events("configuration_refused")) == refused + 1, kind
        agent.until(lambda: agent.status()["problems"], f"word about {kind}")
        agent.config.write_text(good)
        own.parent.mkdir(exist_ok=True)
        own.write_text(PROFILE)
    assert agent.command("reload").stdout == "nothing changed\n"
    assert agent.stop() == 0

    values = {record["values"]["so2"] for record in readings(agent.records("measurement"))}
    assert values == {2.5}, "as that profile says"
    digests = [(one["data"]["sha256"], one["data"]["profiles"]) for one in agent.events("configuration_applied")]
    assert set(map(str, digests)) == {str((sha256(good), {"acme-t1": sha256(PROFILE)}))}
