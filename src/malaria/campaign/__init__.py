"""Many attacks, one after the other, to one page: a campaign conducted, gone on with, told."""

from malaria.campaign.campaign_runner import HANDS, Hands, conduct_campaign
from malaria.campaign.demo import demo_request
from malaria.campaign.request import CampaignOutcome, CampaignRequest, Listener, Repeat
from malaria.campaign.resuming import new_request, resumed_request

__all__ = [
    "HANDS",
    "CampaignOutcome",
    "CampaignRequest",
    "Hands",
    "Listener",
    "Repeat",
    "conduct_campaign",
    "demo_request",
    "new_request",
    "resumed_request",
]  # fmt: skip
