"""Clean texts from outside (file names, file contents, targets, stored runs) before a terminal gets them."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return one line without control characters: none of it moves the cursor or changes a colour."""
    # nearly every text is clean, and this is one pass in C
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text)


def printable_lines(text: str) -> str:
    """Return the text with every line cleaned as by `printable`; its line feeds stay."""
    return "\n".join(map(printable, text.split("\n")))
