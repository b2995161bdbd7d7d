"""Open ssh connections and run scripts and commands over them, with asyncssh.

Promises: a host's key is checked against known_hosts or the stated key, also where a configuration switches checking
off, and so is the key of each jump host; passwords and agent forwarding are never used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import join, quote
from typing import TYPE_CHECKING, Any, Final

from malaria.ssh.destination import SshDestination, parse_destination
from malaria.ssh.ssh_failures import CONNECTION_LOST, SshError, explain_failure, one_line

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection, SSHClientConnectionOptions

RUN_S: Final = 60.0
BEGIN: Final = "malaria: the output begins"
"""Printed before the output of a script or command: start-up files of a login shell may print, too."""
CONFIG_FILES: Final = ("~/.ssh/config", "/etc/ssh/ssh_config")
"""Read in this order, as ssh does; the first value of an option counts."""
SYSTEM_KNOWN_HOSTS: Final = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
USER_KNOWN_HOSTS: Final = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")


@dataclass(frozen=True, slots=True)
class SshTimeouts:
    """The time to connect in, and how long a silent host is believed to be there."""

    connect_s: float = 15.0  # enough for many connections at once over a slow line
    keepalive_s: float = 5.0
    keepalive_count: int = 3


TIMEOUTS: Final = SshTimeouts()


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The exit code of a command and its output, errors included."""

    code: int
    output: str


@asynccontextmanager
async def connect(
    destination: SshDestination, timeouts: SshTimeouts | None = None
) -> AsyncIterator[SSHClientConnection]:
    """Open a connection for the block, through jump hosts if there are any. Raises SshError."""
    async with AsyncExitStack() as stack:
        try:
            connection = await _open(destination, timeouts or TIMEOUTS, stack)
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
        # the login shell may be another one, such as fish
        done = await connection.run(
            f"exec sh -c {quote(_marked(script))}", input=stdin or "", timeout=timeout_s, errors="replace"
        )
    except Exception as error:
        if (failure := explain_failure(error)) is None:
            raise
        raise failure from None
    output = _output_in(str(done.stdout or ""))
    if done.exit_status:
        lines = (str(done.stderr or "").strip() or output.strip()).splitlines()
        raise SshError(one_line(lines[-1]) if lines else f"a command ended with exit code {done.exit_status}")
    return output


async def run_command(destination: SshDestination, command: Sequence[str], timeout_s: float = RUN_S) -> CommandResult:
    """Run one command over a connection of its own; its words reach it as they are.

    Raises SshError when the host cannot be reached or is lost, and TimeoutError when the command takes longer.
    """
    import asyncssh

    async with connect(destination) as connection:
        try:
            async with asyncio.timeout(timeout_s):
                done = await connection.run(
                    join(["exec", "sh", "-c", _marked('exec "$@"'), "sh", *command]),
                    stdin=asyncssh.DEVNULL,
                    stderr=asyncssh.STDOUT,
                    errors="replace",
                )
        except TimeoutError:
            raise
        except Exception as error:
            if (failure := explain_failure(error)) is None:
                raise
            raise failure from None
    if done.returncode is None:
        raise SshError(*CONNECTION_LOST)
    return CommandResult(done.returncode, _output_in(str(done.stdout or "")).strip())


def _marked(script: str) -> str:
    return f"echo '{BEGIN}'\n{script}"


def _output_in(printed: str) -> str:
    """Return what a script printed, without what the login shell printed before it."""
    return printed.partition(f"{BEGIN}\n")[2]


async def _open(destination: SshDestination, timeouts: SshTimeouts, stack: AsyncExitStack) -> SSHClientConnection:
    import asyncssh

    options = asyncssh.SSHClientConnectionOptions(**_settings(destination))
    jumps = destination.jump or (options.tunnel if isinstance(options.tunnel, str) else "")
    tunnel: SSHClientConnection | None = None
    for text in jumps.split(",") if jumps else ():
        jump = _jump_host(destination, text)
        try:
            jump_options = asyncssh.SSHClientConnectionOptions(**_settings(jump))
            tunnel = await stack.enter_async_context(await _open_one(jump, timeouts, jump_options, tunnel))
        except Exception as error:
            if (failure := explain_failure(error)) is None:
                raise
            # else it would be taken for a failure of the host behind it
            raise SshError(f"jump host {jump}: {failure.message}", failure.remedy) from None
    return await stack.enter_async_context(await _open_one(destination, timeouts, options, tunnel))


async def _open_one(
    destination: SshDestination,
    timeouts: SshTimeouts,
    options: SSHClientConnectionOptions,
    tunnel: SSHClientConnection | None,
) -> SSHClientConnection:
    import asyncssh

    settings, trusted = _settings(destination), _trusted(destination, options.known_hosts)
    keepalive = {"keepalive_interval": timeouts.keepalive_s, "keepalive_count_max": timeouts.keepalive_count}
    async with asyncio.timeout(timeouts.connect_s):
        return await asyncssh.connect(**settings, **keepalive, known_hosts=trusted, tunnel=tunnel)


def _settings(destination: SshDestination) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "host": destination.host,
        "password_auth": False,
        "kbdint_auth": False,
        "agent_forwarding": False,
        "config": [destination.config] if destination.config else _existing(CONFIG_FILES),
    }
    settings |= {"port": destination.port} if destination.port else {}
    settings |= {"username": destination.user} if destination.user else {}
    return settings | ({"client_keys": [str(Path(destination.key).expanduser())]} if destination.key else {})


def _trusted(destination: SshDestination, configured: Any) -> Any:
    """Return what the host's key is checked against, as asyncssh takes it.

    `configured` are the known_hosts files of the ssh configuration; None where it would switch checking off.
    """
    import asyncssh

    if destination.host_key:
        try:
            return [asyncssh.import_public_key(destination.host_key)], [], []
        except asyncssh.KeyImportError:
            remedy = "write it as in known_hosts: ssh-ed25519 AAAA..."
            raise SshError("the host key that is stated for it cannot be read", remedy) from None
    # without any such file nothing is trusted: asyncssh takes None for "do not check"
    return _existing([*(configured or USER_KNOWN_HOSTS), *SYSTEM_KNOWN_HOSTS]) or ([], [], [])


def _existing(files: Sequence[str]) -> list[str]:
    paths = (Path(file).expanduser() for file in files)
    # a configuration may name /dev/null, a file without keys
    return [str(path) for path in paths if path.is_file() or path.is_char_device()]


def _jump_host(destination: SshDestination, text: str) -> SshDestination:
    """Return a jump host; it takes the same key and configuration as the host behind it."""
    return replace(parse_destination(text), key=destination.key, config=destination.config)
