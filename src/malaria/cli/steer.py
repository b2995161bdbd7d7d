"""The command `malaria steer`: change a running attack, or see how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import RUNS
from malaria.cli.output import console, print_error
from malaria.cli.result_files import write_json
from malaria.cli.stored import LATEST, named_run
from malaria.errors import OperatorError, RunError

if TYPE_CHECKING:
    from malaria.attacks.steer_messages import SteerAnswer, SteeredLoad

EXAMPLES: Final = (
    "malaria steer",
    "malaria steer +500",
    "malaria steer runs/2026-11-22T1751-meters -500",
    "malaria steer 'meters: rate=2/s' pause",
    "malaria steer --look cut 20%",
    "malaria steer end",
)
LAST: Final = ("last", LATEST)
"""Names of the attack that runs."""
CONTINUED: Final = "cut"
"""A change of two words, which may be written without quotes."""
NO_RUN: Final = ", and no run has this name"
TAKEN, CONFLICT, REFUSED = 0, 1, 2


def steer(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN] [CHANGE...]",
            help="The directory of the attack, or last: the one that runs (last). What to change, in order.",
            show_default=False,
        ),
    ] = None,
    look: Annotated[
        bool, typer.Option("--look", help="Say what would happen, and change nothing.", show_default=False)
    ] = False,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the answers as JSON; - is stdout.", show_default=False),
    ] = None,
) -> int:
    """Change a running attack of this machine; without CHANGE: say how it stands.

    CHANGE is +500 or -500 (clients), rate=2/s (of each client), pause, resume, cut 20% or cut 50 (break connections),
    storm (break all), end (the load) or stop (as Ctrl-C does). GROUP: before it names a group: 'meters: +500'. Changes
    are made in order up to the first that is not taken. The run directory gets steered.toml, a warhead that does the
    same again.

    Exit codes: 0 taken, 1 it does not fit the load as it is now or the attack has ended, 2 refused or a bad command.
    """
    from malaria.attacks.steer_client import ask_attack
    from malaria.attacks.steer_messages import SteerQuestion

    named, changes = _split(words or [])
    for change in changes:  # one that is mistyped must not leave the others half done
        _check_notation(change, may_name=named is None and change is changes[0])
    directory = _running(named)
    answers: list[tuple[str, SteerAnswer]] = []
    for change in changes or [""]:
        answer = ask_attack(directory, SteerQuestion(change=change, only_look=look))
        answers.append((change, answer))
        _show(directory, change, answer, json, look=look)
        if answer.kind != "taken":
            break
    if json is not None:
        write_json([{"change": change} | answer.model_dump(mode="json") for change, answer in answers], json)
    return {"taken": TAKEN, "conflict": CONFLICT, "refused": REFUSED}[answers[-1][1].kind]


def _split(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Tell the run, if the first word names one, from the changes. Raises OperatorError."""
    for word in words:
        if word.startswith("--"):
            raise OperatorError(f"unknown option {word}", "see: malaria steer --help")
    if not words or not _is_run(words[0], words[1:]):
        return None, _joined(words)
    return words[0], _joined(words[1:])


def _check_notation(change: str, *, may_name: bool) -> None:
    """Raise OperatorError for what is no change. `may_name`: it stands where the name of a run could."""
    from malaria.model.wanted_change import parse_change
    from malaria.units import NotationError

    try:
        parse_change(change)
    except NotationError as error:
        unnamed = NO_RUN if may_name and ":" not in change else ""
        raise OperatorError(f"{error.message}{unnamed}", error.remedy) from None


def _is_run(word: str, others: Sequence[str]) -> bool:
    from malaria.model.wanted_change import parse_change
    from malaria.units import NotationError

    if word in LAST or Path(word).is_dir() or (RUNS / word).is_dir():
        return True
    try:
        parse_change(_joined([word, *others])[0])
    except NotationError:
        return "/" in word and "=" not in word  # a directory that is not there, and no wrong change
    return False


def _joined(words: Sequence[str]) -> list[str]:
    """Join the words of a change that was written without quotes: `cut 20%`, `meters: +500`."""
    changes: list[str] = []
    for word in words:
        before = changes[-1] if changes else ""
        if before.endswith(":") or before.rpartition(":")[2].strip() == CONTINUED:
            changes[-1] = f"{before} {word}"
        else:
            changes.append(word)
    return changes


def _running(name: str | None) -> Path:
    """Return the directory of the attack that is meant. Raises RunError where that is none or not clear."""
    from malaria.attacks.steer_client import running_below, running_in

    if name is None or name in LAST:
        found = running_below(RUNS)
        if not found:
            raise RunError(f"no attack runs below {RUNS}/", "name the directory of one: malaria steer RUN CHANGE")
    else:
        there = [path for path in (Path(name), RUNS / name) if path.is_dir()]
        directory = there[0] if there else named_run(name)
        # without an attack that runs, asking says that it has ended
        found = running_in(directory) or [directory]
    if len(found) > 1:
        listed = ", ".join(map(str, found))
        raise RunError(f"{len(found)} attacks run: {listed}", "name the one that is meant: malaria steer RUN CHANGE")
    return found[0]


def _show(directory: Path, change: str, answer: SteerAnswer, json: str | None, *, look: bool) -> None:
    """Print an answer. A refusal is an error on stderr."""
    screen = console(json)
    if answer.load is not None:
        for line in _load_lines(directory, answer.load):
            screen.print(line, highlight=False, markup=False, soft_wrap=True)
    elif answer.kind == "taken":
        would = "would do: " if look else ""
        screen.print(f"{would}{answer.text}", highlight=False, markup=False, soft_wrap=True)
    else:
        asked = f"{change}: " if change else f"{directory}: "
        print_error(f"{asked}{answer.text}", answer.remedy)


def _load_lines(directory: Path, load: SteeredLoad) -> list[str]:
    from malaria.model.wanted_change import NOTATION
    from malaria.units import format_clock, format_count, format_rate

    clock = "" if load.load_s is None else f" at {format_clock(load.load_s)}"
    clients = f"{format_count(load.clients)} of {format_count(load.clients_planned)} clients"
    rates = [
        f"{format_rate(per_s, 'msg')} {word}"
        for per_s, word in ((load.due_per_s, "due"), (load.sent_per_s, "sent"))
        if per_s is not None
    ]
    groups = ", ".join(
        f"{group.name} ({group.role}, {format_count(group.clients)} at the start)" for group in load.groups
    )
    return [
        f"{directory}: {load.phase}{clock} · {' · '.join([clients, *rates])}",
        f"groups: {groups}",
        load.refusal or f"to change it, {NOTATION}",
    ]


def add_to(app: typer.Typer) -> None:
    app.command(
        "steer",
        short_help="change a running attack",
        epilog="\n\n".join(EXAMPLES),
        # -500 is a change, and no option
        context_settings={"ignore_unknown_options": True},
    )(steer)
