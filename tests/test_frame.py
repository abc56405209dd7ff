"""What a stranger meets first: the locks, the wheel, the top level, the words on the front page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from agent import __version__
from drivers.profile import Profile

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-runtime.lock", "requirements-build.lock")
TOP_LEVEL = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "README.zh-CN.md",
    "agent",
    "config",
    "drivers",
    "pyproject.toml",
    "requirements-build.lock",
    "requirements-runtime.lock",
    "requirements.lock",
    "systemd",
    "tests",
}
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs")
SOMEBODYS_FOLDER = re.compile(r"(?<![\w.-])/(?:home|root|Users|work|workspace|farm)/[\w.]")


def tracked() -> list[Path]:
    """Every file that is in git or would be added to it, relative to the root."""
    if not (ROOT / ".git").exists():
        return unpacked()
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def unpacked() -> list[Path]:
    """The same for an unpacked archive, which holds what was tracked and what running left behind."""
    kept = (".ci", ".editorconfig", ".gitattributes", ".gitignore")
    files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [
        path
        for path in files
        if path.parts[0] in kept
        or not (path.parts[0].startswith(".") or path.parts[0] in {"build", "dist"} or "__pycache__" in path.parts)
    ]


def pins(lock: str) -> dict[str, str]:
    """Package name to version; where it is needed stands behind it and may differ."""
    return dict(re.findall(r"^([a-z][^=\s]*)==(\S+)", (ROOT / lock).read_text(), flags=re.MULTILINE))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel, built from a copy of the tree by the locked build backend and without a network."""
    copy = tmp_path_factory.mktemp("tree")
    for path in tracked():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, copy / path)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=copy, check=True, capture_output=True
    )
    (built,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_by_hash(lock: str) -> None:
    """One package without a hash and pip refuses the file, in front of the visitor."""
    entries = re.split(r"^(?=[a-z])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]

    assert len(entries) > 5
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_no_path(lock: str) -> None:
    """A lock that names the index it was made with works nowhere else."""
    text = (ROOT / lock).read_text()

    assert re.findall(r".*(?:://|--index|--find-links|--extra-index|--trusted|file:|@ ).*", text) == []
    assert re.findall(r"^[^#\n]*/.*", text, flags=re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_a_station_gets_the_versions_that_were_tested(lock: str) -> None:
    """What the installer uses is a part of the developer's lock, not another resolution."""
    assert pins(lock).items() <= pins("requirements.lock").items()


def test_the_runtime_lock_holds_every_dependency() -> None:
    """It is installed without resolving: what it lacks is missing at the station."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["zstd"]

    assert {re.match(r"[\w-]+", line)[0] for line in wanted} <= pins("requirements-runtime.lock").keys()  # type: ignore[index]


def test_the_wheel_carries_every_file_of_both_packages(wheel: zipfile.ZipFile) -> None:
    """Profiles and schemas are data: a build that forgets them still imports, and fails at the station."""
    inside = set(wheel.namelist())
    wanted = {path.as_posix() for path in tracked() if path.parts[0] in {"agent", "drivers"}}

    assert wanted - inside == set()
    assert {"agent/py.typed", "drivers/py.typed"} <= inside
    assert any(re.fullmatch(r"drivers/profiles/[\w-]+\.toml", name) for name in inside)
    assert any(re.fullmatch(r"agent/schemas/[\w.-]+\.json", name) for name in inside)


def test_the_wheel_carries_nothing_else(wheel: zipfile.ZipFile) -> None:
    """A wheel that brings `tests` or `config` writes over other people's packages of that name."""
    assert {name.split("/")[0] for name in wheel.namelist()} == {
        "agent",
        "drivers",
        f"station_agent-{__version__}.dist-info",
    }


def test_the_wheel_brings_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    """The installed command is what the unit file starts."""
    info = f"station_agent-{__version__}.dist-info"

    assert "station-agent = agent.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_the_top_level_is_what_was_agreed() -> None:
    """Whoever looks for something finds it by its place; dot files belong to tools."""
    names = {path.parts[0] for path in tracked()}

    assert {name for name in names if not name.startswith(".")} - TOP_LEVEL == set()
    assert TOP_LEVEL - names == set()


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    """A developer's folder or package mirror in a file works for that developer only."""
    found = []
    for path in tracked():
        text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if REGISTRY.search(line) or SOMEBODYS_FOLDER.search(line):
                found.append(f"{path}:{number}: {line.strip()[:100]}")

    assert found == []


def test_the_changelog_names_this_version() -> None:
    """A release without an entry tells the station's engineer nothing."""
    assert re.search(rf"^## \[{re.escape(__version__)}\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_readme_shows_how_to_begin(command: str) -> None:
    """Two commands are all that a visitor has to type."""
    assert command in (ROOT / "README.md").read_text()


def test_make_alone_lists_what_it_can_do() -> None:
    """It is how a newcomer finds the rest."""
    listed = subprocess.run(["make", "-s"], cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert set(re.findall(r"^make (\w+) ", listed, flags=re.MULTILINE)) == {
        "bench",
        "bundle",
        "clean",
        "deb",
        "demo",
        "format",
        "help",
        "lint",
        "lock",
        "screens",
        "soak",
        "test",
        "types",
        "wheel",
    }


def find_python(folder: Path, **stubs: str) -> subprocess.CompletedProcess[str]:
    """Run the search for a Python where only these exist, each a line of shell."""
    for name, line in {"bash": 'exec /bin/bash "$@"', **stubs}.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return subprocess.run(
        ["/bin/bash", ".ci/python"], cwd=ROOT, env={"PATH": str(folder)}, capture_output=True, text=True, check=False
    )


def test_a_python_that_only_stands_on_the_path_is_passed_over(tmp_path: Path) -> None:
    """Version managers leave stubs of versions that are not active; the environment needs one that runs."""
    found = find_python(
        tmp_path,
        **{"python3.13": "echo not active >&2; exit 127", "python3.11": f'exec {sys.executable} "$@"'},
    )

    assert (found.returncode, found.stdout.strip(), found.stderr) == (0, BASE_PYTHON, "")


def test_a_machine_without_python_is_told_what_to_install(tmp_path: Path) -> None:
    """The first line that a visitor sees must not be a shell's complaint."""
    found = find_python(tmp_path, python3="echo Python 3.9.2; exit 1")

    assert found.returncode == 1
    assert "apt-get install python3 python3-venv" in found.stderr


def test_a_python_without_venv_is_told_apart(tmp_path: Path) -> None:
    """Debian splits the module off: the Python is there and `-m venv` fails half way."""
    without = f'case $2 in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"'
    found = find_python(tmp_path, python3=without)

    assert found.returncode == 1
    assert "apt-get install python3-venv" in found.stderr


def test_the_profile_in_the_guide_is_a_valid_one() -> None:
    """It is what people copy."""
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    text = next(block for block in re.findall(r"```toml\n(.*?)```", guide, flags=re.DOTALL) if "[[channel]]" in block)

    profile = Profile.model_validate(tomllib.loads(text, parse_float=Decimal))

    assert [channel.name for channel in profile.channels] == list(profile.examples[0].readings)
