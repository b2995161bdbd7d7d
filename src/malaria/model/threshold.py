"""Read thresholds: one figure of `summary.json`, an operator, and a limit that a PASS must meet.

Promises: every threshold states the *passing* condition, also one that came from `--fail-if`; its text reads back to
the same value. Whether a figure is known, and whether it holds, is judged elsewhere.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from malaria.clock import NS_PER_MS
from malaria.model.table import NAME
from malaria.units import DURATION_WITH_UNITS_PATTERN, NotationError, parse_duration_ns

PERCENT: Final = "%"


class FigureUnit(StrEnum):
    """The unit of a figure in `summary.json`."""

    MS = "ms"
    COUNT = ""
    PER_S = "/s"


@dataclass(frozen=True, slots=True)
class SummaryFigure:
    """The place of a figure in `summary.json`.

    `bases` maps a word to the figure that a limit in percent refers to: `98% of due` means of `rates.due_per_s`.
    """

    path: tuple[str, ...]
    unit: FigureUnit
    bases: Mapping[str, str] = MappingProxyType({})


LATENCIES: Final = ("connect", "tcp", "tls", "upgrade", "connack", "suback", "ack", "service", "lag", "end_to_end")
STATISTICS: Final = ("min", "mean", "stddev", "p50", "p90", "p95", "p99", "p99_9", "max")
CLIENTS: Final = ("planned", "connected", "connected_peak", "refused", "dropped", "reconnects")
MESSAGES: Final = (
    "due", "sent", "acked", "expected", "delivered", "duplicated", "reordered", "lost", "acked_lost", "unresolved",
    "unacked", "duplicated_qos_2", "overlapping",
)  # fmt: skip
RATES: Final = ("due", "sent", "acked", "delivered")
BROKER: Final[Mapping[str, FigureUnit]] = MappingProxyType(
    {
        "dropped": FigureUnit.COUNT,
        "queue_growth_per_s": FigureUnit.PER_S,
        "cpu_percent": FigureUnit.COUNT,
        "host_cpu_percent": FigureUnit.COUNT,
        "rss_bytes": FigureUnit.COUNT,
    }
)
"""The figures of the broker that observers read."""


def _figures() -> dict[str, SummaryFigure]:
    figures = {
        f"{latency}.{statistic}": SummaryFigure(("latency_ms", latency, statistic), FigureUnit.MS)
        for latency in LATENCIES
        for statistic in STATISTICS
    }
    for latency in LATENCIES:
        figures[f"{latency}.count"] = SummaryFigure(("latency_ms", latency, "count"), FigureUnit.COUNT)
    # a percentage compares figures of one kind: clients with clients, messages with messages
    of_clients = {"planned": "clients.planned", "connected": "clients.connected"}
    figures |= {f"clients.{name}": SummaryFigure(("clients", name), FigureUnit.COUNT, of_clients) for name in CLIENTS}
    of_messages = {name: f"messages.{name}" for name in ("due", "sent", "acked", "expected", "delivered")}
    figures |= {
        f"messages.{name}": SummaryFigure(("messages", name), FigureUnit.COUNT, of_messages) for name in MESSAGES
    }
    of_rates = {name: f"rates.{name}_per_s" for name in RATES}
    figures |= {
        f"rates.{name}_per_s": SummaryFigure(("rates", f"{name}_per_s"), FigureUnit.PER_S, of_rates) for name in RATES
    }
    # CPU and memory have no figure that a percentage could refer to
    bases = {FigureUnit.PER_S: of_rates, FigureUnit.COUNT: {}}
    figures["recovery.slowest"] = SummaryFigure(("recovery", "slowest_ms"), FigureUnit.MS)
    figures["recovery.not_held"] = SummaryFigure(("recovery", "not_held"), FigureUnit.COUNT)
    figures["stalls.longest"] = SummaryFigure(("stalls", "longest_ms"), FigureUnit.MS)
    figures["stalls.count"] = SummaryFigure(("stalls", "count"), FigureUnit.COUNT)
    figures |= {f"broker.{name}": SummaryFigure(("broker", name), unit, bases[unit]) for name, unit in BROKER.items()}
    return figures


FIGURES: Final[Mapping[str, SummaryFigure]] = MappingProxyType(_figures())
"""Every figure that a threshold can be set on, by the name it has there."""

OPERATORS: Final = ("<=", ">=", "==", "!=", "<", ">")  # the longer ones first, so that none is cut short
NEGATION: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}

_CONDITION: Final = re.compile(
    rf"\s*(?P<operator>{'|'.join(map(re.escape, OPERATORS))})\s*(?P<limit>.*?)\s*", re.DOTALL
)
_KEY: Final = re.compile(r"\s*(?P<key>[^\s<>=!]*)(?P<condition>.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"(?P<number>\d{1,15}(?:\.\d{1,15})?)\s*(?P<unit>.*)", re.ASCII | re.DOTALL)
_RELATIVE: Final = re.compile(r"%\s*of\s+(?P<word>\w+)", re.ASCII)
_CONDITION_REMEDY: Final = 'write an operator and a limit, for example "< 500ms", "== 0" or ">= 98% of due"'


@dataclass(frozen=True, slots=True)
class Threshold:
    """The condition `key operator value` that a passing run meets.

    `value` is in the unit of the figure (milliseconds, a count, or happenings per second); with `relative_to`, the key
    of another figure, it is percent of that one.
    """

    key: str
    operator: str
    value: float
    relative_to: str | None = None

    @property
    def figure(self) -> SummaryFigure:
        return FIGURES[self.key]

    @property
    def condition(self) -> str:
        """Return the text without the key, as a warhead writes it."""
        number = f"{self.value:.15g}"
        if self.relative_to is None:
            return f"{self.operator} {number}{self.figure.unit}"
        word = next(word for word, key in self.figure.bases.items() if key == self.relative_to)
        return f"{self.operator} {number}% of {word}"

    def __str__(self) -> str:
        return f"{self.key} {self.condition}"


def thresholds_schema(*, removable: bool = False) -> dict[str, Any]:
    """Make the JSON Schema of `[thresholds]`: figures in quotes, "ack.p99" = ..., or without, ack.p99 = ...

    With `removable`, false in place of a condition takes away what is stated elsewhere.
    """
    false = [{"const": False}] if removable else []
    conditions = {key: _condition_schema(figure, false) for key, figure in FIGURES.items()}
    tables: dict[str, dict[str, Any]] = {}
    for key, condition in conditions.items():
        table, _, name = key.partition(".")
        tables.setdefault(table, {})[name] = condition
    nested = {
        table: {"type": "object", "properties": entries, "additionalProperties": False}
        for table, entries in tables.items()
    }
    return {"type": "object", "properties": conditions | nested, "additionalProperties": False}


def _condition_schema(figure: SummaryFigure, others: list[dict[str, Any]]) -> dict[str, Any]:
    operator = "(?:<=|>=|==|!=|<|>)"
    number = r"[0-9]{1,15}(?:\.[0-9]{1,15})?\s*"
    if figure.unit is FigureUnit.MS:
        name, limits = "TimeLimit", [DURATION_WITH_UNITS_PATTERN]
    else:
        kind = "Count" if figure.unit is FigureUnit.COUNT else "Rate"
        name = f"{kind}{'Of' * bool(figure.bases)}{''.join(map(str.capitalize, figure.bases))}Limit"
        limits = [f"{number}(?:{figure.unit})?", *(rf"{number}%\s*of\s+{word}" for word in figure.bases)]
    text = {"type": "string", "pattern": rf"^\s*{operator}\s*(?:{'|'.join(limits)})\s*$"}
    return {NAME: name + "OrFalse" * bool(others), "anyOf": [text, {"type": "array", "items": text}, *others]}


def parse_threshold(key: str, condition: str) -> Threshold:
    """Read a line of `[thresholds]`: `"ack.p99" = "< 500ms"`. Raises NotationError."""
    figure = _figure(key)
    found = _CONDITION.fullmatch(condition) if isinstance(condition, str) else None
    if found is None:
        raise NotationError(f"{condition!r} is not a condition", _CONDITION_REMEDY)
    value, relative_to = _limit(found["limit"], key, figure)
    return Threshold(key, found["operator"], value, relative_to)


def parse_threshold_text(text: str) -> Threshold:
    """Read a passing condition as `str(threshold)` writes it: `ack.p99 < 500ms`. Raises NotationError."""
    found = _KEY.fullmatch(text)
    assert found is not None  # the pattern takes any text
    return parse_threshold(found["key"], found["condition"])


def parse_fail_if(text: str) -> Threshold:
    """Read the value of `--fail-if`, which is the *failing* condition. Raises NotationError."""
    failing = parse_threshold_text(text)
    # from here on a threshold is what a PASS needs
    return Threshold(failing.key, NEGATION[failing.operator], failing.value, failing.relative_to)


def allowed_stall(text: str) -> Threshold:
    """Read the value of `--allow-stall`: the longest time that the broker may stand still. Raises NotationError."""
    return Threshold("stalls.longest", "<=", float(Fraction(parse_duration_ns(text), NS_PER_MS)))


def _figure(key: str) -> SummaryFigure:
    if key in FIGURES:
        return FIGURES[key]
    # there are over a hundred names, too many to list in an error
    # `p99` alone is that of acks to most people
    near = [name for name in FIGURES if name.partition(".")[2] in (key, f"{key}_per_s")]
    near = [name for name in near if name.startswith("ack.")] or near or difflib.get_close_matches(key, FIGURES, n=1)
    remedy = f"did you mean {near[0]}?" if near else "write one such as ack.p99, messages.acked_lost or clients.dropped"
    raise NotationError(f"{key!r} is not a figure of the summary", remedy)


def _limit(text: str, key: str, figure: SummaryFigure) -> tuple[float, str | None]:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise NotationError(f"{text!r} is not a limit", _CONDITION_REMEDY)
    # before the units: `98%` without a base must not be read as a plain number
    if found["unit"].startswith(PERCENT):
        return float(found["number"]), _base(found["unit"], key, figure)
    if figure.unit is FigureUnit.MS:
        return _milliseconds(text, found["unit"]), None
    if found["unit"] not in ("", figure.unit):
        raise NotationError(
            f"{text!r} is not a limit for {key}", f"write a plain number, or {_relative_example(figure)}"
        )
    return float(found["number"]), None


def _milliseconds(text: str, unit: str) -> float:
    if not unit:
        raise NotationError(f"{text!r} is a time without a unit", f"write {text}ms or {text}s")
    return float(Fraction(parse_duration_ns(text), NS_PER_MS))


def _base(text: str, key: str, figure: SummaryFigure) -> str:
    found = _RELATIVE.fullmatch(text)
    if found is None or found["word"] not in figure.bases:
        raise NotationError(f"{text!r} is not a percentage that {key} can be compared with", _percent_remedy(figure))
    return figure.bases[found["word"]]


def _percent_remedy(figure: SummaryFigure) -> str:
    if not figure.bases:
        return "write a time, such as 500ms"
    return f"write {_relative_example(figure)}; words are {', '.join(figure.bases)}"


def _relative_example(figure: SummaryFigure) -> str:
    return f'"98% of {next(iter(figure.bases))}"' if figure.bases else "no percentage"
