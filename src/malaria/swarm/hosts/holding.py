"""Tell others who makes load with a bee: it is noted in the bee's directory while its process lives.

Promises: nobody's load but one's own is ended without `force`; a note that a killed bee has left behind counts for
nothing.
"""

from __future__ import annotations

import getpass
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote
from typing import TYPE_CHECKING, Final

from malaria.errors import SwarmError
from malaria.ssh.connection import run
from malaria.ssh.ssh_failures import one_line
from malaria.swarm.hosts.bee_files import shell_path
from malaria.swarm.hosts.bee_layout import HOLDER_FILE, PID_FILE

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

    from malaria.swarm.hosts.inventory import BeeHost

REMEDY: Final = "wait until it has ended, or ask; to end it all the same: --force"
SHOW_HOLDER: Final = f"""\
cd {{directory}} 2>/dev/null || exit 0
pid=$(cat {PID_FILE} 2>/dev/null) && kill -0 "$pid" 2>/dev/null && grep -qsa malaria "/proc/$pid/cmdline" || exit 0
[ "$(head -n 1 {HOLDER_FILE} 2>/dev/null)" = {{own}} ] || cat {HOLDER_FILE} 2>/dev/null
:
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """The person who makes load with a bee, since when, and by which command. In a file: a line for each."""

    who: str
    since: str
    command: str
    load: str  # the same for all bees of one load, and for no other

    def to_text(self) -> str:
        return "".join(f"{one_line(text)}\n" for text in (self.who, self.since, self.command, self.load))

    def __str__(self) -> str:
        return f"{self.who} since {self.since}: {self.command}"


class BeeHeldError(SwarmError):
    """Another person's load is on a bee."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(f"in use by {holder}", REMEDY)


def own_name() -> str:
    """Return the name under which this user's loads are noted."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def holder_now(command: str) -> Holder:
    """Return the note on a load that this user begins now."""
    return Holder(own_name(), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", command, secrets.token_hex(8))


def holder_from(text: str) -> Holder | None:
    """Read a note; None for anything else."""
    lines = [one_line(line) for line in text.splitlines()]
    return Holder(*lines) if len(lines) == 4 else None


async def check_free(host: BeeHost, connection: SSHClientConnection) -> None:
    """Raise BeeHeldError if another person's load is on the bee. A bee of an older malaria says nothing."""
    script = SHOW_HOLDER.format(directory=shell_path(host), own=quote(own_name()))
    if (holder := holder_from(await run(connection, script))) is not None:
        raise BeeHeldError(holder)
