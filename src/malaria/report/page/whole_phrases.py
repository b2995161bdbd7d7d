"""Keeps what belongs together on one line of a page: a number and its unit, an option and its value."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

_UNITS: Final = r"%|[nµm]?s|min|h|[kMGT]?B|messages?|msg/s|clients?|cores?"
_PHRASE: Final = re.compile(
    r"(?<![\w-])--[a-z][\w-]*(?: \d[\w.,]*)?"  # --allow-stall 5s
    r"|\d[\d,.]*(?:/s)? \(\d[\d,.]* %\)"  # 500/s (100 %)
    r"|\w+ \d[\d,.]* %"  # python 52 %: the share and whose it is
    rf"|(?:[<≤=≠≥>] ?)?\d[\d,.]* (?:{_UNITS})(?:/s)?(?!\w)"  # 8.4 ms, < 500 ms
    r"|[<≤=≠≥>] \d[\w,./]*"  # ≥ 98, < 1ms
)


def whole(text: str) -> Markup:
    """Return a text as HTML in which no line breaks inside a number with its unit or an option; escapes the rest."""
    parts: list[Markup] = []
    end = 0
    for found in _PHRASE.finditer(text):
        parts += [escape(text[end : found.start()]), Markup('<span class="whole">{}</span>').format(found.group())]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])
