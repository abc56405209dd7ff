"""Every sentence of the installer and of the package's scripts is there in Chinese, in systemd/zh.sed."""

import re
import subprocess
from pathlib import Path

import pytest

from systemd.packing import deb

SYSTEMD = Path(__file__).parents[1] / "systemd"
SCRIPTS = [SYSTEMD / "install.sh", *(SYSTEMD / "debian" / name for name in deb.SCRIPTS)]
COMMAND = re.compile(r"(next: |station-agent: )?(sudo |apt-get|install\.sh|journalctl|make|pip)")
ENGLISH = re.compile(r"(?<![-/\w])[a-z]+ [a-z]+ [a-z]+(?![-/\w])")


def sentences(script: Path) -> list[str]:
    """What *script* says, each thing that it puts in as a word of its own."""
    text = re.sub(r"\\\n\s*", " ", script.read_text())
    for inserted in (r"\$\([^()]*\)", r"\$\{[^{}]*\}", r"\$[a-z0-9_]+"):
        text = re.sub(inserted, "7.7", text)
    calls = re.findall(r"\b(?:say|die) (?=[\"'])(.*)", text)
    found = [a or b for call in calls for a, b in re.findall(r"'([^']*)'|\"([^\"]*)\"", call)]
    usage = re.search(r"<<USAGE\n(.*?)USAGE", text, re.DOTALL)
    return found + (re.findall(r"^  --.*?  +(.*)", usage[1], re.MULTILINE) if usage else [])


def chinese(text: str) -> str:
    """*text* as the scripts say it to who reads Chinese."""
    rules = SYSTEMD / "zh.sed"
    return subprocess.run(["sed", "-f", rules], input=text, text=True, check=True, capture_output=True).stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_a_script_says_is_said_in_chinese(script: Path) -> None:
    """The installer is the first thing that a technician reads."""
    said = [text for text in sentences(script) if ENGLISH.search(text)]

    assert script.name == "prerm" or said
    assert [text for text in said if not COMMAND.match(text) and not re.search("[一-鿿]", chinese(text))] == []
    assert [text for text in said if ENGLISH.search(chinese(text)) and not COMMAND.match(text)] == []


def test_every_rule_is_of_use() -> None:
    """What no script says any more is not kept."""
    everything = "\n".join(script.read_text() for script in SCRIPTS)
    rules = re.findall(r"^s/(.*?)(?<!\\)/", (SYSTEMD / "zh.sed").read_text(), re.MULTILINE)
    literals = {max(re.split(r"\\\(.*?\\\)\*?|\^|\$|\.\*", rule), key=len).replace("\\", "") for rule in rules}

    assert [words for words in literals if words.strip() not in everything] == []
