"""What counts as not good, where a station would take weeks to show it."""

from __future__ import annotations

import os
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.cli.status_screen import screen
from agent.diagnosis import diagnose
from agent.diagnosis.certificates import of_certificates, without_refusals
from agent.diagnosis.clocks import of_clock, with_doubted_certificates
from agent.diagnosis.disks import of_disk
from agent.diagnosis.finding import CRITICAL, GOOD, UNKNOWN, WARNING, Finding, by_gravity, overall, together
from agent.diagnosis.instruments import of_instruments
from agent.diagnosis.operations import of_operations
from agent.diagnosis.uplinks import of_uplink, of_uplinks
from agent.diagnosis.wires import of_wires
from agent.paths import locate
from drivers.decode import decode
from drivers.profile import Channel, Order
from drivers.swapped import swapped

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW_S = NOW.timestamp()
UPLINK = {
    "name": "city",
    "state": "connected",
    "since": NOW.isoformat(),
    "error": None,
    "pause": None,
    "parked": [],
    "no_subscriber": [],
    "puback_proven": True,
    "confirm": "puback",
    "oldest_unsent": None,
}


def ago(**span: float) -> str:
    """The instant so long before NOW, as the snapshot has it."""
    return (NOW - timedelta(**span)).isoformat()


def of_words(words: bytes, **more: Any) -> tuple[Channel, Any]:
    """A float channel and what it reads from four bytes of the wire."""
    channel = Channel.model_validate({"name": "o3", "register": 0, "type": "float32", **more})
    return channel, decode(channel, struct.unpack(">HH", words))


@pytest.mark.parametrize("order", ["CDAB", "BADC", "DCBA"])
@pytest.mark.parametrize("value", [182.4, 17.5, 3.2, -4.5])
def test_a_swapped_float_is_found_out(order: Order, value: float) -> None:
    """It is out of range or all but zero, and in one other order it is what an instrument may mean."""
    sent = struct.pack(">f", value)
    swap = swapped(*of_words(bytes(sent["ABCD".index(at)] for at in order), range=[-50.0, 500.0]))
    hidden = order == "BADC" and value == 182.4  # 2.9e-06: wrong, but nobody can tell

    assert hidden or (swap and swap.value == pytest.approx(value))


@pytest.mark.parametrize("value", [0.0, 0.0004, 182.4, 499.0, 650.0])
def test_an_honest_float_is_not_suspected(value: float) -> None:
    """Zero drift is small, and a value over the range may really be there: no order makes sense of it."""
    assert swapped(*of_words(struct.pack(">f", value), range=[-50.0, 500.0])) is None


def test_a_scaled_counter_is_found_out_too() -> None:
    """32 bits in two registers have the same two orders, and a scale on top."""
    channel, reading = of_words(bytes.fromhex("3039 0000"), type="uint32", scale=0.1, range=[0.0, 10_000.0])
    assert swapped(channel, reading) == ("CDAB", 1234.5)


@pytest.mark.parametrize(
    ("days", "level", "cause"),
    [
        (31, None, ""),
        (29.5, WARNING, "the broker's certificate expires in 29 d 12 h"),
        (-2, CRITICAL, "the broker's certificate expired 2 d ago"),
    ],
)
def test_a_certificate_is_told_30_days_before_its_end(days: float, level: int | None, cause: str) -> None:
    """A new one takes an authority a week, and a station with an old one delivers nothing."""
    uplink = {"name": "city", "certificates": {"broker": ago(days=-days), "ca": None}}
    found = list(of_certificates(uplink, NOW_S))

    assert [(one.level, one.cause) for one in found] == ([] if level is None else [(level, cause)])


