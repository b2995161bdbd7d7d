"""The name of a run in metrics and lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.outputs.live.followed_attack import run_name


@pytest.mark.parametrize(
    ("directory", "root", "name"),
    [
        ("runs/x", "runs/x", "x"),
        ("runs/c/level-1", "runs/c", "c/level-1"),
        ("/tmp/c/a/b", "/tmp/c", "c/a/b"),
        ("elsewhere", "runs/c", "elsewhere"),
        ("runs/\udcff", "runs/\udcff", "\ufffd"),
    ],
)
def test_names(directory: str, root: str, name: str) -> None:
    assert run_name(Path(directory), Path(root)) == name


def test_the_current_directory_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_name(Path(), Path()) == tmp_path.name
