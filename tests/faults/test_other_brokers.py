"""The brokers of config/brokers, started with those very files: who may do what there, and what a crash costs.

mosquitto takes part in every run; RabbitMQ and NATS, engines for networks that outgrow
one broker, are installed and tried by ``make test-brokers`` and ``make soak``. How much
each of them acknowledges and loses is measured and printed; then the same ledger as
everywhere shows that a consumer's confirmation, or its asking again, leaves nothing missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.simulators.accounting import delivered, missing_ticks, served
from tests.simulators.agent_process import AgentProcess
from tests.simulators.archivist import Archivist
from tests.simulators.certificates import Authority
from tests.simulators.evidence import Evidence
from tests.simulators.ledger import Device, LedgerProcess
from tests.simulators.namespaces import own_network
from tests.simulators.nats import Nats
from tests.simulators.rabbitmq import RabbitMq
from tests.simulators.shipped_broker import ShippedBroker, ShippedMosquitto
from tests.simulators.visitor import Visitor

STATION = "330100-A01"
OTHER = "330100-A02"
EVERY_S = 0.25
REGISTERS = 10

MESSAGES = 100
CRASHES = 5


@pytest.fixture(
    params=[
        pytest.param(ShippedMosquitto, id="mosquitto"),
        pytest.param(RabbitMq, id="rabbitmq", marks=pytest.mark.brokers),
        pytest.param(Nats, id="nats", marks=pytest.mark.brokers),
    ]
)
def shipped(request: pytest.FixtureRequest, tmp_path: Path, authority: Authority) -> Iterator[ShippedBroker]:
    """A broker as we configure it; what the test starts runs in its network, and ends with it."""
    with (
        closing(own_network()) as network,
        network.entered(),
        request.param(tmp_path / "broker", network, authority) as broker,
    ):
        yield broker


def archivist(broker: ShippedBroker, authority: Authority, *, acknowledges: bool = False) -> Archivist:
    """The consumer called province."""
    return Archivist(broker.port, authority, acknowledges=acknowledges, protocol=broker.protocol)


def visitor(broker: ShippedBroker, authority: Authority, name: str) -> Visitor:
    """Somebody with the certificate of *name*, for one thing that may be refused."""
    return Visitor(broker, authority.ca_file, authority.issue(name))


def test_a_station_speaks_for_itself_and_for_nobody_else(shipped: ShippedBroker, authority: Authority) -> None:
    """A stolen station must not be able to forge the readings of another, or a consumer's word."""
    with archivist(shipped, authority) as province:
        for topic in (f"{OTHER}/state", f"{OTHER}/data/measurement/live", f"{STATION}/ack/province"):
            visitor(shipped, authority, STATION).publish(f"station/v1/{topic}", b"forged")
        visitor(shipped, authority, "province").publish(f"station/v1/{STATION}/data/measurement/live", b"forged")
        for topic in ("state", "meta/3fa09c1e", "data/measurement/live", "reply/province"):
            visitor(shipped, authority, STATION).publish(f"station/v1/{STATION}/{topic}", b"true")
        province.wait_for(lambda consumer: len(consumer.messages) >= 4)

    assert {message.payload for message in province.messages} == {b"true"}


def test_a_station_hears_its_consumers_and_nobody_else(shipped: ShippedBroker, authority: Authority) -> None:
    """What one station is told is none of another's business."""
    with (
        visitor(shipped, authority, STATION).listening(f"station/v1/{STATION}/ack/+") as proper,
        visitor(shipped, authority, STATION).listening("station/v1/#") as curious,
    ):
        visitor(shipped, authority, "province").publish(f"station/v1/{OTHER}/ack/province", b"for the other")
        visitor(shipped, authority, "province").publish(f"station/v1/{STATION}/ack/province", b"for this one")
        proper.wait_for(b"for this one")

    assert proper.heard == [b"for this one"]
    assert b"for the other" not in curious.heard


def test_who_shows_no_certificate_of_ours_is_not_let_in(
    shipped: ShippedBroker, authority: Authority, tmp_path: Path
) -> None:
    """No password can be guessed where none counts."""
    stranger = Authority(tmp_path / "elsewhere").issue(STATION)
    for certificate in (None, stranger):
        assert not Visitor(shipped, authority.ca_file, certificate).is_let_in()
    assert visitor(shipped, authority, STATION).is_let_in()