@pytest.mark.parametrize(
    ("free", "used", "oldest", "causes"),
    [
        (500e9, 5e9, None, []),
        (2e9, 5e9, None, ["full in 4 d: 2.0 GB are free"]),
        (500e9, 19e9, None, []),
        (500e9, 19e9, 9, ["what city lacks fills 86 % of store.quota"]),
    ],
)
def test_room_is_told_when_it_will_not_last(free: float, used: float, oldest: int | None, causes: list[str]) -> None:
    """A log that is full of what is delivered makes room by itself; others on the disk and a dead uplink do not."""
    uplink = UPLINK | {"oldest_unsent": ago(days=oldest) if oldest else None}
    room = {"used": used, "quota": 20e9, "since": ago(days=10), "lasts_s": 0}
    disk = {"folder": "/data", "free": free, "total": 600e9 if free > 1e11 else 60e9}
    snapshot = {"store": {"refused": None}, "disk": disk, "room": room, "uplinks": [uplink]}

    assert [one.cause for one in of_disk(snapshot, NOW_S)] == causes


def test_a_step_of_the_clock_is_told_for_a_day() -> None:
    """As long as nothing is deleted by age because of it; unsynchronised it is part of that warning."""
    step = {"by_s": 3600.0, "found": ago(hours=2)}
    (remark,) = of_clock({"synchronised": True, "step": step}, NOW_S)
    (warning,) = of_clock({"synchronised": False, "step": step}, NOW_S)

    assert remark.level == GOOD
    assert remark.cause.startswith("it was set forward by 1 h, ")
    assert warning.level == WARNING
    assert warning.cause.startswith("not synchronised; records say so; it was set forward by 1 h, ")
    assert list(of_clock({"synchronised": True, "step": step | {"found": ago(hours=25)}}, NOW_S)) == []


REFUSALS = {
    ("timeout", None, "no answer to the TCP connection"): ("network", WARNING),
    ("unreachable", None, "No route to host"): ("network", WARNING),
    ("unreachable", None, "nothing listens there"): ("broker", WARNING),
    ("refused", 0x86, "connection refused: bad user name or password (0x86)"): ("password", WARNING),
    ("refused", 0x88, "connection refused: server unavailable (0x88)"): ("broker", WARNING),
    ("certificate", None, "its certificate is not accepted: certificate is not yet valid"): ("clock", WARNING),
    ("certificate", None, "its certificate is not accepted: certificate has expired"): ("certificate", CRITICAL),
    ("tls", None, "TLS failed: WRONG_VERSION_NUMBER"): ("certificate", WARNING),
    (None, None, "a PUBACK is missing for 30 s"): ("broker", WARNING),
}


@pytest.mark.parametrize("error", REFUSALS)
def test_a_failed_connection_points_at_one_part(error: tuple[str | None, int | None, str]) -> None:
    """Network, broker, password, certificate, clock: the technician calls another person for each."""
    kind, code, what = error
    words = {"kind": kind, "code": code, "what": f"broker b:8883: {what}", "hint": "Look"}
    (found,) = of_uplink(UPLINK | {"state": "backing_off", "error": words})

    assert (found.part, found.level) == REFUSALS[error]
    assert found.told(str).startswith(f"b:8883: {what} (for ")


def test_when_no_broker_is_reached_this_pc_comes_first() -> None:
    """Two operators would look for a fault that is a cable behind the rack."""
    error = {"kind": "timeout", "code": None, "what": "broker b:8883: no answer to the TCP connection", "hint": "Look"}
    lost = UPLINK | {"state": "backing_off", "error": error}
    (together,) = of_uplinks([lost, lost | {"name": "moon"}])

    assert (together.part, together.cause) == (
        "PC",
        "no uplink reaches its broker: city, moon: no answer to the TCP connection",
    )
    assert [one.part for one in of_uplinks([lost, UPLINK | {"name": "moon"}])] == ["network"]


def test_a_connection_that_is_lost_again_and_again_is_told_while_it_stands() -> None:
    """Somebody else with our identity: whoever looks in a good moment would see nothing."""
    (stolen,) = of_uplink(UPLINK | {"losses": 3})

    assert (stolen.part, stolen.cause) == ("broker", "the connection was lost 3 times in the last 10 min")
    assert "client_id" in stolen.hint
    assert list(of_uplink(UPLINK | {"losses": 2})) == []


