"""Run an attack from options and show it: shared by `attack`, `publish`, `subscribe` and `connect`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from malaria.cli.ending import ABORTED
from malaria.cli.full_screens import full_screen_of
from malaria.cli.options import SECRET_FLAGS, Result, Where
from malaria.cli.output import (
    console,
    finishing_without_reader,
    keeping_time,
    note_verdict,
    print_error,
    print_line,
    verdict_code,
)
from malaria.cli.web_view import LiveWeb, WebView
from malaria.swarm.run.chosen_bees import ChosenBees, conducting
from malaria.workers.worker_count import workers_for

if TYPE_CHECKING:
    from rich.console import Console

    from malaria.analysis.summary_figures import Summary
    from malaria.attacks.interrupt import Interrupt
    from malaria.attacks.preflight import AttackRequest
    from malaria.attacks.runner import AttackOutcome
    from malaria.model.target import Target
    from malaria.model.warhead import Warhead
    from malaria.report.terminal.live_view import LiveView
    from malaria.swarm.run.launcher import Launcher
    from malaria.tui.full_screen import FullScreen

EXIT_CODES: Final[Mapping[str, int]] = {"PASS": 0, "FAIL": 1, "INVALID": 3, "UNKNOWN": 4}
RUNS: Final = Path("runs")
NO_VIEW: Final = WebView()


@dataclass(frozen=True, slots=True)
class AttackOptions:
    """A load to run, its title, and the options of the run."""

    where: Where
    result: Result
    title: str
    make: Callable[[], Warhead]
    view: WebView = NO_VIEW


def perform(options: AttackOptions, arguments: Sequence[str]) -> int:
    """Run the attack, show it and store it; return the exit code of its verdict."""
    where, result = options.where, options.result
    # before the load: a mistyped path must not cost the result of an hour
    result.files.check()
    result.live.check(result.json)
    target, warhead = checked_load(where, options.make())

    from malaria.attacks.preflight import AttackRequest  # heavy: only when there is something to do
    from malaria.model.observe import observe_from_options
    from malaria.model.warhead import describe
    from malaria.outputs.run_directory import run_directory
    from malaria.report.terminal.live_view import LiveView

    command = command_line(arguments, where.target, target)
    workers = workers_for(result.workers)(sum(warhead.clients_of(group) for group in warhead.groups))
    observe = observe_from_options(result.observe or ())
    launcher = launcher_of(result.bees)
    screen = console(result.live.screen(result.json))
    title = f"malaria {arguments[0]} {target.url}"
    view = LiveView(title, describe(warhead), screen, result.quiet)
    full = _full_screen(f"{title} · {describe(warhead)}", view, result) if result.tui else None
    with (
        run_directory(result.output, RUNS, options.title, overwrite=result.overwrite) as directory,
        options.view.serving(options.title, directory, tell=None if full is None else full.watch.tell) as web,
    ):
        view.note = web.note if full is None else ""
        request = AttackRequest(
            target,
            warhead,
            directory,
            workers,
            command,
            options.title,
            observe,
            launcher=launcher,
            knock_from=result.knock_from,
            wait_for_figures=not result.no_wait,
            followers=(*web.followers, *(() if full is None else (full.watch,))),
        )
        show = (lambda _: view) if full is None else full.under
        return _run_and_show(request, show, result, Outputs(screen, web))


@dataclass(frozen=True, slots=True)
class Outputs:
    """The terminal, and the live page in a browser."""

    screen: Console
    web: LiveWeb


def _full_screen(title: str, plain: LiveView, result: Result) -> FullScreen:
    return full_screen_of(title, lambda: plain, quiet=result.quiet, json_lines=result.live.json_lines)


def _run_and_show(
    request: AttackRequest, show: Callable[[Interrupt], LiveView | FullScreen], result: Result, outputs: Outputs
) -> int:
    """Run the attack and print its result. Ctrl-C after the load ends what is left to do: the run is stored."""
    from malaria.attacks.interrupt import interruptible, settled
    from malaria.attacks.runner import conduct
    from malaria.outputs.files import PAGE
    from malaria.outputs.run_directory import holds_run

    with interruptible() as interrupt, finishing_without_reader(interrupt):
        try:
            with (
                result.live.following(request.directory) as followers,
                conducting(request.launcher),
                keeping_time(),
                show(interrupt) as view,
            ):
                request = replace(request, followers=(*request.followers, *followers))
                outcome = conduct(request, view.update, interrupt)
            note_verdict(exit_code(outcome.summary))
            with settled(interrupt):
                finish(outcome, result, outputs.screen)
            outputs.web.hand_over(request.directory / PAGE)
        except KeyboardInterrupt:
            if holds_run(request.directory):
                note_stopped(request.directory)
            raise
    return exit_code(outcome.summary)


def note_stopped(directory: Path) -> None:
    """Report that Ctrl-C ended the work on a stored run. Without a verdict so far, the command ends with 4."""
    if verdict_code() is None:
        note_verdict(ABORTED)
    print_line(f"stopped; the run is stored, and shown by: malaria report {shlex.quote(str(directory))}", error=True)


def checked_load(where: Where, warhead: Warhead) -> tuple[Target, Warhead]:
    """Return the target of the command or the warhead, and the warhead with its login. Raises TargetError."""
    from malaria.attacks.target_choice import choose_target

    return choose_target(warhead, where.target, (where.username, where.password), where.allowed)


def launcher_of(bees: ChosenBees) -> Launcher | None:
    """Return how the bees are started; None if this machine makes the load. Raises OperatorError."""
    launcher = bees.launcher()
    if launcher is not None:
        _say_root()
    return launcher


def _say_root() -> None:
    """Say that root conducts a swarm: it reads what other hosts send, and needs no such rights."""
    if os.geteuid() == 0:
        print_line("conducting as root: what bees send is read with root's rights; any user will do", error=True)


def finish(outcome: AttackOutcome, result: Result, screen: Console) -> None:
    """Write the files of a run and print its result."""
    from malaria.outputs.files import write_attack_files

    if not result.quiet:
        from malaria.report.terminal.run_summary import print_summary

        print_summary(outcome.run, outcome.summary, screen)
    try:
        write_attack_files(outcome.run, outcome.summary, outcome.directory)
    except OSError as error:  # the run is stored, and the verdict stands, with or without its page
        remedy = f"make room, then: malaria report {outcome.directory}"
        print_error(f"the page could not be written: {error.strerror}", remedy)
    else:
        if not result.quiet:
            say_page(outcome.directory, screen)
            if again := outcome.run.meta.steered:
                screen.print(f"  again      {again}", soft_wrap=True, highlight=False, markup=False)
    if result.quiet:
        say_in_a_line(outcome.summary, outcome.directory)
    result.files.keep(
        outcome.summary, [(outcome.run.meta.title or "attack", outcome.run, outcome.summary)], outcome.directory
    )


def say_in_a_line(summary: Summary, directory: Path) -> None:
    """Print verdict, reason and page to standard error, for --quiet, unless the verdict is PASS."""
    from malaria.outputs.files import PAGE

    outcome = summary.verdict.outcome
    if outcome != "PASS":
        print_line(f"{outcome}: {' '.join(summary.headline.split())} ({directory / PAGE})", error=True)


def say_page(directory: Path, screen: Console) -> None:
    from malaria.outputs.files import PAGE

    screen.print(f"  page       {directory / PAGE}", soft_wrap=True, highlight=False, markup=False)


def exit_code(summary: Summary) -> int:
    return EXIT_CODES[summary.verdict.outcome]


def command_line(arguments: Sequence[str], target_text: str | None = None, target: Target | None = None) -> str:
    """Return the command that repeats the run, without secrets: they come from the environment then."""
    from malaria.model.target import without_passwords

    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        # the value is the next word
        elif argument in SECRET_FLAGS:
            skip = True
        elif not argument.startswith(("--password=", "-P", "--psk=", "--header=")):
            # the target keeps its user name; other URLs, such as of --observe, lose user and password
            is_target = target is not None and argument == target_text and "@" in argument
            kept.append(target.url if target is not None and is_target else without_passwords(argument)[0])
    return shlex.join(["malaria", *kept])
