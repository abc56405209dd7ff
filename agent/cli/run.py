"""``run``: the daemon."""

from __future__ import annotations

import argparse

EXAMPLES = """\
examples:
  station-agent run                          as the service does
  station-agent run --log-level debug        on a terminal, to watch it
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT; ``systemctl status`` shows why it ended otherwise."""
    import asyncio

    from agent.daemon import Daemon
    from agent.log import configure
    from agent.watchdog import notify
    from drivers.errors import StationError

    configure(level=options.log_level)
    try:
        return asyncio.run(Daemon(options.config).run())
    except StationError as error:
        notify(f"STATUS={error}; next: {error.hint}")
        raise
