"""Questions that are asked on a thread of their own."""

from __future__ import annotations

import queue

from full_screens import FakeDoor, watched
from malaria.control.change_answer import AnswerKind
from malaria.tui.change_desk import ChangeDesk, DeskAnswer


def answers(door: FakeDoor, ask: list[tuple[str, ...]], look: tuple[str, ...] = ()) -> list[DeskAnswer]:
    """Ask before the desk opens, so that everything waits; return what is heard."""
    heard: queue.SimpleQueue[DeskAnswer] = queue.SimpleQueue()
    desk = ChangeDesk(watched(door), heard.put)
    for texts in ask:
        desk.ask(*texts)
    for text in look:
        desk.look_ahead(text)
    desk.open()
    got = [heard.get(timeout=10) for _ in range(len(ask) + bool(look))]
    desk.close()
    return got


def test_in_order() -> None:
    door = FakeDoor()
    assert [one.text for one in answers(door, [("+1",), ("+10",), ("-1",)])] == ["+1", "+10", "-1"]
    assert [text for text, _ in door.asked] == ["+1", "+10", "-1"]


def test_of_several_looks_the_newest() -> None:
    door = FakeDoor()
    (answer,) = answers(door, [], ("+5", "+50", "+500"))
    assert (answer.text, answer.only_look) == ("+500", True)
    assert door.looked == ["+500"]
    assert door.asked == []


def test_pause_or_resume() -> None:
    paused = FakeDoor(pause=AnswerKind.CONFLICT)
    assert [one.text for one in answers(paused, [("pause", "resume")])] == ["resume"]
    assert paused.asked == [("resume", "key")]
    running = FakeDoor(resume=AnswerKind.CONFLICT)
    assert [one.text for one in answers(running, [("pause", "resume")])] == ["pause"]
    neither = FakeDoor(pause=AnswerKind.CONFLICT, resume=AnswerKind.CONFLICT)
    assert [one.text for one in answers(neither, [("pause", "resume")])] == ["pause"]
