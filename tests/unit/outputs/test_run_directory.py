"""The directory of a run: found, checked, replaced."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from malaria.errors import RunError
from malaria.outputs.run_directory import check_free, new_directory, run_directory

NOW = datetime(2026, 11, 22, 17, 51)
ATTACK = ("run.db", "summary.json", "report.html", "report.md", "warhead.toml")


def made(directory: Path, *names: str) -> Path:
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(f"old {name}")
    return directory


def held(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_two_commands_of_the_same_minute_get_two_directories(tmp_path: Path) -> None:
    with ExitStack() as stack:
        found = [stack.enter_context(new_directory(tmp_path / "runs", "meters", NOW)) for _ in range(3)]
        assert [path.name for path in found] == [
            "2026-11-22T1751-meters", "2026-11-22T1751-meters-2", "2026-11-22T1751-meters-3",
        ]  # fmt: skip
        made(found[1], "run.db")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["2026-11-22T1751-meters-2"]


def test_a_command_that_stores_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_directory(tmp_path / "runs", "meters", NOW):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_new_or_empty_directory_is_free(tmp_path: Path) -> None:
    check_free(tmp_path)
    check_free(tmp_path / "new")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("names", [("report.html",), ("notes.txt",), ("level-1/run.db",)])
def test_a_directory_of_somebody_else_is_refused_whatever_is_asked(
    tmp_path: Path, names: tuple[str, ...], overwrite: bool
) -> None:
    made(tmp_path, *names)
    with pytest.raises(RunError, match="is not empty, and holds no run of malaria"):
        check_free(tmp_path, overwrite=overwrite)
    assert held(tmp_path) == set(names)


@pytest.mark.parametrize("names", [ATTACK, ("campaign.json", "campaign.toml", "level-1/run.db")])
def test_a_run_is_replaced_only_when_asked(tmp_path: Path, names: tuple[str, ...]) -> None:
    made(tmp_path, *names, "notes.txt")
    with pytest.raises(RunError, match="holds a run already") as caught:
        check_free(tmp_path)
    assert "--overwrite" in caught.value.remedy
    with run_directory(tmp_path, Path("runs"), "meters", overwrite=True) as directory:
        assert directory == tmp_path
        made(directory, "run.db")
    assert held(tmp_path) == {"run.db", "notes.txt"}


def test_the_old_run_comes_back_when_there_is_no_new_one(tmp_path: Path) -> None:
    names = {"campaign.json", "campaign.toml", "report.html", "level-1/run.db", "level-1/warhead.toml"}
    made(tmp_path, *names)
    with pytest.raises(RunError), run_directory(tmp_path, Path("runs"), "meters", overwrite=True):
        raise RunError("the target does not answer")
    assert held(tmp_path) == names


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    made(tmp_path, "file")
    with pytest.raises(RunError, match="is not a directory"):
        check_free(tmp_path / "file")
