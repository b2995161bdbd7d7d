"""The command `malaria`: the list of its commands, and the exit code for each exception that they raise.

An operator's fault is printed as `error: ...` with its remedy and gives exit code 2. Ctrl-C before a run begins, and a
bug of malaria, give exit code 4, so that 1 always means FAIL. Once a load has its verdict, nothing replaces its code.
"""

from __future__ import annotations

import atexit
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from functools import cache
from types import FrameType
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from malaria import __version__
from malaria.cli import (
    attack,
    campaign,
    capacity,
    compare,
    connect,
    demo,
    docs,
    doctor,
    export,
    keygen,
    publish,
    report,
    runs,
    schema,
    steer,
    subscribe,
    swarm,
    watch,
)
from malaria.cli.ending import ABORTED, NOTHING_DONE, SIGNALS, handle
from malaria.cli.output import (
    BAD_COMMAND,
    final_code,
    note_verdict,
    prepare_streams,
    print_error,
    print_line,
    verdict_code,
)
from malaria.cli.usage_words import refuse_help_with_words, usage_fault
from malaria.cli.web_view import with_web_address
from malaria.errors import OperatorError

FILE_REMEDY: Final = "check that the path exists, may be written, and has room"
KILLED_BY_CTRL_C: Final = 130  # what typer makes of a KeyboardInterrupt
COMPLETION: Final = ("--install-completion", "--show-completion")
"""Options that typer adds."""

COMMANDS: Final = (
    demo, attack, campaign, capacity, compare, publish, subscribe, connect, steer, runs, report, export, watch, keygen,
    swarm, doctor, schema, docs,
)  # fmt: skip

EPILOG: Final = """First try: malaria demo

Your broker: malaria attack HOST -c 1000 -I 6s -q 1

Exit codes: 0 PASS, 1 FAIL, 2 bad command, file or target, 3 INVALID, 4 UNKNOWN or aborted"""


class Overview(TyperGroup):
    """The first page of help, in plain text: rich would take a quarter of a second longer."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"rich_markup_mode": None})


app = typer.Typer(
    name="malaria",
    cls=Overview,
    help="Finds out what an MQTT broker carries, what happens past that, and whether it comes back.",
    epilog=EPILOG,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def unwrap_help(group: typer.Typer) -> None:
    """Join the lines of each paragraph of the commands' help: the help would break them where the docstring does."""
    for command in group.registered_commands:
        # the help of a command is its docstring, unless it states another
        text = inspect.cleandoc(command.help or getattr(command.callback, "__doc__", None) or "")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            unwrap_help(inner.typer_instance)


for _command in COMMANDS:
    _command.add_to(app)
unwrap_help(app)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"malaria {__version__}")
        raise typer.Exit


@app.callback()
def _malaria(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Say the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run() -> NoReturn:
    """Run the command line."""
    prepare_streams()
    handle(_interrupt)
    try:
        code = final_code(main(sys.argv[1:]))
        sys.stdout.flush()
    except KeyboardInterrupt:  # pressed again while the first one was reported
        code = ABORTED
    # The command is over. While Python waits for threads, a signal ends it; then it would put back the handlers of the
    # system, so that a signal would replace the exit code.
    handle(lambda *_: os._exit(code))
    atexit.register(_ignore_signals)
    sys.exit(code)


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_: int, __: FrameType | None) -> None:
    """Treat a signal that asks to end as Ctrl-C."""
    raise KeyboardInterrupt


@cache
def all_commands() -> TyperGroup:
    """Return all commands with their options. They keep nothing of what they are called with."""
    made = typer.main.get_command(app)
    assert isinstance(made, TyperGroup)
    return made


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; never raises."""
    note_verdict(None)
    try:
        # `obj` hands the arguments on as typed: the run stores the command that repeats it
        refuse_help_with_words(arguments)
        words = with_web_address(arguments)
        code = all_commands()(words, prog_name="malaria", standalone_mode=False, obj=tuple(arguments))
    except OperatorError as error:
        return _refuse(error.message, error.remedy, error.exit_code)
    except typer.TyperException as error:
        fault = usage_fault(error, arguments)
        return _refuse(fault.message, fault.remedy)
    except (KeyboardInterrupt, typer.Abort):
        return _abort()
    except OSError as error:
        return _refuse(f"{error.filename or 'this machine'}: {error.strerror or error}", FILE_REMEDY)
    except Exception:
        # for the bug report; exit code 1 would say FAIL
        print_line(traceback.format_exc().rstrip(), error=True)
        return _refuse("this is a bug of malaria", "please report it with the lines above", ABORTED)
    if code and arguments[0] in COMPLETION:  # typer has printed that it does not know the shell
        return _refuse("no completion for this shell", "type it in bash, zsh or fish")
    return _abort() if code == KILLED_BY_CTRL_C else int(code or 0)


def _refuse(message: str, remedy: str, code: int = BAD_COMMAND) -> int:
    print_error(message, remedy)
    return code


def _abort() -> int:
    """Return the code of a command that Ctrl-C ended: that of the verdict, if the load was over."""
    verdict = verdict_code()
    if verdict is not None:
        return verdict
    print_line(NOTHING_DONE, error=True)
    return ABORTED
