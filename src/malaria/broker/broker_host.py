"""The host that the broker runs on: this machine, or another one over ssh.

Promises: a command reaches the host as its words; no shell expands them on the way. A host over ssh needs nothing but a
POSIX shell.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from malaria.errors import OperatorError
from malaria.ssh.background import wait_for
from malaria.ssh.connection import CommandResult, run_command
from malaria.ssh.destination import SshDestination, parse_destination
from malaria.ssh.ssh_failures import SshError
from malaria.units import NotationError

TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class BrokerHost:
    """A host to run commands on; `ssh` None: this machine.

    `config` is an ssh configuration to use in place of the user's own. With `sudo`, commands run as root, without a
    password.
    """

    ssh: str | None = None
    config: Path | None = None
    sudo: bool = False

    @property
    def name(self) -> str:
        return self.ssh or "this host"

    @property
    def destination(self) -> SshDestination:
        """The address to log in at. Raises OperatorError if `ssh` is not an address."""
        try:
            address = parse_destination(self.ssh or "")
        except NotationError as error:
            raise OperatorError(f"broker.ssh: {error.message}", error.remedy) from None
        return SshDestination(
            address.host, address.user, address.port, config="" if self.config is None else str(self.config)
        )

    def words(self, command: Sequence[str]) -> list[str]:
        """Return the command as it is run on the host."""
        # -n: fail instead of waiting for a password
        return [*(("sudo", "-n", "--") if self.sudo else ()), *command]

    def run(self, command: Sequence[str], timeout_s: float = TIMEOUT_S) -> CommandResult:
        """Run a command to its end.

        Raises OperatorError if it cannot be started, the host cannot be reached, or it takes longer.
        """
        words = self.words(command)
        try:
            if self.ssh is not None:
                return wait_for(run_command(self.destination, words, timeout_s))
            return _run_here(words, timeout_s)
        # before OSError: a lost host needs another remedy than a missing program
        except SshError as error:
            raise self.unreachable(error) from None
        except (subprocess.TimeoutExpired, TimeoutError):
            message = f"{shlex.join(command)} on {self.name} had not ended after {timeout_s:g} s"
            raise OperatorError(message, "try it by hand on that host") from None
        except OSError as error:
            raise OperatorError(f"{words[0]} cannot be started: {error.strerror}", f"install {words[0]}") from error

    def unreachable(self, error: SshError) -> OperatorError:
        """Return the failure with the name of the host."""
        return OperatorError(f"ssh {self.name}: {error.message}", error.remedy)


def _run_here(words: Sequence[str], timeout_s: float) -> CommandResult:
    """Run a command with its output in a file: what it leaves running would keep a pipe open."""
    with TemporaryFile() as sink:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
            start_new_session=True,  # the operator's Ctrl-C is for malaria, not for the command
        )
        sink.seek(0)
        return CommandResult(done.returncode, sink.read().decode(errors="replace").strip())


def last_line(output: str) -> str:
    """Return the last line of an output."""
    return output.strip().splitlines()[-1].strip() if output.strip() else "it printed nothing"
