"""What people read, in their language: English stands in the code, Chinese in one table.

A text is looked up by what it says in English, whole or as a template in which
``{}`` stands for what was put in. So the daemon says everything in English (its
log, records and snapshots are read by programs too), and whatever shows it
translates: also what an older daemon said, and what is built of several texts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module

LANGUAGES = ("en", "zh")

_chosen = "en"


def choose(language: str | None = None) -> None:
    """Speak *language* from now on; without one, that of the locale. Raises ValueError for one that is not known."""
    global _chosen
    if language not in (None, *LANGUAGES):
        raise ValueError(f"{language!r} is not one of {', '.join(LANGUAGES)}")
    _chosen = language or _of_locale()


def chosen() -> str:
    """The language that is spoken now."""
    return _chosen


def say(text: str) -> str:
    """Return *text*, which is English, in the language that was chosen; unchanged where the table lacks it."""
    return text if _chosen == "en" else _table(_chosen).translate(text)


def _of_locale() -> str:
    spoken = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "zh" if spoken.lower().startswith("zh") else "en"


@cache
def _table(language: str) -> Table:
    return Table(import_module(f"agent.language.{language}").TEXTS)


class Table:
    """Texts and templates of one language, by their English.

    The more letters of its own a template has, the earlier it is tried: what
    fits two of them is what the more particular one says.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        templates = sorted((english for english in texts if "{}" in english), key=_letters, reverse=True)
        self._templates = [(max(english.split("{}"), key=len), english) for english in templates]

    def translate(self, text: str) -> str:
        """Return *text* in this language, and what was put into a template as well; unchanged where it is not known."""
        if (known := self._texts.get(text)) is not None:
            return known
        for literal, english in self._templates:
            if literal in text and (match := _pattern(english).fullmatch(text)):
                return self._texts[english].format(*map(self.translate, match.groups()))
        return text


def _letters(english: str) -> int:
    return len(english.replace("{}", ""))


@cache
def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("(.*?)".join(map(re.escape, english.split("{}"))), re.DOTALL)
