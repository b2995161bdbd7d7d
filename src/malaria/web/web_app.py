"""The application: which path gives what. It runs behind the gate, on the loop of the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from malaria.outputs.files import PAGE
from malaria.outputs.prometheus_export import MetricsPage
from malaria.web.change_requests import ChangeRequests
from malaria.web.event_stream import EventClock, stream
from malaria.web.feed_place import parse_place
from malaria.web.gate import Gate, Tokens, is_embedded, refusal
from malaria.web.live_feed import LiveFeed
from malaria.web.live_page import PageLook, render_live_page
from malaria.web.openapi_document import openapi_document

NO_PAGE: Final = "there is no page yet"


@dataclass(frozen=True, slots=True)
class WebOptions:
    """The choices of the operator, and what gives the page of metrics (None: there is none)."""

    read_only: bool = False
    metrics: MetricsPage | None = None


class WebApp:
    """The answers of one server. `reports_read` counts who has got the report."""

    def __init__(self, feed: LiveFeed, tokens: Tokens, clock: EventClock, options: WebOptions) -> None:
        self._feed = feed
        self._tokens = tokens
        self._clock = clock
        self._options = options
        self._desk = ChangeRequests(lambda: feed.door, read_only=options.read_only)
        self.reports_read = 0

    def behind_gate(self, port: int) -> Gate:
        """Return the whole as an ASGI application for a server at this port."""
        handlers = {HTTPException: _refuse}
        app = Starlette(routes=self.routes(), exception_handlers=handlers)  # type: ignore[arg-type]
        return Gate(app, self._tokens, port)

    def routes(self) -> list[Route]:
        """Return what answers which path."""
        return [
            Route("/", self._page),
            Route("/run", self._run),
            Route("/events", self._events),
            Route("/changes", self._desk.answer, methods=["POST"]),
            Route("/report", self._report),
            Route("/campaign", self._campaign),
            Route("/metrics", self._metrics),
            Route("/healthz", _healthz),
            Route("/openapi.json", _openapi),
        ]

    async def _page(self, request: Request) -> Response:
        """Give the live page; once the run is over, its report as it is stored."""
        if self._feed.report is not None:
            return await self._file(self._feed.report, self._count)
        embedded = is_embedded(request)
        look = PageLook(
            embedded=embedded,
            steers=not (embedded or self._options.read_only or self._feed.watches),
            has_levels=self._feed.directory is not None,
            view_token=self._tokens.view,
        )
        self._feed.catch_up()
        view = self._feed.view()
        # compressing a long run takes a while, in which others must not wait
        return HTMLResponse(await run_in_threadpool(render_live_page, self._feed.title, view, look))

    async def _run(self, request: Request) -> Response:
        self._feed.catch_up()
        _, text = self._feed.text_since(parse_place(request.query_params.get("since")))
        return Response(text, media_type="application/json")

    async def _events(self, request: Request) -> Response:
        found = stream(request, self._feed, self._clock)
        if found is None:
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many pages show this run", "close some of them")
        return found

    async def _metrics(self, request: Request) -> Response:
        page = self._options.metrics
        if page is None:
            return refusal(HTTPStatus.NOT_FOUND, "there are no metrics here")
        kind, content = await run_in_threadpool(page.render, request.headers.get("accept", ""))
        return Response(content, headers={"content-type": kind})

    async def _report(self, _: Request) -> Response:
        return await self._file(self._feed.report, self._count)

    async def _campaign(self, _: Request) -> Response:
        directory = self._feed.directory
        return await self._file(None if directory is None else directory / PAGE)

    async def _file(self, path: Path | None, served: Callable[[], None] | None = None) -> Response:
        """Give a stored page as it is: it brings its own policy along."""
        try:
            content = None if path is None else await run_in_threadpool(path.read_bytes)
        except OSError:
            content = None
        if content is None:
            return refusal(HTTPStatus.NOT_FOUND, NO_PAGE, "it is written when the run, or its first level, is over")
        return _ServedPage(content, served)

    def _count(self) -> None:
        self.reports_read += 1


class _ServedPage(HTMLResponse):
    """A page that says when it has been sent."""

    def __init__(self, content: bytes, sent: Callable[[], None] | None) -> None:
        super().__init__(content)
        self._sent = sent

    async def __call__(self, *scope_receive_send: object) -> None:
        await super().__call__(*scope_receive_send)  # type: ignore[arg-type]
        if self._sent is not None:
            self._sent()


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _openapi(_: Request) -> Response:
    return JSONResponse(openapi_document())


async def _refuse(request: Request, error: HTTPException) -> Response:
    """Word an unknown path and a method that a path does not take."""
    reason = f"{request.method} {request.url.path[:100]}: {error.detail}"
    answer = refusal(HTTPStatus(error.status_code), reason, "GET /openapi.json lists what there is")
    answer.headers.update(error.headers or {})
    return answer
