"""Every English text in the code that people may come to read, as a template: found, not listed.

Whatever reads like prose counts, unless its form or its place says that it is for
programs; what an f-string puts in becomes ``{}``.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORD = re.compile(r"[A-Za-z]{2,}")
SILENT_FILES = {"agent/curves/image.py", "agent/screen/face.py"}
"""Fonts and styles by name."""
FOR_PROGRAMS = re.compile(
    r"\b(SELECT|INSERT|UPDATE|DELETE|PRAGMA|BEGIN|CREATE|ALTER|OR) |\\[dSs]|\(\?|==|-----|^<"
    r"|^\n*(import|id|name|user|url) |^(red|yellow) bold"
)
"""SQL, patterns, udev rules, markup, lines of configuration, styles."""
SILENT = {
    "↑ ↓ PgUp PgDn",
    "This console cannot show Chinese; a terminal over SSH or on a desktop can. All the same: --lang zh",
    "Value error, ",  # begins what pydantic says, and is cut off
    "Exceeds the limit",
    "at end of document",
    "bad query",
    " cannot be used: ",  # found in a sentence, to take it apart
    "; next attempt",
    "not yet valid",
    "nothing listens",
    "station-agent {}",
    "station-agent read {}",
    "station-agent scan {}",
    "Log of a station agent. Views: measurement, parameter, event, audit, measurement_value, parameter_value.",
}


def texts() -> dict[str, str]:
    """Each template, and where it stands first."""
    found: dict[str, str] = {}
    for path, tree in _trees():
        if str(path) not in SILENT_FILES:
            for template, line in _texts(tree):
                found.setdefault(template, f"{path}:{line}")
    return found


def constants() -> set[str]:
    """Every string of the code, with templates, prose or not."""
    found: set[str] = set()
    for _, tree in _trees():
        for node in ast.walk(tree):
            if (template := _template(node)) is not None:
                found.update((template, *template.split("\n")))
        found.update(_examples(tree))
    return found


def titles() -> set[str]:
    """What the shipped profiles call their instruments and channels."""
    found: set[str] = set()
    for path in sorted((ROOT / "drivers" / "profiles").glob("*.toml")):
        profile = tomllib.loads(path.read_text())
        found.update((profile["kind"], *_titles(profile)))
    return found


def _titles(part: object) -> Iterator[str]:
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _titles(inner)
    if isinstance(part, dict) and isinstance(title := part.get("title"), str):
        yield title


def words_of_argparse() -> set[str]:
    """What argparse itself says to who calls a command."""
    calls = (node for node in ast.walk(ast.parse(inspect.getsource(argparse))) if isinstance(node, ast.Call))
    said = (call.args[:2] for call in calls if getattr(call.func, "id", "") in ("_", "ngettext"))
    return {arg.value for args in said for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for package in ("agent", "drivers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "language" not in path.parts:
                yield path.relative_to(ROOT), ast.parse(path.read_text())


def _texts(tree: ast.Module) -> Iterator[tuple[str, int]]:
    silent = {id(part) for node in ast.walk(tree) for part in _silent(node)}
    said = {id(arg) for node in ast.walk(tree) if _is_say(node) for arg in getattr(node, "args", ())}
    for node in ast.walk(tree):
        template = _template(node)
        if template is None or id(node) in silent:
            continue
        if (id(node) in said and WORD.search(template.replace("{}", ""))) or _is_prose(template):
            yield template, getattr(node, "lineno", 0)
    yield from ((purpose, 1) for purpose in _examples(tree))


def _silent(node: ast.AST) -> Iterator[ast.AST]:
    """The strings below *node* that are none of their own: docstrings, parts of f-strings, what only a defect says."""
    match node:
        case ast.Expr(value=ast.Constant() as text) | ast.Assert(msg=ast.expr() as text):
            yield text
        case ast.JoinedStr(values=values):
            yield from (value for value in values if isinstance(value, ast.Constant))
        case ast.Call(func=ast.Name(id="RuntimeError" | "AssertionError"), args=args):
            yield from args


def _is_say(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say"


def _template(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=str() as text):
            return re.sub(r"\{[a-z_]*\}", "{}", text)  # filled in by format()
        case ast.JoinedStr(values=values):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in values)
    return None


def _examples(tree: ast.Module) -> Iterator[str]:
    """What the examples of a command are for, as its help says them."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            for line in str(ast.literal_eval(node.value)).splitlines():
                command, blanks, purpose = line.rpartition("  ")
                if purpose and (command.strip() or not blanks):
                    yield purpose


def _is_prose(template: str) -> bool:
    if "\n" in template.strip("\n") or template in SILENT or FOR_PROGRAMS.search(template):
        return False
    return " " in template.strip() and len(WORD.findall(template.replace("{}", " "))) > 1
