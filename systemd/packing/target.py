"""What a release is packed for, a processor and a Python, and the wheels that it takes along.

The lock file is for every target; which of its lines are for one is decided here and not by pip, which would judge
by the machine that packs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements-runtime.lock"
GLIBC = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014")
"""glibc 2.28 and what came before it: nothing that asks for a newer one is packed."""


class PackingError(Exception):
    """A release cannot be packed: what is wrong, and what to do."""

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(f"{what}\n  next: {hint}")


@dataclass(frozen=True)
class Target:
    """A station's PC: ``machine`` as ``uname -m`` says it, ``python`` as in "3.11"."""

    machine: str
    python: str

    @property
    def tag(self) -> str:
        """The Python as wheels call it, such as ``py311``."""
        return f"py{self.python.replace('.', '')}"

    @property
    def pip_options(self) -> list[str]:
        """What makes pip choose for the target in place of this machine."""
        platforms = [word for glibc in GLIBC for word in ("--platform", f"{glibc}_{self.machine}")]
        return ["--only-binary=:all:", "--no-deps", "--python-version", self.python, *platforms]

    def lock(self, text: str) -> str:
        """The requirements of lock file *text* that are for this target, with their hashes and without conditions."""
        return "".join(f"{pin} \\\n    {hashes}\n" for pin, hashes in self._pins(text))

    def download(self, folder: Path) -> None:
        """Fetch the wheels of the lock file into *folder*, each by its hash."""
        folder.mkdir(parents=True)
        wanted = folder.with_name("target.lock")
        wanted.write_text(self.lock(LOCK.read_text()))
        pip("download", "-q", "--require-hashes", *self.pip_options, "-d", folder, "-r", wanted)
        wanted.unlink()

    def _pins(self, text: str) -> Iterator[tuple[str, str]]:
        environment = {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }
        for line in re.sub(r"\\\n", " ", text).splitlines():
            if line and not line.startswith("#"):
                wanted, _, hashes = line.partition(" --hash=")
                requirement = Requirement(wanted)
                if requirement.marker is None or requirement.marker.evaluate(environment):
                    yield f"{requirement.name}{requirement.specifier}", " ".join(f"--hash={hashes}".split())


def pip(*words: str | Path) -> None:
    """Run pip; raises PackingError when it fails, after it has said why."""
    done = subprocess.run([sys.executable, "-m", "pip", *map(str, words)], check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise PackingError(
            f"pip {words[0]} failed (above)", hint="Mend the network, or name a Python and processor with wheels"
        )


def built_wheel(folder: Path) -> Path:
    """The one wheel of this project in *folder*."""
    found = list(folder.glob("station_agent-*.whl"))
    if len(found) != 1:
        raise PackingError(f"{folder} holds {len(found)} wheels of station-agent, not one", hint="make wheel")
    return found[0]


def version_of(wheel: Path) -> str:
    """The version in the name of *wheel*."""
    return wheel.name.split("-")[1]
