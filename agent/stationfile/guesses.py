"""What somebody probably meant who wrote a value that is not allowed: the words of manuals, screens and other programs.

Pure. A guess is only a hint beside the refusal; where two meanings are as likely, there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from zoneinfo import available_timezones

from agent.stationfile.faults import nearest
from agent.stationfile.syntax import plain
from drivers.units import UNITS

_WORDS = {
    "float": "float32",
    "real": "float32",
    "single": "float32",
    "double": "float64",
    "lreal": "float64",
    "word": "uint16",
    "uint": "uint16",
    "ushort": "uint16",
    "unsigned": "uint16",
    "int": "int16",
    "short": "int16",
    "signed": "int16",
    "dword": "uint32",
    "udint": "uint32",
    "ulong": "uint32",
    "dint": "int32",
    "long": "int32",
    "bit": "bool",
    "boolean": "bool",
    "text": "string",
    "char": "string",
    "ascii": "string",
    "1234": "ABCD",
    "3412": "CDAB",
    "2143": "BADC",
    "4321": "DCBA",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "latin1": "latin-1",
    "iso-8859-1": "latin-1",
    "utf8": "utf-8",
    "保持寄存器": "holding",
    "输入寄存器": "input",
    "线圈": "coil",
    "离散输入": "discrete",
}
"""Types, word orders, tables and encodings by the names that PLC programs and manuals give them."""

_UNITS = {
    "c": "Cel",
    "degc": "Cel",
    "摄氏度": "Cel",
    "f": "[degF]",
    "lpm": "L/min",
    "l/m": "L/min",
    "升/分": "L/min",
    "升/分钟": "L/min",
    "ccm": "cm3/min",
    "%rh": "%",
    "rh": "%",
    "db(a)": "dB[SPL]",
    "dba": "dB[SPL]",
    "ph": "[pH]",
    "度": "deg",
    "米/秒": "m/s",
    "微克/立方米": "ug/m3",
    "毫克/立方米": "mg/m3",
    "毫克/升": "mg/L",
}
_SECONDS = {
    "ms": ("ms", "msec", "毫秒"),
    "s": ("s", "sec", "secs", "second", "seconds", "秒", ""),
    "min": ("min", "mins", "m", "minute", "minutes", "分", "分钟"),
    "h": ("h", "hr", "hrs", "hour", "hours", "小时", "时"),
    "d": ("d", "day", "days", "天", "日"),
}
_CHINA = {"beijing", "peking", "china", "cst", "bjt", "北京", "中国", "上海", "北京时间", "东八区"}


def meant(value: object) -> str:
    """The hint for *value*, as the file would have to have it."""
    return f"did you mean {value}?"


def word(written: object, allowed: Iterable[str]) -> str:
    """The one of *allowed* that was meant by *written*."""
    words = list(allowed)
    found = _WORDS.get(plain(str(written)).strip().lower())
    return meant(f'"{found}"') if found in words else nearest(written, words)


def unit(written: object) -> str:
    """The code of a unit that was written as a screen or a manual shows it, or the nearest code."""
    if not isinstance(written, str):
        return ""
    said = _spelled(written)
    known = {_spelled(text): code for code, text in reversed(UNITS.items()) if text} | {_spelled(c): c for c in UNITS}
    found = known.get(said) or _UNITS.get(said)
    return meant(f'"{found}"') if found else nearest(written, UNITS)


def _spelled(text: str) -> str:
    return plain(text).replace("μ", "u").replace(" ", "").lower()


def duration(written: object) -> str:
    """``5``, ``"5 sec"`` and ``"5秒"`` as ``"5s"``; a number below 1 in milliseconds."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*([^\W\d]*)\.?", plain(str(written)).strip().lower())
    unit = next((unit for unit, names in _SECONDS.items() if match and match[2] in names), None)
    if match is None or unit is None or isinstance(written, bool):
        return ""
    number = float(match[1])
    return meant(f'"{number * 1000:g}ms"' if unit == "s" and 0 < number < 1 else f'"{number:g}{unit}"')


