"""What observers saw, on the seconds of the run."""

from __future__ import annotations

from malaria.analysis.observer_series import MOST_COLUMNS, seen_columns, so_far
from malaria.records.rows import GAP, Observation, Reading
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta

S = 10**9


def seen(*rows: tuple[float, str, dict[str, Reading]]) -> Run:
    observations = tuple(Observation(observer, int(at_s * S), values) for at_s, observer, values in rows)
    return Run(RunMeta(), (), (), None, observations)


def test_a_state_holds_until_the_next_word() -> None:
    records = seen((1.5, "sys", {"messages_stored": 5}), (3.2, "sys", {"heap_bytes": 7}),
                   (4.1, "sys", {"messages_stored": 9}))  # fmt: skip
    table = seen_columns(records, [1, 2, 3, 4, 5, 6])
    assert table["sys_messages_stored"] == [None, 5, 5, 5, 9, 9]
    assert table["sys_heap_bytes"] == [None, None, None, 7, 7, 7]


def test_a_rate_covers_the_time_since_the_row_before() -> None:
    records = seen((1.0, "sys", {"messages_sent_per_s": None}), (4.0, "sys", {"messages_sent_per_s": 30.0}),
                   (6.0, "sys", {"messages_sent_per_s": 20.0}))  # fmt: skip
    table = seen_columns(records, [1, 2, 3, 4, 5, 6, 7])
    assert table["sys_messages_sent_per_s"] == [None, 30, 30, 30, 20, 20, None]


def test_nothing_reaches_over_a_gap() -> None:
    records = seen((1, "process", {"cpu_percent": 10.0, "threads": 1}), (2, "process", {GAP: "it ended"}),
                   (5, "process", {"cpu_percent": 50.0, "threads": 2}))  # fmt: skip
    table = seen_columns(records, [1, 2, 3, 4, 5, 6])
    assert table["process_cpu_percent"] == [10, None, None, None, 50, None]
    assert table["process_threads"] == [1, None, None, None, 2, 2]


def test_what_becomes_unknown_is_so() -> None:
    records = seen((1, "process", {"pss_bytes": 10}), (2, "process", {"pss_bytes": None}))
    assert seen_columns(records, [1, 2, 3])["process_pss_bytes"] == [10, None, None]


def test_topics_words_and_perf_are_no_columns() -> None:
    records = seen((1, "sys", {"$SYS/broker/uptime": "3 seconds", "version": "2.0", "retained": 1}),
                   (1, "perf", {"samples": 3}))  # fmt: skip
    assert set(seen_columns(records, [1])) == {"sys_retained"}


def test_steps_may_be_longer_than_a_second() -> None:
    records = seen(*((n, "host", {"cpu_percent": float(n), "sockets": n}) for n in range(1, 7)))
    table = seen_columns(records, [3, 6])
    assert table["host_sockets"] == [3, 6]
    assert table["host_cpu_percent"] == [3.0, 6.0]


def test_the_columns_of_one_observer_are_bounded() -> None:
    records = seen((1, "prometheus", {f"series_{n}": n for n in range(MOST_COLUMNS + 5)}))
    assert len(seen_columns(records, [1])) == MOST_COLUMNS


def test_what_was_dropped_counts_from_the_start_of_the_run_and_over_a_restart() -> None:
    assert so_far([None, 100, 104, None, 3, 5]) == [None, 0, 4, None, 7, 9]
    assert so_far([300, 310, 200, 205, 312]) == [0, 10, 10, 10, 12]  # a node leaves the sum and comes back
    records = seen((1, "sys", {"publish_dropped": 100}), (2, "sys", {"publish_dropped": 104}))
    assert seen_columns(records, [1, 2])["broker_dropped_so_far"] == [0, 4]
