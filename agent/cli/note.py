"""``note``: puts a dated remark into the records: a visit, a filter, a bottle of gas, with person and work order."""

from __future__ import annotations

import argparse

from agent.cli.acting import settled, tell
from agent.language import say
from agent.operations.wording import KINDS

EXAMPLES = """\
examples:
  station-agent note "sample filter changed, old one grey" --device so2 --kind filter --person "Li Lei"
  station-agent note "zero air scrubber filled" --kind consumable --order WO-2026-118
  station-agent records --stream audit --since 90d
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = EXAMPLES
    parser.add_argument("text", nargs="+", help="the remark")
    parser.add_argument("--device", help="the device that it is about")
    parser.add_argument("--kind", choices=KINDS, help="what it is about (default other)")
    parser.add_argument("--person", metavar="NAME", help="who did it, where that is not who types")
    parser.add_argument("--order", metavar="NUMBER", help="the work order")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Have the daemon record it."""
    words = {name: getattr(options, name) for name in ("device", "kind", "person", "order")}
    answer = tell(options.config, "note", text=" ".join(options.text), **words)
    print(say("noted"))
    return settled(answer)
