"""The report as a page to print: one HTML file that needs nothing else, in the language that was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from html import escape

from agent.accounts.report import Report
from agent.accounts.tables import Table, by_day, definitions, legend, moment, notes, tables
from agent.language import chosen, say

STYLE = """
@page { size: A4; margin: 15mm }
body { font: 10pt/1.4 "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "SimSun", sans-serif; color: #000 }
body { max-width: 180mm; margin: 8mm auto }
h1 { font-size: 15pt; margin: 0 } h2 { font-size: 11pt; margin: 6mm 0 1mm; page-break-after: avoid }
table { border-collapse: collapse; width: 100%; page-break-inside: auto } tr { page-break-inside: avoid }
thead { display: table-header-group } th, td { border: 0.3pt solid #777; padding: 0.6mm 1.5mm; text-align: right }
th:first-child, td:first-child { text-align: left } th { background: #eee }
.signed { margin-top: 12mm; display: flex; gap: 12mm } .signed span { flex: 1; border-top: 0.5pt solid #000 }
"""


def as_page(found: Report, *, title: str, station: str, zone: tzinfo) -> str:
    """Return the page; *title* names the period, *station* the station as people call it."""
    lines = [
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if chosen() == "zh" else "en"}"><head><meta charset="utf-8">',
        f"<title>{escape(found.station)} {escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(say('Valid transmission rate'))} {escape(title)}</h1>",
        f"<p>{escape(' · '.join(filter(None, (station, found.station, _span(found, zone)))))}</p>",
        *(line for table in tables(found) for line in _table(table)),
        *_paragraphs(notes(found, zone)),
        *(line for table in by_day(found) for line in _table(table) if len(found.days) > 1),
        *(_table(legend(found)) if any(account.title for account in found.accounts) else ()),
        f"<h2>{escape(say('How it is counted'))}</h2>",
        *_paragraphs(definitions()),
        f'<p class="signed"><span>{escape(say("date"))}</span><span>{escape(say("made by"))}</span>',
        f"<span>{escape(say('checked by'))}</span></p></body></html>",
    ]
    return "\n".join(lines) + "\n"


def _span(found: Report, zone: tzinfo) -> str:
    return f"{moment(found.since_ms, zone)} – {moment(found.until_ms, zone)} ({zone})"


def _table(table: Table) -> Iterator[str]:
    yield f"<h2>{escape(table.caption)}</h2><table><thead><tr>"
    yield "".join(f"<th>{escape(cell)}</th>" for cell in table.head) + "</tr></thead><tbody>"
    for row in table.rows:
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
    yield "</tbody></table>"


def _paragraphs(sentences: Iterator[str]) -> Iterator[str]:
    yield "<p>" + "<br>\n".join(map(escape, sentences)) + "</p>"
