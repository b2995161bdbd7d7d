"""How the embedded broker is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from malaria.broker import embedded


def test_it_runs_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(embedded, "private_directory", lambda _: tmp_path)
    monkeypatch.setattr(embedded, "free_port", lambda: 18999)
    monkeypatch.setattr(embedded, "launch", lambda *arguments: started.append(arguments))
    embedded.start_embedded()
    command = [sys.executable, "-m", "malaria.broker.amqtt_process", "18999"]
    assert started == [("amqtt", command, 18999, tmp_path / "amqtt.log")]
