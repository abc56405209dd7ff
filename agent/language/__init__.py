"""What people read, in their language: English stands in the code, Chinese in one table.

A text is looked up by what it says in English, whole or as a template in which
``{}`` stands for what was put in. So the daemon says everything in English (its
log, records and snapshots are read by programs too), and whatever shows it
translates: also what an older daemon said, and what is built of several texts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from importlib import import_module

LANGUAGES = ("en", "zh")

_FEW_LETTERS = 6
"""A template with fewer is only glue, such as ``{}: {}``: it fits by accident what nobody translated."""

_LONGEST_GLUED = 400
"""Characters; what is longer and only glued together is data."""

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
    words = import_module(f"agent.language.{language}")
    return Table(words.TEXTS, words.HEADINGS)


class Table:
    """Texts and templates of one language, by their English.

    The more letters of its own a template has, the earlier it is tried: what
    fits two of them is what the more particular one says. *headings* are translated
    only where they stand alone: put into a template, such a word is somebody's name.
    """

    def __init__(self, texts: Mapping[str, str], headings: Collection[str] = ()) -> None:
        self._texts = texts
        self._headings = headings
        templates = sorted((english for english in texts if "{}" in english), key=_weight, reverse=True)
        self._templates = [(max(english.split("{}"), key=len), english) for english in templates]
        self._remembered = lru_cache(maxsize=4096)(self._translated)  # else each way to cut a list is tried

    def translate(self, text: str) -> str:
        """Return *text* in this language, and what was put into a template as well; unchanged where it is not known."""
        return self._remembered(text)

    def _translated(self, text: str) -> str:
        if (known := self._texts.get(text)) is not None:
            return known
        for literal, english in self._templates:
            if literal in text and (match := _pattern(english).fullmatch(text)):
                is_glue = _letters(english) < _FEW_LETTERS
                if is_glue and len(text) > _LONGEST_GLUED:
                    continue
                parts = [(part, self._inner(part)) for part in match.groups()]
                if not is_glue or not any(_is_prose(*part) for part in parts):
                    return self._texts[english].format(*(said for _, said in parts))
        return text

    def _inner(self, text: str) -> str:
        return text if text in self._headings else self.translate(text)


def _weight(english: str) -> tuple[int, int]:
    return _letters(english), len(english)


def _letters(english: str) -> int:
    return sum(map(str.isalpha, english))


def _is_prose(text: str, said: str) -> bool:
    """Whether *text* is of several words, for which there are no others."""
    return said == text and sum(map(str.isalpha, text.split())) > 1


@cache
def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("(.*?)".join(map(re.escape, english.split("{}"))), re.DOTALL)
