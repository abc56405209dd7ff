"""Consumers that lie, storm and babble: nothing moves, nothing is deleted, nothing waits because of them.

All of them are met at once by one daemon, each at a broker of its own. The
brokers are honest: whoever may publish there is not. ``make soak`` keeps this up
for as long as FOR says.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from drivers.duration import parse_duration
from tests.faults.backlog import fill
from tests.faults.bad_consumers import sites
from tests.faults.company import EVERY_S, Account, Company, keep
from tests.simulators.accounting import complete, delivered, served
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer, collect_records
from tests.simulators.ledger import LedgerProcess
from tests.test_ledger import REGISTERS, station

LENGTH_S = 6.0
RECOVERY_S = 10.0
AHEAD = {"upto": 10**6, "head": "0" * 64}
SYNCHRONISED = "from agent.clock import Clock\nClock.synchronised = True"
"""Nothing is old while the clock is not, and the machine that tests may have no time service."""

GROWTH_MB = 40.0
"""Four messages of ten megabytes would be as much; caches fill with a tenth of it."""


@pytest.fixture(scope="module", params=["quick", pytest.param("long", marks=pytest.mark.soak)])
def company(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """What became of everything, lived through once for all tests of this file."""
    long = request.param == "long"
    lived = keep(
        tmp_path_factory.mktemp("consumers"),
        sites,
        length_s=parse_duration(os.environ.get("FOR") or "10min") if long else LENGTH_S,
        bound_s=RECOVERY_S,
        hurried=not long,
    )
    lived.tell()
    print(f"memory {lived.memory_mb[0]:.0f} MB, {lived.memory_mb[1]:.0f} MB at the most")
    return lived


def unharmed(company: Company, name: str) -> Account:
    """How the uplink *name* came through: everything arrived, once, and was never late."""
    account = company.accounts[name]
    account.site.evidence().assert_complete()
    assert account.lacking == []
    assert (account.missing, account.doubled) == (0, 0)
    assert account.site.injected > 0 or name == "well"
    return account


@pytest.mark.parametrize("name", ["well", "forging", "storming", "babbling", "shouting"])
def test_new_readings_stay_fresh_whatever_is_said(company: Company, name: str) -> None:
    """A consumer may want much; what is measured now goes first."""
    assert unharmed(company, name).site.stalest_s < EVERY_S + 2


def test_the_daemon_lives_on_and_stays_small(company: Company) -> None:
    """A stranger's word is no reason to end, to stand still or to fill the memory."""
    begins_mb, most_mb = company.memory_mb

    assert company.unread == 0
    assert "task_stalled" not in company.log
    assert company.exit_code == 0, company.log[-4000:]
    assert company.verified == 0
    assert most_mb - begins_mb < GROWTH_MB


def test_nothing_is_deleted_for_what_a_consumer_says(company: Company) -> None:
    """Age rules first: what was confirmed, by whomever, stays in the log as long as it is to be kept."""
    assert company.stored == len(company.accounts["well"].site.evidence().of("measurement"))
    assert [event for event in company.events if event["event"] == "log_freed"] == []


def test_forged_acks_move_no_cursor(company: Company) -> None:
    """With the wrong head, ahead of the log, of another epoch, or by somebody who does not count."""
    account = unharmed(company, "forging")

    waiting = account.site.shown["backlog"]["measurement"]
    assert waiting == company.status["store"]["last"]["measurement"] > 0
    assert 1 <= len(company.said("ack_ignored", "forging")) <= 2 * (1 + company.length_s / 600)
    assert {one.get("epoch") for one in company.said("epoch_began", "")} == set()


def test_a_storm_of_requests_is_answered_within_bounds(company: Company) -> None:
    """Each is answered or dropped with an event; those that make sense are served, after everything else."""
    account = unharmed(company, "storming")

    lanes = [packet.topic.rpartition("/")[2] for packet in account.site.scripted.accepted if "/data/" in packet.topic]
    replies = [packet for packet in account.site.scripted.accepted if "/reply/" in packet.topic]
    assert lanes.count("replay") > 0
    assert 0 < len(replies) <= account.site.injected
    assert len(company.said("replay_requested", "storming")) <= 50 * (1 + company.length_s / 600)
    assert len(company.said("replay_ignored", "storming")) <= 50 * (1 + company.length_s / 600)


