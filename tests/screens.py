"""Captures for the documentation, of the real commands at the running demo station: ``make screens``.

``python -m tests.screens FOLDER`` writes each screen in both languages, as text
and as a picture, from a station for each. One analyzer is silent, so that there is
something to be found.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from agent.language import LANGUAGES
from agent.language.zh import TEXTS
from tests.simulators.agent_process import COMMAND
from tests.simulators.terminal import Terminal
from tests.svg import svg

PLAYED_S = 150.0
"""Two visits of span gas, which come every minute."""

SILENT_S = 20.0
COLUMNS = 80


class Screen(NamedTuple):
    """What is typed, how many lines the terminal has, and which keys are pressed then."""

    words: Sequence[str]
    rows: int = 24
    keys: Sequence[str] = ()


SCREENS = {
    "status": Screen(["status"], rows=40),
    "plot": Screen(["plot", "nox.nox", "so2.so2", "--last", "3min"], rows=34),
    "watch": Screen(["watch"]),
    "device": Screen(["watch"], rows=30, keys=["2", "-"]),
}


def main() -> None:
    """Play, wait, capture."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with _played() as stations:
        for language, station in stations.items():
            for name, screen in SCREENS.items():
                text, coloured = _captured(station / "station.toml", screen, language)
                (folder / f"{name}.{language}.txt").write_text(text)
                (folder / f"{name}.{language}.svg").write_text(svg(coloured, COLUMNS))


@contextmanager
def _played() -> Iterator[dict[str, Path]]:
    """The folders of demo stations that have run for a while, by language, until the context is left."""
    folder = Path(tempfile.gettempdir()) / "demo"  # a name that reads well
    folder.mkdir()  # never somebody else's: it is removed in the end
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stations = {language: stack.enter_context(_demo(folder / language, language)) for language in LANGUAGES}
        time.sleep(PLAYED_S - SILENT_S)
        for station in stations.values():
            line = [*COMMAND, "simulate", "--tell", str(station / "faults"), "co silent"]  # where the demo listens
            subprocess.run(line, check=True, capture_output=True)
        time.sleep(SILENT_S)
        yield stations


@contextmanager
def _demo(folder: Path, language: str) -> Iterator[Path]:
    """A demo station in *folder* that is up, until the context is left."""
    line = [*COMMAND, "--lang", language, "demo", "--plain", "--keep", str(folder)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL) as demo:
        try:
            while not any(folder.rglob("status.json")):
                assert demo.poll() is None, "the demo did not start"
                time.sleep(0.2)
            yield folder
        finally:
            demo.terminate()
            demo.wait()


def _captured(config: Path, screen: Screen, language: str) -> tuple[str, str]:
    """The screen of a command, plain and with its colours."""
    line = [*COMMAND, "--config", str(config), "--lang", language, *screen.words]
    with Terminal(line, columns=COLUMNS, rows=screen.rows, environment={"TERM": "xterm-256color"}) as terminal:
        if "watch" in screen.words:
            terminal.shows(TEXTS["DEVICE"] if language == "zh" else "DEVICE")
            terminal.press(*screen.keys)
            time.sleep(2.0)
        else:
            terminal.until(lambda: terminal.exit_code is not None)
        plain = [line for line in terminal.lines if not line.startswith("exit code")]
        coloured = [line for line in terminal.coloured.splitlines() if "exit code" not in line]
    return "\n".join(plain).rstrip() + "\n", "\n".join(coloured)


if __name__ == "__main__":
    main()
