"""The full screen on a pseudo-terminal: shown, left, failing, closed; the terminal is as it was before."""

from __future__ import annotations

import os
import pty
import re
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from full_screens import FakeDoor, under_way
from load_states import TITLE, state
from malaria.attacks.interrupt import interruptible
from malaria.errors import OperatorError
from malaria.extras import TUI_REMEDY
from malaria.records.rows import Progress
from malaria.tui import full_screen, own_terminal
from malaria.tui.full_screen import FullScreen, open_screen
from malaria.tui.load_app import LoadApp
from malaria.tui.load_watch import LoadWatch
from malaria.tui.own_terminal import LEAVE, OwnTerminal


@dataclass
class Person:
    """Somebody at a terminal of 80 x 24, who reads everything, or nothing."""

    reads: bool = True
    seen: bytes = b""
    _ends: tuple[int, int] = field(default_factory=pty.openpty)

    def __post_init__(self) -> None:
        self.program = self._ends[1]
        termios.tcsetwinsize(self.program, (24, 80))
        os.set_blocking(self.program, False)
        self.before = termios.tcgetattr(self.program)
        self._news = threading.Condition()
        if self.reads:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._ends[0], 65536)
            except OSError:
                return
            with self._news:
                self.seen += piece
                self._news.notify_all()

    def press(self, keys: str) -> None:
        os.write(self._ends[0], keys.encode())

    def waits_for(self, text: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: text.encode() in self.seen, 30), self.seen[-3000:]

    def goes(self) -> None:
        os.close(self._ends[0])

    @property
    def is_restored(self) -> bool:
        with self._news:
            left = self._news.wait_for(lambda: self.seen.endswith(LEAVE.encode()), 30)
        return left and termios.tcgetattr(self.program) == self.before


class PlainView:
    """Stands in for the view without --tui."""

    def __init__(self) -> None:
        self.shown: list[Progress] = []
        self.entered = self.left = 0

    def __enter__(self) -> PlainView:
        self.entered += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.left += 1

    def update(self, progress: Progress) -> None:
        self.shown.append(progress)


@dataclass
class Scene:
    """A full screen, its person, and what was told on the normal screen."""

    person: Person
    view: PlainView = field(default_factory=PlainView)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = LoadWatch(TITLE)
        terminal = OwnTerminal(os.dup(self.person.program))
        self.screen = FullScreen(self.watch, terminal, lambda: self.view, self.told.append)  # type: ignore[arg-type, return-value]

    def show(self, at_s: float = 5.0) -> None:
        progress = state(at_s)
        self.watch.progress(progress)
        self.screen.update(progress)

    def show_keys(self) -> None:
        """Show it, and wait until the person sees its keys."""
        self.show()
        self.person.waits_for("w +1")


@pytest.fixture(autouse=True)
def _terminal_of_16_colours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    streams = sys.stdout, sys.stderr
    yield
    assert (sys.stdout, sys.stderr) == streams


def run(act: Callable[[Scene], None], person: Person | None = None) -> Scene:
    scene = Scene(person or Person())
    with scene.screen:
        act(scene)
    return scene


def test_it_is_shown_and_left() -> None:
    def act(scene: Scene) -> None:
        scene.watch.begin(under_way(FakeDoor()))
        scene.show()
        scene.person.waits_for("3,000 of 3,000")
        scene.watch.tell("level-1: PASS")

    scene = run(act)
    assert scene.person.is_restored
    assert scene.told == ["level-1: PASS"], "what was told between levels is printed afterwards"
    assert scene.view.entered == 0
    assert b"38;2" not in scene.person.seen
    assert b"38;5" not in scene.person.seen


def test_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    def act(scene: Scene) -> None:
        scene.show()
        scene.person.waits_for("so far: on target")

    seen = run(act).person.seen
    assert set(re.findall(rb"\x1b\[([\d;]*)m", seen)) <= {b"0", b"1;39;49", b"2;39;49", b"39;49", b"49"}


def test_keys_reach_the_door() -> None:
    door = FakeDoor()

    def act(scene: Scene) -> None:
        scene.watch.begin(under_way(door))
        scene.show_keys()
        scene.person.press("W")
        scene.person.waits_for("+10: taken")

    assert run(act).person.is_restored
    assert door.asked == [("+10", "key")]


