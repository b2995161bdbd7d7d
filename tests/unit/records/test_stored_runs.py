"""Runs and campaigns that version 0.1.0 wrote: they open, and say what they said then, to the digit.

But for percentiles of too few values, which it stated, for moments in sentences, which count from the load now, and for
steady rates, which were over a number of seconds and are over the time that was reported in them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from malaria.analysis.campaign_figures import summarize_campaign
from malaria.analysis.quantiles import QUANTILES
from malaria.analysis.series import columns
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_store import open_campaign
from malaria.records.histogram import values_needed
from malaria.records.store import list_runs, open_run

DATA: Final = Path(__file__).parents[2] / "data"
CAMPAIGN: Final = DATA / "campaign"
LATER: Final = (
    *(("steady", name) for name in ("longest_stall_ms", "ack_p99_ms")),
    *(("broker", name) for name in ("cpu_limit_percent", "throttled_percent", "busiest_thread_percent", "descriptors",
                                    "descriptors_limit", "memory_limit_bytes", "ended_s")),
)  # fmt: skip
"""Figures that version 0.1.0 did not have."""
STEADY_PER_S: Final = {39.667: 39.677, 40.0: 40.011, 79.667: 79.678, 80.0: 80.011}
"""What was stated over three seconds, and is over the 2.9992 s (level 1) and 2.9996 s (level 2) that were reported."""
RUNS: Final = ("attack", "campaign/level-1", "campaign/level-2")


def stored(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def as_text(summary: Summary) -> str:
    """Return a summary without the figures that version 0.1.0 did not have, which are unknown for its runs."""
    written = summary.as_json()
    for part in (written, *written["levels"]):
        for later in ("unacked", "duplicated_qos_2", "overlapping"):
            assert part.get("messages", {}).pop(later, None) is None
        assert part.pop("addresses") == []
        assert part.pop("headline")  # version 0.1.0 had its sentence on the page alone
        assert set(part.pop("stalls").values()) == {None}
        assert part.pop("episodes") == part.pop("bees") == []
        for table, later in LATER:
            part.get(table, {}).pop(later, None)
    return json.dumps(written, indent=2) + "\n"


def expected_summary(path: Path) -> str:
    """Return the summary as it was written, but for what the head of this file names."""
    written = json.loads(stored(path).replace("+10 clients at 0:04: ", "+10 clients at 0:02: "))
    for part in (written, *written["levels"]):
        steady = part.get("steady", {})
        steady |= {name: STEADY_PER_S.get(value, value) for name, value in steady.items()}
        for figures in part["latency_ms"].values():
            for statistic, q in QUANTILES.items():
                if (figures["count"] or 0) < values_needed(q):
                    figures[statistic] = None
    return json.dumps(written, indent=2) + "\n"


@pytest.mark.parametrize("name", RUNS)
def test_summary_of_a_stored_run(name: str) -> None:
    """Byte for byte: keys, their order, rounding, null for what is unknown."""
    assert as_text(summarize(open_run(DATA / name))) == expected_summary(DATA / name / "summary.json")


@pytest.mark.parametrize("name", RUNS)
def test_columns_of_a_stored_run(name: str) -> None:
    """Charts and exports have the same columns, in the same order, with the same values.

    But for the names of two phases, which are read as they are called now, and the p99 of seconds with few values.
    """
    found = columns(open_run(DATA / name))
    expected = json.loads(stored(DATA / name / "columns.json"))
    for column in (column for column in expected if column.endswith("_p99_ms")):
        pairs = zip(found[column], expected[column], strict=True)
        expected[column] = [None if now is None else then for now, then in pairs]
    assert json.dumps(found) == json.dumps(expected)


def test_summary_of_a_stored_campaign() -> None:
    campaign = open_campaign(CAMPAIGN)
    levels = {part.directory or "": open_run(CAMPAIGN / (part.directory or "")) for part in campaign.parts}
    whole = summarize_campaign(campaign, {name: summarize(run) for name, run in levels.items()})
    assert as_text(whole) == expected_summary(CAMPAIGN / "summary.json")
    assert campaign.source == stored(CAMPAIGN / "campaign.toml")


def test_list_of_stored_runs() -> None:
    entries = {entry.directory.relative_to(DATA).as_posix(): entry for entry in list_runs(DATA)}
    assert set(entries) == set(RUNS)
    assert entries["attack"].title == "w"
    assert {entry.outcome for entry in entries.values()} == {
        json.loads(stored(DATA / name / "summary.json"))["verdict"]["outcome"] for name in RUNS
    }
