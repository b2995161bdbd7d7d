"""A shell script that stays running on another host and answers one line after the other. Synchronous.

One connection stays open for it. A connection that breaks is a failure of the line that was asked; the next line opens
a new one. The script ends as soon as this process does, because its input ends.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from shlex import quote
from threading import Lock
from typing import TYPE_CHECKING, Final

from malaria.ssh.background import wait_for
from malaria.ssh.connection import SshTimeouts, connect
from malaria.ssh.destination import SshDestination
from malaria.ssh.ssh_failures import SshError, explain_failure

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection, SSHClientProcess

TIMEOUTS: Final = SshTimeouts(connect_s=10.0, keepalive_s=2.0, keepalive_count=2)
ANSWER_S: Final = 5.0
CLOSE_S: Final = 2.0
LARGEST_ANSWER_BYTES: Final = 32 << 20


class RemoteScript:
    """A script on `destination` that prints a line `end_mark` when it is ready, and again after each answer.

    Several threads may use it; it answers one line at a time. Every method but `close` raises SshError.
    """

    def __init__(self, destination: SshDestination, script: str, end_mark: str) -> None:
        self._destination = destination
        self._command = f"exec sh -c {quote(script)}"
        self._end_mark = f"{end_mark}\n".encode()
        self._connection: SSHClientConnection | None = None
        self._process: SSHClientProcess[bytes] | None = None
        self._stack = AsyncExitStack()
        self._rest = b""
        self._lock = Lock()

    def open(self) -> None:
        """Connect and wait until the script is ready; do nothing if it is."""
        with self._lock:
            wait_for(self._guarded(None))

    def ask(self, line: str) -> str:
        """Send a line and return the answer. Connects first if there is no connection."""
        with self._lock:
            return wait_for(self._guarded(line))

    def close(self) -> None:
        with self._lock:
            wait_for(self._drop())

    async def _guarded(self, line: str | None) -> str:
        """Do the work; on any failure give the connection up, so that the next call makes a new one."""
        try:
            process = await self._opened()
            if line is None:
                return ""
            process.stdin.write(f"{line}\n".encode())
            return await self._answer(process, ANSWER_S)
        except BaseException as error:
            await self._drop()
            failure = explain_failure(error) if isinstance(error, Exception) else None
            if failure is None:
                raise
            raise failure from None

    async def _opened(self) -> SSHClientProcess[bytes]:
        if self._process is not None and not self._process.is_closing():
            return self._process
        await self._drop()
        self._connection = await self._stack.enter_async_context(connect(self._destination, TIMEOUTS))
        self._process = await self._connection.create_process(self._command, encoding=None)
        await self._answer(self._process, TIMEOUTS.connect_s)  # the first mark: the script is there
        return self._process

    async def _answer(self, process: SSHClientProcess[bytes], timeout_s: float) -> str:
        """Read everything up to the end mark."""
        mark, data = self._end_mark, self._rest
        async with asyncio.timeout(timeout_s):
            # a mark counts at the beginning of a line alone
            while not data.startswith(mark) and b"\n" + mark not in data:
                if len(data) > LARGEST_ANSWER_BYTES:
                    raise SshError(f"it sent more than {LARGEST_ANSWER_BYTES >> 20} MiB for one answer")
                if not (fresh := await process.stdout.read(1 << 16)):
                    raise ConnectionAbortedError
                data += fresh
        answer, _, self._rest = (b"\n" + data).partition(b"\n" + mark)
        return answer.decode(errors="replace")

    async def _drop(self) -> None:
        """Give up the connection; a host that does not answer must not hold anybody up."""
        connection, stack = self._connection, self._stack
        self._connection = self._process = None
        self._stack, self._rest = AsyncExitStack(), b""
        if connection is not None:
            connection.abort()
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_S):
                    await stack.aclose()
