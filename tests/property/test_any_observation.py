"""Whatever observers read gives figures that are sane or unknown, and JSON that any program reads."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malaria.analysis.broker_figures import broker_figures
from malaria.analysis.summary import summarize
from malaria.clock import NS_PER_S
from malaria.outputs.export_formats import to_csv, to_json
from malaria.outputs.files import json_text
from malaria.records.rows import GAP, Observation, Reading, storable
from malaria.report.markdown.run_markdown import render_run_markdown
from synthetic import Course

OBSERVERS = ("sys", "prometheus", "process", "host", "docker")
NAMES = (
    "publish_dropped", "messages_dropped", "messages_stored", "messages_inflight", "retained", "cpu_percent",
    "rss_bytes", "memory_used_bytes", "memory_bytes", "clients_connected", "messages_sent_per_s", "version",
    "uptime_s", "$SYS/broker/x", GAP,
)  # fmt: skip
READINGS = st.one_of(
    st.integers(0, 1_000),
    st.integers(-(10**400), 10**400),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([1e308, -1e308, 2**63, 2**63 - 1, -(2**63), "", "--5", None]),
)
VALUES = st.dictionaries(st.sampled_from(NAMES), READINGS, min_size=1, max_size=4)
TOLD = st.lists(st.tuples(st.integers(-3, 14), VALUES), max_size=8).map(lambda rows: sorted(rows, key=lambda r: r[0]))


@given(observer=st.sampled_from(OBSERVERS), told=TOLD)
def test_any_observation_gives_sane_figures_and_valid_json(
    observer: str, told: list[tuple[int, dict[str, Reading]]]
) -> None:
    stored = [(at_s, {name: storable(value) for name, value in values.items()}) for at_s, values in told]
    seen = tuple(Observation(observer, at_s * NS_PER_S, values) for at_s, values in stored)
    records = replace(Course([10] * 10).run(), observations=seen)
    summary = summarize(records)
    json.loads(json_text(summary.as_json()), parse_constant=pytest.fail)
    json.loads(to_json(records), parse_constant=pytest.fail)
    to_csv(records)
    render_run_markdown(records, summary)
    figures = broker_figures(records)
    for name in ("cpu_percent", "host_cpu_percent", "rss_bytes", "host_memory_used_bytes", "host_memory_bytes"):
        assert figures[name] is None or 0 <= figures[name] <= 2**63
    assert summary.broker.dropped is None or summary.broker.dropped >= 0
