"""The report: every tick of a month comes to something, and to what it really was."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.accounts.attendance import Attendance
from agent.accounts.causes import VALID, Cause, State, cause_of
from agent.accounts.expectation import Expectation
from agent.accounts.report import Report, report
from agent.accounts.steps import ClockStep
from agent.accounts.stretches import NothingExpectedError
from agent.accounts.tally import Day, Tally
from agent.accounts.timeline import Pattern, Timeline
from agent.clock import instant
from agent.store.cursor import Cursor
from agent.store.reader import Reader
from agent.store.record import draft, event, time_text, to_ms
from agent.store.source import Source
from agent.store.store import Move
from drivers.reading import Quality, Stream
from tests.simulators.agent_process import AgentProcess
from tests.simulators.bench import Bench
from tests.simulators.logbook import open_store
from tests.simulators.modbus_server import ModbusTcpServer, Unit
from tests.simulators.month import BEGIN, MANIFOLD, Fault, Month, at, device, lasting
from tests.simulators.stationfile import HEAD, at_port
from tests.simulators.stationfile import device as live_device
from tests.simulators.technician import Technician

SO2 = device("so2", "60s", "so2")
NOX = device("nox", "300s", "no", "no2")
NIGHTLY = [
    fault
    for day in range(1, 31)
    for fault in (
        lasting(day, "01:00", 20, Cause.CALIBRATION, "so2", quality=Quality.ZERO_CHECK),
        lasting(day, "01:20", 10, Cause.CALIBRATION, "so2", quality=Quality.RECOVERING),
    )
]
FAULTS = [
    lasting(3, "02:00", 197, Cause.POWER),
    lasting(4, "09:30", 12, Cause.AGENT),
    lasting(6, "10:00", 60, Cause.AGENT, "so2", quality=Quality.NOT_POLLED, reason="line_busy", each=2),
    lasting(7, "22:00", 240, Cause.LINK, "nox", quality=Quality.COMM_FAULT, reason="link_down"),
    lasting(8, "05:00", 7, Cause.LINK, "so2", quality=Quality.COMM_FAULT, reason="bad_reply"),
    lasting(9, "12:00", 121, Cause.INSTRUMENT, "so2", quality=Quality.COMM_FAULT, reason="no_reply"),
    lasting(12, "12:00", 30, Cause.INSTRUMENT, "so2", quality=Quality.FAULT),
    lasting(12, "14:00", 15, Cause.INSTRUMENT, "so2", quality=Quality.RECOVERING),
    lasting(13, "08:00", 3, Cause.INSTRUMENT, "nox", quality=Quality.OVER_RANGE),
    lasting(14, "09:00", 120, Cause.MAINTENANCE, quality=Quality.MAINTENANCE),
    lasting(16, "03:00", 70, Cause.SAMPLING, "so2", quality=Quality.SUSPECT),
    lasting(17, "03:00", 30, Cause.INSTRUMENT, "so2", quality=Quality.SUSPECT),
    lasting(20, "23:50", 25, Cause.POWER),
    lasting(20, "23:00", 50, Cause.INSTRUMENT, "so2", quality=Quality.COMM_FAULT, reason="no_reply"),
    lasting(24, "10:00", 20, Cause.MAINTENANCE, "so2", quality=Quality.MAINTENANCE),
    lasting(24, "10:20", 70, Cause.MAINTENANCE, "so2", quality=Quality.COMM_FAULT, reason="no_reply"),
    lasting(24, "11:30", 20, Cause.INSTRUMENT, "so2", quality=Quality.COMM_FAULT, reason="no_reply"),
    lasting(25, "08:30", 30, Cause.MAINTENANCE, "so2", quality=Quality.COMM_FAULT, reason="link_down"),
    lasting(25, "09:00", 30, Cause.LINK, "so2", quality=Quality.COMM_FAULT, reason="link_down"),
    lasting(25, "08:30", 60, Cause.LINK, "nox", quality=Quality.COMM_FAULT, reason="link_down"),
    lasting(26, "15:00", 60, Cause.POWER),
    lasting(26, "14:00", 240, Cause.MAINTENANCE, "so2", quality=Quality.FAULT),
    lasting(26, "14:00", 240, Cause.MAINTENANCE, "nox", quality=Quality.NOT_POLLED, reason="line_busy"),
    *NIGHTLY,
]


@pytest.fixture(scope="module")
def november(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """November of a station where everything happened."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        month = lived(Month(tmp_path_factory.mktemp("november"), FAULTS, monkeypatch))
    yield month
    month.store.close()


