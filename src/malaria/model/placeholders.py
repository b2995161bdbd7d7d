"""Templates for names that differ from client to client: `malaria/{client}/data`, `meter-{index:05d}`.

Promises: a template that `check_template` accepts can be filled for every client and message. Nothing but the listed
names is looked at, so a template can reach no attribute and no item of anything. `{{` and `}}` are braces themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Final

from malaria.units import NotationError

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "client": "the client's id",
    "index": "the client's number in its group, from 0",
    "group": "the group's name",
    "identity": "the client's PSK identity, from its line in the file of keys",
    "run": "a word that is different in every attack",
    "seq": "the message's number, from 0",
    "messages": "how many messages the client sends in all",
}
RUN_NAME_CHARS: Final = 6
"""The length of what {run} stands for."""
NUMBERS: Final = frozenset({"index", "seq", "messages"})
OF_CLIENT_ID: Final = frozenset({"run", "group", "index", "identity"})
OF_CLIENT: Final = OF_CLIENT_ID | {"client"}
OF_MESSAGE: Final = frozenset(PLACEHOLDERS)

_WIDTH: Final = re.compile(r"(?:0?[1-9][0-9]?)?d?")


def check_template(text: str, allowed: frozenset[str]) -> frozenset[str]:
    """Return the placeholders that a template uses. Raises NotationError if it is not a template."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise NotationError(f"{text!r} has a brace without its partner", "write {{ or }} for a brace itself") from None
    used = [(name, spec or "", conversion) for _, name, spec, conversion in parts if name is not None]
    for name, spec, conversion in used:
        if name not in allowed:
            listed = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS if known in allowed)
            raise NotationError(f"{{{name}}} is not a placeholder that can be used here", f"write one of {listed}")
        # other format codes fail for texts, or could make a name of any length
        if conversion or (spec and not (name in NUMBERS and _WIDTH.fullmatch(spec))):
            raise NotationError(
                f"{{{name}}} cannot be written that way",
                "a number can have a width, such as {index:05d}, and nothing else",
            )
    return frozenset(name for name, _, _ in used)


def literal(text: str) -> str:
    """Return a template that fills to exactly this text: its braces are doubled."""
    return text.replace("{", "{{").replace("}", "}}")


def fill(text: str, values: Mapping[str, str | int]) -> str:
    """Fill a template that passed `check_template`. `values` must have the placeholders that it uses."""
    return text.format_map(values)
