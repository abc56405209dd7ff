"""``make deb``: the same release as a Debian package.

The wheels are unpacked into a folder that dpkg owns, file by file, so ``dpkg -V station-agent`` names what was
altered; the station needs neither pip nor a virtual environment. Wheels are for one Python, hence one package for
each release of Debian. The same sources and wheels give the same package, byte for byte.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from systemd.packing.target import ROOT, PackingError, Target, built_wheel, pip, version_of

SYSTEMD, DEBIAN = ROOT / "systemd", ROOT / "systemd/debian"
HOME = "usr/lib/station-agent"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
HELP = {
    "man": "usr/share/man/man1/station-agent.1.gz",
    "bash": "usr/share/bash-completion/completions/station-agent",
}
"""What `station-agent completion` tells, and where it is looked for."""
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
PLACES = {
    SYSTEMD / "99-station-agent.rules": "etc/udev/rules.d/99-station-agent.rules",
    SYSTEMD / "station-agent.modules-load.conf": "usr/lib/modules-load.d/station-agent.conf",
    SYSTEMD / "station-agent.sysusers": "usr/lib/sysusers.d/station-agent.conf",
    SYSTEMD / "station-agent.service": "usr/lib/systemd/system/station-agent.service",
    ROOT / "config/station.toml": "etc/station-agent/station.toml.example",
    ROOT / "README.md": "usr/share/doc/station-agent/README.md",
    ROOT / "README.zh-CN.md": "usr/share/doc/station-agent/README.zh-CN.md",
    DEBIAN / "lintian-overrides": "usr/share/lintian/overrides/station-agent",
    DEBIAN / "copyright": "usr/share/doc/station-agent/copyright",
    DEBIAN / "station-agent": "usr/bin/station-agent",
}
UNUSED = ("bin", "share", "apsw/sqlite_extra_binaries", "apsw/tests")
"""What wheels bring and no station runs."""
LONG_AGO = "1700000000"
"""The date of every file, unless SOURCE_DATE_EPOCH says another: seconds since 1970."""
MAINTAINER = "station-agent maintainers <maintainers@station-agent.invalid>"
"""Whom dpkg names when nobody says: MAINTAINER in the environment, or in `make deb MAINTAINER=...`."""


def main() -> int:
    """Build for the target on the command line, print the package."""
    parser = argparse.ArgumentParser(description="Builds a Debian package.")
    parser.add_argument("--target", default=platform.machine(), choices=sorted(ARCHITECTURES))
    parser.add_argument("--python-version", default="3.11", help="of the station (default: 3.11, as in Debian 12)")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="where the wheel lies and the package goes")
    options = parser.parse_args()
    try:
        target = Target(options.target, options.python_version)
        package = deb(target, built_wheel(options.to), options.to)
    except PackingError as error:
        sys.stderr.write(f"deb: {error}\n")
        return 1
    sys.stdout.write(f"{package}  {package.stat().st_size / 1e6:.0f} MB\n")
    return 0


def deb(target: Target, wheel: Path, to: Path) -> Path:
    """Build the package of *wheel* and what it needs on *target* in *to*; raises PackingError."""
    version = f"{version_of(wheel)}+{target.tag}"
    package = to / f"station-agent_{version}_{ARCHITECTURES[target.machine]}.deb"
    with tempfile.TemporaryDirectory() as scratch:
        wheels, root = Path(scratch, "wheels"), Path(scratch, "root")
        target.download(wheels)
        lay_out(root, version)
        shutil.copy(wheel, wheels)
        _unpack(wheels, target, root / HOME)
        for name in UNUSED:
            shutil.rmtree(root / HOME / name, ignore_errors=True)
        _control(root, target, version)
        _build(root, package)
    return package


def _unpack(wheels: Path, target: Target, home: Path) -> None:
    """Install all *wheels* into *home*; by their names, for of a path pip would keep a note in the package."""
    names = ["==".join(wheel.name.split("-")[:2]) for wheel in sorted(wheels.glob("*.whl"))]
    words = ["-q", "--isolated", "--no-index", "--no-compile", *target.pip_options]
    pip("install", *words, "--find-links", wheels, "--target", home, *names)


def lay_out(root: Path, version: str) -> None:
    """Put everything but the Python packages in its place below *root*."""
    for source, place in PLACES.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, root / place)
    for name in ("profiles", "secrets"):
        (root / "etc/station-agent" / name).mkdir()
    for word, place in HELP.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        line = [sys.executable, "-m", "agent", "--lang", "en", "completion", word]
        told = subprocess.run(line, cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603 - our own command
        (root / place).write_bytes(gzip.compress(told, 9, mtime=0) if place.endswith(".gz") else told)
    unit = root / PLACES[SYSTEMD / "station-agent.service"]
    unit.write_text(unit.read_text().replace("/opt/station-agent/bin/", "/usr/bin/"))
    entry = f"station-agent ({version}) stable; urgency=medium\n\n  * See the project's own changelog.\n\n"
    signed = f"{entry} -- {_maintainer()}  Tue, 14 Nov 2023 22:13:20 +0000\n"
    news = {"changelog.Debian.gz": signed.encode(), "changelog.gz": (ROOT / "CHANGELOG.md").read_bytes()}
    for name, text in news.items():
        (root / "usr/share/doc/station-agent" / name).write_bytes(gzip.compress(text, 9, mtime=0))


def _control(root: Path, target: Target, version: str) -> None:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    major, minor = target.python.split(".")
    words = {
        "VERSION": version,
        "MAINTAINER": _maintainer(),
        "ARCHITECTURE": ARCHITECTURES[target.machine],
        "SIZE": str(sum(path.stat().st_size for path in files) // 1024),
        "PYTHON": target.python,
        "NEXT": f"{major}.{int(minor) + 1}",
    }
    (root / "DEBIAN").mkdir()
    for name in ("control", "conffiles"):
        (root / "DEBIAN" / name).write_text(filled((DEBIAN / name).read_text(), words))
    for name in SCRIPTS:
        (root / "DEBIAN" / name).write_text(script(name, version))
    sums = (f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files)  # noqa: S324
    (root / "DEBIAN/md5sums").write_text("".join(sums))  # what dpkg -V compares with, and knows no other


def script(name: str, version: str) -> str:
    """The maintainer script called *name*; it speaks Chinese where the locale does."""
    say = filled((DEBIAN / "say.sh").read_text(), {"CHINESE": (SYSTEMD / "zh.sed").read_text()})
    return filled((DEBIAN / name).read_text(), {"SAY": say, "VERSION": version})


def _maintainer() -> str:
    return os.environ.get("MAINTAINER") or MAINTAINER


def filled(text: str, words: Mapping[str, str]) -> str:
    """*text* with what stands between two ``@`` replaced."""
    for name, value in words.items():
        text = text.replace(f"@{name}@", value)
    return text


def _build(root: Path, package: Path) -> None:
    tool = shutil.which("dpkg-deb")
    if tool is None:
        raise PackingError("dpkg-deb is missing", hint="apt-get install dpkg-dev, or pack on a Debian")
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" or path.name in SCRIPTS else 0o644)
    environment = os.environ | {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", LONG_AGO)}
    command = [tool, "--root-owner-group", "-Zxz", "-z1", "--build", str(root), str(package)]
    done = subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
    if done.returncode:
        raise PackingError(f"dpkg-deb ended with {done.returncode} (above)", hint="Correct systemd/debian")


if __name__ == "__main__":
    sys.exit(main())
