"""What may be asked, checked where it arrives: anybody of the reading group can write to the control socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from drivers.api import StationError
from drivers.endpoint import CHOICES
from drivers.profile import Table, Words

R = TypeVar("R", bound=Words)

TIMEOUT = Field(default=None, gt=0, le=60)


class WrongRequestError(StationError):
    """A request that this daemon does not understand, or that asks for what cannot be."""

    exit_code = 2


class Scan(Words):
    """Find who answers on a link: Modbus units, or instruments of one *profile*."""

    link: str
    addresses: str | None = None
    profile: str | None = None
    protocol: str | None = None
    table: Table = "holding"
    start: int = Field(default=0, alias="register", ge=0, le=65535)
    timeout: float | None = TIMEOUT
    baud: tuple[int, ...] = ()
    parity: tuple[str, ...] = ()


class Probe(Words):
    """Show a block of registers of a device, or of a *unit* on a link."""

    target: str
    start: int = Field(alias="register")
    count: int
    unit: int | None = Field(default=None, ge=0, le=255)
    protocol: str | None = None
    table: Table | None = None
    timeout: float | None = TIMEOUT


class Raw(Words):
    """Poll a device once and show the bytes."""

    device: str


class Listen(Words):
    """Hear what comes on a link by itself."""

    link: str
    seconds: float = Field(default=10.0, gt=0, le=3600)


class Identify(Words):
    """Find which profiles fit what answers on a link."""

    link: str
    address: int | str | None = None
    profiles: tuple[str, ...] = ()
    timeout: float | None = TIMEOUT


def understood(kind: type[R], request: Mapping[str, Any]) -> R:
    """Return *request*, without its verb, as *kind*; raises WrongRequestError that names the word."""
    try:
        return kind.model_validate({key: value for key, value in request.items() if key != "do"})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        word = ".".join(map(str, fault["loc"])) or "the request"
        raise WrongRequestError(f"{word}: {fault['msg']}", hint="See: station-agent COMMAND --help") from None


def serial_variants(request: Scan) -> list[dict[str, str]]:
    """The options of a serial line that a scan shall try; raises WrongRequestError for one that no port has."""
    for parity in request.parity:
        if parity not in CHOICES["parity"]:
            raise WrongRequestError(
                f"parity {parity} does not exist", hint=f"It is one of {', '.join(CHOICES['parity'])}"
            )
    for baud in request.baud:
        if not 50 <= baud <= 4_000_000:
            raise WrongRequestError(f"{baud} baud cannot be set", hint="Common ones: 9600, 19200, 38400, 115200")
    bauds: list[dict[str, str]] = [{"baud": f"{baud}"} for baud in request.baud] or [{}]
    return [one | ({"parity": parity} if parity else {}) for one in bauds for parity in request.parity or ("",)]
