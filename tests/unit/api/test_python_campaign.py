"""Campaigns and searches from Python: which keywords they take, with a stand-in for what runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import malaria
from malaria.api import quiet_campaign
from malaria.campaigns import CampaignRequest
from malaria.errors import OperatorError


class AskedForError(Exception):
    """Ends a search where it would run."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[CampaignRequest]:
    found: list[CampaignRequest] = []

    def run(request: CampaignRequest, *_: Any, **__: Any) -> None:
        found.append(request)
        raise AskedForError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(quiet_campaign, "run_quietly", run)
    return found


@pytest.mark.parametrize("trigger", ["50%, 90%", ["50%", "90%"]])
def test_a_search_takes_triggers(asked: list[CampaignRequest], trigger: Any) -> None:
    with pytest.raises(AskedForError):
        malaria.capacity("127.0.0.1:1", to=100, hold="4s", trigger=trigger, heal="12s")
    (request,) = asked
    search = request.campaign.search
    assert search is not None
    assert [float(part) for part in search.triggers] == [0.5, 0.9]
    assert search.heal_ns == 12 * 10**9


def test_a_trigger_that_is_no_part_is_refused(asked: list[CampaignRequest]) -> None:
    with pytest.raises(OperatorError, match="trigger"):
        malaria.capacity("127.0.0.1:1", to=100, hold="4s", trigger="much")
    assert asked == []
