"""Post the marks of a running attack to Grafana as annotations: `POST /api/annotations`.

Each phase, surge, change by hand, loss and end of a broker is a mark. The measured time is a region, and so is each
stall: those are known when the attack has been judged. Troubles of single connections and gaps of observers are left
out, because a broker that fails makes hundreds of them. The tags are `malaria`, the name of the run and the kind.
"""

from __future__ import annotations

import html
import json
from functools import partial
from pathlib import Path
from typing import Any, Final

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.outputs.live.followed_attack import FollowedAttack, run_name
from malaria.outputs.live.http_endpoint import EndpointPosts, HttpEndpoint
from malaria.outputs.live.live_figures import read_summary
from malaria.records.rows import Event, EventKind, Observation, Progress, RunPhase, Sample
from malaria.units import format_things

MARKED: Final = frozenset({
    EventKind.PHASE, EventKind.SURGE, EventKind.ACT, EventKind.BROKER, EventKind.LOST, EventKind.OPERATOR,
})  # fmt: skip
TAG: Final = "malaria"
_MOST_WAITING: Final = 1000


class GrafanaMarks:
    """A follower that posts annotations. `root` is the directory that the command writes to."""

    def __init__(self, endpoint: HttpEndpoint, root: Path) -> None:
        self._root = root
        self._posts = EndpointPosts(endpoint, "application/json", _MOST_WAITING)
        self._attack: FollowedAttack | None = None
        self._measured_ns: int | None = None
        self._load_start_ns: int | None = None

    def begin(self, attack: FollowedAttack) -> None:
        self._posts.begin(attack)
        self._posts.put(partial(self._begin, attack))

    def sample(self, sample: Sample) -> None:
        """Do nothing: Grafana reads figures elsewhere."""

    def observation(self, row: Observation) -> None:
        """Do nothing: Grafana reads figures elsewhere."""

    def event(self, event: Event) -> None:
        if event.kind in MARKED:
            self._posts.put(partial(self._mark, event))

    def progress(self, progress: Progress) -> None:
        self._load_start_ns = progress.load_start_ns

    def end(self, failure: str) -> None:
        self._posts.put(partial(self._end, self._load_start_ns))

    def close(self) -> str:
        """Post what waits, for 2 s at most. Return what there is to tell."""
        if self._posts.close():
            return ""
        missing = self._posts.failed + self._posts.dropped
        were = f"{format_things(missing, 'mark')} {'was' if missing == 1 else 'were'}"
        return f"{self._posts}: {were} not taken: {self._posts.failing or 'it was too slow'}"

    def _begin(self, attack: FollowedAttack) -> None:
        self._attack, self._measured_ns = attack, None

    def _mark(self, event: Event) -> None:
        self._post(event.kind, event.text, event.at_ns)
        if event.kind is not EventKind.PHASE:
            return
        if event.text == RunPhase.MEASURE:
            self._measured_ns = event.at_ns
        elif self._measured_ns is not None:
            self._post("measured", "measured time", self._measured_ns, event.at_ns)
            self._measured_ns = None

    def _end(self, load_start_ns: int | None) -> None:
        """Post what is known of an attack when it has been judged: its stalls."""
        if self._attack is None:
            return
        summary = read_summary(self._attack.directory)
        for episode in summary.get("episodes", []) if load_start_ns is not None else []:
            begin_ns = (load_start_ns or 0) + round(episode["at_s"] * NS_PER_S)
            self._post(episode["kind"], episode["text"], begin_ns, begin_ns + round(episode["length_s"] * NS_PER_S))

    def _post(self, kind: str, text: str, at_ns: int, end_ns: int | None = None) -> None:
        """Post a mark, or with `end_ns` a region."""
        assert self._attack is not None
        epoch_ns = self._attack.facts.epoch_wall_ns or 0
        body: dict[str, Any] = {
            "time": (epoch_ns + at_ns) // NS_PER_MS,
            "tags": [TAG, run_name(self._attack.directory, self._root), kind],
            # Grafana shows it as HTML, and a text may come from a broker
            "text": html.escape(f"{kind}: {text}"),
        }
        if end_ns is not None:
            body["timeEnd"] = (epoch_ns + end_ns) // NS_PER_MS
        self._posts.post(json.dumps(body).encode())
