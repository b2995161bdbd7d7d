"""Answers `POST /changes`: reads a bounded body, asks the door of the attack on another thread, words the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from malaria.attacks.change_door import ENDED, ChangeDoor
from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.model.wanted_change import NOTATION
from malaria.web.gate import bearer, refusal
from malaria.web.http_models import ChangeMark, ChangeReply, ChangeRequest

LARGEST_BODY: Final = 4096
BODY_PATIENCE_S: Final = 10.0
STATUS: Final[Mapping[AnswerKind, HTTPStatus]] = {
    AnswerKind.TAKEN: HTTPStatus.ACCEPTED,
    AnswerKind.CONFLICT: HTTPStatus.CONFLICT,
    AnswerKind.REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
}
EXAMPLE: Final = 'send {"change": "+500"}'
READ_ONLY: Final = "this page only shows the run: the command was started with --web-readonly"
NO_ATTACK: Final = "no attack runs"


class _BadBodyError(Exception):
    def __init__(self, status: HTTPStatus, reason: str, remedy: str = EXAMPLE) -> None:
        super().__init__(reason)
        self.answer = refusal(status, reason, remedy)


class ChangeRequests:
    """Takes changes by HTTP. `door` returns the door of the attack that runs; None: there is no attack."""

    def __init__(self, door: Callable[[], ChangeDoor | None], *, read_only: bool) -> None:
        self._door = door
        self._read_only = read_only

    async def answer(self, request: Request) -> Response:
        """Carry out a request, or say why not."""
        if self._read_only:
            return refusal(HTTPStatus.FORBIDDEN, READ_ONLY, "start it without --web-readonly to change the load")
        try:
            asked = await _read(request)
        except _BadBodyError as error:
            return error.answer
        door = self._door()
        if door is None:
            return refusal(HTTPStatus.CONFLICT, NO_ATTACK, "wait for the next attack to begin")
        by = "http" if bearer(request.headers) is not None else "browser"
        put = partial(door.look_ahead, asked.text) if asked.look else partial(door.ask, asked.text, by)
        return _worded(await run_in_threadpool(put), asked)


def _worded(answer: ChangeAnswer, asked: ChangeRequest) -> Response:
    if answer.kind is not AnswerKind.TAKEN:
        remedy = answer.remedy or ("the run is stored; start another" if answer.text == ENDED else "")
        return refusal(STATUS[answer.kind], answer.text, remedy)
    mark = ChangeMark(run_s=None if answer.at_ns is None else round(answer.at_ns / NS_PER_S, 3), text=answer.text)
    reply = ChangeReply(text=answer.text, remedy=answer.remedy, look=asked.look, mark=mark)
    return JSONResponse(reply.model_dump(), HTTPStatus.OK if asked.look else STATUS[answer.kind])


async def _read(request: Request) -> ChangeRequest:
    """Return the change that a body asks for. Raises _BadBodyError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # of another type a page of another site could send it without being asked first
        raise _BadBodyError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is not said to be JSON",
                       "send the header Content-Type: application/json")  # fmt: skip
    body = await _bounded(request)
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _BadBodyError(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from None
    try:
        return ChangeRequest.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise _BadBodyError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}", NOTATION
        ) from None


async def _bounded(request: Request) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(BODY_PATIENCE_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    reason = f"the body has more than {LARGEST_BODY} bytes"
                    raise _BadBodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
    except TimeoutError:
        raise _BadBodyError(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time") from None
    except ClientDisconnect:
        raise _BadBodyError(HTTPStatus.BAD_REQUEST, "the body ended early") from None
    return body
