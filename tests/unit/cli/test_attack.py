"""`attack`: from options, from a warhead, from both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli_fakes import Calls, install
from malaria.cli.main import main

FILE = 'attack.duration = "10m"\n[[group]]\nname = "meters"\nclients = 3000\nrate = "1/6"\nqos = 2\n'


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    monkeypatch.chdir(tmp_path)
    Path("meters.toml").write_text(FILE)
    return install(monkeypatch)


def warhead_of(calls: Calls, *arguments: str) -> Any:
    assert main(["attack", "x", *arguments]) == 0
    return calls.requests[-1].warhead


def test_options_alone(calls: Calls) -> None:
    publishers, subscribers = warhead_of(calls, "-c", "3000", "-I", "6s", "-s", "500", "-q", "1").groups
    assert (publishers.clients, publishers.interval, publishers.size) == (3000, 6, "500")
    assert subscribers.filters == ("malaria/+/data",)
    assert [g.name for g in warhead_of(calls, "--no-subscriber").groups] == ["publishers"]


def test_a_warhead(calls: Calls) -> None:
    warhead = warhead_of(calls, "-w", "meters.toml")
    assert [(g.name, g.clients, g.qos) for g in warhead.groups] == [("meters", 3000, 2)]
    assert calls.requests[0].title == "meters"
    assert calls.requests[0].directory.name.endswith("-meters")


def test_a_warhead_and_options(calls: Calls) -> None:
    warhead = warhead_of(calls, "-w", "meters.toml", "-c", "50", "-d", "5s", "--fail-if", "ack.p99 > 1s")
    assert (warhead.groups[0].clients, warhead.groups[0].qos, warhead.attack.duration_ns) == (50, 2, 5 * 10**9)
    assert [str(t) for t in warhead.thresholds] == ["ack.p99 <= 1000ms"]


def test_a_fault_of_the_file_names_it(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    Path("meters.toml").write_text(FILE + "rat = 5\n")
    assert main(["attack", "x", "-w", "meters.toml"]) == 2
    assert capsys.readouterr().err == "error: meters.toml: group[0].rat: unknown key\n       did you mean rate?\n"


def test_the_option_of_the_version_lets_the_file_hold_keys_of_mqtt_5(calls: Calls) -> None:
    Path("meters.toml").write_text(FILE + "message_expiry = 60\n")
    assert main(["attack", "x", "-w", "meters.toml"]) == 2
    assert warhead_of(calls, "-w", "meters.toml", "-V", "5").groups[0].message_expiry == 60


@pytest.mark.parametrize(
    "arguments",
    [
        ["-u", "\udcff"],
        ["-u", "u", "-P", "\udcff"],
        ["-u", "u" * 65536],
        ["--server-name", "a..b"],
        ["--ciphers", "\udcff"],
        ["--psk", "00", "--psk-identity", "\udcff"],
        ["-w", "\udcff"],
        ["-w", "/dev/zero"],
        ["-t", "\udcff"],
        ["-I", "1ns"],
        ["-r", "1e7"],
        ["-r", "10000000"],
    ],
)
def test_an_option_that_cannot_be_meant_ends_with_2_and_a_sentence(
    calls: Calls, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["attack", "mqtts://x", *arguments]) == 2
    assert "Traceback" not in (text := capsys.readouterr().err)
    assert text.startswith("error: ")
    assert not calls.requests
