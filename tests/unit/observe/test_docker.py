"""A container, from a small engine of our own behind a Unix socket."""

from __future__ import annotations

import json
import socketserver
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from malaria.clock import NS_PER_S as S
from malaria.observe.docker import DockerObserver
from malaria.observe.observer import LostError


def stats(cpu_ns: int) -> dict[str, Any]:
    return {
        "cpu_stats": {"cpu_usage": {"total_usage": cpu_ns}, "throttling_data": {"throttled_periods": 4}},
        "memory_stats": {"usage": 1000, "stats": {"inactive_file": 300}, "limit": 5000},
        "pids_stats": {"current": 7},
        "networks": {"eth0": {"rx_bytes": 10, "tx_bytes": 20}, "eth1": {"rx_bytes": 1, "tx_bytes": 2}},
    }


@dataclass
class Engine:
    path: str
    answer: Any = None
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(str(tmp_path / "docker.sock"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            engine.asked.append(self.path)
            self.send_response(engine.status)
            self.end_headers()
            self.wfile.write(engine.answer if isinstance(engine.answer, bytes) else json.dumps(engine.answer).encode())

        def log_message(self, *_: object) -> None: ...
        def address_string(self) -> str:
            return "unix"

    server = socketserver.ThreadingUnixStreamServer(engine.path, Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield engine
    server.shutdown()
    server.server_close()
    thread.join()


def test_figures(engine: Engine) -> None:
    observer = DockerObserver("emqx", engine.path)
    observer.start()
    engine.answer = stats(10 * S)
    first = observer.sample(0)
    assert "cpu_percent" not in first
    assert (first["rss_bytes"], first["memory_limit_bytes"], first["processes"]) == (700, 5000, 7)
    assert (first["network_received_bytes"], first["network_sent_bytes"], first["throttled_periods"]) == (11, 22, 4)
    engine.answer = stats(13 * S)
    assert observer.sample(2 * S)["cpu_percent"] == 150.0
    engine.answer = stats(1 * S)
    assert "cpu_percent" not in observer.sample(3 * S)
    assert engine.asked[0] == "/containers/emqx/stats?stream=false&one-shot=true"
    observer.stop()


def test_trouble_is_said_in_words(engine: Engine, tmp_path: Path) -> None:
    observer = DockerObserver("emqx", engine.path)
    engine.answer, engine.status = {"message": "no"}, 404
    with pytest.raises(LostError, match="there is no container emqx"):
        observer.sample(0)
    engine.answer, engine.status = {"cpu_stats": {"cpu_usage": {"total_usage": 0}}}, 200
    with pytest.raises(LostError, match="is not running"):
        observer.sample(0)
    for answer in (b"[", [], {"cpu_stats": []}, {"cpu_stats": {"cpu_usage": {"total_usage": "x"}}}):
        engine.answer = answer
        with pytest.raises(LostError):
            observer.sample(0)
    with pytest.raises(LostError, match="no Docker engine"):
        DockerObserver("emqx", str(tmp_path / "none")).start()
    with pytest.raises(LostError, match="does not answer"):
        DockerObserver("emqx", str(tmp_path / "none")).sample(0)
