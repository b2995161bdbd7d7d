"""The three families of failure: the operator's fault, the broker's behaviour, a bug of malaria.

Promises: a fault that an operator can mend is an `OperatorError` with what is wrong, where, and the remedy.
What a broker does is data (a count, an event), never an exception that leaves the engine; only the
codec raises `MalformedPacket`, and the code that reads from a socket turns it into data.
Any other exception is a bug of malaria.
"""

from __future__ import annotations


class OperatorError(Exception):
    """A command, file, target or host that cannot work as given. Ends the command with exit code 2.

    `message` says what and where, `remedy` what to do about it.
    """

    exit_code = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class WarheadError(OperatorError):
    """An impossible warhead (file or options); names the file and the key path."""


class CampaignError(OperatorError):
    """An impossible campaign file; names the file and the key path."""


class TargetError(OperatorError):
    """A target that is not an address, cannot be reached, or refuses malaria."""


class UnreachedTargetError(TargetError):
    """A target at which no address takes a connection from here, or whose name is unknown here."""


class HostLimitError(OperatorError):
    """A limit of this machine that the load exceeds: file descriptors, ports, memory, disk."""


class RunError(OperatorError):
    """A run directory that is missing, damaged beyond reading, or written by a newer version."""


class SwarmError(OperatorError):
    """An unknown swarm, or a bee that cannot do what is asked; names it."""


class UnstoredRunError(OperatorError):
    """An attack whose run is stored only in part, or lost, so that it has no verdict."""

    exit_code = 4


class MalformedPacket(Exception):  # noqa: N818  the specification's word
    """Bytes that are not MQTT. `clause` names the normative statement broken, such as `MQTT-2.2.2-1`."""

    def __init__(self, message: str, clause: str = "") -> None:
        super().__init__(f"{message} [{clause}]" if clause else message)
        self.message = message
        self.clause = clause
