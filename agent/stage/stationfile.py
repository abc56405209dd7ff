"""The station file of the demonstration: every simulated instrument, by its profile, and one uplink."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from agent.language import say

STATION = "demo"
ROOT = "station/v1"
UPLINK = "city"
ANALYZERS = {"so2": "teledyne-t100", "nox": "teledyne-t200", "co": "teledyne-t300", "o3": "teledyne-t400"}
DEVICES = (*ANALYZERS, "pm10", "pm25", "weather", "manifold", "environment", "room")


def station_file(folder: Path, ports: Mapping[str, int], paths: Mapping[str, Path], broker_url: str) -> str:
    """The text of ``station.toml`` for instruments on these TCP *ports* and serial *paths*."""
    return f"""\
# A complete station file, as `station-agent demo` writes it. Change it and call: station-agent --config FILE reload

[station]
id = "{STATION}"
name = "{say("simulated six-parameter air station")}"
runtime = "{folder / "run"}"

[store]
path = "{folder / "log" / "store.db"}"
quota = "1GB"

# Gas analyzers on the network, Modbus TCP.
{"".join(_analyzer(name, model, ports[name]) for name, model in ANALYZERS.items())}
# Particle monitors and the weather transmitter, each on a serial line of its own: text dialogues.

[[device]]
name = "pm10"
url = "serial://{paths["pm10"]}?baud=9600"
profile = "metone-bam1020"
timeout = "1s"
every = "5s"
parameters_every = "5s"
[device.channels.pm]
hj = "a34002"
title = "PM10"

[[device]]
name = "pm25"
url = "serial://{paths["pm25"]}?baud=9600"
profile = "metone-bam1020"
timeout = "1s"
every = "5s"
parameters_every = "5s"
[device.channels.pm]
hj = "a34004"
title = "PM2.5"

[[device]]
name = "weather"
url = "serial://{paths["weather"]}?baud=19200"
address = "0"
profile = "vaisala-wxt536"
every = "2s"
parameters_every = "5s"

# One RS-485 line, Modbus RTU, for what proves the readings.

[[link]]
name = "house"
url = "serial://{paths["house"]}?baud=9600"

[[device]]
name = "manifold"
link = "house"
address = 7
profile = "sms-d-h"
every = "2s"
parameters_every = "2s"
affects = [{_quoted(ANALYZERS)}]

[[device]]
name = "environment"
link = "house"
address = 10
profile = "sms-8910"
pause = "20ms"                              # a real one needs the second that its profile gives it
every = "5s"
parameters_every = "5s"
affects = [{_quoted(ANALYZERS)}]

[[device]]
name = "room"
link = "house"
address = 1
profile = "generic-xy-md02"
every = "2s"
parameters_every = "2s"

[[uplink]]
name = "{UPLINK}"
url = "{broker_url}"
root = "{ROOT}"
from = "oldest"
spread = "0s"

"""


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _analyzer(name: str, profile: str, port: int) -> str:
    return f"""
[[device]]
name = "{name}"
url = "tcp://127.0.0.1:{port}"
address = 1
profile = "{profile}"
timeout = "500ms"
every = "1s"
parameters_every = "5s"
"""