def size(written: object) -> str:
    """``20G`` as ``"20GB"``. A number alone could be anything."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt])(i?)b?(yte)?s?", plain(str(written)).strip().lower())
    return meant(f'"{match[1]}{match[2].upper()}{match[3]}B"') if match else ""


def zone(written: object) -> str:
    """The zone of a city or of an offset; the names that have an offset in them count it the other way round."""
    said = plain(str(written)).strip().lower()
    offset = re.fullmatch(r"(?:utc|gmt)?([+-])0?(\d{1,2})(?::?00)?", said)
    if said in _CHINA or (offset and (offset[1], offset[2]) == ("+", "8")):
        return meant('"Asia/Shanghai"')
    if offset and 0 < int(offset[2]) <= 12:
        return meant(f'"Etc/GMT{"-" if offset[1] == "+" else "+"}{offset[2]}"')
    zones = available_timezones()
    city = next((name for name in sorted(zones) if name.lower().rpartition("/")[2] == said.replace(" ", "_")), None)
    if city:
        return meant(f'"{city}"')
    return nearest(written, zones) if "/" in said else "" if zones else "install the package tzdata"


def name(written: object) -> str:
    """*written* in the letters of a name."""
    found = as_name(written)
    return meant(f'"{found}"') if found else ""


def as_name(written: object) -> str:
    """What *written* would be as a name; empty when nothing is left of it."""
    said = plain(written).lower() if isinstance(written, str) else ""
    return re.sub(r"[^a-z0-9_]+", "-", said).lstrip("-_0123456789").rstrip("-_")[:32]


def listed(written: object) -> str:
    """A word alone where a list of words belongs."""
    is_word = isinstance(written, str) and re.fullmatch(r"[a-z][a-z0-9_.*-]{0,60}", written)
    return meant(f'["{written}"]') if is_word else ""


def profile(written: object, known: Iterable[str]) -> str:
    """The profile that was called by its file, its model or a part of its name."""
    names = sorted(known, key=len)
    said = re.sub(r"[^a-z0-9]+", "-", plain(str(written)).lower().removesuffix(".toml")).strip("-")
    found = next((one for one in names if said == one or (len(said) > 2 and said in one)), None)
    return meant(f'"{found}"') if found else nearest(written, names) or "list: station-agent profiles"


def link_url(written: object) -> str:
    """What to write in place of an address that begins with none of the kinds of a wire; never the address itself."""
    said = plain(str(written)).strip().lower()
    if re.fullmatch(r"\\*\.?\\*com\d+:?", said):
        return "ports have other names here: ls -l /dev/serial/by-id; then serial:///dev/serial/by-id/NAME?baud=9600"
    if said.startswith("/dev/"):
        return "write serial:// before it, and its settings behind: serial:///dev/ttyUSB0?baud=9600"
    if re.match(r"(modbus|mbtcp|http|rtu)[a-z+.-]*:", said) or re.fullmatch(r"[a-z0-9.-]+(:\d+)?", said):
        return "write tcp://host:502"
    return ""


def broker_url(written: object) -> str:
    """What to write in place of an address that is none of a broker; never the address itself."""
    said = plain(str(written)).strip().lower()
    if re.match(r"(ssl|tls|mqtt\+ssl|mqtt\+tls|mqtt-tls|https)://", said):
        return "write mqtts://"
    if re.match(r"(tcp|mqtt\+tcp|http)://", said):
        return "write mqtts://, or mqtt:// where the broker cannot encrypt"
    return "write mqtts://host:8883" if re.fullmatch(r"[a-z0-9.-]+(:\d+)?", said) else ""


def number(written: object) -> str:
    """A number in quotes, decimal or ``0x…``."""
    if not isinstance(written, str) or not re.fullmatch(r"\d{1,6}|0x[0-9a-f]{1,4}", plain(written).strip().lower()):
        return ""
    return meant(int(plain(written).strip(), 16 if "x" in written.lower() else 10))