def lived(month: Month) -> Month:
    """Let the faults come, with the events that go with them."""
    month.event("agent_started", at(0, "12:00"), {"version": "1"})
    month.configure(at(0, "12:00"), SO2, MANIFOLD, NOX)
    month.run(at(3, "05:17"), SO2, MANIFOLD, NOX)
    month.killed()
    month.starts(at(3, "05:17") - 5, up_s=40)
    month.run(at(4, "09:30"), SO2, MANIFOLD, NOX)
    month.event("agent_stopped", at(4, "09:30") - 2, {"version": "1"})
    month.run(at(4, "09:42"), SO2, MANIFOLD, NOX)
    month.starts(at(4, "09:42") - 1, up_s=86_400)
    month.run(at(16, "02:59"), SO2, MANIFOLD, NOX)
    limits = {"channel": "temperature", "value": 3, "normal": [30, 50]}
    month.event("alarm_raised", at(16, "02:59"), limits | {"affects": ["so2.so2"]}, device="manifold")
    month.run(at(16, "04:11"), SO2, MANIFOLD, NOX)
    month.event("alarm_cleared", at(16, "04:11"), limits, device="manifold")
    month.run(at(17, "02:59"), SO2, MANIFOLD, NOX)
    month.event("alarm_raised", at(17, "02:59"), {"channel": "flow", "affects": ["so2.so2"]}, device="so2")
    month.run(at(17, "03:31"), SO2, MANIFOLD, NOX)
    month.event("alarm_cleared", at(17, "03:31"), {"channel": "flow"}, device="so2")
    month.run(at(20, "23:50"), SO2, MANIFOLD, NOX)
    month.killed()
    month.run(at(21, "00:15"), SO2, MANIFOLD, NOX)
    month.starts(at(21, "00:15") - 3, up_s=33)
    worked_on(month)
    month.run(at(31, "01:00"), SO2, MANIFOLD, NOX)
    return month


def worked_on(month: Month) -> None:
    """Technicians come: for one instrument, for the line before it, which they forget to end, and for all."""
    month.run(at(24, "10:00"), SO2, MANIFOLD, NOX)
    month.works(at(24, "10:00") - 1, "so2", 3600)
    month.run(at(24, "10:50"), SO2, MANIFOLD, NOX)
    month.works(at(24, "10:50") - 1, "so2", 8 * 3600)
    month.run(at(24, "11:30"), SO2, MANIFOLD, NOX)
    month.worked(at(24, "11:30") - 1, "so2")
    month.run(at(25, "08:30"), SO2, MANIFOLD, NOX)
    month.works(at(25, "08:30") - 1, "manifold", 1800)
    month.run(at(25, "09:40"), SO2, MANIFOLD, NOX)
    month.worked(at(25, "09:40"))
    month.run(at(26, "14:00"), SO2, MANIFOLD, NOX)
    month.works(at(26, "14:00") - 1, "all", 8 * 3600)
    month.run(at(26, "15:00"), SO2, MANIFOLD, NOX)
    month.killed()
    month.run(at(26, "16:00"), SO2, MANIFOLD, NOX)
    month.starts(at(26, "16:00") - 3, up_s=30)
    month.run(at(26, "18:00"), SO2, MANIFOLD, NOX)
    month.worked(at(26, "18:00") - 1, "all")


def days(begin: int = 1, end: int = 31) -> list[Day]:
    """Days of November at the station."""
    found = []
    for number in range(begin, end):
        since = BEGIN + timedelta(days=number - 1)
        edges = (round(edge.timestamp() * 1000) for edge in (since, since + timedelta(days=1)))
        found.append(Day(f"{since:%Y-%m-%d}", *edges))
    return found


SILENT = State(Quality.COMM_FAULT, "no_reply")
LATER_MS = days(32, 33)[0].until_ms


