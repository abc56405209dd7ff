"""What people read, in their language: English stands in the code, Chinese in one table.

A text is looked up by what it says in English, whole or as a template in which
``{}`` stands for what was put in. So the daemon says everything in English (its
log, records and snapshots are read by programs too), and whatever shows it
translates: also what an older daemon said, and what is built of several texts.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib import import_module
from itertools import pairwise

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
    _chosen = language or of_locale()


def chosen() -> str:
    """The language that is spoken now."""
    return _chosen


def of_locale() -> str:
    """The language that the locale asks for."""
    spoken = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "zh" if spoken.lower().startswith("zh") else "en"


def say(text: str) -> str:
    """Return *text*, which is English, in the language that was chosen; unchanged where the table lacks it."""
    return text if _chosen == "en" else _table(_chosen).translate(text)


def say_title(title: str) -> str:
    """Return what an instrument or channel of ours is called, in the language that was chosen.

    A station gives other titles; those stay what they are, whatever sentence they look like.
    """
    return title if _chosen == "en" else _titles(_chosen).translate(title)


def joined(texts: Iterable[str], mark: str = ", ") -> str:
    """Return *texts*, but for the empty ones, side by side, with the *mark* that the language has for this one."""
    return punctuation(mark).join(filter(None, texts))


def bracketed(text: str, remark: str) -> str:
    """Return *text* with a *remark* behind it; both are in the language that was chosen."""
    return f"{text}{punctuation(' (')}{remark}{punctuation(')')}"


def punctuation(mark: str) -> str:
    """What the language that was chosen writes for an English *mark*."""
    return mark if _chosen == "en" else _table(_chosen).punctuation.get(mark, mark)


@cache
def _table(language: str) -> Table:
    words = import_module(f"agent.language.{language}")
    return Table(words.TEXTS, words.HEADINGS, words.PUNCTUATION)


@cache
def _titles(language: str) -> Table:
    return Table(import_module(f"agent.language.{language}.titles").TEXTS)


class Table:
    """Texts and templates of one language, by their English.

    The more letters of its own a template has, the earlier it is tried: what
    fits two of them is what the more particular one says. *headings* are translated
    only where they stand alone: put into a template, such a word is somebody's name.
    So is what a template has between double quotes: it stands so in a file.
    *punctuation* is for what is built of several texts.
    """

    def __init__(
        self,
        texts: Mapping[str, str],
        headings: Collection[str] = (),
        punctuation: Mapping[str, str] | None = None,
    ) -> None:
        self.punctuation: Mapping[str, str] = punctuation or {}
        self._texts = texts
        self._headings = headings
        templates = sorted((english for english in texts if "{}" in english), key=_weight, reverse=True)
        self._templates = [(max(english.split("{}"), key=len), english) for english in templates]
        self._names = {english: _quoted_places(english) for english in templates}
        self._remembered = lru_cache(maxsize=4096)(self._translated)  # else each way to cut a list is tried

    def translate(self, text: str) -> str:
        """Return *text* in this language, and what was put into a template as well; unchanged where it is not known."""
        return self._remembered(text)

    def _translated(self, text: str) -> str:
        if (known := self._texts.get(text)) is not None:
            return known
        for literal, english in self._templates:
            if literal in text and (put_in := _fit(english, text)) is not None:
                is_glue = _letters(english) < _FEW_LETTERS
                if is_glue and len(text) > _LONGEST_GLUED:
                    continue
                names = self._names[english]
                parts = [(one, one if at in names else self._inner(one)) for at, one in enumerate(put_in)]
                if not is_glue or not any(_is_prose(*part) for part in parts):
                    return _filled(self._texts[english], [said for _, said in parts])
        return text

    def _inner(self, text: str) -> str:
        return text if text in self._headings else self.translate(text)


def _filled(template: str, parts: Sequence[str]) -> str:
    """Put *parts* into *template*, with a blank wherever a Chinese character would touch a Latin letter or a digit."""
    from string import Formatter  # not for English

    text = ""
    for literal, field, _, _ in Formatter().parse(template):
        for piece in (literal, parts[int(field)] if field else ""):
            text += f" {piece}" if _touch(text[-1:], piece[:1]) else piece
    return text


def _touch(before: str, after: str) -> bool:
    pair = (before, after)
    return any(char.isascii() and char.isalnum() for char in pair) and any("一" <= char <= "鿿" for char in pair)


def _weight(english: str) -> tuple[int, int]:
    return _letters(english), len(english)


def _letters(english: str) -> int:
    return sum(map(str.isalpha, english))


def _quoted_places(english: str) -> frozenset[int]:
    """Which places of a template stand between double quotes, counted from 0."""
    pieces = english.split("{}")
    around = pairwise(pieces)
    return frozenset(at for at, (left, right) in enumerate(around) if left.endswith('"') and right.startswith('"'))


def _is_prose(text: str, said: str) -> bool:
    """Whether *text* is of several words, for which there are no others."""
    return said == text and sum(map(str.isalpha, text.split())) > 1


def _fit(english: str, text: str) -> list[str] | None:
    """What stands in *text* at the places of a template, each as short as it can be; None where it does not fit.

    A regular expression would do the same; to compile one for each takes longer than all the rest of ``status``.
    """
    first, *middle, last = english.split("{}")
    end = len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last):
        return None
    parts, at = [], len(first)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return None
        parts.append(text[at:found])
        at = found + len(piece)
    return [*parts, text[at:end]] if at <= end else None
