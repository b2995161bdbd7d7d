"""`floor.c`, built where there is a C compiler: the sink that takes our load, and the loop that ours is set beside."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

SOURCE: Final = Path(__file__).with_name("floor.c")
PROGRAM: Final = SOURCE.parent / "build" / "floor"
FLAGS: Final = ("-O2", "-std=c11", "-Wall", "-Wextra")
LONGEST_S: Final = 120


def build() -> Path:
    """The program, newer than its source. Ends the benchmark with the remedy when there is no compiler."""
    if PROGRAM.exists() and PROGRAM.stat().st_mtime >= SOURCE.stat().st_mtime:
        return PROGRAM
    compiler = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    if compiler is None:
        sys.exit("no C compiler here: the benchmarks need one as their reference (apt install gcc)")
    PROGRAM.parent.mkdir(exist_ok=True)
    subprocess.run([compiler, *FLAGS, "-o", str(PROGRAM), str(SOURCE)], check=True)
    return PROGRAM


def floor(mode: str, port: int, *flags: str, **options: float) -> dict[str, Any]:
    """Runs the C loop as `load`, `listen` or `idle` to its end; what it reports."""
    finished = subprocess.run(
        [str(build()), mode, "--port", str(port), *flags, *_words(options)],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    report: dict[str, Any] = json.loads(finished.stdout)
    return report


def cpu_us_per_message(report: dict[str, Any]) -> float:
    """User and system time of a C loop, for each of its messages."""
    return float((report["user_s"] + report["system_s"]) / report["messages"] * 1e6)


class Background:
    """A C loop that runs for the block of a `with`; `report` is there after it."""

    def __init__(self, mode: str, *flags: str, **options: float) -> None:
        command = [str(build()), mode, *flags, *_words({"seconds": LONGEST_S} | options)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.report: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        output, _unused = self._process.communicate(timeout=LONGEST_S)  # closes its input, which ends it
        self.report = json.loads(output)


class Sink(Background):
    """The C sink, on a free port."""

    def __init__(self, *flags: str, **options: float) -> None:
        super().__init__("sink", *flags, **options)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())


def _words(options: dict[str, float]) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", f"{value:.15g}")]
