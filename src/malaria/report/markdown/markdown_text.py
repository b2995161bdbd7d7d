"""The parts of Markdown that every wiki reads alike. Texts from outside pass through `plain` or `code`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.printable import printable

_SPECIAL: Final = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|~"})


def plain(value: object) -> str:
    """Escape a text from outside: Markdown takes no character of it for markup, and no terminal for a command."""
    return printable(str(value)).translate(_SPECIAL)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> list[str]:
    """Return a table. The first `words` columns are aligned to the left, the others, figures, to the right."""
    rule = ["---" if number < words else "---:" for number in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def code(content: str, language: str = "") -> str:
    """Return a code block, with a fence that is longer than any run of backticks inside."""
    # a warhead may hold backticks, which would end the block
    fence = "`" * max(3, max((len(run) for run in _runs(content)), default=0) + 1)
    lines = [printable(line) for line in content.split("\n")]
    return "\n".join([f"{fence}{language}", *lines, fence])


def joined(lines: Sequence[str]) -> str:
    """Return the lines as the text of a file."""
    return "\n".join(lines).rstrip() + "\n"


def anchor(heading: str) -> str:
    """Return the id that GitHub, GitLab and Gitea give a heading: lower case, hyphens for spaces, no other signs."""
    return "".join(char for char in heading.lower().replace(" ", "-") if char.isalnum() or char in "-_")


def _runs(content: str) -> list[str]:
    return "".join(char if char == "`" else " " for char in content).split()