def test_who_does_not_subscribe_is_no_news_while_there_is_no_connection() -> None:
    """One cause, and not the consequence beside it."""
    error = {"kind": "unreachable", "code": None, "what": "broker b:8883: nothing listens there", "hint": "Look"}
    down = UPLINK | {"state": "backing_off", "error": error, "no_subscriber": ["station/v1/test-1/data/event/live"]}

    assert [one.part for one in of_uplink(down)] == ["broker"]
    assert [one.part for one in of_uplink(down | {"state": "connected", "error": None})] == ["consumer"]


def test_a_certificate_of_ours_that_has_expired_is_told_once() -> None:
    """That the broker refuses it is no second trouble; that it refuses another one is."""
    over = Finding(CRITICAL, "certificate", "city", "cert_file expired 1 d ago", "Get a new one")
    refused = Finding(WARNING, "certificate", "city", "b:8883: TLS failed: it wants another", "Look", ago(hours=1))
    other = refused._replace(subject="moon")

    assert without_refusals([over, refused, other]) == [over, other]


def test_what_holds_for_several_is_told_once_with_their_names() -> None:
    """Five uplinks may trust one authority."""
    city = Finding(WARNING, "certificate", "city", "ca_file expires in 9 d", "Renew", ago(hours=1))
    moon, sun = city._replace(subject="moon", since=ago(hours=2)), city._replace(subject="sun", cause="another")

    assert together([city, moon, sun]) == [city._replace(subject="city, moon", since=ago(hours=2)), sun]


def test_when_no_name_is_found_the_name_server_comes_first() -> None:
    """The brokers are where they were; this PC cannot look them up."""
    error = {"kind": "name", "code": None, "what": "broker b:8883: name not found: no address", "hint": "Look"}
    lost = UPLINK | {"state": "backing_off", "error": error}
    (together,) = of_uplinks([lost, lost | {"name": "moon"}])

    assert (together.part, "resolv.conf" in together.hint) == ("PC", True)


DOWN = {
    ("serial", "there is no such port"): ("cable", "there is no such port"),
    ("serial", "it is held by minicom (pid 12)"): ("PC", "held by minicom (pid 12)"),
    ("serial", "it is held by ModemManager (pid 3)"): ("PC", "held by ModemManager (pid 3)"),
    ("serial", "Permission denied"): ("PC", "the daemon may not open it"),
    ("tcp", "Connection refused"): ("instrument", "it is there, but nothing listens on this port"),
    ("tcp", "the far end closed the connection"): ("instrument", "it takes the connection and hangs up"),
    ("tcp", "No route to host"): ("network", "it is not reached: nobody has this address, or it is off"),
    ("tcp", "Name or service not known"): ("network", "the name rack is not known"),
    ("tls", "TLS failed: [SSL: X] certificate verify failed: it has expired (_ssl.c:9)"): (
        "certificate",
        "it has expired",
    ),
}


@pytest.mark.parametrize("down", DOWN)
def test_a_dead_link_points_at_one_part(down: tuple[str, str]) -> None:
    """And it is told once, with the devices that wait for it."""
    kind, why = down
    place = "/dev/rack" if kind == "serial" else "rack:502"
    link = {"name": "rack", "endpoint": place, "kind": kind, "up": False}
    error = f"link rack ({place}) cannot be used: {why}; next attempt in 3.2 s"
    one = {"link": "rack", "state": "failing", "reason": "link_down", "error": error, "hint": "Look", "since": ago()}
    well = one | {"name": "co", "link": "other", "state": "good"}
    found = list(of_wires({"links": [link], "devices": [one | {"name": "so2"}, one | {"name": "nox"}, well]}))

    assert [(finding.part, finding.subject) for finding in found] == [(DOWN[down][0], "rack")]
    assert found[0].told(str).startswith(f"{place}: {DOWN[down][1]}; no readings of so2, nox (for ")


