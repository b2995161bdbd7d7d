"""Stamps of messages that were acknowledged in runs, as they stand in the window, until latencies are made of them.

Adding a run copies two slices, 0.3 us for any length; making its latencies at once costs 3 us, four times a run of
eight. Once a second they are made for all runs together.
"""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np

from malaria.engine.meter import Batch

FOLD_AT: Final = 1 << 16
"""Messages that wait before they are folded ahead of the second: bounds the memory of a flood."""


class AckTimes:
    """Latencies of runs of acknowledgements, for `ack` and `service`. Messages due before `measure_ns` have none."""

    def __init__(self, ack: Batch, service: Batch) -> None:
        self._ack = ack
        self._service = service
        self._dues = bytearray()
        self._sents = bytearray()
        self._done_ns = array("q")
        self._counts = array("q")
        self._measure_ns = 0

    def begin(self, measure_ns: int) -> None:
        """Let the measured time begin at `measure_ns` for what is added from here on."""
        self.fold()
        self._measure_ns = measure_ns

    def add(self, dues_ns: memoryview, sents_ns: memoryview, now_ns: int) -> None:
        """Take the stamps of messages that were acknowledged at `now_ns`. Hot."""
        self._dues += dues_ns
        self._sents += sents_ns
        self._done_ns.append(now_ns)
        self._counts.append(len(dues_ns))
        if len(self._dues) >= 8 * FOLD_AT:
            self.fold()

    def fold(self) -> None:
        """Hand the latencies of all that was added to the batches."""
        if not self._counts:
            return
        done_ns = np.repeat(np.array(self._done_ns), np.array(self._counts))
        dues_ns, sents_ns = (np.frombuffer(bytes(stamps), np.int64) for stamps in (self._dues, self._sents))
        timed = dues_ns >= self._measure_ns
        self._ack.extend((done_ns - dues_ns)[timed])
        self._service.extend((done_ns - sents_ns)[timed])
        self._dues.clear()
        self._sents.clear()
        del self._done_ns[:], self._counts[:]
