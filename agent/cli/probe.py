"""``probe``: shows a block of registers under every type and word order, and what is plausible."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from agent.cli.moments import seconds
from agent.columns import table
from agent.commission.anywhere import carry_out
from agent.commission.views import ORDERS, plausible, views
from agent.language import say

BITS = ("coil", "discrete")
WIDE = 160

EXAMPLES = """\
examples:
  station-agent probe so2 22 6               six registers from 22 on
  station-agent probe rack 0 10 --unit 7 --table input
"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("target", help="a device, or a link together with --unit")
    parser.add_argument("register", type=number, help="the first one as sent on the wire, from 0; also 0x10")
    parser.add_argument("count", type=number, help="how many registers, or bits")
    parser.add_argument("--unit", type=int, metavar="N", help="the Modbus address on a link")
    parser.add_argument("--table", choices=("holding", "input", "coil", "discrete"), help="holding, or the profile's")
    parser.add_argument("--protocol", metavar="NAME", help="modbus-rtu, -ascii or -tcp, where it is not the usual")
    parser.add_argument("--timeout", type=seconds, metavar="200ms", help="how long an answer may take (1s)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the block; the exit code is 1 when a part of it was refused."""
    keys = ("target", "register", "count", "unit", "table", "protocol", "timeout")
    blocks: list[dict[str, Any]] = []
    carry_out(options.config, "probe", {key: getattr(options, key) for key in keys}, blocks.append)
    block = blocks[0] | _meaning(blocks[0])
    print(json.dumps(block, ensure_ascii=False) if options.json else "\n".join(_page(block)))
    return int(block["refused"] is not None)


def _meaning(block: dict[str, Any]) -> dict[str, Any]:
    """What the registers of *block* may mean; bits mean what they are."""
    if block["table"] in BITS:
        return {"views": [], "plausible": []}
    words, start = block["words"], block["start"]
    return {
        "views": [asdict(view) for view in views(words, start)],
        "plausible": [asdict(view) | {"toml": view.toml(block["table"])} for view in plausible(words, start)],
    }


def _page(block: dict[str, Any]) -> Iterator[str]:
    yield say(
        f"{block['device']}, address {block['address']} at {block['endpoint']}: "
        f"{len(block['words'])} {block['table']} from {block['start']}"
    )
    if block["refused"]:
        yield say(f"- stands where nothing is: {block['refused']}")
    yield ""
    yield from _bits(block) if block["table"] in BITS else _registers(block)
    for known in block["known"]:
        value = f"{known['value']} {known['unit']}".rstrip()
        yield say(f"the profile reads {known['channel']} at {known['register']}: {value}")
    if block["plausible"]:
        paste = "* plausible; compare with the display of the instrument. To paste, with a name and a unit of its own:"
        yield f"\n{say(paste)}"
        yield from (f"\n# {view['value']}: {say(view['why'])}\n{view['toml']}" for view in block["plausible"])


def _bits(block: dict[str, Any]) -> Iterator[str]:
    for at in range(0, len(block["words"]), 16):
        bits = " ".join("-" if bit is None else str(bit) for bit in block["words"][at : at + 16])
        yield f"{block['start'] + at:>6}  {bits}"
    yield ""


def _registers(block: dict[str, Any]) -> Iterator[str]:
    """A table for each width and kind, a line for each register where it shows anything."""
    cells = _cells(block)
    yield from _table(block, [("uint16", "ABCD"), ("int16", "ABCD"), ("uint16", "BADC"), ("bcd", "ABCD")], cells)
    for kind in ("float32", "uint32", "float64", "uint64"):
        yield from _table(block, [(kind, order) for order in ORDERS], cells)


def _cells(block: dict[str, Any]) -> dict[tuple[int, str, str], str]:
    """What stands where; a wide integer stands with the sign that it has if it has one, too."""
    cells = {(view["register"], view["type"], view["order"]): _value(view["value"]) for view in block["views"]}
    for width in ("32", "64"):
        for register, kind, order in [cell for cell in cells if cell[1] == f"int{width}"]:
            signed, plain = cells.pop((register, kind, order)), (register, f"u{kind}", order)
            cells[plain] += f" / {signed}" if signed != cells[plain] else ""
    for view in block["plausible"]:
        kind = {"int32": "uint32", "int64": "uint64"}.get(view["type"], view["type"])
        cells[view["register"], kind, view["order"]] = cells.get((view["register"], kind, view["order"]), "") + " *"
    return cells


def _table(
    block: dict[str, Any], columns: list[tuple[str, str]], cells: dict[tuple[int, str, str], str]
) -> Iterator[str]:
    single = columns[0][0] == "uint16"
    kinds = [f"{kind.upper()} {order}" for kind, order in columns]
    head = [say("REGISTER"), say("HEX"), *kinds, say("TEXT") if single else ""]
    rows = []
    for number, word in enumerate(block["words"], block["start"]):
        shown = [cells.get((number, kind, order), "") for kind, order in columns]
        text = _text(word) + cells.get((number, "string", "ABCD"), "") if single else ""
        if single or any(cell not in ("", "0") for cell in shown):
            rows.append([str(number), "-" if word is None else f"{word:04x}", *shown, text])
    if rows:
        yield from table(head, rows, WIDE)
        yield ""


def _value(value: object) -> str:
    return "-" if value is None else f"{value:.7g}" if isinstance(value, float) else str(value)


def _text(word: int | None) -> str:
    data = b"" if word is None else word.to_bytes(2, "big")
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)


def number(text: str) -> int:
    """Parse a number, also 0x10."""
    return int(text, 0)
