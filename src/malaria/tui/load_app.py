"""The full screen of a load, in textual: figures that are drawn anew a few times a second, keys, a line for changes.

It decides nothing: changes go through the door of the attack, and ending is Ctrl-C.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from threading import Event
from typing import Any, ClassVar, Final

from rich.console import Console
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.events import Print
from textual.message import Message
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, Static

from malaria.model.wanted_change import LONGEST, NOTATION
from malaria.printable import printable
from malaria.tui.change_desk import ChangeDesk, DeskAnswer
from malaria.tui.load_watch import ANSWER_STYLES, LoadWatch, ScreenPicture, answer_text
from malaria.tui.own_terminal import OwnTerminal
from malaria.tui.screen_panels import screen_lines

EVERY_S: Final = 0.2
ANSWER_S: Final = 10.0
"""How long an answer is shown; it stays among the events."""
KEYS: Final = "  w +1  W +10  s \N{MINUS SIGN}1  S \N{MINUS SIGN}10  + - change  p pause  e end load  q Ctrl-C  ? help"
END_PHASE: Final = "End the load now? What is under way is waited for."
END: Final = "End and report, as Ctrl-C does once?"
STOP: Final = "It is ending already. Stop at once, as Ctrl-C does twice?"
HELP: Final = """\
 w  W      add 1 client, add 10
 s  S      take 1 client away, take 10
 +  -      write a change: +500, -500, rate=2/s, cut 20%, cut 50, storm
 :         write a change, from an empty line
 p         pause, and resume
 e         end the phase: the load ends, what is under way is waited for
 q         end and report, as Ctrl-C does once; it asks first
 Ctrl-C    once: end and report; twice: stop at once
 ?         this help; any key closes it

 Several groups of clients: write the group first, as in meters: +500.
 While you write, the line below says what the change would do.

 now is the last second, so far all of the measured time. Rates are per
 second; target is what the schedule wants. Latencies are due to done;
 own lag is the part of them that this machine has made."""


@dataclass(frozen=True, slots=True)
class Controls:
    """Ends the command for the screen. `endings` says how often its end was asked for."""

    end: Callable[[], None]
    endings: Callable[[], int]


class FigureLines(Static):
    """The lines of the picture."""

    def __init__(self) -> None:
        super().__init__(id="figures", markup=False)
        self.picture = ScreenPicture("")

    def render(self) -> Text:
        width, height = self.size
        lines = screen_lines(self.picture, width, height, self.screen.size.height)
        for line in lines:  # on a screen that is too small: a line that is broken would push others out
            line.truncate(width, overflow="ellipsis")
        return Text("\n").join(lines)

    def show(self, picture: ScreenPicture) -> None:
        if picture != self.picture:
            self.picture = picture
            self.refresh()


class YesOrNo(ModalScreen[bool]):
    """Asks something that is answered with y or n, in the last line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,Y,enter", "answer(True)"),
        Binding("n,N,escape,q,e", "answer(False)"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        yield Static(Text.assemble((self._text, "bold"), "   y yes   n no"), classes="line", markup=False)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


class HelpScreen(ModalScreen[None]):
    """Lists the keys."""

    def compose(self) -> ComposeResult:
        yield Static(HELP, id="help", markup=False)

    def on_key(self) -> None:
        self.dismiss(None)


class ChangePrompt(ModalScreen[str]):
    """Takes a change in one line, and shows what it would do; gives an empty text if it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave")]

    def __init__(self, start: str, desk: ChangeDesk) -> None:
        super().__init__()
        self._start, self._desk = start, desk

    def compose(self) -> ComposeResult:
        yield Static(Text(NOTATION, style="dim"), id="ahead", markup=False)
        yield Input(self._start, placeholder="a change", max_length=LONGEST, select_on_focus=False, compact=True)

    def take_keys(self) -> None:
        """Let all further keys write in the line."""
        line = self.query_one(Input)
        line.cursor_position = len(self._start)
        self.set_focus(line)

    def on_input_changed(self, change: Input.Changed) -> None:
        if len(change.value.strip()) > 1:
            self._desk.look_ahead(change.value.strip())
        else:
            self.query_one("#ahead", Static).update(Text(NOTATION, style="dim"))

    def on_input_submitted(self, line: Input.Submitted) -> None:
        self.dismiss(line.value.strip())

    def action_leave(self) -> None:
        self.dismiss("")

    def hear(self, answer: DeskAnswer) -> None:
        """Show what the text that is written now would do."""
        if answer.text == self.query_one(Input).value.strip():
            self.query_one("#ahead", Static).update(_answered(answer))


class LoadApp(App[None], inherit_bindings=False):
    """Shows the pictures of a watch. `terminal` is what it draws on; without one (in tests), nothing.

    `piped` names the streams (`stdout`, `stderr`) that are no terminal: what is printed there goes there.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { overflow: hidden; background: ansi_default; color: ansi_default; }
    ModalScreen { align: left bottom; background: transparent; }
    #figures { height: 1fr; width: 100%; }
    #answer { height: auto; max-height: 4; width: 100%; padding: 0 2; }
    #keys { height: 1; width: 100%; text-style: dim; }
    .line, #ahead { height: auto; max-height: 4; width: 100%; padding: 0 2; background: ansi_default; }
    Input, Input:focus { height: 1; border: none; padding: 0 2; background: ansi_default; color: ansi_default; }
    HelpScreen { align: center middle; }
    #help { width: auto; height: auto; border: round ansi_default; background: ansi_default; padding: 0 1; }
    """
    # with priority each key is done with before the next one is looked at: none is lost that is pressed at once
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, priority=True)
        for keys, action in (
            ("w", "change('+1')"),
            ("W", "change('+10')"),
            ("s", "change('-1')"),
            ("S", "change('-10')"),
            ("plus", "prompt('+')"),
            ("minus", "prompt('-')"),
            ("colon", "prompt('')"),
            ("p", "change('pause', 'resume')"),
            ("e", "end_phase"),
            ("q,ctrl+q", "end"),
            ("ctrl+c", "interrupt"),
            ("question_mark", "help"),
        )
    ]

    class Heard(Message):
        """An answer has come from the desk."""

        def __init__(self, answer: DeskAnswer) -> None:
            super().__init__()
            self.answer = answer

    def __init__(
        self,
        watch: LoadWatch,
        controls: Controls,
        terminal: OwnTerminal | None = None,
        driver: type[Driver] | None = None,
        piped: Collection[str] = (),
    ) -> None:
        super().__init__(driver_class=driver, ansi_color=True)
        for stream in piped:  # textual captures what is printed; figures for other programs must get through
            setattr(self, f"_capture_{stream}", getattr(sys, stream))
        # a failure is reported by the command: textual would print local variables, secrets among them
        self.error_console = Console(file=io.StringIO())
        self.terminal = terminal
        self.theme = "ansi-dark"
        self.animation_level = "none"
        self.ready = Event()
        self.printed: list[str] = []
        self._figures = FigureLines()
        self._answer = Static("", id="answer", markup=False)
        self._fading: Timer | None = None
        self._watch, self._controls = watch, controls
        self._desk = ChangeDesk(watch, self._hear)

    def _hear(self, answer: DeskAnswer) -> None:
        """Take an answer on the desk's thread."""
        self.post_message(self.Heard(answer))

    def compose(self) -> ComposeResult:
        yield self._figures
        yield self._answer
        yield Static(KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        self.begin_capture_print(self)
        self._desk.open()
        self.draw()
        self.set_interval(EVERY_S, self.draw)
        self.ready.set()

    def on_unmount(self) -> None:
        self._desk.close()

    def draw(self) -> None:
        """Show what is known now."""
        self._figures.show(self._watch.picture())

    def on_print(self, event: Print) -> None:
        self.printed.append(event.text)  # the command prints it when the screen is left

    # --- keys --------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys to a line or a question that is open; Ctrl-C works everywhere."""
        return action == "interrupt" or len(self.screen_stack) == 1

    def action_change(self, text: str, otherwise: str = "") -> None:
        self._desk.ask(text, otherwise)

    async def action_prompt(self, start: str) -> None:
        prompt = ChangePrompt(start, self._desk)
        # waited for, so that keys that are pressed at once are in the line
        await self._open(prompt, self._written)
        prompt.take_keys()

    def _written(self, text: str | None) -> None:
        if text:
            self._desk.ask(text)

    async def action_end_phase(self) -> None:
        await self._open(YesOrNo(END_PHASE), lambda yes: self._desk.ask("end") if yes else None)

    async def action_end(self) -> None:
        text = STOP if self._controls.endings() else END
        await self._open(YesOrNo(text), lambda yes: self._controls.end() if yes else None)

    async def _open[T](self, line: ModalScreen[T], take: Callable[[T | None], None]) -> None:
        """Open a line or a question in the last lines, in place of the latest answer, which may be longer."""

        def closed(result: T | None) -> None:
            self._answer.display = True
            take(result)

        self._answer.display = False
        await self.push_screen(line, closed)

    def action_interrupt(self) -> None:
        self._controls.end()

    async def action_help(self) -> None:
        await self.push_screen(HelpScreen())

    def on_load_app_heard(self, heard: Heard) -> None:
        answer = heard.answer
        if not answer.only_look:
            self._show_answer(_answered(answer))
        elif isinstance(self.screen, ChangePrompt):
            self.screen.hear(answer)

    def _show_answer(self, text: Text) -> None:
        """Show an answer for a while."""
        self._answer.update(text)
        if self._fading is not None:
            self._fading.stop()
        self._fading = self.set_timer(ANSWER_S, self._answer.update)


def _answered(answer: DeskAnswer) -> Text:
    """Return an answer as it is shown; what would happen is not called taken yet."""
    text = answer_text(answer.text, answer.answer)
    if answer.only_look:
        text = "; ".join(filter(None, (answer.answer.text, answer.answer.remedy)))
    return Text(printable(text), style=ANSWER_STYLES[answer.answer.kind])


def reason_of(app: App[Any]) -> str:
    """Return why the app ended, if that was an error; else an empty text."""
    error = getattr(app, "_exception", None)
    return f"{type(error).__name__}: {error}" if error is not None else ""
