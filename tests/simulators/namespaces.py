"""Networks of their own: what is started in one reaches nothing outside, and ends with it.

A namespace here has no name and leaves no mount behind: it lives as long as the
descriptor that holds it and the processes in it, so that even a killed test run
leaves nothing: a guard inside then kills whatever else is there. Needs root (or
CAP_SYS_ADMIN); :class:`NoNamespaceError` says why not.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18
SIOCSIFADDR, SIOCSIFDSTADDR, SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x8918, 0x8913, 0x8914, 0x1
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000

GUARD = """
import os, pathlib, signal, sys
sys.stdin.read()
ours = os.stat("/proc/self/ns/net")
for place in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        if os.path.samestat(ours, os.stat(place / "ns" / "net")) and int(place.name) != os.getpid():
            os.kill(int(place.name), signal.SIGKILL)
    except OSError:
        pass
"""
"""Waits for the end of whoever started it, which no process can miss, and cleans up."""

_libc = ctypes.CDLL(None, use_errno=True)


class NoNamespaceError(Exception):
    """The machine does not let us make a network of our own, or a tunnel in it."""


class Network:
    """A network namespace with nothing in it but a loopback device that is up."""

    why_shared: str | None = None

    def __init__(self) -> None:
        try:
            self._descriptor = in_a_thread(self._make)
        except OSError as error:
            raise NoNamespaceError(f"no network namespace can be made here: {error}") from error
        with self.entered():
            line = [sys.executable, "-S", "-c", GUARD]
            self._guard = subprocess.Popen(line, stdin=subprocess.PIPE, start_new_session=True)

    @staticmethod
    def _make() -> int:
        _check(_libc.unshare(CLONE_NEWNET), "unshare")
        _bring_up("lo")
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread opens, and processes and threads that it starts, belong to this network."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.setns(self._descriptor, CLONE_NEWNET), "setns")
            yield
        finally:
            _check(_libc.setns(home, CLONE_NEWNET), "setns")
            os.close(home)

    def run(self, action: Callable[[], T], files: Mapping[Path, Path]) -> T:
        """Do *action* in this network, where each path of *files* shows what lies at its value instead."""

        def act() -> T:
            _check(_libc.setns(self._descriptor, CLONE_NEWNET), "setns")
            _check(_libc.unshare(CLONE_NEWNS), "unshare")
            _mount(None, Path("/"), MS_REC | MS_PRIVATE)
            for place, content in files.items():
                _mount(content, place, MS_BIND)
            return action()

        return in_a_thread(act)

    def tunnel(self, name: str, own: str, peer: str) -> int:
        """A point-to-point device in this network; what is sent to *peer* is read from the descriptor returned."""
        with self.entered():
            try:
                descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError as error:
                raise NoNamespaceError(f"no tunnel can be made here: {error}") from error
            fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
            _set_address(name, SIOCSIFADDR, own)
            _set_address(name, SIOCSIFDSTADDR, peer)
            _bring_up(name)
            return descriptor

    @property
    def processes(self) -> list[int]:
        """The process ids of everything that runs in this network, but for threads of our own."""
        ours = os.fstat(self._descriptor)
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                theirs = (place / "ns" / "net").stat()
            except OSError:  # has ended meanwhile
                continue
            if (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino) and int(place.name) != os.getpid():
                found.append(int(place.name))
        return found

    def clear(self) -> None:
        """Kill whatever still runs in this network, daemons that left their parent included."""
        deadline_s = time.monotonic() + 10
        while left := self.processes:
            assert time.monotonic() < deadline_s, f"cannot be killed: {left}"
            for pid in left:
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                with suppress(ProcessLookupError, ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            time.sleep(0.02)

    def close(self) -> None:
        """Kill what runs there and let the network go."""
        self.clear()
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SharedNetwork:
    """The machine's own network, where no other is to be had; ``why_shared`` says why."""

    def __init__(self, why: str) -> None:
        self.why_shared: str | None = why

    def entered(self) -> AbstractContextManager[None]:
        """Nothing is entered: we are there."""
        return nullcontext()

    def run(self, action: Callable[[], T], _files: Mapping[Path, Path]) -> T:
        """Do *action*, which sees every path as it is."""
        return action()

    def close(self) -> None:
        """There is nothing to let go."""


def own_network() -> Network | SharedNetwork:
    """A network of our own if there can be one."""
    try:
        return Network()
    except NoNamespaceError as error:
        return SharedNetwork(str(error))


def in_a_thread(action: Callable[[], T]) -> T:
    """Call *action* in a thread that ends with it, so that what it did to its namespaces ends there too."""
    results: list[T] = []
    errors: list[BaseException] = []

    def act() -> None:
        try:
            results.append(action())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it was asked for
            errors.append(error)

    thread = threading.Thread(target=act, name="namespace")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: Path | None, target: Path, flags: int) -> None:
    words = (str(source).encode() if source else b"none", str(target).encode(), b"", flags, None)
    _check(_libc.mount(*words), f"mount {source} on {target}")


def _set_address(device: str, request: int, address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        where = struct.pack("16sHH4s8x", device.encode(), socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(any_socket, request, where)


def _bring_up(device: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sH14x", device.encode(), 0))
        flags = struct.unpack("16sH14x", asked)[1] | IFF_UP
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", device.encode(), flags))
