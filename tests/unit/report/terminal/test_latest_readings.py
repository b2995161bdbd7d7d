"""What observers see, as people and programs read it."""

from __future__ import annotations

import json

from rich.console import Console

from malaria.clock import NS_PER_S as S
from malaria.records.rows import Event, EventKind, Observation
from malaria.report.figure_text import UNKNOWN
from malaria.report.terminal.latest_readings import EVENTS_SHOWN, LatestReadings, json_line

SYS = Observation("sys", S, {"version": "mosquitto 2.0", "clients_connected": 3000, "messages_received_per_s": 1000.4,
                             "publish_dropped": 0, "$SYS/broker/uptime": "1 seconds"})  # fmt: skip
PROCESS = Observation("process", S, {"cpu_percent": 71.2, "rss_bytes": 31_000_000, "threads": 1, "restarts": 0})


def shown(sightings: LatestReadings) -> str:
    screen = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115  rich closes nothing
    screen.print(sightings.block("malaria watch broker", 3 * S))
    return screen.export_text()


def test_a_line() -> None:
    sightings = LatestReadings()
    sightings.take(PROCESS)
    sightings.take(SYS)
    assert sightings.line(2 * S) == (
        "     2.0 s  sys: clients 3,000, received 1,000/s, dropped 0  process: CPU 71 % of a core, memory 31 MB"
    )


def test_a_screen() -> None:
    sightings = LatestReadings()
    for row in (SYS, PROCESS, Event(2 * S, EventKind.OBSERVER, "host lost: gone", "host")):
        sightings.take(row)
    text = shown(sightings)
    assert "malaria watch broker  · mosquitto 2.0  3 s" in text
    assert "clients 3,000" in text
    assert "host lost: gone" in text


def test_one_that_has_seen_nothing_of_note_yet_is_unknown() -> None:
    sightings = LatestReadings()
    sightings.take(Observation("sys", S, {"$SYS/broker/clients/total": "0"}))
    assert f"sys        {UNKNOWN}" in shown(sightings)


def test_what_is_not_known_any_more_is_not_shown() -> None:
    sightings = LatestReadings()
    sightings.take(PROCESS)
    sightings.take(Observation("process", 2 * S, {"gap": "process 7 has ended"}))
    assert sightings.line(2 * S).endswith("process: process 7 has ended")
    assert "process 7 has ended" in shown(sightings)
    sightings.take(PROCESS)
    assert "CPU 71 %" in sightings.line(3 * S)


def test_what_comes_from_outside_is_printable() -> None:
    sightings = LatestReadings()
    sightings.take(Observation("prometheus", S, {'a{b="\x1b[31m"}': 1.5, "c": None}))
    assert "\x1b" not in sightings.line(S) + shown(sightings)
    assert "1.5" in sightings.line(S)


def test_only_the_newest_is_kept() -> None:
    sightings = LatestReadings()
    for number in range(1000):
        sightings.take(Event(number, EventKind.OBSERVER, f"event {number}"))
        sightings.take(Observation("sys", number, {"clients_connected": number}))
    assert len(sightings.events) == EVENTS_SHOWN
    assert sightings.readings == {"sys": {"clients_connected": 999}}


def test_lines_for_programs() -> None:
    row = json.loads(json_line(PROCESS, 1_795_369_860 * S + 5_000_000))
    assert row["time"] == "2026-11-22T17:51:00.005+00:00"
    assert row["observer"] == "process"
    assert row["values"]["cpu_percent"] == 71.2
    event = json.loads(json_line(Event(1, EventKind.OBSERVER, "sys is back", "sys"), 0))
    assert (event["observer"], event["event"]) == ("sys", "sys is back")


def test_what_is_no_number_is_null_for_programs() -> None:
    row = Observation("prometheus", S, {"odd": float("nan"), "endless": float("inf"), "even": 2.0})
    assert json.loads(json_line(row, 0))["values"] == {"odd": None, "endless": None, "even": 2.0}
    assert "NaN" not in json_line(row, 0)
