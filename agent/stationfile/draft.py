"""The tables of a station file, each read by itself, so that one mistake does not hide the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import ValidationError

from agent.stationfile.faults import Complaint, nearest, value_at
from agent.stationfile.tomlsource import Path
from agent.stationfile.wording import MISSING, allowed_keys, complaints
from agent.stationfile.words import (
    DeviceSettings,
    LinkSettings,
    StationFile,
    StationSettings,
    StoreSettings,
    UplinkSettings,
)
from drivers.profile import Profile, Words

W = TypeVar("W", bound=Words)

_ROUNDS = 8  # what pydantic tells only after the first mistakes are gone


@dataclass(slots=True)
class Draft:
    """What of a file could be read. Links, devices and uplinks have the index that they have in the file.

    ``remembered`` are the station's own profiles of an earlier time: then its folder is not looked into.
    ``own_profiles`` are those that this file uses, as they were read.
    """

    raw: dict[str, Any]
    folder: FilePath
    remembered: Mapping[str, str] | None = None
    station: StationSettings | None = None
    store: StoreSettings | None = None
    links: dict[int, LinkSettings] = field(default_factory=dict)
    devices: dict[int, DeviceSettings] = field(default_factory=dict)
    uplinks: dict[int, UplinkSettings] = field(default_factory=dict)
    profiles: dict[int, Profile] = field(default_factory=dict)
    own_profiles: dict[str, str] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)
    unmade: dict[int, list[Complaint]] = field(default_factory=dict)  # why channels in place make no profile

    def names(self, kind: str) -> dict[int, str]:
        """The names of all links, devices or uplinks, also of those that hold a mistake."""
        tables = self.raw.get(kind)
        found = enumerate(tables) if isinstance(tables, list) else ()
        return {
            index: table["name"]
            for index, table in found
            if isinstance(table, dict) and isinstance(table.get("name"), str)
        }

    def wrote(self, *path: str | int) -> bool:
        """Whether the file has something at *path*, right or wrong."""
        return value_at(self.raw, path) is not None

    def link_of(self, device: DeviceSettings) -> LinkSettings | None:
        """The wire of *device*; None when the file has none that is right."""
        if device.url is not None:
            return own_link(device)
        return next((link for link in self.links.values() if link.name == device.link), None)


def own_link(device: DeviceSettings) -> LinkSettings:
    """The wire of a device that is alone on it; *device* has a url."""
    assert device.url is not None
    return LinkSettings(name=device.name, url=device.url)


def read_draft(raw: dict[str, Any], folder: FilePath, remembered: Mapping[str, str] | None = None) -> Draft:
    """Read each table of *raw*; what is wrong inside of one stands in ``complaints``."""
    draft = Draft(raw, folder, remembered)
    draft.complaints += _unknown_tables(raw)
    draft.station = _table(draft, "station", StationSettings)
    draft.store = _table(draft, "store", StoreSettings)
    draft.links = _tables(draft, "link", LinkSettings)
    draft.devices = _tables(draft, "device", DeviceSettings)
    draft.uplinks = _tables(draft, "uplink", UplinkSettings)
    return draft


def _unknown_tables(raw: dict[str, Any]) -> Iterator[Complaint]:
    known = allowed_keys(StationFile)
    for key in raw:
        if key not in known:
            hint = nearest(key, known) or f"known here: {', '.join(known)}"
            yield Complaint((key,), "unknown key", hint, shows=False)


def _table(draft: Draft, key: str, model: type[W]) -> W | None:
    raw = draft.raw.get(key, {})
    if key == "station" and key not in draft.raw:
        draft.complaints.append(Complaint((key,), "missing", 'begin the file with [station] and id = "330100-A01"'))
        return None
    if not isinstance(raw, dict):
        draft.complaints.append(Complaint((key,), "a table", f"write [{key}], once and with single brackets"))
        return None
    return _validated(draft, (key,), raw, model)


def _tables(draft: Draft, key: str, model: type[W]) -> dict[int, W]:
    raw = draft.raw.get(key, [])
    if not isinstance(raw, list):
        draft.complaints.append(Complaint((key,), "a list of tables", f"write [[{key}]], with two brackets"))
        return {}
    read = {index: _element(draft, key, index, table, model) for index, table in enumerate(raw)}
    return {index: words for index, words in read.items() if words is not None}


def _element(draft: Draft, key: str, index: int, table: object, model: type[W]) -> W | None:
    if not isinstance(table, dict):
        draft.complaints.append(Complaint((key, index), "a table", f"write [[{key}]], with two brackets"))
        return None
    return _validated(draft, (key, index), table, model)


def _validated(draft: Draft, base: Path, raw: dict[str, Any], model: type[W]) -> W | None:
    """Read one table; what is wrong is told and left out, so that the rest can still be checked."""
    rest = deepcopy(raw)
    for attempt in range(_ROUNDS):
        try:
            return model.model_validate(rest, context={"folder": draft.folder})
        except ValidationError as error:
            found = list(complaints(error, model, rest, base))
            draft.complaints += [
                complaint for complaint in found if not (attempt and _left_out_by_us(draft, complaint))
            ]
            for complaint in found:
                _leave_out(rest, complaint.path[len(base) :])
            rest = _stand_ins(model, base) | rest
        except TypeError:  # of a validator that looks up what it takes for a text
            draft.complaints.append(Complaint(base, "holds a list or a table where a text or a number belongs"))
            return None
    return None


def _left_out_by_us(draft: Draft, complaint: Complaint) -> bool:
    return complaint.message == MISSING and draft.wrote(*complaint.path)


def _leave_out(table: dict[str, Any], path: Path) -> None:
    """Remove what stands at *path*; of an element of a list of tables the name stays, so that none moves up."""
    while path and value_at(table, path) is None:
        path = path[:-1]
    wrong = value_at(table, path)
    while path and isinstance(path[-1], int) and not (isinstance(wrong, dict) and len(wrong) > 1 and "name" in wrong):
        path = path[:-1]
        wrong = value_at(table, path)
    if path and isinstance(path[-1], int):
        name = wrong["name"]
        wrong.clear()
        wrong["name"] = name
    elif path:
        value_at(table, path[:-1]).pop(path[-1])


def _stand_ins(model: type[Words], base: Path) -> dict[str, Any]:
    """Values for needed keys that are missing or wrong, chosen so that no further complaint comes of them."""
    name = {"name": f"unnamed-{base[-1]}"}
    return {DeviceSettings: name | {"every": "1d"}, UplinkSettings: name | {"url": "mqtts://left-out"}}.get(model, {})
