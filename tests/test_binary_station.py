"""Analyzers with binary protocols in a working station: from the bytes on the wire to the record in the log."""

from __future__ import annotations

import struct
from pathlib import Path

from drivers.reading import Stream
from tests.simulators.ap370_analyzer import Ap370Analyzer
from tests.simulators.pty_line import PtyLine
from tests.simulators.serinus_analyzer import SerinusAnalyzer
from tests.simulators.shared_pair import SharedPair
from tests.simulators.stationfile import HEAD
from tests.simulators.umb_station import UmbStation
from tests.simulators.working_station import WorkingStation

STATION = """
[[link]]
name = "pair"
url = "serial://{pair}?baud=19200"

[[device]]
name = "o3"
link = "pair"
address = 1
profile = "acoem-serinus-10-advanced"
every = "200ms"

[[device]]
name = "weather"
link = "pair"
address = 1
profile = "lufft-ws-umb"
every = "200ms"
options = {{ together = 4 }}

[[device]]
name = "no"
url = "udp://127.0.0.1:{port}"
profile = "horiba-apna-370"
every = "200ms"
"""


async def test_span_gas_and_a_missing_sensor_are_marked_in_the_record(tmp_path: Path) -> None:
    """The state comes with the same reply as the value, so that no reading of span gas is delivered as air."""
    ozone = SerinusAnalyzer(1, {50: 0.0325, 85: 0})
    weather = UmbStation(0x7001, {100: (0, 0x16, struct.pack("<f", -3.5)), 300: (0x2B, 0, b"")})
    async with (
        PtyLine(tmp_path / "pair", lambda: SharedPair({0x02: ozone, 0x01: weather})) as line,
        Ap370Analyzer(1, {"R001": "00,3,01103 12.5,02103 22.0,03103 34.5,0,0,0"}) as nox,
        WorkingStation(tmp_path / "station", HEAD + STATION.format(pair=line.path, port=nox.port)) as station,
    ):
        for name in ("o3", "weather", "no"):
            await station.until(lambda: station.poller(name).condition.polled >= 2, f"two polls of {name}")  # noqa: B023
        ozone.parameters = {50: 0.4003, 85: 2}
        polled = station.poller("o3").condition.polled
        await station.until(lambda: station.poller("o3").condition.polled > polled + 1, "a poll of span gas")
        measured = await station.records(Stream.MEASUREMENT)

    read = [one for one in measured if "values" in one]  # a busy machine may miss a tick
    by_device = {name: [one for one in read if one["device"] == name] for name in ("o3", "weather", "no")}
    first, last = by_device["o3"][0], by_device["o3"][-1]
    assert (first["values"], first.get("quality")) == ({"o3": 0.0325}, None)
    assert (last["values"], last["quality"]) == ({"o3": 0.4003}, {"o3": "span_check"})
    assert {one.get("quality", {}).get("o3") for one in by_device["o3"] if one["values"]["o3"] > 0.1} == {"span_check"}
    weather_now = by_device["weather"][-1]
    assert weather_now["values"]["temperature"] == -3.5
    assert weather_now["quality"]["pressure"] == "no_value"
    assert weather_now["quality"]["humidity"] == "not_fitted"
    assert by_device["no"][-1]["values"] == {"no": 12.5, "no2": 22, "nox": 34.5}
