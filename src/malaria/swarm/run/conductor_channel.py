"""The bee's end of its connection to the conductor: carry out its calls, send what the workers report.

Promises: only the holder of the conductor's certificate of this run is obeyed; when the connection ends, for whatever
reason, the load ends.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from malaria.errors import OperatorError
from malaria.swarm.run.bee_messages import Call, CallAnswer, CallResult, Refusal, ReportBatch, Welcome
from malaria.swarm.run.bee_runner import BeeRunner
from malaria.swarm.run.bee_schema import encode_message
from malaria.swarm.run.certificates import RunCertificates
from malaria.swarm.run.frames import frame, read_frame
from malaria.swarm.run.run_tls import SERVER_NAME, bee_context

CONNECT_S: Final = 10.0
"""A TCP connection takes its second try after one second, its fourth after seven."""
WELCOME_S: Final = 30.0
"""A conductor that starts many bees on one processor takes seconds to answer each."""
SILENCE_MS: Final = 20_000
"""A connection on which nothing is acknowledged for so long ends: its conductor's host is gone."""
LOOK_S: Final = 0.5
FLUSH_S: Final = 3.0
METHODS: Final = ("join", "knock", "assign", "execute", "forget")


@dataclass(frozen=True, slots=True)
class BeeSettings:
    """The conductor to join, and the name and certificate to join it with."""

    name: str
    host: str
    port: int
    certificates: RunCertificates


class ConductorChannel:
    """The connection of one bee."""

    def __init__(self, settings: BeeSettings, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._settings = settings
        self._reader = reader
        self._writer = writer
        self._loop = asyncio.get_running_loop()

    @property
    def own_address(self) -> str:
        """Return this host's address as the conductor sees it."""
        return str(self._writer.get_extra_info("sockname")[0])

    async def welcome(self) -> Welcome:
        """Wait until the conductor has taken this bee's certificate. Raises OSError if it does not."""
        async with asyncio.timeout(WELCOME_S):
            return pickle.loads(await self._read())  # type: ignore[no-any-return]

    def send(self, batch: ReportBatch) -> None:
        """Send a batch. Called from another thread; after the end it does nothing."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._writer.write, frame(encode_message(batch)))

    async def serve(self, runner: BeeRunner) -> None:
        """Carry out calls, one at a time, until the connection ends or the bee has ended its load by itself."""
        calls = asyncio.ensure_future(self._carry_out_calls(runner))
        while not calls.done() and not runner.over:
            await asyncio.wait([calls], timeout=LOOK_S)
        calls.cancel()
        with suppress(asyncio.CancelledError):
            await calls

    async def close(self) -> None:
        """Send what is left, and disconnect."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._writer.drain()
                self._writer.close()
                await self._writer.wait_closed()
        self._writer.transport.abort()

    def break_off(self) -> None:
        self._writer.transport.abort()

    async def _carry_out_calls(self, runner: BeeRunner) -> None:
        with suppress(OSError):
            while True:
                call: Call = pickle.loads(await self._read())
                result = await asyncio.to_thread(_carry_out, runner, call)
                self._writer.write(frame(encode_message(CallAnswer(call.number, result))))
                await self._writer.drain()

    async def _read(self) -> bytes:
        try:
            return await read_frame(self._reader)
        except EOFError:
            raise ConnectionResetError("the conductor ended the connection") from None


def _carry_out(runner: BeeRunner, call: Call) -> CallResult:
    assert call.method in METHODS
    method: Callable[..., Any] = getattr(runner, call.method)
    try:
        return method() if call.argument is None else method(call.argument)  # type: ignore[no-any-return]
    except OperatorError as error:
        return Refusal(error.message, error.remedy)
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        return Refusal(f"{type(error).__name__}: {error}", "its bee.log says where; this may be a bug of malaria")


async def connect(settings: BeeSettings) -> ConductorChannel:
    """Call the conductor. Raises OSError, among them ssl.SSLError."""
    async with asyncio.timeout(CONNECT_S):
        reader, writer = await asyncio.open_connection(
            settings.host, settings.port, ssl=bee_context(settings.certificates), server_hostname=SERVER_NAME
        )
    connection: socket.socket = writer.get_extra_info("socket")
    for option, value in (("TCP_USER_TIMEOUT", SILENCE_MS), ("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 5)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return ConductorChannel(settings, reader, writer)


async def run_bee(
    settings: BeeSettings,
    directory: Path,
    on_joined: Callable[[], None] = lambda: None,
    on_channel: Callable[[ConductorChannel], None] = lambda _: None,
) -> None:
    """Be a bee until the conductor is done with it, or is lost. Raises OSError if it cannot be joined."""
    channel = await connect(settings)
    on_channel(channel)
    try:
        welcome = await channel.welcome()
        on_joined()
        runner = BeeRunner(settings.name, welcome.run, directory, channel.own_address, channel.send)
        await channel.serve(runner)
        await asyncio.to_thread(runner.stop, "lost its conductor: the connection ended")
        await asyncio.to_thread(runner.close)
    finally:
        await channel.close()
