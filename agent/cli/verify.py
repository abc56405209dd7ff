"""``verify``: walks the chain of the log, of an archive or of an export, and names the first broken record."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.paths import locate
from agent.store.reader import Reader
from agent.store.verify import Proof, verify_files, verify_log


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("files", nargs="*", type=Path, help="archive files, folders or exports; without any, the log")
    parser.add_argument("--json", action="store_true", help="one JSON object per series")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what is proven; the exit code is 1 when a chain is broken or there was nothing to prove."""
    found = broken = 0
    for proof in _proofs(options):
        found += 1
        broken += proof.broken is not None
        print(json.dumps(_words(proof)) if options.json else "\n".join(_lines(proof)))
    if not options.json:
        print(f"{found} series, {broken} broken")
    return int(broken > 0 or found == 0)


def _proofs(options: argparse.Namespace) -> Iterator[Proof]:
    if options.files:
        yield from verify_files(options.files)
        return
    with Reader.open(locate(options.config).store) as log:
        yield from verify_log(log)


def _lines(proof: Proof) -> Iterator[str]:
    yield str(proof)
    if proof.head and not proof.broken:
        yield f"  head {proof.head.hex()}"
    if proof.gone:
        yield f"  no longer there, and known to be: {', '.join(f'{first} to {last}' for first, last in proof.gone)}"


def _words(proof: Proof) -> dict[str, Any]:
    return {
        "source": proof.source,
        "station": proof.station,
        "epoch": proof.epoch,
        "stream": str(proof.stream),
        "first": proof.first,
        "last": proof.last,
        "head": proof.head and proof.head.hex(),
        "gone": proof.gone,
        "broken": proof.broken and {"seq": proof.broken.seq, "what": proof.broken.what},
    }
