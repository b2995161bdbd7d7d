"""The files of what is installed here, and of another kind of machine."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

import pytest

import malaria
from malaria.errors import OperatorError
from malaria.swarm.hosts.installed_files import NOT_FOR_BEES, closure, files_of, installed_files
from malaria.swarm.hosts.machine import Machine, this_machine


def test_malaria_comes_from_where_it_is_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("malaria.swarm.hosts.installed_files.ROOTS", ("mqtt-malaria",))
    files = installed_files(this_machine(), tmp_path)
    package = Path(malaria.__path__[0])
    others = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {f"malaria/{path.relative_to(package).as_posix()}" for path in others} <= set(files)
    assert f"mqtt_malaria-{malaria.__version__}.dist-info/METADATA" in files
    assert "numpy/__init__.py" in files
    assert not [name for name in files if "__pycache__" in name or name.startswith(("/", ".."))]


def test_a_package_comes_with_its_metadata_and_its_compiled_code() -> None:
    files = files_of(distribution("psutil"))
    assert [name for name in files if name.endswith(".so")]
    assert [name for name in files if name.endswith(".dist-info/METADATA")]


def test_a_bee_gets_all_that_it_needs_and_nothing_else() -> None:
    names = {dist.metadata["Name"].lower().replace("_", "-") for dist in closure(["mqtt-malaria"])}
    assert {"mqtt-malaria", "numpy", "pydantic", "pydantic-core", "psutil"} <= names
    assert not names & (NOT_FOR_BEES | {"pytest", "moto", "boto3", "narwhals", "distributed"})


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(OperatorError, match="nobody-has-this is not installed here"):
        list(closure(["nobody-has-this"]))


def test_compiled_packages_of_another_machine_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def fetch(dist: object, machine: Machine, directory: Path) -> Path:
        fetched.append(dist.metadata["Name"])  # type: ignore[attr-defined]
        (directory / "core.so").write_bytes(b"riscv")
        return directory

    monkeypatch.setattr("malaria.swarm.hosts.installed_files.fetch", fetch)
    monkeypatch.setattr("malaria.swarm.hosts.installed_files.ROOTS", ("pydantic",))
    files = installed_files(Machine("Linux", "riscv64"), tmp_path)
    assert fetched == ["pydantic_core"]
    assert {"core.so", "pydantic/__init__.py"} <= set(files)
