"""The broker of a campaign: its facts for the page, how it is observed, and a watch that notices its end."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from malaria.broker import CleanStart, RunningBroker
from malaria.errors import OperatorError
from malaria.model.access import Access
from malaria.model.broker import BrokerTable
from malaria.model.observe import Observe, ProcessChoice
from malaria.observe.observer import clean
from malaria.ssh.destination import SshDestination, parse_destination
from malaria.units import NotationError

POLL_S: Final = 0.5
_SECRET_LINE: Final = re.compile(r"^(\s*\S*(?:password|psk|secret)\s+)(?!\S*/)\S.*$", re.MULTILINE | re.IGNORECASE)
"""A line of a configuration that holds a secret itself, not the path of a file."""


class CampaignBroker(Protocol):
    """The part of `malaria.broker.Lifecycle` that a campaign needs."""

    running: RunningBroker | None

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def check(self) -> None: ...
    def way_in(self, stated: Access, listener: str | None = None) -> Access: ...
    def begin_level(self, title: str) -> CleanStart: ...
    def pause(self) -> None: ...
    def death(self) -> str | None: ...


def broker_facts(table: BrokerTable, running: RunningBroker | None) -> dict[str, str | None]:
    """Return what the page shows of the broker, without secrets."""
    return {
        "kind": table.kind.value,
        "name": running.name if running else None,
        "version": running.version if running else None,
        "settings": _settings(table, running),
    }


def _settings(table: BrokerTable, running: RunningBroker | None) -> str | None:
    """Return the configuration that was generated or given; else what starts the broker."""
    if running is not None and running.configuration is not None:
        return running.configuration
    if table.config is not None and table.ssh is None:
        # a file that cannot be read is named instead: the page is not worth an error
        with suppress(OSError):
            text = Path(table.config).read_text(encoding="utf-8", errors="replace")
            return _SECRET_LINE.sub(r"\1...", text)
    if table.config is not None:
        return f"{table.config} on {table.ssh}"
    return shlex.join(table.command) if table.command else table.unit


def observed(wanted: Observe, table: BrokerTable, running: RunningBroker | None) -> Observe:
    """Return what to observe: a broker that the campaign started is watched by its process id, wherever it runs."""
    # a pair of commands has no process that is known
    if running is None or running.pid is None:
        return wanted
    host = _ssh_host(running.ssh)
    found: dict[str, object] = {}
    # an empty choice means: find the broker's process, and here it is known
    if _is_open(wanted, "process") or wanted.process == ProcessChoice():
        found["process"] = ProcessChoice(pid=running.pid, ssh=host)
    if host is not None and _is_open(wanted, "host"):
        found["host"] = host
    if host is not None and found and wanted.ssh_config is None and table.ssh_config is not None:
        found["ssh_config"] = table.ssh_config
    return wanted.model_copy(update=found)


def _is_open(wanted: Observe, name: str) -> bool:
    return not wanted.is_stated(name) and not wanted.only_stated


def _ssh_host(text: str | None) -> SshDestination | None:
    """Return the host that the broker runs on; None for this machine, or for a text that is no ssh destination."""
    if not text:
        return None
    try:
        return parse_destination(text)
    except NotationError:  # the broker itself was started over it and has reported it
        return None


class BrokerWatch:
    """Asks in a thread of its own, while an attack goes on, whether the broker still runs.

    The answer may come over ssh, and must not hold up the attack. `news` reports the end of the broker, once.
    """

    def __init__(self, broker: CampaignBroker) -> None:
        self._broker = broker
        self._reported = False
        self._death = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    def ask(self) -> None:
        """Ask once. An error is not an end: the broker may be out of reach for a moment."""
        # once the end is known it is not asked for again: a restarted service would answer as alive
        with suppress(OperatorError, OSError):
            self._death = self._death or self._broker.death() or ""

    def news(self) -> Sequence[str]:
        if self._reported or not self._death:
            return ()
        self._reported = True
        return (self._end_sentence(self._broker.running),)

    def _end_sentence(self, running: RunningBroker | None) -> str:
        """Return how the broker ended, with its last line unless a signal killed it."""
        ended = f"{running.name if running else 'the broker'} ended with {self._death}"
        # a killed broker had no chance to say why: its last line would mislead
        output = running.last_words() if running and not self._death.startswith("signal") else ""
        return f"{ended}; its last line: {clean(output.splitlines()[-1])}" if output.strip() else ended

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(POLL_S):
            self.ask()
