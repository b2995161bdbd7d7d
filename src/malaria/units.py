"""Read durations, rates and numbers from text as exact values, and format values with the digits that matter.

Promises: parsing is exact (integers and fractions, no floats) and raises `NotationError`, which says what to write;
formatting never raises. Bytes are counted in powers of ten (1 MB = 10**6).
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Final


class NotationError(ValueError):
    """A text in the wrong notation: `message` says so in a sentence, `remedy` says what to write instead."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message}; {remedy}")
        self.message = message
        self.remedy = remedy


_NS_PER_UNIT: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "sec": 10**9,
    "m": 60 * 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
_NUMBER: Final = r"(?:[0-9]{1,40}(?:\.[0-9]{1,20})?|\.[0-9]{1,20})"
"""Long enough for both sides of any rate that was read and is written back as a fraction."""
_UNITS: Final = {*_NS_PER_UNIT, *(unit.upper() for unit in _NS_PER_UNIT if unit.isascii())}
_UNIT: Final = "|".join(sorted(_UNITS, key=lambda unit: (-len(unit), unit)))
DURATION_WITH_UNITS_PATTERN: Final = rf"\s*(?:{_NUMBER}\s*(?:{_UNIT})\s*)+"
DURATION_PATTERN: Final = rf"(?:{DURATION_WITH_UNITS_PATTERN}|\s*{_NUMBER}\s*)"
RATE_PATTERN: Final = rf"\s*{_NUMBER}\s*(?:/\s*(?:{_NUMBER}|(?:{_NUMBER})?\s*(?:{_UNIT})\s*)+)?"
"""Patterns (for people's editors) of the texts that `parse_duration_ns` and `parse_rate` take."""
_PLAIN_NUMBER: Final = re.compile(_NUMBER, re.ASCII)
_PART: Final = re.compile(rf"\s*({_NUMBER})\s*({_UNIT})", re.ASCII)
_COUNT_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
BYTES_PATTERN: Final = r"[0-9]{1,12}(?:\.[0-9]{1,9})?\s*[kKmMgG]?[bB]?"
"""Pattern (for people's editors) of the texts that `exact_bytes` takes."""
_COUNT: Final = re.compile(r"\s*(-?[0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([kKmM]?)\s*", re.ASCII)
_LONGEST_DURATION_NS: Final = 100 * 365 * _NS_PER_UNIT["d"]
_HIGHEST_RATE: Final = 10**6
_LOWEST_RATE: Final = Fraction(10**9, _LONGEST_DURATION_NS)

_DURATION_REMEDY: Final = 'write seconds or a text with units, for example 6, "250ms", "10m" or "1h30m"'
_RATE_REMEDY: Final = 'write messages per second and client, for example 166, "1/6" or "10000/min"'


def parse_duration_ns(value: str | float) -> int:
    """Read "6", "6s", "250ms", "10m", "1h30m" or a number of seconds as whole nanoseconds."""
    seconds = _number(value)
    exact_ns = seconds * 10**9 if seconds is not None else _sum_of_parts(value)
    if exact_ns is None:
        raise NotationError(f"{value!r} is not a duration", _DURATION_REMEDY)
    if exact_ns > _LONGEST_DURATION_NS:
        raise NotationError(f"{value!r} is longer than 100 years", _DURATION_REMEDY)
    if exact_ns and not round(exact_ns):  # as 0 it would mean something else, such as a closed loop
        raise NotationError(f"{value!r} is shorter than a nanosecond", _DURATION_REMEDY)
    return round(exact_ns)


def parse_rate(value: str | float) -> Fraction:
    """Read 0.166, "0.166", "1/6", "166/s", "10000/min" or "1/6s" as a rate per second, always over 0."""
    rate = _rate(value)
    if rate is None:
        raise NotationError(f"{value!r} is not a rate", _RATE_REMEDY)
    if rate > _HIGHEST_RATE:
        raise NotationError(f"a rate of {value!r} is too high", f"write at most {_HIGHEST_RATE}/s")
    if rate < _LOWEST_RATE:
        raise NotationError(f"a rate of {value!r} is too low", _RATE_REMEDY)
    return rate


def parse_count(value: str | int) -> int:
    """Read "10", "1k", "2.5k" or "1M" as a whole number of things."""
    found = _COUNT.fullmatch(str(value))
    exact = None if found is None else Fraction(found[1]) * _COUNT_UNITS[found[2].lower()]
    if exact is None or exact.denominator != 1:
        raise NotationError(f"{str(value)!r} is not a whole number", 'write a number such as 10, "1k" or "20k"')
    return int(exact)


