"""Captures for the documentation, of the real commands at the running demo station: ``make screens``.

``python -m tests.screens FOLDER`` writes each screen in both languages, as text
and as a picture. One analyzer is silent, so that there is something to be found.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.language import LANGUAGES
from agent.language.zh import TEXTS
from tests.simulators.agent_process import COMMAND
from tests.simulators.terminal import Terminal
from tests.svg import svg

PLAYED_S = 150.0
"""Two visits of span gas, which come every minute."""

SILENT_S = 20.0
COLUMNS = 80
SCREENS = {"status": (["status"], 40), "plot": (["plot", "so2.so2", "--last", "3min"], 24), "watch": (["watch"], 24)}
"""What is typed, and how many lines the terminal has."""


def main() -> None:
    """Play, wait, capture."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with _demo() as station:
        time.sleep(PLAYED_S - SILENT_S)
        faults = station / "faults"  # where the demo listens
        subprocess.run([*COMMAND, "simulate", "--tell", str(faults), "co silent"], check=True, capture_output=True)
        time.sleep(SILENT_S)
        for name in SCREENS:
            for language in LANGUAGES:
                text, coloured = _captured(station / "station.toml", name, language)
                (folder / f"{name}.{language}.txt").write_text(text)
                (folder / f"{name}.{language}.svg").write_text(svg(coloured, COLUMNS))


@contextmanager
def _demo() -> Iterator[Path]:
    """The folder of a demo station that is up, until the context is left."""
    folder = Path(tempfile.gettempdir()) / "demo"  # a name that reads well
    folder.mkdir()  # never somebody else's: it is removed in the end
    line = [*COMMAND, "demo", "--plain", "--keep", str(folder)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL) as demo:
        try:
            while not any(folder.rglob("status.json")):
                assert demo.poll() is None, "the demo did not start"
                time.sleep(0.2)
            yield folder
        finally:
            demo.terminate()
            demo.wait()
            shutil.rmtree(folder, ignore_errors=True)


def _captured(config: Path, name: str, language: str) -> tuple[str, str]:
    """The screen of a command, plain and with its colours."""
    words, rows = SCREENS[name]
    line = [*COMMAND, "--config", str(config), "--lang", language, *words]
    with Terminal(line, columns=COLUMNS, rows=rows, environment={"TERM": "xterm-256color"}) as terminal:
        if name == "watch":
            terminal.shows(TEXTS["DEVICE"] if language == "zh" else "DEVICE")
            time.sleep(2.0)
        else:
            terminal.until(lambda: terminal.exit_code is not None)
        plain = [line for line in terminal.lines if not line.startswith("exit code")]
        coloured = [line for line in terminal.coloured.splitlines() if "exit code" not in line]
    return "\n".join(plain).rstrip() + "\n", "\n".join(coloured).rstrip() + "\n"


if __name__ == "__main__":
    main()
