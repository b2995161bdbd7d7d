"""Make a bee's directory and write files into it. Promises: its owner alone can read it."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Final

from malaria.ssh.connection import run
from malaria.ssh.remote_files import write_files
from malaria.swarm.hosts.bee_layout import KEYS, MARKER
from malaria.swarm.hosts.inventory import BeeHost

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

MAKE_DIRECTORY: Final = """\
set -e
d={directory}
if [ -e "$d" ] && [ ! -e "$d/{marker}" ] && [ -n "$(ls -A "$d")" ]; then
    echo "$d holds files that are not malaria's: give the bee another directory" >&2
    exit 1
fi
umask 077
mkdir -p "$d/{keys}"
chmod 700 "$d"
: >> "$d/{marker}"
cd "$d"
pwd -P
"""


async def make_directory(host: BeeHost, connection: SSHClientConnection) -> str:
    """Make the bee's directory if it is not there; return its absolute path. Raises SshError if it is another's."""
    script = MAKE_DIRECTORY.format(directory=shell_path(host), marker=MARKER, keys=KEYS)
    return (await run(connection, script)).strip()


async def put_for(host: BeeHost, connection: SSHClientConnection, files: dict[str, bytes]) -> None:
    """Write files (path below the bee's directory -> content), for their owner alone. Raises SshError."""
    await write_files(connection, {sftp_path(host, path): content for path, content in files.items()})


def shell_path(host: BeeHost, *parts: str) -> str:
    """Return a path below the bee's directory, quoted for its shell."""
    path = "/".join((host.directory.rstrip("/"), *parts))
    return f'"$HOME"/{quote(path[2:])}' if path.startswith("~/") else quote(path)


def sftp_path(host: BeeHost, *parts: str) -> str:
    """Return the same path for sftp, which starts in the home directory."""
    return "/".join((host.directory.rstrip("/"), *parts)).removeprefix("~/")
