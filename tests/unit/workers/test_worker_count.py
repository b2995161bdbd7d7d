"""The number of worker processes."""

from __future__ import annotations

import pytest

from malaria.workers.worker_count import default_workers, workers_for


def test_workers_are_as_many_as_cores_and_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.process_cpu_count", lambda: 8)
    assert [default_workers(clients) for clients in (1, 5, 8, 3000)] == [1, 5, 8, 8]
    monkeypatch.setattr("os.process_cpu_count", lambda: None)
    assert default_workers(3000) == 1
    assert workers_for(3)(3000) == 3
