"""The stream of server-sent events: once a second what is new, to each reader from its own place in the feed.

Promises: nothing is queued for a reader. One that reads slowly gets less often what it then gets whole; one that reads
nothing for PATIENCE_S is dropped, and may come back to where it was (Last-Event-ID).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from malaria.web.feed_place import FeedPlace, parse_place
from malaria.web.gate import bearer
from malaria.web.live_feed import LiveFeed

PATIENCE_S: Final = 30.0
MOST_READERS: Final = 64
RETRY_MS: Final = 1000
HEADERS: Final = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


class EventClock:
    """Wakes the readers once a second, after the feed has caught up. Belongs to the loop of the server."""

    def __init__(self, feed: LiveFeed, period_s: float = 1.0) -> None:
        self._feed = feed
        self._period_s = period_s
        self._turn = asyncio.Event()
        self.readers = 0
        self.pages = 0  # readers that are browsers
        self.dropped_readers = 0

    async def run(self) -> None:
        """Turn until it is cancelled."""
        while True:
            self.strike()
            await asyncio.sleep(self._period_s)

    def strike(self) -> None:
        """Let the feed catch up, and wake the readers."""
        self._feed.catch_up()
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def next_turn(self) -> None:
        await self._turn.wait()


class EventStream(Response):
    """The answer to `GET /events`."""

    def __init__(
        self, feed: LiveFeed, clock: EventClock, since: FeedPlace, *, is_page: bool, patience_s: float = PATIENCE_S
    ) -> None:
        self._feed = feed
        self._clock = clock
        self._since = since
        self._is_page = is_page
        self._patience_s = patience_s
        self.status_code = HTTPStatus.OK
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._clock.readers += 1
        self._clock.pages += self._is_page
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": HEADERS})
            await self._tell_all(send, gone)
        except TimeoutError:
            self._clock.dropped_readers += 1
        except OSError:  # the reader left while something was sent
            pass
        finally:
            gone.cancel()
            self._clock.readers -= 1
            self._clock.pages -= self._is_page

    async def _tell_all(self, send: Send, gone: asyncio.Task[None]) -> None:
        place = self._since
        while not gone.done():
            is_last = self._feed.report is not None
            place, text = self._feed.text_since(place)
            kind = "report" if is_last else "run"
            message = f"id: {place}\nevent: {kind}\nretry: {RETRY_MS}\ndata: {text}\n\n".encode()
            async with asyncio.timeout(self._patience_s):
                await send({"type": "http.response.body", "body": message, "more_body": not is_last})
            if is_last:
                return
            await _first_of(self._clock.next_turn, gone)


async def _first_of(wait: Callable[[], Coroutine[Any, Any, None]], gone: asyncio.Task[None]) -> None:
    """Wait for the next turn, or until the reader is gone."""
    turn = asyncio.create_task(wait())
    await asyncio.wait((turn, gone), return_when=asyncio.FIRST_COMPLETED)
    turn.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def stream(request: Request, feed: LiveFeed, clock: EventClock) -> Response | None:
    """Return the stream that a request asks for; None if there are too many already."""
    if clock.readers >= MOST_READERS:
        return None
    since = request.headers.get("last-event-id") or request.query_params.get("since")
    is_page = bearer(request.headers) is None  # programs do not fetch the report
    return EventStream(feed, clock, parse_place(since), is_page=is_page)
