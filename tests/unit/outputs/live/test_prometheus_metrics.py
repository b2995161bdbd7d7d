"""The figures of a running attack, read back with the official parser."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from live_attack import LATENCIES_MS, StagedAttack, play, progress, sample
from malaria.clock import NS_PER_S
from malaria.outputs.live.live_figures import LiveFigures
from malaria.outputs.live.metric_names import (
    ACCOUNT,
    CLIENTS_PLANNED,
    COUNTERS,
    CPU,
    DUE_RATE,
    GAUGES,
    GAUGES_LEFT_OUT,
    HISTOGRAMS,
    HISTOGRAMS_LEFT_OUT,
    PHASE,
    PREFIX,
    STARTED,
    UNTAKEN,
    VERDICT,
)
from malaria.outputs.live.prometheus_metrics import BOUNDS_S, attack_page, cumulative_buckets
from malaria.records.histogram import Histogram
from malaria.records.rows import Counter, Gauge, Metric

DOCUMENT = Path(__file__).parents[4] / "docs/metrics.md"

type Found = dict[tuple[str, ...], float]


def read(figures: LiveFigures) -> tuple[Found, dict[str, str]]:
    """The samples of a page by name and values of labels, in the order of their names; the type of each family."""
    families = list(text_string_to_metric_families(attack_page(figures).render()[1].decode()))
    every = [sample for family in families for sample in family.samples]
    samples = {(s.name, *(s.labels[label] for label in sorted(s.labels))): s.value for s in every}
    assert len(samples) == len(every)
    return samples, {family.name: family.type for family in families}


@pytest.fixture
def played(tmp_path: Path) -> tuple[Found, dict[str, str]]:
    figures = LiveFigures(tmp_path / "first")
    play(figures, StagedAttack(tmp_path / "first"))
    figures.close()
    return read(figures)


def test_counters_are_the_totals_of_the_runner(played: tuple[Found, dict[str, str]]) -> None:
    found, types = played
    assert found["malaria_messages_sent_total", "first"] == 800
    assert found["malaria_messages_due_total", "first"] == 820
    assert found["malaria_pings_total", "first"] == 0
    assert found["malaria_generator_cpu_seconds_total", "first"] == 0.8
    assert types["malaria_messages_sent"] == "counter"


def test_histograms_have_the_exact_counts_and_sums(played: tuple[Found, dict[str, str]]) -> None:
    found, types = played
    times = 4  # two workers, two seconds
    bounds = {"0.0001": 1, "0.00025": 1, "0.0005": 2, "0.001": 3, "0.005": 3, "0.01": 4, "60": 4, "+Inf": 4}
    for bound, count in bounds.items():
        assert found["malaria_ack_latency_seconds_bucket", bound, "first"] in (times * count, times * (count - 1))
    assert found["malaria_ack_latency_seconds_count", "first"] == times * len(LATENCIES_MS[Metric.ACK])
    assert found["malaria_ack_latency_seconds_sum", "first"] == pytest.approx(times * 0.0084)
    assert types["malaria_ack_latency_seconds"] == "histogram"


def test_clients_that_come_are_planned(tmp_path: Path) -> None:
    figures = LiveFigures(tmp_path)
    figures.begin(StagedAttack(tmp_path / "first"))
    figures.progress(progress(2, clients_planned=70))
    figures.close()
    assert read(figures)[0]["malaria_clients_planned", f"{tmp_path.name}/first"] == 70


def test_gauges_phase_and_readings(played: tuple[Found, dict[str, str]]) -> None:
    found, _ = played
    assert found["malaria_clients_ready", "first"] == 50
    assert found["malaria_clients_planned", "first"] == 50
    assert found["malaria_messages_due_per_second", "first"] == 200
    assert found["malaria_start_timestamp_seconds", "first"] == 1_796_000_000
    assert found["malaria_process_cpu_percent",] == 71.5
    assert ("malaria_messages_inflight", "first") not in found


def test_verdict_and_account_come_with_the_end(tmp_path: Path) -> None:
    figures = LiveFigures(tmp_path)
    attack = StagedAttack(tmp_path)
    figures.begin(attack)
    figures.progress(progress(1))
    figures.close()
    found, _ = read(figures)
    assert found["malaria_phase", "measure", tmp_path.name] == 1
    assert not [name for name in found if name[0] in ("malaria_verdict", "malaria_messages_lost")]

    figures = LiveFigures(tmp_path)
    play(figures, attack)
    figures.close()
    found, _ = read(figures)
    assert found["malaria_verdict", tmp_path.name, "PASS"] == 1
    assert found["malaria_messages_lost", tmp_path.name] == 3
    assert ("malaria_messages_acked_lost", tmp_path.name) not in found
    assert found["malaria_phase", "measure", tmp_path.name] == 0


def test_only_the_running_attack_and_the_one_before_are_served(tmp_path: Path) -> None:
    figures = LiveFigures(tmp_path)
    for level in ("01", "02", "03"):
        play(figures, StagedAttack(tmp_path / level))
    figures.close()
    found, _ = read(figures)
    runs = {f"{tmp_path.name}/02", f"{tmp_path.name}/03"}
    assert {labels[1] for labels in found if labels[0] == "malaria_messages_sent_total"} == runs


def test_an_attack_that_ends_before_it_begins_harms_nothing(tmp_path: Path) -> None:
    figures = LiveFigures(tmp_path)
    figures.end("the disk is full")
    figures.close()
    assert read(figures)[0]["malaria_live_rows_dropped_total",] == 0


def test_values_only_grow_within_a_run(tmp_path: Path) -> None:
    figures = LiveFigures(tmp_path)
    figures.begin(StagedAttack(tmp_path))
    figures.sample(sample(1, "bee-1/1", 500))
    figures.sample(sample(2, "bee-1/1", 400))  # late, from the bee's disk
    figures.close()
    assert read(figures)[0]["malaria_generator_cpu_seconds_total", tmp_path.name] == 0.5


def test_the_page_is_open_metrics_too(tmp_path: Path) -> None:
    figures = LiveFigures(tmp_path)
    play(figures, StagedAttack(tmp_path))
    figures.close()
    content_type, page = attack_page(figures).render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert any(family.name == "malaria_messages_sent" for family in open_metrics(page.decode()))


def test_names_are_as_promtool_wants_them(played: tuple[Found, dict[str, str]]) -> None:
    """The rules of `promtool check metrics`: base units as suffix, no type in a name, _total for counters alone."""
    samples, types = played
    other_units = re.compile(r"_(ns|us|ms|milliseconds|minutes|hours|kb|mb|kilobytes|megabytes)(_|$)")
    for name, kind in types.items():
        assert re.fullmatch(r"malaria(_[a-z0-9]+)+", name), name
        assert not other_units.search(name), name
        assert not re.search(r"_(total|count|sum|bucket|info)$", name) or kind == "counter", name
        assert not re.search(r"(^|_)(gauge|counter|histogram)(_|$)", name), name
    assert all(name[0].endswith("_total") for name in samples if types.get(name[0][:-6]) == "counter")
    units = {name for name in types if "latency" in name or "duration" in name or "lag" in name}
    assert all(name.endswith("_seconds") for name in units)


def test_labels_are_those_that_are_promised(tmp_path: Path) -> None:
    figures = LiveFigures(tmp_path)
    play(figures, StagedAttack(tmp_path))
    figures.close()
    page = attack_page(figures).render()[1].decode()
    labels = {label for line in page.splitlines() if not line.startswith("#") for label in re.findall(r'(\w+)="', line)}
    assert labels <= {"run", "phase", "verdict", "le", "observer", "topic"}


def test_everything_that_is_counted_has_a_name_or_a_reason() -> None:
    assert set(COUNTERS) == set(Counter)
    assert set(GAUGES) | set(GAUGES_LEFT_OUT) == set(Gauge)
    assert set(HISTOGRAMS) | set(HISTOGRAMS_LEFT_OUT) == set(Metric)
    names = [m.name for table in (COUNTERS, GAUGES, HISTOGRAMS, ACCOUNT) for m in table.values()]
    assert len(set(names)) == len(names)
    observers = ("sys_", "process_", "host_", "prometheus_", "docker_", "perf_", "programs_", "observer_")
    assert not [name for name in names if name.startswith(observers)]


def test_the_documentation_has_every_metric(played: tuple[Found, dict[str, str]]) -> None:
    rows = dict(re.findall(r"^\| `(malaria_\w+)` \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE))
    metrics = [(metric, "_total") for metric in (*COUNTERS.values(), CPU, UNTAKEN)]
    others = (*GAUGES.values(), *ACCOUNT.values(), *HISTOGRAMS.values(), CLIENTS_PLANNED, DUE_RATE, STARTED)
    metrics += [(metric, "") for metric in (*others, PHASE, VERDICT)]
    assert rows == {f"{PREFIX}{metric.name}{suffix}": metric.text for metric, suffix in metrics}


def test_a_bound_counts_what_lies_below_it() -> None:
    """At most the values less than 0.1 % below a bound count as above it, and none above it counts as below."""
    rng = np.random.default_rng(7)
    values = (10 ** rng.uniform(3, 11.5, 50_000)).astype(np.int64)
    histogram = Histogram()
    histogram.record_many(values)
    buckets = cumulative_buckets(histogram)
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == len(values)
    for bound, count in zip(BOUNDS_S, counts, strict=False):
        bound_ns = round(bound * NS_PER_S)
        assert np.count_nonzero(values <= bound_ns * 0.999) <= count <= np.count_nonzero(values <= bound_ns)
