"""Many attacks, one after the other, to one page: a program decides the steps, one runner carries them out."""

from malaria.campaigns.campaign_runner import CampaignTools, conduct_campaign
from malaria.campaigns.capacity_request import CapacityOptions, capacity_request
from malaria.campaigns.compare_request import CompareOptions, compare_request
from malaria.campaigns.demo_campaign import demo_request
from malaria.campaigns.public_brokers import refuse_public_brokers
from malaria.campaigns.repeat_request import RepeatOptions, repeat_request
from malaria.campaigns.request import (
    CampaignListener,
    CampaignOutcome,
    CampaignRequest,
    PartPlace,
    RepeatCommand,
    repeat_words,
)
from malaria.campaigns.resumer import refuse_to_resume, resume_command
from malaria.campaigns.resuming import new_request, resumed_request
from malaria.campaigns.seal import foreign_commands

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
    "refuse_public_brokers",
    "refuse_to_resume",
    "repeat_request",
    "repeat_words",
    "resume_command",
    "resumed_request",
]  # fmt: skip
