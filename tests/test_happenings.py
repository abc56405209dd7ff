"""What happened, as people read it: a sentence for each constant, in both languages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli.recordline import record_line
from agent.happenings import SENTENCES, happening
from agent.language import choose
from agent.language.zh import TEXTS
from drivers.reading import Stream

AGENT = Path(__file__).parent.parent / "agent"
RECORDS = {"event", "_tell", "_record", "say", "say_rarely", "_told", "Happening"}
"""What is called with the name of an event that becomes a record."""

NOT_RECORDED = {"log_refused", "log_mending"}
"""Only the journal of the daemon has them."""


def names() -> Iterator[str]:
    """The constants that the code gives to events."""
    for path in AGENT.rglob("*.py"):
        if "language" in path.parts or "cli" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(first := node.args[0], ast.Constant):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in RECORDS and isinstance(first.value, str) and "_" in first.value and " " not in first.value:
                    yield first.value


def test_every_event_has_a_sentence_in_both_languages() -> None:
    """A technician reads what happened, not what a constant is called."""
    assert set(names()) - SENTENCES.keys() - NOT_RECORDED == set()
    assert {name for name, sentence in SENTENCES.items() if sentence not in TEXTS} == set()


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "2026-11-22T04:30:00.000Z event 7 so2 the device gives nothing any more: reason no_reply"),
        ("zh", "2026-11-22T04:30:00.000Z 事件 7 so2 设备不再应答：原因 无应答"),
    ],
)
def test_a_record_says_what_happened_in_words(language: str, line: str) -> None:
    """And what varies with it."""
    record = {"time": "2026-11-22T04:30:00.000Z", "seq": 7, "device": "so2", "event": "device_lost"}
    choose(language)
    try:
        said = record_line(Stream.EVENT, record | {"data": {"reason": "no_reply"}})
    finally:
        choose("en")
    assert said.replace("no reply", "no_reply") == line


def test_an_event_of_a_later_version_is_called_by_its_own_words() -> None:
    """The log outlives the program that reads it."""
    assert happening("gate_opened") == "gate opened"
