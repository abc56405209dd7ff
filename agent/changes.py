"""What a reload has to do: the difference between two configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.settings import Settings, StoreSettings, station_device

_RESTART = ("id", "runtime", "read_group", "act_group")


@dataclass(frozen=True, slots=True)
class Difference:
    """Names that came, went, or mean something else now."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two configurations; ``refused`` names the keys that only a restart can change."""

    links: Difference
    devices: Difference
    uplinks: Difference
    refused: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.links or self.devices or self.uplinks or self.refused)


def changes(old: Settings, new: Settings) -> Changes:
    """Compare two configurations.

    Links include the wires that devices have to themselves; a device also counts as
    changed when its profile, its link's time-out or the station's time zone did.
    """
    return Changes(
        links=_difference({link.name: link for link in old.wires}, {link.name: link for link in new.wires}),
        devices=_difference(_devices(old), _devices(new)),
        uplinks=_difference({each.name: each for each in old.uplinks}, {each.name: each for each in new.uplinks}),
        refused=_refused(old, new),
    )


def _difference(old: Mapping[str, object], new: Mapping[str, object]) -> Difference:
    return Difference(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
    )


def _devices(settings: Settings) -> dict[str, object]:
    return {device.name: (device, station_device(settings, device)) for device in settings.devices}


def _refused(old: Settings, new: Settings) -> tuple[str, ...]:
    station = [f"station.{key}" for key in _RESTART if getattr(old.station, key) != getattr(new.station, key)]
    store = [f"store.{key}" for key in StoreSettings.model_fields if getattr(old.store, key) != getattr(new.store, key)]
    return (*station, *store)
