"""Looks whether a sealed month is as it was sealed: the manifest by its seal, each file by size and SHA-256.

What of a file was changed, the walk along its chain tells (:mod:`agent.store.verify`). That walk goes by what stands in
a file: whether its name fits, so that an export finds it, is looked at here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from agent.exporting.seal import MANIFEST, manifest_name, rendered, seal_of
from agent.store.archive import named
from agent.store.cursor import intersect, subtract
from agent.store.gaps import FREED
from agent.store.source import Source
from agent.store.verify import Proof

_OF_A_MONTH = re.compile(r"\d{4}-\d\d_[A-Za-z0-9_-]+_[a-z]+\.jsonl\.gz")


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


def orphans(folder: Path, checked: Collection[Checked]) -> Iterator[Checked]:
    """Yield the files of months in *folder* that none of its manifests names; where one was changed, that is enough."""
    if any(one.fault for one in checked if one.path.name.endswith(MANIFEST)):
        return
    sealed = {one.path for one in checked}
    for path in sorted(folder.glob("*.jsonl.gz")):
        if path not in sealed and _OF_A_MONTH.fullmatch(path.name):
            yield Checked(path, "no manifest names it: nobody can tell whether it is what was sealed")


def misplaced(proofs: Iterable[Proof]) -> Iterator[Checked]:
    """Yield the files of the archive that hold other records than their name says, from the *proofs* of all of it."""
    held: dict[str, list[Proof]] = {}
    for proof in proofs:
        held.setdefault(proof.source, []).append(proof)
    for source, parts in held.items():
        file = named(Path(source))
        if file is None or any(part.broken for part in parts):
            continue
        epoch, stream, first, last = parts[0].epoch, parts[0].stream, parts[0].first, parts[-1].last
        is_within = file.first <= first <= last <= file.last  # what had been freed before may end a day early
        if (epoch, stream) != (file.epoch, file.stream) or not is_within:
            yield Checked(file.path, f"it does not hold what its name says, but {stream} {first} to {last} of {epoch}")


def missing(source: Source) -> Iterator[Checked]:
    """Yield what the log has freed and the archive should have: what lies between those that it has."""
    for series in source.log.series():
        kept = source.archived(series.epoch, series.stream)
        freed = [(gap.first, gap.last) for gap in source.log.gone(series.epoch, series.stream) if gap.reason == FREED]
        for first, last in intersect(freed, subtract([(kept[0][0], kept[-1][1])], kept)) if kept else ():
            what = f"{series.stream} {first} to {last} of {series.epoch} were freed from the log, and are not there"
            yield Checked(source.archive, what)


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
        if words["seal"] != seal_of(words) or content != rendered(words):
            return "it was changed: its seal does not fit what it says"
        if manifest.name != (name := manifest_name(words["month"], words["station"])):
            return f"it was renamed: it was sealed as {name}"
        return words
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
