"""From what is to be observed, as a file or option says, to the observers that do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from malaria.clock import NS_PER_S
from malaria.errors import OperatorError
from malaria.model.observe import Observe, ProcessChoice, SshHost
from malaria.observe.docker import DockerObserver
from malaria.observe.host_observer import HostObserver
from malaria.observe.observer import Observer
from malaria.observe.observer_threads import ScheduledObserver
from malaria.observe.perf import PerfObserver, RecordingTime
from malaria.observe.proc_reader import LocalProcReader, ProcReader
from malaria.observe.process_observer import ProcessObserver, ProcessSelector
from malaria.observe.prometheus import PrometheusObserver
from malaria.observe.ssh_proc_reader import Destination, SshProcReader
from malaria.observe.sys_topics import SysAccess, SysObserver

SEE_SSH: Final = 'write "ssh://user@HOST" for the host of the broker'


@dataclass(frozen=True, slots=True)
class ObserverContext:
    """What the observers have to know of the attack.

    `local`: the target is on this machine. `measured_from` tells the run time at which the measured time began, once it
    has. `directory` takes what does not fit into rows; None: there is no run, and so no perf.
    """

    access: SysAccess
    local: bool
    directory: Path | None = None
    measured_from: Callable[[], int | None] = lambda: None


def scheduled_observers(wanted: Observe, scene: ObserverContext) -> list[ScheduledObserver]:
    """Raises OperatorError for what cannot be observed of this target."""
    readers = _ProcReaders(wanted.ssh_config or "")
    process = _process(wanted, scene, readers)
    found: list[tuple[str, Observer | None]] = [
        ("sys", SysObserver(scene.access) if _by_default(wanted, wanted.sys, True) else None),
        ("process", process),
        ("host", _host(wanted, scene, readers)),
        ("prometheus", None if (page := wanted.prometheus) is None else PrometheusObserver(page.url, page.series)),
        ("docker", None if wanted.docker is None else DockerObserver(wanted.docker)),
        ("perf", _perf(wanted, scene, process)),
    ]
    return [
        ScheduledObserver(observer, wanted.interval_ns, stated=wanted.is_stated(name))
        for name, observer in found
        if observer is not None
    ]


class _ProcReaders:
    """One connection per host, however many look through it."""

    def __init__(self, config: str) -> None:
        self._config = config
        self._by_host: dict[SshHost, SshProcReader] = {}

    def of(self, host: SshHost | None) -> ProcReader:
        if host is None:
            return LocalProcReader()
        if host not in self._by_host:
            self._by_host[host] = SshProcReader(Destination(host.host, host.user, host.port, self._config))
        return self._by_host[host]


def _by_default(wanted: Observe, value: object, default: bool) -> bool:
    """What nobody spoke of is as by default, unless only what was said is wanted."""
    return bool(value) if value is not None else default and not wanted.only_stated


def _host(wanted: Observe, scene: ObserverContext, readers: _ProcReaders) -> HostObserver | None:
    if isinstance(wanted.host, SshHost):
        return HostObserver(readers.of(wanted.host))
    if wanted.host and not scene.local:
        raise OperatorError(f"observe host: {scene.access.host} is not this machine", SEE_SSH)
    return HostObserver(readers.of(None)) if _by_default(wanted, wanted.host, scene.local) else None


def _process(wanted: Observe, scene: ObserverContext, readers: _ProcReaders) -> ProcessObserver | None:
    choice = wanted.process
    if choice is None:
        stated_off = wanted.is_stated("process")
        if stated_off or not _by_default(wanted, None, scene.local):
            return None
        choice = ProcessChoice()
    if choice.ssh is None and choice == ProcessChoice() and not scene.local:
        raise OperatorError(f"observe process: {scene.access.host} is not this machine", SEE_SSH)
    named = ProcessSelector(choice.pid, choice.name, choice.port)
    if named == ProcessSelector():
        named = replace(named, port=scene.access.port)
    return ProcessObserver(readers.of(choice.ssh), named)


def _perf(wanted: Observe, scene: ObserverContext, process: ProcessObserver | None) -> PerfObserver | None:
    if wanted.perf is None:
        return None
    if wanted.process is not None and wanted.process.ssh is not None:
        raise OperatorError("observe perf: records only processes of this machine", "leave perf out")
    process = process or _process(Observe(process=ProcessChoice()), scene, _ProcReaders(""))
    if scene.directory is None or process is None:
        raise OperatorError("observe perf: there is no run to keep the recording", "use it with malaria attack")
    at_ns = wanted.perf.at_ns

    def begins() -> int | None:
        measured_ns = scene.measured_from()
        return None if measured_ns is None else measured_ns + at_ns

    return PerfObserver(process.find, RecordingTime(begins, wanted.perf.seconds_ns / NS_PER_S), scene.directory)
