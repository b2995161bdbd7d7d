"""The host that the broker is on: this one, or one that the system's `ssh` reaches.

Promises: a command is its words, on either; nothing in them is expanded by a shell on the way. ssh asks nothing, and
goes to no host whose key is not known. Needs nothing on the other host but a POSIX shell.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from malaria.errors import OperatorError

TIMEOUT_S: Final = 30.0
SSH_OPTIONS: Final = {
    "BatchMode": "yes",  # no question to a terminal that nobody watches
    "StrictHostKeyChecking": "yes",
    "ConnectTimeout": "10",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "4",
    "ClearAllForwardings": "yes",
}
SSH_FAILED: Final = 255
"""What ssh returns when it could not reach the host or lost it."""
_DESTINATION: Final = re.compile(r"(?:ssh://)?(?P<host>[^\s/:]+|(?:[^\s/@]+@)?\[[^\]]+\])(?::(?P<port>\d{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that ended: its exit code, and what it said, errors included."""

    code: int
    said: str


@dataclass(frozen=True, slots=True)
class BrokerHost:
    """`ssh` None: this one. `config` is for `ssh -F`. With `sudo`, commands run as root, without a password."""

    ssh: str | None = None
    config: Path | None = None
    sudo: bool = False

    @property
    def name(self) -> str:
        return self.ssh or "this host"

    def argv(self, command: Sequence[str]) -> list[str]:
        """What to start here so that `command` runs there. Raises OperatorError for what is no host."""
        words = [*(("sudo", "-n", "--") if self.sudo else ()), *command]
        return words if self.ssh is None else [*self._ssh(self.ssh), shlex.join(words)]

    def run(self, command: Sequence[str], timeout_s: float = TIMEOUT_S) -> CommandResult:
        """Runs it to its end. Raises OperatorError when it cannot be started, the host be reached, or it lasts."""
        argv = self.argv(command)
        try:
            code, said = _run(argv, timeout_s)
        except OSError as error:
            raise OperatorError(f"{argv[0]} cannot be started: {error.strerror}", f"install {argv[0]}") from error
        except subprocess.TimeoutExpired:
            message = f"{shlex.join(command)} on {self.name} had not ended after {timeout_s:g} s"
            raise OperatorError(message, "try it by hand on that host") from None
        if self.ssh is not None and code == SSH_FAILED:
            raise OperatorError(f"ssh {self.ssh}: {last(said)}", ssh_remedy(said, self.ssh))
        return CommandResult(code, said)

    def _ssh(self, destination: str) -> list[str]:
        found = _DESTINATION.fullmatch(destination)
        if found is None or destination.startswith("-"):
            raise OperatorError(f"{destination!r} is no host for ssh", "write host, user@host or user@host:port")
        options = [word for key, value in SSH_OPTIONS.items() for word in ("-o", f"{key}={value}")]
        config = ["-F", str(self.config)] if self.config is not None else []
        port = ["-p", found["port"]] if found["port"] else []
        return ["ssh", "-T", *config, *options, *port, "--", found["host"].replace("[", "").replace("]", "")]


def _run(argv: Sequence[str], timeout_s: float) -> tuple[int, str]:
    """Into a file and not a pipe: what the command leaves running may keep its output open."""
    with TemporaryFile() as sink:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
            start_new_session=True,  # the operator's Ctrl-C is for us
        )
        sink.seek(0)
        return done.returncode, sink.read().decode(errors="replace").strip()


def last(said: str) -> str:
    """The last line of what was said."""
    return said.strip().splitlines()[-1].strip() if said.strip() else "it said nothing"


def ssh_remedy(said: str, destination: str) -> str:
    """What to do about an ssh that does not come through."""
    for sign, remedy in SSH_REMEDIES.items():
        if sign in said:
            return remedy.format(destination)
    return f"try by hand: ssh {destination}"


SSH_REMEDIES: Final = {
    "Host key verification failed": "its host key is not known or has changed: look at it once with ssh {0}",
    "Permission denied": "it lets us in with no key: ssh-copy-id {0}, or start an agent",
    "Could not resolve": "check the spelling of {0}",
    "Connection refused": "no sshd listens there: check {0} and its port",
    "timed out": "check address and firewall of {0}",
}
