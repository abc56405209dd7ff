"""A month for the archive cupboard: a file for each stream that has records, and a manifest that says what they are.

The files are JSON Lines with heads, packed. The manifest names their records, heads
and SHA-256, and ends with a seal, the SHA-256 of all else in it: written on the label
of the disc, it tells later that none of it was exchanged. What is sealed is never
written over.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from agent.exporting.jsonl import Segment, export_lines
from agent.store.errors import LogWriteError
from agent.store.files import sync_folder
from agent.store.record import canonical, time_text
from agent.store.source import Source
from drivers.errors import StationError
from drivers.reading import Stream

MANIFEST = ".manifest.json"
_LATE_MS = 600_000
"""How long after its end records of a month may still be on their way into the log."""


class SealError(StationError):
    """A month cannot be sealed, or is sealed already."""


def seal_month(
    source: Source, name: str, since_ms: int, until_ms: int, folder: Path, *, zone: str, agent: str, now_ms: int
) -> dict[str, Any]:
    """Seal the month *name* of *zone* into *folder*; return the words of the manifest.

    Raises SealError for a month that is not over, has no records or is sealed there already, and
    LogWriteError when the medium refuses.
    """
    streams = _streams(source, name, since_ms, until_ms, now_ms)
    begin = f"{name}_{source.station}"
    manifest = folder / manifest_name(name, source.station)
    with _medium(manifest):
        folder.mkdir(parents=True, exist_ok=True)
        if manifest.exists():
            hint = f"Look at it with: station-agent verify {folder}"
            raise SealError(f"{name} is sealed in {folder} already", hint=hint)
        words = {
            "v": 1,
            "station": source.station,
            "month": name,
            "timezone": zone,
            "since": time_text(since_ms),
            "until": time_text(until_ms),
            "made": time_text(now_ms),
            "agent": agent,
        }
        with ExitStack() as unfinished:  # none has its name before all of them are complete
            words["files"] = [
                _file(source, s, since_ms, until_ms, folder / f"{begin}_{s}.jsonl.gz", unfinished) for s in streams
            ]
        words["seal"] = seal_of(words)
        with _finished(manifest) as out:
            out.write(rendered(words))
        sync_folder(folder)
    return words


def _streams(source: Source, name: str, since_ms: int, until_ms: int, now_ms: int) -> list[Stream]:
    """The streams that have records of a month that is over; raises SealError."""
    if until_ms + _LATE_MS > now_ms:
        what = f"{name} is not over, or has been for less than ten minutes: late records may follow"
        raise SealError(what, hint="A month that goes on is exported with --since and --until")
    streams = [stream for stream in Stream if next(source.located(stream, since_ms, until_ms), None)]
    if not streams:
        hint = "Look how far back it reaches with: station-agent status"
        raise SealError(f"the log holds no record of {name}", hint=hint)
    return streams


def manifest_name(month: str, station: str) -> str:
    """What the manifest of a month is called."""
    return f"{month}_{station}{MANIFEST}"


def seal_of(words: dict[str, Any]) -> str:
    """The SHA-256, in hex, of all that a manifest says beside its seal, as canonical JSON (RFC 8785)."""
    return hashlib.sha256(canonical({key: value for key, value in words.items() if key != "seal"})).hexdigest()


def rendered(words: dict[str, Any]) -> bytes:
    """The bytes of a manifest: people read it, too."""
    return orjson.dumps(words, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _file(
    source: Source, stream: Stream, since_ms: int, until_ms: int, path: Path, unfinished: ExitStack
) -> dict[str, Any]:
    """Write the file of one stream, and return what the manifest says of it."""
    raw = unfinished.enter_context(_finished(path))
    with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as out:
        segments = export_lines(source, stream, since_ms, until_ms, out)
    raw.flush()
    with Path(raw.name).open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return {
        "file": path.name,
        "stream": str(stream),
        "records": sum(segment.records for segment in segments),
        "bytes": raw.tell(),
        "sha256": digest,
        "segments": [_segment(segment) for segment in segments],
        "lost": [
            {"epoch": epoch, "first": first, "last": last} for epoch, first, last in _lost(source, stream, segments)
        ],
    }


def _lost(source: Source, stream: Stream, segments: list[Segment]) -> Iterator[tuple[str, int, int]]:
    """What may have belonged to the month, and is neither in the log nor in the archive any more."""
    for epoch in dict.fromkeys(segment.epoch for segment in segments):
        seqs = [seq for segment in segments if segment.epoch == epoch for seq in (segment.first, segment.last)]
        for first, last in source.lost(epoch, stream, min(seqs), max(seqs)):
            yield epoch, first, last


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "epoch": segment.epoch,
        "first": segment.first,
        "last": segment.last,
        "prev": segment.prev and segment.prev.hex(),
        "head": segment.head.hex(),
    }


@contextmanager
def _finished(path: Path) -> Iterator[BinaryIO]:
    """A file that has its name only once it is complete and synced."""
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        unfinished.rename(path)
    except BaseException:
        with suppress(OSError):  # a stick that was pulled out
            unfinished.unlink(missing_ok=True)
        raise


@contextmanager
def _medium(path: Path) -> Iterator[None]:
    """Say in our words what the medium refuses."""
    try:
        yield
    except OSError as error:
        raise LogWriteError(path, error.strerror or str(error)) from error
