"""What pydantic found, in the words of a technician."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from typing import Any
from zoneinfo import available_timezones

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agent.stationfile.faults import Complaint, listed, nearest, value_at
from agent.stationfile.tomlsource import Path
from drivers.units import UNITS

NAME_RULE = 'a name begins with a small letter and goes on with small letters, digits, "_" and "-", at most 32'
_PATTERNS = {
    r"^[a-z][a-z0-9_-]{0,31}$": NAME_RULE,
    r"^[A-Za-z0-9_-]{1,32}$": 'letters, digits, "_" and "-", at most 32',
    r"^[a-z][0-9a-z]{5}$": 'a code of HJ 212 such as "a21026"',
    r"^[a-z_][a-z0-9_-]{0,31}$": "not the name of a group of this system",
    r"^[A-Za-z0-9_.:-]{1,128}$": 'letters, digits, "_", ".", ":" and "-", at most 128',
}
_TARGET_RULE = 'a channel ("so2"), a channel of a device ("so2.flow"), all of a device ("so2.*") or "line"'
_KINDS = {
    "string": 'a text in quotes, such as "so2"',
    "int": "a whole number, without quotes",
    "float": "a number, without quotes",
    "decimal": "a number, without quotes",
    "bool": "true or false, without quotes",
    "tuple": "a list in [ ]",
    "list": "a list in [ ]",
    "dict": "a table of keys and values",
    "model": "a table of keys and values",
    "is": "a value of another kind",
}
MISSING = "missing, and without it this cannot work"
_REASONS = {
    "missing": MISSING,
    "finite_number": "a number that is not infinite",
    "decimal_parsing": "a number, without quotes",
    "int_from_float": "a whole number",
    "int_parsing_size": "a number that is not that large",
}
_CALLED = {"regular": "pattern"}  # what a message calls otherwise than the file
_BOUNDS = {
    "greater_than_equal": ("ge", "at least {}"),
    "less_than_equal": ("le", "at most {}"),
    "greater_than": ("gt", "more than {}"),
    "less_than": ("lt", "less than {}"),
    "too_short": ("min_length", "at least {} of them"),
    "too_long": ("max_length", "at most {} of them"),
}
_IN_URL = 'it into url, such as "tcp://host:502", "mqtts://host:8883" or "serial:///dev/ttyS0?baud=9600"'
_ELSEWHERE = {
    "user": "username",
    "host": _IN_URL,
    "ip": _IN_URL,
    "port": _IN_URL,
    "baud": _IN_URL,
    "baudrate": _IN_URL,
    "parity": _IN_URL,
    "interval": "every",
    "unit_id": "address",
    "slave": "address",
}


def complaints(error: ValidationError, model: type[BaseModel], raw: object, base: Path) -> Iterator[Complaint]:
    """What *error* says about the table *raw* that stands at *base*; one complaint for each path."""
    details: dict[Path, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        details.setdefault(_written(detail, raw), []).append(detail)
    for path, same in details.items():
        yield _complaint(same, model, raw, base, path)


def _complaint(same: list[ErrorDetails], model: type[BaseModel], raw: object, base: Path, path: Path) -> Complaint:
    """One complaint of all *same* details: pydantic has one for each type that it tried."""
    kind, context = same[0]["type"], same[0].get("ctx", {})
    value = value_at(raw, path)
    if kind == "extra_forbidden":
        return Complaint(base + path, "unknown key", _near_key(model, path), shows=False)
    if kind in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return Complaint(base + path, f"allowed: {listed(allowed)}", nearest(value, allowed))
    message = " or ".join(dict.fromkeys(_message(detail) for detail in same))
    inside, message = meant(message, value)
    return Complaint(base + path + inside, *_with_near(message, value))


def _message(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context.get("error", "")) or "not allowed"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(str(context.get("pattern")), _TARGET_RULE)
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return words.format(context.get(name))
    return _REASONS.get(kind) or _KINDS.get(kind.split("_")[0], detail["msg"])


def _with_near(message: str, value: object) -> tuple[str, str]:
    """Shorten lists that nobody reads to the end, and add the nearest right word."""
    if message.startswith("not one of the known UCUM codes"):
        return 'not one of the known UCUM codes such as "Cel", "hPa" or "ug/m3"', _nearest_unit(value)
    if message.startswith("a time zone"):
        return message, nearest(value, available_timezones()) or (
            "" if available_timezones() else "install the package tzdata"
        )
    return message, ""


def _nearest_unit(value: object) -> str:
    """The code of a unit that was written as a screen shows it, or the nearest code."""
    meant = next((code for code, shown in UNITS.items() if isinstance(value, str) and shown == value), None)
    return f'did you mean "{meant}"?' if meant else nearest(value, UNITS)


def _written(detail: ErrorDetails, raw: object) -> Path:
    """The path of a mistake as far as the file has it: pydantic adds names of types that it tried."""
    path: Path = ()
    for key in detail["loc"]:
        here = value_at(raw, path)
        if isinstance(here, dict) or (isinstance(here, list) and isinstance(key, int)):
            path += (key,)
    return path


def meant(message: str, table: object) -> tuple[Path, str]:
    """The key inside *table* that a message about the whole table speaks of, and the message without saying so."""
    if not isinstance(table, dict):
        return (), message
    named = re.search(r"\bchannel ([a-z][a-z0-9_-]*)", message)
    channels = table.get("channel")
    for at, channel in enumerate(channels if isinstance(channels, list) else ()):
        if named and value_at(channel, ("name",)) == named[1]:
            inside, message = meant(re.sub(r"^(device \S+: )?channel \S+:? ", "", message), channel)
            return ("channel", at, *inside), message
    message = re.sub(r"^device \S+ ", "it ", message)
    words = (_CALLED.get(word, word) for word in re.findall(r"[a-z_]+", message))
    return next(((word,) for word in words if word in table), ()), message


def _near_key(model: type[BaseModel], path: Path) -> str:
    wrong = str(path[-1])
    allowed = allowed_keys(_model_at(model, path[:-1]) or model)
    if "pass" in wrong.lower() and "password_file" in allowed:
        return "write the password into a file of its own and name that in password_file"
    elsewhere = _ELSEWHERE.get(wrong.lower(), "")
    if elsewhere in allowed or (elsewhere == _IN_URL and "url" in allowed):
        return f"write {elsewhere}"
    return nearest(wrong, allowed) or f"known here: {', '.join(allowed)}"


def allowed_keys(model: type[BaseModel]) -> list[str]:
    """The keys of a table as the file writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model of the table at *path*."""
    for key in path:
        field = next((field for name, field in model.model_fields.items() if key == (field.alias or name)), None)
        inner = models_in(field.annotation) if field else []
        model = inner[0] if inner else model
    return model


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models inside an annotation such as ``tuple[Channel, ...]`` or ``Dialogue | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in models_in(part)]
