"""perf script's words, counted."""

from __future__ import annotations

from malaria.observe import perf_stacks
from malaria.observe.perf_stacks import fold, profile_of, read_script

SCRIPT = """mosquitto  4711
\tffffffff8104f45a do_syscall_64+0x5a ([kernel.kallsyms])
\t    7f1b2c0d1234 __send+0x4d (/usr/lib/x86_64-linux-gnu/libc.so.6)
\t    55d1a2b3c4d5 packet__write+0x120 (/usr/sbin/mosquitto)

mosquitto  4711
\t    55d1a2b3c4d5 db__messages; easy+0x1 (/usr/sbin/mosquitto)
\t    55d1a2b3c4d5 [unknown] (/usr/sbin/mosquitto)

my name:1  4712

# a comment that perf writes
mosquitto  4711
\t    55d1a2b3c4d5 db__messages; easy+0x2 (/usr/sbin/mosquitto)
"""


def test_samples_are_read() -> None:
    samples = list(read_script(SCRIPT.splitlines(keepends=True)))
    assert [sample.command for sample in samples] == ["mosquitto", "mosquitto", "my name:1", "mosquitto"]
    assert samples[0].frames[0] == ("do_syscall_64", "[kernel.kallsyms]")
    assert samples[2].frames == (("[unknown]", "[unknown]"),)


def test_the_table_is_of_innermost_frames() -> None:
    profile = profile_of(read_script(SCRIPT.splitlines()))
    assert profile.samples == 4
    top = profile.rows[0]
    assert (top.percent, top.samples, top.shared_object, top.symbol) == (50.0, 2, "mosquitto", "db__messages; easy")
    assert sum(row.samples for row in profile.rows) == 4


def test_stacks_are_folded_for_a_flame_graph() -> None:
    first = next(read_script(SCRIPT.splitlines()))
    assert fold(first) == "mosquitto;packet__write;__send;do_syscall_64_[k]"
    profile = profile_of(read_script(SCRIPT.splitlines()))
    assert profile.stacks["mosquitto;db__messages: easy"] == 1
    assert sum(profile.stacks.values()) == 4


def test_stacks_are_bounded_and_what_is_left_out_is_counted(monkeypatch: object) -> None:
    samples = [perf_stacks.StackSample("x", ((f"f{n}", "o"),)) for n in range(perf_stacks.MOST_STACKS + 7)]
    profile = profile_of(samples)
    assert (len(profile.stacks), profile.stacks_left_out) == (perf_stacks.MOST_STACKS, 7)
    assert profile.samples == perf_stacks.MOST_STACKS + 7


def test_nothing_is_no_profile() -> None:
    profile = profile_of(read_script(["nonsense", "", "\tmore"]))
    assert (profile.samples, profile.rows, profile.stacks) == (0, (), {})
    assert profile.as_json()["table"] == []
