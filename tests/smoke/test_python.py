"""Attacks from Python, on a real broker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest

import malaria
from attacking import until
from malaria.broker import RunningBroker
from malaria.records.store import FILE

PATIENT: Final[dict[str, Any]] = {
    "clients": 10,
    "interval": "100ms",
    "drain": "30s",
    "require": "rates.acked_per_s > 0/s",
}


def test_every_message_is_in_the_result(mosquitto: RunningBroker, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    result = malaria.attack(f"127.0.0.1:{mosquitto.port}", duration="1s", output=directory, no_wait=True, **PATIENT)
    messages = result.summary.messages
    assert (messages.due, messages.sent, messages.acked, messages.delivered, messages.lost) == (100, 100, 100, 100, 0)
    assert malaria.load(directory).summary.messages == messages


def test_a_task_that_is_cancelled_stores_its_run(mosquitto: RunningBroker, tmp_path: Path) -> None:
    directory = tmp_path / "run"

    async def cancel() -> None:
        url = f"127.0.0.1:{mosquitto.port}"
        task = asyncio.create_task(malaria.attack_async(url, duration="10m", output=directory, no_wait=True, **PATIENT))
        await asyncio.to_thread(until, (directory / FILE).exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert malaria.load(directory).verdict.outcome == "UNKNOWN"
