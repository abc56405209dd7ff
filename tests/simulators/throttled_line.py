"""A Modbus unit on a serial line that takes the time it takes: bytes come spaced at the true rate.

A pseudo-terminal has no baud rate. Here a request counts as sent when its last character would have
been, the unit waits the silence that ends a frame (it can know its end by nothing else), and each
character of its reply is handed over when it would have come. A process of its own, which does
nothing else, so that its clock is not the agent's::

    python -m tests.simulators.throttled_line PATH --baud 9600 --units 1,2,3 [--slow 2] [--garbage 3]

Register *n* of unit *u* holds ``1000 u + n``. A slow unit takes :data:`SLOW_S` more, one that talks garbage
answers with noise. Prints READY when it serves; ends when it is killed.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.endpoint import parse_url
from tests.simulators.modbus_server import Rtu, Unit

REQUEST_SIZE = 8
REGISTERS = 32
SLOW_S = 0.12


def url(path: Path, baud: int) -> str:
    """The line as a station file names it: 8N1."""
    return f"serial://{path}?baud={baud}"


def wire_s(baud: int, characters: int) -> float:
    """How long *characters* take, 8N1: ten bits each."""
    return 10 * characters / baud


def silence_s(baud: int) -> float:
    """The silence between two frames."""
    return parse_url(f"serial:///dev/x?baud={baud}").silence_s


def serve(path: Path, baud: int, numbers: list[int], slow: list[int], garbage: list[int]) -> None:
    """Answer for ever."""
    units = {number: Unit(holding={n: 1000 * number + n for n in range(REGISTERS)}) for number in numbers}
    master, slave = os.openpty()
    tty.setraw(slave)
    path.symlink_to(os.ttyname(slave))
    print("READY", flush=True)
    received = b""
    while True:
        data = os.read(master, 256)
        if not received:
            begun_s = time.monotonic()
        received += data
        while len(received) >= REQUEST_SIZE:
            request, received = received[:REQUEST_SIZE], received[REQUEST_SIZE:]
            if unit := units.get(request[0]):
                begun_s += wire_s(baud, REQUEST_SIZE) + silence_s(baud) + SLOW_S * (request[0] in slow)
                reply = Rtu().wrap(request, unit.answer(request[1:-2]))
                noise = random.randbytes(len(reply))
                _spell(master, noise if request[0] in garbage else reply, begun_s, wire_s(baud, 1))


def _spell(master: int, reply: bytes, begin_s: float, character_s: float) -> None:
    """Hand over each character of *reply* when it has come; those that are overdue together."""
    said = 0
    while said < len(reply):
        due = min(len(reply), int((time.monotonic() - begin_s) / character_s))
        if due > said:
            os.write(master, reply[said:due])
            said = due
        if said < len(reply):
            time.sleep(max(0.0, begin_s + (said + 1) * character_s - time.monotonic()))


@contextmanager
def throttled(path: Path, baud: int, units: str = "1", *more: str) -> Iterator[None]:
    """A line with *units* at *path*, until the context is left; *more* are further words of the command."""
    command = [sys.executable, "-m", __name__, str(path), "--baud", str(baud), "--units", units, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"READY\n":
            raise RuntimeError(f"the throttled line ended with {process.wait()}")
        try:
            yield
        finally:
            process.kill()
            path.unlink(missing_ok=True)


def numbers_of(text: str) -> list[int]:
    """The numbers in *text*, with commas between."""
    return [int(one) for one in text.split(",")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Modbus units on a line of true speed")
    parser.add_argument("path", type=Path)
    parser.add_argument("--baud", type=int, required=True)
    parser.add_argument("--units", type=numbers_of, required=True)
    parser.add_argument("--slow", type=numbers_of, default=[])
    parser.add_argument("--garbage", type=numbers_of, default=[])
    options = parser.parse_args()
    serve(options.path, options.baud, options.units, options.slow, options.garbage)
