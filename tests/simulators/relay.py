"""Bad lines between a station and its brokers: late, thin, leaky, cut, or forgetful, and changed while they work.

Where it can, :func:`bad_lines` makes a network of its own for each end and a
tunnel device in both for every line, and relays the packets between them. Both
kernels then retransmit, time out and hold half-open connections as they do in
the field. Where that cannot be had, a TCP proxy imitates what the two ends would
notice. ``kind`` says which of the two it is.
"""

from __future__ import annotations

import heapq
import os
import random
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import Protocol

from tests.simulators.bench import Bench
from tests.simulators.impairment import Way
from tests.simulators.nameserver import Names, nameserver, substitute
from tests.simulators.namespaces import Network, NoNamespaceError
from tests.simulators.stalling_proxy import StallingProxy

PACKET = 65_536
TCP = 6


class Line(Protocol):
    """A line from the station to one broker: ``up`` leads there, ``down`` back.

    ``host`` is where the station finds the broker, ``far_host`` where the broker has to listen.
    """

    up: Way
    down: Way
    host: str
    far_host: str

    def forget(self) -> None:
        """Drop every connection that stands now and tell nobody, as a gateway does that restarts; new ones pass."""


class Lines(Protocol):
    """The station's end, the brokers' end, and the lines between them."""

    kind: str

    def line(self, port: int) -> Line:
        """A new line to what will listen at *port* of its ``far_host``."""

    def at_brokers(self) -> AbstractContextManager[None]:
        """What this thread starts meanwhile runs at the brokers' end."""

    def at_station(self) -> AbstractContextManager[None]:
        """What this thread starts meanwhile runs at the station's end."""

    def start_at_station(self, start: Callable[[], None], names: Names) -> None:
        """Call *start*; the processes that it starts find hosts by *names*, if they run the prelude."""

    def prelude(self, names: Names) -> str:
        """Python that has to run first in such a process; none where its network does it all."""


@contextmanager
def bad_lines(seed: int) -> Iterator[Lines]:
    """Lines that work well until they are told otherwise; gone in the end with all that was started at their ends."""
    dice = random.Random(seed)
    with ExitStack() as stack:
        lines: Lines
        try:
            lines = _Tunnels(dice, stack)
        except NoNamespaceError as error:
            lines = _Proxies(dice, stack, str(error))
        yield lines


@contextmanager
def imitated_lines(seed: int) -> Iterator[Lines]:
    """Lines that only imitate, also where better ones could be had."""
    with ExitStack() as stack:
        yield _Proxies(random.Random(seed), stack, "asked for")


class _Tunnels:
    """Real packets between two networks of our own."""

    kind = "packets between two network namespaces"

    def __init__(self, dice: random.Random, stack: ExitStack) -> None:
        self._dice, self._stack = dice, stack
        self._station, self._brokers = stack.enter_context(Network()), stack.enter_context(Network())
        self._count = 0
        os.close(self._station.tunnel("trial", "10.77.0.1", "10.77.0.2"))

    def line(self, _port: int) -> _Tunnel:
        self._count += 1
        tunnel = _Tunnel(self._count, self._station, self._brokers, self._dice)
        self._stack.callback(tunnel.close)
        return tunnel

    def at_brokers(self) -> AbstractContextManager[None]:
        return self._brokers.entered()

    def at_station(self) -> AbstractContextManager[None]:
        return self._station.entered()

    def start_at_station(self, start: Callable[[], None], names: Names) -> None:
        with self._station.entered():
            resolver = self._stack.enter_context(nameserver(names))
        self._station.run(start, files=resolver)

    def prelude(self, _names: Names) -> str:
        return ""


class _Tunnel:
    """One line: a thread that moves packets between two devices."""

    def __init__(self, number: int, station: Network, brokers: Network, dice: random.Random) -> None:
        self.up, self.down = Way(), Way()
        near, self.far_host = f"10.77.{number}.1", f"10.77.{number}.2"
        self.host = self.far_host
        self._dice = dice
        self._flows: set[bytes] = set()
        self._forgotten: set[bytes] = set()
        self._due: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._near = station.tunnel(f"line{number}", near, self.far_host)
        self._far = brokers.tunnel(f"line{number}", self.far_host, near)
        self._stopping, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._relay, name=f"line{number}", daemon=True)
        self._thread.start()

    def forget(self) -> None:
        """Drop every connection that stands now and tell nobody."""
        self._forgotten |= self._flows

    def close(self) -> None:
        """Stop moving packets."""
        os.close(self._stop)
        self._thread.join()
        for descriptor in (self._near, self._far, self._stopping):
            os.close(descriptor)

    def _relay(self) -> None:
        """Move packets until closed; the station's port is the first of a packet's two ports, or the second."""
        ways = {self._near: (self.up, self._far, 20), self._far: (self.down, self._near, 22)}
        while True:
            patience_s = max(self._due[0][0] - time.monotonic(), 0) if self._due else None
            ready = select.select([*ways, self._stopping], [], [], patience_s)[0]
            if self._stopping in ready:
                return
            for source in ready:
                self._take(os.read(source, PACKET), *ways[source])
            self._deliver()

    def _take(self, packet: bytes, way: Way, sink: int, port_at: int) -> None:
        if packet[0] != 0x45:  # not plain IPv4: the kernel looking for IPv6 neighbours
            return
        if packet[9] == TCP:
            flow = packet[port_at : port_at + 2]
            if flow in self._forgotten:
                way.dropped += 1
                return
            self._flows.add(flow)
        for due_s in way.due(len(packet), time.monotonic(), self._dice):
            self._count += 1
            heapq.heappush(self._due, (due_s, self._count, sink, packet))

    def _deliver(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, sink, packet = heapq.heappop(self._due)
            with suppress(OSError):  # a full device loses packets too
                os.write(sink, packet)


class _Proxies:
    """Imitations on this machine's loopback."""

    def __init__(self, dice: random.Random, stack: ExitStack, why: str) -> None:
        self.kind = f"TCP proxies that imitate a bad line ({why})"
        self._dice, self._stack = dice, stack
        self._bench = stack.enter_context(Bench())
        self._count = 0

    def line(self, port: int) -> _ProxyLine:
        self._count += 1
        line = _ProxyLine(self._bench, self._count, port, self._dice)
        self._bench.serve(line.proxy)
        return line

    def at_brokers(self) -> AbstractContextManager[None]:
        return nullcontext()

    def at_station(self) -> AbstractContextManager[None]:
        return nullcontext()

    def start_at_station(self, start: Callable[[], None], _names: Names) -> None:
        start()

    def prelude(self, names: Names) -> str:
        return substitute(names)


class _ProxyLine:
    """One imitation, at the broker's own port of another loopback address."""

    far_host = "127.0.0.1"

    def __init__(self, bench: Bench, number: int, port: int, dice: random.Random) -> None:
        self.up, self.down = Way(), Way()
        self.host = f"127.0.77.{number}"
        self.proxy = StallingProxy(self.host, port, self.up, self.down, dice)
        self._bench = bench

    def forget(self) -> None:
        self._bench.call(self.proxy.forget)
