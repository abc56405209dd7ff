"""What programs of the system say: each is asked in English, for seconds at most, and may be missing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

ASK_S = 5.0
HEAR_S = 20.0
"""A journal of years takes longer than a question."""

SEARCH = ("/usr/sbin", "/sbin")
"""Where programs for root lie, which are not always on the path of who has become root."""

Answer = subprocess.CompletedProcess[str]


def ask(line: Sequence[str], within_s: float = ASK_S) -> Answer | None:
    """What *line* answers; None where it is missing, or takes longer than *within_s*."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *SEARCH))
    plain = os.environ | {"LC_ALL": "C", "SYSTEMD_PAGER": "", "PATH": path}
    try:
        return subprocess.run(  # noqa: S603 - words of our own, and names that the kernel or the station file gave
            line, capture_output=True, text=True, errors="replace", timeout=within_s, check=False, env=plain
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def pairs(line: Sequence[str]) -> dict[str, str]:
    """The lines ``KEY=value`` of the answer; empty where there is none."""
    answer = ask(line)
    if answer is None:
        return {}
    return dict(pair.split("=", 1) for pair in answer.stdout.splitlines() if "=" in pair)


def heard(line: Sequence[str]) -> str:
    """All that *line* says; why not, where it says nothing."""
    answer = ask(line, HEAR_S)
    return f"{line[0]}: missing\n" if answer is None else answer.stdout or answer.stderr
