"""Takes secrets out of text that leaves the station. Pure.

What is known to be a secret goes wherever it stands, as it is, in base64, in a URL
and in JSON. What only looks like one goes too: better a line too poor than a password in a
mail. Digests and names of files stay, for they are what one looks for.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

REMOVED = "REMOVED"
SHORTEST = 4
"""Characters: what is shorter would go out of ordinary words too."""

_NAME = (
    r"(?<![\w.-])[\w.-]{0,30}(?:username|passw(?:or)?d|passphrase|passwort|\bpass\b|_pass\b|pwd|secret|token|psk|private_?key|api_?-?key|access_?key"
    r"|authorization|credentials|wep_?key\d?|community|密码|口令|密钥)[\w-]{0,30}"
)
_VALUE = r"""\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\[[^\]]*\]|[^\s,;&"'{}\[\]]+"""
_SAID = re.compile(
    rf"""(?P<name>{_NAME})(?P<quote>\\?["']?)(?P<sign>\s*(?:=>|[:=：]|是|为)\s*)(?P<value>{_VALUE})""",
    re.IGNORECASE | re.DOTALL,
)
_FLAG = re.compile(r"(--?(?:passw(?:or)?d|pass|pw|token|secret|psk)[= ]+)(?:\"[^\"]*\"|'[^']*'|\S+)", re.IGNORECASE)
_BESIDE = re.compile(
    r"\b((?:passw(?:or)?d|passphrase|psk|密码|口令)\s+(?:is\s+)?)(?![(\[])(?=\S*\d)[^\s\"',;]+", re.IGNORECASE
)
_SCHEMES = re.compile(r"\b((?:Basic|Bearer)\s+)[A-Za-z0-9+/=_.~-]{6,}")
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s/@\"']+@", re.IGNORECASE)
_PEM = re.compile(
    r"(?:\A(?:(?!-----BEGIN).)*?|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?)(?:-----END [A-Z ]*PRIVATE KEY-----)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*",
    re.DOTALL,
)
"""A key, also one whose begin or end was cut off."""
_WIFI = re.compile(r"\bWIFI:[^\s\"']+", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")


class Redactor:
    """Removes *known* secrets and what looks like one; ``removed`` counts."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        forms = {form for secret in known for form in _forms(secret.strip())}
        self._known = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)
        self.removed = 0

    def clean(self, text: str) -> str:
        """Return *text* without secrets; JSON and TOML stay what they are."""
        for secret in self._known:
            self.removed += text.count(secret)
            text = text.replace(secret, REMOVED)
        text = self._sub(_PEM, REMOVED, text)
        text = self._sub(_URL, rf"\1{REMOVED}@", text)
        for pattern in (_WIFI, _JWT):
            text = self._sub(pattern, REMOVED, text)
        for pattern in (_SCHEMES, _FLAG, _BESIDE):
            text = self._sub(pattern, rf"\1{REMOVED}", text)
        return _SAID.sub(self._said, text)

    def _sub(self, pattern: re.Pattern[str], by: str, text: str) -> str:
        text, count = pattern.subn(by, text)
        self.removed += count
        return text

    def _said(self, match: re.Match[str]) -> str:
        """``name = value`` without its value, in the quotes that it had."""
        name, value = match["name"], match["value"]
        if name.lower().endswith("file") or value.strip("\"'") == REMOVED:
            return match[0]
        self.removed += 1
        mark = value[0] if value[0] in "\"'" else '"' if value[0] == "[" else ""
        return f"{name}{match['quote']}{match['sign']}{mark}{REMOVED}{mark}"


def secrets_in(text: str) -> Iterator[str]:
    """What *text*, such as a station file, calls a secret: it may stand elsewhere without that name."""
    for match in _SAID.finditer(text):
        value = match["value"].strip("\"'")
        if not match["name"].lower().endswith("file") and len(value) >= 6:
            yield value


def _forms(secret: str) -> Iterator[str]:
    if len(secret) >= SHORTEST:
        yield secret
        yield quote(secret, safe="")
        yield base64.b64encode(secret.encode()).decode()
        yield json.dumps(secret)[1:-1]
        yield json.dumps(secret, ensure_ascii=False)[1:-1]
