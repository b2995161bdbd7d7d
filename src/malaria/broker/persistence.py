"""Removes a broker's persistence file, so that its next start is a clean one.

Promises: removes exactly the named file, and only a plain file that looks like a broker's persistence; refuses anything
else and leaves it as it is. A file that does not exist counts as clean.
"""

from __future__ import annotations

from typing import Final

from malaria.broker.broker_host import BrokerHost, last_line
from malaria.errors import OperatorError

MOSQUITTO_DB: Final = b"\x00\xb5\x00mosquitto db"
"""The first bytes of every mosquitto.db."""
SQLITE: Final = b"SQLite format 3\x00"
"""The first bytes of an SQLite file, which mosquitto's SQLite plugin and other brokers write."""

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
"""Runs on the host of the file, with its path as $1; the last line that it prints is the result, one word."""

REFUSALS: Final = {
    "link": "is a symbolic link",
    "directory": "is a directory",
    "device": "is not a plain file",
    "foreign": "does not look like a broker's persistence file",
    "secret": "cannot be read",
    "hidden": "is in a directory that does not exist or cannot be entered",
}
REMEDY: Final = "name the file itself, such as /var/lib/mosquitto/mosquitto.db; for anything else give clean_command"


def remove_persistence(host: BrokerHost, path: str) -> bool:
    """Remove the file and return whether there was one. Raises OperatorError, without touching it, if it is refused."""
    # a relative path would mean the directory of the ssh login
    if not path.startswith("/"):
        raise OperatorError(f"persistence file {path!r} is not an absolute path", REMEDY)
    # a shell's greeting may come before the answer
    result = last_line(host.run(["sh", "-c", _REMOVE, "sh", path]).output)
    if result in ("removed", "nothing"):
        return result == "removed"
    if result in REFUSALS:
        raise OperatorError(f"{path} on {host.name} {REFUSALS[result]}: it was left as it is", REMEDY)
    raise OperatorError(f"{path} on {host.name} cannot be removed: {result}", "run as its owner, or set sudo = true")
