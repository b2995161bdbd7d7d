"""An HTTP endpoint that an attack posts to while it runs: one thread, bounded times, one warning.

Promises: no credential reaches a list of processes, a log or a run: they come as headers, and a URL with a login is
refused. Redirects are not followed, because they would take the headers to another host. An endpoint that is slow,
hangs, refuses or answers with an error costs posts, which are counted; the first one is a mark in the run.
"""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from malaria.errors import OperatorError
from malaria.observe.http_body import read_body, read_head
from malaria.outputs.live.background_sink import BackgroundSink
from malaria.outputs.live.followed_attack import FollowedAttack
from malaria.printable import printable

TIMEOUT_S: Final = 5.0
MOST_ANSWER_BYTES: Final = 1 << 16
_SCHEMES: Final = {"http": 80, "https": 443}
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")


class RefusedPostError(Exception):
    """A post that the endpoint did not take; the text says why."""


@dataclass(frozen=True, slots=True)
class HttpEndpoint:
    """The place of posts. `flag` is the option that names it. `url` has no login, so that it may be shown."""

    flag: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"{self.flag} {self.url}"

    def post(self, body: bytes, content_type: str) -> bytes:
        """Post, and return the answer. Raises RefusedPostError."""
        parts = urlsplit(self.url)
        headers = {"Content-Type": content_type, "User-Agent": "malaria", **self.headers}
        try:
            connection = _connection(parts)
            try:
                connection.request("POST", parts.path, body, headers)
                response = read_head(connection, TIMEOUT_S)
                answer = read_body(response, MOST_ANSWER_BYTES)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:  # of ValueError: a host that cannot be one
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
            raise RefusedPostError(printable(reason)) from None
        if not 200 <= response.status < 300:
            raise RefusedPostError(printable(f"HTTP {response.status} {response.reason}"))
        return answer


def endpoint_of(flag: str, text: str, path: str, headers: Mapping[str, str]) -> HttpEndpoint:
    """Return the endpoint that an option names. `path` is added to a URL that does not end with it.

    Raises OperatorError.
    """
    remedy = f"write {flag} http://HOST:PORT or https://HOST"
    try:
        parts = urlsplit(text)
        known = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or not text.isascii() or not text.isprintable() or " " in text:
        raise OperatorError(f"{flag}: not a URL of an HTTP server", remedy)
    # whatever is in the list of processes is no secret any more
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise OperatorError(f"{flag}: the URL may hold no login and no query", "give tokens in the environment")
    full = parts.path if parts.path.endswith(path) else parts.path.rstrip("/") + path
    return HttpEndpoint(flag, parts._replace(path=full).geturl(), headers)


def headers_of(variable: str, text: str) -> dict[str, str]:
    """Read headers as OpenTelemetry writes them: `name=value,name=value`, values in percent-encoding.

    Raises OperatorError, which shows none of it.
    """
    headers = {}
    for number, entry in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
        name, equals, value = entry.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not (equals and _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise OperatorError(f"{variable}: entry {number} is not a header", "write name=value,name=value")
        headers[name] = value
    return headers


def bearer(variable: str, token: str | None) -> dict[str, str]:
    """Return the header for a token; nothing without one. Raises OperatorError, which does not show it."""
    if not token:
        return {}
    if not _HEADER_VALUE.fullmatch(token):
        raise OperatorError(f"{variable}: not a token", "it holds signs that no header may have")
    return {"Authorization": f"Bearer {token}"}


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port or _SCHEMES[parts.scheme]
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


class EndpointPosts:
    """The posts of a command to one endpoint, one after the other on a thread of their own."""

    def __init__(self, endpoint: HttpEndpoint, content_type: str, most_waiting: int) -> None:
        self._endpoint = endpoint
        self._content_type = content_type
        self._sink = BackgroundSink(endpoint.flag, most_waiting)
        self._note: Callable[[str], None] | None = None
        self._noted = False
        self.posted = self.failed = 0
        self.failing = ""  # the reason, while the latest post failed

    @property
    def dropped(self) -> int:
        return self._sink.dropped

    def begin(self, attack: FollowedAttack) -> None:
        """Let the marks of this attack take the warning."""
        self._note = attack.note

    def put(self, call: Callable[[], object]) -> None:
        """Make a call on the thread: it may post."""
        self._sink.put(call)

    def close(self) -> bool:
        """Post what waits, for a limited time. Return whether all of it was posted."""
        return self._sink.close() and not self.failed

    def post(self, body: bytes) -> bytes | None:
        """Post on the thread. Return the answer; None if the endpoint did not take it, which is counted."""
        try:
            answer = self._endpoint.post(body, self._content_type)
        except RefusedPostError as error:
            self.failed += 1
            self.failing = str(error)
            self.warn(self.failing)
            return None
        self.posted += 1
        self.failing = ""
        return answer

    def warn(self, reason: str) -> None:
        """Mark in the run what is wrong with the endpoint; only once, whatever comes later."""
        if not self._noted and self._note is not None:
            self._noted = True
            self._note(f"{self._endpoint}: {reason}; the load goes on")

    def __str__(self) -> str:
        return str(self._endpoint)
