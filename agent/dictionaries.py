"""What the channels of a record meant when it was made: from the dictionaries in the log, not from today's profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from agent.store.reader import Reader
from drivers.reading import Stream
from drivers.units import shown

_CHUNK = 500


class Dictionaries:
    """The dictionaries of one log by id, looked for from its end backwards, and no further than somebody asks."""

    def __init__(self, log: Reader) -> None:
        self._known: dict[str, Mapping[str, Any]] = {}
        self._past = _backwards(log)

    def words(self, meta: str) -> Mapping[str, Any]:
        """What dictionary *meta* says; nothing where the log no longer has it."""
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


def _backwards(log: Reader) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for series in reversed(log.series()):
        if series.stream is not Stream.EVENT:
            continue
        for high in range(series.last, series.first - 1, -_CHUNK):
            rows = list(log.walk(series.epoch, Stream.EVENT, max(series.first, high - _CHUNK + 1), high))
            for row in reversed(rows):
                if b'"event":"dictionary"' in row.body:
                    record = orjson.loads(row.body)
                    yield record["meta"], record["data"]
