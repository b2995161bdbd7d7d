"""The conductor's end of the connections of a run: a port at which its bees call, and calls to each of them.

Coroutines of the swarm's event loop. Promises: only a bee with a certificate of this run is let in, once, under the
name in its certificate; what it sends is read by the schema of `bee_schema`, and nothing that it sends is run here. A
bee whose message does not fit the schema is disconnected.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import Final

from malaria.errors import OperatorError
from malaria.swarm.run.bee_messages import (
    Assigned,
    Assignment,
    Call,
    CallAnswer,
    CallResult,
    Command,
    Joined,
    Knocked,
    Refusal,
    ReportBatch,
    Welcome,
)
from malaria.swarm.run.bee_schema import SchemaError, decode_message
from malaria.swarm.run.certificates import RunCertificates
from malaria.swarm.run.frames import FrameError, frame, read_frame
from malaria.swarm.run.run_tls import conductor_context, name_of_peer

HANDSHAKE_S: Final = 20.0
"""A bee that shares its processor with many others takes seconds for it."""
GOODBYE_S: Final = 5.0
IP4_IN_IP6: Final = "::ffff:"
CONNECTION_ENDED: Final = "is gone: its connection ended"


class BeeChannel:
    """Call one bee's `BeeRunner`. Its methods raise OperatorError for what the bee refuses, OSError when it is gone."""

    def __init__(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self.ended = ""  # why the connection ended
        self._reader = reader
        self._writer = writer
        self._address = str(writer.get_extra_info("peername")[0]).removeprefix(IP4_IN_IP6)
        self._waiting: dict[int, asyncio.Future[CallResult]] = {}
        self._calls = 0

    async def join(self, clock_key: bytes) -> Joined:
        """Let the bee introduce itself. Its clock is asked at the address that its connection comes from."""
        joined = await self._call("join", clock_key)
        if not isinstance(joined, Joined):
            raise self._end("sent another answer than it was asked for")
        # its address is not a thing to be told: datagrams would go wherever it says
        return replace(joined, clock_address=(self._address, joined.clock_address[1]))

    async def knock(self, assignment: Assignment) -> Knocked:
        """Let the bee look at the target with the first clients of its share."""
        knocked = await self._call("knock", assignment)
        if not isinstance(knocked, Knocked):
            raise self._end("sent another answer than it was asked for")
        return knocked

    async def assign(self, assignment: Assignment) -> Assigned:
        assigned = await self._call("assign", assignment)
        if not isinstance(assigned, Assigned):
            raise self._end("sent another answer than it was asked for")
        return assigned

    async def execute(self, command: Command) -> int:
        at_ns = await self._call("execute", command)
        if not isinstance(at_ns, int):
            raise self._end("sent another answer than it was asked for")
        return at_ns

    async def forget(self) -> None:
        await self._call("forget")

    async def listen(self, on_batch: Callable[[ReportBatch], None]) -> None:
        """Take what the bee sends until its connection ends."""
        try:
            while True:
                message = decode_message(await read_frame(self._reader), self.name)
                if isinstance(message, ReportBatch):
                    on_batch(message)
                else:
                    self._take(message)
        except (SchemaError, FrameError) as error:
            self._end(f"was disconnected: it sent what no bee sends ({error})")
        except (EOFError, OSError):
            self._end(CONNECTION_ENDED)

    def close(self) -> None:
        self._end(CONNECTION_ENDED)

    def _take(self, answer: CallAnswer) -> None:
        future = self._waiting.pop(answer.number, None)
        if future is None or future.done():
            return
        if isinstance(answer.result, Refusal):
            future.set_exception(OperatorError(answer.result.message, answer.result.remedy))
        else:
            future.set_result(answer.result)

    async def _call(self, method: str, argument: object = None) -> CallResult:
        if self.ended:
            raise ConnectionError(self.ended)
        self._calls += 1
        future: asyncio.Future[CallResult] = asyncio.get_running_loop().create_future()
        self._waiting[self._calls] = future
        message = pickle.dumps(Call(self._calls, method, argument), pickle.HIGHEST_PROTOCOL)
        self._writer.write(frame(message))
        await self._writer.drain()
        return await future

    def _end(self, reason: str) -> ConnectionError:
        """Break the connection, and every call under way; return the error that says so."""
        self.ended = self.ended or reason
        self._writer.transport.abort()
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(ConnectionError(self.ended))
                future.exception()  # its caller may have gone, and asyncio would complain
        return ConnectionError(self.ended)


class BeeServer:
    """The port of one run."""

    def __init__(self, run: str, on_batch: Callable[[ReportBatch], None], on_end: Callable[[str, str], None]) -> None:
        """`on_end` is called with the name of a bee and the reason when its connection has ended."""
        self.channels: dict[str, BeeChannel] = {}
        self._run = run
        self._on_batch = on_batch
        self._on_end = on_end
        self._expected: frozenset[str] = frozenset()
        self._server: asyncio.Server | None = None
        self._came = asyncio.Event()

    async def open(self, port: int, certificates: RunCertificates, bees: Collection[str]) -> int:
        """Listen at every address of this host for those bees; return the port (0: any free one). Raises OSError."""
        self._expected = frozenset(bees)
        context = conductor_context(certificates)
        listener = _listener(port)
        self._server = await asyncio.start_server(
            self._let_in, sock=listener, ssl=context, ssl_handshake_timeout=HANDSHAKE_S
        )
        return int(listener.getsockname()[1])

    async def wait_for_all(self) -> None:
        """Wait until every bee is here."""
        while self.missing:
            self._came.clear()
            await self._came.wait()

    @property
    def missing(self) -> list[str]:
        """The bees that have not come."""
        return sorted(self._expected - self.channels.keys())

    async def close(self) -> None:
        """Disconnect all bees, which ends them, and listen no more."""
        for channel in self.channels.values():
            channel.close()
        if self._server is not None:
            self._server.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._server.wait_closed()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = name_of_peer(writer.get_extra_info("ssl_object"))
        # a second connection with the same certificate is somebody who took it from the bee
        if name not in self._expected or name in self.channels:
            writer.transport.abort()
            return
        channel = self.channels[name] = BeeChannel(name, reader, writer)
        writer.write(frame(pickle.dumps(Welcome(self._run))))
        self._came.set()
        await channel.listen(self._on_batch)
        self._on_end(name, channel.ended)


def _listener(port: int) -> socket.socket:
    """Return a socket at every address of this host, of both versions of IP where it has them. Raises OSError."""
    if socket.has_dualstack_ipv6():
        with suppress(OSError):
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
