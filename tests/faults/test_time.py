"""The clock of a station PC is wrong at boot, set by hand, by NTP, by a sleep: ticks go on, and records tell.

One daemon lives through all of it, from a boot in the year 2000 on; each test
then tells one side of what became of it. Another one lives where summer time is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.faults.journey import BOOT, STEPS, Journey, told_s, travel
from tests.faults.table import row
from tests.simulators.accounting import delivered
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.stationfile import HEAD, at_port, device
from tests.simulators.ticks import ticks
from tests.simulators.wallclock import WallClock

STAY, LONG_STAY = 3, 150
SLOW_S = 3.0
"""So late a reading may be on a machine that has much else to do."""


@pytest.fixture(scope="module", params=["quick", pytest.param("long", marks=pytest.mark.soak)])
def journey(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """Lived through once for all tests of this file."""
    return travel(tmp_path_factory.mktemp("journey"), stay=STAY if request.param == "quick" else LONG_STAY)


def test_ticks_go_on_through_every_step(journey: Journey) -> None:
    """The instruments measured all the time; a clock that was set is no reason to look away."""
    records = journey.evidence.of("measurement")
    row(
        "clock stepped, no NTP, suspend",
        len(STEPS),
        sum(map(len, journey.ledger.values())),
        len(list(journey.readings())),
        sum(map(len, journey.ledger.values())) - len(list(journey.readings())),
        journey.evidence.duplicates,
        journey.longest_pause_s,
    )

    assert journey.exit_codes == [0, 0, 0], journey.log[-4000:]
    assert journey.longest_pause_s < SLOW_S
    assert ticks(records) < 2 * len(records), "fifty years of ticks are not accounted for"
    assert "task_stalled" not in journey.log
    assert "Traceback" not in journey.log


def test_every_step_is_told_with_its_size(journey: Journey) -> None:
    """Consumers must know which times to trust; a step that nobody sees is worse than a wrong clock."""
    told = [record["data"]["by_s"] for record in journey.events("clock_stepped")]

    assert told == pytest.approx(journey.steps(), abs=SLOW_S)


def test_each_record_has_the_time_that_the_clock_showed(journey: Journey) -> None:
    """Nothing is corrected in silence: the time is what the station believed, and an event says what it was worth."""
    for record, one in journey.readings():
        assert any(abs(told_s(record, one) - ahead_s) < SLOW_S for ahead_s in journey.ahead_s(one)), record


def test_records_say_unsynced_until_the_clock_is_disciplined(journey: Journey) -> None:
    """A reading of the year 2000 that admits its doubt can be placed later; one that does not is a lie."""
    first = [record for record, _ in journey.readings() if record["time"].startswith(str(BOOT.year))]
    late = [record for record, one in journey.readings() if one.monotonic_s > journey.spells[2].began_s]

    assert len(first) >= 2 * STAY - 2
    assert len(late) >= 2 * STAY * (len(STEPS) - 2)
    assert {record.get("clock") for record in first} == {"unsynced"}
    assert {record.get("clock") for record in late} == {None}
    begun, *_ = journey.events("agent_started")
    assert begun["clock"] == "unsynced", "events too"


def test_order_is_that_of_seq_whatever_the_clock_says(journey: Journey) -> None:
    """Times go back and forth by years; what came after what is never in doubt, and nothing is there twice."""
    journey.evidence.assert_complete()
    arrived = delivered(journey.evidence)

    for number, serials in arrived.items():
        assert serials == sorted(set(serials)), f"d{number}"
        assert set(serials) <= {one.serial for one in journey.ledger[number]}
        assert len(journey.ledger[number]) - len(serials) <= 3, "but for polls that ended with a life of the daemon"
    assert journey.evidence.duplicates == 0


def test_nothing_is_deleted_because_the_clock_says_that_it_is_old(journey: Journey) -> None:
    """The log keeps a day here and the archive two; with each step all of it looks older than that, or unborn."""
    for stream, records in journey.stored.items():
        assert [record["seq"] for record in records] == list(range(1, len(records) + 1)), stream
    assert journey.events("log_freed") == []
    assert journey.archive, "days that seemed over were sealed"
    assert "archive_pruned" not in journey.log
    assert journey.verified == 0


def test_the_uplink_stays_connected(journey: Journey) -> None:
    """Deadlines and keep-alives count intervals; a step of years is none."""
    assert len(journey.sessions) == 1
    assert not journey.events("uplink_lost")


BERLIN = ZoneInfo("Europe/Berlin")
CHANGES = {
    "back to two": datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC),
    "half past two, the second time": datetime(2026, 10, 25, 1, 29, 59, tzinfo=UTC),
    "two becomes three": datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC),
}
LOCAL = """[[device.channel]]
name = "count"
register = 0
new_by = "clock"
[[device.channel]]
name = "clock"
stream = "parameter"
group = "instrument"
register = 1
type = "time"
format = "bcd-ymdhms"
"""


def shows_local_time(wall: WallClock) -> Unit:
    """An analyzer that counts its seconds, and tells summer time when there is some, as PCs in the rack do."""

    def tell(unit: Unit, _function: int, _address: int, _count: int) -> None:
        now = wall.now
        digits = f"{now.astimezone(BERLIN):%y%m%d%H%M%S}"
        unit.holding[0] = int(now.timestamp()) & 0xFFFF
        unit.holding |= {1 + at: int(digits[4 * at : 4 * at + 4], 16) for at in range(3)}

    return Unit(holding=dict.fromkeys(range(4), 0), on_read=tell)


def test_an_instruments_local_time_is_right_across_summer_time(bench: Bench, tmp_path: Path) -> None:
    """An hour is told twice in autumn and left out in spring; a sample is an hour beside itself if that goes wrong."""
    wall = WallClock(tmp_path)
    wall.set(next(iter(CHANGES.values())))
    server = bench.serve(ModbusTcpServer({1: shows_local_time(wall)}))
    text = HEAD.replace("[store]", 'timezone = "Europe/Berlin"\n[store]') + device(
        "cod", at_port(server), "200ms", LOCAL
    )
    with AgentProcess(tmp_path, text, environment=wall.environment) as agent:

        def around(moment: datetime) -> list[str]:
            """Which second of the change was measured."""
            times = [datetime.fromisoformat(record["sampled"][0]) for record in sampled(agent)]
            return [f"{time:%S}" for time in times if abs(time - moment).total_seconds() < 10]

        for name, moment in CHANGES.items():
            wall.set(moment)
            agent.until(lambda at=moment: len(around(at)) >= 2, name)  # type: ignore[misc]
        measured = sampled(agent)

    for record in measured:
        (begin, end), made = record["sampled"], datetime.fromisoformat(record["time"])
        assert begin == end
        assert abs(made - datetime.fromisoformat(begin)).total_seconds() < SLOW_S, record
        assert record["values"]["count"] == int(datetime.fromisoformat(begin).timestamp()) & 0xFFFF, record


def sampled(agent: AgentProcess) -> list[dict[str, Any]]:
    """The measurements that say when they were sampled."""
    return [record for record in agent.records("measurement") if "sampled" in record]
