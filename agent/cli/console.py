"""What the screen before somebody can show: not every one has Chinese characters, or all of Unicode."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agent.language import chosen, of_locale
from drivers.errors import StationError

_CHINESE = "中"


class EncodingError(StationError):
    """What goes into a pipe or file would not be what was meant."""

    exit_code = 2

    def __init__(self, error: UnicodeEncodeError) -> None:
        lacking = error.object[error.start]
        super().__init__(f"the encoding {error.encoding} lacks {lacking}", hint="Run it with: LC_ALL=C.UTF-8")


def settle() -> None:
    """Let what is printed never end a command: what the terminal's encoding lacks becomes a question mark there.

    Where a stream was closed, as by a supervisor that only wants the exit code, nothing is printed.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - until the program ends
        elif stream.isatty():
            stream.reconfigure(errors="replace")


def language() -> str | None:
    """English where the locale asks for Chinese and the terminal has none; else None, for what the locale says."""
    return "en" if of_locale() == "zh" and _lacks_chinese() else None


def note() -> str:
    """Say why English is spoken in a Chinese locale; empty where that is not so."""
    if chosen() == "zh" or language() is None:
        return ""
    return "This console cannot show Chinese; a terminal over SSH or on a desktop can. All the same: --lang zh"


def _lacks_chinese() -> bool:
    if not sys.stdout.isatty():
        return False
    try:
        _CHINESE.encode(sys.stdout.encoding)
        return _is_the_kernels(os.ttyname(sys.stdout.fileno()))
    except UnicodeEncodeError:
        return True
    except OSError:  # a terminal of another container has no name here
        return False


def _is_the_kernels(name: str) -> bool:
    """Whether *name* is the PC's own text console: its fonts hold 512 characters at most (setfont(8)).

    A terminal that draws on top of it, such as fbterm, is a pts.
    """
    return name == "/dev/console" or (name.startswith("/dev/tty") and name[len("/dev/tty") :].isdigit())
