"""The text of a page as a reader sees it, one block a line: for golden files."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

BLOCKS: Final = {"h1", "h2", "h3", "p", "li", "tr", "dt", "dd", "summary", "div", "pre", "button", "nav", "table"}
MARKS: Final = {"h1": "# ", "h2": "## ", "h3": "### ", "li": "- ", "summary": "> "}


def page_text(page: str) -> str:
    """Return the text inside <main>: headings and lists as in Markdown, cells apart by bars, charts as their labels."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    lines = (re.sub(r"[ \t]+", " ", line).strip().removesuffix(" |") for line in "".join(reader.parts).split("\n"))
    return "\n".join(f"\n{line}" if line.startswith("#") else line for line in lines if line).strip() + "\n"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._is_main = False
        self._is_verbatim = False
        self._spans: list[bool] = []  # the open ones: whether each is a word apart

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_main = self._is_main or tag == "main"
        if not self._is_main:
            return
        if tag in BLOCKS:
            self._break(MARKS.get(tag, ""))
        self._is_verbatim = self._is_verbatim or tag == "pre"
        if tag in ("span", "b"):
            self._spans.append(("class", "whole") not in attrs)
        labels = [value for name, value in attrs if name == "aria-label" and tag != "nav"]
        self.parts += [f"[{label}]" for label in labels]

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._is_verbatim = False
        if tag == "main":
            self._is_main = False
        elif self._is_main and tag in ("span", "b"):
            self.parts.append(" " if self._spans.pop() else "")
        elif self._is_main and tag in ("td", "th"):
            self.parts.append(" | ")
        elif self._is_main and tag in BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if self._is_main:
            self.parts.append(data if self._is_verbatim else re.sub(r"[ \n\t]+", " ", data))

    def _break(self, mark: str = "") -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")
        self.parts.append(mark)
