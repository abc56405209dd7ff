"""``doctor``: everything that can be wrong with a station; what was found, what it means, what to do."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from agent import __version__
from agent.columns import fold
from agent.doctor.bundle import write_bundle
from agent.doctor.case import take_up
from agent.doctor.examination import examine
from agent.doctor.result import VERDICTS, Result, exit_code
from agent.language import say

COLUMNS = 80
HEADINGS = {"bad": "BAD", "doubtful": "DOUBTFUL", "unchecked": "COULD NOT BE CHECKED", "good": "GOOD"}
COUNTS = {"bad": "{} bad", "doubtful": "{} doubtful", "unchecked": "{} could not be checked", "good": "{} good"}

EXAMPLES = """examples:
  station-agent doctor                       everything, the worst first
  sudo station-agent doctor                  also what only root may see
  station-agent doctor --json | jq '.results[] | select(.verdict == "bad")'
  station-agent doctor --bundle help.tar.gz  one file to mail, without passwords and keys

exit code: 0 all is well, 1 something is doubtful, 2 something is bad"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--json", action="store_true", help="one JSON object")
    bundle = "also write one archive to mail: results, configuration, events, journal, without secrets"
    parser.add_argument("--bundle", type=Path, metavar="FILE", help=bundle)
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Examine and print; the exit code is 2 when something is bad, 1 when something is doubtful."""
    case = take_up(options.config)
    results = examine(case)
    page = "\n".join(_page(case.paths.station, results))
    if options.json:
        facts = [result.facts() for result in results]
        told = {
            "station": case.paths.station,
            "version": __version__,
            "exit_code": exit_code(results),
            "results": facts,
        }
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(page)
    if options.bundle:
        removed = write_bundle(options.bundle, case, results, page)
        written = f"{options.bundle} is written; secrets removed from it: {removed}. Look into it before you mail it"
        print(say(written), file=sys.stderr)
    return exit_code(results)


def _page(station: str, results: list[Result]) -> Iterator[str]:
    counts = Counter(result.verdict for result in results)
    told = [say(COUNTS[verdict].format(counts[verdict])) for verdict in VERDICTS if counts[verdict]]
    yield f"{say('station')} {station}".rstrip() + f": {', '.join(told)}"
    for verdict, group in groupby(results, key=attrgetter("verdict")):
        yield ""
        yield say(HEADINGS[verdict])
        for (means, hint), alike in groupby(group, key=attrgetter("means", "hint")):
            yield from _entry(list(alike), means, hint)


def _entry(alike: list[Result], means: str, hint: str) -> Iterator[str]:
    """What was found, and below it, once for all that have it in common, what that means and what to do."""
    for result in alike:
        yield from fold(f"  {_label(result)}: {say(result.found)}", COLUMNS, " " * 6)
    if means:
        yield from fold(f"      {say(means)}", COLUMNS, " " * 6)
    if hint:
        yield from fold(f"      -> {say(hint)}", COLUMNS, " " * 9)


def _label(result: Result) -> str:
    """The subject in the language that was chosen; a name stays what it is."""
    if not result.name:
        return say(result.subject)
    return f"{say(result.subject.removesuffix(result.name).rstrip())} {result.name}"
