"""Choose the broker of an attack, and the login there."""

from __future__ import annotations

from malaria.errors import TargetError
from malaria.model.target import Target, parse_target, refuse_public_broker
from malaria.model.warhead import Warhead

type GivenLogin = tuple[str | None, str | None]
"""User name and password; None: not given."""


def choose_target(warhead: Warhead, text: str | None, login: GivenLogin, confirmations: int) -> tuple[Target, Warhead]:
    """Return the target, that of `text` or of the warhead, and the warhead with the login there.

    Raises TargetError if there is no target, and for a public broker without two confirmations.
    """
    target_text = text or warhead.target.url
    if target_text is None:
        raise TargetError(
            "no target is given", "give one: malaria attack HOST, or write url into [target] of the warhead"
        )
    target = parse_target(target_text).with_credentials(*login)
    # a group may have a target of its own
    for named in (target, *(parse_target(group.target.url) for group in warhead.groups if group.target.url)):
        refuse_public_broker(named, confirmations)
    return target, warhead.with_credentials(target.username, target.password)
