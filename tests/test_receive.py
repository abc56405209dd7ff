"""What a consumer proves from bytes alone, and the command that does so at a real broker.

Batches are forged here with hashlib and json, byte by byte, never by the code that
the agent sends them with.
"""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from agent.receive import holding, unpacking
from agent.receive.asking import AGAIN_S, PATIENCE_S, Acknowledger, Asker
from agent.receive.holding import Key, Kind
from agent.receive.receiving import Receiver, Taken
from agent.uplink.consumer import parse_ack, parse_request
from drivers.reading import Stream
from tests.simulators.broker import Mosquitto, free_port
from tests.simulators.consumer import Consumer
from tests.simulators.evidence import Chain, next_head

STATION, EPOCH = "330100-A01", "k3nab7q2wz4m"
CHAIN = Chain(STATION, EPOCH, "measurement")
KEY = Key(STATION, EPOCH, Stream.MEASUREMENT)
TOPIC = f"station/v1/{STATION}/data/measurement/live"


def record(seq: int, so2: float = 4.5) -> bytes:
    """A record with a blank that no canonical encoder writes: who encodes it anew gets another hash."""
    return f'{{"device": "so2","seq":{seq},"time":"2026-11-22T04:30:05.137Z","values":{{"so2":{so2}}}}}'.encode()


def heads(last: int, chain: Chain = CHAIN, so2: float = 4.5) -> list[bytes]:
    """The head after record 0, 1, … *last*."""
    found = [chain.genesis]
    for seq in range(1, last + 1):
        found.append(next_head(found[-1], record(seq, so2)))
    return found


def batch(first: int, last: int, *, chain: Chain = CHAIN, so2: float = 4.5, lane: str = "live", **forged: Any) -> bytes:
    """A batch of records *first* to *last*, with whatever is *forged* in place of the truth."""
    chained = heads(last, chain, so2)
    words = {
        "v": 1,
        "station": chain.station,
        "epoch": chain.epoch,
        "stream": chain.stream,
        "lane": lane,
        "first": first,
        "last": last,
        "prev": chained[first - 1].hex(),
        "head": chained[last].hex(),
    } | forged
    bodies = b",".join(record(seq, so2) for seq in range(first, last + 1))
    return json.dumps(words, separators=(",", ":")).encode()[:-1] + b',"records":[' + bodies + b"]}"


def state(last: int, *, session: int = 1, head: bytes | None = None, online: bool = True) -> bytes:
    """The state of a station whose log reaches to *last*."""
    said = {"first": 1, "last": last, "head": (head or heads(last)[last]).hex()}
    words = {"v": 1, "online": online, "session": session, "epoch": EPOCH, "backlog": {"measurement": 3}}
    return json.dumps(words | {"streams": {"measurement": said}}).encode()


def take(receiver: Receiver, *payloads: bytes, topic: str = TOPIC) -> list[Kind]:
    """Give *receiver* one message after the other; returns the kinds of what it finds."""
    return [finding.kind for payload in payloads for finding in receiver.take(topic, payload).findings]


@pytest.fixture
def receiver() -> Receiver:
    """A consumer that wants everything from record 1 on."""
    return Receiver("station/v1", whole=True)


def test_records_are_handed_on_byte_for_byte(receiver: Receiver) -> None:
    """The chain is over bytes: whoever encodes a record anew can prove nothing with it."""
    taken = receiver.take(TOPIC, batch(1, 3))

    assert taken.records == [record(1), record(2), record(3)]
    assert (receiver.records, receiver.duplicates, receiver.missing, receiver.faults) == (3, 0, 0, 0)


def test_a_log_seen_for_the_first_time_is_told_once_and_is_no_fault(receiver: Receiver) -> None:
    """A new epoch is how a restored or lost log shows; people have to see it."""
    other = Chain(STATION, "aaaabbbbcccc", "measurement")

    assert take(receiver, batch(1, 2), batch(3, 4)) == [Kind.EPOCH]
    assert take(receiver, batch(1, 2, chain=other)) == [Kind.EPOCH]
    assert (receiver.records, receiver.faults) == (6, 0)


def test_a_record_that_comes_again_is_dropped_and_counted(receiver: Receiver) -> None:
    """Delivery is at least once; a consumer that stored twice would count a pollutant twice."""
    take(receiver, batch(1, 4))
    taken = receiver.take(TOPIC, batch(3, 6))

    assert taken.records == [record(5), record(6)]
    assert (receiver.records, receiver.duplicates) == (6, 2)


