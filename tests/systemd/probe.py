"""Runs in the place of the daemon and tells what the unit lets it do: {question: true, or the name of the error}.

Plain standard library, no import of ours: it is copied into the container as it stands.
"""

import ctypes
import errno
import grp
import json
import mmap
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

HERE, STATE, CONFIG = (Path(os.environ[f"{name}_DIRECTORY"]) for name in ("RUNTIME", "STATE", "CONFIGURATION"))
TIMEDATE = "org.freedesktop.timedate1"
LIBC = ctypes.CDLL(None, use_errno=True)


def adjtimex() -> None:
    """Read the kernel's clock state (modes = 0)."""
    if LIBC.adjtimex(ctypes.create_string_buffer(512)) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")


def timedated() -> None:
    """Ask systemd-timedated whether the clock is synchronised."""
    path = "/" + TIMEDATE.replace(".", "/")
    command = ["busctl", "get-property", TIMEDATE, path, TIMEDATE, "NTPSynchronized"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout in ("b true\n", "b false\n")


def give_socket_away() -> None:
    """Bind the control socket and give it to the operators' group."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(HERE / "probe.sock"))
        os.chown(HERE / "probe.sock", -1, grp.getgrnam("station-agent-op").gr_gid)
        (HERE / "probe.sock").chmod(0o660)


def resolve_name() -> None:
    """Look a host name up, as connecting to a broker does."""
    socket.getaddrinfo("localhost", 1883, type=socket.SOCK_STREAM)


def open_connection() -> None:
    """Connect over TCP."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def open_device(path: str) -> None:
    """Open and close a device node."""
    os.close(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))


QUESTIONS: dict[str, Callable[[], object]] = {
    "read adjtimex": adjtimex,
    "ask timedated": timedated,
    "give socket to operators": give_socket_away,
    "resolve a name": resolve_name,
    "connect": open_connection,
    "read credential": lambda: Path(os.environ["CREDENTIALS_DIRECTORY"], "city").read_text(),
    "read configuration": lambda: (CONFIG / "station.toml").read_text(),
    "read secrets": lambda: list((CONFIG / "secrets").iterdir()),
    "write state": lambda: (STATE / "probe").write_text("x"),
    "write configuration": lambda: (CONFIG / "probe").write_text("x"),
    "write program": lambda: Path("/opt/station-agent/probe").write_text("x"),
    "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    "map executable memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC),
    "open serial port": lambda: open_device("/dev/ttyS9"),
    "open other device": lambda: open_device("/dev/other"),
    "open raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
    "see home": lambda: list(Path("/root").iterdir()),
}


def answer(question: Callable[[], object]) -> bool | str:
    """True when *question* worked, else the name of what it met."""
    try:
        question()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except Exception as error:  # noqa: BLE001 - whatever it is, the test shall see it
        return repr(error)
    return True


def notify(text: str) -> None:
    """Tell systemd *text*."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])


if __name__ == "__main__":
    facts: dict[str, object] = {name: answer(question) for name, question in QUESTIONS.items()}
    facts["groups"] = sorted(grp.getgrgid(group).gr_name for group in {os.getgid(), *os.getgroups()})
    facts["umask"] = f"{os.umask(0o027):04o}"
    (STATE / "probe.json").write_text(json.dumps(facts))
    notify("READY=1\nSTATUS=answered")
    time.sleep(3600)
