"""What an outsider can prove from the messages alone, with nothing but hashlib, json and rfc8785.

A record is hashed as the bytes that travelled, cut out of the batch without
being encoded again; that those bytes are canonical JSON is checked on the side.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import rfc8785

GENESIS, RECORD = b"station-agent/genesis/1\0", b"station-agent/record/1\0"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class Message(Protocol):
    """One received message."""

    @property
    def topic(self) -> str: ...

    @property
    def payload(self) -> bytes: ...


class Chain(NamedTuple):
    """What a sequence number is unique in."""

    station: str
    epoch: str
    stream: str

    def __str__(self) -> str:
        return "/".join(self)

    @property
    def genesis(self) -> bytes:
        """The head before record 1."""
        return hashlib.sha256(GENESIS + f"{self}".encode()).digest()


@dataclass
class Evidence:
    """Records by chain and sequence number, and everything that is wrong with them, in words."""

    records: dict[Chain, dict[int, bytes]] = field(default_factory=dict)
    heads: dict[Chain, dict[int, bytes]] = field(default_factory=dict)
    batches: int = 0
    duplicates: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many different records there are."""
        return sum(len(records) for records in self.records.values())

    @property
    def gaps(self) -> dict[Chain, list[tuple[int, int]]]:
        """Per chain the ranges that are missing between 1 and the highest number seen; complete ones are absent."""
        found = {chain: missing(records) for chain, records in self.records.items()}
        return {chain: ranges for chain, ranges in found.items() if ranges}

    def of(self, stream: str) -> list[dict[str, Any]]:
        """The decoded records of one *stream*, over all stations and epochs, in order."""
        return [
            json.loads(records[seq])
            for chain, records in self.records.items()
            if chain.stream == stream
            for seq in sorted(records)
        ]

    def assert_complete(self) -> None:
        """AssertionError with the faults or the gaps if there is one of either."""
        assert not self.faults, "\n".join(self.faults[:20])
        assert not self.gaps, f"missing: {self.gaps}"

    def take(self, message: Message) -> None:
        """Add what *message* holds, when it is a batch."""
        levels = message.topic.split("/")
        if len(levels) > 3 and levels[-3] == "data":
            self._take_batch(levels, decompressed(message.payload))

    def _take_batch(self, levels: list[str], payload: bytes) -> None:
        batch = json.loads(payload)
        chain = Chain(batch["station"], batch["epoch"], batch["stream"])
        where = f"{chain} {batch['lane']} {batch['first']}-{batch['last']}"
        if levels[-4:] != [batch["station"], "data", batch["stream"], batch["lane"]]:
            self.faults.append(f"{where} came on {'/'.join(levels)}")
        elements = raw_elements(payload)
        if len(elements) != batch["last"] - batch["first"] + 1:
            self.faults.append(f"{where} holds {len(elements)} records")
        self.batches += 1
        for seq, record in enumerate(elements, start=batch["first"]):
            self._take_record(chain, seq, record)
        if batch["prev"] is None:  # damage took the record before, and its head with it: the chain begins again
            self._note_head(chain, batch["last"], bytes.fromhex(batch["head"]))
        else:
            self._follow(chain, batch, elements, where)

    def _follow(self, chain: Chain, batch: dict[str, Any], elements: list[bytes], where: str) -> None:
        """Compute the chain through the records of a batch."""
        head = bytes.fromhex(batch["prev"])
        self._note_head(chain, batch["first"] - 1, head)
        for seq, record in enumerate(elements, start=batch["first"]):
            head = next_head(head, record)
            self._note_head(chain, seq, head)
        if head.hex() != batch["head"]:
            self.faults.append(f"{where} says head {batch['head']}, computed {head.hex()}")

    def _take_record(self, chain: Chain, seq: int, record: bytes) -> None:
        decoded = json.loads(record)
        if decoded.get("seq") != seq:
            self.faults.append(f"{chain} has {decoded.get('seq')} in the place of {seq}")
        if rfc8785.dumps(decoded) != record:
            self.faults.append(f"{chain} {seq} is not canonical: {record!r}")
        known = self.records.setdefault(chain, {})
        if seq not in known:
            known[seq] = record
            return
        self.duplicates += 1
        if known[seq] != record:
            self.faults.append(f"{chain} {seq} came twice and differs: {known[seq]!r} and {record!r}")

    def _note_head(self, chain: Chain, seq: int, head: bytes) -> None:
        known = self.heads.setdefault(chain, {0: chain.genesis}).setdefault(seq, head)
        if known != head:
            self.faults.append(f"{chain} has two heads after {seq}: {known.hex()} and {head.hex()}")


def collect_records(messages: Iterable[Message]) -> Evidence:
    """Every record in the data *messages*, without duplicates, its chain computed anew."""
    evidence = Evidence()
    for message in messages:
        evidence.take(message)
    return evidence


def decompressed(payload: bytes) -> bytes:
    """The JSON of a batch that may be one zstd frame."""
    if not payload.startswith(ZSTD_MAGIC):
        return payload
    import zstandard  # an extra of the project, so only here

    return zstandard.ZstdDecompressor().decompressobj().decompress(payload)


def missing(records: Iterable[int]) -> list[tuple[int, int]]:
    """The ranges between 1 and the highest of *records* that are not among them."""
    gaps, expected = [], 1
    for seq in sorted(records):
        if seq > expected:
            gaps.append((expected, seq - 1))
        expected = seq + 1
    return gaps


def raw_elements(payload: bytes, key: str = "records") -> list[bytes]:
    """The elements of the array *key* of a JSON object, byte for byte as they stand there."""
    text = payload.decode()
    decoder = json.JSONDecoder()
    at = text.index(f'"{key}":[') + len(key) + 4
    elements = []
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        elements.append(text[at:end].encode())
        at = end + (text[end] == ",")
    return elements


def next_head(head: bytes, record: bytes) -> bytes:
    """The chain value after *record* when it was *head* before."""
    return hashlib.sha256(RECORD + head + hashlib.sha256(record).digest()).digest()