def test_a_gateway_that_reaches_nobody_points_at_the_address() -> None:
    """Exception 11 comes from the gateway, not from the instrument."""
    link = {"name": "rack", "endpoint": "192.0.2.1:502", "kind": "tcp", "up": True}
    error = "so2 refused a read: exception 11 (gateway target failed to respond)"
    device = {"name": "so2", "link": "rack", "state": "failing", "reason": "exception_11", "error": error}
    device |= {"hint": "", "since": ago()}
    well = device | {"name": "nox", "state": "good"}
    (found,) = of_wires({"links": [link], "devices": [device, well]})

    assert (found.part, found.cause) == ("address", "the gateway answers, but reaches nobody at it")
    assert found.hint == "Check its power and plug, and its address: station-agent scan rack"


def wire(*reasons: str, kind: str = "serial", last: str | None = None) -> dict[str, Any]:
    """A snapshot of one link with a device for each of *reasons*; an empty one is a device that is well."""
    link = {"name": "rack", "endpoint": "/dev/rack" if kind == "serial" else "192.0.2.1:502", "kind": kind, "up": True}
    devices = [
        {
            "name": f"d{at}",
            "address": at,
            "link": "rack",
            "state": "failing" if reason else "good",
            "reason": reason,
            "error": "no frame with a right CRC in 01 03",
            "hint": "Look",
            "since": ago(hours=1),
            "last_time": last,
        }
        for at, reason in enumerate(reasons, start=1)
    ]
    return {"links": [link], "devices": devices}


WHOLE = {
    ("no_reply",): ("nothing answers on it: d1, d2", "Check cable, wires A and B, baud, parity: "),
    ("bad_reply",): ("the replies come damaged: d1, d2", "Check baud rate, parity, wiring: "),
    ("bad_reply", "no_reply"): ("the replies come damaged: d1, d2", "Check baud rate, parity, wiring: "),
    ("exception_11",): ("the gateway answers, its instruments do not: d1, d2", "Check power and wires A, B behind it"),
}


@pytest.mark.parametrize("reasons", WHOLE)
def test_what_a_whole_wire_has_is_told_once_with_what_it_leads_to(reasons: tuple[str, ...]) -> None:
    """Ten instruments do not fail at once for ten reasons; nothing else is above the cause."""
    (found,) = of_wires(wire(reasons[0], reasons[-1]))

    assert (found.level, found.part, found.effect) == (CRITICAL, "cable", "nothing is measured")
    assert (found.cause, found.since) == (WHOLE[reasons][0], ago(hours=1))
    assert found.hint.startswith(WHOLE[reasons][1])


def test_a_line_that_was_well_is_not_sent_to_look_for_its_baud_rate() -> None:
    """It answered this morning: a plug, a converter, somebody else on the line."""
    (silent,) = of_wires(wire("no_reply", "no_reply", last=ago(hours=2)))
    (noisy,) = of_wires(wire("bad_reply", "bad_reply", last=ago(hours=2)))

    assert silent.hint == "Check cable and converter power: station-agent listen rack"
    assert noisy.hint == "Look for a loose wire or a second master: station-agent listen rack"


def test_damage_to_one_of_a_shared_wire_points_at_its_address() -> None:
    """A wrong baud rate would spoil its neighbours as well; two that answer at once spoil only each other."""
    (twin,) = of_wires(wire("bad_reply", ""))
    (alone,) = of_wires(wire("bad_reply"))

    assert (twin.part, twin.cause) == ("address", "the replies come damaged; others on rack answer well")
    assert twin.hint == "Two with address 1? Unplug d1, then: station-agent scan rack"
    assert (alone.part, alone.cause) == ("cable", "the replies come damaged")


