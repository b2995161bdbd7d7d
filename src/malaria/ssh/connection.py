"""Open ssh connections and run scripts over them, with asyncssh.

Promises: a host's key is checked against known_hosts or the stated key, also where a configuration switches checking
off, and so is the key of each jump host; passwords and agent forwarding are never used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from malaria.extras import need_extra
from malaria.ssh.destination import SshDestination, parse_destination
from malaria.ssh.ssh_failures import SshError, explain_failure, printable

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection, SSHClientConnectionOptions

CONNECT_S: Final = 15.0
"""Enough for many connections at once over a slow line."""
RUN_S: Final = 60.0
KEEPALIVE_S: Final = 5
SYSTEM_KNOWN_HOSTS: Final = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
USER_KNOWN_HOSTS: Final = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")


@asynccontextmanager
async def connect(destination: SshDestination) -> AsyncIterator[SSHClientConnection]:
    """Open a connection for the block, through jump hosts if there are any. Raises SshError."""
    need_extra("asyncssh")
    async with AsyncExitStack() as stack:
        try:
            connection = await _open(destination, stack)
        except Exception as error:
            if (failure := explain_failure(error)) is None:
                raise
            raise failure from None
        yield connection


async def run(connection: SSHClientConnection, script: str, stdin: str | None = None, timeout_s: float = RUN_S) -> str:
    """Run a /bin/sh script and return its output. Raises SshError when it fails or takes longer.

    Other users of that host can read `script` while it runs, so secrets belong into `stdin`.
    """
    try:
        done = await connection.run(
            f"exec sh -c {quote(script)}", input=stdin or "", timeout=timeout_s, errors="replace"
        )
    except Exception as error:
        if (failure := explain_failure(error)) is None:
            raise
        raise failure from None
    if done.exit_status:
        lines = (str(done.stderr or "").strip() or str(done.stdout or "").strip()).splitlines()
        raise SshError(printable(lines[-1]) if lines else f"a command ended with exit code {done.exit_status}")
    return str(done.stdout or "")


async def _open(destination: SshDestination, stack: AsyncExitStack) -> SSHClientConnection:
    import asyncssh

    options = asyncssh.SSHClientConnectionOptions(**_settings(destination))
    jumps = destination.jump or (options.tunnel if isinstance(options.tunnel, str) else "")
    tunnel: SSHClientConnection | None = None
    for text in jumps.split(",") if jumps else ():
        jump = _jump_host(destination, text)
        tunnel = await _open_one(jump, asyncssh.SSHClientConnectionOptions(**_settings(jump)), tunnel, stack)
    return await _open_one(destination, options, tunnel, stack)


async def _open_one(
    destination: SshDestination,
    options: SSHClientConnectionOptions,
    tunnel: SSHClientConnection | None,
    stack: AsyncExitStack,
) -> SSHClientConnection:
    import asyncssh

    settings, trusted = _settings(destination), _trusted(destination, options.known_hosts)
    async with asyncio.timeout(CONNECT_S):
        connection = await asyncssh.connect(**settings, known_hosts=trusted, tunnel=tunnel)
    return await stack.enter_async_context(connection)


def _settings(destination: SshDestination) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "host": destination.host,
        "password_auth": False,
        "kbdint_auth": False,
        "agent_forwarding": False,
        "keepalive_interval": KEEPALIVE_S,
    }
    settings |= {"port": destination.port} if destination.port else {}
    settings |= {"username": destination.user} if destination.user else {}
    settings |= {"client_keys": [str(Path(destination.key).expanduser())]} if destination.key else {}
    return settings | ({"config": [destination.config]} if destination.config else {})


def _trusted(destination: SshDestination, configured: Any) -> Any:
    """Return what the host's key is checked against, as asyncssh takes it.

    `configured` are the known_hosts files of the ssh configuration; None where it would switch checking off.
    """
    import asyncssh

    if destination.host_key:
        return [asyncssh.import_public_key(destination.host_key)], [], []
    files = [*(configured or USER_KNOWN_HOSTS), *SYSTEM_KNOWN_HOSTS]
    paths = (Path(file).expanduser() for file in files)
    existing = [str(path) for path in paths if path.is_file() or path.is_char_device()]
    return existing or ([], [], [])


def _jump_host(destination: SshDestination, text: str) -> SshDestination:
    """Return a jump host; it takes the same key and configuration as the host behind it."""
    return replace(parse_destination(text), key=destination.key, config=destination.config)
