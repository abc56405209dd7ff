"""A broker started from the very files in config/brokers, at the paths for which they are written.

It runs in a network of its own, where its port cannot collide with anything, and
sees a copy of its configuration, with certificates beside it, and an empty data
folder at the places where a server would have them. Where no such network can be
made, paths and port in the copy are replaced instead.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.simulators.broker import BrokerError, free_port, program
from tests.simulators.certificates import Authority
from tests.simulators.namespaces import Network, SharedNetwork

CONFIG = Path(__file__).parents[2] / "config" / "brokers"
START_TIMEOUT_S = 60.0
PORT = 8883
SMALL_ETC = ("passwd", "group", "hosts", "nsswitch.conf")
"""What a program may miss in a folder that is shown in place of /etc."""


class ShippedBroker:
    """One broker in *network*; its certificate is one of *authority*. Subclasses say what is to be run."""

    name: ClassVar[str]
    """The folder of its files."""
    configuration: ClassVar[Path]
    """Where they belong."""
    data: ClassVar[Path]
    """Where it keeps what it has acknowledged."""
    protocol: ClassVar[str] = "5"
    """What it speaks at best."""
    may_lose: ClassVar[int] = 0
    """Messages that it may have acknowledged and lose when it is killed."""
    redelivery_s: ClassVar[float] = 5.0
    """How long it may take with what a consumer has not acknowledged before."""

    def __init__(self, folder: Path, network: Network | SharedNetwork, authority: Authority) -> None:
        self.network = network
        self.port = PORT
        self.log_file = folder / "log"
        self._root = folder / "root"
        certs = self._inside(self.configuration) / "certs"
        shutil.copytree(CONFIG / self.name, certs.parent)
        certs.mkdir()
        issued = authority.issue(f"broker-{self.name}")
        sources = {"ca.pem": authority.ca_file, "broker.pem": issued.cert_file, "broker.key": issued.key_file}
        for name, source in sources.items():
            shutil.copy(source, certs / name)
            (certs / name).chmod(0o644)  # whoever comes so far; the folders above let nobody else in
        self._process: subprocess.Popen[bytes] | None = None
        self.wipe()
        if network.why_shared is not None:
            self._relocate(certs.parent)

    def command(self) -> list[str]:
        """What starts it in the foreground."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """What it needs to know besides its files."""
        return {}

    @property
    def url(self) -> str:
        """Where clients in its network find it."""
        return f"mqtts://localhost:{self.port}"

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self.log_file.read_text(errors="replace")

    def start(self) -> None:
        """Start it and wait until it answers TLS; BrokerError with its log otherwise."""
        self.network.run(self._spawn, self._files())
        assert self._process is not None
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise BrokerError(f"{self.name} does not serve port {self.port}:\n{self.log[-4000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._end(signal.SIGKILL)

    def wipe(self) -> None:
        """Throw away everything that it has ever acknowledged; it must not run."""
        data = self._inside(self.data)
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        data.chmod(0o777)  # for brokers that give up root

    def _relocate(self, configuration: Path) -> None:
        """Replace what only a network of our own makes possible."""
        self.port = free_port()
        here = {str(place): str(self._inside(place)) for place in (self.configuration, self.data)}
        for file in (each for each in configuration.iterdir() if each.is_file()):
            text = file.read_text()
            for old, new in {**here, str(PORT): str(self.port)}.items():
                text = text.replace(old, new)
            file.write_text(text)

    def place(self, name: str) -> Path:
        """Where the broker finds the file *name* of its configuration."""
        shared = self.network.why_shared is not None
        return (self._inside(self.configuration) if shared else self.configuration) / name

    def _inside(self, place: Path) -> Path:
        return self._root / place.relative_to("/")

    def _shown(self, place: Path) -> tuple[Path, Path]:
        """What has to be shown where so that *place* is ours; it need not exist on this machine."""
        ours = self._inside(place)
        if place.is_dir():
            return place, ours
        if place.parent == Path("/etc"):
            for name in filter(lambda each: Path("/etc", each).exists(), SMALL_ETC):
                shutil.copy(Path("/etc", name), ours.parent)
        return place.parent, ours.parent

    def run(self, *command: str) -> None:
        """Run a program of the broker beside it; BrokerError with its own words when it fails."""
        environment = os.environ | self.environment()

        def run() -> subprocess.CompletedProcess[str]:
            return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

        done = self.network.run(run, self._files())
        if done.returncode:
            raise BrokerError(f"{command}: {done.stdout}{done.stderr}")

    def _files(self) -> dict[Path, Path]:
        return dict(map(self._shown, (self.configuration, self.data)))

    def _spawn(self) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                env=os.environ | self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )

    def _accepts(self) -> bool:
        with self.network.entered():
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                return False
        return True

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        group = self._process.pid
        with suppress(ProcessLookupError):
            os.killpg(group, number)
        self._process.wait(START_TIMEOUT_S)
        self._process = None
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while _is_there(group):  # what was started through a script outlives the script a little
            if time.monotonic() > deadline_s:
                raise BrokerError(f"{self.name} does not end:\n{self.log[-4000:]}")
            time.sleep(0.01)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


class ShippedMosquitto(ShippedBroker):
    """mosquitto, which gives up root for its own user."""

    name = "mosquitto"
    configuration = Path("/etc/mosquitto")
    data = Path("/var/lib/mosquitto")
    may_lose = 20  # what it acknowledged in the last turn of its loop: at most a window for each client

    def drop(self, word: str) -> None:
        """Configure it without the settings that begin with *word*."""
        file = self._inside(self.configuration) / "mosquitto.conf"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(line for line in lines if not line.startswith(word)))

    def command(self) -> list[str]:
        """As its service does."""
        return [program("mosquitto"), "-c", str(self.place("mosquitto.conf"))]

    def _relocate(self, configuration: Path) -> None:
        super()._relocate(configuration)
        with (configuration / "mosquitto.conf").open("a") as file:
            file.write(f"user {pwd.getpwuid(os.getuid()).pw_name}\n")  # the folders are for nobody else
