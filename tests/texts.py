"""Every English text in the code that a technician may come to read, as a template: found, not listed.

A text is what stands in an error, its hint, a help, a summary, or in ``say``; what
an f-string puts in becomes ``{}``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAYING = {"say", "Finding", "fail", "Foreign", "Garbage"}
"""Calls whose arguments people read, beside those of errors."""
TOLD = {"cause", "description", "epilog", "error", "help", "hint", "summary", "what", "why"}
"""Variables, keywords and keys that hold what people read."""
LETTERS = re.compile(r"[A-Za-z]{2,}")


def texts() -> dict[str, str]:
    """Each template, and where it stands first."""
    found: dict[str, str] = {}
    for package in ("agent", "drivers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.parent.name != "language":
                for template, line in _texts(ast.parse(path.read_text())):
                    found.setdefault(template, f"{path.relative_to(ROOT)}:{line}")
    return found


def _texts(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        for told in _told(node):
            yield from _templates(told)


def _told(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions at *node* that people read."""
    match node:
        case ast.Call(func=func):
            name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            if name in SAYING or (name.endswith("Error") and name[0].isupper()) or name == "__init__":
                yield from node.args
            yield from (keyword.value for keyword in node.keywords if keyword.arg in TOLD)
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in TOLD or name == "COMMANDS":
            yield from value.values if isinstance(value, ast.Dict) else [value]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name in TOLD:
            yield value
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and key.value in TOLD:
                    yield value


def _templates(node: ast.expr) -> Iterator[tuple[str, int]]:
    """The texts that *node* may be: itself, the sides of a choice, the parts of a concatenation."""
    match node:
        case ast.Constant(value=str() as text) if _is_prose(text):
            yield text, node.lineno
        case ast.JoinedStr(values=values):
            template = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in values)
            if _is_prose(template):
                yield template, node.lineno
            for part in values:
                if isinstance(part, ast.FormattedValue):
                    yield from _templates(part.value)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _templates(body)
            yield from _templates(orelse)
        case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            for value in values:
                yield from _templates(value)


def _is_prose(text: str) -> bool:
    """Whether *text* is said to people, and is no key, name or command."""
    words = LETTERS.findall(text.replace("{}", " "))
    return len(words) > 1 and " " in text.strip()
