"""The last place of a full broker may be taken by malaria's own observer: that is no failure of the broker."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from malaria.analysis.full_broker import FULL, taken_place
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import ClientFigures, Summary
from malaria.mqtt.packets import Connack, Protocol
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.transport.failures import CLOSED, connect_error, refusal

SYS = {"observer": "sys", "samples": 9}


def reasons(connected: int, observers: list[dict[str, Any]], *causes: str) -> list[Outcome]:
    meta = {"observers": observers, "connect_failures": dict.fromkeys(causes, 1)}
    figures = Summary(clients=ClientFigures(planned=100, connected=connected, connected_peak=connected))
    return [reason.outcome for reason in taken_place(Run(RunMeta.model_validate(meta), (), (), None), figures)]


@pytest.mark.parametrize("cause", [CLOSED, f"{CLOSED} (127.0.0.2:1883)"])
def test_one_client_that_found_the_broker_full_beside_our_observer_makes_the_run_invalid(cause: str) -> None:
    assert reasons(99, [SYS], cause) == [Outcome.INVALID]


@pytest.mark.parametrize(
    ("connected", "observers", "causes"),
    [
        (100, [SYS], ["the broker closed the connection"]),
        (98, [SYS], ["the broker closed the connection"]),
        (99, [{"observer": "sys", "samples": 0}], ["the broker closed the connection"]),
        (99, [{"observer": "host", "samples": 9}], ["the broker closed the connection"]),
        (99, [SYS], ["the broker refused: not authorized"]),
        (99, [SYS], ["the broker closed the connection", "the broker refused: not authorized"]),
        (99, [SYS], []),
    ],
)
def test_every_other_refusal_is_the_brokers(connected: int, observers: list[dict[str, Any]], causes: list[str]) -> None:
    assert reasons(connected, observers, *causes) == []


def test_the_texts_are_those_of_the_table_of_failures() -> None:
    assert set(FULL) == {
        CLOSED, connect_error(errno.ECONNRESET), refusal(Connack(False, 3), Protocol.V311),
        *(refusal(Connack(False, code), Protocol.V5) for code in (0x88, 0x89, 0x97)),
    }  # fmt: skip