@pytest.mark.parametrize(("kind", "part"), [("serial", "cable"), ("tcp", "network")])
def test_an_instrument_that_comes_and_goes_is_told_while_it_is_there(kind: str, part: str) -> None:
    """A loose wire is found by nobody who looks when it touches."""
    unsteady = wire("", kind=kind)
    unsteady["devices"][0]["losses"] = 3
    (found,) = of_wires(unsteady)

    assert (found.part, found.cause) == (part, "it was lost 3 times in the last 10 min")
    assert list(of_wires(wire("", kind=kind))) == []


def test_an_instrument_that_is_busy_is_left_in_peace() -> None:
    """Modbus exception 6 is no wrong register map."""
    (busy,) = of_wires(wire("exception_6", ""))

    assert (busy.part, busy.cause) == ("instrument", "it says that it is busy")


def test_when_nothing_on_the_network_is_reached_it_is_told_once() -> None:
    """The switch has no power: four instruments that are well would be looked at, one after the other."""
    links, devices = [], []
    for at, name in enumerate(("so2", "nox"), start=1):
        place = f"192.0.2.{at}:502"
        links.append({"name": name, "endpoint": place, "kind": "tcp", "up": False})
        error = f"link {name} ({place}) cannot be used: No route to host; next attempt in 3.2 s"
        devices.append({"name": name, "link": name, "state": "failing", "reason": "link_down", "error": error})
        devices[-1] |= {"hint": "Look", "since": ago(hours=at)}
    links.append({"name": "rack", "endpoint": "/dev/rack", "kind": "serial", "up": True})
    well = {"name": "pm10", "link": "rack", "state": "good", "reason": None}
    (found,) = of_wires({"links": links, "devices": [*devices, well]})

    assert (found.part, found.level, found.since) == ("network", WARNING, ago(hours=2))
    assert found.cause == ("no instrument on the network is reached: nobody has this address, or it is off (nox, so2)")


def channel(name: str, quality: str, **more: Any) -> dict[str, Any]:
    """A channel of the snapshot."""
    words = {"name": name, "stream": "measurement", "group": None, "value": 17.5, "unit": "ppb", "quality": quality}
    return words | more


def of_channels(*channels: dict[str, Any], standing: tuple[dict[str, Any], ...] = ()) -> list[Finding]:
    """What is found about a device with these channels."""
    device = {"name": "so2", "state": "good", "channels": list(channels)}
    return list(of_instruments({"devices": [device], "standing": list(standing)}))


def test_what_an_instrument_says_of_itself_is_passed_on() -> None:
    """Its own alarm is the best cause there is; a range it cannot measure in is next."""
    flag = {"device": "so2", "channel": "alarms", "what": "lamp_low", "quality": "fault", "targets": ["so2.so2"]}
    alarms = channel("alarms", "valid", stream="parameter", group="instrument", value=4, unit="")
    (told,) = of_channels(channel("so2", "fault"), alarms, standing=(flag,))
    (over,) = of_channels(channel("so2", "over_range", value=612.5, range=[0.0, 500.0]))
    (marked,) = of_channels(channel("so2", "no_value", value=None))

    assert told.cause == "it says lamp_low (alarms); so2 is fault"
    assert over.cause == "so2 612.5 ppb is outside of what it can measure, 0 to 500"
    assert marked.cause == "so2 is marked no_value"


@pytest.mark.parametrize(
    ("unit", "value", "step"),
    [
        ("L/min", 0.1, "Look for a blocked tube, a full filter, a stopped pump or fan"),
        ("°C", 12.0, "Check the heater of the line, its fuse and its setpoint"),
        ("%", 99.0, "Look for water in the line, and at its heater"),
        ("hPa", 99.0, "Look at it, then compare: station-agent read so2"),
    ],
)
def test_a_sampling_line_that_is_not_well_names_what_to_look_at(unit: str, value: float, step: str) -> None:
    """Flow, heat and water have each their own part of the line."""
    standing = {"device": "so2", "channel": "line", "what": "normal", "quality": "suspect", "targets": []}
    words = channel("line", "valid", stream="parameter", group="sampling", unit=unit, value=value, normal=[30.0, 50.0])
    (found,) = of_channels(words, standing=(standing,))

    assert (found.part, found.hint) == ("sampling line", step)