@pytest.mark.parametrize("name", ["babbling", "shouting"])
def test_messages_of_ten_megabytes_and_of_no_json_are_ignored_with_an_event(company: Company, name: str) -> None:
    """The connection lives on: whoever closes it over a retained message meets the same one again for ever."""
    unharmed(company, name)

    said = {kind: len(company.said(f"{kind}_ignored", name)) for kind in ("ack", "replay")}
    assert said["ack"] == said["replay"] == 1 + int(company.length_s / 600)
    assert company.said("uplink_lost", name) == []


def test_a_consumer_that_confirmed_what_it_lost_gets_it_again(company: Company) -> None:
    """The cursor moved long ago; the log has it all the same, and a replay brings it."""
    account = unharmed(company, "lying")

    assert account.site.shown["backlog"]["measurement"] < company.status["store"]["last"]["measurement"]
    assert any(packet.topic.endswith("/replay") for packet in account.site.scripted.accepted)


def test_an_ack_of_what_the_log_does_not_have_yet_costs_an_epoch_and_no_record(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """Before the first publish it looks like a restored image: better a new name for what follows than two contents."""
    with (
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "2") as ledger,
        Consumer(broker.port) as consumer,
    ):
        agent = AgentProcess(tmp_path / "agent", station(ledger.devices, {"city": broker.url}, every="200ms"))
        with agent:
            consumer.wait_for(lambda seen: len(seen.evidence().of("measurement")) >= 6)
            before = agent.status()["store"]["epoch"]
        words = {"v": 1, "by": "province", "epoch": before, "streams": {"measurement": AHEAD}}
        consumer.publish("station/v1/ledger/ack/province", json.dumps(words).encode(), retain=True)
        for _ in range(2):
            count = len(consumer.evidence().of("measurement")) + 6
            with agent:
                consumer.wait_for(lambda seen, count=count: len(seen.evidence().of("measurement")) >= count)
                so_far = served(tmp_path / "ledger.txt")
                consumer.wait_for(lambda seen, so_far=so_far: has(seen, so_far), 20)  # some get new numbers first
        evidence = complete(consumer, agent)

    evidence.assert_complete()
    assert {device: sorted(serials) for device, serials in delivered(evidence).items()} == served(
        tmp_path / "ledger.txt"
    )
    assert len({chain.epoch for chain in evidence.records}) == 2, "the same ack costs one epoch, not one at each start"
    assert agent.command("verify").returncode == 0


def has(consumer: Consumer, readings: dict[int, list[int]]) -> bool:
    """Whether all *readings*, serials by device, have come."""
    came = delivered(consumer.evidence())
    return all(set(serials) <= set(came.get(device, ())) for device, serials in readings.items())


def test_a_replay_reaches_back_into_the_archive(tmp_path: Path, broker: Mosquitto) -> None:
    """The log has let a day go that was delivered, sealed and old; a consumer that lost it gets it all the same."""
    count = 3000
    fill(tmp_path / "agent" / "store.db", count, registers=REGISTERS, ended=timedelta(days=4))
    with (
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "2", "--registers", str(REGISTERS)) as ledger,
        Consumer(broker.port) as consumer,
    ):
        text = station(ledger.devices, {"city": broker.url}, every="200ms").replace(
            'path = "store.db"\n', 'path = "store.db"\nkeep = "1d"\n'
        )
        with AgentProcess(tmp_path / "agent", text + 'from = "oldest"\n', prelude=SYNCHRONISED) as agent:
            agent.until(lambda: agent.events("log_freed"), "a day that was let go", timeout_s=30)
            kept = min(record["seq"] for record in agent.records("measurement"))
            epoch = agent.status()["store"]["epoch"]
            words = {"v": 1, "id": "r1", "by": "judge", "epoch": epoch, "stream": "measurement", "ranges": [[2, count]]}
            before = len(consumer.messages)
            consumer.publish("station/v1/ledger/replay/judge", json.dumps(words).encode())
            consumer.wait_for(lambda seen: f'"last":{count},' in str(seen.on("*/replay")[-1:]), 30)
            replayed = collect_records(consumer.messages[before:])
            assert agent.stop() == 0, agent.log

    (reply,) = consumer.on("*/reply/judge")
    assert kept > count, "all of it is in the archive only"
    assert json.loads(reply.payload) == {"id": "r1", "status": "accepted", "gone": []}
    assert replayed.faults == []
    assert delivered(replayed)[0] == list(range(2, count + 1))
