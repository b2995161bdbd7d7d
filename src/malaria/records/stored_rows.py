"""The rows of `run.db` as they are stored: a model for each table, which refuses what cannot be in it.

Each model has the columns of its table as fields, in order. `docs/run-format.md` says what they mean.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StrictBytes, StrictStr, model_validator

from malaria.records.histogram import Histogram
from malaria.records.rows import (
    FORMER_PHASES,
    Event,
    EventKind,
    LedgerTotals,
    Observation,
    RunPhase,
    Sample,
    storable,
)
from malaria.records.stored_values import StoredCount, StoredReading


def read_json(text: str) -> Any:
    """Return the value of a JSON text. Raises ValueError, also for a number that is not finite."""
    try:
        return _DECODER.decode(_unicode(text))
    except (RecursionError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _unicode(text: str) -> str:
    """Refuse a text whose bytes are no UTF-8: those bytes are read as lone surrogates."""
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("a text is not UTF-8")
    return text


_DECODER: Final = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)


def _sound_histogram(packed: bytes) -> bytes:
    Histogram.check(packed)
    return packed


type StoredText = Annotated[StrictStr, AfterValidator(_unicode)]
type StoredJson[T] = Annotated[T, BeforeValidator(read_json)]
type StoredHistogram = Annotated[StrictBytes, AfterValidator(_sound_histogram)]


class TableRow(BaseModel):
    """One row of a table."""

    model_config = ConfigDict(frozen=True)


class FactRow(TableRow):
    """A row of `meta`."""

    key: StoredText
    value: StoredJson[Any]


class SampleRow(TableRow):
    """A row of `sample`; its histograms are rows of another table."""

    worker: StoredText
    start_ns: StoredCount
    end_ns: StoredCount
    phase: RunPhase
    counters: StoredJson[dict[str, StoredCount]]
    gauges: StoredJson[dict[str, StoredCount]]

    @model_validator(mode="after")
    def _check_times(self) -> SampleRow:
        if self.start_ns > self.end_ns:
            raise ValueError("it ends before it starts")
        return self

    def with_histograms(self, histograms: Mapping[str, bytes]) -> Sample:
        """Return the sample that the row belongs to."""
        return Sample(self.worker, self.start_ns, self.end_ns, self.phase, self.counters, self.gauges, histograms)


class HistogramRow(TableRow):
    """A row of `histogram`."""

    sample: StoredCount
    metric: StoredText
    packed: StoredHistogram


class EventRow(TableRow):
    """A row of `event`."""

    at_ns: StoredCount
    kind: EventKind
    text: StoredText
    worker: StoredText
    count: StoredCount

    def event(self) -> Event:
        """Return the event, with the name that its phase has now."""
        text = FORMER_PHASES.get(self.text, self.text) if self.kind is EventKind.PHASE else self.text
        return Event(self.at_ns, self.kind, text, self.worker, self.count)


class ObservationRow(TableRow):
    """A row of `observation`."""

    at_ns: StoredCount
    observer: StoredText
    readings: StoredJson[dict[str, StoredReading]]

    def observation(self) -> Observation:
        """Return the observation; numbers beyond 64 bits are unknown."""
        return Observation(self.observer, self.at_ns, {name: storable(value) for name, value in self.readings.items()})


class LedgerRow(TableRow):
    """The row of `ledger`."""

    totals: StoredJson[LedgerTotals]
