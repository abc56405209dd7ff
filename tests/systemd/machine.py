"""A station's PC as a folder: what needs no running systemd is installed into it, in small stand-ins of a release."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.systemd.wheel import make_wheel

FOLDER = Path(__file__).parents[2] / "systemd"


class Station:
    """A root directory to install into, and a source tree to install from, with small stand-in wheels."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.wheels = folder / "wheels"
        self.tree = folder / "tree"
        self.said = ""  # of the installation that the tests of a module share
        self.wheels.mkdir()
        shutil.copytree(FOLDER, self.tree / "systemd", ignore=shutil.ignore_patterns("__pycache__"))
        (self.tree / "config").mkdir()
        (self.tree / "config/station.toml").write_text("# as shipped\n")
        (self.tree / "requirements-runtime.lock").write_text("")

    def file(self, inside: str) -> Path:
        """The file that is *inside* on the station."""
        return self.root / inside.lstrip("/")

    def install(self, version: str) -> subprocess.CompletedProcess[str]:
        """Install a stand-in of *version*; the second time it is the same file."""
        wheel = self.wheels / f"station_agent-{version}-py3-none-any.whl"
        return self.run(
            "--wheel", wheel if wheel.exists() else make_wheel(self.wheels, version), "--python", sys.executable
        )

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run install.sh for this root."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True)

    def command(self, *arguments: str | Path) -> list[str | Path]:
        """The command line of install.sh for this root."""
        return ["sh", self.tree / "systemd/install.sh", "--root", self.root, "--wheels", self.wheels, *arguments]

    def version(self) -> str:
        """The version that the service would start."""
        release = self.file("/opt/station-agent") / self.file("/opt/station-agent/bin").readlink()
        return next((release.parent / "lib").glob("python*/site-packages/station_agent-*.dist-info")).name
