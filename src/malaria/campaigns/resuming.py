"""Make the request of a campaign: from its file, or from the directory of one that was cut short."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from malaria.campaigns.definition import Campaign, campaign_from_toml, load_campaign, read_text
from malaria.campaigns.file_copy import campaign_copy
from malaria.campaigns.overrides import StatedOptions, complete, overridden, typed, without_secrets
from malaria.campaigns.programs import program_of
from malaria.campaigns.recorder import planned_parts
from malaria.campaigns.request import CampaignRequest, RepeatCommand
from malaria.errors import RunError
from malaria.input_file import read_input_text
from malaria.model.placeholders import literal
from malaria.records.campaign_records import CampaignPart
from malaria.records.campaign_store import COPY, LARGEST_COPY_BYTES, open_campaign

PROGRAM: Final = ("malaria", "campaign")

type Workers = Callable[[int], int]


def new_request(
    file: Path, options: StatedOptions, directory: Path, workers: Workers, more: Sequence[str] = ()
) -> CampaignRequest:
    """Return the request of a campaign from its beginning. Raises OperatorError.

    `more` are words for its commands that change nothing of the campaign, those of `repeat_words`.
    """
    options = complete(options)
    campaign = overridden(load_campaign(file, _secrets(options)), options)
    return CampaignRequest(
        campaign,
        program_of(campaign),
        directory,
        workers,
        command=shlex.join([*PROGRAM, str(file), *typed(options), *more]),
        repeat=_repeat_command(str(file), options, campaign, more),
        copy=campaign_copy(read_text(file), file.parent),
        options=without_secrets(options),
    )


def resumed_request(
    directory: Path, secrets: StatedOptions, workers: Workers, pairs: int | None = None, more: Sequence[str] = ()
) -> CampaignRequest:
    """Return the request of what is left of a campaign, with the file and the options that it was started with.

    `pairs` is the new number of pairs of a comparison; None: as before. `more` is that of `new_request`. Raises
    OperatorError: RunError for a directory that holds no campaign, or whose file was changed.
    """
    before = open_campaign(directory)
    options = dict(before.options) | dict(secrets)
    text = _copy(directory)
    campaign = overridden(campaign_from_toml(text, before.file, directory, _secrets(options)), options)
    if before.comparison is not None and campaign.comparison is not None:
        wanted = {"pairs": pairs or before.comparison.pairs}
        campaign = replace(campaign, comparison=campaign.comparison.model_copy(update=wanted))
    program = program_of(campaign)
    planned, stored = _outline(planned_parts(program)), _outline(before.parts)
    # records of other levels would be shown under the wrong heading; searches and comparisons may add parts
    if campaign.search is not None or campaign.comparison is not None:
        planned, stored = planned[: len(stored)], stored[: len(planned)]
    if planned != stored:
        message = f"{directory / COPY} has other levels than the campaign that was started"
        raise RunError(message, "restore the file, or start again: malaria campaign FILE")
    words = tuple(shlex.split(before.command))
    # `malaria demo` and `malaria capacity` have no file that could be named
    by_file = words[: len(PROGRAM)] == PROGRAM
    repeat = _repeat_command(before.file, options, campaign, more) if by_file else RepeatCommand(words, by_level=False)
    return CampaignRequest(campaign, program, directory, workers, before.command, repeat, text, before.options, before)


def _copy(directory: Path) -> str:
    path = directory / COPY
    try:
        return read_input_text(path, LARGEST_COPY_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} cannot be read: {error}", "start the campaign again: malaria campaign FILE") from None


def _outline(parts: tuple[CampaignPart, ...]) -> list[tuple[int, str, str, int]]:
    return [(part.level, part.title, part.variant, part.clients) for part in parts]


def _secrets(options: StatedOptions) -> dict[str, str]:
    """Return the secrets that were given, as the keys of `[target]` have them."""
    password, psk = options.get("password"), options.get("psk")
    given = {"password": None if password is None else literal(password), "psk": psk}
    return {name: text for name, text in given.items() if text is not None}


def _repeat_command(file: str, options: StatedOptions, campaign: Campaign, more: Sequence[str]) -> RepeatCommand:
    """Return the command for a part of the campaign; a trial of a search is not run again by itself."""
    # the repeat command names one level itself
    others = {name: text for name, text in options.items() if name != "levels"}
    return RepeatCommand(
        (*PROGRAM, file, *typed(others), *more), by_level=campaign.search is None and campaign.comparison is None
    )
