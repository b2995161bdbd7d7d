"""The own lag of a burst: when it was taken up, not the time that sending the messages before took."""

from __future__ import annotations

import pytest

from engine_rig import FakeSocket, S, World, world
from malaria.records.histogram import Histogram

MS = S // 1000
CLIENTS = 20


def let_sends_take_time(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each send of the kernel take a millisecond."""
    send = FakeSocket.send

    def slow_send(sock: FakeSocket, data: bytes) -> int:
        w.now_ns += MS
        return send(sock, data)

    for client, sock in enumerate(w.sockets):
        w.engine.columns.sends[client] = slow_send.__get__(sock)  # type: ignore[assignment]


@pytest.mark.parametrize(("arrival", "late_ms", "own_ms"), [("burst", 0, 0), ("burst", 30, 30), ("steady", 500, None)])
def test_a_burst_is_late_by_our_fault_only_if_it_was_taken_up_late(
    arrival: str, late_ms: int, own_ms: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = {"clients": CLIENTS, "interval": "1s", "arrival": arrival, "qos": 0}
    with world(group) as w:
        w.connect_all()
        let_sends_take_time(w, monkeypatch)
        w.publish()
        w.now_ns += late_ms * MS
        w.turn()
        sample = w.engine.sample()
        lag, own = (Histogram.from_bytes(sample.histograms[name]) for name in ("lag", "own_lag"))
        assert lag.count == own.count
        if own_ms is None:
            assert own.max_ns == lag.max_ns  # each message has a time of its own: all of its lag is ours
        else:
            assert lag.max_ns >= (late_ms + CLIENTS) * MS
            assert own.quantile_ns(0.9) == pytest.approx(own_ms * MS, rel=0.02, abs=MS / 10)
