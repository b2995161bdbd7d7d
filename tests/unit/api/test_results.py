"""The results that Python code gets."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from malaria.analysis.summary import summarize
from malaria.api.results import AttackResult, CampaignResult, Series
from malaria.errors import OperatorError
from malaria.outputs.files import MARKDOWN, PAGE, SUMMARY
from synthetic import make_run, with_meta


def result_in(directory: Path, **facts: object) -> AttackResult:
    run = with_meta(make_run(seconds=10, workers=2, clients=100), **facts)
    return AttackResult(directory, summarize(run), run)


def test_figures_are_attributes(tmp_path: Path) -> None:
    result = result_in(tmp_path)
    assert result.verdict.outcome == "PASS"
    assert bool(result)
    assert result.summary.messages.delivered == result.summary["messages"]["delivered"]
    assert result.latency.ack.p99 == result.summary.latency_ms["ack"].p99 is not None
    assert result.latency.tls.p99 is None


def test_a_result_shows_its_verdict_and_directory_in_a_line(tmp_path: Path) -> None:
    result = result_in(tmp_path)
    shown = f"PASS {result.summary.headline!r} in {str(tmp_path)!r}>"
    assert repr(result) == f"<AttackResult {shown}"
    assert repr(CampaignResult(tmp_path, result.summary)) == f"<CampaignResult {shown}"


def test_only_a_pass_is_true(tmp_path: Path) -> None:
    failed = result_in(tmp_path, thresholds=["ack.p99 < 0.001ms"])
    assert failed.verdict.outcome == "FAIL"
    assert not failed
    assert not CampaignResult(tmp_path, failed.summary)


def test_a_result_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        result_in(tmp_path).directory = Path("/")  # type: ignore[misc]


def test_series_are_columns_of_numpy() -> None:
    series = Series({"t_s": [1, 2, 3], "phase": ["measure", None, "drain"], "acked_per_s": [10.5, None, 0]})
    assert list(series) == ["t_s", "phase", "acked_per_s"]
    assert series["t_s"].dtype == series["acked_per_s"].dtype == np.float64
    assert series["acked_per_s"][0] == 10.5
    assert math.isnan(series["acked_per_s"][1])  # unknown, not 0
    assert series["acked_per_s"][2] == 0
    assert series["phase"].tolist() == ["measure", "", "drain"]


def test_the_series_of_a_run_have_its_seconds(tmp_path: Path) -> None:
    series = result_in(tmp_path).series
    assert {"t_s", "acked_per_s", "ack_p99_ms", "clients", "own_lag_max_ms"} <= set(series)
    assert len({len(column) for column in series.values()}) == 1


def test_series_become_a_frame_where_pandas_is(monkeypatch: pytest.MonkeyPatch) -> None:
    series = Series({"t_s": [1, 2], "phase": ["measure", "drain"]})
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(OperatorError, match="pandas") as caught:
        series.to_pandas()
    assert caught.value.remedy == "pip install pandas"

    class Frame(dict[str, object]):
        def set_index(self, name: str) -> tuple[str, list[str]]:
            return name, list(self)

    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=Frame))  # type: ignore[arg-type]
    assert series.to_pandas() == ("t_s", ["t_s", "phase"])


def test_the_page_is_written_when_it_is_asked_for(tmp_path: Path) -> None:
    result = result_in(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert result.page == tmp_path / PAGE
    assert {path.name for path in tmp_path.iterdir()} == {PAGE, MARKDOWN, SUMMARY}
    shown = result._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert "<script" not in shown  # all of it is inside the frame
