"""What the README says is proved by a test that exists, and lists what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.cli import COMMANDS
from drivers.catalog import load_profile, profile_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROOFS = re.findall(r"`((?:\w+/)*test_\w+\.py)::(test_\w+)`", README)


def test_every_row_of_the_failure_table_names_its_proof() -> None:
    """A promise without a test is an opinion."""
    table = README.split("## What happens when things fail")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]

    assert len(rows) >= 20
    assert [row for row in rows if "::test_" not in row] == []


@pytest.mark.parametrize(("file", "name"), PROOFS, ids=[name for _, name in PROOFS])
def test_the_named_proof_exists(file: str, name: str) -> None:
    """A renamed test must not leave a promise without proof."""
    assert re.search(rf"def {name}\b", (ROOT / "tests" / file).read_text()), f"tests/{file} has no {name}"


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_is_listed(name: str) -> None:
    """An instrument that nobody finds might as well not be there."""
    profile = load_profile(name)
    instrument = f"{profile.maker} {profile.model}: {profile.kind}"
    row = f"| `{name}` | {instrument} | `{profile.protocol}` | {profile.confidence} |"
    assert row in (ROOT / "drivers" / "profiles" / "README.md").read_text().splitlines()


def test_every_command_is_shown() -> None:
    """So is a command."""
    assert [name for name in COMMANDS if f"station-agent {name}" not in README and name != "demo"] == []
