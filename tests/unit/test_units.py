from __future__ import annotations

from fractions import Fraction

import pytest

from malaria import units
from malaria.units import NotationError, parse_count, parse_duration_ns

S = 10**9


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("6", 6 * S),
        (6, 6 * S),
        (0.1, S // 10),
        (1e-7, 100),
        ("6s", 6 * S),
        ("250ms", S // 4),
        ("10m", 600 * S),
        ("10 min", 600 * S),
        ("1h30m", 5400 * S),
        (" 1h 30m 5s ", 5405 * S),
        ("1.5h", 5400 * S),
        ("2d", 172800 * S),
        ("7us", 7000),
        ("0", 0),
        (".5s", S // 2),
    ],
)
def test_durations(text: str | float, expected_ns: int) -> None:
    assert units.parse_duration_ns(text) == expected_ns


@pytest.mark.parametrize(
    "text", ["", " ", "s", "6 apples", "-1", -1, "1h30", "6s!", "1e9", float("nan"), float("inf"), True, "١s", "1/6"]
)
def test_no_durations(text: str | float) -> None:
    with pytest.raises(NotationError, match="is not a duration; write seconds"):
        units.parse_duration_ns(text)


def test_a_duration_of_more_than_a_century_is_refused() -> None:
    with pytest.raises(NotationError, match="longer than 100 years"):
        units.parse_duration_ns("99999999999h")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/6", Fraction(1, 6)),
        ("0.166", Fraction(166, 1000)),
        (0.166, Fraction(166, 1000)),
        (166, Fraction(166)),
        ("10000/min", Fraction(10000, 60)),
        ("166/s", Fraction(166)),
        ("1/6s", Fraction(1, 6)),
        ("90/1h30m", Fraction(1, 60)),
        ("1 / h", Fraction(1, 3600)),
        ("5/250ms", Fraction(20)),
    ],
)
def test_rates(text: str | float, expected: Fraction) -> None:
    assert units.parse_rate(text) == expected


@pytest.mark.parametrize("text", ["10k/m", "", "/", "1/", "/6", "1/0", "1/0s", "fast", "1/2/3", "-1", -0.5, True])
def test_no_rates(text: str | float) -> None:
    with pytest.raises(NotationError) as caught:
        units.parse_rate(text)
    assert caught.value.message == f"{text!r} is not a rate"
    assert caught.value.remedy == 'write messages per second and client, for example 166, "1/6" or "10000/min"'
    assert str(caught.value) == f"{caught.value.message}; {caught.value.remedy}"


@pytest.mark.parametrize("value", [1e6, 1 / 3, 3.2e-10, 1.2345678901234567e-9, "1.23456789012345678901/6.54321"])
def test_a_rate_is_read_again_as_it_is_written(value: str | float) -> None:
    rate = units.parse_rate(value)
    assert units.parse_rate(str(rate)) == rate


@pytest.mark.parametrize("text", ["0", 0, "0/min", "1000001", "99999999999", 2.220446049250313e-16, "1/36501d"])
def test_impossible_rates(text: str | float) -> None:
    with pytest.raises(NotationError, match=r"is too (high|low)"):
        units.parse_rate(text)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"),
        (0.001, "0.001 ms"),
        (0.1, "0.10 ms"),
        (0.0996, "0.10 ms"),
        (0.123, "0.12 ms"),
        (0.996, "1.0 ms"),
        (1.94, "1.9 ms"),
        (2, "2.0 ms"),
        (9.96, "10 ms"),
        (38.2, "38 ms"),
        (1204.4, "1,204 ms"),
        (-3.21, "-3.2 ms"),
        (float("nan"), "nan ms"),
    ],
)
def test_format_ms(ms: float, text: str) -> None:
    assert units.format_ms(ms) == text


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0 s"),
        (12, "12 ns"),
        (999, "1 us"),
        (1500, "1.5 us"),
        (250_000_000, "250 ms"),
        (999_960_000, "1 s"),
        (3_120_000_000, "3.1 s"),
        (6 * S, "6 s"),
        (59_960_000_000, "1 min"),
        (90 * S, "1 min 30 s"),
        (600 * S, "10 min"),
        (5400 * S, "1 h 30 min"),
        (90_000 * S, "1 d 1 h"),
        (-6 * S, "-6 s"),
    ],
)
def test_format_duration(duration_ns: int, text: str) -> None:
    assert units.format_duration_ns(duration_ns) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (500, "500 B"), (999, "999 B"), (1500, "1.5 kB"), (31_200_000, "31 MB"), (2_000_000_000, "2.0 GB"),
     (999_999, "1.0 MB"), (9_960, "10 kB"), (3 * 10**18, "3,000 PB")],
)  # fmt: skip
def test_format_bytes(count: int, text: str) -> None:
    assert units.format_bytes(count) == text


@pytest.mark.parametrize(
    ("per_s", "text"),
    [(0, "0/s"), (1 / 6, "0.167/s"), (1.666, "1.67/s"), (9.999, "10/s"), (500, "500/s"), (500.12, "500.1/s"),
     (999.97, "1,000/s"), (12345.6, "12,346/s")],
)  # fmt: skip
def test_format_rate(per_s: float, text: str) -> None:
    assert units.format_rate(per_s) == text


def test_format_rate_of_something() -> None:
    assert units.format_rate(500, "msg") == "500 msg/s"


def test_format_count() -> None:
    assert units.format_count(1234567) == "1,234,567"


@pytest.mark.parametrize(("count", "text"), [(0, "0 messages"), (1, "1 message"), (1204, "1,204 messages")])
def test_things_are_counted_in_their_number(count: int, text: str) -> None:
    assert units.format_things(count, "message") == text


@pytest.mark.parametrize("value", [1e-10, "0.0000000001", "0.1ns"])
def test_a_duration_that_would_round_to_nothing_is_refused(value: str | float) -> None:
    with pytest.raises(NotationError, match="is shorter than a nanosecond"):
        units.parse_duration_ns(value)


@pytest.mark.parametrize(("text", "number"), [("10", 10), (7, 7), ("1k", 1000), ("2.5K", 2500), ("1M", 10**6)])
def test_counts_have_units(text: str | int, number: int) -> None:
    assert parse_count(text) == number


@pytest.mark.parametrize("text", ["ten", "1.5", "1kk", "", "1.0001k"])
def test_what_is_no_count_says_what_to_write(text: str) -> None:
    with pytest.raises(NotationError, match="is not a whole number; write a number such as 10"):
        parse_count(text)


@pytest.mark.parametrize(("text", "seconds"), [("10S", 10), ("1H30MIN", 5400), ("250MS", 0.25)])
def test_durations_take_capital_units(text: str, seconds: float) -> None:
    assert parse_duration_ns(text) == seconds * 10**9
