"""Files on another host: whole, private, and their failures in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from malaria.ssh.remote_files import read_file, write_files
from malaria.ssh.ssh_failures import SshError


class Host(asyncssh.SFTPServer):
    """An sftp server whose root is a directory of the test; `full` makes every write fail."""

    full = False

    def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
        if self.full:
            raise asyncssh.SFTPNoSpaceOnFilesystem("no space")
        return super().write(file_obj, offset, data)


class FullHost(Host):
    full = True


@asynccontextmanager
async def connected(root: Path, kind: type[Host] = Host) -> AsyncIterator[asyncssh.SSHClientConnection]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[key],
        authorized_client_keys=asyncssh.import_authorized_keys(key.export_public_key().decode()),
        sftp_factory=lambda channel: kind(channel, chroot=str(root).encode()),
    )
    async with (
        server,
        asyncssh.connect("127.0.0.1", server.get_port(), known_hosts=None, client_keys=[key], config=[]) as connection,
    ):
        yield connection


def test_a_file_is_private_and_whole_and_replaces_an_older_one(tmp_path: Path) -> None:
    async def play() -> bytes | None:
        async with connected(tmp_path) as connection:
            await write_files(connection, {"/bee/keys/a.part": b"old", "/top": b"x"})
            (tmp_path / "bee/keys/a.part").chmod(0o644)
            await write_files(connection, {"/bee/keys/a.part": b"new" * 100_000})
            return await read_file(connection, "/bee/keys/a.part")

    assert asyncio.run(play()) == b"new" * 100_000
    assert [path.name for path in (tmp_path / "bee/keys").iterdir()] == ["a.part"]
    assert (tmp_path / "bee/keys/a.part").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    async def play() -> tuple[bytes | None, bytes | None]:
        async with connected(tmp_path) as connection:
            return await read_file(connection, "/none"), await read_file(connection, "/no/folder")

    assert asyncio.run(play()) == (None, None)


def test_a_failed_write_is_said_and_the_older_file_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")

    async def play() -> None:
        async with connected(tmp_path, FullHost) as connection:
            await write_files(connection, {"/a": b"new"})

    with pytest.raises(SshError, match="a file could not be written there"):
        asyncio.run(play())
    assert (tmp_path / "a").read_bytes() == b"old"
