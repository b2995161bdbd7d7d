"""Bound the number of different texts in the words of a broker: the first ones are kept, the others share one text.

A broker that names the client in its reason gives another text for each client. Without a bound each of them would be
sent, stored and printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MOST_TEXTS: Final = 20
"""Different texts of one worker."""
MOST_TEXTS_OF_RUN: Final = 1000
"""Different texts of all workers together."""
LONGEST_TEXT: Final = 300
"""Characters of one text."""
OTHERS: Final = f"other reasons: each worker keeps {MOST_TEXTS} different ones"


class FirstTexts:
    """Remembers the first different texts, `MOST_TEXTS` of them."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def limited(self, text: str) -> str:
        """Return the text, cut to `LONGEST_TEXT`; `OTHERS` if there were too many different ones before it."""
        text = text[:LONGEST_TEXT]
        if text in self._known:
            return text
        if len(self._known) >= MOST_TEXTS:
            return OTHERS
        self._known.add(text)
        return text


def most_common(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts of the `MOST_TEXTS_OF_RUN` most common texts, and the sum of the others under `OTHERS`."""
    ordered = sorted(counts, key=lambda text: (text == OTHERS, -counts[text]))
    kept = {text: counts[text] for text in ordered[:MOST_TEXTS_OF_RUN]}
    if left := sum(counts[text] for text in ordered[MOST_TEXTS_OF_RUN:]):
        kept[OTHERS] = kept.get(OTHERS, 0) + left
    return kept
