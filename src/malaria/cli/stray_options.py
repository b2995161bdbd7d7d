"""Refuse options that were given and would do nothing in the way in which a command is used."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final, get_type_hints

from typer.models import ArgumentInfo

from malaria.errors import CampaignError

FROM_THE_ENVIRONMENT: Final = frozenset({"password"})
"""Fields that may be set for another command, so that they are no mistake."""


@dataclass(frozen=True, slots=True)
class Use:
    """A way to use a command: the fields of its shapes that it reads, and what is said of another one."""

    takes: Collection[str]
    problem: str
    """After the name of the option: `--band` cannot be used with --resume."""
    remedy: str

    def refuse_others(self, *shapes: object) -> None:
        """Raise CampaignError for the first option that was given in one of the shapes and is not read."""
        for shape in shapes:
            if stray := next(_given(shape, FROM_THE_ENVIRONMENT.union(self.takes)), None):
                raise CampaignError(f"{stray} {self.problem}", self.remedy)


def _given(shape: Any, but: Collection[str]) -> Iterator[str]:
    """Yield the names of the options of a shape that have another value than by default."""
    for field in fields(shape):
        if field.name not in but and getattr(shape, field.name) != field.default:
            yield _name(type(shape), field.name)


def _name(shape: type, field: str) -> str:
    """Return the long name of an option, or what the help calls an argument."""
    (what,) = get_type_hints(shape, include_extras=True)[field].__metadata__
    # the first name of an option is where typer has the default outside of annotations
    return str(what.metavar if isinstance(what, ArgumentInfo) else (what.default, *what.param_decls)[-1])