def test_a_stopped_pump_comes_before_the_flow_that_it_leads_to() -> None:
    """What a sampling line has is told in one line, the cause first."""
    low = {"device": "so2", "channel": "flow", "what": "normal", "quality": "suspect", "targets": ["nox.nox"]}
    off = {"device": "so2", "channel": "pump", "what": "pump_off", "quality": "suspect", "targets": []}
    flow = channel("flow", "valid", stream="parameter", group="sampling", unit="L/min", value=0.0, normal=[5.0, 20.0])
    pump = channel("pump", "valid", stream="parameter", group="sampling", value=1, unit="")
    (found,) = of_channels(flow, pump, standing=(low, off))

    assert found.part == "sampling line"
    assert found.cause == "it says pump_off (pump); flow 0 L/min, normal is 5 to 20; nox is suspect"
    assert found.hint == "Look for a blocked tube, a full filter, a stopped pump or fan"


def test_an_instrument_that_knows_nothing_of_its_profile_is_another_model() -> None:
    """Each register is refused, which looks like an option that is not fitted: no value, and no alarm either."""
    (found,) = of_channels(channel("so2", "not_fitted", value=None), channel("no", "not_fitted", value=None))

    assert (found.part, found.cause) == ("profile", "it answers, but has nothing of what its profile asks for")
    assert of_channels(channel("so2", "valid"), channel("no", "not_fitted", value=None)) == [], "an option"


def test_a_clock_that_is_wrong_is_the_cause_of_certificates_that_are_not_valid_yet() -> None:
    """An empty battery on the board: nobody need call the broker's operator."""
    (behind,) = of_clock({"synchronised": False, "step": None}, NOW_S, NOW_S + 86_400)
    refused = Finding(WARNING, "clock", "city", "b:8883: certificate is not yet valid", "Check this PC's clock first")
    (found,) = with_doubted_certificates([refused, behind])

    assert found.cause == "it is 1 d behind, or more; records get wrong times"
    assert found.effect == "the certificate of city seems not yet valid"
    assert found.hint.startswith("Set it: ")
    assert with_doubted_certificates([refused]) == [refused], "the clock is kept: it is the certificate"


def test_a_log_of_a_few_minutes_says_nothing_of_how_long_the_disk_lasts() -> None:
    """What every log begins with would fill a small disk within days, if it went on so."""
    room = {"used": 66_000, "quota": 20e9, "since": ago(minutes=1), "lasts_s": 0}
    disk = {"folder": "/data", "free": 800e6, "total": 1e9}
    snapshot = {"store": {"refused": None}, "disk": disk, "room": room, "uplinks": []}

    assert list(of_disk(snapshot, NOW_S)) == []


def test_a_finding_says_the_same_to_programs_as_long_as_it_lasts() -> None:
    """A monitoring system sends a mail whenever a text changes; how long it has lasted is a fact of its own."""
    found = Finding(WARNING, "cable", "rack", "nothing answers on it", "Look", ago(hours=1), "nothing is measured")

    assert found.facts() == {
        "level": "warning",
        "part": "cable",
        "subject": "rack",
        "cause": "nothing answers on it",
        "hint": "Look",
        "since": ago(hours=1),
        "effect": "nothing is measured",
    }
    assert found.told(str).startswith("nothing answers on it; nothing is measured (for ")


def test_the_worst_comes_first_and_decides() -> None:
    """Not knowing is worse than a doubt, and no excuse for a known failure."""
    levels = [GOOD, WARNING, UNKNOWN, CRITICAL, WARNING]
    found = [Finding(level, "agent", "", "", "") for level in levels]

    assert [one.level for one in sorted(found, key=by_gravity)] == [CRITICAL, UNKNOWN, WARNING, WARNING, GOOD]
    assert (overall(found), overall([])) == (CRITICAL, GOOD)