def accounted(month: Month, begin: int = 1, end: int = 31, **words: Any) -> Report:
    with Reader.open(month.path / "store.db") as log:
        return report(
            Source(log, month.path / "archive"),
            days(begin, end),
            **{"now_ms": LATER_MS, "today": None, "uplinks": None} | words,
        )


def total(found: Report, channel: str = "so2.so2") -> Tally:
    (account,) = (one for one in found.accounts if f"{one.device}.{one.channel}" == channel)
    return account.total


def test_each_cause_is_within_a_tick_of_the_truth_and_the_sum_closes(november: Month) -> None:
    """Who pays for a lost hour depends on this."""
    found = accounted(november)
    assert found.closes
    assert [f"{account.device}.{account.channel}" for account in found.accounts] == ["nox.no", "nox.no2", "so2.so2"]
    for account in found.accounts:
        name = f"{account.device}.{account.channel}"
        lost, truth = account.total.lost, november.truth[name]
        assert account.total.expected == november.expected[name]
        assert {cause: (lost[cause], truth[cause]) for cause in Cause if abs(lost[cause] - truth[cause]) > 1} == {}, (
            name
        )


def test_the_days_of_a_month_are_its_sum(november: Month) -> None:
    """What was lost around midnight is lost once."""
    found = accounted(november)
    single = Tally()
    for number in range(1, 31):
        single.add(total(accounted(november, number, number + 1)))
    assert (single.expected, single.valid) == (total(found).expected, total(found).valid)
    assert single.lost == total(found).lost


def test_times_without_the_agent_are_named(november: Month) -> None:
    """With their cause, as somebody will ask."""
    found = accounted(november)
    downs = [(down.cause, round((down.until_ms - down.since_ms) / 60_000)) for down in found.downs]
    assert downs == [(Cause.POWER, 198), (Cause.AGENT, 13), (Cause.POWER, 26), (Cause.POWER, 61)]


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Month:
    """A station without faults so far, that nobody polled yet."""
    return Month(tmp_path, [], monkeypatch)


def test_what_each_uplink_has_is_counted_from_its_cursor(short: Month) -> None:
    """Received is what was acknowledged, not what was sent; what lies parked was not."""
    short.faults = [lasting(2, "01:00", 60, Cause.CALIBRATION, quality=Quality.SPAN_CHECK)]
    short.store.set_uplinks({"city": "oldest", "province": "oldest"}, now_ms=round(at(1, "00:00") * 1000))
    short.configure(at(1, "12:00"), SO2)
    short.run(at(3, "00:00"), SO2)
    last = short.store.last(Stream.MEASUREMENT)
    partly = Cursor(last - 1440 + 100, [(last - 9, last)])  # of the second day's 1440 all but 1330
    for name, cursor in (("city", Cursor(last)), ("province", partly)):
        short.store.append([], [Move(name, short.store.epoch, Stream.MEASUREMENT, cursor.to_json())])
    deliveries = total(accounted(short, 2, 3)).deliveries
    city, province = deliveries["city"], deliveries["province"]
    assert (city.expected, city.exempt, city.received, city.valid) == (1440, 60, 1440, 1380)
    assert (city.transmission, city.validity, city.valid_transmission) == (1.0, 1.0, 1.0)
    assert (province.received, province.valid) == (110, 70)
    assert province.valid_transmission == pytest.approx(110 / 1440 * 70 / 1380)


def test_an_uplink_that_came_later_is_not_blamed_for_the_time_before(short: Month) -> None:
    """It begins with what is new, and its cursor stands behind what it never got."""
    short.configure(at(1, "12:00"), SO2)
    short.run(at(2, "12:00"), SO2)
    short.store.set_uplinks({"city": "now"}, now_ms=round(at(2, "12:00") * 1000))
    city = total(accounted(short, 2, 3, now_ms=round(at(2, "12:00") * 1000) + 90_000)).deliveries["city"]
    assert (city.expected, city.received, city.transmission) == (0, 0, None)


