"""One connection: what it says when it fails, what it tells when it ends, and that nothing of it is left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.uplink.broker import Address, ConnectError, Loss, Will
from agent.uplink.mqtt import INBOUND, Session
from agent.uplink.tls import CertificateError, context, expires
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.certificates import Authority
from tests.simulators.consumer import Consumer
from tests.simulators.scripted_broker import Refusal, ScriptedBroker


@dataclass
class Ear:
    """Keeps what a connection tells."""

    acks: list[tuple[int, int]] = field(default_factory=list)
    messages: list[tuple[str, bytes, bool]] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def acknowledged(self, mid: int, code: int) -> None:
        self.acks.append((mid, code))

    def received(self, topic: str, payload: bytes, retained: bool) -> None:
        self.messages.append((topic, payload, retained))

    def lost(self, loss: Loss) -> None:
        self.losses.append(loss)

    async def until(self, what: str, count: int = 1) -> None:
        async with asyncio.timeout(10):
            while len(getattr(self, what)) < count:  # noqa: ASYNC110 - it comes by callback
                await asyncio.sleep(0.01)


def at(port: int, host: str = "127.0.0.1", **rest: object) -> Address:
    return Address(host, port, "T-1-city", **rest)  # type: ignore[arg-type]


async def failure(address: Address, deadline_s: float = 5.0) -> ConnectError:
    with pytest.raises(ConnectError) as raised:
        await Session(address, Ear()).connect(deadline_s)
    assert raised.value.hint
    return raised.value


async def test_a_publish_comes_back_acknowledged_with_its_code(broker: Mosquitto) -> None:
    """The code is what a cursor is moved by; 0x10 says that nobody listens."""
    ear = Ear()
    session = Session(at(broker.port), ear)
    granted = await session.connect()
    mid = session.publish("t/1", b"nobody")
    await ear.until("acks")
    assert await session.subscribe(["t/+"]) == [1]
    session.publish("t/2", b"echo")
    await ear.until("messages")
    await session.close()

    assert (granted.protocol, granted.receive_maximum, granted.retain_available) == ("5", 20, True)
    assert ear.acks[0] == (mid, 0x10)
    assert ear.messages == [("t/2", b"echo", False)]
    assert ear.losses == []  # closing is our own doing


async def test_limits_of_the_broker_are_read_from_connack(tmp_path: Path) -> None:
    """Paho ignores them, so whoever sends has to know them."""
    with Mosquitto(tmp_path, max_packet_size=5000, settings=["max_inflight_messages 7"]) as broker:
        session = Session(at(broker.port), Ear())
        granted = await session.connect()
        await session.close()
    assert (granted.maximum_packet_size, granted.receive_maximum) == (5000, 7)


async def test_a_closed_port_and_an_unknown_name_are_told_apart() -> None:
    """A technician looks for a broker that is down elsewhere than for a mistyped name."""
    closed = await failure(at(free_port()))
    unknown = await failure(at(1883, host="no-such-host.invalid"))
    impossible = await failure(at(1883, host="a" * 70 + ".example"))
    assert (closed.kind, unknown.kind, impossible.kind) == ("unreachable", "name", "name")
    assert "nothing listens" in str(closed)


async def test_a_wrong_password_is_refused_with_its_code(tmp_path: Path) -> None:
    """on_connect of paho is called for a refusal too; that is not being connected."""
    with Mosquitto(tmp_path, passwords={"t-1": "right"}) as broker:
        error = await failure(at(broker.port, username="t-1"))
        session = Session(at(broker.port, username="t-1"), Ear(), password="right")
        await session.connect()
        await session.close()
    assert (error.kind, error.code) == ("refused", 0x87)


async def test_a_black_hole_and_a_frozen_broker_end_at_the_deadline(broker: Mosquitto) -> None:
    """The loop must go on and the wait must have an end, whatever the network swallows."""
    broker.pause()
    began = time.monotonic()
    try:
        error = await failure(at(broker.port), deadline_s=0.5)
    finally:
        broker.resume()
    async with ScriptedBroker() as hole:
        hole.hole = True
        silent = await failure(at(hole.port), deadline_s=0.5)
    assert (error.kind, silent.kind) == ("mute", "mute")
    assert time.monotonic() - began < 5.0


async def test_a_broker_of_3_1_1_only_is_recognised_in_each_of_its_manners() -> None:
    """Two name the version, one just hangs up: the fallback depends on telling them apart."""
    seen = {}
    async with ScriptedBroker() as old:
        for manner in Refusal:
            old.refuse_v5 = manner
            error = await failure(at(old.port))
            seen[manner] = (error.kind, error.code)
        session = Session(at(old.port), Ear(), protocol="3.1.1")
        granted = await session.connect()
        await session.close()
    assert seen[Refusal.OLD_CONNACK] == seen[Refusal.NEW_CONNACK] == ("refused", 0x84)
    assert seen[Refusal.SILENCE] == ("closed", None)
    assert granted.protocol == "3.1.1"


async def test_a_loss_is_told_once_with_the_brokers_reason() -> None:
    """Paho may call on_disconnect twice; two losses would count as two."""
    ear = Ear()
    async with ScriptedBroker() as broker:
        session = Session(at(broker.port), ear)
        await session.connect()
        broker.drop_clients(0x8E)
        await ear.until("losses")
        await asyncio.sleep(0.1)
        session.publish("late", b"")  # harmless: the connection is gone
        await session.close()
        await session.close()
    assert [loss.code for loss in ear.losses] == [0x8E]
    assert "session taken over" in ear.losses[0].text


async def test_a_killed_broker_is_noticed_at_once(broker: Mosquitto) -> None:
    """Every second of not noticing is a second of backlog."""
    ear = Ear()
    session = Session(at(broker.port), ear)
    await session.connect()
    began = time.monotonic()
    await asyncio.to_thread(broker.kill)
    await ear.until("losses")
    await session.close()
    assert time.monotonic() - began < 3.0
    assert ear.losses[0].code is None


async def test_an_unknown_reason_code_ends_the_connection_and_not_pahos_thread() -> None:
    """A thread that died unseen would leave an uplink that looks connected for ever."""
    ear = Ear()
    async with ScriptedBroker() as broker:
        broker.puback = lambda _topic, _payload: 0xC3
        session = Session(at(broker.port), ear)
        await session.connect()
        session.publish("t", b"x")
        await ear.until("losses")
        await session.close()
    assert ear.acks == []


async def test_the_will_speaks_when_we_vanish_and_not_when_we_leave(broker: Mosquitto) -> None:
    """Consumers take the will for a dead station."""
    will = Will("state", b"gone", retain=True)
    with Consumer(broker.port) as consumer:
        leaving = Session(at(broker.port), Ear(), will=will)
        await leaving.connect()
        await leaving.close()
        vanishing = Session(at(broker.port), Ear(), will=will)
        await vanishing.connect()
        vanishing._shut()
        await consumer.until(lambda seen: bool(seen.on("state")))
        await vanishing.close()
        assert len(consumer.on("state")) == 1


async def test_closing_a_stalled_connection_takes_a_second_and_never_blocks_the_loop(broker: Mosquitto) -> None:
    """loop_stop of paho waits for as long as its queue is not empty."""
    session = Session(at(broker.port), Ear())
    await session.connect()
    broker.pause()
    try:
        for _ in range(40):
            session.publish("t", bytes(250_000))
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.05)
                ticks += 1

        ticking = asyncio.create_task(tick())
        began = time.monotonic()
        await session.close()
        took = time.monotonic() - began
        ticking.cancel()
    finally:
        broker.resume()
    assert took < 4.0
    assert ticks > 10


async def test_nothing_is_left_of_closed_connections(broker: Mosquitto) -> None:
    """A station reconnects for years; one thread or socket each time would end it."""
    before = threading.active_count()
    for number in range(5):
        session = Session(at(broker.port), Ear())
        await session.connect()
        if number % 2:
            session.publish("t", b"x")
        await session.close()
        await failure(at(free_port()))
    del session
    gc.collect()  # an unclosed socket would be a warning, and warnings are errors here
    names = {thread.name for thread in threading.enumerate()}
    assert not {name for name in names if "paho" in name or "dial" in name}
    assert threading.active_count() <= before + 5  # the threads of asyncio.to_thread stay


async def test_tls_checks_the_authority_the_name_and_the_date(tmp_path: Path, authority: Authority) -> None:
    """Each of the three is how somebody else's broker would get our data."""
    other = Authority(tmp_path / "other", "other-ca")
    good, expired = authority.issue("broker"), authority.issue("old-broker", days=-1)
    wrong_name = authority.issue("elsewhere", hosts="DNS:elsewhere.example")
    trusted = context(authority.ca_file)
    with Mosquitto(tmp_path / "good", tls=good) as broker:
        session = Session(at(broker.port, tls=trusted), Ear())
        granted = await session.connect()
        await session.close()
        stranger = await failure(at(broker.port, tls=context(other.ca_file)))
        plain = await failure(at(broker.port), deadline_s=2.0)
    with Mosquitto(tmp_path / "expired", tls=expired) as broker:
        late = await failure(at(broker.port, tls=trusted))
    with Mosquitto(tmp_path / "elsewhere", tls=wrong_name) as broker:
        misnamed = await failure(at(broker.port, tls=trusted))
    with Mosquitto(tmp_path / "plain") as broker:
        untls = await failure(at(broker.port, tls=trusted), deadline_s=2.0)

    ends = expires(good.cert_file)
    assert ends is not None
    assert granted.certificate_expires == ends.isoformat().replace("+00:00", "Z")
    assert {error.kind for error in (stranger, late, misnamed)} == {"certificate"}
    assert "who signed it is not trusted here" in str(stranger)
    assert "expired" in str(late)
    assert "it is not for the address 127.0.0.1" in str(misnamed)
    assert plain.kind in ("closed", "mute")
    assert untls.kind in ("tls", "closed", "mute", "timeout", "unreachable")


