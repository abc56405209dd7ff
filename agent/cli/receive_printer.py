"""What ``receive`` prints: records, findings, and at the end the sum."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

import orjson

from agent.cli.recordline import record_line
from agent.language import say
from agent.receive.holding import Kind
from agent.receive.receiving import FAULTS, Finding, Receiver, Taken
from agent.uplink.broker import Broker


class Printer:
    """Prints what comes; sets *enough* when that is all that was wanted."""

    def __init__(self, receiver: Receiver, options: argparse.Namespace) -> None:
        self.enough = asyncio.Event()
        self.unprintable: OSError | None = None
        self._receiver = receiver
        self._json: bool = options.json
        self._quiet: bool = options.quiet
        self._count: int | None = options.count
        self._is_away = True

    def connected(self, broker: Broker) -> None:
        """Say that it begins."""
        self._is_away = False
        self._tell("connected", f"subscribed, MQTT {broker.protocol}")

    def disconnected(self, why: str) -> None:
        """Say once that it pauses."""
        if not self._is_away:
            self._tell("disconnected", f"{why}; trying again")
        self._is_away = True

    def taken(self, taken: Taken) -> None:
        """Print the new records of a message, and what is wrong with it."""
        for finding in taken.findings:
            self._finding(finding)
        if taken.batch is not None and not self._quiet:
            for body in taken.records:
                self._record(taken, body)
        if self._count is not None and self._receiver.records >= self._count:
            self.enough.set()

    def _record(self, taken: Taken, body: bytes) -> None:
        assert taken.batch is not None
        batch = taken.batch
        if self._json:
            around = f'{{"station":"{batch.station}","epoch":"{batch.epoch}","stream":"{batch.stream}","record":'
            self._print(f"{around}{body.decode()}}}")
        else:
            self._print(f"{batch.station} {record_line(batch.stream, orjson.loads(body))}")

    def _finding(self, finding: Finding) -> None:
        mark = "FAULT" if finding.kind in FAULTS else "note"
        if finding.kind is Kind.GAP:
            mark = "gap"
        self._tell(str(finding.kind), f"{mark}: {finding.where}: {finding.what}", where=finding.where)

    def _tell(self, kind: str, text: str, **more: str) -> None:
        self._print(json.dumps({"finding": kind, "what": text, **more}) if self._json else f"# {say(text)}")

    def _print(self, line: str) -> None:
        try:
            print(line, flush=True)
        except OSError as error:  # the reader of a pipe has seen enough
            self.unprintable = error
            self.enough.set()

    def sum_up(self) -> None:
        """Print the totals, and every gap that is left."""
        receiver = self._receiver
        gaps = {str(key): parts for key, one in receiver.series.items() if (parts := one.gaps())}
        if self._json:
            words: dict[str, Any] = {
                "records": receiver.records,
                "batches": receiver.batches,
                "duplicates": receiver.duplicates,
                "missing": receiver.missing,
                "faults": receiver.faults,
                "gaps": gaps,
            }
            self._print(json.dumps({"summary": words}))
            return
        for where, parts in gaps.items():
            shown = ", ".join(f"{first}-{last}" for first, last in parts[:10]) + (" …" if len(parts) > 10 else "")
            self._print(f"# {say(f'missing of {where}: {shown}')}")
        waiting = sum(state.backlog for state in receiver.stations.values())
        if gaps and waiting:
            self._print(f"# {say(f'the stations said that {waiting} records were still waiting there')}")
        self._print(
            say(
                f"{receiver.records} records in {receiver.batches} batches, {receiver.duplicates} duplicates dropped, "
                f"{receiver.missing} missing, {_chain(receiver.faults)}"
            )
        )


def _chain(faults: int) -> str:
    return "chain verified" if not faults else f"{faults} messages refused as broken"
