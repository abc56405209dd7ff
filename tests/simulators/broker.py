"""A real mosquitto on a free port of 127.0.0.1, to be stopped, killed, frozen and brought back.

All methods block; none of them longer than a start takes (some 0.1 s). In an
async test, `await asyncio.to_thread(broker.restart)` keeps the loop turning.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.simulators.certificates import Authority, Certificate

SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
START_TIMEOUT_S = 10.0
PORT_ATTEMPTS = 5


class BrokerError(Exception):
    """Mosquitto is missing, or did not do as it was told; its log is in the message."""


def program(name: str) -> str:
    """The path of a mosquitto program; BrokerError says what to install."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        package = "mosquitto" if name in ("mosquitto", "mosquitto_passwd") else "mosquitto-clients"
        raise BrokerError(f"{name} is not installed; install it with: apt-get install {package}")
    return found


WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
FIRST = 12_000 + 2_400 * WORKER
BEGIN = os.getpid() * 37 % 2_400
PORTS = itertools.cycle([*range(FIRST + BEGIN, FIRST + 2_400), *range(FIRST, FIRST + BEGIN)])
"""Below the range from which the kernel takes ports for connections, and a part of it for each worker; from
another one on in each run, as two may run at once."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now, and nobody else of this run will be given soon."""
    while True:
        port = next(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Mosquitto:
    """One mosquitto with a generated configuration in *folder*, kept over restarts.

    With `persistence` every change is written at once, so that sessions and
    queued messages outlive SIGKILL, but for what was acknowledged in the last
    turn of its loop. `settings` go to the top of the configuration, and
    `listener_settings` below its listener.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        persistence: bool = False,
        acl: str | None = None,
        passwords: Mapping[str, str] | None = None,
        max_packet_size: int | None = None,
        message_size_limit: int | None = None,
        tls: Certificate | None = None,
        clients_of: Authority | None = None,
        settings: Sequence[str] = (),
        listener_settings: Sequence[str] = (),
        verbose: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config_file = folder / "mosquitto.conf"
        self.log_file = folder / "mosquitto.log"
        self.port = port or free_port()
        self._port_is_ours = port is None
        self._tls = tls is not None
        self._settings = [
            f"user {pwd.getpwuid(os.getuid()).pw_name}",
            "log_dest stderr",
            "log_type all" if verbose else "log_type error\nlog_type warning\nlog_type notice",
            f"allow_anonymous {'false' if passwords else 'true'}",
            *_persistence(folder, persistence),
            *_limits(max_packet_size, message_size_limit),
            *self._access(acl, passwords),
            *settings,
        ]
        self._listener = [*_tls_settings(tls, clients_of), *listener_settings]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"{'mqtts' if self._tls else 'mqtt'}://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that serves now; BrokerError when there is none."""
        if self._process is None or self._process.poll() is not None:
            raise BrokerError(f"mosquitto on port {self.port} is not running:\n{self.log}")
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has logged so far, over all its restarts."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self) -> None:
        """Start it and wait until it accepts connections on its port; BrokerError with its log otherwise."""
        for _ in range(PORT_ATTEMPTS):
            self._spawn()
            if self._accepts():
                return
            if not self._port_is_ours or "Address already in use" not in self.log:
                break
            self.port = free_port()
        raise BrokerError(f"mosquitto does not serve port {self.port}:\n{self.log}")

    def stop(self) -> None:
        """End it in good order: it writes its database and closes every connection."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it if it runs, and start it on the same port."""
        self.stop()
        self._port_is_ours = False  # clients know it by now
        self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open and are even accepted, but nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _spawn(self) -> None:
        self.config_file.write_text(
            "\n".join([*self._settings, f"listener {self.port} 127.0.0.1", *self._listener]) + "\n"
        )
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [program("mosquitto"), "-c", str(self.config_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C for the tests is not for the broker
            )

    def _accepts(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if owns_port(self._process.pid, self.port):
                with socket.create_connection(("127.0.0.1", self.port), timeout=START_TIMEOUT_S):
                    return True
            time.sleep(0.01)
        self.kill()
        return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
            if number == signal.SIGTERM:
                self._process.send_signal(signal.SIGCONT)  # a frozen one cannot hear
        try:
            self._process.wait(timeout=START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise BrokerError(f"mosquitto did not stop:\n{self.log}") from None
        finally:
            self._process = None

    def _access(self, acl: str | None, passwords: Mapping[str, str] | None) -> list[str]:
        lines = []
        if acl is not None:
            (self.folder / "acl").write_text(acl)
            lines.append(f"acl_file {self.folder / 'acl'}")
        if passwords:
            file = self.folder / "passwords"
            file.write_text("".join(f"{user}:{word}\n" for user, word in passwords.items()))
            subprocess.run([program("mosquitto_passwd"), "-U", str(file)], check=True)
            lines.append(f"password_file {file}")
        return lines

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def owns_port(pid: int, port: int) -> bool:
    """Whether process *pid*, and nobody else, listens on TCP *port* of 127.0.0.1."""
    address = f"0100007F:{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {fields[9] for fields in lines if fields[1] == address and fields[3] == "0A"}
    try:
        held = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    except (FileNotFoundError, PermissionError):  # just exited, or not yet our user
        return False
    return bool(listening) and {f"socket:[{inode}]" for inode in listening} <= held


def _persistence(folder: Path, wanted: bool) -> list[str]:
    if not wanted:
        return ["persistence false"]
    return [
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_on_changes true",
        "autosave_interval 1",
        "max_queued_messages 0",
    ]


def _limits(max_packet_size: int | None, message_size_limit: int | None) -> list[str]:
    limits = {"max_packet_size": max_packet_size, "message_size_limit": message_size_limit}
    return [f"{name} {value}" for name, value in limits.items() if value is not None]


def _tls_settings(tls: Certificate | None, clients_of: Authority | None) -> list[str]:
    if tls is None:
        return []
    lines = [f"certfile {tls.cert_file}", f"keyfile {tls.key_file}"]
    if clients_of is not None:
        lines += [f"cafile {clients_of.ca_file}", "require_certificate true"]
    return lines
