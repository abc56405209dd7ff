"""A line that is no TOML: what is wrong with it, and how it was probably meant. Pure.

Only a line that can be read once it is mended is called mended: the rest of the
file is then read as if it stood there so. The file itself stays as it is.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator

LISTS_OF_TABLES = ("link", "device", "uplink", "channel", "request", "example", "exchange")
"""Tables that are written with two brackets."""

_PLAIN = {
    "“": '"',
    "”": '"',
    "„": '"',
    "「": '"',
    "」": '"',
    "‘": "'",
    "’": "'",
    "【": "[",
    "】": "]",
    "、": ",",
    "。": ".",
    "–": "-",
    "—": "-",
    "−": "-",
    "\u200b": "",
    "\ufeff": "",
}
_QUOTED = r""""(?:[^"\\]|\\.)*"|'[^']*'"""
_PIECES = re.compile(rf"""(?P<kept>{_QUOTED}|\#.*)|[“„”＂「](?P<text>[^“”„＂「」"]*)[“”＂」]|(?P<odd>.)""", re.DOTALL)
_PAIR = re.compile(r"(\s*[A-Za-z0-9_\"'.-]+\s*=\s*)(.*)", re.DOTALL)
_COMMENT = re.compile(rf"((?:{_QUOTED}|[^\"'#])*?)\s*(#.*)?", re.DOTALL)


def explained(line: str) -> tuple[str, str]:
    """What is wrong with *line*, and the line as it was probably meant; that one is empty where nobody can know."""
    found = ""
    for what, rule in _RULES:
        better = rule(line)
        if better != line:
            found, line = found or (what.format(_odd(line)) if "{}" in what else what), better
            if is_toml(line):
                return found, line
    return found, ""


def is_toml(line: str) -> bool:
    """Whether *line* alone can be read, as a statement or as a part of a list."""
    try:
        tomllib.loads(line if _PAIR.match(line) or line.lstrip()[:1] in ("", "[", "#") else f"list = [\n{line}\n]")
    except (ValueError, RecursionError):
        return False
    return True


def plain(text: str) -> str:
    """*text* with the characters of a plain keyboard in place of those that look like them."""
    return "".join(_PLAIN.get(one, unicodedata.normalize("NFKC", one)) for one in text)


def _with_plain_characters(line: str) -> str:
    """*line* with plain characters outside of its texts and comments."""

    def piece(match: re.Match[str]) -> str:
        if match["kept"] is not None:
            return match[0]
        return f'"{match["text"]}"' if match["text"] is not None else plain(match[0])

    return _PIECES.sub(piece, line)


def _odd(line: str) -> str:
    """The characters of *line* that are not plain, each once; those that nobody can see by their number."""
    found = dict.fromkeys(_odd_characters(line))
    return " ".join(one if one.isprintable() else f"U+{ord(one):04X}" for one in found)


def _odd_characters(line: str) -> Iterator[str]:
    for match in _PIECES.finditer(line):
        if match["text"] is not None:
            yield from (match[0][0], match[0][-1])
        elif match["odd"] is not None and plain(match[0]) != match[0]:
            yield match[0]


def _header(line: str) -> str:
    """*line* as the header of a table, with as many brackets as that table has."""
    match = re.fullmatch(r"\s*\[[\s\[]*([A-Za-z0-9_.-]+)[\s\]]*(#.*)?", line)
    if match is None:
        return line
    many = match[1].rpartition(".")[2] in LISTS_OF_TABLES
    return f"[[{match[1]}]]" if many else f"[{match[1]}]"


def _as_pair(line: str) -> str:
    """``key: value``, ``key == value`` and ``key value`` with one equals sign."""
    return re.sub(r"^(\s*[A-Za-z_][A-Za-z0-9_-]*)(?:\s*(?:==|:=|=:|:)\s*|\s+(?=[\"'\[{\d]))(?=[^\s=])", r"\1 = ", line)


def _comment(line: str) -> str:
    if re.match(r"\s*(//|;|--|/\*|')", line):
        return f"# {line.strip()}"
    return re.sub(rf"^((?:{_QUOTED}|[^\"'#])*?)\s+(?://|;|--)(.*)$", r"\1  #\2", line)


def _without_end_mark(line: str) -> str:
    return re.sub(r"\s*[;,]+\s*$", "", line) if _PAIR.match(line) else line


def _value(change: Callable[[str], str]) -> Callable[[str], str]:
    """A rule that changes what stands behind the equals sign, without its comment."""

    def rule(line: str) -> str:
        pair = _PAIR.match(line)
        parts = _COMMENT.fullmatch(pair[2]) if pair else None
        value, comment = (parts[1].strip(), parts[2]) if parts else (pair[2].strip() if pair else "", None)
        better = change(value)
        return line if pair is None or better == value else f"{pair[1]}{better}{f'  {comment}' if comment else ''}"

    return rule


def _truth(value: str) -> str:
    words = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
    return words.get(value.lower(), value)


def _number(value: str) -> str:
    """``0,1``, ``1/10``, ``.1``, ``1.``, ``007``, ``0X1F`` and ``1FH`` as numbers are written."""
    if match := re.fullmatch(r"(\d{1,6})\s*/\s*(10{1,6})", value):
        return f"{int(match[1]) / int(match[2]):g}"
    if re.fullmatch(r"[+-]?\d+,\d+", value):
        value = value.replace(",", ".")
    if re.fullmatch(r"[+-]?\.\d+|[+-]?\d+\.", value):
        value = value.replace(".", "0.") if value.lstrip("+-").startswith(".") else f"{value}0"
    if match := re.fullmatch(r"0X([0-9A-Fa-f]+)|([0-9][0-9A-Fa-f]*)[hH]|(\d+[A-Fa-f][0-9A-Fa-f]*)", value):
        return f"0x{match[1] or match[2] or match[3]}"
    return re.sub(r"^([+-]?)0+(?=\d)", r"\1", value)


def _single_quoted(value: str) -> str:
    """A text with backslashes, as paths of Windows have them, in single quotes."""
    return f"'{value[1:-1]}'" if re.fullmatch(r'"[^"\']*\\[^"\']*"', value) else value


def _closed_text(value: str) -> str:
    return _quoted(value) if value[:1] in ('"', "'") else value


def _quoted(value: str) -> str:
    inner = value.strip("\"'`")
    if not inner or re.search(r"[\"'`\[\]{}\\#]", inner) or re.fullmatch(r"[\d.,+-]+(\s*[/*]\s*[\d.,]+)?", inner):
        return value
    return f'"{inner}"'


def _closed_list(value: str) -> str:
    return f"{value}]" if value.startswith("[") and value.count("[") == value.count("]") + 1 else value


_FORM = 'not of the form key = "value"'
_RULES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("not plain characters: {}", _with_plain_characters),
    ("not a table header", _header),
    (_FORM, _as_pair),
    ("a comment begins with #", _comment),
    ("nothing but a comment follows a value", _without_end_mark),
    ("true and false are written so", _value(_truth)),
    ("a number is not written so", _value(_number)),
    ("a backslash stands in single quotes only", _value(_single_quoted)),
    ("the text has no closing quote", _value(_closed_text)),
    ("a text stands between two quotes", _value(_quoted)),
    ("the list has no ] at its end", _value(_closed_list)),
)
"""What is wrong when a rule changes a line; each rule goes on with what the ones before it made."""
