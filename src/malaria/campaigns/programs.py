"""Choose the program of a campaign: its levels, the search in their place, or the comparison of two of them."""

from __future__ import annotations

from malaria.campaigns.capacity_program import CapacityProgram
from malaria.campaigns.comparison_program import ComparisonProgram
from malaria.campaigns.definition import Campaign
from malaria.campaigns.levels import Levels
from malaria.campaigns.program import Program


def program_of(campaign: Campaign) -> Program:
    """Return the program. Raises CampaignError for a load that cannot be searched."""
    if campaign.search is not None:
        return CapacityProgram(campaign)
    return Levels(campaign) if campaign.comparison is None else ComparisonProgram(campaign)
