"""The brokers of config/brokers, started with those very files: who may do what there, and what a crash costs.

RabbitMQ and NATS, engines for networks that outgrow one broker, are installed and tried
by ``make test-brokers`` and ``make soak``; mosquitto's rights and durability are tried
in every run. How much a broker acknowledges and loses is measured and printed; then the
same ledger as everywhere shows that a consumer's confirmation, or its asking again, leaves
nothing missing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.accounting import delivered, missing_ticks, served
from tests.simulators.agent_process import AgentProcess
from tests.simulators.archivist import Archivist
from tests.simulators.certificates import Authority
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Chain, Evidence
from tests.simulators.ledger import Device, LedgerProcess
from tests.simulators.namespaces import own_network
from tests.simulators.nats import Nats
from tests.simulators.rabbitmq import RabbitMq
from tests.simulators.shipped_broker import CONFIG, ShippedBroker, ShippedMosquitto
from tests.simulators.visitor import Visitor

STATION = "330100-A01"
OTHER = "330100-A02"
EVERY_S = 0.25
REGISTERS = 10

MESSAGES = 100
CRASHES = 3
CRASHES_AT_WORK = 2
SOME, MANY = 10, 40
PATIENCE_S = 90.0
QUIET_S = 2.0

Say = Callable[[str], None]


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


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print what was measured, also when the test passes."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    return say


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


@pytest.mark.brokers
def test_another_station_is_added_to_rabbitmq_as_its_readme_says(authority: Authority, tmp_path: Path) -> None:
    """Without a restart, and with no more rights than the first one."""
    (commands,) = re.findall(r"```sh\n(.*?)```", (CONFIG / "rabbitmq" / "README.md").read_text(), re.DOTALL)
    with (
        closing(own_network()) as network,
        network.entered(),
        RabbitMq(tmp_path / "broker", network, authority) as rabbitmq,
        archivist(rabbitmq, authority) as province,
    ):
        rabbitmq.run("bash", "-ec", f"PATH=/usr/lib/rabbitmq/bin:$PATH\n{commands}")
        visitor(rabbitmq, authority, OTHER).publish(f"station/v1/{STATION}/state", b"forged")
        visitor(rabbitmq, authority, OTHER).publish(f"station/v1/{OTHER}/state", b"true")
        province.wait_for(lambda consumer: bool(consumer.messages))

    assert {message.payload for message in province.messages} == {b"true"}


def test_what_an_acknowledgement_is_worth_when_the_broker_is_killed(
    shipped: ShippedBroker, authority: Authority, say: Say
) -> None:
    """It should mean that the message is on disk; how far it does is measured, and README.md promises no more."""
    survived = survivors(shipped, authority, crashes=CRASHES)

    say(f"{shipped.name}: {survived} of {CRASHES * MESSAGES} acknowledged messages survived {CRASHES} x SIGKILL")
    assert CRASHES * MESSAGES - survived <= CRASHES * shipped.may_lose


def test_without_our_settings_mosquitto_loses_what_it_acknowledged(authority: Authority, tmp_path: Path) -> None:
    """The measurement above can fail: as its package configures it, mosquitto writes to disk every half hour."""
    with closing(own_network()) as network, network.entered():
        mosquitto = ShippedMosquitto(tmp_path / "broker", network, authority)
        mosquitto.drop("autosave")
        with mosquitto:
            assert survivors(mosquitto, authority, crashes=1) == 0


def survivors(shipped: ShippedBroker, authority: Authority, *, crashes: int) -> int:
    """How many of MESSAGES that were acknowledged before each of *crashes* reach a consumer that was away."""
    archive = archivist(shipped, authority)
    archive.arrive()
    for crash in range(1, crashes + 1):
        archive.leave()
        payloads = [f"{crash}/{number}".encode() for number in range(MESSAGES)]
        visitor(shipped, authority, STATION).publish(f"station/v1/{STATION}/data/measurement/live", *payloads)
        shipped.kill()
        shipped.start()
        archive.arrive()
        with suppress(TimeoutError):
            archive.wait_for(lambda archive: different(archive) == crash * MESSAGES, shipped.redelivery_s)  # noqa: B023
    archive.leave()
    return different(archive)


def different(archive: Consumer) -> int:
    """Different messages that came."""
    return len({message.payload for message in list(archive.messages)})


@pytest.mark.brokers
def test_what_the_broker_lost_is_sent_again_until_the_consumer_confirms(
    shipped: ShippedBroker, authority: Authority, tmp_path: Path, say: Say
) -> None:
    """With confirm = "consumer:province" nothing rests on the broker, not even on a disk that it lost."""
    with (
        archivist(shipped, authority, acknowledges=True) as archive,
        station(shipped, authority, tmp_path, confirm="consumer:province") as agent,
    ):
        wait_for_more(archive, agent)
        protocol = uplink(agent)["broker"]["protocol"]
        archive.leave()
        agent.until(lambda: uplink(agent)["unconfirmed"] >= MANY, "unconfirmed records", PATIENCE_S)
        lost = uplink(agent)["unconfirmed"]
        lose_everything(shipped)
        archive.arrive()
        for _ in range(CRASHES_AT_WORK):
            wait_for_more(archive, agent)
            shipped.kill()
            shipped.start()
        agent.until(lambda: is_complete(archive, agent), "everything", PATIENCE_S)
        agent.until(lambda: is_confirmed(archive, agent), "confirmation", PATIENCE_S)
        assert agent.stop() == 0, agent.log
        settle(archive)

    evidence = archive.evidence()
    say(
        f"{shipped.name}, MQTT {protocol}: {lost} records taken and lost with the disk,"
        f" then {CRASHES_AT_WORK} x SIGKILL: all sent again"
    )
    assert protocol == shipped.protocol
    assert not archive.on("*/data/*/replay"), "nobody had to ask"
    assert_all_arrived(evidence, tmp_path)


@pytest.mark.brokers
def test_what_the_broker_lost_comes_again_when_the_consumer_asks(
    shipped: ShippedBroker, authority: Authority, tmp_path: Path, say: Say
) -> None:
    """Where the broker's word counts, the consumer sees the gap by seq, and closes it from the station's log."""
    with (
        archivist(shipped, authority) as archive,
        station(shipped, authority, tmp_path, confirm="puback") as agent,
    ):
        wait_for_more(archive, agent)
        archive.leave()
        aim = len(agent.records("measurement")) + MANY
        agent.until(lambda: agent.status()["store"]["last"]["measurement"] > aim, "readings", PATIENCE_S)
        agent.until(lambda: backlog(agent) == 0, "delivery", PATIENCE_S)
        lose_everything(shipped)
        archive.arrive()
        agent.until(lambda: archive.evidence().gaps, "a gap", PATIENCE_S)
        lost = sum(last - first + 1 for ranges in archive.evidence().gaps.values() for first, last in ranges)
        agent.until(lambda: is_complete(archive, agent, ask=True), "everything", PATIENCE_S)
        assert agent.stop() == 0, agent.log
        settle(archive)

    say(f"{shipped.name}: {lost} records lost with its disk: sent again when asked for")
    assert lost >= MANY
    assert_all_arrived(archive.evidence(), tmp_path)


@pytest.mark.brokers
def test_a_consumer_s_word_is_heard_by_a_station_that_was_away(
    shipped: ShippedBroker, authority: Authority, tmp_path: Path
) -> None:
    """An acknowledgement is retained so that neither has to wait for the other."""
    with (
        archivist(shipped, authority) as archive,
        station(shipped, authority, tmp_path, confirm="consumer:province") as agent,
    ):
        wait_for_more(archive, agent)
        assert agent.stop() == 0, agent.log
        settle(archive)
        archive.acknowledges = True
        archive.evidence()
        settle(archive)
        archive.leave()
        stored = agent.status()["store"]["last"]["measurement"]
        agent.start()
        agent.until(lambda: uplink(agent)["state"] == "connected", "a connection", PATIENCE_S)
        agent.until(lambda: agent.status()["store"]["last"]["measurement"] > stored + SOME, "readings", PATIENCE_S)
        agent.until(lambda: only_the_fresh_wait(agent, stored), "heed of what was confirmed meanwhile", PATIENCE_S)


def only_the_fresh_wait(agent: AgentProcess, stored: int) -> bool:
    """Whether some of what came after *stored* waits for its confirmation, and nothing before it."""
    return 0 < uplink(agent)["backlog"]["measurement"] <= agent.status()["store"]["last"]["measurement"] - stored


@contextmanager
def station(shipped: ShippedBroker, authority: Authority, folder: Path, *, confirm: str) -> Iterator[AgentProcess]:
    """A daemon that polls instruments which number their answers, and delivers to *shipped* with its certificate."""
    own = authority.issue(STATION)
    with LedgerProcess(folder / "ledger.txt", "--devices", "3", "--registers", str(REGISTERS)) as ledger:
        text = [f'[station]\nid = "{STATION}"\nruntime = "run"\n[store]\npath = "store.db"\n']
        text += [device(one) for one in ledger.devices]
        text += [f'[[uplink]]\nname = "city"\nurl = "{shipped.url}"\nconfirm = "{confirm}"\nspread = "0s"\n']
        text += [f'ca_file = "{authority.ca_file}"\ncert_file = "{own.cert_file}"\nkey_file = "{own.key_file}"\n']
        with AgentProcess(folder / "agent", "".join(text)) as agent:
            yield agent


def device(one: Device) -> str:
    """A device of the ledger in a station file."""
    channels = ['name = "serial"\nregister = 0\ntype = "uint32"\n']
    channels += [f'name = "r{number}"\nregister = {number}\ntype = "uint16"\n' for number in range(2, REGISTERS)]
    where = f'url = "{one.url}"\naddress = {one.unit}\nevery = "250ms"\n'
    return f'[[device]]\nname = "d{one.number}"\n{where}' + "".join(f"[[device.channel]]\n{each}" for each in channels)


def uplink(agent: AgentProcess) -> dict[str, Any]:
    """The only one, as its station sees it."""
    return dict(agent.status()["uplinks"][0])


def backlog(agent: AgentProcess) -> int:
    """Records that wait for their acknowledgement by whoever counts."""
    return sum(uplink(agent)["backlog"].values())


def is_confirmed(archive: Archivist, agent: AgentProcess) -> bool:
    """Whether hardly more than the latest records wait for the consumer's word, which it may give now."""
    archive.evidence()
    return backlog(agent) < SOME


