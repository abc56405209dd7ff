"""The network between a station and its brokers, broken in every way that the field knows.

All faults happen at once, each to one of ten uplinks of one daemon, so that the whole
takes as long as the slowest of them; each test then tells what became of its uplink.
Nothing is missing anywhere, no tick is lost, and data is fresh again within RECOVERY_S
of the end of a fault: what back-off (30 s) and the deadline for a CONNACK (10 s) allow.
``make soak`` keeps every fault up for ten minutes, or as long as FOR says; back-off may
have grown to five minutes then.
"""

from __future__ import annotations

import os
import random

import pytest

from drivers.duration import parse_duration
from tests.faults.stories import FRESH_S
from tests.faults.weather import EVERY_S, Passage, Weather, experience

LENGTH_S = 15.0
RECOVERY_S = 45.0
LONG_RECOVERY_S = 345.0
SILENCE_S = 30.0
"""Without an acknowledgement for so long an uplink gives its connection up."""


@pytest.fixture(scope="module", params=["quick", pytest.param("long", marks=pytest.mark.soak)])
def weather(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Weather:
    """What became of everything, lived through once for all tests of this file."""
    seed = random.randrange(10**6)
    long = request.param == "long"
    lived = experience(
        tmp_path_factory.mktemp("weather"),
        length_s=parse_duration(os.environ.get("FOR") or "10min") if long else LENGTH_S,
        bound_s=LONG_RECOVERY_S if long else RECOVERY_S,
        seed=seed,
    )
    lived.tell()
    return lived


def unharmed(weather: Weather, name: str) -> Passage:
    """How the uplink *name* came through: everything arrived, and in time."""
    passage = weather.passages[name]
    passage.evidence.assert_complete()
    assert (passage.missing, passage.doubled) == (0, 0)
    assert passage.injected > 0
    assert passage.recovery_s <= weather.bound_s, weather.log[-4000:]
    return passage


def test_no_tick_is_lost_whatever_becomes_of_the_uplinks(weather: Weather) -> None:
    """A poll never waits for a broker, not even for nine of them."""
    assert weather.unread == 0
    assert weather.missing_ticks == {}
    assert weather.exit_code == 0, weather.log[-4000:]
    assert weather.verified == 0


def test_a_good_line_stays_fresh_beside_nine_bad_ones(weather: Weather) -> None:
    """No uplink waits for another."""
    passage = weather.passages["clean"]

    passage.evidence.assert_complete()
    assert passage.missing == 0
    assert passage.stalest_s < EVERY_S + FRESH_S


def test_a_black_hole_delays_and_loses_nothing(weather: Weather) -> None:
    """A firewall that drops without RST: the commonest way in which a line dies."""
    passage = unharmed(weather, "black_hole")

    assert passage.stalest_s >= weather.length_s


def test_a_half_open_connection_is_given_up_in_half_a_minute(weather: Weather) -> None:
    """A gateway that forgot the connection says nothing, and a kernel would wait for a quarter of an hour."""
    passage = unharmed(weather, "half_open")

    assert passage.stalest_s >= SILENCE_S
    assert passage.recovery_s <= SILENCE_S + 15


def test_a_broker_whose_machine_died_is_found_again(weather: Weather) -> None:
    """No FIN was sent; what it had acknowledged and lost is asked for again."""
    assert unharmed(weather, "crashed").stalest_s >= weather.length_s


def test_a_line_that_loses_only_the_answers_loses_no_reading(weather: Weather) -> None:
    """The broker has what the station must believe to be lost."""
    assert unharmed(weather, "one_way").stalest_s >= 1


def test_a_line_that_loses_a_fifth_of_its_packets_carries_everything(weather: Weather) -> None:
    """Connecting works on it too; lost packets cost time, not readings."""
    assert unharmed(weather, "lossy").injected >= 20


def test_a_line_of_two_seconds_each_way_carries_everything(weather: Weather) -> None:
    """Deadlines allow for a satellite: it connects, and is not taken for dead."""
    assert unharmed(weather, "slow").stalest_s >= 2


def test_a_line_of_16_kbit_carries_everything(weather: Weather) -> None:
    """The thinnest line that is sold: nothing is sent in vain, so it suffices."""
    assert unharmed(weather, "thin").stalest_s >= EVERY_S


def test_a_name_that_fails_and_then_moves_is_followed(weather: Weather) -> None:
    """The name is asked for anew at each attempt: a broker may move, and DNS may come late."""
    unharmed(weather, "renamed")

    assert "broker.test" in weather.log
    assert "name not found" in weather.log


def test_a_line_that_flaps_every_three_seconds_loses_nothing(weather: Weather) -> None:
    """Too short for any deadline, too often for any rest."""
    passage = unharmed(weather, "flapping")

    assert passage.injected >= int(weather.length_s / 6)
    assert passage.stalest_s >= 3
