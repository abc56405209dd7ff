"""What counts as not good, where a station would take weeks to show it."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.cli.status_screen import screen
from agent.diagnosis import diagnose
from agent.diagnosis.certificates import of_certificates
from agent.diagnosis.clocks import of_clock
from agent.diagnosis.disks import of_disk
from agent.diagnosis.finding import CRITICAL, GOOD, UNKNOWN, WARNING, Finding, by_gravity, overall
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
    assert found.cause.startswith(f"b:8883: {what} (for ")


def test_when_no_broker_is_reached_this_pc_comes_first() -> None:
    """Two operators would look for a fault that is a cable behind the rack."""
    error = {"kind": "timeout", "code": None, "what": "broker b:8883: no answer to the TCP connection", "hint": "Look"}
    lost = UPLINK | {"state": "backing_off", "error": error}

    assert [one.part for one in of_uplinks([lost, lost | {"name": "moon"}])] == ["PC", "network", "network"]
    assert [one.part for one in of_uplinks([lost, UPLINK | {"name": "moon"}])] == ["network"]


DOWN = {
    ("serial", "there is no such port"): "cable",
    ("serial", "it is held by minicom (pid 12)"): "PC",
    ("serial", "Permission denied"): "PC",
    ("tcp", "Connection refused"): "instrument",
    ("tcp", "No route to host"): "network",
    ("tls", "TLS failed: certificate verify failed"): "certificate",
}


@pytest.mark.parametrize("down", DOWN)
def test_a_dead_link_points_at_one_part(down: tuple[str, str]) -> None:
    """And it is told once, with the devices that wait for it."""
    kind, why = down
    link = {"name": "rack", "endpoint": "/dev/rack", "kind": kind, "up": False}
    error = f"link rack (/dev/rack) cannot be used: {why}; next attempt in 3.2 s"
    one = {"link": "rack", "state": "failing", "reason": "link_down", "error": error, "hint": "Look", "since": ago()}
    well = one | {"name": "co", "link": "other", "state": "good"}
    found = list(of_wires({"links": [link], "devices": [one | {"name": "so2"}, one | {"name": "nox"}, well]}))

    assert [(finding.part, finding.subject) for finding in found] == [(DOWN[down], "rack")]
    assert found[0].cause.startswith(f"/dev/rack: {why} (so2, nox, for ")


def test_a_gateway_that_reaches_nobody_points_at_the_address() -> None:
    """Exception 11 comes from the gateway, not from the instrument."""
    link = {"name": "rack", "endpoint": "192.0.2.1:502", "kind": "tcp", "up": True}
    error = "so2 refused a read: exception 11 (gateway target failed to respond)"
    device = {"name": "so2", "link": "rack", "state": "failing", "reason": "exception_11", "error": error}
    device |= {"hint": "", "since": ago()}
    well = device | {"name": "nox", "state": "good"}
    (found,) = of_wires({"links": [link], "devices": [device, well]})

    assert (found.part, found.hint) == (
        "address",
        "The gateway does not reach it. Compare its address: station-agent scan rack",
    )


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
    about = {"v": 1, "version": "0.1.0", "pid": 1, "started": ago(), "written": ago(), "ended": True}
    uplink = UPLINK | {"backlog": {}, "broker": None, "eta_s": None, "rate": 0}
    parts = {"clock": clock, "store": store, "links": [link], "devices": [device], "uplinks": [uplink]}
    paths = locate(tmp_path / "station.toml")._replace(problem="")

    told = diagnose(about | parts, paths)
    lines = list(screen(about | parts, told, overall(told), "test-1", 80))

    assert [one.part for one in told[:2]] == ["agent", "log"]
    assert "cable so2" in lines[0]


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
