"""Brokers that are down, silent, picky, forgetful or hostile: nothing is lost, and nothing waits for them.

All of them are met at once, each by one uplink of one daemon; each test then
tells what became of its uplink. In ``make test`` the deadlines and back-offs of
the daemon are some ten times shorter than in life and an operator reloads in the
end; ``make soak`` leaves everything as it is, for ten minutes or as long as FOR
says.
"""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

import pytest

from drivers.duration import parse_duration
from tests.faults.backlog import Draining, fill
from tests.faults.bad_brokers import DISCONNECTS, PUBACKS, SMALL_PACKET, SMALL_WINDOW, sites
from tests.faults.company import EVERY_S, Account, Company, keep
from tests.simulators.accounting import complete, delivered, served
from tests.simulators.agent_process import AgentProcess
from tests.simulators.broker import Mosquitto
from tests.simulators.consumer import Consumer
from tests.simulators.herd import Herd
from tests.simulators.ledger import LedgerProcess
from tests.simulators.mqtt_packets import Kind
from tests.test_ledger import REGISTERS, station

LENGTH_S = 12.0
RECOVERY_S = 10.0
LONG_RECOVERY_S = 660.0
"""A pause of ten minutes ends by itself; back-off may have grown to five."""


@pytest.fixture(scope="module", params=["quick", pytest.param("long", marks=pytest.mark.soak)])
def company(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """What became of everything, lived through once for all tests of this file."""
    long = request.param == "long"
    lived = keep(
        tmp_path_factory.mktemp("company"),
        sites,
        length_s=parse_duration(os.environ.get("FOR") or "10min") if long else LENGTH_S,
        bound_s=LONG_RECOVERY_S if long else RECOVERY_S,
        hurried=not long,
    )
    lived.tell()
    return lived


def unharmed(company: Company, name: str) -> Account:
    """How the uplink *name* came through: everything arrived, once, and data is fresh again."""
    account = company.accounts[name]
    account.site.evidence().assert_complete()
    assert account.lacking == []
    assert (account.missing, account.doubled) == (0, 0)
    assert account.site.injected > 0
    assert account.site.recovery_s is not None, company.log[-4000:]
    return account


def versions(account: Account) -> list[int]:
    """The versions of MQTT in which the broker was spoken to, in order; 4 stands for 3.1.1."""
    return [packet.version for packet in account.site.scripted.of(Kind.CONNECT)]


def test_no_tick_is_lost_and_no_task_stands_still(company: Company) -> None:
    """A poll never waits for a broker, and the watchdog does not take a dead broker for a dead daemon."""
    assert company.unread == 0
    assert company.missing_ticks == {}
    assert "task_stalled" not in company.log
    assert company.exit_code == 0, company.log[-4000:]
    assert company.verified == 0


def test_a_good_broker_stays_fresh_in_bad_company(company: Company) -> None:
    """No uplink waits for another."""
    account = company.accounts["well"]

    account.site.evidence().assert_complete()
    assert (account.missing, account.doubled, account.lacking) == (0, 0, [])
    assert account.site.evidence().duplicates == 0
    assert account.site.stalest_s < EVERY_S + 2


def test_a_broker_that_is_absent_at_the_start_gets_everything_later(company: Company) -> None:
    """The station measures from its first second, whoever listens."""
    unharmed(company, "absent")


def test_a_broker_that_never_answers_is_left_and_tried_again(company: Company) -> None:
    """TCP connects to a process that hangs as well as to one that works."""
    account = unharmed(company, "mute")

    assert account.site.injected >= 2
    assert "no answer within" in company.said("uplink_lost", "mute")[0]["error"]


@pytest.mark.parametrize("name", ["without-puback", "forgetful-of-all"])
def test_a_broker_that_acknowledges_nothing_is_left_and_tried_again(company: Company, name: str) -> None:
    """Its other half is dead; what it had not acknowledged is sent again, and no batch is blamed."""
    account = unharmed(company, name)

    assert account.site.injected >= 2
    assert "no acknowledgement" in company.said("uplink_lost", name)[0]["error"]
    assert company.said("range_parked", name) == []


@pytest.mark.parametrize("code", PUBACKS, ids=hex)
def test_every_puback_code_has_an_end(company: Company, code: int) -> None:
    """Taken, sent again, sent smaller, parked or waited for: bounded, and in the end delivered."""
    account = unharmed(company, f"puback-{code:02x}")

    assert account.site.injected < 0.1 * company.polled * company.length_s
    assert bool(company.said("uplink_paused", account.site.name)) or code not in (0x87, 0x97, 0x99)
    assert bool(company.said("no_subscriber", account.site.name)) == (code == 0x10)


@pytest.mark.parametrize("code", DISCONNECTS, ids=hex)
def test_every_disconnect_code_is_survived(company: Company, code: int) -> None:
    """Whatever the broker says in leaving, it is met again in time, and not in a fight."""
    account = unharmed(company, f"disconnect-{code:02x}")

    assert account.site.injected < 3 * company.length_s
    if code == 0x8E:  # session taken over
        assert company.said("identity_shared", account.site.name) == [{"client_id": "ledger-disconnect-8e"}]


def test_small_limits_that_are_announced_are_kept_to(company: Company) -> None:
    """A broker ends the connection of whoever exceeds them, and the MQTT library does not mind them."""
    account = unharmed(company, "small")

    broker = account.site.scripted
    assert broker.connections == 1
    assert broker.most_in_flight <= SMALL_WINDOW
    assert max(packet.size for packet in broker.publishes) <= SMALL_PACKET


def test_a_limit_that_is_not_announced_is_found(company: Company) -> None:
    """The broker closes on large packets without a word, and would do so for ever."""
    account = unharmed(company, "choking")

    assert account.site.injected < 20
    assert company.said("range_parked", "choking") == []


def test_a_client_that_has_our_id_is_met_less_and_less_and_told_of(company: Company) -> None:
    """A cloned station and its twin throw each other out. Mosquitto 2.0 says nothing in doing so; others send 0x8E."""
    account = unharmed(company, "taken-over")

    assert account.site.injected < 3 * company.length_s
    assert "another client use the client_id ledger-taken-over" in company.said("uplink_lost", "taken-over")[0]["hint"]


@pytest.mark.parametrize("name", ["old-by-code", "old-in-silence"])
def test_an_old_broker_is_spoken_to_in_its_own_way(company: Company, name: str) -> None:
    """It knows MQTT 3.1.1 for good; `status` says that its acknowledgement proves less."""
    account = unharmed(company, name)

    assert versions(account) == ([5, 4, 5, 4] if name == "old-by-code" else [5, 5, 5, 4, 5, 4])
    assert account.site.shown["puback_proven"] is False
    assert account.site.shown["may_refuse_silently"] is False


@pytest.mark.parametrize("name", ["starting-by-code", "starting-in-silence"])
def test_a_broker_that_was_only_starting_is_spoken_to_in_5(company: Company, name: str) -> None:
    """It refused 5, then took 3.1.1: one more question, and we are not kept at 3.1.1 for months."""
    account = unharmed(company, name)

    assert versions(account) == ([5, 4, 5] if name == "starting-by-code" else [5, 5, 5, 4, 5])
    assert account.site.shown["puback_proven"] is True


def test_nobody_can_bring_us_down_to_an_older_version(company: Company) -> None:
    """On 3.1.1 a refusal looks like success; whoever cuts connections must not get us there."""
    account = unharmed(company, "down-dragging")

    assert account.site.injected > 3
    assert set(versions(account)) == {5}


@pytest.mark.parametrize("name", ["losing-confirmed", "losing-replayed"])
def test_what_a_broker_acknowledged_and_lost_arrives_all_the_same(company: Company, name: str) -> None:
    """Every third batch: closed by a consumer that confirms, or by one that sees the gap and asks."""
    account = unharmed(company, name)

    lane = "back" if name == "losing-confirmed" else "replay"
    assert any(packet.topic.endswith(f"/{lane}") for packet in account.site.scripted.accepted)


@pytest.mark.parametrize("name", ["killed-persistent", "killed-forgetful"])
def test_a_broker_that_is_killed_again_and_again_has_everything_in_the_end(company: Company, name: str) -> None:
    """What it had acknowledged and kept in memory only is asked for again."""
    assert unharmed(company, name).site.injected == 3


@pytest.mark.parametrize("rate", [math.inf, 50.0], ids=["any rate", "50 a second"])
def test_ten_thousand_stations_do_not_come_back_in_step(rate: float) -> None:
    """Ten minutes without their broker: what kills it when it returns is everybody at once."""
    seed = random.randrange(10**6)
    random.seed(seed)
    herd = Herd(10_000, outage_s=600.0, rate=rate)
    herd.reconnect()
    print(
        f"seed {seed}: {herd.stations} stations, {herd.busiest} connections in the busiest second, "
        f"half of them back after {herd.half_s} s, the last after {herd.last_s:.0f} s"
    )
    assert sum(herd.connects.values()) == herd.stations
    assert herd.busiest <= min(150, rate)
    assert herd.last_s <= (300 if rate == math.inf else 900)


@pytest.mark.parametrize(
    ("count", "registers", "batch"), [(20_000, 8, 20), pytest.param(1_000_000, 40, 200, marks=pytest.mark.soak)]
)
def test_new_records_stay_fresh_while_a_backlog_goes_out(
    tmp_path: Path, count: int, registers: int, batch: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an outage people want to see now what is; the past follows beside it."""
    fill(tmp_path / "agent" / "store.db", count, registers=registers)
    with (
        Mosquitto(tmp_path / "broker", settings=["max_queued_messages 0"]) as broker,
        LedgerProcess(tmp_path / "ledger.txt", "--devices", "5", "--registers", str(REGISTERS)) as ledger,
        Consumer(broker.port) as consumer,
    ):
        text = station(ledger.devices, {"city": broker.url}, every="100ms")
        text += f'from = "oldest"\nbatch = {batch}\n'
        with AgentProcess(tmp_path / "agent", text) as agent:
            evidence = complete(consumer, agent, timeout_s=60 + count / 2000)
            seen = Draining.seen_in(consumer.messages, count)
            with capsys.disabled():
                print(f"\nbacklog: {seen}")
            assert agent.stop() == 0, agent.log
            evidence = complete(consumer, agent)

    evidence.assert_complete()
    assert delivered(evidence) == {0: list(range(1, count + 1)), **served(tmp_path / "ledger.txt")}
    assert evidence.duplicates == 0
    assert seen.ages_s[-1] < max(1.0, seen.took_s / 4)
