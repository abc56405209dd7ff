"""The command line's end of the control socket: plain and blocking, so that a command starts at once."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from drivers.errors import StationError

DEADLINE_S = 30.0
"""A daemon that says nothing for so long is given up."""


class ControlError(StationError):
    """The daemon cannot be asked, or refused; ``faults`` are all mistakes of a file that it refused."""

    exit_code = 3
    faults: tuple[str, ...] = ()


class NoDaemonError(ControlError):
    """Nobody listens at the control socket."""


def ask(path: Path, request: Mapping[str, Any], *, timeout_s: float = DEADLINE_S) -> dict[str, Any]:
    """Ask the daemon behind *path* and return its answer; raises ControlError when there is none or it refused."""
    for answer in _lines(path, request, timeout_s):
        if not answer.pop("ok", False):
            raise _refusal(answer)
        return answer
    raise _hung_up()


def follow(path: Path, request: Mapping[str, Any], *, timeout_s: float = DEADLINE_S) -> Iterator[dict[str, Any]]:
    """Ask for something that takes its time and yield its news; whoever stops reading ends it at the daemon too.

    Raises ControlError as :func:`ask` does, also in between.
    """
    for line in _lines(path, request, timeout_s):
        if "ok" not in line:
            yield line
        elif line.pop("ok"):
            return
        else:
            raise _refusal(line)
    raise _hung_up()


def _lines(path: Path, request: Mapping[str, Any], timeout_s: float) -> Iterator[dict[str, Any]]:
    """What the daemon says to *request*, until it hangs up; raises ControlError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
        wire.settimeout(timeout_s)
        try:
            wire.connect(str(path))
        except PermissionError:
            hint = "Add your user to the group station-agent and log in again, or call with sudo"
            raise ControlError(f"not allowed to talk to the daemon at {path}", hint=hint) from None
        except OSError as error:
            hint = "Is the daemon running? systemctl status station-agent"
            raise NoDaemonError(f"no daemon answers at {path}: {error.strerror or error}", hint=hint) from None
        try:
            wire.sendall(json.dumps(request).encode() + b"\n")
            with wire.makefile("rb") as lines:
                for line in lines:
                    if line.strip():
                        yield json.loads(line)
        except TimeoutError:
            hint = "Look at: journalctl -u station-agent -n 50"
            raise ControlError(f"the daemon said nothing for {timeout_s:g} s", hint=hint) from None
        except ConnectionError:
            raise _hung_up() from None


def _hung_up() -> ControlError:
    return ControlError("the daemon gave no answer", hint="Look at: journalctl -u station-agent -n 50")


def _refusal(answer: Mapping[str, Any]) -> ControlError:
    error = ControlError(answer.get("error", "refused"), hint=answer.get("hint", ""))
    error.exit_code = answer.get("exit_code", error.exit_code)
    error.faults = tuple(answer.get("faults", ()))
    return error
