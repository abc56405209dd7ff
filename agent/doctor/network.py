"""The way to hosts: this PC's own network first, then names, then whether anybody listens.

An instrument that is being polled is left alone: many serve one connection only.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, ip_address
from pathlib import Path
from typing import NamedTuple

from agent.doctor.case import Case
from agent.doctor.result import Result, bad, doubtful, good, unchecked

CONNECT_S = 5.0
IFF_UP = 1  # <net/if.h>
INTERFACES = Path("/sys/class/net")
ROUTES = (Path("/proc/net/route"), Path("/proc/net/ipv6_route"))


class Host(NamedTuple):
    """Somebody to reach: ``what`` names him at this station, ``kind`` is ``tcp`` or ``udp``."""

    what: str
    kind: str
    host: str
    port: int


def examine(case: Case) -> Iterator[Result]:
    """Look at cables and routes, then at each host, all at the same time."""
    yield from _interfaces()
    hosts = list(_hosts(case))
    if any(not _is_local(one.host) for one in hosts):
        yield from _routes()
    with ThreadPoolExecutor(max(len(hosts), 1)) as pool:
        yield from pool.map(_reach, hosts)
    for wire in case.settings.wires if case.settings else ():
        if case.of("link", wire.name).get("up") and wire.endpoint.host:
            yield good(f"link {wire.name}", f"the daemon is connected to {wire.endpoint}")


def _hosts(case: Case) -> Iterator[Host]:
    if case.settings is None:
        return
    for wire in case.settings.wires:
        end = wire.endpoint
        if end.host and not case.of("link", wire.name).get("up"):
            yield Host(f"link {wire.name}", "udp" if end.kind == "udp" else "tcp", end.host, end.port)
    for uplink in case.settings.uplinks:
        yield Host(f"uplink {uplink.name}", "tcp", uplink.broker.host, uplink.broker.port)


def _is_local(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _interfaces() -> Iterator[Result]:
    """Cards that are switched on and see no far end: sysfs-class-net of the kernel, ``flags`` and ``operstate``."""
    for card in sorted(INTERFACES.glob("*")):
        is_hardware, is_on = (card / "device").exists(), int(_text(card / "flags") or "0", 16) & IFF_UP
        if is_hardware and is_on and _text(card / "operstate") == "down":
            means = "what is behind it cannot be reached"
            found = "no cable is plugged in, or the far end is off"
            yield doubtful(card.name, found, means, "Check cable and switch")


def _routes() -> Iterator[Result]:
    """A default route, of either family: proc(5), /proc/net/route; the last column of the other names the card."""
    ipv4 = [line.split() for line in _text(ROUTES[0]).splitlines()]
    ipv6 = [line.split() for line in _text(ROUTES[1]).splitlines()]
    if any(fields[1] == "0" * 8 for fields in ipv4) or any(
        fields[0] == "0" * 32 and fields[1] == "00" and fields[-1] != "lo" for fields in ipv6
    ):
        yield good("route", "this PC has a way out of its own network")
    else:
        means = "only what is on its own network can be reached"
        yield doubtful(
            "route", "this PC has no way out of its own network", means, "Look at: ip route; then the router"
        )


def _reach(one: Host) -> Result:
    """Find the name, then connect and hang up."""
    place = f"{one.host}:{one.port}"
    try:
        found = socket.getaddrinfo(one.host, one.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        hint = f"Check the name in url, and DNS: getent hosts {one.host}"
        return bad(one.what, f"the name {one.host} is not found: {_why(error)}", "it cannot be reached", hint)
    if one.kind == "udp":
        return unchecked(one.what, f"{place} is UDP, where nothing tells whether anybody listens")
    began_s = time.monotonic()
    try:
        with socket.create_connection((one.host, one.port), CONNECT_S):
            took_ms = (time.monotonic() - began_s) * 1000
    except ConnectionRefusedError:
        means = "the computer is there, the program is not, or on another port"
        return bad(one.what, f"nothing listens at {place}", means, "Check that it runs, and the port in url")
    except OSError as error:
        return _unreached(one, str(found[0][4][0]), f"{place} cannot be reached: {_why(error)}")
    return good(one.what, f"{place} accepts connections ({took_ms:.0f} ms)")


def _unreached(one: Host, address: str, found: str) -> Result:
    """An instrument is mostly on a network of this PC's own; one that is not has a wrong address, or the PC has."""
    own = list(_own_networks())
    is_far = all(ip_address(address) not in network for network in own)
    if one.what.startswith("link ") and own and is_far:
        means = f"it is on none of this PC's own networks: {', '.join(map(str, own))}"
        return bad(one.what, found, means, "Compare both addresses and masks: ip -br address; and its menu")
    means = "network, router or firewall, or it is switched off"
    return bad(one.what, found, means, f"Check the network: ping {address}")


def _own_networks() -> Iterator[IPv4Network]:
    """What is reached without a router: proc(5), /proc/net/route, addresses in hexadecimal, the low byte first."""
    for line in _text(ROUTES[0]).splitlines()[1:]:
        _, target, gateway, *_, mask = line.split()[:8]
        if int(gateway, 16) == 0 and int(mask, 16):
            yield IPv4Network((_address(target), str(_address(mask))))


def _address(text: str) -> IPv4Address:
    return IPv4Address(bytes.fromhex(text)[::-1])


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_S:g} s"
    return getattr(error, "strerror", None) or str(error)


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
