"""Import every benchmark: nothing else runs them, and a renamed module would break them unseen."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "bench").glob("*.py") if path.stem != "__init__")


@pytest.fixture
def _bench_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(sys, "path", sys.path.copy())  # benchmarks append the folder of tests to it


@pytest.mark.usefixtures("_bench_on_path")
@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_can_be_imported(name: str) -> None:
    importlib.import_module(f"bench.{name}")


def test_the_page_of_benchmarks_names_each_that_can_be_started() -> None:
    page = (ROOT / "bench/README.md").read_text()
    started = {name for name in MODULES if "def main(" in (ROOT / f"bench/{name}.py").read_text()}
    parts = {"engine", "plain_client"}  # processes that a benchmark starts
    assert {name for name in started - parts if f"-m bench.{name}" not in page} == set()
