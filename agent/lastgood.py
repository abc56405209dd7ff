"""Which configuration runs: that of the file, or, when the file is wrong, the last one that ran."""

from __future__ import annotations

import json
from pathlib import Path

from agent.paths import locate
from agent.settings import ConfigError, Settings
from agent.store.errors import StoreError
from agent.store.reader import Reader

CONFIG = "configuration"
"""The fact in the log that keeps the text of the last configuration that ran."""

PROFILES = "configuration/profiles"
"""The fact that keeps the station's own profiles that it used: a JSON object of their texts by name."""


def choose(path: Path) -> tuple[Settings, ConfigError | None]:
    """Return what to run, and what is wrong with the file when that is not what stands there.

    Raises the ConfigError of the file when nothing ran here before, or what ran cannot be used either.
    """
    try:
        return Settings.load(path), None
    except ConfigError as error:
        remembered = _remembered(locate(path).store)
        if remembered is None:
            raise
        text, profiles = remembered
        try:
            return Settings.from_text(text, path, profiles), error
        except ConfigError:
            raise error from None


def facts(settings: Settings) -> dict[str, str]:
    """What the log is to keep of a configuration that runs, so that it can run again beside a broken file."""
    return {CONFIG: settings.source, PROFILES: json.dumps(dict(settings.own_profiles), ensure_ascii=False)}


def _remembered(store: Path) -> tuple[str, dict[str, str] | None] | None:
    """The text of the station file and its own profiles; None for those where an older version kept none."""
    try:
        with Reader.open(store) as log:
            text, profiles = log.fact(CONFIG), log.fact(PROFILES)
    except StoreError:
        return None
    return None if text is None else (text, None if profiles is None else json.loads(profiles))
