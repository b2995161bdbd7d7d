"""The command that goes on with a campaign, and those that do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from campaign_fakes import TEXT, request
from malaria.campaigns import CampaignRequest
from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.programs import program_of
from malaria.campaigns.recorder import CampaignRecorder
from malaria.campaigns.resumer import refuse_to_resume, resume_command
from malaria.cli.main import main
from malaria.errors import RunError

LOAD = '[defaults]\nhold = "10s"\n[[defaults.warhead.group]]\nname = "m"\nclients = 5\n'
SEARCH = f'title = "t"\n[search]\n[target]\nurl = "127.0.0.1:1"\n{LOAD}'
COMPARISON = f'{SEARCH.replace("search", "comparison")}[[level]]\ntitle = "a"\n[[level]]\ntitle = "b"\n'
STARTED = {
    "malaria campaign c.toml": TEXT,
    "malaria attack x --repeat 3": TEXT,
    "malaria demo": TEXT,
    "malaria capacity x": SEARCH,
    "malaria compare --ab x y": COMPARISON,
}


def started(directory: Path, command: str, text: str) -> CampaignRequest:
    made = request(directory, text, program_of(campaign_from_toml(text)))
    return replace(made, command=command)


@pytest.mark.parametrize(
    ("command", "resumer"),
    [
        ("malaria campaign c.toml", "campaign"),
        ("malaria attack x --repeat 3", "campaign"),
        ("malaria demo", "campaign"),
        ("malaria capacity x", "capacity"),
        ("malaria compare --ab x y", "compare"),
    ],
)
def test_each_goes_on_by_one_command(tmp_path: Path, command: str, resumer: str) -> None:
    made = started(tmp_path / "a run", command, STARTED[command])
    right = resume_command(command, made.directory)
    assert right == f"malaria {resumer} --resume '{tmp_path}/a run'"
    refuse_to_resume(made, resumer)
    for other in {"campaign", "capacity", "compare"} - {resumer}:
        with pytest.raises(RunError, match="/a run holds ") as caught:
            refuse_to_resume(made, other)
        assert caught.value.remedy == f"go on with it by: {right}"


@pytest.mark.parametrize(
    ("text", "own", "other"), [(SEARCH, "capacity", "compare"), (COMPARISON, "compare", "capacity")]
)
def test_a_file_goes_on_by_both(tmp_path: Path, text: str, own: str, other: str) -> None:
    made = started(tmp_path, "malaria campaign c.toml", text)
    refuse_to_resume(made, "campaign")
    refuse_to_resume(made, own)
    with pytest.raises(RunError, match="holds no"):
        refuse_to_resume(made, other)


@pytest.mark.parametrize(
    ("command", "wrong", "told"),
    [
        ("malaria campaign c.toml", "compare", "run holds no comparison\n       go on with it by: malaria campaign"),
        ("malaria campaign c.toml", "capacity", "run holds no search\n       go on with it by: malaria campaign"),
        ("malaria compare --ab x y", "campaign", "run holds a comparison\n       go on with it by: malaria compare"),
        ("malaria capacity x", "campaign", "run holds a search\n       go on with it by: malaria capacity"),
    ],
)
def test_the_commands_refuse_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    wrong: str,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with CampaignRecorder(started(Path("run"), command, STARTED[command]), lambda *_: {}, lambda _: None):
        pass
    assert main([wrong, "--resume", "run"]) == 2
    assert f"error: {told} --resume run\n" in capsys.readouterr().err
