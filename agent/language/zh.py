"""Chinese for what technicians read; terms as in HJ 212, HJ 655 and HJ 818.

Keys are the English texts of the code, ``{}`` where something is put in; ``{0}``,
``{1}`` in the Chinese name them in the order of the English. Grouped by where they
are said; a test finds what lacks.
"""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "GOOD": "正常",
    "WARNING": "警告",
    "CRITICAL": "严重",
    "UNKNOWN": "未知",
}
