"""Read the keywords of `attack` and `capacity`: the load options, and what else an attack is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from malaria.attacks.interrupt import Interrupt, interruptible
from malaria.attacks.target_choice import GivenLogin, choose_target
from malaria.errors import WarheadError
from malaria.model.option_table import OPTIONS, LoadOptions, ValueKind
from malaria.model.target import Target
from malaria.model.threshold import Threshold, parse_threshold_text
from malaria.model.warhead import Warhead
from malaria.model.warhead_options import made_warhead
from malaria.outputs.run_directory import run_directory
from malaria.records.rows import Progress
from malaria.swarm.run.chosen_bees import ChosenBees, conducting
from malaria.swarm.run.launcher import Launcher
from malaria.units import NotationError

RUNS: Final = Path("runs")
type OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeeKeywords:
    """The keywords that say who makes the load."""

    workers: int | None = None
    """Worker processes, with a swarm of each bee."""
    swarm: str | None = None
    """Make the load on the bees of this swarm."""
    scheduler: str | None = None
    """Make the load on a Dask cluster: "tls://HOST:PORT"."""
    bee: str | Sequence[str] = ()
    """Limit the swarm to these bees."""
    without: str | Sequence[str] = ()
    """Leave these bees of the swarm out."""
    knock_from: str | None = None
    """The bee that looks at the target first."""

    @property
    def bees(self) -> ChosenBees:
        bees, without = texts_of(self.bee), texts_of(self.without)
        return ChosenBees(self.swarm, self.scheduler, self.workers, bees, without, self.knock_from)


@dataclass(frozen=True, slots=True)
class Wanted(BeeKeywords):
    """The keywords of `attack` besides the load options. All are named as the options of `malaria attack` are."""

    target: str | None = None
    warhead: str | Path | Warhead | None = None
    """A file, or a model. Load options override it."""
    no_subscriber: bool = False
    require: str | Sequence[str] = ()
    """Conditions that a PASS must meet: "ack.p99 < 200ms"."""
    output: str | Path | None = None
    """The directory of the run; by default a new one below `runs`."""
    overwrite: bool = False
    title: str | None = None
    observe: str | Sequence[str] = ()
    no_wait: bool = False
    """End without waiting for the broker's last $SYS figures."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    i_am_allowed_to_load_this_broker: int = 0
    on_progress: OnProgress = lambda _: None
    """Called about five times a second while the attack runs."""

    @property
    def login(self) -> GivenLogin:
        return self.username, self.password

    def directory(self, title: str) -> AbstractContextManager[Path]:
        """Find or make the directory of a run that is called `title`. Raises RunError."""
        stated = None if self.output is None else Path(self.output)
        return run_directory(stated, RUNS, title, overwrite=self.overwrite)


def split_keywords(target: str | None, keywords: Mapping[str, Any]) -> tuple[Wanted, LoadOptions]:
    own = {each.name for each in fields(Wanted)}
    wanted = Wanted(target, **{name: value for name, value in keywords.items() if name in own})
    return wanted, load_options({name: value for name, value in keywords.items() if name not in own})


def wanted_warhead(wanted: Wanted, load: LoadOptions) -> Warhead:
    """Make the load that is wanted. Raises WarheadError."""
    base = Path(wanted.warhead) if isinstance(wanted.warhead, str) else wanted.warhead
    made = made_warhead(base, load, subscriber=not wanted.no_subscriber)
    required = tuple(map(_required, texts_of(wanted.require)))
    return made.model_copy(update={"thresholds": made.thresholds + required})


def wanted_target(wanted: Wanted, load: LoadOptions) -> tuple[Target, Warhead]:
    """Make the load that is wanted, and choose its target. Raises WarheadError, TargetError."""
    confirmations = wanted.i_am_allowed_to_load_this_broker
    return choose_target(wanted_warhead(wanted, load), wanted.target, wanted.login, confirmations)


def title_of(wanted: Wanted) -> str:
    return wanted.title or (Path(wanted.warhead).stem if isinstance(wanted.warhead, str | Path) else "attack")


def _required(text: str) -> Threshold:
    try:
        return parse_threshold_text(text)
    except NotationError as error:
        raise WarheadError(f"require: {error.message}", error.remedy) from None


def load_options(options: Mapping[str, Any]) -> LoadOptions:
    """Return load options whose values are as a command line has them. Raises TypeError for an unknown name."""
    return LoadOptions(**{name: _typed(name, value) for name, value in options.items()})


def _typed(name: str, value: Any) -> Any:
    """Return the value as it would be typed: a text, or several where the option can be given several times."""
    kind = OPTIONS[name].kind if name in OPTIONS else None
    if value is None or kind not in (ValueKind.TEXT, ValueKind.TEXTS):
        return value
    if kind is ValueKind.TEXTS:
        return list(map(str, texts_of(value)))
    return str(value)


def texts_of(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@contextmanager
def ctrl_c(launcher: Launcher | None = None) -> Iterator[Interrupt]:
    """Count Ctrl-C, and what `malaria swarm abort` sends to the conductor of the bees of `launcher`.

    Only the main thread can: in another one, Ctrl-C is left to who started it, and abort goes to the bees.
    """
    if threading.current_thread() is threading.main_thread():
        with interruptible() as interrupt, conducting(launcher):
            yield interrupt
    else:
        yield Interrupt()
