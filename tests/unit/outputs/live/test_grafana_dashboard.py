"""The shipped dashboard asks for metrics that are exported, and holds what Grafana wants of a dashboard."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from live_attack import StagedAttack, play
from malaria.outputs.live.live_figures import LiveFigures
from malaria.outputs.live.prometheus_metrics import attack_page

DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).parents[4] / "examples/grafana-dashboard.json").read_text(encoding="utf-8")
)
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
OF_OBSERVERS = {"malaria_process_cpu_percent", "malaria_process_rss_bytes", "malaria_host_cpu_percent"}
"""Of docs/observers.md, which a test of its own compares with what observers read."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of everything on the page of an attack, with the suffixes of its type."""
    figures = LiveFigures(tmp_path_factory.mktemp("run"))
    play(figures, StagedAttack(tmp_path_factory.mktemp("run")))
    figures.close()
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    families = text_string_to_metric_families(attack_page(figures).render()[1].decode())
    return {family.name + suffix for family in families for suffix in suffixes[family.type]}


def test_every_metric_of_a_query_is_exported(exported: set[str]) -> None:
    asked = {name for query in QUERIES for name in re.findall(r"malaria_\w+", query)}
    assert asked - OF_OBSERVERS <= exported
    assert len(asked) > 25
    document = (Path(__file__).parents[4] / "docs/observers.md").read_text()
    for name in OF_OBSERVERS:
        assert f"`{name.removeprefix('malaria_').partition('_')[2]}`" in document


@pytest.mark.parametrize("query", QUERIES)
def test_queries_are_well_formed(query: str) -> None:
    assert query.count("(") == query.count(")")
    counters = re.findall(r"(rate\()?malaria_\w+_(?:total|bucket)\b", query)
    assert all(counters) or query.endswith('_total{run="$run"}'), "a counter is shown as a rate"
    assert "histogram_quantile" not in query or "sum by (le) (rate(" in query


def test_panels_lie_side_by_side() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["type"] in ("stat", "timeseries")
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
    for one, other in combinations((panel["gridPos"] for panel in PANELS), 2):
        apart = any(
            first[start] + first[size] <= second[start]
            for first, second in ((one, other), (other, one))
            for start, size in (("x", "w"), ("y", "h"))
        )
        assert apart, (one, other)


def test_it_can_be_imported() -> None:
    assert DASHBOARD["id"] is None  # else an import would overwrite another one
    assert DASHBOARD["schemaVersion"] >= 36
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(DASHBOARD))) == variables
    sources = {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]}
    assert sources == {"${datasource}"}
    marks = DASHBOARD["annotations"]["list"][1]["target"]
    assert marks["tags"] == ["malaria", "$run"]
