"""What is kept of a load for the full screen."""

from __future__ import annotations

from full_screens import FakeDoor, under_way, watched
from load_states import START_NS, state
from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind
from malaria.records.rows import Event, EventKind, LastSecond, RunPhase
from malaria.tui.load_watch import OVER, PREPARING, LoadWatch, Note, note_clock


def test_a_picture_has_what_the_attack_told() -> None:
    picture = watched().picture()
    assert picture.progress is not None
    assert picture.workers == 2
    assert len(picture.rates) == len(picture.acks_ms) == len(picture.dues) == 60
    assert [note.text for note in picture.notes] == ["+500 clients", "connection lost: reset by peer (x 1,204)"]
    assert [one.observer for one in picture.observed] == ["sys", "process", "host", "programs"]
    assert picture.stage == ""


def test_averages_are_over_the_measured_time() -> None:
    watch = LoadWatch("x")
    watch.begin(under_way(FakeDoor()))
    early = LastSecond(0, START_NS, RunPhase.MEASURE, {"due": 0})  # announced, not begun
    half = LastSecond(START_NS - NS_PER_S // 2, START_NS + NS_PER_S // 2, RunPhase.MEASURE, {"due": 250})
    late = LastSecond(START_NS + NS_PER_S // 2, START_NS + NS_PER_S * 3 // 2, RunPhase.MEASURE, {"due": 500})
    drained = LastSecond(START_NS + 2 * NS_PER_S, START_NS + 3 * NS_PER_S, RunPhase.DRAIN, {"due": 0})
    for second in (early, half, half, late, late, drained):
        watch.progress(state(1, second=second))
    assert watch.picture().average_per_s == {"due": 500.0}


def test_what_is_not_taken_is_noted() -> None:
    door = FakeDoor(**{"-5": AnswerKind.CONFLICT, "x": AnswerKind.REFUSED})
    watch = watched(door)
    for text in ("+1", "-5", "x"):
        watch.ask(text)
    assert [(note.text, note.style) for note in watch.picture().notes[2:]] == [
        ("asked for -5: conflict: -5 cannot be done; write something else", "yellow"),
        ("asked for x: refused: x cannot be done; write something else", "red"),
    ]
    assert door.asked == [("+1", "key"), ("-5", "key"), ("x", "key")]


def test_without_an_attack_nothing_is_changed() -> None:
    watch = LoadWatch("x")
    assert watch.ask("+1").kind is AnswerKind.CONFLICT
    assert watch.look_ahead("+1").text == "no load runs yet"
    watch = watched()
    watch.end("")
    assert watch.ask("+1").text == "the attack has ended"
    assert watch.picture().stage == OVER


def test_the_next_level_begins_anew_and_keeps_what_was_told() -> None:
    watch = watched()
    watch.end("")
    watch.tell("level-1: PASS")
    watch.announce("malaria campaign", "level 2 of 3")
    picture = watch.picture()
    assert (picture.title, picture.place, picture.stage) == ("malaria campaign", "level 2 of 3", PREPARING)
    assert picture.notes == (Note("level-1: PASS"),)
    assert (picture.progress, picture.rates, picture.observed) == (None, (), ())
    assert watch.take_told() == ["level-1: PASS"]
    assert watch.take_told() == []


def test_why_an_attack_failed_is_shown() -> None:
    watch = watched()
    watch.end("the disk is full")
    assert watch.picture().stage == "the disk is full"


def test_notes_have_the_clock_of_the_load() -> None:
    assert note_clock(Note("x", START_NS + 31 * NS_PER_S), START_NS) == "0:31"
    assert note_clock(Note("x", 5), None) == "before"
    assert note_clock(Note("x"), START_NS) == ""


def test_memory_does_not_grow() -> None:
    watch = watched()
    for number in range(5000):
        watch.event(Event(number, EventKind.TROUBLE, "again"))
    assert len(watch.picture().notes) == 200