def test_an_uplink_that_was_removed_is_counted_up_to_then_and_one_without_measurements_is_not(short: Month) -> None:
    """Who got the first half of the month is asked for it; who only gets alarms has no rate."""
    begin_ms, noon_ms = round(at(1, "00:00") * 1000), round(at(1, "12:00") * 1000)
    short.store.set_uplinks({"city": "oldest", "old": "oldest", "alarms": "oldest"}, now_ms=begin_ms)
    short.configure(at(1, "00:00"), SO2)
    short.run(at(1, "12:00"), SO2)
    last = Cursor(short.store.last(Stream.MEASUREMENT)).to_json()
    short.store.append([], [Move(name, short.store.epoch, Stream.MEASUREMENT, last) for name in ("city", "old")])
    short.store.set_uplinks({"city": "oldest", "alarms": "oldest"}, now_ms=noon_ms)
    short.run(at(2, "00:00"), SO2)
    found = accounted(short, 1, 2, uplinks={"city"})
    old, city = (total(found).deliveries[name] for name in ("old", "city"))
    assert found.uplinks == ["city", "old"]
    assert (old.expected, old.received, city.expected, city.received) == (720, 720, 1440, 720)


def test_a_device_is_expected_from_the_day_on_which_it_came(short: Month) -> None:
    """And with the interval that was configured then, whatever stands in the file today."""
    short.configure(at(1, "00:00"), SO2)
    short.run(at(2, "12:00"), SO2)
    short.configure(at(2, "12:00"), SO2, NOX)
    short.run(at(3, "00:00"), SO2, NOX)
    found = accounted(short, 1, 3)
    assert (total(found).expected, total(found).lost.total()) == (2880, 0)
    assert (total(found, "nox.no").expected, total(found, "nox.no").lost.total()) == (144, 0)


def test_a_clock_set_back_makes_no_tick_count_twice(short: Month) -> None:
    """An hour lived twice is still one hour of ticks."""
    short.configure(at(1, "00:00"), SO2)
    short.run(at(1, "12:00"), SO2)
    short.rewind(at(1, "11:00"))
    short.run(at(2, "00:00"), SO2)
    found = accounted(short, 1, 2)
    assert (total(found).expected, total(found).valid, found.repeated) == (1440, 1440, 60)


def test_a_clock_set_forward_loses_ticks_to_the_agent(short: Month) -> None:
    """Nobody else could have kept it right."""
    short.faults = [lasting(1, "12:00", 30, Cause.AGENT)]
    short.configure(at(1, "00:00"), SO2)
    short.run(at(1, "12:00"), SO2)
    short.stepped(at(1, "12:00"), at(1, "12:30"))
    short.run(at(2, "00:00"), SO2)
    assert total(accounted(short, 1, 2)).lost == {Cause.AGENT: 30}


def test_a_computer_without_a_battery_that_wakes_up_in_1970_was_without_power(short: Month) -> None:
    """Its first events carry a time that never was; the step that sets the clock tells when it began."""
    short.faults = [lasting(1, "12:00", 45, Cause.POWER)]
    short.configure(at(1, "00:00"), SO2)
    short.run(at(1, "12:45"), SO2)
    short.starts(30.0, up_s=25)
    short.stepped(40.0, at(1, "12:45"))
    short.run(at(2, "00:00"), SO2)
    assert total(accounted(short, 1, 2)).lost == {Cause.POWER: 45}


@pytest.mark.parametrize(("goodbye", "cause"), [(True, Cause.AGENT), (False, Cause.POWER)])
def test_an_agent_that_did_not_say_how_long_the_computer_was_up_is_judged_by_its_goodbye(
    short: Month, goodbye: bool, cause: Cause
) -> None:
    """Logs of older versions are read as well as they can be."""
    short.faults = [lasting(1, "12:00", 45, cause)]
    short.configure(at(1, "00:00"), SO2)
    short.run(at(1, "12:00"), SO2)
    if goodbye:
        short.event("agent_stopped", at(1, "11:59"), {"version": "1"})
    short.run(at(1, "12:45"), SO2)
    short.starts(at(1, "12:45") - 2, up_s=None)
    short.run(at(2, "00:00"), SO2)
    assert total(accounted(short, 1, 2)).lost == {cause: 45}


