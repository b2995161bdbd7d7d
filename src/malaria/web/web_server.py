"""The server of a process: uvicorn on a thread of its own, from before the load until the page has been handed over.

Promises: an address that cannot be used is an OperatorError before the load; nothing of the server runs on the thread
of the attack; leaving takes at most HANDOVER_S where pages are open, and no time where none is; no request is logged,
because its address may hold the token, and none writes on the screen of the load, however odd it is.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import uvicorn

from malaria.errors import OperatorError
from malaria.web.bounded_connection import MOST_ANSWERED, BoundedConnection
from malaria.web.event_stream import EventClock
from malaria.web.gate import Tokens
from malaria.web.listen_address import ListenAddress, bound_socket, parse_listen_address
from malaria.web.live_feed import LiveFeed
from malaria.web.web_app import WebApp, WebOptions

BACKLOG: Final = 64
START_S: Final = 10.0
HANDOVER_S: Final = 5.0
STOP_S: Final = 1
LAST_WORD_S: Final = 0.2
POLL_S: Final = 0.05


class WebServer:
    """One server. `url` opens the page, and has the token."""

    def __init__(self, feed: LiveFeed, address: ListenAddress, options: WebOptions) -> None:
        self.feed = feed
        self._address = address
        self._tokens = Tokens()
        self._clock = EventClock(feed)
        self._app = WebApp(feed, self._tokens, self._clock, options)
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        return f"{self.place}/?token={self._tokens.full}"

    @property
    def place(self) -> str:
        """The address without the token, for whoever has opened the page already."""
        host, port = self._shown()
        return f"http://{host}:{port}"

    @property
    def readers(self) -> int:
        """The pages that are open, and the programs that read as pages do."""
        return self._clock.readers

    def start(self) -> None:
        """Bind, and serve on a thread. Raises OperatorError."""
        _keep_quiet()
        self._socket = bound_socket(self._address)
        port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            self._app.behind_gate(port), http=BoundedConnection, ws="none", loop="asyncio", lifespan="off",
            log_config=None, log_level=logging.ERROR, access_log=False, server_header=False, proxy_headers=False,
            limit_concurrency=MOST_ANSWERED, backlog=BACKLOG, timeout_graceful_shutdown=STOP_S,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()
        if not _soon(lambda: self._server is None or self._server.started, START_S):
            raise OperatorError("--web: the server did not start", "this machine is busy: try again")

    def hand_over(self, report: Path, wait: Callable[[int], None] = lambda _: None) -> None:
        """Lead open pages to the report, and wait until they have got it, at most HANDOVER_S. `wait` is told of it.

        KeyboardInterrupt ends the wait.
        """
        pages = self._clock.pages
        self.feed.report = report
        if pages:
            wait(pages)
            _soon(lambda: self._app.reports_read >= pages, HANDOVER_S)

    def stop(self) -> None:
        """End the server; what it sends then is cut off after STOP_S."""
        if self._server is None or self._thread is None:
            return
        self.feed.end("")
        self._say_last()
        self._server.should_exit = True
        self._thread.join(STOP_S + 2)
        self._server.force_exit = True

    def _say_last(self) -> None:
        """Tell open pages how it ended."""
        if self._loop is not None and self.readers:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._clock.strike)
                time.sleep(LAST_WORD_S)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        assert self._server is not None
        assert self._socket is not None
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda *_: None)  # a connection that breaks is no news for the terminal
        turning = asyncio.create_task(self._clock.run())
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            turning.cancel()
            with suppress(asyncio.CancelledError):
                await turning

    def _shown(self) -> tuple[str, int]:
        """Return host and port as an address has them; of all addresses, this machine's own name."""
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        if host in ("0.0.0.0", "::"):
            host = socket.gethostname()
        return (f"[{host}]" if ":" in host else host), port


@contextmanager
def serving_web(address: str, feed: LiveFeed, options: WebOptions) -> Iterator[WebServer]:
    """Serve while the block runs. Raises OperatorError for an address that cannot be used."""
    server = WebServer(feed, parse_listen_address(address), options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _keep_quiet() -> None:
    """Let the server's library print nothing: the terminal belongs to the attack, and a message may hold an address."""
    logger = logging.getLogger("uvicorn")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _soon(happened: Callable[[], bool], limit_s: float) -> bool:
    """Wait until something has happened; return False if it did not in time."""
    end_s = time.monotonic() + limit_s
    while not happened():
        if time.monotonic() > end_s:
            return False
        time.sleep(POLL_S)
    return True
