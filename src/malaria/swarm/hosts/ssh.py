"""How bees are reached: one ssh connection each, many at once.

Promises: a host's key is checked, with known_hosts or with the one that the bee must have, and checking is never off,
whatever a configuration says; no password is asked for; a host that cannot be reached or fails is a `BeeError` that
names it, the cause in words and the remedy; the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from malaria.errors import OperatorError, SwarmError
from malaria.swarm.extra import need_extra
from malaria.swarm.hosts.inventory import BeeHost, parse_address

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection, SSHClientConnectionOptions

CONNECT_S: Final = 15.0
"""Many at once on a slow line take a while."""
RUN_S: Final = 60.0
AT_ONCE: Final = 32
"""How many hosts are worked on at the same time."""
KEEPALIVE_S: Final = 5
SYSTEM_KNOWN_HOSTS: Final = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
USER_KNOWN_HOSTS: Final = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")

UNKNOWN_KEY: Final = "its host key is not in known_hosts, or has changed"
CAUSES: Final = (
    ("HostKeyNotVerifiable", UNKNOWN_KEY, "compare its fingerprint, then add it to ~/.ssh/known_hosts: ssh to it once"),
    ("PermissionDenied", "it does not let us in", "add your key to its authorized_keys, or name another: --key FILE"),
    ("KeyEncryptionError", "our key needs a passphrase", "give it to the agent: ssh-add"),
    ("KeyImportError", "our key cannot be read", "name a private key in a format of OpenSSH: --key FILE"),
    ("ConfigParseError", "the ssh configuration cannot be read: {said}", "mend ~/.ssh/config"),
    ("ChannelOpenError", "its jump host cannot reach it: {said}", "check its address as the jump host sees it"),
    ("ConnectionRefusedError", "nothing listens at its ssh port", "is sshd running there? is the port right?"),
    ("gaierror", "no such host", "check the spelling and the name server, or give an address"),
    ("TimeoutError", "no answer", "is it up? does a firewall let ssh through?"),
    ("ConnectionLost", "the connection was lost", "try again; is it still up?"),
    ("DisconnectError", "it ended the connection: {said}", "see the log of its sshd"),
    ("SFTPNoSpaceOnFilesystem", "its disk is full", "make room there"),
    ("SFTPPermissionDenied", "we may not write there", "give the bee another directory, in the inventory"),
    ("SFTPError", "a file could not be sent: {said}", "does it have room, and may we write there?"),
    ("FileNotFoundError", "{file} is not here", "name a file that is"),
    ("OSError", "{said}", "is it up, and is there a way to it?"),
    ("Error", "{said}", "see: ssh -v to it"),
)
"""Name of an exception, or of a class that it is made of -> what is wrong, what to do. The first that fits."""


class BeeError(SwarmError):
    """One host that failed. `cause` leaves out its name."""

    def __init__(self, host: BeeHost, cause: str, remedy: str = "") -> None:
        super().__init__(f"{host}: {cause}", remedy)
        self.host = host
        self.cause = cause


@asynccontextmanager
async def connect(host: BeeHost) -> AsyncIterator[SSHClientConnection]:
    """A connection to a bee, through its jump hosts if it has any. Raises BeeError."""
    need_extra("asyncssh")
    async with AsyncExitStack() as stack:
        try:
            connection = await _open(host, stack)
        except Exception as error:
            if isinstance(error, BeeError) or (failure := explain_failure(host, error)) is None:
                raise
            raise failure from None
        yield connection


async def run(
    host: BeeHost, connection: SSHClientConnection, script: str, given: str | None = None, timeout_s: float = RUN_S
) -> str:
    """What a script of /bin/sh on the bee says; `given` is its input. Raises BeeError when it fails or takes longer.

    Nothing secret belongs into `script`: others on that host can read it while it runs. It belongs into `given`.
    """
    try:
        done = await connection.run(
            f"exec sh -c {quote(script)}", input=given or "", timeout=timeout_s, errors="replace"
        )
    except Exception as error:
        failure = explain_failure(host, error)
        if failure is None:
            raise
        raise failure from None
    if done.exit_status:
        said = (str(done.stderr or "").strip() or str(done.stdout or "").strip()).splitlines()
        raise BeeError(host, clean(said[-1]) if said else f"a command ended with exit code {done.exit_status}")
    return str(done.stdout or "")


@dataclass(frozen=True, slots=True)
class HostResult[T]:
    """What came of one host. `error` empty: `value` is there."""

    host: BeeHost
    value: T | None = None
    error: str = ""
    remedy: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.error)


async def for_each[T](
    hosts: Sequence[BeeHost],
    work: Callable[[BeeHost], Awaitable[T]],
    tell: Callable[[HostResult[T]], None] | None = None,
    at_once: int = AT_ONCE,
) -> list[HostResult[T]]:
    """Does `work` on every host, `at_once` of them at a time; `tell` hears of each as soon as it is done.

    A host that fails (OperatorError, or what ssh and the system raise) has its error in its outcome; a bug of ours is
    raised when all are done. The outcomes are in the order of the hosts.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(host: BeeHost) -> HostResult[T]:
        async with gate:
            outcome = await _attempt(host, work)
        if tell is not None:
            tell(outcome)
        return outcome

    done = await asyncio.gather(*(one(host) for host in hosts), return_exceptions=True)
    for outcome in done:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in done if isinstance(outcome, HostResult)]