def test_a_busy_line_whose_polls_end_in_the_next_tick_loses_only_what_it_says(short: Month) -> None:
    """A reading belongs to the tick for which it was asked, though it comes after the next one was due."""
    line = Timeline("so2", ["so2"], 60, 0, 3_600_000, is_sampled=False)
    good, busy = (
        line.number(Pattern((VALID,), 0)),
        line.number(Pattern((State(Quality.NOT_POLLED),), 0, is_nothing=True)),
    )
    for tick in range(60):
        if tick % 6 == 5:
            line.put_nothing(tick * 60_000, busy, 1, 60_000_000)
        else:
            line.put(tick * 60_000 + 12_000 * (tick % 6 + 1), good)
    assert [(run.end - run.first) for run in line.runs() if run.pattern and run.pattern.is_nothing] == [1] * 10
    assert line.repeated == 0


def test_an_hourly_instrument_is_expected_to_give_a_value_an_hour(short: Month) -> None:
    """It is polled every minute, but samples for an hour: between its values nothing is missing."""
    pm = device("pm", "60s", "pm").replace("register = 0\n", 'register = 0\nnew_by = "sample_time"\n')
    pm += (
        '[[device.channel]]\nname = "sample_time"\nstream = "parameter"\ngroup = "instrument"\nregister = 2\n'
        'type = "time"\nperiod = "1h"\n'
    )
    short.configure(at(1, "00:00"), pm)
    hours = [hour for hour in range(24) if hour not in (7, 8, 15)]
    for hour in hours:
        fields = {"device": "pm", "meta": "0", "values": {"pm": 0.05}}
        short.put(draft(Stream.MEASUREMENT, instant(at(1, f"{hour}:01")), fields))
        if hour == 6:
            silent = {"device": "pm", "quality": {"*": "comm_fault"}, "reason": "no_reply", "ticks": 125}
            short.put(draft(Stream.MEASUREMENT, instant(at(1, "06:50")), silent))
    short.flush()
    tally = total(accounted(short, 1, 2), "pm.pm")
    assert (tally.expected, tally.valid, tally.lost) == (24, 21, {Cause.INSTRUMENT: 3})


def test_a_channel_that_is_not_fitted_is_not_expected(short: Month) -> None:
    """An option that nobody bought loses nothing."""
    short.configure(at(1, "00:00"), NOX)
    for tick in range(288):
        fields = {"device": "nox", "meta": "0", "values": {"no": 1, "no2": None}, "quality": {"no2": "not_fitted"}}
        short.put(draft(Stream.MEASUREMENT, instant(at(1, "00:00") + 300 * tick + 1), fields))
    short.flush()
    assert [account.channel for account in accounted(short, 1, 2).accounts] == ["no"]


def test_what_was_freed_is_not_counted_as_lost(short: Month) -> None:
    """The log reaches back to its quota; the report begins there, and says so."""
    short.configure(at(1, "00:00"), SO2)
    short.run(at(2, "00:00"), SO2)
    short.store.free(short.store.epoch, Stream.MEASUREMENT, 1, 720)
    found = accounted(short, 1, 2)
    assert (found.since_ms, total(found).expected, total(found).lost.total()) == (
        round(at(1, "12:00") * 1000 + 137),
        719,
        0,
    )


def test_a_log_of_an_older_agent_is_counted_by_the_file_of_today(short: Month) -> None:
    """It did not record what it was to poll."""
    short.configure(at(1, "00:00"), SO2)
    short.run(at(2, "00:00"), SO2)
    with Reader.open(short.path / "store.db") as log:
        ((_, audit),) = log.located(Stream.AUDIT, 0, LATER_MS)
    assert b'"devices":{"so2":{"channels":{"so2":60},"every_s":60}}' in audit.body
    old = open_store(short.path / "old.db")
    old.append([event("configuration_applied", instant(at(1, "00:00")), data={"sha256": "0"}, stream=Stream.AUDIT)])
    old.close()
    with Reader.open(short.path / "old.db") as log:
        source = Source(log, short.path / "archive")
        found = report(source, days(1, 2), now_ms=LATER_MS, today={"so2": Expectation(60, {"so2": 60})}, uplinks=None)
    assert total(found).lost == {Cause.AGENT: 1440}


def test_a_channel_called_like_a_key_of_the_record_is_read_rightly(short: Month) -> None:
    """What is cut out of records undecoded must not be fooled by a name."""
    seq = device("odd", "60s", "seq", "quality")
    short.faults = [lasting(1, "06:00", 60, Cause.INSTRUMENT, quality=Quality.FAULT)]
    short.configure(at(1, "00:00"), seq)
    short.run(at(2, "00:00"), seq)
    found = accounted(short, 1, 2)
    assert [total(found, f"odd.{name}").lost for name in ("seq", "quality")] == [{Cause.INSTRUMENT: 60}] * 2