def test_a_gap_is_told_and_closed_by_the_backlog(receiver: Receiver) -> None:
    """After an outage live records come first; what is between has to be visible until it came."""
    assert Kind.GAP in take(receiver, batch(1, 2), batch(6, 7))
    assert receiver.series[KEY].gaps() == [(3, 5)]

    back = f"station/v1/{STATION}/data/measurement/back"
    assert take(receiver, batch(3, 5, lane="back"), topic=back) == []
    assert (receiver.missing, receiver.records) == (0, 7)


def test_who_joins_late_misses_nothing_of_what_came_before(receiver: Receiver) -> None:
    """``receive`` on a running station is not a thousand gaps, unless the whole is asked for."""
    late = Receiver("station/v1")
    take(late, batch(5, 6))
    take(receiver, batch(5, 6))

    assert (late.missing, receiver.missing) == (0, 4)


def test_a_head_that_is_not_that_of_its_records_is_refused(receiver: Receiver) -> None:
    """One flipped bit between station and consumer must not enter anybody's archive."""
    assert Kind.BROKEN in take(receiver, batch(1, 3, head="0" * 64))
    assert Kind.BROKEN in take(receiver, batch(1, 3).replace(b"4.5", b"4.6", 1))
    assert receiver.records == 0


def test_a_first_record_must_begin_at_the_genesis_of_its_log(receiver: Receiver) -> None:
    """Else anybody could send a chain of their own under a station's name and epoch."""
    stranger = heads(2, Chain("other", EPOCH, "measurement"))

    assert Kind.BROKEN in take(receiver, batch(1, 2, prev=stranger[0].hex(), head=stranger[2].hex()))


def test_a_batch_chained_to_another_past_is_refused(receiver: Receiver) -> None:
    """The very thing that the chain is for: a past that was rewritten."""
    rewritten = heads(6, so2=9.9)
    take(receiver, batch(1, 3))

    assert take(receiver, batch(4, 6, so2=9.9, prev=rewritten[3].hex())) == [Kind.BROKEN]
    assert receiver.records == 3


def test_a_filled_gap_must_lead_to_what_came_after_it(receiver: Receiver) -> None:
    """A forged backlog that hangs on the past but does not end where the present begins is no backlog."""
    take(receiver, batch(1, 2), batch(5, 6))
    forged, prev = b"", heads(2)[2]
    for seq in (3, 4):
        forged += (b"," if forged else b"") + record(seq, 9.9)
        prev = next_head(prev, record(seq, 9.9))
    payload = batch(3, 4, head=prev.hex()).partition(b'"records":[')[0] + b'"records":[' + forged + b"]}"

    assert take(receiver, payload) == [Kind.BROKEN]
    assert receiver.missing == 2


def test_a_record_that_comes_again_with_other_content_is_told(receiver: Receiver) -> None:
    """Same number, other value, and heads that fit: somebody corrected a reading after the fact."""
    take(receiver, batch(1, 3))

    assert take(receiver, batch(1, 3, so2=0.1)) == [Kind.CHANGED]
    assert receiver.duplicates == 0


def test_a_state_with_another_head_than_the_records_is_told(receiver: Receiver) -> None:
    """What the station says of its log and what it sent must be the same log."""
    take(receiver, batch(1, 3))
    topic = f"station/v1/{STATION}/state"

    assert take(Receiver("station/v1"), state(3), topic=topic) == [Kind.EPOCH]
    assert take(receiver, state(3), topic=topic) == []
    assert take(receiver, state(3, head=b"\1" * 32), topic=topic) == [Kind.BROKEN]


def test_the_state_shows_what_the_broker_lost_at_the_end(receiver: Receiver) -> None:
    """No later record shows the loss of the last one; the station's own count does."""
    take(receiver, batch(1, 3))
    take(receiver, state(5), topic=f"station/v1/{STATION}/state")

    assert receiver.missing == 0
    assert receiver.series[KEY].wanted == [(4, 5)]


def test_without_the_head_before_it_a_batch_hangs_on_what_is_known(receiver: Receiver) -> None:
    """Where damage took a head at the station, the consumer may still have it."""
    take(receiver, batch(1, 3))

    assert take(receiver, batch(4, 6, prev=None)) == []
    assert Kind.BROKEN in take(receiver, batch(7, 9, prev=None, head="0" * 64))
    assert receiver.records == 6


