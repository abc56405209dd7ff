"""Instruments that no station file knows, as drivers need to have them described."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.api import Device, Profile

NOBODY = "a stranger"
"""Under this name the link counts what is asked of addresses that are no device's."""


def is_modbus(profile: Profile) -> bool:
    """Whether *profile* speaks Modbus, in whatever frames."""
    return profile.protocol.startswith("modbus")


def modbus_among(neighbours: Iterable[Device]) -> str:
    """The kind of Modbus that is spoken on a wire: that of the *neighbours*, else the usual one."""
    return next((one.profile.protocol for one in neighbours if is_modbus(one.profile)), "modbus")


def stranger(address: int | str | None, profile: Profile, timeout_s: float, name: str = NOBODY) -> Device:
    """A device that no station file knows."""
    return Device(name=name, address=address, profile=profile, timeout_s=timeout_s)


def unit_profile(protocol: str, table: str = "holding", register: int = 0) -> Profile:
    """A Modbus unit of which one register may be there."""
    channel = {"name": "register", "table": table, "register": register}
    known = {"model": "unknown", "maker": "unknown", "kind": "a Modbus unit", "manual": "", "source": ""}
    return Profile.model_validate(
        {**known, "confidence": "unverified", "protocol": protocol, "modbus": {"table": table}, "channel": [channel]}
    )
