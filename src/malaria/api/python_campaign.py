"""Run campaigns and capacity searches from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Final

from malaria.api.keywords import RUNS, BeeKeywords, Wanted, split_keywords, texts_of, title_of, wanted_target
from malaria.api.quiet_campaign import run_new, run_quietly
from malaria.api.results import CampaignResult
from malaria.campaigns import (
    CampaignOutcome,
    CapacityOptions,
    RepeatOptions,
    capacity_request,
    new_request,
    refuse_public_brokers,
    repeat_request,
    repeat_words,
)
from malaria.errors import CampaignError, WarheadError
from malaria.model.observe import observe_from_options
from malaria.model.option_table import LoadOptions
from malaria.outputs.run_directory import run_directory
from malaria.workers.worker_count import workers_for

DEFAULT_HOLD: Final = "30s"
REPEATS_LEAST: Final = 2
REPEATS_MOST: Final = 99
SEARCH_KEYS: Final = {"search": "by", "start": "from", "to": "to", "width": "width", "holds": "holds",
                      "budget": "budget", "trigger": "trigger", "heal": "heal"}  # fmt: skip
"""Keyword of `capacity` -> key of `[search]`. `from` is a word of Python, so it is `start` here."""


@dataclass(frozen=True, slots=True)
class CampaignKeywords(BeeKeywords):
    """The keywords of `campaign` besides the options that change the campaign."""

    output: str | Path | None = None
    overwrite: bool = False
    no_wait: bool = False
    """End each level without waiting for the broker's last $SYS figures."""
    i_am_allowed_to_load_this_broker: int = 0


def campaign(file: str | Path, **keywords: Any) -> CampaignResult:
    """Run a campaign file end to end, and return its result. The page is written.

    Keywords are the fields of `CampaignKeywords` and, as texts, the long names of the options of `malaria campaign`;
    None for a switch. Raises OperatorError for what the command refuses. Ctrl-C ends the level; then KeyboardInterrupt
    is raised.
    """
    own = {each.name for each in fields(CampaignKeywords)}
    wanted = CampaignKeywords(**{name: value for name, value in keywords.items() if name in own})
    overrides = {name: value for name, value in keywords.items() if name not in own}
    stated = None if wanted.output is None else Path(wanted.output)
    with run_directory(stated, RUNS, Path(file).stem, overwrite=wanted.overwrite) as directory:
        more = repeat_words(wanted.bees, no_wait=wanted.no_wait)
        request = new_request(Path(file), overrides, directory, workers_for(wanted.workers), more)
        refuse_public_brokers(request.campaign, wanted.i_am_allowed_to_load_this_broker)
        return _result(run_quietly(request, wanted.bees, no_wait=wanted.no_wait))


def capacity(target: str | None = None, **keywords: Any) -> CampaignResult:
    """Find the greatest load that a target carries; `result.capacity` has the answer.

    Keywords are those of `attack` and of the search: `search` ("clients" or "rate"), `start` (the option --from), `to`,
    `width`, `hold`, `holds`, `budget`, `trigger` ("50%,90%", or a list), `heal`. Raises as `attack` does.
    """
    hold = str(keywords.pop("hold", DEFAULT_HOLD))
    search = _search_table({name: keywords.pop(name) for name in SEARCH_KEYS.keys() & keywords.keys()})
    if "duration" in keywords:
        raise WarheadError("duration cannot be used with a search", "write hold, the length of a full trial")
    wanted, load = split_keywords(target, keywords | {"duration": hold})
    broker, warhead = wanted_target(wanted, load)
    options = CapacityOptions(broker, warhead, hold, search, observe_from_options(texts_of(wanted.observe)))
    return _result(run_new(wanted, wanted.title or "capacity", partial(capacity_request, options)))


def _search_table(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of `[search]` for these keywords."""
    table = {SEARCH_KEYS[name]: value for name, value in stated.items()}
    if isinstance(parts := table.get("trigger"), str):
        table["trigger"] = [part.strip() for part in parts.split(",")]
    return table


def repeated_attack(wanted: Wanted, load: LoadOptions, repeat: int) -> CampaignResult:
    """Run an attack `repeat` times as a campaign of one level; `result.repeats` says how much its figures scatter."""
    if not REPEATS_LEAST <= repeat <= REPEATS_MOST:
        message = f"repeat: {repeat} is not between {REPEATS_LEAST} and {REPEATS_MOST}"
        raise CampaignError(message, "leave repeat out for one run")
    target, warhead = wanted_target(wanted, load)
    options = RepeatOptions(target, warhead, title_of(wanted), repeat, observe_from_options(texts_of(wanted.observe)))
    return _result(run_new(wanted, options.title, partial(repeat_request, options)))


def _result(outcome: CampaignOutcome) -> CampaignResult:
    return CampaignResult(outcome.directory, outcome.summary)
