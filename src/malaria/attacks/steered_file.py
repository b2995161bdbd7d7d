"""Write `steered.toml`: a warhead that makes the same load again, with the changes that hands made to it.

Promises: the file is whole after each change that was taken, so that a killed attack loses none; times are exact; what
the warhead's own file stated and was not made is left out. An early end is a change of the file, too.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from malaria.model.planned_change import MOST_CHANGES, PlannedChange
from malaria.model.wanted_change import Verb, WantedChange
from malaria.model.warhead import Warhead, to_toml
from malaria.outputs.files import write_text_file
from malaria.outputs.run_directory import STEERED

END = WantedChange(Verb.END)
UNTITLED = "attack"
"""The title of an attack that was given none."""


def steered_warhead(warhead: Warhead, changes: Sequence[PlannedChange], end_ns: int | None, seed: int) -> Warhead:
    """Return the warhead of a load as it was made, with all its changes.

    `end_ns` is when it ended, counted like the times of changes, if that was early; what would have come later did not.
    `seed` is the one that was drawn, so that the due times are the same.
    """
    kept = [change for change in changes if end_ns is None or change.at_ns < end_ns]
    kept.sort(key=lambda change: change.at_ns)
    if end_ns is not None and end_ns > 0:
        kept.append(PlannedChange.at(end_ns, END))
    attack = warhead.attack.model_copy(update={"seed": seed})
    return warhead.model_copy(update={"attack": attack, "changes": tuple(kept)})


@dataclass(slots=True)
class SteeredFile:
    """The file of one attack. Without a change by hand there is none."""

    directory: Path
    warhead: Warhead
    seed: int
    command: str  # that starts it
    _taken: list[tuple[int, WantedChange]] = field(default_factory=list)  # with their run time
    _ended: bool = False  # a hand ended the load

    @property
    def path(self) -> Path:
        return self.directory / STEERED

    @property
    def is_full(self) -> bool:
        """Tell whether the file can hold no further change."""
        return len(self._taken) + len(self.warhead.changes) >= MOST_CHANGES - 1  # and an end

    @property
    def is_steered(self) -> bool:
        """Tell whether a hand has changed the load."""
        return bool(self._taken) or self._ended

    def take(self, wanted: WantedChange, effect_ns: int) -> None:
        """Note a change that was taken."""
        if wanted.verb in (Verb.END, Verb.STOP):
            self._ended = True
        else:
            self._taken.append((effect_ns, wanted))

    def write(self, measure_start_ns: int, end_ns: int | None, unmade: Sequence[PlannedChange]) -> str:
        """Write the file, and return why that did not work; empty if it did.

        `end_ns` is the run time at which the load ended early, `unmade` the changes of the warhead that did not fit.
        """
        left_out = {id(change) for change in unmade}
        changes = [change for change in self.warhead.changes if id(change) not in left_out]
        changes += [PlannedChange.at(effect_ns - measure_start_ns, wanted) for effect_ns, wanted in self._taken]
        length_ns = None if end_ns is None else end_ns - measure_start_ns
        steered = steered_warhead(self.warhead, changes, length_ns, self.seed)
        text = f"# A load with the changes that were made by hand. It is made again by:\n#   {self.command}\n\n"
        try:
            write_text_file(self.path, text + to_toml(steered, Path.cwd()))
        except OSError as error:
            return f"{self.path}: {error.strerror or error}: changes by hand are not stored there"
        return ""


def repeat_command(url: str, directory: Path, title: str) -> str:
    """Return the command that makes the load of a run again, with the changes by hand; without secrets."""
    named = [] if title in ("", UNTITLED) else ["--title", title]  # else it would be that of the file: steered
    return shlex.join(["malaria", "attack", url, "-w", str(directory / STEERED), *named])
