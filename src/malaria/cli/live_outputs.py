"""The options for programs that follow a load while it runs: a Prometheus page, lines of JSON, OTLP, Grafana.

Each is a follower of the attacks of a command. None of them can harm the load: what they cannot do is told at the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from malaria.cli.output import STDOUT, print_line
from malaria.cli.result_files import check_writable
from malaria.errors import OperatorError

if TYPE_CHECKING:
    from malaria.attacks.followers import Follower
    from malaria.outputs.live.http_endpoint import HttpEndpoint

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
        with ExitStack() as stack:
            followers: list[Follower] = []
            if self.prometheus is not None or self.otlp is not None:
                followers += _figures(self, root, stack)
            if self.json_lines is not None:
                followers.append(_json_lines(self.json_lines, root, stack))
            if self.grafana is not None:
                followers.append(_grafana(self.grafana, root, stack))
            yield tuple(followers)


def _figures(asked: LiveOutputs, root: Path, stack: ExitStack) -> list[Follower]:
    """Return what adds up the figures of an attack, and what hands them out."""
    from malaria.outputs.live.live_figures import LiveFigures
    from malaria.outputs.live.prometheus_metrics import attack_page
    from malaria.outputs.prometheus_export import serving

    figures = LiveFigures(root)
    stack.callback(figures.close)
    followers: list[Follower] = [figures]
    if asked.prometheus is not None:
        stack.enter_context(serving(asked.prometheus, attack_page(figures)))
    if asked.otlp is not None:
        from malaria.outputs.live.otlp_push import OtlpPush

        push = OtlpPush(_otlp_endpoint(asked.otlp), figures)
        stack.callback(_tell, push.close)
        followers.append(push)
    return followers


def _json_lines(file: str, root: Path, stack: ExitStack) -> Follower:
    from malaria.outputs.live.json_lines import AttackLines

    try:
        lines = AttackLines(file, root)
    except OSError as error:
        raise OperatorError(f"--json-lines {file}: {error.strerror or error}", "name another file") from None
    stack.callback(_tell, lines.close)
    return lines


def _grafana(url: str, root: Path, stack: ExitStack) -> Follower:
    from malaria.outputs.live.grafana_marks import GrafanaMarks

    marks = GrafanaMarks(_grafana_endpoint(url), root)
    stack.callback(_tell, marks.close)
    return marks


def _otlp_endpoint(url: str) -> HttpEndpoint:
    from malaria.extras import OTEL_REMEDY, need_extra
    from malaria.outputs.live.http_endpoint import endpoint_of, headers_of

    need_extra("opentelemetry.proto", OTEL_REMEDY)
    return endpoint_of("--otlp", url, "/v1/metrics", headers_of(OTLP_HEADERS, os.environ.get(OTLP_HEADERS, "")))


def _grafana_endpoint(url: str) -> HttpEndpoint:
    from malaria.outputs.live.http_endpoint import bearer, endpoint_of

    return endpoint_of("--grafana", url, "/api/annotations", bearer(GRAFANA_TOKEN, os.environ.get(GRAFANA_TOKEN)))


def _tell(close: Callable[[], str]) -> None:
    if text := close():
        print_line(text, error=True)
