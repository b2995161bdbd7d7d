"""Bytes on their way out: what the kernel did not take waits here for EPOLLOUT, in order.

At most one unfinished PUBLISH per client waits (messages behind it are held by their publisher); answers we owe the
broker (PUBACK, PUBREC, PUBREL, PUBCOMP, PINGREQ, SUBSCRIBE) are few and are appended. A broker that sends and never
reads would make them grow without end: past OWED_BYTES the connection is given up.
"""

from __future__ import annotations

from collections.abc import Callable

from malaria.engine.columns import BACKLOG, Columns
from malaria.engine.meter import Meter
from malaria.transport.failures import NOT_READING, failure_of
from malaria.transport.limits import OWED_BYTES
from malaria.transport.poller import READ, WRITE, Poller

type Flushed = Callable[[int | None], None]
"""Called with the time at which the last byte of an unfinished PUBLISH was handed over; None: its connection ended."""


class Outbox:
    """Writes for all clients of a worker. A connection found broken is put on `broken`; the engine closes it."""

    def __init__(self, columns: Columns, poller: Poller, meter: Meter) -> None:
        self._columns = columns
        self._poller = poller
        self._counts = meter.counts
        self._backlog: dict[int, bytearray] = {}
        self._owed: dict[int, int] = {}  # bytes of answers in the backlog, at most
        self._unfinished: dict[int, Flushed] = {}
        self.broken: list[tuple[int, str]] = []

    @property
    def backlog_bytes(self) -> int:
        return sum(map(len, self._backlog.values()))

    def send(self, client: int, data: bytes, now_ns: int) -> None:
        """Send control packets, or keep them until the kernel takes them. Never blocks."""
        self._columns.last_out_at[client] = now_ns
        # behind what waits already: an answer in the middle of a PUBLISH would tear it apart
        if client in self._backlog:
            self._owe(client, data)
            return
        self._send_now(client, data)

    def send_again(self, client: int, data: bytes, now_ns: int) -> None:
        """Send messages of an earlier connection: bounded by the client's window, so not counted as answers."""
        self._columns.last_out_at[client] = now_ns
        waiting = self._backlog.get(client)
        if waiting is None:
            self._send_now(client, data)
        else:
            waiting += data

    def _owe(self, client: int, data: bytes) -> None:
        """Append an answer to the backlog; give the connection up when the broker leaves too many unread."""
        owed = self._owed.get(client, 0)
        if owed > OWED_BYTES:
            return  # given up in this turn; what else is owed in it is not kept
        self._owed[client] = owed = owed + len(data)
        if owed <= OWED_BYTES:
            self._backlog[client] += data
        else:
            self._backlog[client].clear()
            self.broken.append((client, NOT_READING[0]))

    def _send_now(self, client: int, data: bytes) -> None:
        try:
            written = self._columns.sends[client](data)
        except BlockingIOError:
            written = 0
        except OSError as error:
            self.broke(client, error)
            return
        self._counts.bytes_sent += written
        if written < len(data):
            self._wait(client, data[written:])

    def send_behind(self, client: int, answers: bytes, messages: bytes | memoryview) -> int:
        """Send messages behind answers in one send, while nothing waits; return how many bytes of messages went out.

        Answers are kept as `send` keeps them. Where the kernel takes no byte of the messages, the client's gate closes.
        """
        written = 0
        try:
            written = self._columns.sends[client](answers + messages)
        except BlockingIOError:
            pass
        except OSError as error:
            self.broke(client, error)
            return 0
        if written <= len(answers):
            self._counts.bytes_sent += written
            self._wait(client, answers[written:])
            return 0
        self._counts.bytes_sent += len(answers)  # the caller counts the rest
        return written - len(answers)

    def keep(self, client: int, rest: bytes, flushed: Flushed) -> None:
        """Takes over the rest of a PUBLISH of which the kernel took a part."""
        self._unfinished[client] = flushed
        self._wait(client, rest)

    def block(self, client: int) -> None:
        """Close the gate of a client until the kernel accepts bytes again."""
        self._wait(client, b"")

    def flush(self, client: int, now_ns: int) -> bool:
        """Write what waits, after EPOLLOUT. Return True when the gate is open again."""
        waiting = self._backlog.get(client)
        if waiting is None:
            return False
        try:
            written = self._columns.sends[client](waiting) if waiting else 0
        except BlockingIOError:
            return False
        except OSError as error:
            self.broke(client, error)
            return False
        self._counts.bytes_sent += written
        if written < len(waiting):
            del waiting[:written]
            # which of the bytes were answers is not known: at most as many as are left
            if client in self._owed:
                self._owed[client] = min(self._owed[client], len(waiting))
            return False
        self._open(client, now_ns)
        return True

    def forget(self, client: int) -> None:
        """Drop what waits for a connection that has ended."""
        self._backlog.pop(client, None)
        self._owed.pop(client, None)
        self._columns.gate[client] &= ~BACKLOG
        unfinished = self._unfinished.pop(client, None)
        if unfinished is not None:
            unfinished(None)

    def broke(self, client: int, error: OSError) -> None:
        self.close_later(client, failure_of(error))

    def close_later(self, client: int, reason: str) -> None:
        """Let the engine close a connection at the end of this turn."""
        self.broken.append((client, reason))
        self._columns.gate[client] |= BACKLOG  # nothing is written to it again before it is closed

    def _wait(self, client: int, rest: bytes) -> None:
        self._backlog[client] = bytearray(rest)
        self._columns.gate[client] |= BACKLOG
        sock = self._columns.sockets[client]
        assert sock is not None
        self._poller.modify(sock.fileno(), READ | WRITE)

    def _open(self, client: int, now_ns: int) -> None:
        del self._backlog[client]
        self._owed.pop(client, None)
        self._columns.gate[client] &= ~BACKLOG
        sock = self._columns.sockets[client]
        assert sock is not None
        self._poller.modify(sock.fileno(), READ)
        flushed = self._unfinished.pop(client, None)
        if flushed is not None:
            flushed(now_ns)