def test_no_key_is_lost_that_is_pressed_at_once() -> None:
    door = FakeDoor()

    def act(scene: Scene) -> None:
        scene.watch.begin(under_way(door))
        scene.show_keys()
        scene.person.press("+500\r")
        scene.person.waits_for("+500: taken")
        scene.person.press(":meters: rate=2/s\r")
        scene.person.waits_for("meters: rate=2/s: taken")

    run(act)
    assert door.asked == [("+500", "key"), ("meters: rate=2/s", "key")]


def test_ctrl_c_and_q_count_as_ctrl_c() -> None:
    scene = Scene(Person())
    with interruptible() as interrupt, scene.screen.under(interrupt):
        scene.show_keys()
        scene.person.press("q")
        scene.person.waits_for("as Ctrl-C does once")
        scene.person.press("y")
        done = threading.Event()
        while not interrupt.count:
            done.wait(0.01)
        signal.raise_signal(signal.SIGTERM)
        assert interrupt.count == 2
    assert scene.person.is_restored


@pytest.mark.parametrize("error", [RuntimeError, OperatorError, KeyboardInterrupt])
def test_an_attack_that_fails(error: type[BaseException]) -> None:
    scene = Scene(Person())

    def act() -> None:
        with scene.screen:
            scene.show_keys()
            raise error("the disk is full")

    with pytest.raises(error):
        act()
    assert scene.person.is_restored


def test_an_attack_that_fails_before_it_begins_leaves_the_screen_alone() -> None:
    scene = Scene(Person())
    with pytest.raises(OperatorError), scene.screen:
        raise OperatorError("no such host")
    assert scene.person.seen == b""


def test_an_attack_that_is_over_at_once() -> None:
    assert run(Scene.show).person.is_restored


def test_if_the_screen_fails_the_load_goes_on_in_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: LoadApp) -> None:
        raise ValueError("no such colour")

    monkeypatch.setattr(LoadApp, "draw", fail)

    def act(scene: Scene) -> None:
        scene.show()
        assert scene.screen._left.wait(30)
        scene.show(6)
        scene.show(7)

    scene = run(act)
    assert scene.person.is_restored
    assert scene.told == ["the full screen failed (ValueError: no such colour); the load goes on, and Ctrl-C ends it"]
    assert [progress.phase_done for progress in scene.view.shown] == [6_000_000_000, 7_000_000_000]
    assert (scene.view.entered, scene.view.left) == (1, 1)


def test_a_terminal_that_is_closed() -> None:
    def act(scene: Scene) -> None:
        scene.show_keys()
        scene.person.goes()
        for second in range(6, 10):
            scene.show(second)

    assert run(act).view.shown == []


def test_a_terminal_that_stands_still_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_terminal, "PATIENCE_S", 0.1)
    monkeypatch.setattr(full_screen, "LEAVE_S", 1.0)
    person = Person(reads=False)
    with suppress(BlockingIOError):
        while True:
            os.write(person.program, b"x" * 512)

    def act(scene: Scene) -> None:
        for second in range(5, 50):
            scene.show(second)

    run(act, person)
    assert termios.tcgetattr(person.program) == person.before


def test_what_is_printed_meanwhile_is_printed_afterwards() -> None:
    def act(scene: Scene) -> None:
        scene.show_keys()
        print("a warning of a library", file=sys.stderr)

    assert run(act).told == ["a warning of a library"]


def test_what_goes_to_a_pipe_goes_there_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    person = Person()
    scene = Scene(person)
    scene.screen._piped = ("stdout",)

    def act(scene: Scene) -> None:
        scene.show_keys()
        print('{"due": 500}')
        assert capsys.readouterr().out == '{"due": 500}\n'

    with scene.screen:
        act(scene)
    assert scene.told == []


def test_without_textual_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(OperatorError, match="textual, which is not installed") as refusal:
        open_screen("x", PlainView, print)  # type: ignore[arg-type]
    assert refusal.value.remedy == TUI_REMEDY
