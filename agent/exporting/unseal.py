"""Looks whether a sealed month is as it was sealed: the manifest by its seal, each file by size and SHA-256.

What of a file was changed, the walk along its chain tells (:mod:`agent.store.verify`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from agent.exporting.seal import MANIFEST, rendered, seal_of


class Checked(NamedTuple):
    """A manifest or a file of one, and what is wrong with it, if anything is."""

    path: Path
    fault: str | None
    seal: str = ""  # of a manifest that is right

    def __str__(self) -> str:
        return f"{self.path}: {self.fault or 'as it was sealed'}"


def manifests(path: Path) -> list[Path]:
    """The manifests that *path* names: itself, or those in it."""
    if path.is_dir():
        return sorted(path.glob(f"*{MANIFEST}"))
    return [path] if path.name.endswith(MANIFEST) else []


def check(manifest: Path) -> Iterator[Checked]:
    """Yield the manifest and each of its files; those of a manifest that was changed are not believed."""
    words = _words(manifest)
    if isinstance(words, str):
        yield Checked(manifest, words)
        return
    yield Checked(manifest, None, words["seal"])
    for file in words["files"]:
        yield _file(manifest.parent / file["file"], file)


def _words(manifest: Path) -> dict[str, Any] | str:
    """What the manifest says, or what is wrong with it."""
    try:
        content = manifest.read_bytes()
        words: dict[str, Any] = orjson.loads(content)
        if words["seal"] == seal_of(words) and content == rendered(words):
            return words
        return "it was changed: its seal does not fit what it says"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "it was changed: it is no longer a manifest"


def _file(path: Path, sealed: dict[str, Any]) -> Checked:
    try:
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        size = path.stat().st_size
    except OSError as error:
        return Checked(path, f"it cannot be read: {error.strerror}")
    if size != sealed["bytes"]:
        return Checked(path, f"it was changed: it has {size} bytes, and had {sealed['bytes']} when it was sealed")
    if found != sealed["sha256"]:
        return Checked(path, f"it was changed: its SHA-256 is {found}, and was {sealed['sha256']} when it was sealed")
    return Checked(path, None)
