"""Observes chosen series of a broker's Prometheus page.

Readings are named as Prometheus writes them, `name{label="value"}`; a counter has its rate as well, from differences.
Figures that malaria has a name for are always kept under that name too (`prometheus_names`). Size of the page, number
of series and time are bounded; redirects are not followed.
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
from malaria.observe.http_body import read_body, read_head
from malaria.observe.observer import LostError, Readings, clean
from malaria.observe.prometheus_names import figures_of_page
from malaria.observe.sys_names import COUNTERS

TIMEOUT_S: Final = 3.0
LARGEST_PAGE_BYTES: Final = 16 << 20
MOST_SERIES: Final = 500
LONGEST_NAME: Final = 250
TOTAL: Final = "_total"


class PrometheusObserver:
    """The observer of one page."""

    name = "prometheus"

    def __init__(self, url: str, series: Iterable[str] = ()) -> None:
        self._parts = urlsplit(url)
        self._wanted = [re.compile(pattern) for pattern in series]
        self._totals: dict[str, float] = {}
        self._read_ns: int | None = None
        self.about = f"{self._parts.scheme}://{self._parts.netloc.rpartition('@')[2]}{self._parts.path}"

    def start(self) -> None:
        """Do nothing: every sample is a request of its own."""

    def sample(self, now_ns: int) -> Readings:
        page = fetch(self._parts)
        try:
            samples = list(_samples(page))
            series = [*_named_figures(samples), *self._chosen(samples)]
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise LostError(f"{self.about} is not a Prometheus page: {clean(str(error))}") from None
        seconds = None if self._read_ns is None else (now_ns - self._read_ns) / NS_PER_S
        before, self._totals, self._read_ns = self._totals, {}, now_ns
        found: dict[str, float | int | str | None] = {}
        for name, value, is_total in series:
            if name in found:  # malaria's figure goes before a series of the same name
                continue
            found[name] = value
            if is_total:
                self._totals[name] = value
                # a smaller value: the broker was restarted, and its counters began at 0
                if seconds and name in before and value >= before[name]:
                    found[f"{name}_per_s"] = round((value - before[name]) / seconds, 3)
        return found

    def outstanding_ns(self, _: int) -> int:
        """Return 0: every sample has the current counters."""
        return 0

    def stop(self) -> None: ...

    def _chosen(self, samples: Iterable[tuple[Sample, bool]]) -> Iterator[tuple[str, float, bool]]:
        """Yield (name, value, is it a counter) of the chosen series; count those beyond the bounds."""
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
    """Yield every sample of the page, and whether it belongs to a counter."""
    for family in text_string_to_metric_families(page):
        added = family.type == "counter" and f"{family.name}{TOTAL}" not in page  # the parser added `_total`
        for sample in family.samples:
            name = sample.name.removesuffix(TOTAL) if added else sample.name
            yield sample._replace(name=name), family.type == "counter"


def _named_figures(samples: Iterable[tuple[Sample, bool]]) -> Iterator[tuple[str, float, bool]]:
    """Yield the figures that malaria has names for."""
    for name, value in figures_of_page((sample.name, sample.value) for sample, _ in samples).items():
        yield name, value, name in COUNTERS


def series_name(sample: Sample) -> str:
    """Return the name of a series as the page has it, with its labels in alphabetical order."""
    labels = ",".join(f'{key}="{clean(value)}"' for key, value in sorted(sample.labels.items()))
    return f"{sample.name}{{{labels}}}" if labels else sample.name


def fetch(parts: SplitResult) -> str:
    """Fetch the page. Raises LostError."""
    address = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    try:
        connection = _connection(parts)
        try:
            connection.request("GET", _path(parts), headers=_headers(parts))
            response = read_head(connection)
            data = read_body(response, LARGEST_PAGE_BYTES + 1)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
        raise LostError(f"{address} does not answer: {clean(reason)}") from None
    # also for a redirect, which could name another host
    if response.status != http.client.OK:
        raise LostError(f"{address} answers {response.status} {clean(response.reason)} for {parts.path or '/'}")
    if len(data) > LARGEST_PAGE_BYTES:
        raise LostError(f"{address}: the page is longer than {LARGEST_PAGE_BYTES >> 20} MiB")
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
