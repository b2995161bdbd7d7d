"""Followers: each sees everything, and one that fails harms nobody."""

from __future__ import annotations

from typing import Any

from malaria.attacks.followers import Followers
from malaria.records.rows import Event, EventKind

MARK = Event(1, EventKind.ACT, "+500 clients")


class Recording:
    def __init__(self, fails: bool = False) -> None:
        self.seen: list[Any] = []
        self.fails = fails

    def event(self, event: Event) -> None:
        if self.fails:
            raise ConnectionResetError("the browser left")
        self.seen.append(event)

    def __getattr__(self, name: str) -> Any:
        return lambda argument: self.seen.append((name, argument))


def test_one_that_fails_is_left_out_with_a_sentence() -> None:
    good, bad = Recording(), Recording(fails=True)
    followers = Followers([bad, good])
    followers.event(MARK)
    followers.event(MARK)
    followers.end("")
    assert good.seen == [MARK, MARK, ("end", "")]
    assert bad.seen == []
    assert followers.take_notes() == ["Recording failed and is left out: ConnectionResetError: the browser left"]
    assert followers.take_notes() == []


def test_a_follower_notes_what_it_has_to_report() -> None:
    followers = Followers([])
    followers.note("the disk is full")
    followers.note("\udcff.jsonl: no space")
    assert followers.take_notes() == ["the disk is full", "\ufffd.jsonl: no space"]
    assert followers.take_notes() == []
