"""Read the placeholders that topics have in other MQTT tools: `%i` is `{index}`, and others are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.cli.output import print_line
from malaria.errors import OperatorError

FLAG: Final = "-t/--topic"
SAME: Final = {"%i": "{index}"}
"""Those whose meaning is certain."""
OTHERS: Final = {
    "%c": "write {client} for the client's id, {index} for its number",
    "%u": "write the user name itself, or {identity} for that of a PSK key",
}


def own_topics(topics: Sequence[str]) -> list[str]:
    """Return topics with our own placeholders, and print a note if any was changed. Raises OperatorError."""
    changed = []
    for topic in topics:
        for foreign, remedy in OTHERS.items():
            if foreign in topic:
                raise OperatorError(f"{FLAG}: {topic!r}: {foreign} is not a placeholder here", remedy)
        own = topic
        for foreign, name in SAME.items():
            own = own.replace(foreign, name)
        if own != topic:
            print_line(f"note: {FLAG} {topic} is read as {own}", error=True)
        changed.append(own)
    return changed
