"""Reads files of /proc on another host over ssh; that host needs nothing but a POSIX shell.

One connection stays open. The script at its other end reads a line of patterns and prints what it finds, again and
again. A connection that breaks is a `LostError`; the next sample makes a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from malaria.observe.observer import LostError
from malaria.ssh.destination import SshDestination
from malaria.ssh.remote_script import RemoteScript
from malaria.ssh.ssh_failures import SshError

END_MARK: Final = "@malaria-end"
SCRIPT: Final = f"""
exec 2>/dev/null
LC_ALL=C
export LC_ALL
echo {END_MARK}
while IFS= read -r line; do
  set -- $line
  what=$1
  shift
  if [ "$what" = t ]; then grep -s "" /dev/null "$@"; else ls -l "$@" /proc/self/fdinfo; fi
  echo
  echo {END_MARK}
done
"""
"""`set -- $line` expands the patterns. Each line costs one process there: observing must not load the host.
With more than one file grep writes its path before each line, and with more than one directory ls writes a heading.
"""


class SshProcReader:
    """The /proc of one host over ssh. Several observers may share it; it answers one question at a time."""

    def __init__(self, destination: SshDestination) -> None:
        self.place = f"ssh://{destination}"
        self._script = RemoteScript(destination, SCRIPT, END_MARK)

    def open(self) -> None:
        try:
            self._script.open()
        except SshError as error:
            raise self._lost(error) from None

    def texts(self, patterns: Sequence[str]) -> Mapping[str, str]:
        found: dict[str, list[str]] = {}
        for line in self._ask("t", patterns).splitlines():
            path, _, text = line.partition(":")
            # an empty line ends each answer
            if path.startswith("/"):
                found.setdefault(path, []).append(text)
        return {path: "\n".join(lines) for path, lines in found.items()}

    def links(self, patterns: Sequence[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        targets: list[str] = []
        for line in self._ask("l", patterns).splitlines():
            if line.startswith("/") and line.endswith(":"):
                targets = found.setdefault(line[:-1], [])
            elif " -> " in line:
                targets.append(line.partition(" -> ")[2])
        return found

    def exit_watch(self, pid: int) -> None:
        """Return None: a shell there cannot tell how a process ended that is not its child."""

    def close(self) -> None:
        self._script.close()

    def _ask(self, what: str, patterns: Sequence[str]) -> str:
        try:
            return self._script.ask(f"{what} {' '.join(patterns)}")
        except SshError as error:
            raise self._lost(error) from None

    def _lost(self, error: SshError) -> LostError:
        return LostError(f"{self.place}: {error.message}" + (f"; {error.remedy}" if error.remedy else ""))
