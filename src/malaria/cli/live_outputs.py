"""The options for programs that follow a load while it runs: a Prometheus page, lines of JSON, OTLP, Grafana.

Each is a follower of the attacks of a command. None of them can harm the load: what they cannot do is told at the end.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from malaria.cli.output import STDOUT, print_line
from malaria.cli.result_files import check_writable
from malaria.errors import OperatorError

if TYPE_CHECKING:
    from malaria.attacks.followers import Follower
    from malaria.outputs.live.http_endpoint import HttpEndpoint

    class LiveOutput(Follower, Protocol):
        """A follower that is closed at the end of a command."""

        def close(self) -> str:
            """End in a limited time. Return what there is to tell."""


OTLP_HEADERS: Final = "OTEL_EXPORTER_OTLP_HEADERS"
GRAFANA_TOKEN: Final = "GRAFANA_TOKEN"


@dataclass(frozen=True, slots=True)
class LiveOutputs:
    """The outputs that were asked for; None: not this one."""

    prometheus: str | None = None
    json_lines: str | None = None
    otlp: str | None = None
    grafana: str | None = None

    def check(self, json: str | None) -> None:
        """Check before the load what can be checked. Raises OperatorError."""
        if self.json_lines == STDOUT and json == STDOUT:
            raise OperatorError("--json - and --json-lines - both write to standard output", "give one of them a file")
        if self.json_lines is not None and self.json_lines != STDOUT:
            check_writable("--json-lines", Path(self.json_lines))
        if self.otlp is not None:
            _otlp_endpoint(self.otlp)
        if self.grafana is not None:
            _grafana_endpoint(self.grafana)

    def screen(self, json: str | None) -> str | None:
        """Return the name that takes standard output away from people, for `console`; None if none does."""
        return STDOUT if STDOUT in (json, self.json_lines) else None

    @contextmanager
    def following(self, root: Path) -> Iterator[tuple[Follower, ...]]:
        """Give the followers of the attacks that a command stores in or below `root`. Raises OperatorError."""
        outputs: list[LiveOutput] = []
        with ExitStack() as stack:
            stack.callback(_close, outputs)
            if self.prometheus is not None or self.otlp is not None:
                _add_figures(self, root, outputs, stack)
            if self.json_lines is not None:
                outputs.append(_json_lines(self.json_lines, root))
            if self.grafana is not None:
                outputs.append(_grafana(self.grafana, root))
            yield tuple(outputs)


def _add_figures(asked: LiveOutputs, root: Path, outputs: list[LiveOutput], stack: ExitStack) -> None:
    """Add what adds up the figures of an attack, and what hands them out."""
    from malaria.outputs.live.live_figures import LiveFigures
    from malaria.outputs.live.prometheus_metrics import attack_page
    from malaria.outputs.prometheus_export import serving

    figures = LiveFigures(root)
    outputs.append(figures)
    if asked.prometheus is not None:
        stack.enter_context(serving(asked.prometheus, attack_page(figures)))
    if asked.otlp is not None:
        from malaria.outputs.live.otlp_push import OtlpPush

        outputs.append(OtlpPush(_otlp_endpoint(asked.otlp), figures))


def _json_lines(file: str, root: Path) -> LiveOutput:
    from malaria.outputs.live.json_lines import AttackLines

    try:
        return AttackLines(file, root)
    except OSError as error:
        unread = error.errno == errno.ENXIO  # a named pipe
        reason = "nobody reads from it" if unread else error.strerror or str(error)
        remedy = "start the reader first" if unread else "name another file"
        raise OperatorError(f"--json-lines {file}: {reason}", remedy) from None


def _grafana(url: str, root: Path) -> LiveOutput:
    from malaria.outputs.live.grafana_marks import GrafanaMarks

    return GrafanaMarks(_grafana_endpoint(url), root)


def _otlp_endpoint(url: str) -> HttpEndpoint:
    from malaria.extras import OTEL_REMEDY, need_extra
    from malaria.outputs.live.http_endpoint import endpoint_of, headers_of

    need_extra("opentelemetry.proto", OTEL_REMEDY)
    return endpoint_of("--otlp", url, "/v1/metrics", headers_of(OTLP_HEADERS, os.environ.get(OTLP_HEADERS, "")))


def _grafana_endpoint(url: str) -> HttpEndpoint:
    from malaria.outputs.live.http_endpoint import bearer, endpoint_of

    return endpoint_of("--grafana", url, "/api/annotations", bearer(GRAFANA_TOKEN, os.environ.get(GRAFANA_TOKEN)))


def _close(outputs: Sequence[LiveOutput]) -> None:
    """Close the outputs at the same time, so that two that hang cost no more than one, and say what they have to."""
    if not outputs:
        return
    with ThreadPoolExecutor(len(outputs)) as threads:
        for text in threads.map(lambda output: output.close(), outputs):
            if text:
                print_line(text, error=True)