def test_what_an_acknowledgement_is_worth_when_the_broker_is_killed(
    shipped: ShippedBroker, authority: Authority, say: Say
) -> None:
    """It should mean that the message is on disk; how far it does is measured, and README.md promises no more."""
    archive = archivist(shipped, authority)
    archive.arrive()
    for crash in range(CRASHES):
        archive.leave()
        payloads = [f"{crash}/{number}".encode() for number in range(MESSAGES)]
        visitor(shipped, authority, STATION).publish(f"station/v1/{STATION}/data/measurement/live", *payloads)
        shipped.kill()
        shipped.start()
        archive.arrive()
    settled(lambda: len(archive.messages))
    archive.leave()

    survived = len({message.payload for message in archive.messages})
    say(f"{shipped.name}: {survived} of {CRASHES * MESSAGES} acknowledged messages survived {CRASHES} x SIGKILL")
    assert CRASHES * MESSAGES - survived <= CRASHES * shipped.may_lose


def test_what_the_broker_lost_is_sent_again_until_the_consumer_confirms(
    shipped: ShippedBroker, authority: Authority, tmp_path: Path, say: Say
) -> None:
    """With confirm = "consumer:province" nothing rests on the broker, not even on a disk that it lost."""
    ledger, agent = equipment(shipped, authority, tmp_path, confirm="consumer:province")
    with ledger, archivist(shipped, authority, acknowledges=True) as archive, agent:
        agent.until(lambda: len(archive.evidence().of("measurement")) > SOME, "the first readings", PATIENCE_S)
        uplink = agent.status()["uplinks"][0]
        archive.leave()
        agent.until(lambda: agent.status()["uplinks"][0]["unconfirmed"] >= MANY, "unconfirmed records", PATIENCE_S)
        lose_everything(shipped)
        archive.arrive()
        for _ in range(CRASHES_AT_WORK):
            received = len(archive.messages)
            agent.until(lambda: len(archive.messages) > received + SOME, "more", PATIENCE_S)  # noqa: B023
            shipped.kill()
            shipped.start()
        agent.until(lambda: is_complete(archive, agent), "everything", PATIENCE_S)
        agent.until(lambda: not sum(agent.status()["uplinks"][0]["backlog"].values()), "confirmation", PATIENCE_S)
        assert agent.stop() == 0, agent.log
        settled(lambda: len(archive.evidence().of("measurement")))

    evidence = archive.evidence()
    say(f"{shipped.name}: {MANY} and more taken and lost with its disk, {CRASHES_AT_WORK} x SIGKILL, 0 missing, "
        f"{evidence.duplicates} doubled; spoke MQTT {uplink['broker']['protocol']}")
    assert uplink["broker"]["protocol"] == shipped.protocol
    assert_all_arrived(tmp_path, evidence)
    assert not archive.on("*/data/*/replay"), "nobody had to ask"


def test_what_the_broker_lost_comes_again_when_the_consumer_asks(
    shipped: ShippedBroker, authority: Authority, tmp_path: Path, say: Say
) -> None:
    """Where the broker's word counts, the consumer sees the gap by seq, and closes it from the station's log."""
    ledger, agent = equipment(shipped, authority, tmp_path, confirm="puback")
    with ledger, archivist(shipped, authority) as archive, agent:
        agent.until(lambda: len(archive.evidence().of("measurement")) > SOME, "the first readings", PATIENCE_S)
        archive.leave()
        before = agent.status()["store"]["last"]["measurement"]
        agent.until(lambda: delivered_to_broker(agent) > before + MANY, "delivery", PATIENCE_S)
        lose_everything(shipped)
        archive.arrive()
        agent.until(lambda: gaps(archive), "a gap", PATIENCE_S)
        lost = gaps(archive)
        for _ in range(ROUNDS):
            archive.ask_again()
            settled(lambda: len(archive.messages))
            if is_complete(archive, agent):
                break
        agent.until(lambda: is_complete(archive, agent), "everything", PATIENCE_S)
        assert agent.stop() == 0, agent.log
        settled(lambda: len(archive.evidence().of("measurement")))

    say(f"{shipped.name}: {lost} records acknowledged and lost with its disk, 0 missing after replay")
    assert lost > MANY
    assert_all_arrived(tmp_path, archive.evidence())


def equipment(
    shipped: ShippedBroker, authority: Authority, folder: Path, *, confirm: str
) -> tuple[LedgerProcess, AgentProcess]:
    """Instruments that number their answers, and a station that polls them and delivers to *shipped*."""
