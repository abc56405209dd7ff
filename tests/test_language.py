"""English in the code, Chinese on the screen."""

from __future__ import annotations

import re
import string
import subprocess

import pytest

from agent.amounts import ago
from agent.language import Table, _fit, bracketed, choose, chosen, joined, say_title, zh
from agent.language.zh import HEADINGS, TEXTS, system, usage
from agent.language.zh import titles as names
from tests.simulators.agent_process import COMMAND
from tests.texts import ROOT, constants, texts, titles, words_of_argparse

PARTS_OF_TITLES = {text for text in names.TEXTS if text[0].islower()}
"""A mark is "of ozone"."""


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


def test_what_is_only_glue_leaves_alone_what_nobody_translated() -> None:
    """Half a sentence in each language is worse than a whole one in English."""
    table = Table({"{} to {}": "{0} 至 {1}", "{}: {}": "{0}：{1}", "it is gone": "已消失"})

    assert table.translate("1 to 3") == "1 至 3"
    assert table.translate("a way to nowhere") == "a way to nowhere"
    assert table.translate("rack: it is gone") == "rack：已消失"


def test_a_long_list_costs_no_time() -> None:
    """There are very many ways to cut it in two."""
    table = Table({"{}, {}": "{0}、{1}", "{}: {}": "{0}：{1}", "{}; {}": "{0}；{1}"})
    data = "; ".join(f"a: {number}, b: {number}" for number in range(500))

    assert table.translate(data) == data
    assert table.translate(f"{data[:300]}; nobody knows this") == f"{data[:300]}; nobody knows this"


def test_chinese_and_latin_letters_do_not_touch() -> None:
    """Whoever writes a template does not know which of them will be put in."""
    table = Table({"{} needs {}": "{0}需要 {1}", "a curve": "曲线", "{} ago": "{0}前"})

    assert table.translate("watch needs textual") == "watch 需要 textual"
    assert table.translate("a curve needs plotext") == "曲线需要 plotext"
    assert table.translate("3 ago") == "3 前"


def test_a_stations_own_title_is_no_sentence() -> None:
    """It may look like one of ours: "All bad" is not "all are bad"."""
    choose("zh")
    try:
        assert say_title("Sulphur dioxide") == "二氧化硫"
        assert say_title("SO2, range 1") == "SO2，量程 1"
        assert say_title("All bad") == "All bad"
    finally:
        choose("en")


def test_what_is_put_together_has_the_marks_of_the_language() -> None:
    """Commas of two kinds in one line are a line of two minds."""
    assert joined(["a", "", "b"], "; ") + bracketed("c", "d") == "a; bc (d)"
    choose("zh")
    try:
        assert joined(["甲", "", "乙"], "; ") + bracketed("丙", "丁") == "甲；乙丙（丁）"
    finally:
        choose("en")


def test_a_heading_inside_a_sentence_is_a_name() -> None:
    """A device may be called power, and has then not failed."""
    table = Table({"{} is gone": "{0} 已消失", "power": "停电"}, {"power"})

    assert table.translate("power") == "停电"
    assert table.translate("power is gone") == "power 已消失"


def test_every_text_of_the_code_is_there_in_chinese() -> None:
    """What lacks is printed as it has to be filled in."""
    known = Table(TEXTS, HEADINGS)
    lacking = {text: place for text, place in texts().items() if text not in TEXTS and known.translate(text) == text}

    assert not lacking, "\n" + "\n".join(f'    {text!r}: "",  # {place}' for text, place in lacking.items())


def test_what_instruments_and_channels_are_called_is_there_in_chinese() -> None:
    """As reports, plots and screens name them; formulas such as NO2 and Leq are the same in both languages."""
    known = Table(TEXTS, HEADINGS)
    words = {title for title in titles() if re.search(r"\b[A-Z]?[a-z]{3,}", title)} - {"Lmax", "Lmin", "Lpeak"}

    assert {title for title in words if known.translate(title) == title} == set()


