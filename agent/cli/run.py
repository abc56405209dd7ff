"""``run``: the daemon."""

from __future__ import annotations

import argparse


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    import asyncio

    from agent.daemon import Daemon
    from agent.log import configure

    configure(level=options.log_level)
    return asyncio.run(Daemon(options.config).run())
