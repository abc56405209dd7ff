"""File systems of our own, to be filled, taken away and made read-only under the real daemon.

They live in a mount namespace inside a user namespace, so that nobody needs to be
root, nothing outside is touched, and all is gone when the holder of the namespace
ends, which happens at the latest with the test.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self


class NoMountsError(Exception):
    """Nobody may have file systems of his own on this machine."""


class Mounts:
    """A namespace in which :attr:`inside` starts programs and :meth:`mount` works."""

    def __init__(self) -> None:
        line = ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "cat"]
        self._holder = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.write(b"there\n")
        self._holder.stdin.flush()
        if self._holder.stdout.readline() != b"there\n":
            why = self._holder.communicate()[1].decode().strip()
            raise NoMountsError(
                f"no user and mount namespace can be had: {why}; allow them with: sysctl user.max_user_namespaces=10000"
            )

    @property
    def inside(self) -> list[str]:
        """What starts a program in there."""
        target = f"--target={self._holder.pid}"
        return ["nsenter", target, "--user", "--mount", "--preserve-credentials", f"--wd={Path.cwd()}"]

    def run(self, *words: str) -> None:
        """Run a program in there; NoMountsError with its own words when it fails."""
        done = subprocess.run([*self.inside, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoMountsError(f"{' '.join(words)}: {done.stderr.strip()}")

    def tmpfs(self, place: Path, size: str) -> None:
        """Mount a file system in memory at *place*, which is made if it is not there."""
        place.mkdir(parents=True, exist_ok=True)
        self.run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))

    def seen(self, path: Path) -> Path:
        """Where *path* of in there is found from out here."""
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.communicate(timeout=10)
