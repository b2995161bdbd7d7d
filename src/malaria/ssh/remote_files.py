"""Write and read files on another host, over sftp.

Promises: a file that is written is readable by its owner alone, and is there whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from posixpath import dirname
from typing import TYPE_CHECKING, Final

from malaria.ssh.ssh_failures import explain_failure

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection

OWNER_ONLY: Final = 0o600


async def write_files(connection: SSHClientConnection, files: Mapping[str, bytes]) -> None:
    """Write files (path -> content); folders that are missing are made. Raises SshError.

    A path that does not begin with / is below the home directory.
    """
    with _explaining():
        async with connection.start_sftp_client() as sftp:
            for path, content in files.items():
                if folder := dirname(path):
                    await sftp.makedirs(folder, exist_ok=True)
                await _write(sftp, path, content)


async def read_file(connection: SSHClientConnection, path: str) -> bytes | None:
    """Return the content of a file, None if there is no such file. Raises SshError."""
    import asyncssh

    with _explaining():
        try:
            async with connection.start_sftp_client() as sftp, sftp.open(path, "rb") as file:
                return bytes(await file.read())  # type: ignore[arg-type]  # opened for bytes
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return None


async def _write(sftp: SFTPClient, path: str, content: bytes) -> None:
    """Write one file: under another name first, then moved into place."""
    from asyncssh import SFTPAttrs

    unfinished = f"{path}.new"
    async with sftp.open(unfinished, "wb", attrs=SFTPAttrs(permissions=OWNER_ONLY)) as file:
        await file.chmod(OWNER_ONLY)  # one that was left there may have had other rights
        await file.write(content)
    await sftp.posix_rename(unfinished, path)


@contextmanager
def _explaining() -> Iterator[None]:
    """Raise a failure of ssh or of the other host in the block as SshError."""
    try:
        yield
    except Exception as error:
        if (failure := explain_failure(error)) is None:
            raise
        raise failure from None
