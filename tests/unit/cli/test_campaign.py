"""`campaign`: what the options ask for, and what is said of what came of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from campaign_fakes import TEXT
from campaign_fakes import request as campaign_request
from cli_fakes import Calls, install
from malaria.cli.main import main
from malaria.swarm.run.chosen_bees import ChosenBees

CAMPAIGN = "malaria.campaigns"
SIDES = ("127.0.0.1:1", "127.0.0.1:2")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MALARIA_PASSWORD", raising=False)
    monkeypatch.delenv("MALARIA_PSK", raising=False)
    return install(monkeypatch)


@pytest.fixture
def asked(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What requests were made of."""
    made: list[tuple[Any, ...]] = []

    def request(*arguments: Any, **more: Any) -> Any:
        made.append((*arguments, *more.values()))
        return campaign_request(Path("made"))

    monkeypatch.setattr(sys.modules[CAMPAIGN], "new_request", lambda *given: request("new", *given), raising=False)
    monkeypatch.setattr(
        sys.modules[CAMPAIGN],
        "resumed_request",
        lambda *given, **more: request("resumed", *given, **more),
        raising=False,
    )
    assert calls.requests == []
    return made


def test_options_are_texts(asked: list[tuple[Any, ...]]) -> None:
    options = ["--hold", "20s", "--levels", "500,level-6", "--target", "mqtts://broker", "--psk-file", "malaria.psk"]
    assert (
        main(["campaign", "c.toml", *options, "--insecure", "--header", "A: b", "--header", "C: d", "-o", "out"]) == 0
    )
    ((kind, file, said, directory, workers, more),) = asked
    assert (kind, file, directory) == ("new", Path("c.toml"), Path("out"))
    assert said == {
        "hold": "20s", "levels": "500,level-6", "target": "mqtts://broker", "psk_file": "malaria.psk", "insecure": None,
        "header": "A: b\nC: d",
    }  # fmt: skip
    assert (workers(1), more) == (1, ())


def test_a_directory_is_found(asked: list[tuple[Any, ...]]) -> None:
    assert main(["campaign", "some/meters.toml", "--workers", "7"]) == 0
    ((_, _, said, directory, workers, _),) = asked
    assert said == {}
    assert str(directory).startswith("runs/")
    assert str(directory).endswith("-meters")
    assert workers(3) == 7


def test_going_on(asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALARIA_PASSWORD", "secret")
    assert main(["campaign", "--resume", "runs/x"]) == 0
    ((kind, directory, said, _, _),) = asked
    assert (kind, directory, said) == ("resumed", Path("runs/x"), {"password": "secret"})


@pytest.mark.parametrize("which", [["c.toml"], ["--resume", "runs/x"]])
def test_some_bees_make_the_load(
    which: list[str], asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[ChosenBees] = []
    monkeypatch.setattr(ChosenBees, "launcher", lambda bees: chosen.append(bees))
    words = ["--swarm", "field", "--bee", "a", "--bee", "b", "--without", "b", "--knock-from", "a"]
    assert main(["campaign", *which, "--workers", "2", *words]) == 0
    assert chosen == [ChosenBees("field", None, 2, ("a", "b"), ("b",), "a")]
    # commands that repeat it name them
    assert asked[0][-1] == tuple(words)


@pytest.mark.parametrize("which", [["c.toml"], ["--resume", "runs/x"]])
def test_the_last_figures_are_not_waited_for(which: list[str], asked: list[tuple[Any, ...]], calls: Calls) -> None:
    for words in ([], ["--no-wait"]):
        assert main(["campaign", *which, *words]) == 0
        assert calls.requests[-1].wait_for_figures is not bool(words)
        assert asked[-1][-1] == tuple(words)


@pytest.mark.usefixtures("asked")
def test_bees_of_no_swarm_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["campaign", "c.toml", "--bee", "a"]) == 2
    assert "--bee and --without choose bees of a swarm" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "no campaign is named"),
        (["c.toml", "--yes"], "--yes can be used only with --resume"),
        (["c.toml", "--resume", "x"], "FILE cannot be used with --resume"),
        (["--resume", "x", "--hold", "20s"], "--hold cannot be used with --resume"),
        (["--resume", "x", "-o", "y"], "--output cannot be used with --resume"),
        (["--resume", "x", "--psk-file", "y"], "--psk-file cannot be used with --resume"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_what_does_not_go_together(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["campaign", *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("asked")
def test_outcome_and_screen(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.outcome = "FAIL"
    assert main(["campaign", "c.toml", "--json", "-"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["verdict"]["outcome"] == "FAIL"
    assert "level 2: FAIL" in told.err
    assert [view[0] for view in calls.views] == [
        f"malaria campaign · level {n} of 3, about 41 min left · level {n}" for n in (1, 2, 3)
    ]


@pytest.mark.usefixtures("asked")
def test_the_time_left_and_how_to_go_on(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["campaign", "c.toml"]) == 0
    told = capsys.readouterr()
    assert "level 1 of 3, about 41 min left · level 1: started for this level" in told.out
    assert "--resume" not in told.err
    calls.interrupted = True
    assert main(["campaign", "c.toml"]) == 0
    assert "malaria campaign --resume made" in capsys.readouterr().err


def test_a_search_or_a_comparison_goes_on_by_its_own_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    install(monkeypatch).interrupted = True
    for command, thing in ((["capacity", "127.0.0.1:1"], "search"), (["compare", "--ab", *SIDES], "comparison")):
        main([*command, "-o", thing])
        assert f"malaria {command[0]} --resume {thing}" in capsys.readouterr().err


@pytest.mark.usefixtures("asked")
def test_quiet_says_in_a_line_why_it_did_not_pass(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.outcome = "UNKNOWN"
    assert main(["campaign", "c.toml", "--quiet"]) == 4
    assert capsys.readouterr() == ("", "UNKNOWN: as the figures say (made/report.html)\n")


@pytest.mark.usefixtures("asked")
def test_a_public_broker_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made = campaign_request(Path("made"), TEXT, target="mqtt://test.mosquitto.org")
    monkeypatch.setattr(sys.modules[CAMPAIGN], "new_request", lambda *_: made, raising=False)
    assert main(["campaign", "c.toml"]) == 2
    assert "is a public broker" in capsys.readouterr().err
    assert main(["campaign", "c.toml", *["--i-am-allowed-to-load-this-broker"] * 2]) == 0
