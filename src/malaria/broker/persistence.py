"""Takes away what a broker kept on its disk, so that its next start is a clean one.

Promises: removes exactly the named file, and only when it is a plain file that looks like what a broker keeps; every
other thing is refused and left as it is. What is not there is clean already.
"""

from __future__ import annotations

from typing import Final

from malaria.broker.broker_host import BrokerHost, last
from malaria.errors import OperatorError

MOSQUITTO_DB: Final = b"\x00\xb5\x00mosquitto db"
"""The first bytes of every mosquitto.db."""
SQLITE: Final = b"SQLite format 3\x00"
"""What mosquitto's plugin for SQLite and other brokers keep."""

_REMOVE: Final = f"""\
[ -L "$1" ] && {{ echo link; exit; }}
[ -d "$1" ] && {{ echo directory; exit; }}
[ -e "$1" ] || {{ if [ -x "$(dirname "$1")" ]; then echo nothing; else echo hidden; fi; exit; }}
[ -f "$1" ] || {{ echo device; exit; }}
[ -r "$1" ] || {{ echo secret; exit; }}
case "$(head -c 16 "$1" | od -An -v -tx1 | tr -d ' \\n')" in
    {MOSQUITTO_DB.hex()}*|{SQLITE.hex()}|'') rm -- "$1" && echo removed ;;
    *) echo foreign ;;
esac
"""
"""Runs where the file is, with its path as $1; the last line is one word."""

REFUSALS: Final = {
    "link": "is a symbolic link",
    "directory": "is a directory",
    "device": "is no plain file",
    "foreign": "does not look like a broker's persistence file",
    "secret": "cannot be read",
    "hidden": "is in a directory that is not there or cannot be entered",
}
REMEDY: Final = "name the file itself, such as /var/lib/mosquitto/mosquitto.db; for anything else give clean_command"


def remove_persistence(host: BrokerHost, path: str) -> bool:
    """Whether there was something to remove. Raises OperatorError, with the file untouched, for what it refuses."""
    if not path.startswith("/"):
        raise OperatorError(f"persistence file {path!r} is no absolute path", REMEDY)
    done = host.run(["sh", "-c", _REMOVE, "sh", path])
    word = last(done.said)
    if word in ("removed", "nothing"):
        return word == "removed"
    if word in REFUSALS:
        raise OperatorError(f"{path} on {host.name} {REFUSALS[word]}: it was left as it is", REMEDY)
    raise OperatorError(f"{path} on {host.name} cannot be removed: {word}", "run as its owner, or give sudo = true")
