"""What dpkg does with the station's own file, with small stand-ins of a release in the package."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from systemd.packing import deb
from systemd.packing.target import Target
from tests.systemd.box import Box, booted_box
from tests.systemd.releases import target
from tests.systemd.wheel import make_wheel

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

CONFIG = "/etc/station-agent/station.toml"


@pytest.fixture
def box() -> Iterator[Box]:
    """A booted container."""
    with booted_box() as booted:
        yield booted


@pytest.fixture(autouse=True)
def _without_foreign_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Target, "download", lambda _, folder: folder.mkdir(parents=True))


def install(box: Box, version: str) -> str:
    """Build a package of *version* and give it to dpkg."""
    package = deb.deb(target(), make_wheel(box.path("/srv"), version), box.path("/srv"))
    return box.run("dpkg", "-i", f"/srv/{package.name}")


@pytest.fixture
def packed_as_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Packages as they were when the example lay in the place of the station's own file, until told otherwise."""
    folder = tmp_path / "debian"
    shutil.copytree(deb.DEBIAN, folder)
    (folder / "conffiles").write_text(f"{CONFIG}\n")
    (folder / "preinst").write_text("#!/bin/sh\n")
    (folder / "postinst").write_text("#!/bin/sh\n")
    example = next(source for source, place in deb.PLACES.items() if place.endswith("station.toml.example"))
    with monkeypatch.context() as once:
        once.setattr(deb, "DEBIAN", folder)
        once.setitem(deb.PLACES, example, CONFIG.lstrip("/"))
        yield once


def test_an_upgrade_gives_a_file_that_was_the_packages_to_the_station(
    box: Box, packed_as_once: pytest.MonkeyPatch
) -> None:
    """Else dpkg would delete it one day, at a purge: it is the station's, whoever once brought it."""
    install(box, "1.0")
    box.path(CONFIG).write_text("# ours\n")
    packed_as_once.undo()

    install(box, "2.0")

    assert box.path(CONFIG).read_text() == "# ours\n"
    assert box.run("dpkg-query", "-W", "-f", "${Conffiles}", "station-agent").split()[::2] == [
        f"{CONFIG}.example",
        "/etc/udev/rules.d/99-station-agent.rules",
    ]
    box.run("dpkg", "--purge", "station-agent")
    assert box.path(CONFIG).read_text() == "# ours\n"


def test_a_first_package_says_what_comes_next_and_leaves_nothing_when_it_is_purged(box: Box) -> None:
    """In the language of who installs it; what a station has not written goes without a trace."""
    said = install(box, "1.0")

    assert "next: sudo station-agent init " in said
    assert not box.path(CONFIG).exists()
    assert box.run("stat", "-c", "%a %U:%G", f"{CONFIG}.example", "/etc/station-agent").split("\n") == [
        "640 root:station-agent",
        "2750 root:station-agent",
    ]

    box.run("dpkg", "--purge", "station-agent")

    assert not box.path("/etc/station-agent").exists()


def test_a_package_speaks_chinese_where_the_machine_does(box: Box) -> None:
    """Who installs it reads what comes next."""
    package = deb.deb(target(), make_wheel(box.path("/srv"), "1.0"), box.path("/srv"))

    said = box.run("env", "LANG=zh_CN.UTF-8", "dpkg", "-i", f"/srv/{package.name}")

    assert "下一步：sudo station-agent init" in said
