"""Merge laws, count kept, quantile error bound, round trip, hostile bytes."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malaria.records.histogram import HIGHEST_NS, LOWEST_NS, Histogram, SealedHistogram, bucket_of

inside = (
    st.integers(0, 42)
    .flatmap(lambda bits: st.integers(0, 1 << bits))
    .map(lambda value: min(max(value, LOWEST_NS), HIGHEST_NS))
)
anything = inside | st.integers(-(2**63), 2**63 - 1)


def values_of(element: st.SearchStrategy[int], at_least: int = 0) -> st.SearchStrategy[list[int]]:
    return st.lists(element, min_size=at_least, max_size=60)


def histogram_of(values_ns: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.record_many(np.array(values_ns, np.int64))
    return histogram


def merged(*parts: Histogram) -> Histogram:
    whole = Histogram()
    for part in parts:
        whole.merge(part)
    return whole


@given(values_of(anything), values_of(anything), values_of(anything))
def test_merging_is_recording_together_in_any_order(a: list[int], b: list[int], c: list[int]) -> None:
    whole = histogram_of(a + b + c).to_bytes()
    ha, hb, hc = map(histogram_of, (a, b, c))
    assert merged(ha, hb, hc).to_bytes() == whole
    assert merged(hc, ha, hb).to_bytes() == whole
    assert merged(merged(ha, hb), hc).to_bytes() == merged(ha, merged(hb, hc)).to_bytes() == whole


@given(st.lists(values_of(anything), max_size=4), st.floats(0, 1))
def test_a_sealed_one_is_the_twin_of_merged_ones(parts: list[list[int]], q: float) -> None:
    histograms = [histogram_of(values_ns) for values_ns in parts]
    whole, sealed = merged(*histograms), SealedHistogram(one.to_bytes() for one in histograms)
    assert sealed.to_bytes() == whole.to_bytes()
    assert sealed.quantile_ns(q) == whole.quantile_ns(q)
    assert (sealed.is_empty, sealed.count, sealed.mean_ns) == (whole.is_empty, whole.count, whole.mean_ns)
    again = merged(*histograms)
    again.merge(sealed)
    assert again.to_bytes() == merged(whole, whole).to_bytes()


@given(values_of(anything))
def test_one_by_one_is_the_twin_of_many_at_once(values_ns: list[int]) -> None:
    single = Histogram()
    for value_ns in values_ns:
        single.record(value_ns)
    assert single.to_bytes() == histogram_of(values_ns).to_bytes()


@given(values_of(anything))
def test_nothing_is_lost(values_ns: list[int]) -> None:
    histogram = histogram_of(values_ns)
    assert histogram.count == len(values_ns) == histogram.buckets()[1].sum()
    assert histogram.clamped_low == sum(value < LOWEST_NS for value in values_ns)
    assert histogram.clamped_high == sum(value > HIGHEST_NS for value in values_ns)


@given(values_of(inside, at_least=1), st.floats(0, 1))
def test_a_quantile_errs_by_less_than_one_in_1024(values_ns: list[int], q: float) -> None:
    histogram = histogram_of(values_ns)
    estimate_ns = histogram.quantile_ns(q)
    assert estimate_ns is not None
    # q * n is no whole number in floats where it is one in thought: either neighbour will do there
    ranks = {max(1, min(len(values_ns), math.ceil(q * len(values_ns) + grace))) for grace in (-1e-6, 1e-6)}
    candidates_ns = [sorted(values_ns)[rank - 1] for rank in ranks]
    assert any(abs(estimate_ns - true_ns) <= true_ns * 2**-10 for true_ns in candidates_ns)
    assert min(values_ns) <= estimate_ns <= max(values_ns)


@given(values_of(inside, at_least=1), st.lists(st.floats(0, 1), min_size=2).map(sorted))
def test_quantiles_never_decrease(values_ns: list[int], qs: list[float]) -> None:
    histogram = histogram_of(values_ns)
    found = [histogram.quantile_ns(q) or 0 for q in qs]
    assert found == sorted(found)


@given(values_of(inside, at_least=1))
def test_moments_are_those_of_the_values(values_ns: list[int]) -> None:
    histogram = histogram_of(values_ns)
    assert histogram.mean_ns == pytest.approx(np.mean(values_ns))
    assert histogram.stddev_ns == pytest.approx(np.std(values_ns), abs=1e-3, rel=1e-6)
    assert (histogram.min_ns, histogram.max_ns) == (min(values_ns), max(values_ns))


@given(inside)
def test_a_value_lies_in_its_bucket(value_ns: int) -> None:
    histogram = histogram_of([value_ns])
    upper_ns = int(histogram.buckets()[0][0])
    assert value_ns <= upper_ns <= value_ns * (1 + 2**-10)
    assert bucket_of(upper_ns) == bucket_of(value_ns)
    assert bucket_of(upper_ns + 1) > bucket_of(value_ns)


@given(values_of(anything))
def test_the_packed_form_keeps_everything(values_ns: list[int]) -> None:
    histogram = histogram_of(values_ns)
    back = Histogram.from_bytes(histogram.to_bytes())
    assert back.to_bytes() == histogram.to_bytes()
    assert [column.tolist() for column in back.buckets()] == [column.tolist() for column in histogram.buckets()]
    back.merge(histogram)
    assert back.count == 2 * len(values_ns)


@given(st.binary(max_size=200), st.booleans())
def test_hostile_bytes_are_refused(junk: bytes, compressed: bool) -> None:
    with pytest.raises(ValueError, match="histogram"):
        Histogram.from_bytes(b"\1" + (zlib.compress(junk) if compressed else junk))


@given(values_of(inside), st.data())
def test_a_forged_one_is_refused_or_harmless(values_ns: list[int], data: st.DataObject) -> None:
    content = bytearray(zlib.decompress(histogram_of(values_ns).to_bytes()[1:]))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        forged = Histogram.from_bytes(b"\1" + zlib.compress(content))
    except ValueError:
        return
    assert forged.count == forged.buckets()[1].sum()
    if not forged.is_empty:
        assert (forged.stddev_ns or 0) >= 0
        assert forged.quantile_ns(0.5) is not None
