"""Commands that were typed wrongly: one sentence, one next step, exit code 2, and never a traceback."""

import pytest

from agent.cli import main

WRONG = {
    "statsu": ("there is no command called statsu", "Did you mean status?"),
    "xyzzy": ("there is no command called xyzzy", "See: station-agent --help"),
    "": ("required: COMMAND", "See: station-agent --help"),
    "status --jsno": ("station-agent status does not know: --jsno", "Did you mean --json?"),
    "alarms ack": ("required: ID", "See: station-agent alarms ack --help"),
    "maintenance stop so2 --fro 2h": ("station-agent maintenance stop does not know: --fro 2h", "stop --help"),
    "export --format xml": ("invalid choice: 'xml'", "See: station-agent export --help"),
    "status --config": ("argument --config: expected one argument", "See: station-agent --help"),
    "status --lang fr": ("argument --lang: invalid choice: 'fr'", "See: station-agent --help"),
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_use_is_one_sentence_and_one_next_step(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Who types in a hurry is told what the program did not understand, and what it would."""
    code = main(words.split())

    sentence, step = capsys.readouterr().err.splitlines()
    assert code == 2
    assert WRONG[words][0] in sentence
    assert WRONG[words][1] in step


@pytest.mark.parametrize("words", ["--config {} check", "check --config {}", "check --config={}"])
def test_the_station_file_may_be_named_before_the_command_and_behind_it(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody remembers on which side of a word an option belongs."""
    main(words.format("/nowhere/run").split())

    assert "/nowhere/run" in capsys.readouterr().err


def test_wrong_use_is_told_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    """What was typed stays as it was typed."""
    main(["--lang", "zh", "statsu"])
    main(["--lang", "en"])

    assert "没有名为 statsu 的命令" in capsys.readouterr().err
