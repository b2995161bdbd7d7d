"""Views of a run for the page and for programs: as it is, or what is new since a state that the reader knows.

The feed follows the attacks of this process, one after the other. A reader has a place in the feed, the `id` of the
last view that it got; the next view has what changed since, however long ago that was. So nothing is queued for a
reader that is slow, and one that comes back misses nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from malaria.attacks.change_door import ChangeDoor
from malaria.attacks.followers import AttackUnderWay
from malaria.records.rows import GAP, Event, EventKind, Observation, Progress, Sample
from malaria.web.feed_place import START, FeedPlace, parse_place
from malaria.web.http_models import RunView
from malaria.web.level_list import LevelList
from malaria.web.live_attack import LiveAttack
from malaria.web.run_views import Surroundings, run_view

LARGEST_EPOCH: Final = 1 << 40


class LiveFeed:
    """A follower of attacks; `view` and `catch_up` belong to the thread of the server, the rest to that of the attack.

    `campaign` is the directory of a campaign; None: there is one attack, or with `watches` a watch, which has observers
    alone. Epochs count from a number that is drawn: a page of an earlier process may come back to this one.
    """

    def __init__(self, title: str, campaign: Path | None = None, *, watches: bool = False) -> None:
        self.title = title
        self.watches = watches
        self.directory = campaign
        self.report: Path | None = None
        self._note = ""
        self._levels = None if campaign is None else LevelList(campaign)
        self._attack = LiveAttack(None, 1 + secrets.randbelow(LARGEST_EPOCH), watches=watches)
        self._kept_texts: dict[tuple[FeedPlace, FeedPlace], tuple[FeedPlace, str]] = {}

    # --- the thread of the attack ----------------------------------------------------------------------------------

    def begin(self, attack: AttackUnderWay) -> None:
        self._note = ""
        self._attack = LiveAttack(attack, self._attack.epoch + 1)

    def sample(self, sample: Sample) -> None:
        self._attack.inbox.put(sample)

    def observation(self, row: Observation) -> None:
        self._attack.inbox.put(row)

    def event(self, event: Event) -> None:
        self._attack.inbox.put(event)

    def progress(self, progress: Progress) -> None:
        inbox = self._attack.inbox
        inbox.progress, inbox.seen_ns = progress, progress.at_ns

    def end(self, failure: str) -> None:
        inbox = self._attack.inbox
        inbox.failure = inbox.failure or failure
        inbox.over = True

    def tell(self, text: str) -> None:
        """Note what happens between two attacks, or why there is none any more."""
        self._note = text

    def observed(self, at_ns: int, rows: Iterable[Observation | Event]) -> None:
        """Take what a watch saw until a run time."""
        inbox = self._attack.inbox
        for row in rows:
            inbox.put(row)
            if isinstance(row, Observation) and GAP in row.values:
                inbox.put(Event(row.at_ns, EventKind.OBSERVER, f"{row.observer}: {row.values[GAP]}"))
        inbox.seen_ns = at_ns

    # --- the thread of the server ----------------------------------------------------------------------------------

    @property
    def door(self) -> ChangeDoor | None:
        """The door of the attack that runs; None before the first one."""
        return self._attack.door

    def catch_up(self) -> None:
        """Work up what came in. Called once a second, whoever reads."""
        self._kept_texts.clear()
        self._attack.catch_up()

    def text_since(self, since: FeedPlace) -> tuple[FeedPlace, str]:
        """Return the place of now, and the view since another as JSON. Readers at the same place share it."""
        key = since, self._attack.place
        if key not in self._kept_texts:
            view = self.view(since)
            self._kept_texts[key] = parse_place(view.id), view.model_dump_json()
        return self._kept_texts[key]

    def view(self, since: FeedPlace = START) -> RunView:
        """Return what is new since a place."""
        campaign = None if self._levels is None else self._levels.view()
        # another attack may begin meanwhile: the view is all of one
        return run_view(self._attack, since, Surroundings(campaign, self._note, self.report is not None))
