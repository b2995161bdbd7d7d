"""Runs `perf record` on the broker's process at a chosen time; the result is a table and folded stacks.

Sampling it never waits: recording, and reading the recording, are child processes. They count hardware cycles where the
machine has such counters, else the processor's clock (`cpu-clock`). The result is `perf.json` in the run's directory;
the recording itself is deleted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from malaria.observe.observer import LostError, Readings, clean
from malaria.observe.perf_stacks import profile_of, read_script
from malaria.records.perf_profile import FILE, Profile

FREQUENCY_PER_S: Final = 199
"""Samples per second and core; odd, so that it does not run in step with anything that happens every millisecond."""
HARDWARE: Final = ("/sys/bus/event_source/devices/cpu", "/sys/bus/event_source/devices/cpu_core",
                   "/sys/bus/event_source/devices/armv8_pmuv3_0")  # fmt: skip
PARANOID: Final = Path("/proc/sys/kernel/perf_event_paranoid")
STOP_S: Final = 2.0

REFUSALS: Final = ("permission", "not permitted", "access to performance monitoring", "perf_event_paranoid")


@dataclass(frozen=True, slots=True)
class RecordingTime:
    """The time to record at, and the length of the recording."""

    begins: Callable[[], int | None]  # run time to begin at; None: not yet known
    seconds: float


class PerfObserver:
    """The observer that makes one recording of one process. `pid` finds the process; `directory` takes the result."""

    name = "perf"

    def __init__(self, pid: Callable[[], int | None], time: RecordingTime, directory: Path) -> None:
        self.about = f"perf of the broker's process for {time.seconds:g} s"
        self.profile: Profile | None = None
        self._pid = pid
        self._time = time
        self._directory = directory
        self._work: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stage: Callable[[int], Readings] = self._wait

    def start(self) -> None:
        if shutil.which("perf") is None:
            raise LostError("perf is not installed; on Debian: apt install linux-perf")

    def sample(self, now_ns: int) -> Readings:
        return self._stage(now_ns)

    def stop(self) -> None:
        """Count a recording that is complete, within STOP_S; give up one that is still under way."""
        with suppress(LostError, subprocess.TimeoutExpired):
            self._count_complete_recording()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
            self._process.kill()
            self._process.wait()
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)

    def _count_complete_recording(self) -> None:
        """Run the remaining stages of a recording that is over. Raises LostError and subprocess.TimeoutExpired."""
        # a recording that ended with the run is complete, but has not been read yet
        if self._stage == self._record and self._process is not None and self._process.poll() is not None:
            self._record(0)
        if self._stage == self._read and self._process is not None:
            self._process.wait(STOP_S)
            self._read(0)

    def _wait(self, now_ns: int) -> Readings:
        begins_ns = self._time.begins()
        if begins_ns is None or now_ns < begins_ns:
            return {}
        pid = self._pid()
        if pid is None:
            raise LostError("there is no process to record; name it, as in --observe process=NAME")
        self._work = self._work or Path(tempfile.mkdtemp(prefix="malaria-perf-"))
        self._spawn(record_command(pid, self._time.seconds, self._recording), "record.txt")
        self._stage = self._record
        return {"recording": 1, "pid": pid, "seconds": self._time.seconds}

    def _record(self, _: int) -> Readings:
        if not self._finished("record.txt"):
            return {}
        self._spawn(script_command(self._recording), "script.txt")
        self._stage = self._read
        return {"recording": 0}

    def _read(self, _: int) -> Readings:
        if not self._finished("script.txt"):
            return {}
        assert self._work is not None
        with (self._work / "script.txt").open(errors="replace") as script:
            counted = profile_of(read_script(script))
        self.profile = replace(counted, seconds=self._time.seconds, event=event_name())
        self._stage = self._rest
        # after the stage is over: one reason, not one at every sample
        if not self.profile.samples:
            raise LostError("perf took no sample: the process was idle, or this user may not record it")
        (self._directory / FILE).write_text(json.dumps(self.profile.as_json(), allow_nan=False) + "\n")
        return {"samples": self.profile.samples}

    def _rest(self, _: int) -> Readings:
        return {}

    @property
    def _recording(self) -> Path:
        assert self._work is not None
        return self._work / "perf.data"

    def _spawn(self, command: list[str], output: str) -> None:
        assert self._work is not None
        with (self._work / output).open("wb") as sink, (self._work / f"{output}.err").open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=errors, start_new_session=True
            )

    def _finished(self, output: str) -> bool:
        """Return whether the child process is done. Raises LostError if it failed; then the recording is given up."""
        assert self._process is not None
        assert self._work is not None
        code = self._process.poll()
        if code is None:
            return False
        # no retry: it would record another time than the one asked for
        if code:
            self._stage = self._rest
            raise LostError(_explain_failure((self._work / f"{output}.err").read_text(errors="replace")))
        return True


def event_name() -> str:
    """Return the event that perf can count on this machine."""
    return "cycles" if any(os.path.exists(path) for path in HARDWARE) else "cpu-clock"


def record_command(pid: int, seconds: float, target: Path) -> list[str]:
    frequency = str(FREQUENCY_PER_S)
    return ["perf", "record", "-q", "-e", event_name(), "-F", frequency, "-g", "-p", str(pid), "-o", str(target),
            "--", "sleep", f"{seconds:g}"]  # fmt: skip


def script_command(recording: Path) -> list[str]:
    return ["perf", "script", "-i", str(recording), "-F", "comm,pid,ip,sym,dso", "--force"]


def _explain_failure(output: str) -> str:
    """Return the last line of perf's own message, or the remedy if it lacks the permission."""
    if any(refusal in output.lower() for refusal in REFUSALS):
        level = PARANOID.read_text().strip() if PARANOID.exists() else "?"
        return (
            f"perf is not permitted here (kernel.perf_event_paranoid is {level}); as root, or: sysctl {PARANOID.name}=1"
        )
    lines = [line for line in output.splitlines() if line.strip()]
    return f"perf failed: {clean(lines[-1])}" if lines else "perf failed without a message"
