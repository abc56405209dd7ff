"""What pydantic found, in the words of a technician."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agent.stationfile import guesses
from agent.stationfile.faults import Complaint, listed, nearest, value_at
from agent.stationfile.syntax import LISTS_OF_TABLES
from agent.stationfile.tomlsource import Path
from drivers import catalog

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
_TABLES = "table: coil for function 1, discrete for 2, holding for 3, input for 4"
_ELSEWHERE = {
    "user": "username",
    "host": _IN_URL,
    "ip": _IN_URL,
    "port": _IN_URL,
    "baud": _IN_URL,
    "baudrate": _IN_URL,
    "parity": _IN_URL,
    "broker": _IN_URL,
    "server": _IN_URL,
    "com": _IN_URL,
    "interval": "every",
    "period": "every",
    "cycle": "every",
    "unit_id": "address",
    "slave": "address",
    "slave_id": "address",
    "station": "address",
    "model": "profile",
    "topic": "root",
    "data_type": "type",
    "datatype": "type",
    "byte_order": "order",
    "word_order": "order",
    "endian": "order",
    "function": _TABLES,
    "function_code": _TABLES,
    "fc": _TABLES,
    "length": "count",
    "quantity": "count",
    "factor": "scale",
    "multiplier": "scale",
    "coefficient": "scale",
}


def complaints(error: ValidationError, model: type[BaseModel], raw: object, base: Path) -> Iterator[Complaint]:
    """What *error* says about the table *raw* that stands at *base*; one complaint for each path."""
    details: dict[Path, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        details.setdefault(_written(detail, raw), []).append(detail)
    for path, same in details.items():
        if not _is_of_what_was_left_out(same[0], value_at(raw, path)):
            yield _complaint(same, model, raw, base, path)


def _is_of_what_was_left_out(detail: ErrorDetails, value: object) -> bool:
    """Whether a list is too short only because pydantic does not count elements that are wrong."""
    least = detail.get("ctx", {}).get("min_length", 0)
    return detail["type"] == "too_short" and isinstance(value, list) and len(value) >= least


def _complaint(same: list[ErrorDetails], model: type[BaseModel], raw: object, base: Path, path: Path) -> Complaint:
    """One complaint of all *same* details: pydantic has one for each type that it tried."""
    kind, context = same[0]["type"], same[0].get("ctx", {})
    value = value_at(raw, path)
    if kind == "extra_forbidden":
        return Complaint(base + path, "unknown key", _near_key(model, path), shows=False)
    if kind in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return Complaint(base + path, f"allowed: {listed(allowed)}", guesses.word(value, allowed))
    if kind in ("tuple_type", "model_type") and (brackets := _brackets(path, value)):
        return Complaint(base + path, *brackets)
    message = " or ".join(dict.fromkeys(_message(detail) for detail in same))
    if kind == "missing" and isinstance(value, list):
        message = "a list of more values"
    inside, message = meant(message, value)
    path += inside
    return Complaint(base + path, *_with_near(message, value, path[-1] if path else ""))


def _brackets(path: Path, value: object) -> tuple[str, str] | None:
    """What to say where a table has one pair of brackets too few, or one too many."""
    if isinstance(value, dict) and path[-1] in LISTS_OF_TABLES:
        return "a list of tables", f"write [[{path[-1]}]], with two brackets"
    if isinstance(value, list) and path[-1] not in LISTS_OF_TABLES and any(isinstance(one, dict) for one in value):
        return "a table", f"write [{path[-1]}], once and with single brackets"
    return None


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


_GUESSES: tuple[tuple[str, Callable[[object], str]], ...] = (
    ("UCUM", guesses.unit),
    ("zone", guesses.zone),
    ("duration", guesses.duration),
    ("size", guesses.size),
    ("serial://,", guesses.link_url),
    ("mqtts://host:port", guesses.broker_url),
    (NAME_RULE, guesses.name),
    ("HJ", lambda written: guesses.meant(f'"{str(written).lower()}"')),
    (_KINDS["list"], guesses.listed),
)
"""What a message has in it, and what knows then what was meant."""


def _with_near(message: str, value: object, key: str | int) -> tuple[str, str]:
    """Shorten lists that nobody reads to the end, and add the nearest right word."""
    if message == NAME_RULE and key == "profile":
        return "there is no profile of this name", guesses.profile(value, catalog.profile_names())
    hint = next((guess(value) for part, guess in _GUESSES if part in message), "")
    if message.startswith("not one of the known UCUM codes"):
        message = 'not one of the known UCUM codes such as "Cel", "hPa" or "ug/m3"'
    return message, hint


def _written(detail: ErrorDetails, raw: object) -> Path:
    """The path of a mistake as far as the file has it: pydantic adds names of types that it tried."""
    path: Path = ()
    for key in detail["loc"]:
        here = value_at(raw, path)
        if isinstance(here, dict) or (isinstance(here, list) and key in range(len(here))):
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
    message = re.sub(r"^device \S+: ", "", message)
    message = re.sub(r"^device \S+ ", "it ", message)
    words = (_CALLED.get(word, word) for word in re.findall(r"[a-z_]+", message))
    return next(((word,) for word in words if word in table), ()), message


def _near_key(model: type[BaseModel], path: Path) -> str:
    wrong = str(path[-1])
    allowed = allowed_keys(_model_at(model, path[:-1]) or model)
    if "pass" in wrong.lower() and "password_file" in allowed:
        return "write the password into a file of its own and name that in password_file"
    elsewhere = _ELSEWHERE.get(wrong.lower(), "")
    if elsewhere.partition(":")[0] in allowed or (elsewhere == _IN_URL and "url" in allowed):
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
