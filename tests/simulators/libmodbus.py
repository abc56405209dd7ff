"""Counterparts built on libmodbus: a server in C, compiled here, and mbpoll as a second master."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "counterparts" / "libmodbus_server.c"
INCLUDE = "-I/usr/include/modbus"
MBPOLL_TABLES = {1: "0", 2: "1", 3: "4", 4: "3"}
"""Modbus function to mbpoll's word for a table."""


class MissingToolError(RuntimeError):
    """A program that the tests need is not here; without it they would prove nothing."""


def compiled(folder: Path) -> Path:
    """Build the server in *folder*; raises MissingToolError."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise MissingToolError("no C compiler here; install it with: apt-get install gcc libc6-dev")
    server = folder / "libmodbus_server"
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-O1", INCLUDE, "-o", str(server), str(SOURCE), "-lmodbus"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingToolError(f"{done.stderr}\ninstall it with: apt-get install libmodbus-dev")
    return server


@contextmanager
def serving(*command: str | int | Path) -> Iterator[None]:
    """Run the server until the context is left."""
    with subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        if process.stdout.readline() != b"READY\n":
            raise RuntimeError(f"{command} does not serve: exit code {process.wait()}")
        try:
            yield
        finally:
            process.stdin.close()


@contextmanager
def joined(near: Path, far: Path) -> Iterator[None]:
    """Two serial ports with a cable between them, until the context is left."""
    socat = shutil.which("socat")
    if socat is None:
        raise MissingToolError("socat is not installed; install it with: apt-get install socat")
    with subprocess.Popen([socat, *[f"pty,raw,echo=0,link={end}" for end in (near, far)]]) as process:
        try:
            while not (near.exists() and far.exists()):
                if process.poll() is not None:
                    raise RuntimeError(f"socat ended with {process.returncode}")
                time.sleep(0.005)
            yield
        finally:
            process.terminate()


def mbpoll(*where: str, function: int, start: int, count: int) -> list[int]:
    """What mbpoll reads once, as unsigned numbers; *where* are its options for the wire and the far end."""
    program = shutil.which("mbpoll")
    if program is None:
        raise MissingToolError("mbpoll is not installed; install it with: apt-get install mbpoll")
    *options, far_end = where
    words = ["-0", "-1", "-q", "-o", "2", "-r", str(start), "-c", str(count), "-t", MBPOLL_TABLES[function]]
    done = subprocess.run([program, *options, *words, far_end], capture_output=True, text=True, check=False, timeout=20)
    found = re.findall(r"^\[\d+\]:\s+(\d+)", done.stdout, re.MULTILINE)
    if done.returncode or len(found) != count:
        raise RuntimeError(f"mbpoll ended with {done.returncode}: {done.stdout}{done.stderr}")
    return [int(one) for one in found]
