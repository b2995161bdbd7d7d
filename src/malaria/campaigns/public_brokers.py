"""Refuse a campaign that would load a well-known public broker."""

from __future__ import annotations

from malaria.campaigns.definition import Campaign
from malaria.model.target import parse_target, refuse_public_broker


def refuse_public_brokers(campaign: Campaign, confirmations: int) -> None:
    """Raise TargetError if an attack, or a group of one, has a public broker as target, unless confirmed twice."""
    for level in campaign.levels:
        for attack in level.attacks:
            for access in (attack.warhead.target, *(group.target for group in attack.warhead.groups)):
                if access.url is not None:
                    refuse_public_broker(parse_target(access.url), confirmations)
