"""Lines of the terminal: wrapped sentences and rows of parts, with the colours of the outcomes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from malaria.printable import printable

COLOURS: Final = {"PASS": "bold green", "FAIL": "bold red", "INVALID": "bold yellow", "UNKNOWN": "bold yellow"}
INDENT: Final = "  "
LABEL_WIDTH: Final = 11
GAP: Final = "   "
_SIGN: Final = re.compile(r"([<>=≤≥]) (?=\d)")


def print_lines(lines: Sequence[Text], console: Console) -> None:
    """Print lines as they are: rich neither wraps nor colours them."""
    for line in lines:  # text from outside (a broker's version, an error) is never taken for markup
        console.print(line, highlight=False, soft_wrap=True)


def wrapped(sentence: str, margin: str, width: int) -> list[Text]:
    """Return a sentence after `margin`, its further lines below its first word.

    No line breaks inside a word, nor between a number and its percent sign or the sign of its limit: a word longer than
    the line sticks out.
    """
    # textwrap breaks at blanks only, not at no-break spaces
    unbroken = _SIGN.sub("\\1\u00a0", printable(sentence).replace(" %", "\u00a0%"))
    room = max(width - len(margin), 20)
    lines = textwrap.wrap(unbroken, room, break_on_hyphens=False, break_long_words=False) or [""]
    blank = " " * len(margin)
    return [Text(f"{blank if n else margin}{line}".replace("\u00a0", " ")) for n, line in enumerate(lines)]


def row(label: str, parts: Sequence[str], width: int) -> list[Text]:
    """Return a label and its parts in as many lines as the width needs; a part longer than a line is wrapped."""
    margin = f"{INDENT}{label:<{LABEL_WIDTH}}"
    # a narrower gap may save a line
    gap = GAP if len(margin) + len(GAP.join(parts)) <= width else GAP[:2]
    lines: list[str] = []
    for part in parts:
        if lines and len(margin) + len(lines[-1]) + len(gap) + len(part) <= width:
            lines[-1] += gap + part
        else:
            lines.append(part)
    blank = " " * len(margin)
    return [text for number, line in enumerate(lines) for text in wrapped(line, blank if number else margin, width)]
