"""Compare from Python, as `malaria compare` does: two stored results, or two sides that are run alternately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, overload

from malaria.api.comparison_results import ComparisonResult, SideBySideResult
from malaria.api.keywords import RUNS, BeeKeywords, Wanted, split_keywords, texts_of, wanted_warhead
from malaria.api.quiet_campaign import run_new, run_wanted
from malaria.campaigns import (
    CampaignOutcome,
    CompareOptions,
    compare_request,
    foreign_commands,
    refuse_to_resume,
    resumed_request,
)
from malaria.campaigns.compare_request import DEFAULT_HOLD, comparison_keys
from malaria.errors import CampaignError, RunError
from malaria.model.observe import observe_from_options
from malaria.model.option_table import LoadOptions
from malaria.outputs.files import write_side_by_side_files
from malaria.outputs.run_directory import page_directory
from malaria.outputs.stored_results import compare_stored
from malaria.workers.worker_count import workers_for

type Side = str | Path
"""With `ab` a target, a broker or a warhead, as `malaria compare --ab` takes it; else the directory of a result."""


RESUMED: Final = frozenset({field.name for field in fields(BeeKeywords)}) | {
    "no_wait", "password", "i_am_allowed_to_load_this_broker", "on_progress"
}  # fmt: skip
"""Keywords of `attack` that a comparison which goes on takes: how its load is made. Its record is where it was."""


@dataclass(frozen=True, slots=True)
class Alternated:
    """The keywords of `compare` with `ab` besides those of `attack`. They are the options of `malaria compare --ab`."""

    hold: str | float = DEFAULT_HOLD
    pairs: int | None = None
    band: str | float | None = None
    fail_if_worse: str | float | None = None


@overload
def compare(
    a: Side, b: Side, *, ab: Literal[False] = False, anyway: bool = False, output: Side | None = None
) -> SideBySideResult: ...


@overload
def compare(a: Side, b: Side, *, ab: Literal[True], **keywords: Any) -> ComparisonResult: ...


@overload
def compare(*, resume: Side, **keywords: Any) -> ComparisonResult: ...


def compare(
    a: Side | None = None, b: Side | None = None, *, ab: bool = False, resume: Side | None = None, **keywords: Any
) -> SideBySideResult | ComparisonResult:
    """Set two stored results side by side; or with `ab` run two sides alternately, and decide.

    Two stored results take `anyway` and `output`. With `ab`, keywords are those of `attack` (`target` is for two
    warheads) and the fields of `Alternated`. `resume` names the directory of a comparison that goes on, with more
    `pairs` if given. Raises OperatorError for what the command refuses, and TypeError for an unknown keyword. Ctrl-C
    ends the run under way; then KeyboardInterrupt is raised.
    """
    if resume is not None:
        if a is not None or b is not None:
            raise CampaignError("resume takes no sides and no load", "a comparison goes on as it was started")
        return _resumed(Path(resume), **keywords)
    if a is None or b is None:
        raise RunError("two results or two sides are needed", "write compare(A, B), or compare(A, B, ab=True)")
    if ab:
        return _alternated(str(a), str(b), keywords)
    return _side_by_side(Path(a), Path(b), **keywords)


def _side_by_side(
    a: Path, b: Path, *, anyway: bool = False, output: Side | None = None, **others: Any
) -> SideBySideResult:
    if others:
        raise CampaignError(
            f"{next(iter(others))} is for ab=True: two stored results are not run again", "add ab=True, or leave it out"
        )
    compared = compare_stored(a, b, anyway=anyway)
    with page_directory(None if output is None else Path(output), RUNS, "compare") as directory:
        write_side_by_side_files(compared, directory)
    return SideBySideResult(directory, compared)


def _alternated(a: str, b: str, keywords: Mapping[str, Any]) -> ComparisonResult:
    own = {each.name for each in fields(Alternated)}
    alternated = Alternated(**{name: value for name, value in keywords.items() if name in own})
    others = {name: value for name, value in keywords.items() if name not in own}
    wanted, load = split_keywords(others.pop("target", None), others)
    options = _options((a, b), alternated, wanted, load)
    return _result(run_new(wanted, wanted.title or "compare", partial(compare_request, options)))


def _options(sides: tuple[str, str], alternated: Alternated, wanted: Wanted, load: LoadOptions) -> CompareOptions:
    """Return the comparison as it was asked for. Raises OperatorError."""
    if "duration" in load:
        raise CampaignError("duration cannot be used with a comparison", "write hold, the time that each run measures")
    a, b = sides
    hold = str(alternated.hold)
    return CompareOptions(
        a=a,
        b=b,
        warhead=wanted_warhead(wanted, LoadOptions(**load, duration=hold)),
        load=load,
        hold=hold,
        comparison=comparison_keys(alternated.pairs, alternated.band, alternated.fail_if_worse),
        observe=observe_from_options(texts_of(wanted.observe)),
        target=wanted.target,
        login=wanted.login,
        one_load=wanted.warhead is not None or wanted.no_subscriber,
    )


def _resumed(directory: Path, *, pairs: int | None = None, yes: bool = False, **keywords: Any) -> ComparisonResult:
    """Run what is left of a comparison. `yes` allows the commands of a directory that came from elsewhere."""
    if stray := next((name for name in keywords if name not in RESUMED), None):
        text = "a comparison goes on as it was started; pairs adds pairs"
        raise CampaignError(f"{stray} cannot be used with resume", text)
    wanted, _ = split_keywords(None, keywords)
    secrets = {} if wanted.password is None else {"password": wanted.password}
    request = resumed_request(directory, secrets, workers_for(wanted.workers), pairs)
    refuse_to_resume(request, "compare")
    if (commands := foreign_commands(request)) and not yes:
        listed = "\n".join(f"  {command}" for command in commands)
        text = f"{directory} was not made by this user on this host, or its file was changed. It would run:\n{listed}"
        raise CampaignError(text, "if you trust all of it, add yes=True")
    return _result(run_wanted(request, wanted))


def _result(outcome: CampaignOutcome) -> ComparisonResult:
    return ComparisonResult(outcome.directory, outcome.summary)