def test_maintenance_and_open_alarms_are_remarks() -> None:
    """Somebody is there already; that its readings are marked maintenance needs no line of its own."""
    work = {"subject": "so2", "until": "2026-11-22T14:00:00.000Z", "reason": "new lamp"}
    snapshot = {"maintenance": [work], "alarms": [{"acknowledged": None}, {"acknowledged": {"uid": 0}}]}
    device = {"name": "so2", "state": "good", "channels": [channel("so2", "maintenance")]}
    told = list(of_operations(snapshot, NOW_S))

    assert [(one.level, one.part, one.subject, one.cause) for one in told] == [
        (GOOD, "instrument", "so2", "maintenance for another 2 h: new lamp"),
        (GOOD, "station", "", "alarms open: 2, not acknowledged: 1"),
    ]
    assert list(of_instruments(snapshot | {"devices": [device]})) == []


def test_what_an_older_daemon_left_is_still_told(tmp_path: Path) -> None:
    """After an upgrade the first look is at the snapshot of the version before: it lacks what is new."""
    link = {"name": "rack", "endpoint": "/dev/rack", "kind": "serial", "up": True}
    device = {"name": "so2", "link": "rack", "state": "failing", "reason": "no_reply", "error": "so2 gave no reply"}
    device |= {"hint": "Look", "since": ago(hours=1), "last_time": None, "channels": []}
    clock, store = {"synchronised": True, "step": None}, {"path": "store.db", "refused": None, "last": {}, "epoch": "e"}
    about = {"v": 1, "version": "0.1.0", "pid": os.getpid(), "started": ago(), "ended": False}
    about |= {"written": datetime.now(UTC).isoformat()}
    uplink = UPLINK | {"backlog": {}, "broker": None, "eta_s": None, "rate": 0}
    parts = {"clock": clock, "store": store, "links": [link], "devices": [device], "uplinks": [uplink]}
    paths = locate(tmp_path / "station.toml")._replace(problem="")

    told = diagnose(about | parts, paths)
    lines = list(screen(about | parts, told, overall(told), "test-1", 80))

    assert [one.part for one in told[:2]] == ["log", "cable"]
    assert "cable so2" in lines[0]

    stopped = about | {"ended": True} | parts
    assert {one.part for one in diagnose(stopped, paths)} == {"agent", "log"}, "the rest is the past"


@pytest.mark.parametrize(("owner", "part"), [("so2", "instrument"), ("line", "sampling line")])
def test_states_that_cannot_be_read_are_told_with_whom_they_leave_in_doubt(owner: str, part: str) -> None:
    """A measurement without its state bits is suspect, and the cause is not the analyzer that shows it."""
    standing = {"device": owner, "channel": "state", "what": "unreadable", "quality": "suspect", "targets": ["so2.so2"]}
    analyzer = {"name": "so2", "state": "good", "channels": [channel("so2", "suspect")]}
    line = {"name": "line", "state": "good", "channels": []}
    (found,) = of_instruments({"devices": [analyzer, line], "standing": [standing]})

    assert (found.part, found.subject, found.cause) == (part, owner, "state cannot be read; so2 is suspect")


def test_a_limit_whose_value_is_gone_is_told_as_unreadable() -> None:
    """A flow sensor that dies under its own alarm leaves the line in doubt, and the screen alive."""
    standing = {"device": "so2", "channel": "flow", "what": "normal", "quality": "suspect", "targets": ["nox.nox"]}
    gone = channel("flow", "no_value", stream="parameter", group="sampling", value=None, normal=[5.0, 20.0])
    (found,) = of_channels(gone, standing=(standing,))

    assert (found.part, found.cause) == ("sampling line", "flow cannot be read; nox is suspect")
