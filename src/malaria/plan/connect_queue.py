"""Compute when clients that come in by hand have been let in, behind those that are still coming. Pure."""

from __future__ import annotations

from fractions import Fraction

from malaria.clock import NS_PER_S
from malaria.plan.surge_schedule import MARGIN_NS


class ConnectQueue:
    """The queue for the connect rate of all workers together. Times are run time in nanoseconds.

    The rule is that of `surge_schedule`: the first message is due a second after the connect rate has let in the last
    client, counted from the change in whole seconds.
    """

    def __init__(self, connect_rate: Fraction, workers: int) -> None:
        self._gap_ns = float(NS_PER_S / connect_rate) if connect_rate else 0.0
        self._workers = workers
        self._free_ns = 0.0  # when the last of those that are coming has been let in

    def passes_ns(self, at_ns: int, clients: int) -> int:
        """Return when the last of so many clients that come at `at_ns` is let in."""
        # each worker paces its own clients, and one may have a client more than the even part
        return int(max(at_ns, self._free_ns) + self._gap_ns * (clients + self._workers - 1))

    def begin_ns(self, at_ns: int, clients: int) -> int:
        """Return when clients that come at `at_ns` publish."""
        delay_ns = self.passes_ns(at_ns, clients) - at_ns
        return at_ns + -(-delay_ns // NS_PER_S) * NS_PER_S + MARGIN_NS

    def delay_ns(self, at_ns: int) -> int:
        """Return how long a client that comes at `at_ns` waits behind the others, in whole seconds."""
        return -(-int(max(0.0, self._free_ns - at_ns)) // NS_PER_S) * NS_PER_S

    def enter(self, at_ns: int, clients: int, ramp_ns: int = 0) -> None:
        """Enter clients that come at `at_ns`, one by one over a ramp."""
        self._free_ns = max(max(at_ns, self._free_ns) + self._gap_ns * clients, float(at_ns + ramp_ns))
