"""What of an attack a search takes as evidence."""

from __future__ import annotations

import pytest

from malaria.analysis.capacity.trials import trials_of_part
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import BrokerFigures, MessageFigures, Summary, Verdict
from malaria.records.campaign_records import CampaignPart
from malaria.records.search_goal import SearchGoal, TrialLoad

GOAL = SearchGoal(start=100, smallest=1, greatest=1000, width=0.05, hold_s=30, probe_s=5)
PART = CampaignPart(1, "400", "", 400, trial=TrialLoad(400, 30))
FAIL = Verdict(Outcome.FAIL, (Reason(Outcome.FAIL, "it failed", ""),))


@pytest.mark.parametrize(
    ("summary", "decisive"),
    [
        (Summary(verdict=FAIL), False),
        (Summary(verdict=FAIL, messages=MessageFigures(acked_lost=1)), True),
        (Summary(verdict=FAIL, messages=MessageFigures(duplicated_qos_2=1)), True),
        (Summary(verdict=FAIL, broker=BrokerFigures(ended_s=4.0)), True),
        (Summary(verdict=Verdict(Outcome.INVALID), broker=BrokerFigures(ended_s=4.0)), False),
    ],
)
def test_a_crash_or_a_broken_promise_is_not_outvoted(summary: Summary, decisive: bool) -> None:
    (trial,) = trials_of_part(PART, summary, GOAL)
    assert trial.decisive is decisive
