"""What channels meant when a record was made: from the dictionaries of that time, not from today's profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import orjson

from agent.store.reader import Reader
from agent.store.source import Source
from drivers.reading import Stream
from drivers.units import shown

_CHUNK = 500
_EVER_MS = 1 << 47
_TELLS = b'"event":"dictionary"'


class Dictionaries:
    """The dictionaries of one log by id, looked for from its end backwards, and no further than somebody asks.

    Those that it has freed come from the archive, if that is given as well.
    """

    def __init__(self, records: Reader | Source) -> None:
        self._known: dict[str, Mapping[str, Any]] = {}
        self._past = _backwards(records)

    def words(self, meta: str) -> Mapping[str, Any]:
        """What dictionary *meta* says; nothing where nobody has it any more."""
        while meta not in self._known:
            found = next(self._past, None)
            if found is None:
                self._known[meta] = {}
            else:
                self._known.setdefault(*found)
        return self._known[meta]

    def channels(self) -> dict[tuple[str, str], Stream]:
        """Every channel that the log ever knew, as (device, channel), and its stream; reads all events."""
        for meta, words in self._past:
            self._known.setdefault(meta, words)
        dictionaries = [words for words in self._known.values() if words]
        return {
            (words["device"], name): Stream(words["stream"]) for words in dictionaries for name in words["channels"]
        }

    def channel(self, meta: str, channel: str) -> Mapping[str, Any]:
        """What it says of one channel: title, unit, code, limits, as far as there are any."""
        words: Mapping[str, Any] = self.words(meta).get("channels", {}).get(channel, {})
        return words

    def unit(self, meta: str, channel: str) -> str:
        """The unit of a channel as people write it."""
        return shown(self.channel(meta, channel).get("unit"))


def _backwards(records: Reader | Source) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(records, Source):
        return chain(_of_log(records.log), _of_archive(records))
    return _of_log(records)


def _of_log(log: Reader) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for series in reversed(log.series()):
        if series.stream is not Stream.EVENT:
            continue
        for high in range(series.last, series.first - 1, -_CHUNK):
            rows = list(log.walk(series.epoch, Stream.EVENT, max(series.first, high - _CHUNK + 1), high))
            yield from (_told(row.body) for row in reversed(rows) if _TELLS in row.body)


def _of_archive(source: Source) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file in reversed(source.files(Stream.EVENT, 0, _EVER_MS)):
        yield from (_told(body) for _, body in source.bodies(file) if _TELLS in body)


def _told(body: bytes) -> tuple[str, Mapping[str, Any]]:
    record = orjson.loads(body)
    return record["meta"], record["data"]
