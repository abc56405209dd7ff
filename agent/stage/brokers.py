"""The broker of the demonstration: a mosquitto found on this machine, else the one in the wheel ``iotcore``."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from agent.stage.child import Child
from drivers.errors import StationError

HOST = "127.0.0.1"
READY_S = 10.0
SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))

Choice = Literal["auto", "mosquitto", "iotcore"]


class NoBrokerError(StationError):
    """There is no broker on this machine that the demonstration could use."""

    exit_code = 3

    def __init__(self, choice: Choice) -> None:
        wanted = "mosquitto or iotcore" if choice == "auto" else choice
        super().__init__(
            f"no {wanted} is installed here, and the demo needs an MQTT broker",
            hint="Install one: apt-get install mosquitto, or pip install 'station-agent[demo]'",
        )


class DemoBroker:
    """A broker on a free port of 127.0.0.1 that keeps its files in *folder*."""

    def __init__(self, folder: Path, choice: Choice, told: Callable[[str], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        mosquitto = shutil.which("mosquitto", path=SEARCH_PATH) if choice != "iotcore" else None
        if mosquitto:
            self.name = _version_of(mosquitto)
            config = folder / "mosquitto.conf"
            config.write_text(_mosquitto_words(folder, self.port))
            command = [mosquitto, "-c", str(config)]
        elif choice != "mosquitto" and importlib.util.find_spec("iotcore"):
            self.name = "iotcore"
            config = folder / "iotcore.toml"
            config.write_text(_iotcore_words(self.port, free_port()))
            command = [sys.executable, "-P", "-m", "iotcore", "--config", str(config), "--log-level", "CRITICAL"]
        else:
            raise NoBrokerError(choice)
        self.process = Child("broker", command, folder / "broker.log", told=told, ready=self._accepts)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"mqtt://{HOST}:{self.port}"

    async def _accepts(self) -> None:
        async with asyncio.timeout(READY_S):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection(HOST, self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _version_of(program: str) -> str:
    """``mosquitto 2.0.11``: the first line of its help says so, and there is no option for it alone."""
    try:
        said = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=5, check=False).stdout  # noqa: S603 - found on the path
    except (OSError, subprocess.TimeoutExpired):
        return "mosquitto"
    words = said.split()
    return f"mosquitto {words[2]}" if words[1:2] == ["version"] and len(words) > 2 else "mosquitto"


def _mosquitto_words(folder: Path, port: int) -> str:
    return f"""\
user {pwd.getpwuid(os.getuid()).pw_name}
listener {port} {HOST}
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
max_queued_messages 0
log_dest stderr
log_type error
log_type warning
"""


def _iotcore_words(port: int, other_port: int) -> str:
    """MQTT 5 on *port*. Its router wants a 3.1.1 listener too; nobody uses that."""
    listener = """\
name = "{name}"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[{name}.1.connections]
connection_timeout_ms = 5000
max_payload_size = 268435456
max_inflight_count = 500
dynamic_filters = true
"""
    listeners = "".join(
        f"[{name}.1]\n" + listener.format(name=name, host=HOST, port=number)
        for name, number in (("v4", other_port), ("v5", port))
    )
    return f"""\
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
{listeners}"""
