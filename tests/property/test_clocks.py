"""Whatever the ways there and back take: the true offset is within the stated error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from malaria.swarm.run.clock_offsets import DRIFT_PPM, MILLION, ClockTrack, Exchange

FAR = 10**13
trips = st.lists(
    st.tuples(st.integers(0, 10**10), st.integers(0, 10**8), st.integers(0, 10**8)), min_size=1, max_size=40
)
"""(pause before the question, the way there, the way back), all in nanoseconds."""


class TwoClocks:
    """A conductor's and a bee's, the bee's with an offset and a drift."""

    def __init__(self, offset_ns: int, drift_ppm: int) -> None:
        self.at_ns = 1_000
        self.offset_ns = offset_ns
        self.drift_ppm = drift_ppm

    def true_offset_ns(self) -> int:
        return self.offset_ns + self.at_ns * self.drift_ppm // MILLION

    def exchange(self, there_ns: int, back_ns: int) -> Exchange:
        asked_ns = self.at_ns
        self.at_ns += there_ns
        told_ns = self.at_ns + self.true_offset_ns()
        self.at_ns += back_ns
        return Exchange(asked_ns, told_ns, self.at_ns)


@given(trips, st.integers(-FAR, FAR), st.integers(-DRIFT_PPM, DRIFT_PPM), st.integers(0, 10**11))
def test_the_truth_is_within_the_error(trips: list[tuple[int, int, int]], offset: int, drift: int, later: int) -> None:
    clocks, track = TwoClocks(offset, drift), ClockTrack()
    for pause_ns, there_ns, back_ns in trips:
        clocks.at_ns += pause_ns
        track.take(clocks.exchange(there_ns, back_ns))
        estimate = track.estimate(clocks.at_ns)
        assert estimate is not None
        assert abs(estimate.offset_ns - clocks.true_offset_ns()) <= estimate.error_ns + 1
    clocks.at_ns += later
    estimate = track.estimate(clocks.at_ns)
    assert estimate is not None
    assert abs(estimate.offset_ns - clocks.true_offset_ns()) <= estimate.error_ns + 1
    assert track.steps == 0


@given(trips)
def test_more_exchanges_never_make_it_worse_than_the_last_alone(trips: list[tuple[int, int, int]]) -> None:
    clocks, track = TwoClocks(0, 0), ClockTrack()
    for pause_ns, there_ns, back_ns in trips:
        clocks.at_ns += pause_ns
        exchange = clocks.exchange(there_ns, back_ns)
        track.take(exchange)
        alone = ClockTrack()
        alone.take(exchange)
        both, one = track.estimate(clocks.at_ns), alone.estimate(clocks.at_ns)
        assert both is not None
        assert one is not None
        assert both.error_ns <= one.error_ns
