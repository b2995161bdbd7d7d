"""`compare`: two stored results side by side, with real records, page and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from malaria.cli.main import main
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.campaign_store import write_campaign
from malaria.records.run_meta import RunMeta
from malaria.records.search_goal import SearchGoal, TrialLoad
from malaria.records.store import RunWriter
from synthetic import Trouble, make_run


def store(directory: Path, trouble: Trouble | None = None, clients: int = 60) -> None:
    directory.mkdir(parents=True)
    run = make_run(seconds=12, workers=1, clients=clients, trouble=trouble)
    warhead = f'[[group]]\nname = "meters"\nclients = {clients}\n'
    with RunWriter.create(directory) as writer:
        writer.describe(run.meta)
        writer.describe(RunMeta(warhead_toml=warhead, target="mqtt://127.0.0.1:1883"))
        writer.append(run.samples)
        if run.ledger is not None:
            writer.ledger(run.ledger)


def store_campaign(directory: Path, *levels: str) -> None:
    parts = []
    for number, title in enumerate(levels, start=1):
        store(directory / f"level-{number}")
        parts.append(CampaignPart(number, title, "", 60, directory=f"level-{number}", state=PartState.DONE))
    write_campaign(directory, CampaignRecords("c", "", "c.toml", "", "", {}, tuple(parts)))


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def test_two_runs(capsys: pytest.CaptureFixture[str]) -> None:
    store(Path("a"))
    store(Path("b"), "falls-behind")
    assert main(["compare", "a", "b", "-o", "page", "--json", "ab.json"]) == 0
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert lines[0] == "malaria compare · A a · B b"
    assert lines[2].startswith("  the verdict changed: PASS in A, FAIL in B")
    assert "within this run" in shown
    assert "One run of each cannot tell whether the targets differ" in shown
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24
    found = json.loads(Path("ab.json").read_text())
    assert found == json.loads(Path("page/comparison.json").read_text())
    assert [found[side]["verdict"] for side in "ab"] == ["PASS", "FAIL"]
    page = Path("page/report.html").read_text()
    assert "the verdict changed" in page
    assert "connect: CONNACK" in page or "service p99" in page


def test_the_page_has_a_directory_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    store(Path("a"))
    assert main(["compare", "a", "a"]) == 0
    (page,) = Path("runs").glob("*-compare/report.html")
    assert str(page) in capsys.readouterr().out


def test_a_key_of_the_environment_is_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALARIA_PSK", "a1b2c3d4e5f60718")
    store(Path("a"))
    assert main(["compare", "a", "a", "--quiet"]) == 0


def test_what_was_not_measured_alike_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    store(Path("a"))
    store(Path("b"), clients=90)
    assert main(["compare", "a", "b"]) == 2
    error = capsys.readouterr().err
    assert "warhead: group[0].clients: 60 in A, 90 in B" in error
    assert "--anyway" in error
    assert not Path("runs").exists()
    assert main(["compare", "a", "b", "--anyway"]) == 0
    assert "not alike: warhead: group[0].clients: 60 in A, 90 in B" in capsys.readouterr().out


def test_two_campaigns(capsys: pytest.CaptureFixture[str]) -> None:
    store_campaign(Path("a"), "500 clients", "700 clients")
    store_campaign(Path("b"), "700 clients", "500 clients", "900 clients")
    assert main(["compare", "a", "b"]) == 0
    shown = capsys.readouterr().out
    assert [line.split()[:2] for line in shown.splitlines() if " clients" in line][1:] == [
        ["500", "clients"],
        ["700", "clients"],
    ]
    assert "only in B: 900 clients" in shown


def test_stored_results_have_names(capsys: pytest.CaptureFixture[str]) -> None:
    store(Path("runs/first"))
    store(Path("elsewhere"))
    assert main(["compare", "first", "elsewhere", "--anyway"]) == 0
    assert "A runs/first" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("other", "message"), [("c", "a is an attack, c is a campaign"), ("nothing", "there is no run nothing")]
)
def test_what_cannot_be_compared(other: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    store(Path("a"))
    store_campaign(Path("c"), "500 clients")
    assert main(["compare", "a", other, "--anyway"]) == 2
    assert message in capsys.readouterr().err


def test_campaigns_without_a_common_level(capsys: pytest.CaptureFixture[str]) -> None:
    store_campaign(Path("a"), "500 clients")
    store_campaign(Path("b"), "700 clients")
    assert main(["compare", "a", "b"]) == 2
    assert "no level is in both" in capsys.readouterr().err


def test_two_searches(capsys: pytest.CaptureFixture[str]) -> None:
    for name, highest in (("a", 8), ("b", 4)):
        goal = SearchGoal(start=4, smallest=1, greatest=8, width=1.0, hold_s=10.0, probe_s=10.0, holds=1)
        parts = []
        for number, load in enumerate((4, 4, 4, 8, 8, 8), start=1):
            directory = Path(name) / f"trial-{number}"
            store(directory, None if load <= highest else "falls-behind")
            trial = TrialLoad(load, 10.0)
            parts.append(
                CampaignPart(number, f"{load} clients", "", load, directory=directory.name, state=PartState.DONE,
                             trial=trial, took_s=12.0)
            )  # fmt: skip
        write_campaign(Path(name), CampaignRecords("c", "", "c", "", "", {}, tuple(parts), search=goal))
    assert main(["compare", "a", "b"]) == 0
    shown = capsys.readouterr().out
    assert any(line.split()[:3] == ["carries", "8", "4"] for line in shown.splitlines())
    assert "ack p99" in shown
    store(Path("c"))
    assert main(["compare", "a", "c"]) == 2
    assert "a is a search, c is an attack" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "b", "-n", "8"], "--pairs is for --ab"),
        (["a", "b", "-c", "8"], "--clients is for --ab"),
        (["a", "b", "-r", "2"], "--rate is for --ab"),
        (["a", "b", "-u", "me"], "--username is for --ab"),
        (["a", "b", "--junit", "x.xml"], "--junit is for --ab"),
        (["a", "b", "--observe", "none"], "--observe is for --ab"),
        (["a", "b", "--swarm", "field", "--quiet"], "--swarm is for --ab"),
        (["a", "b", "--no-subscriber"], "--no-subscriber is for --ab"),
        (["--ab", "one", "two", "--anyway"], "--anyway is for two stored results"),
        (["a", "b", "--yes"], "--yes can be used only with --resume"),
        (["--ab", "one", "two", "--yes"], "--yes can be used only with --resume"),
        (["--resume", "a", "--fail-if-worse", "5%"], "--fail-if-worse cannot be used with --resume"),
        (["--ab", "--resume", "a", "-n", "9", "--hold", "3s"], "--hold cannot be used with --resume"),
        (["--resume", "a", "-o", "b"], "--output cannot be used with --resume"),
        (["--resume", "a", "--no-wait", "--overwrite"], "--overwrite cannot be used with --resume"),
        (["--resume", "a", "--yes", "-n", "3", "--no-wait", "--workers", "2"], "a holds no campaign"),
        (["a"], "two results are needed"),
        (["--ab", "a"], "--ab needs two sides"),
        (["--ab", "one", "two", "--band", "5%", "--fail-if-worse", "2%"], "state two bands"),
        (["--resume", "a", "one", "two"], "--resume takes no sides and no load"),
        (["--ab", "test.mosquitto.org", "two"], "test.mosquitto.org"),
    ],
)
def test_commands_that_are_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not Path("runs").exists()
