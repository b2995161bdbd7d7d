"""Make an attack from Python, as `malaria attack` makes it from the command line."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Any, overload

from malaria.api.keywords import Wanted, ctrl_c, split_keywords, texts_of, title_of, wanted_target
from malaria.api.python_campaign import repeated_attack
from malaria.api.results import AttackResult, CampaignResult
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.preflight import AttackRequest
from malaria.attacks.runner import conduct
from malaria.campaigns import repeat_words
from malaria.model.observe import observe_from_options
from malaria.model.option_table import LoadOptions
from malaria.model.target import Target
from malaria.swarm.run.launcher import Launcher
from malaria.workers.worker_count import workers_for


@overload
def attack(target: str | None = None, *, repeat: None = None, **keywords: Any) -> AttackResult: ...


@overload
def attack(target: str | None = None, *, repeat: int, **keywords: Any) -> CampaignResult: ...


def attack(target: str | None = None, *, repeat: int | None = None, **keywords: Any) -> AttackResult | CampaignResult:
    """Run one attack, store it, and return its result; with `repeat` run it so many times, and tell the scatter.

    Keywords are the long names of the options of `malaria attack`, with `_` for `-`: `clients=50`, `rate=4`,
    `duration="3s"`. Numbers may be numbers. Those that say nothing of the load, and what Python has besides
    (`require`, `title`, `on_progress`), are the fields of `Wanted`.

    FAIL, INVALID and UNKNOWN are results, not errors. Raises OperatorError for what the command refuses with exit code
    2 (TargetError, WarheadError, HostLimitError, RunError, SwarmError), and TypeError for an unknown keyword. Ctrl-C
    ends the load; when the run is stored, KeyboardInterrupt is raised.
    """
    wanted, load = split_keywords(target, keywords)
    if repeat is not None:
        return repeated_attack(wanted, load, repeat)
    launcher = wanted.bees.launcher()
    with ctrl_c(launcher) as interrupt:
        result = conduct_wanted(wanted, load, interrupt, launcher)
        if interrupt.count:
            raise KeyboardInterrupt
    return result


async def attack_async(target: str | None = None, **keywords: Any) -> AttackResult:
    """Run one attack as `attack` does, without holding up the event loop.

    A task that is cancelled ends the load as Ctrl-C does: when the run is stored, CancelledError is raised. What
    `malaria swarm abort` ends are the bees, not this process: the run has what they had sent, and is UNKNOWN.
    """
    wanted, load = split_keywords(target, keywords)
    interrupt = Interrupt()

    def conduct_there() -> AttackResult:
        return conduct_wanted(wanted, load, interrupt, wanted.bees.launcher())

    running = asyncio.ensure_future(asyncio.to_thread(conduct_there))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        interrupt.count += 1
        await asyncio.wait([running])
        raise


def conduct_wanted(
    wanted: Wanted, load: LoadOptions, interrupt: Interrupt, launcher: Launcher | None = None
) -> AttackResult:
    """Run the attack that is wanted, on the bees of `launcher` if there is one. Raises OperatorError."""
    target, warhead = wanted_target(wanted, load)
    title = title_of(wanted)
    with wanted.directory(title) as directory:
        request = AttackRequest(
            target,
            warhead,
            directory,
            workers_for(wanted.workers)(sum(warhead.clients_of(group) for group in warhead.groups)),
            _command(target, directory, wanted),
            title,
            observe_from_options(texts_of(wanted.observe)),
            launcher=launcher,
            knock_from=wanted.knock_from,
            wait_for_figures=not wanted.no_wait,
        )
        outcome = conduct(request, wanted.on_progress, interrupt)
    return AttackResult(outcome.directory, outcome.summary, outcome.run)


def _command(target: Target, directory: Path, wanted: Wanted) -> str:
    """Return the command that repeats the run: its warhead is stored with it."""
    more = repeat_words(wanted.bees, no_wait=wanted.no_wait)
    words = ["malaria", "attack", target.url, "-w", str(directory / "warhead.toml"), *more]
    return shlex.join(words)
