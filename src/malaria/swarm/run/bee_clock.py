"""A bee's clock as the conductor knows it, and the run time 0 that the bee counts from. Without I/O.

Run time is the conductor's clock minus the epoch. A bee stamps with its own clock, so it is given the epoch in that:
the conductor's epoch plus the offset of the two clocks. Promises: once the offset in use cannot be the true one, a
correction is due; `worst_error_ns` bounds how far the bee's run time has ever been from the conductor's.
"""

from __future__ import annotations

from malaria.records.run_meta import BeeClockFacts, OffsetFacts
from malaria.swarm.run.clock_offsets import ClockTrack, Exchange, Offset


class BeeClock:
    """One bee's clock. One owner."""

    def __init__(self) -> None:
        self.track = ClockTrack()
        self.before: Offset | None = None
        self.corrections = 0
        self.worst_error_ns = 0
        self._epoch_ns = 0  # on the conductor's clock
        self._used_ns: int | None = None  # the offset that the bee's run time counts with

    def take(self, exchange: Exchange, at_ns: int) -> None:
        """Enter an exchange of times."""
        self.track.take(exchange)
        estimate = self.track.estimate(at_ns)
        if self._used_ns is not None and estimate is not None:
            self.worst_error_ns = max(self.worst_error_ns, estimate.distance_ns(self._used_ns))

    def note_before_load(self, at_ns: int) -> None:
        """Remember the offset as it is known before the load, for the record."""
        self.before = self.track.estimate(at_ns)

    def epoch_on_bee(self, epoch_ns: int, at_ns: int) -> int:
        """Return run time 0 on the bee's clock, by the offset as known now; the bee counts from there."""
        estimate = self.track.estimate(at_ns)
        assert estimate is not None
        self._epoch_ns, self._used_ns = epoch_ns, estimate.offset_ns
        self.worst_error_ns = estimate.error_ns
        return epoch_ns + estimate.offset_ns

    def correction(self, at_ns: int) -> int | None:
        """Return a new run time 0 on the bee's clock; None while the offset in use may be the true one."""
        estimate = self.track.estimate(at_ns)
        if self._used_ns is None or estimate is None or estimate.allows(self._used_ns):
            return None
        self.corrections += 1
        self._used_ns = estimate.offset_ns
        return self._epoch_ns + estimate.offset_ns

    def facts(self, bee: str, at_ns: int) -> BeeClockFacts:
        """Return the clock as the run's record holds it."""
        return BeeClockFacts(
            bee=bee,
            before=self._facts_of(self.before),
            last=self._facts_of(self.track.estimate(at_ns)),
            worst_error_ns=self.worst_error_ns,
            best_rtt_ns=self.track.best_rtt_ns,
            exchanges=self.track.exchanges,
            corrections=self.corrections,
            steps=self.track.steps,
        )

    def _facts_of(self, offset: Offset | None) -> OffsetFacts | None:
        if offset is None:
            return None
        return OffsetFacts(at_ns=offset.at_ns - self._epoch_ns, offset_ns=offset.offset_ns, error_ns=offset.error_ns)
