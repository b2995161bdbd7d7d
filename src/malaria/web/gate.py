"""Lets in who may come in: checks the Host, the origin and the token of each request, and sets the headers of answers.

Promises: a page of another site cannot read or change anything (its origin is refused), nor can a name that was made to
point here (its Host is refused); whoever has no token learns nothing but that this is malaria. Tokens are compared in
constant time and are written nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from malaria.outputs.own_host import is_own_host
from malaria.web.http_models import RefusalReply

OPEN_PATHS: Final = frozenset({"/healthz"})
"""Paths that need no token."""
VIEW_PATHS: Final = frozenset({"/", "/events", "/run"})
"""Paths that the token of a view opens."""
EMBED: Final = "embed"
CONTENT_POLICY: Final = "content-security-policy"
NO_TOKEN: Final = RefusalReply(
    reason="no token, or a wrong one: this page belongs to whoever started the command",
    remedy="open the address that the command printed; programs send the header Authorization: Bearer TOKEN",
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The secrets of one process: `full` opens everything, `view` only shows."""

    full: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def view(self) -> str:
        return hmac.new(self.full.encode(), b"view", hashlib.sha256).hexdigest()[:32]

    def opens(self, given: str | None) -> bool:
        return _same(given, self.full)

    def shows(self, given: str | None) -> bool:
        return _same(given, self.view)


def _same(given: str | None, token: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(errors="replace"), token.encode())


def refusal(status: HTTPStatus, reason: str | RefusalReply, remedy: str = "") -> Response:
    """Return an answer that refuses a request, with the reason."""
    told = reason if isinstance(reason, RefusalReply) else RefusalReply(reason=reason, remedy=remedy)
    return JSONResponse(told.model_dump(), status)


class Gate:
    """An ASGI application in front of another. `port` is known when the socket is bound."""

    def __init__(self, app: ASGIApp, tokens: Tokens, port: int) -> None:
        self._app = app
        self._tokens = tokens
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        answer = self._refused(request) or self._door(request)
        app = self._app if answer is None else answer
        await app(scope, receive, _with_headers(send, embedded=is_embedded(request)))

    @property
    def cookie(self) -> str:
        """The name of the cookie: with the port, because browsers share cookies between ports."""
        return f"malaria-{self._port}"

    def _refused(self, request: Request) -> Response | None:
        """Return the answer to a request that comes from another site, or under a name that is not ours."""
        host = request.headers.get("host", "")
        if not is_own_host(host):
            reason = f"the Host {host[:100]!r} is not this machine"
            return refusal(HTTPStatus.FORBIDDEN, reason, "open the address that the command printed")
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            reason = f"the request comes from another site: {origin[:100]}"
            return refusal(HTTPStatus.FORBIDDEN, reason, "use the page of the run itself, or the token in a header")
        return None

    def _door(self, request: Request) -> Response | None:
        """Return the answer to a request that has no token, or that brings it in its address; else None."""
        path = request.url.path
        if path in OPEN_PATHS or self._tokens.opens(bearer(request.headers)):
            return None
        given = request.query_params.get("token")
        if path == "/" and request.method == "GET" and self._tokens.opens(given):
            return self._enter()
        if self._tokens.opens(request.cookies.get(self.cookie)):
            return None
        shown = path in VIEW_PATHS and request.method == "GET"
        if shown and self._tokens.shows(request.query_params.get("view")):
            return None
        return refusal(HTTPStatus.UNAUTHORIZED, NO_TOKEN)

    def _enter(self) -> Response:
        """Keep the token in a cookie, and lead to the page: so it leaves the address bar and the history."""
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        answer.set_cookie(self.cookie, self._tokens.full, httponly=True, samesite="strict")
        return answer


def is_embedded(request: HTTPConnection) -> bool:
    """Tell whether a page is asked for that may stand in a frame: charts alone, without a button."""
    return request.url.path == "/" and request.query_params.get(EMBED) == "1"


def bearer(headers: Headers) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _with_headers(send: Send, *, embedded: bool) -> Send:
    """Return a `send` that adds the headers which every answer has."""
    frame = "*" if embedded else "'none'"
    policy = {
        CONTENT_POLICY: f"frame-ancestors {frame}",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "cross-origin" if embedded else "same-origin",
    }

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in policy.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return add