async def on_each[T](
    hosts: Sequence[BeeHost],
    work: Callable[[BeeHost, SSHClientConnection], Awaitable[T]],
    tell: Callable[[HostResult[T]], None] | None = None,
    at_once: int = AT_ONCE,
) -> list[HostResult[T]]:
    """As `for_each`, over a connection to each host."""

    async def reached(host: BeeHost) -> T:
        async with connect(host) as connection:
            return await work(host, connection)

    return await for_each(hosts, reached, tell, at_once)


def explain_failure(host: BeeHost, error: Exception) -> BeeError | None:
    """What a failure of ssh or of the system means; None for a bug of ours."""
    if not isinstance(error, OSError) and not type(error).__module__.startswith("asyncssh"):
        return None
    names = [kind.__name__ for kind in type(error).__mro__]
    said = clean(getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error) or names[0])
    for name, cause, remedy in CAUSES:
        if name in names:
            words = {"said": said, "file": getattr(error, "filename", "") or "a file"}
            return BeeError(host, cause.format(**words), remedy)
    return BeeError(host, said)


def shell_path(host: BeeHost, *parts: str) -> str:
    """A path below the bee's directory, quoted for its shell."""
    path = "/".join((host.directory.rstrip("/"), *parts))
    return f'"$HOME"/{quote(path[2:])}' if path.startswith("~/") else quote(path)


def sftp_path(host: BeeHost, *parts: str) -> str:
    """The same for sftp, which begins in the home directory."""
    return "/".join((host.directory.rstrip("/"), *parts)).removeprefix("~/")


def clean(text: str) -> str:
    """One line without characters that would do something to a terminal."""
    return "".join(char if char.isprintable() else " " for char in text).strip()[:300]


async def _attempt[T](host: BeeHost, work: Callable[[BeeHost], Awaitable[T]]) -> HostResult[T]:
    try:
        return HostResult(host, await work(host))
    except BeeError as error:
        return HostResult(host, error=error.cause, remedy=error.remedy)
    except OperatorError as error:
        return HostResult(host, error=error.message, remedy=error.remedy)
    except Exception as error:
        failure = explain_failure(host, error)
        if failure is None:
            raise
        return HostResult(host, error=failure.cause, remedy=failure.remedy)


async def _open(host: BeeHost, stack: AsyncExitStack) -> SSHClientConnection:
    import asyncssh

    options = asyncssh.SSHClientConnectionOptions(**_settings(host))
    jumps = host.jump or (options.tunnel if isinstance(options.tunnel, str) else "")
    tunnel: SSHClientConnection | None = None
    for jump in jumps.split(",") if jumps else ():
        gate = _jump_host(host, jump)
        tunnel = await _open_one(gate, asyncssh.SSHClientConnectionOptions(**_settings(gate)), tunnel, stack)
    return await _open_one(host, options, tunnel, stack)


async def _open_one(
    host: BeeHost, options: SSHClientConnectionOptions, tunnel: SSHClientConnection | None, stack: AsyncExitStack
) -> SSHClientConnection:
    import asyncssh

    settings, trusted = _settings(host), _trusted(host, options.known_hosts)
    async with asyncio.timeout(CONNECT_S):
        connection = await asyncssh.connect(**settings, known_hosts=trusted, tunnel=tunnel)
    return await stack.enter_async_context(connection)


def _settings(host: BeeHost) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "host": host.host,
        "password_auth": False,
        "kbdint_auth": False,
        "agent_forwarding": False,
        "keepalive_interval": KEEPALIVE_S,
    }
    settings |= {"port": host.port} if host.port else {}
    settings |= {"username": host.user} if host.user else {}
    settings |= {"client_keys": [str(Path(host.key).expanduser())]} if host.key else {}
    return settings | ({"config": [host.ssh_config]} if host.ssh_config else {})


def _trusted(host: BeeHost, stated: Any) -> Any:
    """What the host's key is checked with. `stated` is None where a configuration would switch checking off."""
    import asyncssh

    if host.host_key:
        return [asyncssh.import_public_key(host.host_key)], [], []
    files = [*(stated or USER_KNOWN_HOSTS), *SYSTEM_KNOWN_HOSTS]
    there = [
        str(path) for path in (Path(file).expanduser() for file in files) if path.is_file() or path.is_char_device()
    ]
    return there or ([], [], [])


def _jump_host(host: BeeHost, jump: str) -> BeeHost:
    address = parse_address(jump)
    return BeeHost(
        name=f"jump-{host.name}"[:64],
        host=address.host,
        user=address.user,
        port=address.port,
        key=host.key,
        ssh_config=host.ssh_config,
    )
