"""``make bundle``: one archive from which a station PC without internet is installed, upgraded and repaired.

It holds the wheels, the installer with unit and rules, examples of configuration and, when one is given, an
interpreter; ``SHA256SUMS`` names every file, and the installer uses nothing before it has compared them all.
The same sources and wheels give the same archive, byte for byte.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import platform
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from systemd.packing.target import ROOT, PackingError, Target, built_wheel, version_of

PACKED = ("config", "systemd", "requirements-runtime.lock", "README.md", "README.zh-CN.md", "CHANGELOG.md", "LICENSE")
NOT_PACKED = shutil.ignore_patterns("packing", "debian", "__pycache__", ".*")


def main() -> int:
    """Pack for the target on the command line, print the archive and its digest."""
    options = _options()
    try:
        target = Target(options.target, options.python_version)
        archive = bundle(target, built_wheel(options.to), options.to, options.interpreter)
    except PackingError as error:
        sys.stderr.write(f"bundle: {error}\n")
        return 1
    sys.stdout.write(f"{_sha256(archive)}  {archive}  {archive.stat().st_size / 1e6:.0f} MB\n")
    return 0


def bundle(target: Target, wheel: Path, to: Path, interpreter: Path | None = None) -> Path:
    """Pack *wheel* and what it needs on *target* into an archive in *to*; raises PackingError."""
    name = f"station-agent-{version_of(wheel)}-{target.machine}-{target.tag}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, name)
        target.download(folder / "wheels")
        shutil.copy(wheel, folder / "wheels")
        if interpreter:
            _bring(interpreter, target, folder / "python")
        for source in PACKED:
            _copy(ROOT / source, folder / source)
        (folder / "TARGET").write_text(f"{target.machine} {target.python}\n")
        (folder / "SHA256SUMS").write_text(sums(folder))
        archive = to / f"{name}.tar.gz"
        _write(archive, folder)
    return archive


def sums(folder: Path) -> str:
    """The SHA-256 of every file below *folder*, as sha256sum writes and checks them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{_sha256(path)}  {path.relative_to(folder)}\n" for path in files)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Packs a release for a PC without internet.")
    parser.add_argument("--target", default=platform.machine(), choices=["x86_64", "aarch64"])
    parser.add_argument("--python-version", default="3.11", help="of the station (default: 3.11, as in Debian 12)")
    parser.add_argument(
        "--interpreter", type=Path, help="a cpython-…-install_only.tar.gz of python-build-standalone to take along"
    )
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="where the wheel lies and the archive goes")
    return parser.parse_args()


def _bring(interpreter: Path, target: Target, folder: Path) -> None:
    """Copy an *interpreter* archive once it is known to hold the Python that the wheels are for."""
    wanted = f"python/bin/python{target.python}"
    hint = f"Take a cpython-{target.python}.…-{target.machine}-unknown-linux-gnu-install_only.tar.gz"
    try:
        with tarfile.open(interpreter) as archive:
            held = {name.removeprefix("./") for name in archive.getnames()}
    except (OSError, tarfile.TarError) as error:
        raise PackingError(f"{interpreter} cannot be read as an archive", hint=hint) from error
    if wanted not in held:
        raise PackingError(f"{interpreter} holds no {wanted}", hint=hint)
    folder.mkdir()
    shutil.copy(interpreter, folder)


def _copy(source: Path, to: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, to, ignore=NOT_PACKED)
    else:
        shutil.copy(source, to)


def _write(archive: Path, folder: Path) -> None:
    part = archive.with_name(archive.name + ".part")
    with (
        part.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0, compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        tar.add(folder, folder.name, filter=_nobodys)
    part.rename(archive)


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """*entry* without what depends on who packed it, and when."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
