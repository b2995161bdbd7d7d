"""Many attacks, one after the other, to one page: a program decides the steps, one runner carries them out."""

from malaria.campaign.campaign_runner import CampaignTools, conduct_campaign
from malaria.campaign.capacity_request import CapacityOptions, capacity_request
from malaria.campaign.compare_request import CompareOptions, compare_request
from malaria.campaign.demo_campaign import demo_request
from malaria.campaign.repeat_request import RepeatOptions, repeat_request
from malaria.campaign.request import CampaignListener, CampaignOutcome, CampaignRequest, PartPlace, RepeatCommand
from malaria.campaign.resuming import new_request, resumed_request
from malaria.campaign.seal import foreign_commands

__all__ = [
    "CampaignListener",
    "CampaignOutcome",
    "CampaignRequest",
    "CampaignTools",
    "CapacityOptions",
    "CompareOptions",
    "PartPlace",
    "RepeatCommand",
    "RepeatOptions",
    "capacity_request",
    "compare_request",
    "conduct_campaign",
    "demo_request",
    "foreign_commands",
    "new_request",
    "repeat_request",
    "resumed_request",
]  # fmt: skip
