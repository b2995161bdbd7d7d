"""Note the times in which a worker hears nothing from the broker: no acknowledgement and no delivery.

All happens at the ticks of the loop, ten times a second, and costs the way of a message nothing. So a silence begins
at the last tick before the last hearing, up to a tick too early; it ends exactly. When the oldest message without an
answer was due is known exactly. A time in which this process itself did not run is taken out, because the broker may
have spoken in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.clock import NS_PER_MS
from malaria.records.rows import Gauge

TICK_NS: Final = 100 * NS_PER_MS
"""How often the loop calls `tick` while the process runs."""
LEAST_NS: Final = 500 * NS_PER_MS
"""Shorter silences are not reported."""
PAUSE_NS: Final = 100 * NS_PER_MS
"""A tick that is later than this tells that the process did not run, or was busy with itself."""


@dataclass(frozen=True, slots=True)
class _OwnSilence:
    """A time of this worker without hearing anything, on its clock."""

    since_ns: int
    until_ns: int
    waiting_ns: int | None  # since when a message waited in it

    @property
    def length_ns(self) -> int:
        return self.until_ns - self.since_ns


class SilenceRecorder:
    """Keeps the longest silence of each period. `is_long` tells that one lasts which is to be reported."""

    def __init__(self, now_ns: int) -> None:
        self.is_long = False
        self.spoken_ns: int | None = None  # since when messages have been sent in this silence
        self._heard = 0  # acknowledgements and arrivals so far
        self._since_ns = now_ns  # the tick before the last hearing, moved by what the process did not run since
        self._sent = 0  # messages sent at the tick after it
        self._tick_ns = now_ns
        self._waiting_ns: int | None = None
        self._pause_ns = (now_ns, now_ns)  # the last time in which the process did not run
        self._ended: _OwnSilence | None = None

    def tick(self, now_ns: int, heard: int, sent: int) -> None:
        """Take the acknowledgements and arrivals so far, and the messages sent, as they stand at a tick."""
        self.hear(now_ns, heard)
        late_ns, before_ns = now_ns - self._tick_ns - TICK_NS, self._tick_ns
        if late_ns > PAUSE_NS:
            before_ns = now_ns - TICK_NS
            self._pause_ns = (now_ns - late_ns, now_ns)
            self._since_ns = min(now_ns, self._since_ns + late_ns)
            if self._waiting_ns is not None:
                self._waiting_ns += late_ns
        if heard != self._heard:
            self._heard, self._sent, self._since_ns = heard, sent, max(self._since_ns, before_ns)
            self.spoken_ns = None
        elif sent != self._sent and self.spoken_ns is None:
            self.spoken_ns = before_ns
        self._tick_ns = now_ns
        self.is_long = now_ns - self._since_ns >= LEAST_NS
        if not self.is_long:
            self._waiting_ns = None

    def waiting(self, since_ns: int | None) -> None:
        """Take since when the oldest message waits for the broker in a long silence; None if none does."""
        if since_ns is None or self._waiting_ns is None:
            self._waiting_ns = None if since_ns is None else since_ns + self._paused_since(since_ns)

    def hear(self, now_ns: int, heard: int) -> None:
        """End a long silence if the broker was heard at `now_ns`.

        If this process did not run until then, the broker may have spoken as soon as it stopped.
        """
        if not self.is_long or heard == self._heard:
            return
        planned_ns = self._tick_ns + TICK_NS
        silence = self._silence(planned_ns if now_ns - planned_ns > PAUSE_NS else now_ns)
        if self._ended is None or silence.length_ns > self._ended.length_ns:
            self._ended = silence
        self.is_long, self._waiting_ns = False, None

    def gauges(self, end_ns: int) -> dict[Gauge, int]:
        """Return the longest silence of the period that ends at `end_ns`, and begin the next period."""
        ended, lasting = self._ended, self._lasting(end_ns) if self.is_long else None
        self._ended = None
        longest = max((silence for silence in (ended, lasting) if silence), key=lambda one: one.length_ns, default=None)
        if longest is None:
            return {Gauge.SILENT_MAX_NS: 0}
        gauges = {Gauge.SILENT_MAX_NS: longest.length_ns}
        if longest is ended:
            gauges[Gauge.SILENT_MAX_AGO_NS] = max(0, end_ns - longest.until_ns)
        if longest.waiting_ns is not None:
            gauges[Gauge.WAITED_MAX_NS] = max(0, longest.until_ns - max(longest.since_ns, longest.waiting_ns))
        return gauges

    def _lasting(self, end_ns: int) -> _OwnSilence:
        """Return the silence that lasts at `end_ns`, without a time in which the process did not run since the tick."""
        late_ns = end_ns - self._tick_ns - TICK_NS
        silence = self._silence(end_ns)
        if late_ns <= PAUSE_NS:
            return silence
        waiting_ns = silence.waiting_ns and silence.waiting_ns + late_ns
        return _OwnSilence(silence.since_ns + late_ns, end_ns, waiting_ns)

    def _silence(self, until_ns: int) -> _OwnSilence:
        return _OwnSilence(self._since_ns, max(until_ns, self._since_ns), self._waiting_ns)

    def _paused_since(self, since_ns: int) -> int:
        begin_ns, end_ns = self._pause_ns
        return max(0, end_ns - max(since_ns, begin_ns))