FAST = device("fast", "5s", "so2")
SILENCE = {"device": "fast", "quality": Quality.COMM_FAULT, "reason": "no_reply"}


def test_ticks_whose_record_the_power_cut_prevented_count_as_those_before(short: Month) -> None:
    """A silent instrument is recorded once a minute; what was gathered since is lost with the process."""
    cut_s = at(1, "12:00")
    silent = Fault(cut_s - 110, cut_s, Cause.INSTRUMENT, **SILENCE)
    short.faults = [silent, Fault(cut_s, cut_s + 600, Cause.POWER)]
    short.configure(at(1, "11:00"), FAST)
    short.run(cut_s, FAST)
    short.killed()
    short.run(cut_s + 600, FAST)
    short.starts(cut_s + 588, up_s=30)  # and its first polls came too late for two more ticks
    short.run(at(1, "13:00"), FAST)
    tally = total(accounted(short, 1, 2, now_ms=round(at(1, "13:00") * 1000) + 90_000), "fast.so2")
    truth = short.truth["fast.so2"]
    assert (truth[Cause.INSTRUMENT], truth[Cause.POWER]) == (22, 120)
    assert {cause: lost - truth[cause] for cause, lost in tally.lost.items() if abs(lost - truth[cause]) > 1} == {}


def test_ticks_recorded_under_the_day_before_are_found(short: Month) -> None:
    """One record stands for a minute of silence, also over midnight."""
    midnight_s = at(2, "00:00")
    short.faults = [Fault(midnight_s - 50, midnight_s + 40, Cause.INSTRUMENT, **SILENCE)]
    short.configure(at(1, "23:00"), FAST)
    short.run(at(2, "01:00"), FAST)
    tally = total(accounted(short, 2, 3, now_ms=round(at(2, "01:00") * 1000) + 90_000), "fast.so2")
    assert (tally.expected, tally.lost) == (720, {Cause.INSTRUMENT: 8})


def test_silence_that_outlasts_the_work_is_cut_where_the_work_ended(short: Month) -> None:
    """One record stands for a minute of silence, of which half may be the technician's."""
    noon_s = at(1, "12:00")
    short.faults = [Fault(noon_s, noon_s + 90, Cause.INSTRUMENT, **SILENCE)]
    short.configure(at(1, "11:00"), FAST)
    short.run(noon_s + 30, FAST)
    short.works(noon_s + 29, "fast", 31)
    short.run(at(1, "13:00"), FAST)
    tally = total(accounted(short, 1, 2, now_ms=round(at(1, "13:00") * 1000) + 90_000), "fast.so2")
    assert tally.lost == {Cause.INSTRUMENT: 12, Cause.MAINTENANCE: 6}


def test_work_that_began_before_the_clock_was_set_excuses_nothing_of_the_years_between(short: Month) -> None:
    """A computer without a battery wakes up in 1970, and who came to see why begins at once."""
    short.faults = [
        lasting(1, "06:00", 20, Cause.INSTRUMENT, quality=Quality.FAULT),
        lasting(1, "12:00", 45, Cause.POWER),
        lasting(1, "12:45", 15, Cause.MAINTENANCE, quality=Quality.FAULT),
        lasting(1, "13:00", 15, Cause.INSTRUMENT, quality=Quality.FAULT),
    ]
    short.configure(at(1, "00:00"), SO2)
    short.run(at(1, "12:45"), SO2)
    short.starts(30.0, up_s=25)
    short.works(35.0, "so2", 6 * 3600)
    short.stepped(40.0, at(1, "12:45"))
    short.run(at(1, "13:00"), SO2)
    short.worked(at(1, "13:00") - 1, "so2")
    short.run(at(2, "00:00"), SO2)
    assert total(accounted(short, 1, 2)).lost == {Cause.INSTRUMENT: 35, Cause.POWER: 45, Cause.MAINTENANCE: 15}


