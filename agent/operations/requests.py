"""What people may tell the daemon through the control socket, checked before it becomes a record."""

from __future__ import annotations

import pwd
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agent.operations.maintenance import LONGEST_S, USUAL_S
from agent.operations.wording import KINDS
from drivers.duration import show_duration
from drivers.errors import StationError


def _printable(text: str) -> str:
    if not text.strip() or not text.replace("\n", " ").isprintable():
        raise ValueError("it must be text that can be printed, and not empty")
    return text.strip()


def _kind(text: str) -> str:
    if text not in KINDS:
        raise ValueError(f"it must be one of {', '.join(KINDS)}")
    return text


def _bearable(seconds: float) -> float:
    if not 1 <= seconds <= LONGEST_S:
        raise ValueError(f"it must be between 1s and {show_duration(LONGEST_S)}")
    return seconds


Text = Annotated[str, Field(max_length=2000), AfterValidator(_printable)]
Short = Annotated[str, Field(max_length=100), AfterValidator(_printable)]


class RequestError(StationError):
    """What was asked is not understood, or says too much or too little."""

    exit_code = 2


class Request(BaseModel):
    """Base of all requests; ``do`` is the verb."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    do: str


class Acknowledge(Request):
    """Somebody has seen these alarms."""

    ids: Annotated[list[Short], Field(min_length=1, max_length=100)]


class Close(Request):
    """These alarms are over, and somebody knows why they were."""

    ids: Annotated[list[Short], Field(min_length=1, max_length=100)]
    reason: Text


class Begin(Request):
    """Somebody begins to work on a device, or on ``all``."""

    device: Short
    reason: Text
    order: Short | None = None
    for_s: Annotated[float, AfterValidator(_bearable)] = USUAL_S


class End(Request):
    """The work on a device, or all work, is done; ``reason`` is what came of it."""

    device: Short
    reason: Text | None = None


class Note(Request):
    """A remark for the records."""

    text: Text
    kind: Annotated[str, AfterValidator(_kind)] = "other"
    device: Short | None = None
    person: Short | None = None
    order: Short | None = None


R = TypeVar("R", bound=Request)


def understood(kind: type[R], request: Mapping[str, Any]) -> R:
    """*request* as a *kind* of request; raises RequestError, which names what is wrong first."""
    try:
        return kind.model_validate(dict(request))
    except ValidationError as error:
        first = error.errors()[0]
        where = str(first["loc"][0]).removesuffix("_s") if first["loc"] else "request"
        why = first["msg"].removeprefix("Value error, ")
        raise RequestError(f"{where} cannot be taken: {why}", hint="Run the command with --help") from None


def person(uid: int) -> dict[str, Any]:
    """Who *uid* is, for the records; one without a name at this computer has only the number."""
    try:
        return {"uid": uid, "user": pwd.getpwuid(uid).pw_name}
    except KeyError:
        return {"uid": uid}