async def test_a_broker_that_wants_a_client_certificate_gets_it_or_says_so(
    tmp_path: Path, authority: Authority
) -> None:
    """With TLS 1.3 the refusal comes after the handshake; its true reason must not get lost."""
    server, client = authority.issue("broker"), authority.issue("T-1")
    with Mosquitto(tmp_path, tls=server, clients_of=authority) as broker:
        known = Session(at(broker.port, tls=context(authority.ca_file, client.cert_file, client.key_file)), Ear())
        await known.connect()
        await known.close()
        error = await failure(at(broker.port, tls=context(authority.ca_file)))
    assert error.kind == "tls"
    assert "certificate" in str(error).lower()
    assert "cert_file" in error.hint


def test_unusable_certificate_files_are_named(tmp_path: Path, authority: Authority) -> None:
    """The error is read long after the file was edited, by somebody else."""
    one, two = authority.issue("one"), authority.issue("two")
    (tmp_path / "nonsense.pem").write_text("nonsense")
    for arguments in (
        (tmp_path / "absent.pem",),
        (tmp_path / "nonsense.pem",),
        (authority.ca_file, one.cert_file, two.key_file),
    ):
        with pytest.raises(CertificateError) as raised:
            context(*arguments)
        assert str(arguments[min(1, len(arguments) - 1)]) in str(raised.value)


