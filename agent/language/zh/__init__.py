"""Chinese for what technicians read; terms as in HJ 212, HJ 655 and HJ 818.

Keys are the English texts of the code, ``{}`` where something is put in; ``{0}``,
``{1}`` in the Chinese name them in the order of the English. One file per part of
the program; a test finds what lacks.
"""

from __future__ import annotations

from agent.language.zh import (
    commands,
    doctor,
    instruments,
    log,
    operations,
    records,
    simulating,
    stationfile,
    status,
    system,
    titles,
    uplinks,
    usage,
    watch,
)

TEXTS: dict[str, str] = {
    **commands.TEXTS,
    **doctor.TEXTS,
    **instruments.TEXTS,
    **log.TEXTS,
    **operations.TEXTS,
    **records.TEXTS,
    **simulating.TEXTS,
    **stationfile.TEXTS,
    **status.TEXTS,
    **system.TEXTS,
    **titles.TEXTS,
    **uplinks.TEXTS,
    **usage.TEXTS,
    **watch.TEXTS,
}

HEADINGS = frozenset(
    {
        "address",
        "agent",
        "alarm",
        "archive",
        "broker",
        "cable",
        "calibration",
        "channel",
        "clock",
        "consumer",
        "date",
        "day",
        "disk",
        "filter",
        "instrument",
        "line",
        "link",
        "log",
        "lost",
        "network",
        "other",
        "power",
        "profile",
        "room",
        "service",
        "station",
        "station file",
        "sum",
        "ticks",
    }
)
"""Words that are translated where they stand alone: put into a sentence, each may be the name of a device."""

PUNCTUATION = {", ": "，", "; ": "；", ": ": "：", " (": "（", ")": "）"}
"""Of a list or a remark that is put together on the screen: full width, as in the sentences around it."""
