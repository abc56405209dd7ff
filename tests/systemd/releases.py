"""Two releases of the agent itself, packed as ``make bundle`` and ``make deb`` pack them."""

import io
import subprocess
import sys
import tarfile
from functools import cache
from pathlib import Path
from shutil import copytree, ignore_patterns

from systemd.packing import bundle, deb
from systemd.packing.target import ROOT, Target, built_wheel

SOURCES = ("agent", "drivers", "pyproject.toml", "README.md", "LICENSE")
NEWER = "99.0"
VERSIONS = {"old": None, "new": NEWER}
SYSTEM_PYTHON = "/usr/bin/python3"
OUR_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def target() -> Target:
    """The present machine, with the Python that its distribution brings: what a container over its root has."""
    line = "import platform, sys; print(platform.machine(), '%d.%d' % sys.version_info[:2])"
    return Target(*subprocess.check_output([SYSTEM_PYTHON, "-c", line], text=True).split())


def wheel(folder: Path, version: str | None = None) -> Path:
    """The wheel of the source tree, or one that calls itself *version*."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            copytree(ROOT / name, tree / name, ignore=ignore_patterns("__pycache__"))
        else:
            (tree / name).write_bytes((ROOT / name).read_bytes())
    if version:
        (tree / "agent/__init__.py").write_text(f'"""A later release."""\n\n__version__ = "{version}"\n')
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=tree, check=True)
    return built_wheel(folder)


def bundled(folder: Path, version: str | None = None, interpreter: Path | None = None) -> Path:
    """A bundle, unpacked into a folder of its own below *folder*; for *interpreter* when it takes one along."""
    wanted = Target(target().machine, OUR_PYTHON) if interpreter else target()
    archive = bundle.bundle(wanted, wheel(folder, version), folder, interpreter)
    subprocess.run(["tar", "-C", folder, "-xf", archive], check=True)
    return folder / archive.name.removesuffix(".tar.gz")


class Releases:
    """The release of the source tree, called ``old``, and a later one, called ``new``; each is packed once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cache  # noqa: B019 - there is one, and it lives as long as the module that asks
    def bundle(self, name: str) -> Path:
        """The folder of an unpacked bundle."""
        return bundled(self._folder / "bundles" / name, VERSIONS[name])

    @cache  # noqa: B019
    def package(self, name: str) -> Path:
        """A Debian package."""
        folder = self._folder / "packages" / name
        return deb.deb(target(), wheel(folder, VERSIONS[name]), folder)


def interpreter_archive(to: Path) -> Path:
    """The Python that runs this, packed as python-build-standalone packs its own.

    A program that was built with a shared library knows where that lay; it is told to look beside itself.
    """
    prefix, name = Path(sys.base_prefix), f"python{OUR_PYTHON}"
    if prefix == Path("/usr"):
        raise RuntimeError("the Python of a distribution cannot be moved; next: make soak PYTHON=<another>")
    fixed = f"{prefix}/lib".encode()
    program = (prefix / "bin" / name).read_bytes().replace(fixed, b"$ORIGIN/../lib".ljust(len(fixed), b"\0"))
    with tarfile.open(to, "w:gz", compresslevel=1) as tar:
        tar.add(prefix / "lib", "python/lib", filter=_needed)
        entry = tarfile.TarInfo(f"python/bin/{name}")
        entry.size, entry.mode = len(program), 0o755
        tar.addfile(entry, io.BytesIO(program))
        link = tarfile.TarInfo("python/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, name
        tar.addfile(link)
    return to


def _needed(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    unwanted = {"site-packages", "test", "__pycache__", "idlelib"}
    return None if unwanted & set(Path(entry.name).parts) else entry
