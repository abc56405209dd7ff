"""The systemd unit of the daemon, as ``systemctl show`` tells it to everybody."""

from __future__ import annotations

from dataclasses import dataclass

from agent.doctor.system import ask

UNIT = "station-agent.service"
PROPERTIES = (
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "Result",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "Restart",
    "StartLimitIntervalUSec",
    "LimitNOFILE",
    "NRestarts",
    "MainPID",
    "User",
    "SupplementaryGroups",
    "WatchdogUSec",
    "MemoryMax",
    "MemoryCurrent",
)


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says of the unit; ``why`` is why it says nothing, and then ``words`` is empty."""

    words: dict[str, str]
    why: str = ""

    def __getitem__(self, name: str) -> str:
        return self.words.get(name, "")

    def number(self, name: str) -> int | None:
        """A property that is a number; None for ``infinity`` and what is not set."""
        return int(self[name]) if self[name].isdecimal() else None


def ask_systemd() -> Unit:
    """Ask for all that is needed, at once."""
    answer = ask(("systemctl", "show", UNIT, f"--property={','.join(PROPERTIES)}"))
    if answer is None:
        return Unit({}, "systemctl is missing here, or does not answer")
    if answer.returncode:
        return Unit({}, "this machine was not started by systemd")
    return Unit(dict(line.split("=", 1) for line in answer.stdout.splitlines() if "=" in line))