def test_no_text_is_kept_that_nobody_says() -> None:
    """A sentence that was changed in the code would leave its old Chinese behind for ever."""
    said = constants()
    said |= {text.replace("_", " ") for text in said}  # names of events
    said |= {re.sub(r"\d+", "{}", ago(seconds=seconds)) for seconds in (5, 300, 3600, 7300, 90000, 172800)}
    said |= {text[:1].upper() + text[1:] for text in said}  # a hint that became a sentence
    ours = TEXTS.keys() - usage.TEXTS.keys() - system.TEXTS.keys() - names.TEXTS.keys()

    assert {text for text in ours if text not in said and not _is_joined(text, said)} == set()
    titled = titles()
    fits = {
        text
        for text in names.TEXTS
        if text in titled or ("{}" in text and any(_fit(text, one) is not None for one in titled))
    }
    assert names.TEXTS.keys() - fits <= PARTS_OF_TITLES


def _is_joined(text: str, said: set[str]) -> bool:
    """Whether *text* is two others: one behind the other, or one as the first thing put into the other."""
    cuts = ((text[:at], text[at:]) for at in range(1, len(text)))
    return any(head in said and (rest in said or rest == "{}" or f"{{}}{rest}" in said) for head, rest in cuts)


def test_argparse_speaks_chinese() -> None:
    """Its words are its own, and differ between versions of Python; what only programmers can provoke stays."""
    for_programmers = re.compile(r"call__|required. is|mutually|callable|cannot|invalid option|dest=|conflict|mode|^%")
    said = {text for text in words_of_argparse() if not for_programmers.search(text)}

    assert said - usage.TEXTS.keys() == set()


def test_the_chinese_puts_everything_in_once() -> None:
    """A name that is lost, or stands twice, makes a sentence wrong."""
    templates = {english: chinese for english, chinese in TEXTS.items() if "{}" in english}
    named = {
        english: [field for _, field, _, _ in string.Formatter().parse(templates[english])] for english in templates
    }

    assert {
        english
        for english, fields in named.items()
        if sorted(filter(None, fields)) != [str(number) for number in range(english.count("{}"))]
    } == set()


def test_each_text_stands_in_one_file() -> None:
    """Two Chinese for the same English would depend on the order of the files."""
    files = [module for module in vars(zh).values() if hasattr(module, "TEXTS")]

    assert len(TEXTS) == sum(len(module.TEXTS) for module in files)


def test_each_thing_has_one_word_in_chinese() -> None:
    """Who reads 轮询 here and 采集 there looks for a difference."""
    glossary = (ROOT / "agent/language/README.md").read_text()
    rows = re.findall(r"^\|[^|]+\|[^|]+\|([^|]+)\|$", glossary, re.MULTILINE)[2:]
    shunned = {word for row in rows for word in row.strip().split("，") if re.search("[\u4e00-\u9fff]", word)}
    chinese = [*TEXTS.values(), (ROOT / "README.zh-CN.md").read_text()]

    assert len(shunned) > 10
    assert [(word, text[:80]) for word in shunned for text in chinese if word in text] == []


def _commands(readme: str) -> list[str]:
    """What is typed in its examples, without comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    return [line.split("  #")[0].rstrip() for block in blocks for line in block.splitlines()]


def _shape(readme: str) -> list[str]:
    """Its headings, by level, and how many rows stand below each."""
    text = re.sub(r"^```.*?^```", "", readme, flags=re.DOTALL | re.MULTILINE)
    return [re.match(r"#*\|?", line)[0] for line in text.splitlines() if line.startswith(("#", "|"))]  # type: ignore[index]


def test_the_chinese_readme_is_as_complete_as_the_english_one() -> None:
    """The same sections, tables, commands, proofs and links."""
    english, chinese = ((ROOT / name).read_text() for name in ("README.md", "README.zh-CN.md"))
    proof, link = r"`(?:\w+/)*test_\w+\.py::test_\w+`", r"\]\(([^)]+)\)"

    assert _shape(chinese) == _shape(english)
    assert _commands(chinese) == _commands(english)
    assert re.findall(proof, chinese) == re.findall(proof, english)
    wanted = {one.replace(".en.svg", ".zh.svg") for one in re.findall(link, english)} - {"README.zh-CN.md"}
    assert wanted - set(re.findall(link, chinese)) == set()
