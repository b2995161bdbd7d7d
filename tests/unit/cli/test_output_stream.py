"""Streams that never fail: readers that leave or stand still, full disks, closed descriptors."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from malaria.cli.output_stream import STDERR, STDOUT, OutputState, SteadyFile


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        with suppress(OSError):
            os.close(descriptor)


def test_everything_arrives(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    state = OutputState()
    assert SteadyFile(writer, state).write(bytes(10_000)) == 10_000
    assert len(os.read(reader, 65_536)) == 10_000
    assert state == OutputState()


def test_a_reader_that_left_is_told_once(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    told: list[bool] = []
    state = OutputState(on_reader_gone=lambda: told.append(True))
    file = SteadyFile(writer, state)
    os.close(reader)
    assert (file.write(b"one"), file.write(b"two")) == (3, 3)
    assert (state.gone, told, state.failure) == (True, [True], "")


def test_a_reader_that_stands_still_does_not_stop_a_load(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    state = OutputState(keeps_time=True)
    file = SteadyFile(writer, state)
    size = 1 << 20  # more than a pipe holds
    assert file.write(bytes(size)) == size
    held = len(os.read(reader, size))
    assert state.dropped_bytes == size - held > 0
    file.write(b"it reads again")
    assert os.read(reader, size) == b"it reads again"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_full_disk_is_noted_for_standard_output() -> None:
    for descriptor, failure in ((STDOUT, "No space left on device"), (STDERR, "")):
        state = OutputState()
        state.note(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), descriptor)
        assert (state.failure, state.gone) == (failure, False)


COMMAND = "from malaria.cli.start import run; run()"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["schema", "warhead"], ["runs"], ["attack", "--help"]]
)
def test_commands_say_that_they_could_not_print(arguments: list[str], tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
            timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: standard output: No space left on device; not everything was printed\n"


def test_a_command_whose_reader_has_left_ends_with_4_and_is_silent(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "runs"], stdout=writer, stderr=subprocess.PIPE, cwd=tmp_path, timeout=60,
        check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (4, b"")
