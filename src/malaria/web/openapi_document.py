"""The description of the HTTP interface: `/openapi.json`, in OpenAPI 3.1, made from the models of the bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from malaria import __version__
from malaria.web.http_models import ChangeReply, ChangeRequest, RefusalReply, RunView

MODELS: Final[tuple[type[BaseModel], ...]] = (ChangeRequest, ChangeReply, RefusalReply, RunView)
REFERENCE: Final = "#/components/schemas/{model}"
SINCE: Final = {
    "name": "since",
    "in": "query",
    "description": "The `id` of the last view: only what is new since is sent.",
    "schema": {"type": "string"},
}
LAST_EVENT_ID: Final = SINCE | {"name": "Last-Event-ID", "in": "header"}


@cache
def openapi_document() -> Mapping[str, Any]:
    """Return the document."""
    _, schemas = models_json_schema([(model, "validation") for model in MODELS], ref_template=REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "malaria: one run",
            "version": __version__,
            "summary": "Watch and steer the attack, the campaign or the watch of one process.",
            "license": {"name": "BSD-2-Clause", "identifier": "BSD-2-Clause"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths() -> Mapping[str, Any]:
    refused: dict[str, Any] = {
        code: _answer(text, RefusalReply) for code, text in (("401", "No token."), ("403", "Not allowed."))
    }
    return {
        "/run": {
            "get": _operation(
                "readRun",
                "The run as it is, or what is new.",
                {"200": _answer("The run.", RunView), **refused},
                [SINCE],
            )
        },
        "/events": {
            "get": _operation(
                "followRun",
                "Server-sent events: once a second `run` with what is new (a RunView), at the end `report`.",
                {"200": _stream(), "503": _answer("Too many readers.", RefusalReply)} | refused,
                [SINCE, LAST_EVENT_ID],
            )
        },
        "/changes": {"post": _change_operation(refused)},
        "/report": {"get": _operation("readReport", "The page of the run, once it is over.", _page() | refused)},
        "/campaign": {"get": _operation("readCampaign", "The page of the campaign so far.", _page() | refused)},
        "/metrics": {"get": _operation("readMetrics", "The figures as Prometheus metrics.", _metrics() | refused)},
        "/healthz": {"get": _operation("checkHealth", "Answers while the process lives.", _plain("ok"), security=[])},
        "/openapi.json": {"get": _operation("describe", "This document.", _plain("The document.", "application/json"))},
    }


def _change_operation(refused: Mapping[str, Any]) -> Mapping[str, Any]:
    answers = {
        "200": _answer("What would happen; nothing was changed.", ChangeReply),
        "202": _answer("Taken: the mark that the run gets.", ChangeReply),
        "400": _answer("The body is no JSON.", RefusalReply),
        "408": _answer("The body did not come in time.", RefusalReply),
        "409": _answer("It does not fit the load as it is now.", RefusalReply),
        "413": _answer("The body is too large.", RefusalReply),
        "415": _answer("The body is not said to be JSON.", RefusalReply),
        "422": _answer("It is no change, or none that this load can make.", RefusalReply),
    }
    body = {"required": True, "content": _json(ChangeRequest)}
    return _operation("change", "Change the running load.", {**answers, **refused}, requestBody=body)


def _operation(
    identity: str, text: str, answers: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]] = (), **more: Any
) -> dict[str, Any]:
    made = {"operationId": identity, "summary": text, "responses": dict(sorted(answers.items()))}
    return made | ({"parameters": list(parameters)} if parameters else {}) | more


def _json(model: type[BaseModel]) -> Mapping[str, Any]:
    return {"application/json": {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}}


def _answer(text: str, model: type[BaseModel]) -> Mapping[str, Any]:
    return {"description": text, "content": _json(model)}


def _plain(text: str, kind: str = "text/plain") -> dict[str, Any]:
    return {"200": {"description": text, "content": {kind: {}}}}


def _stream() -> Mapping[str, Any]:
    return {"description": "The stream.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}


def _metrics() -> dict[str, Any]:
    return _plain("The metrics.") | {"404": _answer("There are none.", RefusalReply)}


def _page() -> dict[str, Any]:
    return _plain("The page.", "text/html") | {"404": _answer("There is none yet.", RefusalReply)}