def test_work_that_was_ended_by_a_clock_that_was_behind_lasted_until_then() -> None:
    """The power goes during the work, the PC wakes up in the year 2000, and is set right when all is done."""
    noon_ms, woke_ms = round(at(1, "12:00") * 1000), 946_684_800_000
    about = {"subject": "so2", "started": time_text(noon_ms)}
    begun = {"data": about | {"until": time_text(noon_ms + 28_800_000)}}
    ended = {"data": about | {"ended": time_text(woke_ms + 600_000), "seconds": 600.0}}
    steps = [ClockStep(woke_ms + 900_000, noon_ms + 7_200_000)]
    assert Attendance.of([begun, ended], steps).at("so2") == ((noon_ms, noon_ms + 6_900_000),)
    assert Attendance.of([begun, ended]).at("so2") == ((noon_ms, noon_ms + 600_000), (woke_ms, woke_ms + 600_000))


def test_work_on_a_device_that_only_makes_another_suspect_excuses_nothing_there(short: Month) -> None:
    """The daemon marks what is sampled through a device, not what a limit of it speaks of."""
    meter = MANIFOLD + 'normal = [20, 40]\naffects = ["so2.so2", "nox.no"]\n'
    silence = {"quality": Quality.COMM_FAULT, "reason": "no_reply"}
    short.faults = [lasting(1, "12:00", 60, Cause.INSTRUMENT, **silence)]
    short.configure(at(1, "00:00"), SO2, meter, NOX)
    short.run(at(1, "12:00"), SO2, meter, NOX)
    short.works(at(1, "12:00"), "manifold", 3600)
    short.run(at(2, "00:00"), SO2, meter, NOX)
    found = accounted(short, 1, 2)
    assert total(found, "so2.so2").lost == {Cause.MAINTENANCE: 60}
    assert total(found, "nox.no").lost == {Cause.INSTRUMENT: 12}


def test_a_new_epoch_in_the_middle_of_a_day_changes_nothing(short: Month) -> None:
    """The log may begin anew; the day does not."""
    short.configure(at(1, "00:00"), SO2)
    short.run(at(1, "12:00"), SO2)
    short.store.set_uplinks({"city": "oldest"}, now_ms=round(at(1, "00:00") * 1000))
    first = short.store.epoch
    short.store.append([], [Move("city", first, Stream.MEASUREMENT, Cursor(700).to_json())])
    short.store.begin_epoch("test")
    short.run(at(2, "00:00"), SO2)
    tally = total(accounted(short, 1, 2))
    assert (tally.expected, tally.valid, tally.deliveries["city"].received) == (1440, 1440, 700)


@given(
    st.lists(st.tuples(st.integers(-5000, 125_000), st.one_of(st.none(), st.integers(1, 40))), max_size=80),
    st.booleans(),
)
def test_whatever_records_say_every_tick_comes_to_one_thing(
    records: list[tuple[int, int | None]], is_sampled: bool
) -> None:
    """Clocks that jump and records that overlap must not make a tick count twice, or not at all."""
    line = Timeline("so2", ["so2"], 1.0, 0, 120_000, is_sampled=is_sampled)
    good, none = line.number(Pattern((VALID,), 0)), line.number(Pattern((SILENT,), 0, is_nothing=True))
    for time_ms, ticks in records:
        if ticks is None:
            line.put(time_ms, good)
        else:
            line.put_nothing(time_ms, none, ticks, 1_000_000)
    runs = list(line.runs())
    assert [run.first for run in runs] == [0, *(run.end for run in runs[:-1])]
    assert runs[-1].end == 120
    placed = sum(run.end - run.first for run in runs if run.pattern and not run.pattern.is_nothing)
    read = sum(ticks is None and 0 <= time_ms < 120_000 for time_ms, ticks in records)
    assert read - line.repeated <= placed <= read


def test_nothing_configured_is_no_report(short: Month) -> None:
    """Not a report of zeros."""
    with pytest.raises(NothingExpectedError, match="no configuration that ran in 2026-11-01"):
        accounted(short, 1, 2)


