"""Choose the program of a campaign: its levels, or the search that stands in their place."""

from __future__ import annotations

from malaria.campaign.capacity_program import CapacityProgram
from malaria.campaign.definition import Campaign
from malaria.campaign.levels import Levels
from malaria.campaign.program import Program


def program_of(campaign: Campaign) -> Program:
    """Return the program. Raises CampaignError for a load that cannot be searched."""
    return Levels(campaign) if campaign.search is None else CapacityProgram(campaign)
