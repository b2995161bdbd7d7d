"""The clock that people read."""

from __future__ import annotations

from malaria.analysis.timeline import load_start_ns, load_time_s
from malaria.records.run_meta import RunMeta

S = 10**9


def test_the_clock_of_people_begins_with_the_load() -> None:
    meta = RunMeta(measure_start_ns=3 * S)
    assert load_start_ns(meta) == 3 * S
    assert [load_time_s(meta, at_s * S) for at_s in (1, 3, 15)] == [-2.0, 0.0, 12.0]
    assert load_time_s(RunMeta(), 4 * S) == 4.0, "the load never started"
