"""The terminal of the full screen: taken, given back, gone, standing still."""

from __future__ import annotations

import os
import pty
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from malaria.errors import OperatorError
from malaria.tui import own_terminal
from malaria.tui.own_terminal import ENTER, LEAVE, OwnTerminal, open_terminal


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """A pseudo-terminal: the side of the person, the side of the program."""
    person, program = pty.openpty()
    yield person, program
    for one in (person, program):
        with suppress(OSError):
            os.close(one)


def test_it_gives_each_key_at_once_and_is_restored(ends: tuple[int, int]) -> None:
    person, program = ends
    before = termios.tcgetattr(program)
    terminal = OwnTerminal(program)
    terminal.enter()
    during = termios.tcgetattr(program)
    assert not during[3] & (termios.ICANON | termios.ECHO)
    assert during[3] & termios.ISIG, "Ctrl-C stays a signal"
    assert during[6][termios.VINTR] == before[6][termios.VINTR]
    assert during[6][termios.VSUSP] == b"\x00"
    os.write(person, b"w")
    assert terminal.read() == b"w"
    for _ in range(2):
        terminal.restore()
    assert termios.tcgetattr(program) == before
    seen = ""
    while len(seen) < len(ENTER + LEAVE):
        seen += os.read(person, 4096).decode()
    assert seen == ENTER + LEAVE


def test_nobody_presses_a_key(ends: tuple[int, int]) -> None:
    assert OwnTerminal(ends[1]).read() == b""


def test_a_terminal_that_is_gone_takes_everything(ends: tuple[int, int]) -> None:
    person, program = ends
    terminal = OwnTerminal(program)
    terminal.enter()
    os.close(person)
    assert terminal.read() == b""
    assert terminal.gone
    terminal.write("x" * 100_000)
    terminal.restore()
    assert terminal.size == (80, 24)


def test_one_that_stands_still_is_not_waited_for_when_the_screen_is_left(
    ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_terminal, "PATIENCE_S", 0.05)
    _, program = ends
    os.set_blocking(program, False)
    terminal = OwnTerminal(program)
    terminal.enter()
    terminal.hurry()
    terminal.write("x" * 1_000_000)  # nobody reads: far more than the kernel keeps
    terminal.restore()
    assert not terminal.gone


def test_its_size(ends: tuple[int, int]) -> None:
    assert OwnTerminal(ends[1]).size == (80, 24)  # of a pseudo-terminal that nobody has given a size
    termios.tcsetwinsize(ends[1], (50, 200))
    assert OwnTerminal(ends[1]).size == (200, 50)


def test_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    reader, writer = os.pipe()
    with pytest.raises(OperatorError, match="goes to a file or a pipe") as refusal:
        open_terminal((reader, writer))
    assert "leave --tui out" in refusal.value.remedy


@pytest.mark.parametrize("name", ["", "dumb"])
def test_on_a_terminal_that_cannot_draw(name: str, ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", name)
    with pytest.raises(OperatorError, match="TERM is not set, or dumb"):
        open_terminal((ends[1],))


def test_on_the_terminal_of_another_session(ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with pytest.raises(OperatorError, match="in the background"):
        open_terminal((ends[1],))


def test_a_slow_terminal_gets_everything(ends: tuple[int, int]) -> None:
    person, program = ends
    os.set_blocking(program, False)
    terminal = OwnTerminal(program)
    text = "0123456789" * 2000
    writer = threading.Thread(target=terminal.write, args=(text,))
    writer.start()
    got = b""
    while len(got) < len(text):
        got += os.read(person, 100)
        time.sleep(0)
    writer.join()
    assert got.decode() == text
