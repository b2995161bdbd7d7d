"""Which programs use the machine, on a host that is made up: two processors, malaria is process 100."""

from __future__ import annotations

import json

from malaria.clock import NS_PER_S
from malaria.observe.program_observer import MOST_COST, ProgramObserver
from proc_fakes import FakeReader, stat_line

OWN, WORKER, BROKER = 100, 101, 102


def host(reader: FakeReader, busy: int, whole: int, **ticks: int) -> None:
    """`chromium=5`: a process of that name has used 5 ticks. Ids count from 100; 101 and 102 are children of 100."""
    reader.files = {"/proc/stat": f"cpu {busy} 0 0 {whole - busy} 0 0 0 0\ncpu0\ncpu1\n"}
    for number, (name, used) in enumerate(ticks.items(), OWN):
        parent = OWN if number in (WORKER, BROKER) else 1
        reader.files[f"/proc/{number}/stat"] = stat_line(number, name.replace("_", "\x1b"), used, parent=parent)


def seen(broker: int | None = None, **ticks: int) -> dict[str, object]:
    """The readings of a time of 1,000 ticks, of which 920 were busy; every process had used 10 before."""
    reader = FakeReader()
    observer = ProgramObserver(reader, lambda: broker, own=OWN, clock=lambda: 0)
    host(reader, 0, 1_000, **dict.fromkeys(ticks, 10))
    assert observer.sample(0) == {}
    host(reader, 920, 2_000, **{name: used + 10 for name, used in ticks.items()})
    return dict(observer.sample(2 * NS_PER_S))


def test_others_are_what_is_busy_apart_from_malaria_and_the_broker() -> None:
    found = seen(BROKER, malaria=20, worker=30, mosquitto=100, chromium=410, rustc=220, idle=0)
    assert (found["other_percent"], found["broker_percent"]) == (77.0, 10.0)
    assert json.loads(str(found["largest"])) == {"chromium": 41.0, "rustc": 22.0}


def test_a_broker_elsewhere_has_no_share() -> None:
    found = seen(malaria=20, worker=30, helper=0, other=870)
    assert (found["other_percent"], found["broker_percent"]) == (87.0, None)


def test_names_are_cleaned_of_control_characters() -> None:
    (name,) = json.loads(str(seen(malaria=1, worker=1, helper=0, evil_name=500)["largest"]))
    assert name.isprintable()


def test_a_reading_that_takes_long_is_followed_by_a_pause() -> None:
    reader, times = FakeReader(), iter([0, NS_PER_S])
    host(reader, 0, 1_000, malaria=1)
    observer = ProgramObserver(reader, lambda: None, own=OWN, clock=lambda: next(times))
    observer.sample(0)
    assert observer.sample(MOST_COST * NS_PER_S - 1) == {}  # without a look at the host
