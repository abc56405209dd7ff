"""The bad lines themselves: a fault that the relay does not make would prove nothing."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.simulators.impairment import Way
from tests.simulators.relay import Line, Lines, bad_lines, imitated_lines

SEED = 1


@pytest.fixture(params=["best", "imitated"])
def lines(request: pytest.FixtureRequest) -> Iterator[Lines]:
    """What this machine gives, and what is taken where it gives less."""
    with (bad_lines if request.param == "best" else imitated_lines)(SEED) as lines:
        yield lines


@contextmanager
def connection(lines: Lines) -> Iterator[tuple[Line, socket.socket]]:
    """A line, and a connection over it to somebody who sends back what comes."""
    with ExitStack() as stack:
        with lines.at_brokers():
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            line = lines.line(port)
            server = stack.enter_context(socket.create_server((line.far_host, port)))
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        with lines.at_station():
            client = stack.enter_context(socket.create_connection((line.host, port), timeout=10))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield line, client


def _echo(server: socket.socket) -> None:
    client, _ = server.accept()
    with client:
        while data := client.recv(65_536):
            client.sendall(data)


def answered_s(client: socket.socket, size: int = 1) -> float:
    """How long it takes until *size* bytes have come back."""
    began_s = time.monotonic()
    client.sendall(bytes(size))
    while size:
        size -= len(client.recv(65_536))
    return time.monotonic() - began_s


def test_a_line_delays_in_each_direction(lines: Lines) -> None:
    """Two tenths of a second there and one back are three."""
    with connection(lines) as (line, client):
        assert answered_s(client) < 0.2
        line.up.delay_s, line.down.delay_s = 0.2, 0.1
        assert 0.3 <= answered_s(client) < 0.6


def test_a_thin_line_carries_what_it_can(lines: Lines) -> None:
    """Ten thousand bytes at twenty thousand a second take half a second."""
    with connection(lines) as (line, client):
        line.up.rate = 20_000
        assert answered_s(client, 10_000) >= 0.4


def test_a_lossy_line_pauses_and_loses_nothing_for_good(lines: Lines) -> None:
    """TCP sends again: what is lost costs time."""
    with connection(lines) as (line, client):
        line.up.loss = line.down.loss = 0.3
        times = [answered_s(client) for _ in range(10)]

    assert max(times) > 0.15
    assert line.up.dropped + line.down.dropped > 0


def test_a_cut_line_is_silent_and_goes_on_when_it_is_mended(lines: Lines) -> None:
    """Neither end is told anything."""
    with connection(lines) as (line, client):
        line.up.cut = line.down.cut = True
        client.sendall(b"?")
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.recv(1)
        line.up.mend()
        line.down.mend()
        client.settimeout(10)
        assert client.recv(1) == b"?"


def test_a_forgotten_connection_stays_silent_for_good(lines: Lines) -> None:
    """As behind a gateway that restarted."""
    with connection(lines) as (line, client):
        assert answered_s(client) < 0.2
        line.forget()
        client.sendall(b"?")
        client.settimeout(1.0)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_what_a_line_loses_follows_from_its_seed() -> None:
    """A run can be repeated by the seed that it printed."""
    way = Way(loss=0.5)
    first, second = (
        [bool(way.due(100, 0.0, dice)) for _ in range(50)] for dice in (random.Random(7), random.Random(7))
    )

    assert first == second
