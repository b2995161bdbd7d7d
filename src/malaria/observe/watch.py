"""The observers alone: looks at a broker without making load, for a while or until Ctrl-C. May run for days."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from malaria.clock import now_ns
from malaria.observe.observers import ObservedTarget, Observers
from malaria.records.rows import Event, Observation

LOOK_EVERY_S: Final = 0.1

type ObservedRow = Observation | Event


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What to look at, and for how long (None: until it is ended)."""

    view: ObservedTarget
    duration_ns: int | None = None


def watch(wish: WatchRequest, on_rows: Callable[[int, list[ObservedRow]], None], ended: Callable[[], bool]) -> bool:
    """Gives the rows as they come, with the time since the start. True when anything at all was seen.

    Raises OperatorError for what cannot be observed of this target.
    """
    start_ns = now_ns()
    lookout = Observers(wish.view, lambda: now_ns() - start_ns)
    lookout.start()
    try:
        while not ended():
            at_ns = now_ns() - start_ns
            on_rows(at_ns, lookout.look())
            if wish.duration_ns is not None and at_ns >= wish.duration_ns:
                break
            time.sleep(LOOK_EVERY_S)
    finally:
        account = lookout.stop()
        on_rows(now_ns() - start_ns, lookout.look())
    return any(one.samples for one in account)