MALFORMED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no JSON": lambda: b"{so2: 4.5",
    "no text": lambda: b'"\xff\xfe"',
    "a number": lambda: b"17",
    "NaN": lambda: batch(1, 1).replace(b"4.5", b"NaN"),
    "another version": lambda: batch(1, 1, v=2),
    "another station than its topic": lambda: batch(1, 1, chain=Chain("other", EPOCH, "measurement")),
    "another stream than its topic": lambda: batch(1, 1, chain=Chain(STATION, EPOCH, "event")),
    "another lane than its topic": lambda: batch(1, 1, lane="back"),
    "an epoch that none is": lambda: batch(1, 1, chain=Chain(STATION, "K3NAB7Q2WZ4M", "measurement")),
    "a head that none is": lambda: batch(1, 1, head="xyz"),
    "records that are not counted right": lambda: batch(1, 2).replace(b'"last":2', b'"last":3'),
    "records under other numbers": lambda: batch(1, 2).replace(b'"seq":2', b'"seq":3'),
    "no records": lambda: batch(1, 1).partition(b'"records"')[0] + b'"records":[]}',
    "a record that is none": lambda: batch(1, 1).partition(b'"records"')[0] + b'"records":[1]}',
    "records twice": lambda: batch(1, 1)[:-1] + b',"records":[' + record(1, 9.9) + b"]}",
    "records in a key that only looks like them": lambda: b'{"\\"records":[{}],' + batch(1, 1)[1:],
    "a broken zstd frame": lambda: zstandard.compress(batch(1, 3))[:-20],
    "zstd of nothing sensible": lambda: zstandard.compress(b"so2"),
    "a sum too deep for a parser": lambda: b"[" * 100_000,
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_is_no_batch_is_refused_and_named(kind: str, receiver: Receiver) -> None:
    """Anybody may publish at a broker; a consumer that trusts the topic stores rubbish, or falls over."""
    assert take(receiver, MALFORMED[kind]()) == [Kind.MALFORMED]
    assert (receiver.records, receiver.faults) == (0, 1)


@given(st.binary(max_size=300), st.sampled_from(["data/measurement/live", "state", "reply/me", "data", "x/y/z/w"]))
def test_no_bytes_whatever_make_it_fail(payload: bytes, below: str) -> None:
    """One strange message must not end a consumer that others rely on."""
    assert isinstance(Receiver("station/v1").take(f"station/v1/{STATION}/{below}", payload), Taken)


@pytest.mark.parametrize("words", ['{"session":"x"}', '{"streams":{"measurement":{"last":"1"}}}', '{"streams":[]}'])
def test_a_state_that_is_none_changes_nothing(words: str, receiver: Receiver) -> None:
    """Anybody may write a retained state; it must not invent gaps."""
    receiver.take(f"station/v1/{STATION}/state", words.encode())

    assert all(not series.wanted for series in receiver.series.values())


def test_a_compressed_batch_is_the_same_batch(receiver: Receiver) -> None:
    """Compression is the uplink's choice; whoever receives must not need to know."""
    taken = receiver.take(TOPIC, zstandard.compress(batch(1, 3)))

    assert taken.records == [record(1), record(2), record(3)]


def test_a_batch_that_explodes_on_decompression_is_refused(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kilobyte that unpacks to gigabytes would end the consumer."""
    monkeypatch.setattr(unpacking, "MOST_BYTES", 1000)

    assert take(receiver, zstandard.compress(b" " * 5_000_000)) == [Kind.MALFORMED]


def test_old_heads_are_forgotten_and_the_ends_of_ranges_never(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has to run for months in the same memory, and still know what a filled gap must lead to."""
    monkeypatch.setattr(holding, "RECENT", 10)
    take(receiver, batch(1, 5), batch(8, 9))
    for first in range(10, 100, 5):
        take(receiver, batch(first, first + 4))
    series = receiver.series[KEY]

    assert len(series._heads) < 40
    assert take(receiver, batch(6, 7, lane="back"), topic=TOPIC.replace("live", "back")) == []
    assert (receiver.missing, series.head(99)) == (0, heads(99)[99])


class Clock:
    """A time that the test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A time that stands still until it is moved."""
    return Clock()


@pytest.fixture
def asker(receiver: Receiver, clock: Clock) -> Asker:
    """The consumer ``me``, lacking 3 to 5."""
    take(receiver, batch(1, 2), batch(6, 7))
    take(receiver, state(7), topic=f"station/v1/{STATION}/state")
    return Asker("me", "station/v1", receiver, clock=clock)


def test_a_gap_is_asked_for_when_the_backlog_does_not_fill_it(asker: Asker, clock: Clock) -> None:
    """A request at once would have everything sent twice after each outage."""
    assert asker.due() == []
    clock.now += PATIENCE_S
    (letter,) = asker.due()
    request = parse_request("me", letter.payload)

    assert letter.topic == f"station/v1/{STATION}/replay/me"
    assert (request.epoch, request.stream, request.ranges) == (EPOCH, Stream.MEASUREMENT, [(3, 5)])
    assert asker.due() == []


def test_a_request_is_repeated_for_a_new_session_and_after_a_silence(
    asker: Asker, clock: Clock, receiver: Receiver
) -> None:
    """The station that was asked may have died before it answered."""
    asker.due()
    clock.now += PATIENCE_S
    ids = {parse_request("me", asker.due()[0].payload).id}
    take(receiver, state(7, session=2), topic=f"station/v1/{STATION}/state")
    ids.add(parse_request("me", asker.due()[0].payload).id)
    clock.now += AGAIN_S + 1
    ids.add(parse_request("me", asker.due()[0].payload).id)

    assert len(ids) == 3


def test_a_station_that_is_away_is_not_asked(asker: Asker, clock: Clock, receiver: Receiver) -> None:
    """Requests are not retained: nobody would hear it."""
    asker.due()
    take(receiver, state(7, online=False), topic=f"station/v1/{STATION}/state")
    clock.now += PATIENCE_S

    assert asker.due() == []


def test_what_the_station_no_longer_has_is_not_asked_for_again(asker: Asker, clock: Clock, receiver: Receiver) -> None:
    """Else a gap that nobody can fill would be asked for for ever."""
    asker.due()
    clock.now += PATIENCE_S
    request = parse_request("me", asker.due()[0].payload)
    reply = json.dumps({"id": request.id, "status": "partial", "gone": [[3, 4]]}).encode()
    receiver.take(f"station/v1/{STATION}/reply/me", reply)
    take(receiver, batch(5, 5))
    clock.now += AGAIN_S + PATIENCE_S

    assert asker.due() == []
    assert receiver.missing == 2


def test_an_acknowledgement_says_what_is_held_and_proves_it(receiver: Receiver, clock: Clock) -> None:
    """With confirm = "consumer:…" the station frees by this; it has to be what its parser takes."""
    acknowledger = Acknowledger("me", "station/v1", receiver, clock=clock)
    take(receiver, batch(1, 2), batch(6, 7))
    (letter,) = acknowledger.due()
    said = parse_ack("me", letter.payload).streams[Stream.MEASUREMENT]

    assert (letter.topic, letter.retain) == (f"station/v1/{STATION}/ack/me", True)
    assert (said.upto, said.have, said.head) == (2, [(6, 7)], heads(2)[2].hex())
    assert acknowledger.due(at_once=True) == []


# The command at a real broker.


def receive(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "agent", *words], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def consumer(broker: Mosquitto) -> Iterator[Consumer]:
    """Who plays the station, and sees what is said to it."""
    with Consumer(broker.port, "station/v1/+/+/province", client_id="station") as consumer:
        yield consumer


@contextmanager
def running(broker: Mosquitto, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command, and go on when it is subscribed."""
    command = [sys.executable, "-m", "agent", "receive", broker.url, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "subscribed" in process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_it_prints_what_comes_and_counts(broker: Mosquitto, consumer: Consumer) -> None:
    """The summary is what somebody at the centre reads first."""
    with running(broker, "--count", "4") as process:
        consumer.publish(TOPIC, batch(1, 2))
        consumer.publish(TOPIC, batch(2, 4))
        output, _ = process.communicate(timeout=10)

    assert f"{STATION} 2026-11-22T04:30:05.137Z measurement 4 so2 so2=4.5" in output
    assert output.splitlines()[-1] == "4 records in 2 batches, 1 duplicates dropped, 0 missing, chain verified"
    assert process.returncode == 0


def test_it_acknowledges_and_asks_for_what_is_missing(broker: Mosquitto, consumer: Consumer) -> None:
    """A consumer that is asked to acknowledge has to say it where the station listens."""
    consumer.publish(f"station/v1/{STATION}/state", state(5), retain=True)
    with running(broker, "--ack", "province", "--replay", "--count", "5") as process:
        consumer.publish(TOPIC, batch(1, 2))
        consumer.publish(TOPIC, batch(5, 5))
        consumer.wait_for(lambda it: bool(it.on("*/replay/province")))
        consumer.publish(TOPIC.replace("live", "replay"), batch(3, 4, lane="replay"))
        process.communicate(timeout=10)
    request = parse_request("province", consumer.on("*/replay/province")[0].payload)
    consumer.wait_for(
        lambda it: parse_ack("province", it.on("*/ack/province")[-1].payload).streams["measurement"].upto == 5
    )

    assert request.ranges == [(3, 4)]
    assert process.returncode == 0


def test_a_gap_and_a_fault_are_worth_an_exit_code(broker: Mosquitto, consumer: Consumer) -> None:
    """Scripts look at nothing else."""
    with running(broker, "--count", "3", "--json") as process:
        pass_on = [batch(1, 2, head="0" * 64), batch(1, 2), batch(5, 5)]
        for payload in pass_on:
            consumer.publish(TOPIC, payload)
        output, _ = process.communicate(timeout=10)
    words = [json.loads(line) for line in output.splitlines()]

    assert words[-1]["summary"] == {
        "records": 3,
        "batches": 2,
        "duplicates": 0,
        "missing": 2,
        "faults": 1,
        "gaps": {str(KEY): [[3, 4]]},
    }
    assert [word["record"]["seq"] for word in words if "record" in word] == [1, 2, 5]
    assert process.returncode == 1


def test_ctrl_c_ends_it_with_the_summary(broker: Mosquitto) -> None:
    """Without --for that is how it is ended."""
    with running(broker) as process:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)

    assert (output, errors, process.returncode) == (
        "0 records in 0 batches, 0 duplicates dropped, 0 missing, chain verified\n",
        "",
        0,
    )


def test_it_survives_a_broker_that_is_killed(broker: Mosquitto, consumer: Consumer) -> None:
    """What the broker lost meanwhile shows as a gap, so there is no reason to end."""
    with running(broker, "--count", "2") as process:
        consumer.publish(TOPIC, batch(1, 1))
        assert process.stdout is not None
        while "measurement 1" not in process.stdout.readline():
            pass
        broker.kill()
        broker.start()
        while "subscribed" not in process.stdout.readline():
            pass
        consumer.wait_for(lambda it: it.connected)
        consumer.publish(TOPIC, batch(2, 2))
        output, _ = process.communicate(timeout=10)

    assert output.splitlines()[-1].startswith("2 records in 2 batches")


def test_without_a_url_it_goes_where_the_first_uplink_goes(broker: Mosquitto, tmp_path: Path) -> None:
    """At the station one should not have to type what stands in the file."""
    file = tmp_path / "station.toml"
    file.write_text(f'[station]\nid = "A1"\n[[uplink]]\nname = "city"\nurl = "{broker.url}"\nroot = "city/v1"\n')
    result = receive("--config", str(file), "receive", "--for", "300ms")

    assert "0 records" in result.stdout
    assert result.returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["mqtt://127.0.0.1:{port}"], 3, "nothing listens there"),
        (["http://127.0.0.1"], 2, "mqtts://host:port"),
        (["mqtt://me:secret@127.0.0.1"], 2, "password_file"),
        (["mqtt://127.0.0.1:{port}", "--password-file", "/nowhere"], 2, "/nowhere"),
        (["mqtt://127.0.0.1:{port}", "--ack", "a/b"], 2, "at most 32"),
        ([], 2, "station.toml"),
    ],
)
def test_what_cannot_work_is_said_in_one_sentence(words: list[str], code: int, says: str, tmp_path: Path) -> None:
    """No traceback, a next step, and an exit code that tells a wrong command from a missing broker."""
    filled = [word.format(port=free_port()) for word in words]
    result = receive("--config", str(tmp_path / "station.toml"), "receive", *filled)

    assert result.returncode == code
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert "secret" not in result.stderr


def test_heads_of_the_tests_are_those_of_the_format() -> None:
    """The forger must not share a mistake with what it tests: the formula is written out here."""
    genesis = hashlib.sha256(f"station-agent/genesis/1\0{STATION}/{EPOCH}/measurement".encode()).digest()
    body = hashlib.sha256(record(1)).digest()

    assert heads(1)[1] == hashlib.sha256(b"station-agent/record/1\0" + genesis + body).digest()
