"""Run the observers alone: observe a broker without making load, for a while or until Ctrl-C. May run for days."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from malaria.clock import now_ns
from malaria.errors import OperatorError
from malaria.model.observe import NOTHING, Observe, ProcessChoice
from malaria.observe.target_observers import ObservedTarget, TargetObservers, is_local
from malaria.records.rows import Event, Observation
from malaria.transport.route import Route

POLL_S: Final = 0.1

type ObservedRow = Observation | Event


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """The target to observe, and for how long (None: until it is ended)."""

    target: ObservedTarget
    duration_ns: int | None = None


def watch(request: WatchRequest, on_rows: Callable[[int, list[ObservedRow]], None], ended: Callable[[], bool]) -> bool:
    """Pass every new row to `on_rows`, with the time since the start; return whether anything was seen.

    Raises OperatorError for what cannot be observed of this target.
    """
    start_ns = now_ns()
    observers = TargetObservers(request.target, lambda: now_ns() - start_ns)
    observers.start()
    try:
        while not ended():
            at_ns = now_ns() - start_ns
            on_rows(at_ns, observers.take_rows())
            if request.duration_ns is not None and at_ns >= request.duration_ns:
                break
            time.sleep(POLL_S)
    finally:
        account = observers.stop()
        # the last samples, and the gaps of observers that hang
        on_rows(now_ns() - start_ns, observers.take_rows())
    return any(observer.samples for observer in account)


def with_defaults_stated(observe: Observe, route: Route) -> Observe:
    """Return what to observe, with the default observers stated, so that they report why they see nothing.

    Raises OperatorError if there is nothing to observe.
    """
    if observe == NOTHING:
        raise OperatorError("--observe none: there is nothing to watch", "leave it out, or name what to observe")
    # the operator named the observers; no default is added
    if observe.only_stated:
        return observe
    local = {"process": ProcessChoice(), "host": True} if is_local(route.endpoints[0]) else {}
    return observe.model_copy(update={"sys": True} | local)
