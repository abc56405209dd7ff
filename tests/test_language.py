"""English in the code, Chinese on the screen."""

from __future__ import annotations

import subprocess

import pytest

from agent.language import Table, choose, chosen
from agent.language.zh import TEXTS
from tests.simulators.agent_process import COMMAND


def test_a_text_is_found_whole_or_by_its_template() -> None:
    """What is put in is translated as well, however deep."""
    table = Table({"{} gave no answer": "{0} 没有应答", "{} (for {})": "{0}（已持续 {1}）", "{} min": "{0} 分钟"})

    assert table.translate("so2 gave no answer (for 12 min)") == "so2 没有应答（已持续 12 分钟）"
    assert table.translate("nobody knows this") == "nobody knows this"


def test_the_more_particular_template_wins() -> None:
    """Otherwise {} (for {}) would swallow everything."""
    table = Table({"{}: {}": "{0}：{1}", "disk {}: {} left": "{0} 盘剩余 {1}"})

    assert table.translate("disk sda: 3 GB left") == "sda 盘剩余 3 GB"
    assert table.translate("a: b") == "a：b"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "zh_TW.UTF-8", "LC_ALL": ""}, "zh"),
        ({}, "en"),
    ],
)
def test_without_a_word_the_locale_decides(
    environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order in which POSIX reads the variables."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        choose()
        assert chosen() == language
    finally:
        choose("en")


@pytest.mark.parametrize("words", [["--lang", "zh", "status"], ["status", "--lang=zh"]])
def test_the_language_may_be_named_anywhere(words: list[str]) -> None:
    """Nobody remembers on which side of the command an option belongs."""
    said = subprocess.run(
        [*COMMAND, "--config", "/nowhere/station.toml", *words], capture_output=True, text=True, check=False
    )
    assert said.stdout.startswith(TEXTS["UNKNOWN"])
