"""``verify``: walks the chain of the log, of an archive or of an export, and names the first broken record.

Of a sealed month it also looks whether manifest and files are as they were sealed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.exporting.unseal import Checked, check, manifests, misplaced, missing, orphans
from agent.language import say
from agent.paths import locate
from agent.store.reader import Reader
from agent.store.source import Source
from agent.store.verify import Proof, verify_files, verify_log

EXAMPLES = """\
examples:
  station-agent verify
  station-agent verify /var/lib/station-agent/archive
  station-agent verify /media/cupboard
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "files", nargs="*", type=Path, help="archive files, sealed months, exports, folders; without any, the log"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per series and per sealed file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what is proven; the exit code is 1 when a chain is broken, a file changed, or nothing was to be proved."""
    found = broken = changed = 0
    for one in _looked_at(options):
        if isinstance(one, Proof):
            found += 1
            broken += one.broken is not None
        else:
            changed += one.fault is not None
        print(json.dumps(_words(one)) if options.json else "\n".join(_lines(one)), flush=True)
    if not options.json:
        print(say(f"{found} series, {broken} broken") + (", " + say(f"{changed} files changed") if changed else ""))
    return int(broken > 0 or changed > 0 or found == 0)


def _looked_at(options: argparse.Namespace) -> Iterator[Proof | Checked]:
    if not options.files:
        paths = locate(options.config)
        with Reader.open(paths.store) as log:
            yield from verify_log(log)
            yield from missing(Source(log, paths.archive))
        return
    sealed = [manifest for path in options.files for manifest in manifests(path)]
    checked = [one for manifest in sealed for one in check(manifest)]
    yield from checked
    yield from (one for path in options.files if path.is_dir() for one in orphans(path, checked))
    known = [one.path for one in checked if one.path not in sealed and one.path.exists()]
    plain = [path for path in options.files if path not in sealed]
    proofs = []
    for proof in verify_files(dict.fromkeys([*_spelled_out(plain), *known])):
        yield proof
        proofs.append(proof)
    yield from misplaced(proofs)


def _spelled_out(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.glob("*.jsonl.gz")) if path.is_dir() else [path]


def _lines(one: Proof | Checked) -> Iterator[str]:
    yield say(str(one))
    if isinstance(one, Checked):
        if one.seal:
            yield f"  {say('seal')} {one.seal}"
        return
    if one.head and not one.broken:
        yield f"  {say('head')} {one.head.hex()}"
    if one.gone:
        gaps = ", ".join(say(f"{first} to {last}") for first, last in one.gone)
        yield "  " + say(f"not there, right before or between them: {gaps}")


def _words(one: Proof | Checked) -> dict[str, Any]:
    if isinstance(one, Checked):
        return {"source": str(one.path), "sealed": one.fault is None, "fault": one.fault, "seal": one.seal or None}
    return {
        "source": one.source,
        "station": one.station,
        "epoch": one.epoch,
        "stream": str(one.stream),
        "first": one.first,
        "last": one.last,
        "head": one.head and one.head.hex(),
        "gone": one.gone,
        "broken": one.broken and {"seq": one.broken.seq, "what": one.broken.what},
    }
