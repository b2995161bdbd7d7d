"""Why a client could not connect: the cause in words, and what to do about it. One table for all who tell it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import Final

from malaria.mqtt.reasons import connack_reason
from malaria.session import Phase

_PORTS: Final = "add --source-address (auto on loopback), or see: malaria doctor TARGET -c N"
_DESCRIPTORS: Final = "add --workers, or raise the limit of open files (ulimit -n); see: malaria doctor -c N"
_ROUTE: Final = "check the address and this machine's routes"
_SILENT: Final = "check address and firewall: packets vanish on the way"
_ANSWER: Final = "the broker is overloaded or hangs: look at its log, or lower -R and --connects-in-progress"

ERRORS: Final = {
    errno.ECONNREFUSED: ("nothing listens at this port", "is the broker running, and listening on this address?"),
    errno.EADDRNOTAVAIL: ("no free local port (or source address) for this target", _PORTS),
    errno.EMFILE: ("no free file descriptor (limit of the process)", _DESCRIPTORS),
    errno.ENFILE: ("no free file descriptor (limit of the system)", "raise fs.file-max (sysctl)"),
    errno.ENETUNREACH: ("no route to the target's network", _ROUTE),
    errno.EHOSTUNREACH: ("no route to the target", _ROUTE),
    errno.ETIMEDOUT: ("timeout: no answer to the TCP connect", _SILENT),
    errno.ECONNRESET: ("the broker closed the connection", "look at the broker's log: a limit of connections, perhaps"),
}
TIMEOUTS: Final = {
    Phase.CONNECTING: ("timeout: no answer to the TCP connect", _SILENT),
    Phase.GREETING: ("timeout: connected, but no CONNACK came", _ANSWER),
    Phase.SUBSCRIBING: ("timeout: no SUBACK came", _ANSWER),
}
CONNACKS: Final = {
    1: "the broker does not speak MQTT 3.1.1; look for another listener",
    2: "the broker refuses this client id; choose another --client-id pattern",
    3: "the broker says that it is not ready; look at its log",
    4: "check -u/--username and -P/--password",
    5: "give -u/--username and -P/--password of a user that the broker lets in, or allow anonymous clients there",
}


def connect_error(code: int) -> str:
    """A failed connect (an errno) in words."""
    return ERRORS[code][0] if code in ERRORS else os.strerror(code)


def refusal(reason_code: int) -> str:
    """A CONNACK that refuses, in words."""
    return f"the broker refused: {connack_reason(reason_code)}"


def refusal_remedy(reason_code: int) -> str:
    return CONNACKS.get(reason_code, "look at the broker's log")


def remedies(causes: Iterable[str]) -> dict[str, str]:
    """What to do about each cause that the tables know."""
    known = dict([*ERRORS.values(), *TIMEOUTS.values()])
    known |= {refusal(code): remedy for code, remedy in CONNACKS.items()}
    return {cause: known[cause] for cause in causes if cause in known}
