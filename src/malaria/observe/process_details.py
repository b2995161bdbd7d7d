"""Reads what /proc has on single processes and threads: context switches, descriptors, threads, and the limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.observe import proc
from malaria.observe.cgroup import CgroupLimits, cgroup_files, cgroup_limits, cpu_count
from malaria.observe.proc_reader import ProcReader

MOST_THREADS: Final = 64
"""Threads are read one by one; with more threads than this it would cost too much."""


@dataclass(frozen=True, slots=True)
class ProcessDetails:
    """Details of a process and its descendants; None is unknown, or may not be read by this user.

    The limits are those of the first process.
    """

    switches: int | None
    thread_ticks: Mapping[int, int] | None  # by id of the thread
    descriptors: int | None
    descriptors_limit: int | None
    cores: float | None  # that it may use
    cgroup: CgroupLimits


def read_details(reader: ProcReader, members: Sequence[proc.ProcessStat]) -> ProcessDetails:
    """Read the details of a process, the first of `members`, and its descendants. Raises LostError."""
    root = members[0].pid
    paths = [f"/proc/{root}/limits", f"/proc/{root}/cgroup", f"/proc/{root}/status"]
    if sum(stat.threads for stat in members) <= MOST_THREADS:
        paths += [f"/proc/{stat.pid}/task/*/{file}" for stat in members for file in ("status", "stat")]
    texts = reader.texts(paths)
    cgroup = cgroup_limits(reader.texts(cgroup_files(texts.get(f"/proc/{root}/cgroup", ""))))
    links = reader.links([f"/proc/{stat.pid}/fd" for stat in members])
    return ProcessDetails(
        switches=_switches(texts),
        thread_ticks=_thread_ticks(texts),
        # every process has some: 0 means that this user may not look
        descriptors=sum(len(targets) for targets in links.values()) or None,
        descriptors_limit=proc.open_files_limit(texts.get(f"/proc/{root}/limits", "")),
        cores=_cores(texts.get(f"/proc/{root}/status", ""), cgroup),
        cgroup=cgroup,
    )


def _switches(texts: Mapping[str, str]) -> int | None:
    numbers = [
        proc.keyed_numbers(text) for path, text in texts.items() if "/task/" in path and path.endswith("/status")
    ]
    switches = sum(n.get("voluntary_ctxt_switches", 0) + n.get("nonvoluntary_ctxt_switches", 0) for n in numbers)
    return switches if numbers else None


def _thread_ticks(texts: Mapping[str, str]) -> dict[int, int] | None:
    stats = [proc.process_stat(text) for path, text in texts.items() if "/task/" in path and path.endswith("/stat")]
    return {stat.pid: stat.cpu_ticks for stat in stats if stat is not None} or None


def _cores(status: str, cgroup: CgroupLimits) -> float | None:
    """Return how many cores the process may use: by its affinity, and by the quota of its cgroup."""
    line = next((line for line in status.splitlines() if line.startswith("Cpus_allowed_list:")), "")
    known = [cores for cores in (cpu_count(line.partition(":")[2]), cgroup.cores) if cores is not None]
    return min(known, default=None)