@pytest.mark.parametrize(
    ("quality", "reason", "before", "by_line", "cause"),
    [
        (Quality.VALID, "", None, False, None),
        (Quality.COMM_FAULT, "link_down", None, False, Cause.LINK),
        (Quality.COMM_FAULT, "bad_reply", None, False, Cause.LINK),
        (Quality.COMM_FAULT, "exception_2", None, False, Cause.INSTRUMENT),
        (Quality.NOT_POLLED, "agent_paused", None, False, Cause.AGENT),
        (Quality.SPAN_CALIBRATION, "", None, False, Cause.CALIBRATION),
        (Quality.RECOVERING, "", Cause.MAINTENANCE, False, Cause.MAINTENANCE),
        (Quality.RECOVERING, "", None, False, Cause.INSTRUMENT),
        (Quality.SUSPECT, "", None, True, Cause.SAMPLING),
        (Quality.SUSPECT, "", None, False, Cause.INSTRUMENT),
        (Quality.MANUAL, "", None, False, Cause.MAINTENANCE),
        (Quality.INSUFFICIENT, "", None, False, Cause.INSTRUMENT),
    ],
)
def test_every_quality_has_a_cause(
    quality: Quality, reason: str, before: Cause | None, by_line: bool, cause: Cause | None
) -> None:
    """And only valid ones have none."""
    assert cause_of(State(quality, reason), before=before, by_line=by_line) is cause


def test_a_real_station_that_was_killed_is_accounted_for(bench: Bench, tmp_path: Path) -> None:
    """What the real agent records is what the report reads."""
    server = bench.serve(ModbusTcpServer({1: Unit(holding={0: 17})}))
    station = HEAD + live_device("so2", at_port(server), "200ms")
    with AgentProcess(tmp_path, station) as agent:
        agent.until(lambda: len(agent.records("measurement")) > 5, "some readings")
        agent.kill()
        time.sleep(0.5)  # two ticks that nobody polls
        agent.start()
        agent.until(lambda: len(agent.records("measurement")) > 15, "readings of the second life")
    times = [to_ms(datetime.fromisoformat(record["time"])) for record in agent.records("measurement")]
    now = Day("now", times[0], times[-1])
    with Reader.open(agent.store) as log:
        found = report(Source(log, tmp_path / "archive"), [now], now_ms=times[-1] + 90_000, today=None, uplinks=None)
    tally = total(found)
    assert found.closes
    assert abs(tally.expected - (times[-1] - times[0]) // 200) <= 1
    values = sum("values" in record for record in agent.records("measurement"))
    assert values - found.repeated - 2 <= tally.valid <= values
    assert tally.lost[Cause.AGENT] > 0
    assert len(found.downs) == 1


def test_the_command_speaks_to_people_programs_and_printers(
    november: Month, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the screen, in a spreadsheet, as JSON, and on paper, in both languages."""
    technician = Technician(november.path, capsys)
    november.store.set_uplinks({"city": "oldest", "province": "oldest"}, now_ms=1)
    day = ("report", "--day", "2026-11-03")
    screen = technician.types(*day)
    assert screen.code == 1
    assert max(map(len, screen.out.splitlines())) <= 80
    assert "expected = valid + lost; the sum closes" in screen.out
    assert "Nothing was polled from 2026-11-03 01:59 to 2026-11-03 05:16: power" in screen.out

    data = json.loads(technician.asks(day).out)
    (so2,) = (one for one in data["channels"] if one["channel"] == "so2")
    assert so2["expected"] == so2["valid"] + sum(so2["lost"].values()) == 1440

    table = csv.DictReader(io.StringIO(technician.types(*day, "--format", "csv").out.removeprefix("\ufeff")))
    rows = [row for row in table if row["channel"] == "so2"]
    assert [(row["uplink"], row["expected"], row["power"]) for row in rows] == [
        ("city", "1440", "197"),
        ("province", "1440", "197"),
    ]

    page = november.path / "page.html"
    assert technician.types(*day, "--format", "html", "--output", str(page)).code == 1
    assert Balance.of(page.read_text()).tags == []
    assert "http" not in page.read_text().replace("http-equiv", "")
    assert technician.types(*day, "--output", "/dev/null/page").code == 3


class Balance(HTMLParser):
    """Keeps the tags that were opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    @classmethod
    def of(cls, page: str) -> Balance:
        """Read a page."""
        balance = cls()
        balance.feed(page)
        return balance

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.tags.pop() == tag