def wait_for_more(archive: Archivist, agent: AgentProcess) -> None:
    """Wait until readings arrive that were not there yet."""
    before = len(archive.evidence().of("measurement"))
    agent.until(lambda: len(archive.evidence().of("measurement")) > before + SOME, "more readings", PATIENCE_S)


def lose_everything(shipped: ShippedBroker) -> None:
    """Kill the broker, and give it an empty disk."""
    shipped.kill()
    shipped.wipe()
    shipped.start()


def is_complete(archive: Archivist, agent: AgentProcess, *, ask: bool = False) -> bool:
    """Whether the consumer has what the log ended with a moment ago, and everything before it; it may *ask* for it."""
    if ask:
        archive.ask_again()
    store, evidence = agent.status()["store"], archive.evidence()
    last = {Chain(STATION, store["epoch"], stream): last for stream, last in store["last"].items() if last}
    return not evidence.gaps and all(max(evidence.records.get(chain, {0: b""})) >= last[chain] for chain in last)


def settle(archive: Archivist) -> None:
    """Wait until nothing comes any more."""
    count = -1
    while count < (count := len(archive.messages)):
        time.sleep(QUIET_S)


def assert_all_arrived(evidence: Evidence, folder: Path) -> None:
    """Every serial that an instrument handed out is there, in an unbroken chain, and every tick is accounted for."""
    evidence.assert_complete()
    assert delivered(evidence) == served(folder / "ledger.txt")
    assert missing_ticks(evidence, EVERY_S) == {}