def exact_bytes(text: str) -> Fraction:
    """Return the bytes of a text that BYTES_PATTERN matches: "500", "500B", "5KB", "1k", "5MB", in powers of ten."""
    number = text.strip().rstrip("bB").rstrip()
    unit = number[-1:].lower()
    return Fraction(number.rstrip("kKmMgG").rstrip()) * _COUNT_UNITS.get(unit, 1)


def _number(value: object) -> Fraction | None:
    """Read a number as it was written: 0.1 is one tenth, not the nearest binary fraction."""
    # True is an int to Python, and `inf` no number of anything
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, int | float):
        return Fraction(str(value)) if value >= 0 else None
    if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value.strip()):
        return Fraction(value.strip())
    return None


def _sum_of_parts(value: object) -> Fraction | None:
    """Return the nanoseconds of "1h 30m": parts with units, added."""
    if not isinstance(value, str) or not value.strip():
        return None
    total, place, text = Fraction(0), 0, value.rstrip()
    while place < len(text):
        part = _PART.match(text, place)
        if part is None:
            return None
        total += Fraction(part[1]) * _NS_PER_UNIT[part[2].lower()]
        place = part.end()
    return total


def _rate(value: object) -> Fraction | None:
    if not isinstance(value, str) or "/" not in value:
        return _number(value)
    above, _, below = (side.strip() for side in value.partition("/"))
    count, per_s = _number(above), _number(below)
    if per_s is None:
        # `10/min` leaves out the 1 of `10/1min`
        per_ns = _sum_of_parts(f"1{below}" if below.lower() in _NS_PER_UNIT else below)
        per_s = per_ns / 10**9 if per_ns is not None else None
    if count is None or not per_s:
        return None
    return count / per_s


type _Decimals = tuple[tuple[float, int], ...]
"""Pairs (values under this, decimals)."""

_TWO_DIGITS: Final[_Decimals] = ((0.1, 3), (1, 2), (10, 1), (math.inf, 0))
_RATE_DIGITS: Final[_Decimals] = ((1, 3), (10, 2), (1000, 1), (math.inf, 0))
_BYTE_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


def _digits(value: float, scale: _Decimals) -> str:
    """Format the value with the decimals that `scale` gives to its size, after rounding (9.96 is 10, not 10.0)."""
    for limit, decimals in scale:
        if abs(round(value, decimals)) < limit:
            return f"{value:,.{decimals}f}"
    return str(value)  # infinite or not a number


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_count(count: float) -> str:
    """Format a count: 1,234,567."""
    return f"{count:,.0f}"


def format_things(count: float, thing: str) -> str:
    """Format a count and its noun: 1 message, 1,204 messages."""
    return f"{format_count(count)} {thing}{'' if format_count(count) == '1' else 's'}"


def format_ms(ms: float) -> str:
    """Format milliseconds: 0.12 ms, 1.9 ms, 38 ms, 1,204 ms."""
    return f"{_digits(ms, _TWO_DIGITS) if ms else '0'} ms"


def format_rate(per_s: float, of: str = "") -> str:
    """Format a rate: 500/s, 500.1/s, 0.167/s, 12,345/s; with `of`, "500 msg/s"."""
    return f"{_without_zeros(_digits(per_s, _RATE_DIGITS))}{' ' if of else ''}{of}/s"


def format_bytes(count: float) -> str:
    """Format bytes: 500 B, 1.5 kB, 31 MB, 2.0 GB."""
    value, unit = float(count), 0
    # 999.5 kB would be shown as 1,000 kB
    while abs(value) >= 999.5 and unit < len(_BYTE_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    number = _digits(value, ((10, 1), (math.inf, 0))) if unit else format_count(value)
    return f"{number} {_BYTE_UNITS[unit]}"


def format_duration_ns(duration_ns: int) -> str:
    """Format a duration: 250 ms, 3.1 s, 10 min, 1 h 30 min; from a minute on in whole seconds."""
    if duration_ns < 0:
        return f"-{format_duration_ns(-duration_ns)}"
    # from here on a figure in seconds would round to 60.0 s
    if duration_ns >= 59_950_000_000:
        return _whole_seconds((duration_ns + 500_000_000) // 10**9)
    for unit in ("s", "ms", "us"):
        value = duration_ns / _NS_PER_UNIT[unit]
        if round(value, 1) >= 1:
            return f"{_without_zeros(f'{value:.1f}' if round(value, 1) < 100 else f'{value:.0f}')} {unit}"
    return f"{duration_ns} ns" if duration_ns else "0 s"


def format_clock(seconds: float) -> str:
    """Format a moment of a run in minutes and seconds: 0:07, 4:12, 75:03; −0:03 before the load started."""
    whole = math.floor(seconds)  # as a clock: 1.9 s are in second 1, and half a second before the load is in second −1
    minutes, rest = divmod(abs(whole), 60)
    return f"{'−' if whole < 0 else ''}{minutes}:{rest:02d}"


def _whole_seconds(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
