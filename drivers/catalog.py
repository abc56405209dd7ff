"""What there is: protocols and their drivers, instrument models and their profiles.

Other packages add protocols through the entry-point group ``station_agent.drivers``;
a station adds profiles in a folder of its own, which is searched first.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from drivers.aeroqual import AeroqualDriver
from drivers.ap370 import Ap370Driver
from drivers.api import Device, Driver, Link
from drivers.dialogue import DialogueDriver
from drivers.errors import ProfileError
from drivers.modbus import ModbusAscii, ModbusDriver, ModbusRtu, ModbusTcp
from drivers.profile import Profile
from drivers.sdi12 import Sdi12Driver
from drivers.serinus import SerinusDriver
from drivers.shdlc import ShdlcDriver
from drivers.umb import UmbDriver

GROUP = "station_agent.drivers"
PROTOCOLS: dict[str, type[Driver]] = {
    "modbus": ModbusDriver,
    "modbus-rtu": ModbusRtu,
    "modbus-ascii": ModbusAscii,
    "modbus-tcp": ModbusTcp,
    "dialogue": DialogueDriver,
    "aeroqual": AeroqualDriver,
    "horiba-ap370": Ap370Driver,
    "sdi12": Sdi12Driver,
    "serinus": SerinusDriver,
    "shdlc": ShdlcDriver,
    "umb": UmbDriver,
}
SHOWN_FAULTS = 5
LARGEST_EXPONENT = 308
LIST = "All of them: station-agent profiles; those that a word fits: station-agent profiles ozone"


def make_driver(device: Device, link: Link) -> Driver:
    """Return the driver that *device*'s profile asks for; raises ProfileError when there is none or it refuses."""
    return driver_class(device.profile.protocol)(device, link)


def driver_class(protocol: str) -> type[Driver]:
    """Return the driver of *protocol*: our own, else another package's; raises ProfileError."""
    if protocol in PROTOCOLS:
        return PROTOCOLS[protocol]
    for entry in metadata.entry_points(group=GROUP, name=protocol):
        return _foreign_driver(entry)
    known = protocol_names()
    raise ProfileError(f"there is no protocol {protocol!r}", hint=_nearest(protocol, known))


def protocol_names() -> list[str]:
    """The protocols that a profile may name."""
    return sorted({*PROTOCOLS, *(entry.name for entry in metadata.entry_points(group=GROUP))})


def _foreign_driver(entry: metadata.EntryPoint) -> type[Driver]:
    package = f"package {entry.dist.name} {entry.dist.version}" if entry.dist else f"the package of {entry.value}"
    try:
        driver = entry.load()
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise ProfileError(
            f"{package} offers the protocol {entry.name!r}, but {entry.value} cannot be loaded: {why}",
            hint="Reinstall or update that package, or take its devices out of the station file",
        ) from error
    if not (isinstance(driver, type) and issubclass(driver, Driver)):
        raise ProfileError(
            f"{package} offers the protocol {entry.name!r}, but {entry.value} is no drivers.api.Driver",
            hint="Tell its maker: the entry point has to name a subclass of drivers.api.Driver",
        )
    return driver


def load_profile(name: str, folders: Iterable[Path] = ()) -> Profile:
    """Return the profile *name* of the first of *folders* that has it, else the one that ships.

    Raises ProfileError with file, key, what stands there and what is allowed.
    """
    file = _find(name, folders)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ProfileError(f"{file} cannot be read: {error.strerror}", hint=f"Check its rights: ls -l {file}") from None
    return read_profile(content, str(file))


def read_profile(content: bytes, file: str) -> Profile:
    """Return the profile that *content* describes; raises ProfileError, in which it is called *file*."""
    try:
        return Profile.model_validate(tomllib.loads(content.decode("utf-8"), parse_float=_decimal))
    except ValidationError as error:
        raise ProfileError(
            f"{file}: {_faults(error)}", hint="Correct the profile, then run: station-agent check"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"{file} is not TOML: {error}", hint="Correct that line of the profile") from None


def _decimal(text: str) -> Decimal:
    """A decimal of a size that can be computed with; ValueError for 1e99999999, which no instrument means."""
    value = Decimal(text)
    if value.is_finite() and abs(value.adjusted()) > LARGEST_EXPONENT:
        raise ValueError(f"{text} is no number of this world")
    return value


def profile_names(folders: Iterable[Path] = ()) -> list[str]:
    """The names of all profiles, those in *folders* and those that ship."""
    return sorted({file.name.removesuffix(".toml") for file in _profile_files(folders)})


def _find(name: str, folders: Iterable[Path]) -> Traversable:
    folders = list(folders)
    for file in _profile_files(folders):
        if file.name == f"{name}.toml":
            return file
    raise ProfileError(f"there is no profile {name!r}", hint=_nearest(name, profile_names(folders), LIST))


def _profile_files(folders: Iterable[Path]) -> list[Traversable]:
    """The station's own first."""
    places: list[Traversable] = [folder for folder in folders if folder.is_dir()]
    places.append(files("drivers") / "profiles")
    return [file for place in places for file in place.iterdir() if file.name.endswith(".toml")]


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False)
    shown = "; ".join(_fault(fault["loc"], fault["msg"], fault["input"]) for fault in faults[:SHOWN_FAULTS])
    return shown + (f"; and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else "")


def _fault(where: Sequence[int | str], message: str, found: object) -> str:
    key = ".".join(f"{part + 1}" if isinstance(part, int) else part for part in where)
    what = f" is {found!r}" if isinstance(found, str | int | float | Decimal) else ""
    return f"{key or 'the profile'}{what}: {message.removeprefix('Value error, ')}"


def _nearest(word: str, known: Sequence[str], otherwise: str = "") -> str:
    near = difflib.get_close_matches(word, known, n=3)
    return f"Did you mean {' or '.join(near)}?" if near else otherwise or f"There are: {', '.join(known)}"
