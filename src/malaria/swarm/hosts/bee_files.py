"""Write files into a bee's directory.

Promises: the directory is readable by its owner alone; a file is there whole or not at all.
"""

from __future__ import annotations

from posixpath import dirname
from shlex import quote
from typing import TYPE_CHECKING, Final

from malaria.ssh.connection import run
from malaria.swarm.hosts.bee_layout import KEYS, MARKER, PRIVATE_FILE
from malaria.swarm.hosts.inventory import BeeHost

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection

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


async def put_private(sftp: SFTPClient, path: str, content: bytes) -> None:
    """Write a file that only its owner can read: under another name first, then moved into place."""
    from asyncssh import SFTPAttrs

    unfinished = f"{path}.new"
    async with sftp.open(unfinished, "wb", attrs=SFTPAttrs(permissions=PRIVATE_FILE)) as file:
        await file.chmod(PRIVATE_FILE)  # one that was left there may have had other rights
        await file.write(content)
    await sftp.posix_rename(unfinished, path)


async def put_for(host: BeeHost, connection: SSHClientConnection, files: dict[str, bytes]) -> None:
    """Write files (path below the bee's directory -> content). The directory must exist."""
    async with connection.start_sftp_client() as sftp:
        for path, content in files.items():
            target = sftp_path(host, path)
            await sftp.makedirs(dirname(target), exist_ok=True)
            await put_private(sftp, target, content)


def shell_path(host: BeeHost, *parts: str) -> str:
    """Return a path below the bee's directory, quoted for its shell."""
    path = "/".join((host.directory.rstrip("/"), *parts))
    return f'"$HOME"/{quote(path[2:])}' if path.startswith("~/") else quote(path)


def sftp_path(host: BeeHost, *parts: str) -> str:
    """Return the same path for sftp, which starts in the home directory."""
    return "/".join((host.directory.rstrip("/"), *parts)).removeprefix("~/")
