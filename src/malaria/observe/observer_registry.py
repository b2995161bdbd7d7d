"""Turns what is to be observed, as a file or an option states it, into the observers that do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from malaria.clock import NS_PER_S
from malaria.errors import OperatorError
from malaria.model.observe import NOTHING, Observe, ProcessChoice
from malaria.observe import proc
from malaria.observe.docker import DockerObserver
from malaria.observe.host_observer import HostObserver
from malaria.observe.observer import Observer
from malaria.observe.observer_threads import ScheduledObserver
from malaria.observe.perf import PerfObserver, RecordingTime
from malaria.observe.proc_reader import LocalProcReader, ProcReader
from malaria.observe.process_observer import ProcessObserver, ProcessSelector
from malaria.observe.program_observer import INTERVAL_NS, ProgramObserver
from malaria.observe.prometheus import PrometheusObserver
from malaria.observe.sys_topics import SysAccess, SysObserver
from malaria.ssh.destination import SshDestination

SSH_REMEDY: Final = 'write "ssh://user@HOST" for the host of the broker'


@dataclass(frozen=True, slots=True)
class ObserverContext:
    """The facts of an attack that its observers need.

    `local`: the target is on this machine. `makes_load`: the load comes from this machine. `measured_from` returns the
    run time at which the measured time began, None before that. `directory` takes what does not fit into rows; None:
    there is no run, and so no perf.
    """

    access: SysAccess
    local: bool
    directory: Path | None = None
    makes_load: bool = False
    measured_from: Callable[[], int | None] = lambda: None


def scheduled_observers(wanted: Observe, context: ObserverContext) -> list[ScheduledObserver]:
    """Make the observers that are asked for. Raises OperatorError for what cannot be observed of this target."""
    readers = _ProcReaders(wanted.ssh_config or "")
    process = _process(wanted, context, readers)
    found: list[tuple[str, Observer | None]] = [
        ("sys", SysObserver(context.access) if _with_default(wanted, wanted.sys, True) else None),
        ("process", process),
        ("host", _host(wanted, context, readers)),
        ("prometheus", None if (page := wanted.prometheus) is None else PrometheusObserver(page.url, page.series)),
        ("docker", None if wanted.docker is None else DockerObserver(wanted.docker)),
        ("perf", _perf(wanted, context, process)),
    ]
    scheduled = [
        ScheduledObserver(observer, wanted.interval_ns, stated=wanted.is_stated(name))
        for name, observer in found
        if observer is not None
    ]
    return scheduled + _programs(wanted, context, process)


def _programs(wanted: Observe, context: ObserverContext, process: ProcessObserver | None) -> list[ScheduledObserver]:
    """Return the observer of the programs on this machine, where it makes the load and can be observed."""
    if not context.makes_load or wanted == NOTHING or not Path(proc.STAT).exists():
        return []
    here = wanted.process is None or wanted.process.ssh is None
    observer = ProgramObserver(LocalProcReader(), lambda: process.root_pid if process is not None and here else None)
    return [ScheduledObserver(observer, max(wanted.interval_ns, INTERVAL_NS), stated=False)]


class _ProcReaders:
    """One connection per host, for all observers of that host."""

    def __init__(self, config: str) -> None:
        self._config = config
        self._by_host: dict[SshDestination, ProcReader] = {}

    def of(self, host: SshDestination | None) -> ProcReader:
        if host is None:
            return LocalProcReader()
        if host not in self._by_host:
            from malaria.observe.ssh_proc_reader import SshProcReader  # needs asyncio, which a local attack does not

            self._by_host[host] = SshProcReader(replace(host, config=self._config))
        return self._by_host[host]


def _with_default(wanted: Observe, value: object, default: bool) -> bool:
    """Return the stated value. Unset options take their default, unless `only` is set."""
    return bool(value) if value is not None else default and not wanted.only_stated


def _host(wanted: Observe, context: ObserverContext, readers: _ProcReaders) -> HostObserver | None:
    if isinstance(wanted.host, SshDestination):
        return HostObserver(readers.of(wanted.host))
    # `true` means this machine: its figures would be taken for those of the broker's host
    if wanted.host and not context.local:
        raise OperatorError(f"observe host: {context.access.host} is not this machine", SSH_REMEDY)
    return HostObserver(readers.of(None)) if _with_default(wanted, wanted.host, context.local) else None


def _process(wanted: Observe, context: ObserverContext, readers: _ProcReaders) -> ProcessObserver | None:
    choice = wanted.process
    if choice is None:
        stated_off = wanted.is_stated("process")
        if stated_off or not _with_default(wanted, None, context.local):
            return None
        choice = ProcessChoice()
    # the same for the process that listens on the target's port
    if choice.ssh is None and choice == ProcessChoice() and not context.local:
        raise OperatorError(f"observe process: {context.access.host} is not this machine", SSH_REMEDY)
    selector = ProcessSelector(choice.pid, choice.name, choice.port)
    if selector == ProcessSelector():  # nothing names it: take the process that listens on the target's port
        selector = replace(selector, port=context.access.port)
    return ProcessObserver(readers.of(choice.ssh), selector)


def _perf(wanted: Observe, context: ObserverContext, process: ProcessObserver | None) -> PerfObserver | None:
    if wanted.perf is None:
        return None
    if wanted.process is not None and wanted.process.ssh is not None:
        raise OperatorError("observe perf: it can record only processes of this machine", "leave perf out")
    # perf needs a process even if --observe names none
    process = process or _process(Observe(process=ProcessChoice()), context, _ProcReaders(""))
    if context.directory is None or process is None:
        raise OperatorError("observe perf: there is no run directory for the recording", "use it with malaria attack")
    at_ns = wanted.perf.at_ns

    def begins() -> int | None:
        measured_ns = context.measured_from()
        return None if measured_ns is None else measured_ns + at_ns

    return PerfObserver(process.find, RecordingTime(begins, wanted.perf.seconds_ns / NS_PER_S), context.directory)
