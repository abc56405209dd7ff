"""When a broker is tried again, in which version, and how it is judged by what it did before."""

from __future__ import annotations

import asyncio

import pytest

from agent.uplink import retry, standing
from agent.uplink.broker import ConnectError
from agent.uplink.dialect import Dialect
from agent.uplink.retry import full_jitter, persistently
from agent.uplink.standing import Notices, Standing
from drivers.reading import Stream


class Attempt:
    """What tenacity tells of an attempt."""

    def __init__(self, number: int, elapsed_s: float) -> None:
        self.attempt_number = number
        self.seconds_since_start = elapsed_s


def longest(number: int, elapsed_s: float) -> float:
    """The longest of many waits."""
    return max(full_jitter(Attempt(number, elapsed_s)) for _ in range(400))  # type: ignore[arg-type]


def test_waits_are_spread_and_bounded() -> None:
    """The first within 5 s, then doubling: to 30 s in the first five minutes, to 300 s later."""
    assert 4.0 < longest(1, 0) <= 5.0
    assert 4.0 < longest(2, 5) <= 5.0
    assert 8.0 < longest(3, 10) <= 10.0
    assert 25.0 < longest(12, 250) <= 30.0
    assert 250.0 < longest(12, 900) <= 300.0
    assert min(full_jitter(Attempt(9, 900)) for _ in range(400)) < 20.0  # type: ignore[arg-type]


async def test_it_goes_on_until_it_succeeds_and_other_errors_pass() -> None:
    """A defect of ours must not look like a broker that is down."""
    rests: list[float] = []
    tries = 0

    async def attempt() -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise ConnectError.silent("b:1", 10, reached=False)
        if tries == 5:
            raise KeyError("a defect")

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    told: list[float] = []
    await persistently(attempt, on=ConnectError, rest=rest, failed=lambda _error, wait_s: told.append(wait_s))
    assert tries == 4
    assert rests == told
    with pytest.raises(KeyError):
        await persistently(attempt, on=ConnectError, rest=rest, failed=lambda _error, _wait_s: None)


async def test_cancelling_ends_it_at_once() -> None:
    """A daemon that is told to stop does not wait for a back-off."""

    async def attempt() -> None:
        raise ConnectError.silent("b:1", 10, reached=False)

    task = asyncio.create_task(
        persistently(attempt, on=ConnectError, rest=asyncio.sleep, failed=lambda _error, _wait_s: None)
    )
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


CLOSED = ConnectError.closed("b:1", "eof")
OLD = ConnectError.refused("b:1", 0x84)
DOWN = ConnectError.because("b:1", ConnectionRefusedError(111, "refused"))
MUTE = ConnectError.silent("b:1", 10, reached=True)


def test_a_refused_version_falls_back_at_once_and_is_asked_for_once_more() -> None:
    """The broker has said it; but a broker that is just starting may have said it too soon."""
    dialect = Dialect("auto")
    assert dialect.failed("5", OLD)
    assert dialect.next == "3.1.1"
    assert not dialect.succeeded("3.1.1")
    assert dialect.next == "5"
    assert dialect.failed("5", OLD)
    assert dialect.next == "3.1.1"
    dialect.succeeded("3.1.1")
    assert dialect.next == "3.1.1"


def test_silent_closes_need_three_in_a_row() -> None:
    """One may be a restart of the broker; another kind of failure between them starts the count anew."""
    dialect = Dialect("auto")
    for error in (CLOSED, CLOSED, ConnectError.silent("b:1", 10, reached=False), CLOSED, CLOSED):
        assert not dialect.failed("5", error)
        assert dialect.next == "5"
    dialect.failed("5", CLOSED)
    assert dialect.next == "3.1.1"
    dialect.failed("3.1.1", CLOSED)  # it is simply down
    assert dialect.next == "5"


def test_a_broker_that_never_answers_version_5_is_tried_with_3_1_1() -> None:
    """Amqtt 0.12 misreads the CONNECT of version 5, and the connection just hangs."""
    dialect = Dialect("auto")
    for _ in range(3):
        assert dialect.next == "5"
        assert not dialect.failed("5", MUTE)
    assert dialect.next == "3.1.1"
    dialect.succeeded("3.1.1")
    assert dialect.failed("5", MUTE)
    assert dialect.next == "3.1.1"


def test_a_broker_that_was_only_starting_is_spoken_to_in_5() -> None:
    """It closed three times, took 3.1.1 the moment it was up, and would have kept us there for months."""
    dialect = Dialect("auto")
    for _ in range(3):
        dialect.failed("5", CLOSED)
    dialect.succeeded("3.1.1")
    assert dialect.next == "5"
    assert dialect.succeeded("5")
    assert dialect.next == "5"


