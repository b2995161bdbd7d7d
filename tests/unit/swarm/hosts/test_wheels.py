"""What is installed here, as wheels."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

import malaria
from malaria.errors import OperatorError
from malaria.swarm.hosts.wheels import NOT_FOR_BEES, InstallBundle, Machine, Wheel, closure, here, pack, repack


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return set(archive.namelist())


def test_ours_is_what_runs_here_and_always_the_same_bytes(tmp_path: Path) -> None:
    wheel = repack(distribution("mqtt-malaria"), tmp_path)
    assert wheel.name == f"mqtt_malaria-{malaria.__version__}-py3-none-any.whl"
    names = names_in(wheel)
    stem = f"mqtt_malaria-{malaria.__version__}.dist-info"
    assert {"malaria/engine/worker.py", f"{stem}/METADATA", f"{stem}/WHEEL", f"{stem}/RECORD"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("/", ".."))]
    first = wheel.read_bytes()
    wheel.unlink()
    assert repack(distribution("mqtt-malaria"), tmp_path).read_bytes() == first


def test_its_record_is_true(tmp_path: Path) -> None:
    with zipfile.ZipFile(repack(distribution("tomli-w"), tmp_path)) as archive:
        record = next(name for name in archive.namelist() if name.endswith("/RECORD"))
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(archive.read(record).decode()))}
        assert set(rows) == set(archive.namelist())
        for name, (digest, size) in rows.items():
            if name != record:
                content = archive.read(name)
                expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                assert (digest, size) == (f"sha256={expected}", str(len(content)))


def test_a_wheel_of_compiled_code_says_for_what(tmp_path: Path) -> None:
    wheel = repack(distribution("psutil"), tmp_path)
    assert not wheel.name.endswith("-none-any.whl")
    assert [name for name in names_in(wheel) if name.endswith(".so")]


def test_a_bee_gets_all_that_it_needs_and_nothing_else() -> None:
    names = {dist.metadata["Name"].lower().replace("_", "-") for dist in closure(["mqtt-malaria", "distributed"])}
    assert {"mqtt-malaria", "numpy", "distributed", "dask", "tornado", "pydantic-core", "msgpack"} <= names
    assert not names & (NOT_FOR_BEES | {"pytest", "moto", "boto3", "narwhals"})


def test_what_is_not_installed_is_named() -> None:
    with pytest.raises(OperatorError, match="nobody-has-this is not installed here"):
        list(closure(["nobody-has-this"]))


def test_baggage_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    one, two = Wheel(tmp_path / "a.whl", "1" * 64), Wheel(tmp_path / "b.whl", "2" * 64)
    assert InstallBundle("1", (one, two)).digest == InstallBundle("1", (two, one)).digest
    assert InstallBundle("1", (one, two)).digest != InstallBundle("1", (one,)).digest


def test_another_kind_of_machine_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pure wheels are ours; the others are fetched."""
    fetched: list[str] = []

    def fetch(dist: object, machine: Machine, directory: Path) -> Path:
        fetched.append(dist.metadata["Name"])  # type: ignore[attr-defined]
        path = directory / f"{fetched[-1]}.whl"
        path.write_bytes(b"")
        return path

    monkeypatch.setattr("malaria.swarm.hosts.wheels._fetch", fetch)
    monkeypatch.setattr("malaria.swarm.hosts.wheels.ROOTS", ("pydantic",))
    other = Machine("Linux", "riscv64")
    assert other != here()
    baggage = pack(other, tmp_path)
    assert fetched == ["pydantic_core"]
    assert {wheel.path.parent.name for wheel in baggage.wheels} == {"linux-riscv64"}
