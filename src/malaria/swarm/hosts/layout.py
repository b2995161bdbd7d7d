"""The files of a bee's directory, and how they get there.

    DIR/.malaria-bee     marks the directory as malaria's: no other is written into, and no other is removed
    DIR/venv             -> venv-DIGEST: Python with malaria; a bee's processes all run DIR/venv/bin/python
    DIR/python/          the Python of the venv, where one was sent
    DIR/deployed.json    version, digest and Python of what is deployed
    DIR/keys/            the bee's part of each file of keys, 0600
    DIR/bee.pid          the process of the bee while it makes load: leader of its own session
    DIR/bee.log          what that process printed

Promises: the directory is readable by its owner alone; a file is there whole or not at all.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from posixpath import dirname
from shlex import quote
from typing import TYPE_CHECKING, Final

from malaria.ssh.connection import run
from malaria.swarm.hosts.inventory import BeeHost

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection

MARKER: Final = ".malaria-bee"
VENV: Final = "venv"
PYTHON: Final = f"{VENV}/bin/python"
BUNDLE: Final = "bundle.tar.gz"
DEPLOYED: Final = "deployed.json"
KEYS: Final = "keys"
PID_FILE: Final = "bee.pid"
LOG_FILE: Final = "bee.log"
PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700

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


@dataclass(frozen=True, slots=True)
class Deployed:
    """The contents of `deployed.json`."""

    version: str
    digest: str
    python: str

    def to_json(self) -> str:
        return json.dumps(asdict(self)) + "\n"


def deployed_from_json(text: str) -> Deployed | None:
    """Read the contents of `deployed.json`; None for anything else."""
    try:
        table = json.loads(text)
        return Deployed(str(table["version"]), str(table["digest"]), str(table["python"]))
    except (ValueError, KeyError, TypeError):
        return None


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
