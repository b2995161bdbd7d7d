"""The options for programs that follow a load while it runs: a Prometheus page, lines of JSON.

Each is a follower of the attacks of a command. None of them can harm the load: what they cannot do is told at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from malaria.cli.output import STDOUT, print_line
from malaria.cli.result_files import check_writable
from malaria.errors import OperatorError

if TYPE_CHECKING:
    from malaria.attacks.followers import Follower


@dataclass(frozen=True, slots=True)
class LiveOutputs:
    """The outputs that were asked for; None: not this one."""

    prometheus: str | None = None
    json_lines: str | None = None

    def check(self, json: str | None) -> None:
        """Check before the load what can be checked. Raises OperatorError."""
        if self.json_lines == STDOUT and json == STDOUT:
            raise OperatorError("--json - and --json-lines - both write to standard output", "give one of them a file")
        if self.json_lines is not None and self.json_lines != STDOUT:
            check_writable("--json-lines", Path(self.json_lines))

    def screen(self, json: str | None) -> str | None:
        """Return the name that takes standard output away from people, for `console`; None if none does."""
        return STDOUT if STDOUT in (json, self.json_lines) else None

    @contextmanager
    def following(self, root: Path) -> Iterator[tuple[Follower, ...]]:
        """Give the followers of the attacks that a command stores in or below `root`. Raises OperatorError."""
        with ExitStack() as stack:
            followers: list[Follower] = []
            if self.prometheus is not None:
                followers.append(_prometheus(self.prometheus, root, stack))
            if self.json_lines is not None:
                followers.append(_json_lines(self.json_lines, root, stack))
            yield tuple(followers)


def _prometheus(address: str, root: Path, stack: ExitStack) -> Follower:
    from malaria.outputs.live.live_figures import LiveFigures
    from malaria.outputs.live.prometheus_metrics import attack_page
    from malaria.outputs.prometheus_export import serving

    figures = LiveFigures(root)
    stack.callback(figures.close)
    stack.enter_context(serving(address, attack_page(figures)))
    return figures


def _json_lines(file: str, root: Path, stack: ExitStack) -> Follower:
    from malaria.outputs.live.json_lines import AttackLines

    try:
        lines = AttackLines(file, root)
    except OSError as error:
        raise OperatorError(f"--json-lines {file}: {error.strerror or error}", "name another file") from None
    stack.callback(lambda: _tell(lines.close()))
    return lines


def _tell(text: str) -> None:
    if text:
        print_line(text, error=True)
