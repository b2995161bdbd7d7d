"""The full screen in a real terminal, at 80 x 24 and at 200 x 50, over an attack on a real broker."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attacking import until
from conftest import lacking
from malaria.broker import RunningBroker
from malaria.records.rows import EventKind
from malaria.records.store import open_run

pytestmark = pytest.mark.slow


class Tmux:
    """A terminal whose picture can be read."""

    def __init__(self, socket: Path, command: str) -> None:
        self._base = ("tmux", "-S", str(socket))
        self._do("new-session", "-d", "-x", "80", "-y", "24", command)

    def _do(self, *words: str) -> str:
        return subprocess.run((*self._base, *words), check=True, capture_output=True, text=True).stdout

    def press(self, *keys: str) -> None:
        self._do("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        self._do("resize-window", "-x", str(columns), "-y", str(lines))

    @property
    def text(self) -> str:
        return self._do("capture-pane", "-p")

    def shows(self, *words: str) -> Callable[[], bool]:
        return lambda: all(word in self.text for word in words)

    def close(self) -> None:
        subprocess.run((*self._base, "kill-server"), check=False, capture_output=True)


@pytest.fixture
def run(tmp_path: Path, mosquitto: RunningBroker) -> Iterator[tuple[Tmux, Path]]:
    """A terminal in which an attack runs full-screen; its run."""
    if shutil.which("tmux") is None:
        lacking("no tmux", "apt install tmux")
    words = [sys.executable, "-m", "malaria", "attack", f"127.0.0.1:{mosquitto.port}", "-c", "20", "-I", "100ms",
             "-d", "10m", "--tui", "--no-wait", "-o", str(tmp_path / "run")]  # fmt: skip
    after = "echo code $?; stty -a | grep -o '.icanon'; sleep 600"
    terminal = Tmux(tmp_path / "tmux", f"sh -c {shlex.quote(f'{shlex.join(words)}; {after}')}")
    yield terminal, tmp_path / "run"
    terminal.close()


def test_a_load_is_watched_changed_and_ended(run: tuple[Tmux, Path]) -> None:
    terminal, directory = run
    until(terminal.shows("measure 0:0", "200/s", "end to end", "own lag", "so far:", "? help"))
    terminal.press(":", "rate=20/s")
    until(terminal.shows("rate=20/s", "20 msg/s"))  # what it would do, below the figures
    terminal.press("Enter")
    until(terminal.shows("rate=20/s: taken", "400/s"))
    terminal.resize(200, 50)
    until(terminal.shows("acked/s    from 0 to", "generator  "))
    assert max(map(len, terminal.text.splitlines())) > 150
    terminal.press("q", "y")
    until(terminal.shows("code ", " icanon"))
    text = terminal.text
    assert "lost 0" in text, "the result stands on the normal screen"
    assert "w +1" not in text
    events = open_run(directory).events
    assert any(event.kind is EventKind.ACT and "20 msg/s" in event.text for event in events)
