"""Which configuration runs: that of the file, or, when the file is wrong, the last one that ran."""

from __future__ import annotations

from pathlib import Path

from agent.paths import locate
from agent.settings import ConfigError, Settings
from agent.store.errors import StoreError
from agent.store.reader import Reader

CONFIG = "configuration"
"""The fact in the log that keeps the text of the last configuration that ran."""


def choose(path: Path) -> tuple[Settings, ConfigError | None]:
    """Return what to run, and what is wrong with the file when that is not what stands there.

    Raises the ConfigError of the file when nothing ran here before, or what ran cannot be used either.
    """
    try:
        return Settings.load(path), None
    except ConfigError as error:
        text = _remembered(locate(path).store)
        if text is None:
            raise
        try:
            return Settings.from_text(text, path), error
        except ConfigError:
            raise error from None


def _remembered(store: Path) -> str | None:
    try:
        with Reader.open(store) as log:
            return log.fact(CONFIG)
    except StoreError:
        return None
