"""The archive that is sent to a bee."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from malaria.swarm.hosts import install_bundle as module
from malaria.swarm.hosts.install_bundle import InstallBundle, make_bundle
from malaria.swarm.hosts.machine import PYTHON_VERSION, this_machine


def files_in(packed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar.getmembers() if entry.isfile()}  # type: ignore[union-attr]


def test_the_digest_depends_on_names_and_contents_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_bytes(b"1")

    def digest_of(files: dict[str, Path | bytes]) -> str:
        monkeypatch.setattr(module, "installed_files", lambda *_: files)
        return make_bundle(this_machine(), tmp_path).digest

    same = digest_of({"b.py": b"2", "a.py": tmp_path / "a.py"})
    assert digest_of({"a.py": b"1", "b.py": b"2"}) == same
    assert digest_of({"a.py": b"1", "b.py": b"3"}) != same
    assert digest_of({"a.py": b"1", "c.py": b"2"}) != same


def test_packages_lie_below_one_directory() -> None:
    packed = InstallBundle("1", "0", {"a/x": b"1", "b": b"2"}).pack()
    assert files_in(packed) == {"site-packages/a/x": b"1", "site-packages/b": b"2"}


def test_a_python_comes_without_what_a_bee_does_not_need(tmp_path: Path) -> None:
    python, lib = tmp_path / "cpython", f"lib/python{PYTHON_VERSION}"
    for file in (f"bin/python{PYTHON_VERSION}", f"{lib}/os.py", f"{lib}/test/test_os.py", "lib/libpython.a"):
        (python / file).parent.mkdir(parents=True, exist_ok=True)
        (python / file).write_text(file)
    files = files_in(InstallBundle("1", "0", {"a": b"1"}).pack(python))
    assert set(files) == {"site-packages/a", f"python/bin/python{PYTHON_VERSION}", f"python/{lib}/os.py"}
