"""A Python that can be moved: the newest that is here, else one that uv fetches, else why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.errors import SwarmError
from malaria.swarm.hosts import portable_python as module
from malaria.swarm.hosts.machine import PYTHON_VERSION as VERSION
from malaria.swarm.hosts.machine import Machine
from malaria.swarm.hosts.portable_python import portable_python

LINUX = Machine("Linux", "x86_64")


def make_python(directory: Path, name: str = f"cpython-{VERSION}.9-linux-x86_64-gnu") -> Path:
    python, lib = directory / name, f"lib/python{VERSION}"
    for file in (f"bin/python{VERSION}", f"{lib}/os.py", f"{lib}/test/test_os.py", "lib/libpython.a"):
        (python / file).parent.mkdir(parents=True, exist_ok=True)
        (python / file).write_text(file)
    return python


def make_uv(directory: Path, body: str) -> str:
    uv = directory / "uv"
    uv.write_text(f"#!/bin/sh\n{body}\n")
    uv.chmod(0o755)
    return str(uv)


def test_what_is_here_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", make_uv(tmp_path, "exit 1"))
    python = make_python(tmp_path / "kept")
    make_python(tmp_path / "kept", "cpython-3.12.1-linux-x86_64-gnu")
    assert portable_python(LINUX, tmp_path / "kept") == python


def test_what_uv_has_is_taken_before_it_fetches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = make_python(tmp_path / "managed")
    monkeypatch.setenv("UV", make_uv(tmp_path, f'[ "$2" = dir ] && echo {tmp_path}/managed'))
    assert portable_python(LINUX, tmp_path / "kept") == python


def test_when_uv_cannot_its_last_word_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", make_uv(tmp_path, "echo 'error: no way' >&2; exit 2"))
    with pytest.raises(SwarmError, match="uv could not fetch one here: error: no way"):
        portable_python(LINUX, tmp_path / "kept")


def test_without_uv_or_for_a_machine_nobody_knows_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_uv", lambda: None)
    with pytest.raises(SwarmError, match="uv is not here to get one"):
        portable_python(LINUX, tmp_path)
    with pytest.raises(SwarmError, match="none is known for Plan9 mips"):
        portable_python(Machine("Plan9", "mips"), tmp_path)