def test_the_end_of_a_certificate_is_read_from_its_file(tmp_path: Path, authority: Authority) -> None:
    """Status warns weeks before; nonsense in the file must not end it."""
    ends = expires(authority.ca_file)
    assert ends is not None
    assert 1 < (ends.timestamp() - time.time()) / 86_400 < 3
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert expires(tmp_path / "broken.pem") is None
    assert expires(tmp_path / "absent.pem") is None


async def test_a_message_of_ten_megabytes_is_cut_off_and_does_no_harm(broker: Mosquitto) -> None:
    """MQTT 3.1.1 has no way to refuse it, and closing the connection would meet a retained one again for ever."""
    ear = Ear()
    session = Session(at(broker.port), ear, protocol="3.1.1")
    await session.connect()
    with Consumer(broker.port, "none") as sender:
        sender.publish("t/large", bytes(10_000_000), retain=True)
        sender.publish("t/small", b"next")
    assert await session.subscribe(["t/+"]) == [1]
    with Consumer(broker.port, "none", client_id="later") as sender:
        sender.publish("t/large", bytes(10_000_000))
        sender.publish("t/small", b"next")
    await ear.until("messages", 3)
    await session.close()
    assert [topic for topic, _, _ in ear.messages] == ["t/large", "t/large", "t/small"]
    assert max(len(payload) for _, payload, _ in ear.messages) < INBOUND * 1.1
    assert ear.losses == []


async def test_small_packets_are_not_held_back(broker: Mosquitto) -> None:
    """Nagle's algorithm would delay a small batch by the peer's delayed ACK, up to 40 ms."""
    session = Session(at(broker.port), Ear())
    await session.connect()
    wire = session._socket
    assert wire is not None
    options = [wire.getsockopt(socket.IPPROTO_TCP, name) for name in (socket.TCP_NODELAY, socket.TCP_USER_TIMEOUT)]
    await session.close()
    assert options == [1, 30_000]
