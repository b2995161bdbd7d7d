"""Chosen series of a broker's Prometheus page.

Names of readings are as Prometheus writes them, `name{label="value"}`; of a counter there is a rate beside it, from
differences. What we know the meaning of stands there under our own name too (`series`), chosen or not. The page is read
with a bound on its size, its series and the time it takes; redirects are not followed.
"""

from __future__ import annotations

import base64
import http.client
import re
import ssl
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from malaria.clock import NS_PER_S
from malaria.observe.http_body import read_body
from malaria.observe.observer import LostError, Readings, clean
from malaria.observe.prometheus_names import figures_of_page
from malaria.observe.sys_names import COUNTERS

TIMEOUT_S: Final = 3.0
LARGEST_PAGE_BYTES: Final = 16 << 20
MOST_SERIES: Final = 500
LONGEST_NAME: Final = 250
TOTAL: Final = "_total"


class PrometheusObserver:
    """One page."""

    name = "prometheus"

    def __init__(self, url: str, series: Iterable[str] = ()) -> None:
        self._parts = urlsplit(url)
        self._wanted = [re.compile(pattern) for pattern in series]
        self._totals: dict[str, float] = {}
        self._read_ns: int | None = None
        self.about = f"{self._parts.scheme}://{self._parts.netloc.rpartition('@')[2]}{self._parts.path}"

    def start(self) -> None:
        """There is nothing to keep open: each page is a request of its own."""

    def sample(self, now_ns: int) -> Readings:
        page = fetch(self._parts)
        try:
            samples = list(_samples(page))
            series = [*_ours(samples), *self._chosen(samples)]
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise LostError(f"{self.about} is no Prometheus page: {clean(str(error))}") from None
        seconds = None if self._read_ns is None else (now_ns - self._read_ns) / NS_PER_S
        before, self._totals, self._read_ns = self._totals, {}, now_ns
        found: dict[str, float | int | str | None] = {}
        for name, value, is_total in series:
            if name in found:  # ours, whatever else the page has of that name
                continue
            found[name] = value
            if is_total:
                self._totals[name] = value
                if seconds and name in before and value >= before[name]:
                    found[f"{name}_per_s"] = round((value - before[name]) / seconds, 3)
        return found

    def outstanding_ns(self, _: int) -> int:
        """Asked once more at the end, it knows all."""
        return 0

    def stop(self) -> None: ...

    def _chosen(self, samples: Iterable[tuple[Sample, bool]]) -> Iterator[tuple[str, float, bool]]:
        """(name, value, is it a counter) of what is wanted; what is more than the bound is counted."""
        kept = left_out = 0
        for sample, is_counter in samples:
            name = series_name(sample)
            if not self._is_wanted(sample.name, name):
                continue
            if kept == MOST_SERIES or len(name) > LONGEST_NAME:
                left_out += 1
                continue
            kept += 1
            yield name, sample.value, is_counter
        if left_out:
            yield "series_left_out", left_out, False

    def _is_wanted(self, *names: str) -> bool:
        return not self._wanted or any(pattern.fullmatch(name) for pattern in self._wanted for name in names)


def _samples(page: str) -> Iterator[tuple[Sample, bool]]:
    """Every sample of the page, and whether it is a counter's."""
    for family in text_string_to_metric_families(page):
        added = family.type == "counter" and f"{family.name}{TOTAL}" not in page  # by the parser
        for sample in family.samples:
            name = sample.name.removesuffix(TOTAL) if added else sample.name
            yield sample._replace(name=name), family.type == "counter"


def _ours(samples: Iterable[tuple[Sample, bool]]) -> Iterator[tuple[str, float, bool]]:
    """The figures that we have names for."""
    for name, value in figures_of_page((sample.name, sample.value) for sample, _ in samples).items():
        yield name, value, name in COUNTERS


def series_name(sample: Sample) -> str:
    """As the page has it, labels in order."""
    labels = ",".join(f'{key}="{clean(value)}"' for key, value in sorted(sample.labels.items()))
    return f"{sample.name}{{{labels}}}" if labels else sample.name


def fetch(parts: SplitResult) -> str:
    """The page. Raises LostError."""
    place = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    try:
        connection = _connection(parts)
        try:
            connection.request("GET", _path(parts), headers=_headers(parts))
            answer = connection.getresponse()
            data = read_body(answer, LARGEST_PAGE_BYTES + 1)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
        raise LostError(f"{place} does not answer: {clean(reason)}") from None
    if answer.status != http.client.OK:
        raise LostError(f"{place} answers {answer.status} {clean(answer.reason)} for {parts.path or '/'}")
    if len(data) > LARGEST_PAGE_BYTES:
        raise LostError(f"{place}: the page is longer than {LARGEST_PAGE_BYTES >> 20} MiB")
    return data.decode(errors="replace")


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(parts: SplitResult) -> dict[str, str]:
    headers = {"Accept": "text/plain", "Connection": "close"}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return headers
