"""The way out of this PC, as the kernel tells it: files as they lie in /sys and /proc."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.doctor import network
from agent.doctor.result import Result

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
{}eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
DEFAULT = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
IPV6_LOOPBACK = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n"


def card(folder: Path, name: str, *, flags: str, state: str, hardware: bool = True) -> None:
    """A network card as /sys/class/net shows it."""
    (folder / name).mkdir(parents=True)
    (folder / name / "flags").write_text(f"{flags}\n")
    (folder / name / "operstate").write_text(f"{state}\n")
    if hardware:
        (folder / name / "device").mkdir()


def test_a_card_that_is_on_and_sees_nobody_has_no_cable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second port that nobody configured is no finding, nor is a bridge of software."""
    monkeypatch.setattr(network, "INTERFACES", tmp_path)
    card(tmp_path, "enp1s0", flags="0x1003", state="up")
    card(tmp_path, "enp2s0", flags="0x1003", state="down")
    card(tmp_path, "enp3s0", flags="0x1002", state="down")
    card(tmp_path, "docker0", flags="0x1003", state="down", hardware=False)

    assert [found.subject for found in network._interfaces()] == ["enp2s0"]


@pytest.mark.parametrize(
    ("address", "means"),
    [
        ("192.0.3.77", "it is on none of this PC's own networks: 192.0.2.0/24"),
        ("192.0.2.77", "network, router or firewall, or it is switched off"),
    ],
    ids=["another network", "its own"],
)
def test_an_instrument_that_is_on_another_network_has_a_wrong_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, means: str
) -> None:
    """A new analyzer comes with the maker's address; neither cable nor power is to blame."""
    (tmp_path / "route").write_text(ROUTES.format(DEFAULT))
    monkeypatch.setattr(network, "ROUTES", (tmp_path / "route", tmp_path / "ipv6_route"))
    host = network.Host("link so2", "tcp", address, 502)

    assert network._unreached(host, address, "not reached").means == means


@pytest.mark.parametrize(("default", "verdict"), [(DEFAULT, "good"), ("", "doubtful")], ids=["gateway", "none"])
def test_without_a_default_route_only_the_own_network_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default: str, verdict: str
) -> None:
    """The router was exchanged, and every broker is gone at once; loopback is no way out."""
    (tmp_path / "route").write_text(ROUTES.format(default))
    (tmp_path / "ipv6_route").write_text(IPV6_LOOPBACK)
    monkeypatch.setattr(network, "ROUTES", (tmp_path / "route", tmp_path / "ipv6_route"))

    found: list[Result] = list(network._routes())

    assert [one.verdict for one in found] == [verdict]