def test_an_old_broker_is_remembered_through_an_outage_and_asked_again_in_time() -> None:
    """Three silent closes with a long back-off between them would be a quarter of an hour of backlog each time."""
    now = 1000.0
    dialect = Dialect("auto", clock=lambda: now)
    dialect.failed("5", OLD)
    dialect.succeeded("3.1.1")
    dialect.failed("5", OLD)
    for error in (DOWN, CLOSED, CLOSED, DOWN):
        dialect.failed("3.1.1", error)
        assert dialect.next == "3.1.1"
    now += 86_401
    assert dialect.next == "5"


def test_an_old_broker_that_was_replaced_is_asked_for_5() -> None:
    """The new one may not know 3.1.1 at all."""
    dialect = Dialect("auto")
    dialect.failed("5", OLD)
    dialect.succeeded("3.1.1")
    dialect.failed("5", OLD)
    dialect.failed("3.1.1", OLD)
    assert dialect.next == "5"


def test_who_spoke_5_is_held_to_it() -> None:
    """Closing connections must not be a way to make refusals look like success."""
    dialect = Dialect("auto")
    assert dialect.succeeded("5")
    assert not dialect.succeeded("5")
    for _ in range(9):
        assert not dialect.failed("5", CLOSED)
    assert not dialect.failed("5", OLD)
    assert dialect.next == "5"


@pytest.mark.parametrize("wanted", ["5", "3.1.1"])
def test_what_is_configured_is_spoken(wanted: str) -> None:
    """Somebody knows better."""
    dialect = Dialect(wanted)  # type: ignore[arg-type]
    for _ in range(5):
        assert not dialect.failed(dialect.next, OLD)
        assert dialect.next == wanted


class Quiet:
    """A recorder that counts events."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def event(self, name: str, **_: object) -> None:
        self.events.append(name)


def test_the_same_complaint_is_made_once_in_a_while() -> None:
    """Events are records: a broker gone mad must not fill the log."""
    heard = Quiet()
    notices = Notices("city", heard)  # type: ignore[arg-type]
    for _ in range(50):
        notices.say_rarely("ack_ignored", "province")
        notices.say_rarely("ack_ignored", "city")
    assert heard.events == ["ack_ignored", "ack_ignored"]


def test_a_learned_limit_is_forgotten_in_time() -> None:
    """The broker may have been given a larger one since."""
    now = 1000.0
    learned = Standing(Notices("city", Quiet()), clock=lambda: now)  # type: ignore[arg-type]
    learned.too_large(100_000)
    assert learned.packet_limit == 50_000
    for _ in range(20):
        learned.too_large(100_000)
    assert learned.packet_limit == standing.SMALLEST
    now += standing.LEARNED_S + 1
    assert learned.packet_limit > 100_000_000


def test_a_little_record_that_is_refused_alone_says_nothing_about_sizes() -> None:
    """One poisonous record would otherwise have every other one travel alone for an hour."""
    learned = Standing(Notices("city", Quiet()))  # type: ignore[arg-type]
    learned.too_large(6_000, certain=False)
    assert learned.packet_limit == standing.LITTLE
    learned.refused_alone(standing.LITTLE + 1)
    assert learned.packet_limit == standing.LITTLE
    learned.refused_alone(300)
    assert learned.packet_limit > 100_000_000


def test_what_was_parked_while_everything_was_refused_gets_another_attempt_once_a_day() -> None:
    """The broker was to blame, most likely; if it was the records after all, they must not stop the rest each time."""
    now = 100_000.0
    seen = Standing(Notices("city", Quiet()), clock=lambda: now)  # type: ignore[arg-type]
    redressed = []
    for _ in range(3):
        while not seen.resting:
            seen.may_park()
        now += standing.PAUSE_S + 1
        seen.taken(("e", Stream.EVENT), 1)
        redressed.append(seen.wronged)
        seen.wronged = False
    assert redressed == [True, False, False]


def test_takeovers_are_an_alarm_only_when_they_come_close_together() -> None:
    """Two in a year are a broker's restart; three in ten minutes are a second station with our name."""
    now = 0.0
    seen = Standing(Notices("city", Quiet()), clock=lambda: now)  # type: ignore[arg-type]
    for _ in range(6):
        now += standing.PAUSE_S / 2 + 1
        assert not seen.taken_over()
    now += 1
    assert seen.taken_over()


def test_a_batch_is_blamed_for_the_second_death_in_a_row_only() -> None:
    """A connection may end for any reason; twice with the same batch first is no chance."""
    seen = Standing(Notices("city", Quiet()))  # type: ignore[arg-type]
    key = ("e", Stream.EVENT)
    assert not seen.died(key, 1)
    assert not seen.died(key, 7)
    assert not seen.died(key, 1)
    seen.taken(key, 1)
    assert not seen.died(key, 1)
    assert seen.died(key, 1)
    assert not seen.died(key, 1)
    assert retry.FIRST_S == 5.0
